"""The API's root, users, and what is left of the hour."""

from bot.localforge.api import VERSIONS
from bot.localforge.payloads import users
from bot.localforge.people import ANONYMOUS
from bot.localforge.wire import Answer, Refusal, not_found, route


@route("GET", "/", role="none")
def root(call):
    api = call.forge.api
    return {
        "current_user_url": f"{api}/user",
        "repository_url": api + "/repos/{owner}/{repo}",
        "rate_limit_url": f"{api}/rate_limit",
        "emulator": "auton local forge",
    }


@route("GET", "/meta", role="none")
def meta(call):
    return {"verifiable_password_authentication": False, "domains": {}}


@route("GET", "/versions", role="none")
def versions(call):
    return list(VERSIONS)


@route("GET", "/zen", role="none")
def zen(call):
    return Answer(raw=b"Keep main green.", headers={"Content-Type": "text/plain;charset=utf-8"})


@route("GET", "/user")
def me(call):
    if call.actor.kind == "job":
        raise Refusal(403, "Resource not accessible by integration")
    return users.full(call.forge, call.login, private=True)


def _known(call, sql: str, value):
    row = call.store.one(sql, value)
    if row is None:
        raise not_found()
    return users.full(call.forge, row["login"])


@route("GET", "/users/{username}", role="none")
def user(call):
    return _known(call, "select login from users where login = ?", call.params["username"])


@route("GET", "/user/{account_id:int}", role="none")
def user_by_id(call):
    return _known(call, "select login from users where id = ?", int(call.params["account_id"]))


@route("GET", "/rate_limit", role="none")
def rate_limit(call):
    limit, used, reset = (int(call.out.get(f"X-RateLimit-{key}", 0)) for key in ("Limit", "Used", "Reset"))

    def bucket(size):
        return {"limit": size, "used": min(used, size), "remaining": max(0, size - used), "reset": reset}

    anonymous = call.actor is ANONYMOUS
    core = bucket(limit)
    return {
        "resources": {
            "core": core,
            "search": bucket(10 if anonymous else limit),
            "graphql": bucket(0 if anonymous else limit),
        },
        "rate": core,
    }

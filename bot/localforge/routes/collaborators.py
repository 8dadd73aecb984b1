"""Who may do what on a repository."""

from bot.localforge.payloads.users import user
from bot.localforge.people import ROLES
from bot.localforge.wire import Answer, Refusal, not_found, route

R = "/repos/{owner}/{repo}"
LEGACY = {
    "none": "none",
    "read": "read",
    "triage": "read",
    "write": "write",
    "maintain": "write",
    "admin": "admin",
}
INVITED = {"pull": "read", "triage": "triage", "push": "write", "maintain": "maintain", "admin": "admin"}


def _flags(role: str) -> dict:
    rank = ROLES.index(role)
    return {
        key: rank >= ROLES.index(need)
        for key, need in (
            ("pull", "read"),
            ("triage", "triage"),
            ("push", "write"),
            ("maintain", "maintain"),
            ("admin", "admin"),
        )
    }


def _describe(call, login: str) -> dict:
    role = call.forge.people.role(login, call.repo)
    return user(call.forge, login) | {"permissions": _flags(role), "role_name": role}


@route("GET", R + "/collaborators", role="write", scope="metadata:read")
def every(call):
    rows = call.store.all("select login from collaborators where repo_id = ? order by rowid", call.repo["id"])
    return [_describe(call, login) for login in call.page_list([call.repo["owner"], *(row["login"] for row in rows)])]


def _person(call) -> str:
    """A person's login in its own spelling; a bot or an unknown name is 404, as on GitHub."""
    row = call.store.one("select login, type from users where login = ?", call.params["username"])
    if row is None or row["type"] != "User":
        raise not_found(f"{call.params['username']} is not a user")
    return row["login"]


def _is_member(call, login: str) -> bool:
    return login == call.repo["owner"] or bool(
        call.store.one("select 1 from collaborators where repo_id = ? and login = ?", call.repo["id"], login)
    )


@route("GET", R + "/collaborators/{username}/permission", scope="metadata:read")
def permission(call):
    if call.actor.kind == "anonymous":
        raise Refusal(401, "Requires authentication")
    if not call.can("write"):
        raise Refusal(403, "Must have push access to view collaborator permission.")
    login = _person(call)
    role = call.forge.people.role(login, call.repo)
    return {
        "permission": LEGACY[role],
        "role_name": role,
        "user": user(call.forge, login) | {"permissions": _flags(role), "role_name": role},
    }


@route("GET", R + "/collaborators/{username}", role="write", scope="metadata:read")
def check(call):
    if not _is_member(call, _person(call)):
        raise not_found()


@route("PUT", R + "/collaborators/{username}", role="admin", scope="administration:write")
def add(call):
    """No invitation here: the person is a collaborator at once, as GitHub answers for one who already was
    (204).
    """
    login = _person(call)
    role = call.choice("permission", INVITED, resource="Collaborator", default="push")
    if login == call.repo["owner"]:
        raise Refusal(422, "Repository owner cannot be a collaborator")
    call.store.run(
        "insert or replace into collaborators (repo_id, login, role) values (?, ?, ?)",
        call.repo["id"],
        login,
        INVITED[role],
    )
    return Answer(None, 204)


@route("DELETE", R + "/collaborators/{username}", role="admin", scope="administration:write")
def remove(call):
    call.store.run(
        "delete from collaborators where repo_id = ? and login = ?", call.repo["id"], call.params["username"]
    )

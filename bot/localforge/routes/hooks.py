"""Webhooks of a repository, their deliveries, and sending one again."""

import json

from bot.localforge.payloads import hooks as payloads
from bot.localforge.payloads.repos import repository
from bot.localforge.payloads.users import user
from bot.localforge.store import now
from bot.localforge.wire import Answer, Refusal, not_found, route

R = "/repos/{owner}/{repo}"
HOOK = R + "/hooks/{hook:int}"
SCOPE = "repository_hooks"
MOST = 20


def _config(call, old: dict | None = None) -> dict:
    given = call.body.get("config", {})
    if not isinstance(given, dict):
        raise Refusal(422, "Invalid request.\n\nFor 'properties/config', expected an object.")
    config = (old or {}) | {
        key: str(given[key]) for key in ("url", "content_type", "secret", "insecure_ssl") if given.get(key) is not None
    }
    if not config.get("url", "").startswith(("http://", "https://")):
        raise Refusal(
            422,
            "Validation Failed",
            [{"resource": "Hook", "code": "custom", "message": "config must contain URL"}],
        )
    return {"content_type": "form", "insecure_ssl": "0"} | config


def _one(call):
    row = call.store.one("select * from hooks where repo_id = ? and id = ?", call.repo["id"], int(call.params["hook"]))
    if row is None:
        raise not_found()
    return row


def _ping(call, row) -> None:
    call.forge.webhooks.deliver(
        row,
        "ping",
        None,
        {
            "zen": "Keep main green.",
            "hook_id": row["id"],
            "hook": payloads.hook(call.forge, call.repo, row),
            "repository": repository(call.forge, call.repo),
            "sender": user(call.forge, call.login),
        },
    )


@route("GET", R + "/hooks", role="admin", scope=f"{SCOPE}:read")
def every(call):
    return [
        payloads.hook(call.forge, call.repo, row)
        for row in call.page_rows("select * from hooks where repo_id = ? order by id", call.repo["id"])
    ]


@route("POST", R + "/hooks", status=201, role="admin", scope=f"{SCOPE}:write")
def create(call):
    if call.body.get("name", "web") != "web":
        raise Refusal(422, "Validation Failed", [{"resource": "Hook", "field": "name", "code": "invalid"}])
    if call.store.value("select count(*) from hooks where repo_id = ?", call.repo["id"]) >= MOST:
        raise Refusal(
            422,
            "Validation Failed",
            [{"resource": "Hook", "code": "custom", "message": f"at most {MOST} hooks are allowed"}],
        )
    config, wanted = _config(call), call.strings("events") or ["push"]
    for row in call.store.all("select config, events from hooks where repo_id = ?", call.repo["id"]):
        if json.loads(row["config"])["url"] == config["url"] and set(json.loads(row["events"])) & set(wanted):
            raise Refusal(
                422,
                "Validation Failed",
                [{"resource": "Hook", "code": "custom", "message": "Hook already exists on this repository"}],
            )
    id = call.store.insert(
        "hooks",
        repo_id=call.repo["id"],
        active=call.flag("active", True),
        events=json.dumps(wanted),
        config=json.dumps(config),
        created_at=now(),
        updated_at=now(),
    )
    row = call.store.one("select * from hooks where id = ?", id)
    _ping(call, row)
    return payloads.hook(call.forge, call.repo, row)


@route("GET", HOOK, role="admin", scope=f"{SCOPE}:read")
def get(call):
    return payloads.hook(call.forge, call.repo, _one(call))


@route("PATCH", HOOK, role="admin", scope=f"{SCOPE}:write")
def edit(call):
    row = _one(call)
    wanted = set(json.loads(row["events"]))
    if "events" in call.body:
        wanted = set(call.strings("events"))
    wanted = (wanted | set(call.strings("add_events"))) - set(call.strings("remove_events"))
    call.store.update(
        "hooks",
        row["id"],
        active=call.flag("active", bool(row["active"])),
        events=json.dumps(sorted(wanted)),
        config=json.dumps(_config(call, json.loads(row["config"]))),
        updated_at=now(),
    )
    return payloads.hook(call.forge, call.repo, _one(call))


@route("DELETE", HOOK, role="admin", scope=f"{SCOPE}:write")
def delete(call):
    row = _one(call)
    call.store.run("delete from deliveries where hook_id = ?", row["id"])
    call.store.run("delete from hooks where id = ?", row["id"])


@route("POST", HOOK + "/pings", role="admin", scope=f"{SCOPE}:read")
def ping(call):
    _ping(call, _one(call))


@route("GET", HOOK + "/deliveries", role="admin", scope=f"{SCOPE}:read")
def deliveries(call):
    rows = call.page_rows(
        "select * from deliveries where hook_id = ? and delivered_at is not null order by id desc",
        _one(call)["id"],
    )
    return [payloads.delivery(call.forge, call.repo, row) for row in rows]


def _delivery(call):
    row = call.store.one(
        "select * from deliveries where hook_id = ? and id = ?",
        _one(call)["id"],
        int(call.params["delivery"]),
    )
    if row is None:
        raise not_found()
    return row


@route("GET", HOOK + "/deliveries/{delivery:int}", role="admin", scope=f"{SCOPE}:read")
def delivery(call):
    return payloads.delivery(call.forge, call.repo, _delivery(call), full=True)


@route("POST", HOOK + "/deliveries/{delivery:int}/attempts", role="admin", scope=f"{SCOPE}:write")
def redeliver(call):
    row = _delivery(call)
    call.forge.webhooks.deliver(_one(call), row["event"], row["action"], json.loads(row["payload"]), guid=row["guid"])
    return Answer({}, 202)

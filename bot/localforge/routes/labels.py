"""A repository's labels."""

import hashlib
import re

from bot.localforge import events
from bot.localforge.payloads.issues import label as payload
from bot.localforge.wire import invalid, not_found, route

R = "/repos/{owner}/{repo}"
READ, WRITE = "issues|pull_requests:read", "issues|pull_requests:write"


def find(call, name: str):
    return call.store.one("select * from labels where repo_id = ? and name = ?", call.repo["id"], name)


def check_name(name: str) -> str:
    if not name.strip():
        raise invalid("Label", "name", "missing_field")
    if len(name) > 50:
        raise invalid("Label", "name", "custom", "name is too long (maximum is 50 characters)")
    if "," in name:
        raise invalid("Label", "name", "custom", "name cannot contain a comma")
    return name


def ensure(call, name: str):
    """The label of that name; one that does not exist is made, as GitHub does when an issue names it."""
    row = find(call, check_name(name))
    if row is None:
        call.store.insert("labels", repo_id=call.repo["id"], name=name, color="ededed")
        row = find(call, name)
        _announce(call, "created", row)
    return row


def _announce(call, action: str, row, **more) -> None:
    shown = payload(call.forge, call.repo, row)
    events.record(call.forge, call.repo, call.actor, "label", action, lambda: {"label": shown, **more})


def _color(call, default: str | None) -> str | None:
    color = call.text("color", resource="Label", default=default)
    if color is not None and not re.fullmatch(r"[0-9A-Fa-f]{6}", color):
        raise invalid("Label", "color", "invalid")
    return color


@route("GET", R + "/labels", scope=READ)
def every(call):
    return [
        payload(call.forge, call.repo, row)
        for row in call.page_rows("select * from labels where repo_id = ? order by name", call.repo["id"])
    ]


@route("POST", R + "/labels", status=201, role="write", scope=WRITE)
def create(call):
    name = check_name(call.text("name", resource="Label", required=True))
    if find(call, name):
        raise invalid("Label", "name", "already_exists")
    some = hashlib.sha256(name.encode()).hexdigest()[:6]
    call.store.insert(
        "labels",
        repo_id=call.repo["id"],
        name=name,
        color=_color(call, some) or some,
        description=call.text("description", resource="Label", limit=100),
    )
    row = find(call, name)
    _announce(call, "created", row)
    return payload(call.forge, call.repo, row)


def _one(call):
    row = find(call, call.params["name"])
    if row is None:
        raise not_found()
    return row


@route("GET", R + "/labels/{name:path}", scope=READ)
def get(call):
    return payload(call.forge, call.repo, _one(call))


@route("PATCH", R + "/labels/{name:path}", role="write", scope=WRITE)
def edit(call):
    row = _one(call)
    changes = {}
    new = call.text("new_name", default=None) or call.text("name", default=None)
    if new and new != row["name"]:
        other = find(call, check_name(new))
        if other and other["id"] != row["id"]:
            raise invalid("Label", "name", "already_exists")
        changes["name"] = new
    if "color" in call.body:
        changes["color"] = _color(call, row["color"])
    if "description" in call.body:
        changes["description"] = call.text("description", resource="Label", limit=100)
    if changes:
        call.store.update("labels", row["id"], **changes)
    fresh = call.store.one("select * from labels where id = ?", row["id"])
    _announce(call, "edited", fresh, changes={key: {"from": row[key] or ""} for key in changes})
    return payload(call.forge, call.repo, fresh)


@route("DELETE", R + "/labels/{name:path}", role="write", scope=WRITE)
def delete(call):
    row = _one(call)
    call.store.run("delete from issue_labels where label_id = ?", row["id"])
    call.store.run("delete from labels where id = ?", row["id"])
    _announce(call, "deleted", row)

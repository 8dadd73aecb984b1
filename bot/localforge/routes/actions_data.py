"""Secrets, variables and the workflow permissions of Actions: kept by the forge, used by the runner."""

import base64
import re

from bot.localforge.store import now
from bot.localforge.wire import Answer, Refusal, not_found, route

R = "/repos/{owner}/{repo}/actions"
NAME = re.compile(r"(?!GITHUB_)[A-Za-z_][A-Za-z0-9_]*")


def _checked(name: str) -> str:
    if not NAME.fullmatch(name):
        raise Refusal(
            422,
            "Secret and variable names can only contain alphanumeric characters ([a-z], [A-Z], [0-9]) or underscores "
            "(_), must not start with a digit, and must not start with the GITHUB_ prefix",
        )
    return name.upper()


def _box(call):
    """The key pair under which secrets are sealed on their way here."""
    from nacl.public import PrivateKey

    return PrivateKey(
        base64.b64decode(
            call.store.setting("secrets key", lambda: base64.b64encode(bytes(PrivateKey.generate())).decode())
        )
    )


@route("GET", R + "/permissions/workflow", role="admin", scope="administration:read")
def workflow_permissions(call):
    return {
        "default_workflow_permissions": "read",
        "can_approve_pull_request_reviews": bool(call.repo["jobs_may_open_pulls"]),
    }


@route("PUT", R + "/permissions/workflow", role="admin", scope="administration:write")
def set_workflow_permissions(call):
    if call.choice("default_workflow_permissions", ("read", "write")) == "write":
        raise Refusal(501, "The local forge (an emulator) gives jobs no more than their `permissions:` ask for")
    allowed = call.flag("can_approve_pull_request_reviews", bool(call.repo["jobs_may_open_pulls"]))
    call.store.update("repos", call.repo["id"], jobs_may_open_pulls=allowed)


@route("GET", R + "/secrets/public-key", role="write", scope="secrets:read")
def public_key(call):
    return {"key_id": "1", "key": base64.b64encode(bytes(_box(call).public_key)).decode()}


@route("GET", R + "/secrets", role="write", scope="secrets:read")
def secrets(call):
    sql = "select * from secrets where repo_id = ? order by name"
    return {
        "total_count": call.count(sql, call.repo["id"]),
        "secrets": [_secret(row) for row in call.page_rows(sql, call.repo["id"])],
    }


def _secret(row) -> dict:
    return {"name": row["name"], "created_at": row["created_at"], "updated_at": row["updated_at"]}


@route("GET", R + "/secrets/{name}", role="write", scope="secrets:read")
def secret(call):
    row = call.store.one(
        "select * from secrets where repo_id = ? and name = ?", call.repo["id"], _checked(call.params["name"])
    )
    if row is None:
        raise not_found()
    return _secret(row)


@route("PUT", R + "/secrets/{name}", role="write", scope="secrets:write")
def put_secret(call):
    from nacl.exceptions import CryptoError
    from nacl.public import SealedBox

    name = _checked(call.params["name"])
    if call.text("key_id") not in (None, "1"):
        raise Refusal(422, "The key_id is not the repository's; ask for its public key again")
    try:
        value = (
            SealedBox(_box(call))
            .decrypt(base64.b64decode(call.text("encrypted_value", resource="Secret", required=True)))
            .decode()
        )
    except (CryptoError, ValueError):
        raise Refusal(422, "Bad request: the secret was not sealed with the repository's public key") from None
    old = call.store.one("select created_at from secrets where repo_id = ? and name = ?", call.repo["id"], name)
    call.store.run(
        "insert or replace into secrets values (?, ?, ?, ?, ?)",
        call.repo["id"],
        name,
        value,
        old["created_at"] if old else now(),
        now(),
    )
    return Answer(None, 204) if old else Answer({}, 201)


@route("DELETE", R + "/secrets/{name}", role="write", scope="secrets:write")
def delete_secret(call):
    if not call.store.run(
        "delete from secrets where repo_id = ? and name = ?", call.repo["id"], _checked(call.params["name"])
    ):
        raise not_found()


def _variable(row) -> dict:
    return {
        "name": row["name"],
        "value": row["value"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }


def _known(call):
    row = call.store.one(
        "select * from variables where repo_id = ? and name = ?", call.repo["id"], call.params["name"].upper()
    )
    if row is None:
        raise not_found()
    return row


@route("GET", R + "/variables", role="write", scope="variables:read")
def variables(call):
    sql = "select * from variables where repo_id = ? order by name"
    return {
        "total_count": call.count(sql, call.repo["id"]),
        "variables": [_variable(row) for row in call.page_rows(sql, call.repo["id"])],
    }


@route("GET", R + "/variables/{name}", role="write", scope="variables:read")
def variable(call):
    return _variable(_known(call))


@route("POST", R + "/variables", role="write", scope="variables:write", status=201)
def create_variable(call):
    name = _checked(call.text("name", resource="Variable", required=True))
    value = call.text("value", limit=49152, default="") or ""
    if call.store.one("select 1 from variables where repo_id = ? and name = ?", call.repo["id"], name):
        raise Refusal(409, "Already exists - Variable already exists")
    call.store.run("insert into variables values (?, ?, ?, ?, ?)", call.repo["id"], name, value, now(), now())
    return {}


@route("PATCH", R + "/variables/{name}", role="write", scope="variables:write")
def edit_variable(call):
    row = _known(call)
    name = _checked(call.text("name", default=row["name"]))
    value = call.text("value", limit=49152, default=row["value"])
    call.store.run(
        "update variables set name = ?, value = ?, updated_at = ? where repo_id = ? and name = ?",
        name,
        value,
        now(),
        call.repo["id"],
        row["name"],
    )


@route("DELETE", R + "/variables/{name}", role="write", scope="variables:write")
def delete_variable(call):
    row = _known(call)
    call.store.run("delete from variables where repo_id = ? and name = ?", call.repo["id"], row["name"])

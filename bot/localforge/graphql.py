"""The few GraphQL mutations that REST cannot do: drafts, and folding a comment away. Anything else is a
loud error.
"""

import asyncio
import base64
import binascii
import json
import re

from starlette.responses import JSONResponse

from bot.hostile import read_json
from bot.localforge import merging
from bot.localforge.payloads.issues import comment as comment_payload
from bot.localforge.payloads.issues import node_id
from bot.localforge.store import now
from bot.localforge.wire import Refusal

REASONS = {"ABUSE", "DUPLICATE", "OFF_TOPIC", "OUTDATED", "RESOLVED", "SPAM", "LOW_QUALITY"}


def _decode(id) -> tuple[str, int]:
    try:
        _, kind, number = base64.b64decode(id, validate=True).decode().split(":")
        return kind, int(number)
    except (TypeError, ValueError, binascii.Error):
        raise Refusal(200, f"Could not resolve to a node with the global id of {str(id)[:80]!r}") from None


def _pull(forge, actor, value):
    kind, id = _decode(value)
    row = (
        forge.store.one("select issues.*, pulls.* from issues join pulls on issue_id = id where id = ?", id)
        if kind == "PullRequest"
        else None
    )
    if row is None:
        raise Refusal(200, f"Could not resolve to a PullRequest with the global id of {str(value)[:80]!r}")
    repo = forge.store.one("select * from repos where id = ?", row["repo_id"])
    forge.people.check(
        actor, repo, "read" if row["login"] == actor.login else "write", [("pull_requests", "write")], False
    )
    return repo, row


def _set_draft(forge, actor, given, draft: bool):
    repo, row = _pull(forge, actor, given.get("pullRequestId"))
    if row["state"] != "open":
        raise Refusal(200, "Pull request is closed")
    if bool(row["draft"]) != draft:
        forge.store.run("update pulls set draft = ? where issue_id = ?", draft, row["id"])
        forge.store.update("issues", row["id"], updated_at=now())
        merging.note(forge, repo, actor, row["id"], "convert_to_draft" if draft else "ready_for_review")
        merging.announce(forge, repo, actor, row, "converted_to_draft" if draft else "ready_for_review")
    return {"pullRequest": {"id": node_id("PullRequest", row["id"]), "number": row["number"], "isDraft": draft}}


def _minimize(forge, actor, given, hide: bool):
    kind, id = _decode(given.get("subjectId"))
    row = forge.store.one("select * from comments where id = ?", id) if kind == "IssueComment" else None
    if row is None:
        raise Refusal(200, "Could not resolve to a minimizable node")
    repo = forge.store.one("select * from repos where id = ?", row["repo_id"])
    forge.people.check(actor, repo, "write", [("issues", "write"), ("pull_requests", "write")], False)
    reason = str(given.get("classifier", "OUTDATED")).upper()
    if hide and reason not in REASONS:
        raise Refusal(200, f"classifier: expected one of {', '.join(sorted(REASONS))}")
    forge.store.update("comments", id, minimized=reason.lower() if hide else None)
    shown = comment_payload(forge, repo, forge.store.one("select * from comments where id = ?", id))
    key = "minimizedComment" if hide else "unminimizedComment"
    return {
        key: {
            "id": shown["node_id"],
            "isMinimized": hide,
            "minimizedReason": reason.lower() if hide else None,
        }
    }


MUTATIONS = {
    "markPullRequestReadyForReview": lambda *a: _set_draft(*a, False),
    "convertPullRequestToDraft": lambda *a: _set_draft(*a, True),
    "minimizeComment": lambda *a: _minimize(*a, True),
    "unminimizeComment": lambda *a: _minimize(*a, False),
}


def run(forge, authorization: str, body: bytes) -> tuple[int, dict]:
    """Execute one GraphQL request; its HTTP status and answer."""
    try:
        asked = read_json(body)
        query, variables = asked["query"], asked.get("variables") or {}
        with forge.store.transaction():
            actor = forge.people.identify(authorization)
            if actor.kind == "anonymous":
                raise Refusal(401, "This endpoint requires you to be authenticated.")
            if re.fullmatch(r"\s*(query\s*\w*\s*)?\{\s*viewer\s*\{\s*login\s*\}\s*\}\s*", query):
                return 200, {"data": {"viewer": {"login": actor.login}}}
            called = re.match(r"\s*mutation\b[^{]*\{\s*(\w+)\s*\(\s*input\s*:\s*(\$\w+|\{[^}]*\})", query)
            if not called or called[1] not in MUTATIONS:
                name = called[1] if called else query.strip()[:60]
                raise Refusal(200, f"The local forge (an emulator) has no GraphQL operation {name!r}")
            given = variables.get(called[2][1:]) if called[2].startswith("$") else _literal(called[2], variables)
            return 200, {
                "data": {
                    called[1]: MUTATIONS[called[1]](forge, actor, given or {})
                    | {"clientMutationId": (given or {}).get("clientMutationId")}
                }
            }
    except (ValueError, KeyError, TypeError, AttributeError):
        return 400, {"message": "Problems parsing JSON"}
    except Refusal as refusal:
        if refusal.status == 401:
            return 401, refusal.body()
        kind = {403: "FORBIDDEN", 404: "NOT_FOUND"}.get(refusal.status, "UNPROCESSABLE")
        return 200, {
            "data": None,
            "errors": [{"type": kind, "message": refusal.message, "path": [], "locations": []}],
        }


def _literal(text: str, variables: dict) -> dict:
    """An input object written inside the query: names with strings, enums or variables."""
    out = {}
    for name, value in re.findall(r'(\w+)\s*:\s*("(?:[^"\\]|\\.)*"|\$\w+|\w+)', text):
        out[name] = (
            json.loads(value) if value.startswith('"') else variables.get(value[1:]) if value.startswith("$") else value
        )
    return out


async def answer(forge, request, send) -> None:
    """The ASGI side: POST /api/graphql."""
    if request.method != "POST":
        response = JSONResponse({"message": "Not Found"}, 404)
    else:
        body = await request.body()
        status, value = await asyncio.get_running_loop().run_in_executor(
            None, run, forge, request.headers.get("authorization", ""), body
        )
        response = JSONResponse(value, status)
    await response(request.scope, request.receive, send)

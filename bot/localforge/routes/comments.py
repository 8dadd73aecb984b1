"""Comments on issues and pull requests."""

from bot.localforge.payloads import issues as payloads
from bot.localforge.routes.issues import ISSUE, LONGEST_BODY, moment, record_comment
from bot.localforge.store import now
from bot.localforge.wire import Refusal, not_found, route

R = "/repos/{owner}/{repo}"
BOTH_READ, BOTH_WRITE = "issues|pull_requests:read", "issues|pull_requests:write"


@route("GET", ISSUE + "/comments", scope=BOTH_READ)
def of_issue(call):
    row = call.issue()
    since = moment(call.query["since"]) if call.query.get("since") else ""
    rows = call.page_rows("select * from comments where issue_id = ? and updated_at >= ? order by id", row["id"], since)
    return [payloads.comment(call.forge, call.repo, r, row["number"], row["is_pull"]) for r in rows]


@route("POST", ISSUE + "/comments", status=201, scope=BOTH_WRITE)
def create(call):
    row = call.issue()
    if row["locked"] and not call.can("triage"):
        raise Refusal(403, "Unable to create comment because issue is locked.")
    when = now()
    id = call.store.insert(
        "comments",
        repo_id=call.repo["id"],
        issue_id=row["id"],
        login=call.login,
        body=call.text("body", resource="IssueComment", required=True, limit=LONGEST_BODY),
        created_at=when,
        updated_at=when,
    )
    call.store.update("issues", row["id"], updated_at=when)
    row = call.store.one("select * from issues where id = ?", row["id"])
    comment = call.store.one("select * from comments where id = ?", id)
    record_comment(call, row, "created", lambda: {"comment": payloads.comment(call.forge, call.repo, comment)})
    return payloads.comment(call.forge, call.repo, comment, row["number"], row["is_pull"])


@route("GET", R + "/issues/comments", scope=BOTH_READ)
def every(call):
    since = moment(call.query["since"]) if call.query.get("since") else ""
    order = "updated_at" if call.query.get("sort") == "updated" else "id"
    way = "desc" if call.query.get("direction") == "desc" else "asc"
    rows = call.page_rows(
        f"select * from comments where repo_id = ? and updated_at >= ? order by {order} {way}, id {way}",
        call.repo["id"],
        since,
    )
    return [payloads.comment(call.forge, call.repo, r) for r in rows]


def _one(call):
    row = call.store.one("select * from comments where repo_id = ? and id = ?", call.repo["id"], int(call.params["id"]))
    if row is None:
        raise not_found()
    issue = call.store.one("select * from issues where id = ?", row["issue_id"])
    call.check_kind(issue)
    return row, issue


@route("GET", R + "/issues/comments/{id:int}", scope=BOTH_READ)
def get(call):
    return payloads.comment(call.forge, call.repo, _one(call)[0])


def _may_change(call, row) -> None:
    if row["login"] != call.login and not (call.can("write") and call.actor.kind == "person"):
        raise Refusal(403, "Must have admin rights to Repository.")


@route("PATCH", R + "/issues/comments/{id:int}", scope=BOTH_WRITE)
def edit(call):
    row, issue = _one(call)
    _may_change(call, row)
    body, when = call.text("body", resource="IssueComment", required=True, limit=LONGEST_BODY), now()
    call.store.update("comments", row["id"], body=body, updated_at=when)
    call.store.update("issues", issue["id"], updated_at=when)
    fresh = call.store.one("select * from comments where id = ?", row["id"])
    record_comment(
        call,
        issue,
        "edited",
        lambda: {
            "comment": payloads.comment(call.forge, call.repo, fresh),
            "changes": {"body": {"from": row["body"]}},
        },
    )
    return payloads.comment(call.forge, call.repo, fresh)


@route("DELETE", R + "/issues/comments/{id:int}", scope=BOTH_WRITE)
def delete(call):
    row, issue = _one(call)
    _may_change(call, row)
    gone = payloads.comment(call.forge, call.repo, row)
    call.store.run("delete from comments where id = ?", row["id"])
    call.store.run("delete from reactions where kind = 'comment' and subject_id = ?", row["id"])
    call.store.update("issues", issue["id"], updated_at=now())
    record_comment(call, issue, "deleted", lambda: {"comment": gone})

"""Reactions on issues, comments and review comments."""

from bot.localforge.payloads.issues import REACTIONS, reaction
from bot.localforge.routes.issues import ISSUE
from bot.localforge.store import now
from bot.localforge.wire import Answer, Refusal, not_found, route

R = "/repos/{owner}/{repo}"
ISSUES_READ, ISSUES_WRITE = "issues|pull_requests:read", "issues|pull_requests:write"


def _subject(call, kind: str) -> int:
    if kind == "issue":
        return call.issue()["id"]
    table = {"comment": "comments", "review_comment": "review_comments", "commit_comment": "commit_comments"}[kind]
    row = call.store.one(
        f"select id from {table} where repo_id = ? and id = ?", call.repo["id"], int(call.params["id"])
    )
    if row is None:
        raise not_found()
    return row["id"]


def _register(path: str, kind: str, read: str, write: str) -> None:
    @route("GET", path + "/reactions", scope=read)
    def every(call):
        content = call.query.get("content")
        rows = call.page_rows(
            "select * from reactions where kind = ? and subject_id = ? and (? is null or content = ?) order by id",
            kind,
            _subject(call, kind),
            content,
            content,
        )
        return [reaction(call.forge, row) for row in rows]

    @route("POST", path + "/reactions", scope=write)
    def create(call):
        subject = _subject(call, kind)
        content = call.choice("content", REACTIONS, resource="Reaction", required=True)
        new = call.store.run(
            "insert or ignore into reactions (kind, subject_id, login, content, created_at) values (?, ?, ?, ?, ?)",
            kind,
            subject,
            call.login,
            content,
            now(),
        )
        row = call.store.one(
            "select * from reactions where kind = ? and subject_id = ? and login = ? and content = ?",
            kind,
            subject,
            call.login,
            content,
        )
        return Answer(reaction(call.forge, row), 201 if new else 200)

    @route("DELETE", path + "/reactions/{reaction:int}", scope=write)
    def delete(call):
        row = call.store.one(
            "select * from reactions where kind = ? and subject_id = ? and id = ?",
            kind,
            _subject(call, kind),
            int(call.params["reaction"]),
        )
        if row is None:
            raise not_found()
        if row["login"] != call.login and not call.can("admin"):
            raise Refusal(403, "Must have admin rights to Repository.")
        call.store.run("delete from reactions where id = ?", row["id"])


_register(ISSUE, "issue", ISSUES_READ, ISSUES_WRITE)
_register(R + "/issues/comments/{id:int}", "comment", ISSUES_READ, ISSUES_WRITE)
_register(R + "/pulls/comments/{id:int}", "review_comment", "pull_requests:read", "pull_requests:write")
_register(R + "/comments/{id:int}", "commit_comment", "contents:read", "contents:write")

"""Issue dependencies: what blocks an issue, and what it blocks."""

from bot.localforge import events
from bot.localforge.payloads.issues import issue as payload
from bot.localforge.payloads.repos import repository
from bot.localforge.routes.issues import ISSUE
from bot.localforge.store import now
from bot.localforge.wire import Refusal, not_found, route

MOST = 50
JOIN = (
    "select issues.* from issues join dependencies on id = {there} where {here} = ? "
    "order by dependencies.created_at, issues.id"
)


@route("GET", ISSUE + "/dependencies/blocked_by", scope="issues:read")
def blocked_by(call):
    rows = call.page_rows(JOIN.format(here="issue_id", there="blocker_id"), call.issue()["id"])
    return [payload(call.forge, call.repo, row) for row in rows]


@route("GET", ISSUE + "/dependencies/blocking", scope="issues:read")
def blocking(call):
    rows = call.page_rows(JOIN.format(here="blocker_id", there="issue_id"), call.issue()["id"])
    return [payload(call.forge, call.repo, row) for row in rows]


def _announce(call, blocked, blocker, word: str) -> None:
    def payload_of(other):
        def build():
            return {
                "blocked_issue_id": blocked["id"],
                "blocked_issue": payload(call.forge, call.repo, blocked),
                "blocking_issue_id": blocker["id"],
                "blocking_issue": payload(call.forge, call.repo, blocker),
                other: repository(call.forge, call.repo),
            }

        return build

    events.record(
        call.forge,
        call.repo,
        call.actor,
        "issue_dependencies",
        f"blocked_by_{word}",
        payload_of("blocking_issue_repo"),
    )
    events.record(
        call.forge,
        call.repo,
        call.actor,
        "issue_dependencies",
        f"blocking_{word}",
        payload_of("blocked_issue_repo"),
    )


@route("POST", ISSUE + "/dependencies/blocked_by", status=201, role="triage", scope="issues:write")
def add(call):
    blocked, id = call.issue(), call.number("issue_id", resource="IssueDependency", required=True)
    blocker = call.store.one("select * from issues where id = ? and repo_id = ? and not is_pull", id, call.repo["id"])
    if blocker is None:
        raise not_found("The blocking issue does not exist")
    if blocker["id"] == blocked["id"]:
        raise Refusal(422, "An issue cannot be blocked by itself")
    if call.store.one("select 1 from dependencies where issue_id = ? and blocker_id = ?", blocked["id"], id):
        raise Refusal(422, "Issue dependency already exists")
    waiting, seen = [id], set()
    while waiting:  # a cycle would block both for ever
        here = waiting.pop()
        if here == blocked["id"]:
            raise Refusal(422, "Issue dependency would create a cycle")
        if here not in seen:
            seen.add(here)
            waiting += [
                row["blocker_id"]
                for row in call.store.all("select blocker_id from dependencies where issue_id = ?", here)
            ]
    if call.store.value("select count(*) from dependencies where issue_id = ?", blocked["id"]) >= MOST:
        raise Refusal(422, f"An issue can be blocked by at most {MOST} issues")
    call.store.insert("dependencies", issue_id=blocked["id"], blocker_id=id, created_at=now())
    _announce(call, blocked, blocker, "added")
    return payload(call.forge, call.repo, blocked)


@route("DELETE", ISSUE + "/dependencies/blocked_by/{issue_id:int}", role="triage", scope="issues:write")
def remove(call):
    blocked = call.issue()
    blocker = call.store.one(
        "select * from issues where id = ? and repo_id = ?", int(call.params["issue_id"]), call.repo["id"]
    )
    if blocker is None or not call.store.run(
        "delete from dependencies where issue_id = ? and blocker_id = ?", blocked["id"], blocker["id"]
    ):
        raise not_found()
    _announce(call, blocked, blocker, "removed")
    return payload(call.forge, call.repo, blocked)

"""Sub-issues: at most 100 below one parent, one parent each, eight levels, no cycles."""

from bot.localforge import events
from bot.localforge.payloads.issues import issue as payload
from bot.localforge.payloads.repos import repository
from bot.localforge.routes.issues import ISSUE
from bot.localforge.wire import Refusal, not_found, route

MOST, DEEPEST = 100, 8


def _child(call):
    id = call.number("sub_issue_id", resource="SubIssue", required=True)
    row = call.store.one("select * from issues where id = ? and repo_id = ? and not is_pull", id, call.repo["id"])
    if row is None:
        raise not_found("The provided sub-issue does not exist")
    return row


def parent_of(store, id: int):
    return store.one("select issues.* from issues join sub_issues on parent_id = id where child_id = ?", id)


def _announce(call, parent, child, word: str) -> None:
    def payload_of():
        store = call.store
        return {
            "sub_issue_id": child["id"],
            "parent_issue_id": parent["id"],
            "sub_issue": payload(call.forge, call.repo, store.one("select * from issues where id = ?", child["id"])),
            "parent_issue": payload(
                call.forge, call.repo, store.one("select * from issues where id = ?", parent["id"])
            ),
            "parent_issue_repo": repository(call.forge, call.repo),
        }

    def seen_by_parent():
        both = payload_of()
        return both | {"sub_issue_repo": both.pop("parent_issue_repo")}

    events.record(call.forge, call.repo, call.actor, "sub_issues", f"sub_issue_{word}", seen_by_parent)
    events.record(call.forge, call.repo, call.actor, "sub_issues", f"parent_issue_{word}", payload_of)


@route("GET", ISSUE + "/sub_issues", scope="issues:read")
def every(call):
    rows = call.page_rows(
        "select issues.* from issues join sub_issues on child_id = id where parent_id = ? order by position",
        call.issue()["id"],
    )
    return [payload(call.forge, call.repo, row) for row in rows]


@route("POST", ISSUE + "/sub_issues", status=201, role="triage", scope="issues:write")
def add(call):
    parent, child = call.issue(), _child(call)
    before = parent_of(call.store, child["id"])
    if before and before["id"] == parent["id"]:
        raise Refusal(
            422,
            "An error occurred while adding the sub-issue to the parent issue. "
            "Issue may not contain duplicate sub-issues",
        )
    if before and not call.flag("replace_parent"):
        raise Refusal(
            422,
            "An error occurred while adding the sub-issue to the parent issue. Sub issue may only have one parent",
        )
    above, depth = parent, 1
    while above:
        if above["id"] == child["id"]:
            raise Refusal(
                422,
                "An error occurred while adding the sub-issue to the parent issue. "
                "Sub issues cannot be ancestors of their parent",
            )
        above, depth = parent_of(call.store, above["id"]), depth + 1
    if (
        depth > DEEPEST + 1
        or call.store.value("select count(*) from sub_issues where parent_id = ?", parent["id"]) >= MOST
    ):
        raise Refusal(
            422,
            f"An error occurred while adding the sub-issue to the parent issue. "
            f"At most {MOST} sub-issues and {DEEPEST} levels are allowed",
        )
    last = call.store.value("select max(position) from sub_issues where parent_id = ?", parent["id"]) or 0
    call.store.run(
        "insert or replace into sub_issues (child_id, parent_id, position) values (?, ?, ?)",
        child["id"],
        parent["id"],
        last + 1,
    )
    _announce(call, parent, child, "added")
    return payload(call.forge, call.repo, parent)


@route("DELETE", ISSUE + "/sub_issue", role="triage", scope="issues:write")
def remove(call):
    parent, child = call.issue(), _child(call)
    if not call.store.run("delete from sub_issues where parent_id = ? and child_id = ?", parent["id"], child["id"]):
        raise not_found("The provided sub-issue is not a sub-issue of this issue")
    _announce(call, parent, child, "removed")
    return payload(call.forge, call.repo, parent)


@route("PATCH", ISSUE + "/sub_issues/priority", role="triage", scope="issues:write")
def prioritize(call):
    parent, child = call.issue(), _child(call)
    after, before = call.number("after_id"), call.number("before_id")
    if (after is None) == (before is None):
        raise Refusal(422, "Exactly one of after_id and before_id is expected")
    order = [
        row["child_id"]
        for row in call.store.all("select child_id from sub_issues where parent_id = ? order by position", parent["id"])
    ]
    if child["id"] not in order or (after or before) not in order or (after or before) == child["id"]:
        raise not_found("Both issues must be sub-issues of this issue")
    order.remove(child["id"])
    order.insert(order.index(after) + 1 if after else order.index(before), child["id"])
    for position, id in enumerate(order, 1):
        call.store.run("update sub_issues set position = ? where child_id = ?", position, id)
    return payload(call.forge, call.repo, parent)


@route("GET", ISSUE + "/parent", scope="issues:read")
def parent(call):
    row = parent_of(call.store, call.issue()["id"])
    if row is None:
        raise not_found("Parent issue not found")
    return payload(call.forge, call.repo, row)

"""The labels on one issue or pull request."""

from bot.localforge import merging
from bot.localforge.payloads.issues import label, labels_of
from bot.localforge.routes.issues import ISSUE
from bot.localforge.routes.labels import ensure, find
from bot.localforge.store import now
from bot.localforge.wire import not_found, route

READ, WRITE = "issues|pull_requests:read", "issues|pull_requests:write"


def _note(call, issue, row, word: str) -> None:
    merging.note(
        call.forge,
        call.repo,
        call.actor,
        issue["id"],
        word,
        label={"name": row["name"], "color": row["color"]},
    )
    merging.announce(call.forge, call.repo, call.actor, issue, word, label=label(call.forge, call.repo, row))


def add(call, issue, names) -> None:
    for name in dict.fromkeys(names):
        row = ensure(call, name)
        if call.store.run("insert or ignore into issue_labels values (?, ?)", issue["id"], row["id"]):
            call.store.update("issues", issue["id"], updated_at=now())
            _note(call, issue, row, "labeled")


def remove(call, issue, row) -> bool:
    gone = call.store.run("delete from issue_labels where issue_id = ? and label_id = ?", issue["id"], row["id"])
    if gone:
        call.store.update("issues", issue["id"], updated_at=now())
        _note(call, issue, row, "unlabeled")
    return bool(gone)


def replace(call, issue, names) -> None:
    wanted = {ensure(call, name)["id"] for name in names}
    for row in call.store.all(
        "select labels.* from labels join issue_labels on label_id = labels.id where issue_id = ?",
        issue["id"],
    ):
        if row["id"] not in wanted:
            remove(call, issue, row)
    add(call, issue, names)


def _given(call) -> list[str]:
    """The labels of the body, which is a list or an object that holds one."""
    return call.strings("labels", {"labels": call.body} if isinstance(call.body, list) else call.body)


@route("GET", ISSUE + "/labels", scope=READ)
def every(call):
    return call.page_list(labels_of(call.forge, call.repo, call.issue()["id"]))


@route("POST", ISSUE + "/labels", role="triage", scope=WRITE)
def add_some(call):
    issue = call.issue()
    add(call, issue, _given(call))
    return labels_of(call.forge, call.repo, issue["id"])


@route("PUT", ISSUE + "/labels", role="triage", scope=WRITE)
def set_all(call):
    issue = call.issue()
    replace(call, issue, _given(call))
    return labels_of(call.forge, call.repo, issue["id"])


@route("DELETE", ISSUE + "/labels", role="triage", scope=WRITE)
def remove_all(call):
    replace(call, call.issue(), [])


@route("DELETE", ISSUE + "/labels/{name:path}", role="triage", scope=WRITE)
def remove_one(call):
    issue, row = call.issue(), find(call, call.params["name"])
    if row is None or not remove(call, issue, row):
        raise not_found("Label does not exist")
    return labels_of(call.forge, call.repo, issue["id"])

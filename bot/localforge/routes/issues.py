"""Issues: file, read, list, edit, assign, lock; their history."""

from bot.localforge import events, merging
from bot.localforge.payloads import issues as payloads
from bot.localforge.payloads.commits import git_commit
from bot.localforge.payloads.pulls import review
from bot.localforge.payloads.users import user
from bot.localforge.routes.labels import ensure
from bot.localforge.store import now
from bot.localforge.wire import Refusal, invalid, not_found, route

R = "/repos/{owner}/{repo}"
ISSUE = R + "/issues/{number:int}"
LONGEST_TITLE, LONGEST_BODY = 256, 65536


def new_number(call) -> int:
    """The repository's next issue or pull request number."""
    number = call.store.value("select next_number from repos where id = ?", call.repo["id"])
    call.store.run("update repos set next_number = next_number + 1 where id = ?", call.repo["id"])
    return number


def title_of(call, resource: str = "Issue", required: bool = True):
    value = call.body.get("title")
    if isinstance(value, int) and not isinstance(value, bool):
        call.body["title"] = str(value)
    return call.text("title", resource=resource, required=required, limit=LONGEST_TITLE)


def shown(call, id: int):
    return payloads.issue(call.forge, call.repo, call.store.one("select * from issues where id = ?", id))


@route("POST", R + "/issues", status=201, scope="issues:write")
def create(call):
    title, body = title_of(call), call.text("body", resource="Issue", limit=LONGEST_BODY)
    labels, people = call.strings("labels"), call.strings("assignees")
    if not call.can("triage"):
        labels, people = [], []  # silently dropped, as GitHub does for those who may only read
    check_assignees(call, people)
    when = now()
    id = call.store.insert(
        "issues",
        repo_id=call.repo["id"],
        number=new_number(call),
        title=title,
        body=body,
        login=call.login,
        created_at=when,
        updated_at=when,
    )
    for name in labels:
        call.store.run("insert or ignore into issue_labels values (?, ?)", id, ensure(call, name)["id"])
    for login in people:
        call.store.run("insert or ignore into assignees values (?, ?)", id, login)
    row = call.store.one("select * from issues where id = ?", id)
    merging.announce(call.forge, call.repo, call.actor, row, "opened")
    for label in payloads.labels_of(call.forge, call.repo, id):
        merging.note(
            call.forge,
            call.repo,
            call.actor,
            id,
            "labeled",
            label={"name": label["name"], "color": label["color"]},
        )
        merging.announce(call.forge, call.repo, call.actor, row, "labeled", label=label)
    for login in people:
        note_assignment(call, row, login, "assigned")
    return shown(call, id)


def check_assignees(call, people) -> None:
    for login in people:
        if call.forge.people.role(login, call.repo) in ("none", "read") or not call.store.one(
            "select 1 from users where login = ?", login
        ):
            raise invalid("Issue", "assignees", "invalid", f"{login} cannot be assigned")


def note_assignment(call, row, login: str, word: str) -> None:
    merging.note(call.forge, call.repo, call.actor, row["id"], word, assignee=login, assigner=call.login)
    merging.announce(call.forge, call.repo, call.actor, row, word, assignee=user(call.forge, login))


@route("GET", R + "/issues", scope="issues|pull_requests:read")
def every(call):
    where, args = ["repo_id = ?"], [call.repo["id"]]
    state = call.query.get("state", "open")
    if state not in ("open", "closed", "all"):
        raise invalid("Issue", "state", "invalid")
    if state != "all":
        where.append("state = ?")
        args.append(state)
    for name in filter(None, call.query.get("labels", "").split(",")):
        where.append(
            "id in (select issue_id from issue_labels join labels on label_id = labels.id "
            "where repo_id = ? and name = ?)"
        )
        args += [call.repo["id"], name.strip()]
    if call.query.get("since"):
        where.append("updated_at >= ?")
        args.append(moment(call.query["since"]))
    if call.query.get("creator"):
        where.append("login = ? collate nocase")
        args.append(call.query["creator"])
    who = call.query.get("assignee")
    if who == "none":
        where.append("id not in (select issue_id from assignees)")
    elif who and who != "*":
        where.append("id in (select issue_id from assignees where login = ?)")
        args.append(who)
    elif who:
        where.append("id in (select issue_id from assignees)")
    if call.query.get("milestone") not in (None, "none"):
        raise Refusal(501, "The local forge (an emulator) has no milestones")
    order = {
        "created": "created_at",
        "updated": "updated_at",
        "comments": "(select count(*) from comments where issue_id = issues.id)",
    }.get(call.query.get("sort", "created"))
    if order is None:
        raise invalid("Issue", "sort", "invalid")
    way = "asc" if call.query.get("direction") == "asc" else "desc"
    rows = call.page_rows(f"select * from issues where {' and '.join(where)} order by {order} {way}, id {way}", *args)
    return [payloads.issue(call.forge, call.repo, row) for row in rows]


def moment(text: str) -> str:
    """A date-time of a query in UTC; what is only a date begins at midnight."""
    from datetime import UTC, datetime

    try:
        when = datetime.fromisoformat(text.replace("Z", "+00:00").replace(" ", "+"))
    except ValueError:
        raise Refusal(422, f"Invalid request.\n\n{text!r} is not a date-time.") from None
    return when.replace(tzinfo=when.tzinfo or UTC).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@route("GET", ISSUE, scope="issues|pull_requests:read")
def get(call):
    return payloads.issue(call.forge, call.repo, call.issue())


@route("PATCH", ISSUE, scope="issues|pull_requests:write")
def edit(call):
    row = call.issue()
    if row["login"] != call.login and not call.can("triage"):
        raise Refusal(403, "Must have admin rights to Repository.")
    changes, before = {}, {}
    if "title" in call.body:
        changes["title"] = title_of(call)
    if "body" in call.body:
        changes["body"] = call.text("body", resource="Issue", limit=LONGEST_BODY)
    for name in list(changes):
        if changes[name] == row[name]:
            del changes[name]
        else:
            before[name] = {"from": row[name] or ""}
    state = call.choice("state", ("open", "closed"), resource="Issue")
    reason = call.choice("state_reason", ("completed", "not_planned", "duplicate", "reopened"), resource="Issue")
    call.store.update("issues", row["id"], **changes, updated_at=now())
    if "title" in changes:
        merging.note(
            call.forge,
            call.repo,
            call.actor,
            row["id"],
            "renamed",
            rename={"from": row["title"], "to": changes["title"]},
        )
    if changes:
        merging.announce(call.forge, call.repo, call.actor, row, "edited", changes=before)
    if "labels" in call.body and call.can("triage"):
        from bot.localforge.routes.issue_labels import replace

        replace(call, row, call.strings("labels"))
    if "assignees" in call.body and call.can("triage"):
        _assign(call, row, call.strings("assignees"), only=True)
    if state and state != row["state"]:
        if state == "open" and row["is_pull"]:
            from bot.localforge.routes.pulls import check_reopen

            check_reopen(call, merging.pull(call.forge, call.repo, row["number"]))
        merging.set_state(call.forge, call.repo, call.actor, row, state, reason)
    elif reason and state == "closed" and reason != row["state_reason"]:
        call.store.update("issues", row["id"], state_reason=reason)
    return shown(call, row["id"])


def _assign(call, row, people: list[str], only: bool = False) -> None:
    check_assignees(call, people)
    had = {r["login"] for r in call.store.all("select login from assignees where issue_id = ?", row["id"])}
    for login in people:
        if login not in had:
            call.store.run("insert or ignore into assignees values (?, ?)", row["id"], login)
            note_assignment(call, row, login, "assigned")
    for login in had - set(people) if only else ():
        call.store.run("delete from assignees where issue_id = ? and login = ?", row["id"], login)
        note_assignment(call, row, login, "unassigned")


@route("POST", ISSUE + "/assignees", status=201, role="triage", scope="issues|pull_requests:write")
def assign(call):
    row = call.issue()
    _assign(call, row, call.strings("assignees"))
    return shown(call, row["id"])


@route("DELETE", ISSUE + "/assignees", role="triage", scope="issues|pull_requests:write")
def unassign(call):
    row = call.issue()
    for login in call.strings("assignees"):
        if call.store.run("delete from assignees where issue_id = ? and login = ?", row["id"], login):
            note_assignment(call, row, login, "unassigned")
    return shown(call, row["id"])


@route("GET", R + "/assignees")
def assignees(call):
    rows = call.page_rows(
        "select login from users where type = 'User' and (login = ? or login in (select login from collaborators "
        "where repo_id = ? and role not in ('none', 'read'))) order by id",
        call.repo["owner"],
        call.repo["id"],
    )
    return [user(call.forge, row["login"]) for row in rows]


@route("GET", R + "/assignees/{login}")
def assignee(call):
    if call.forge.people.role(call.params["login"], call.repo) in ("none", "read"):
        raise not_found()


@route("PUT", ISSUE + "/lock", role="triage", scope="issues|pull_requests:write")
def lock(call):
    row = call.issue()
    reason = call.choice("lock_reason", ("off-topic", "too heated", "resolved", "spam"), resource="Issue")
    call.store.update("issues", row["id"], locked=1, lock_reason=reason)
    merging.note(call.forge, call.repo, call.actor, row["id"], "locked", lock_reason=reason)
    merging.announce(call.forge, call.repo, call.actor, row, "locked")


@route("DELETE", ISSUE + "/lock", role="triage", scope="issues|pull_requests:write")
def unlock(call):
    row = call.issue()
    call.store.update("issues", row["id"], locked=0, lock_reason=None)
    merging.note(call.forge, call.repo, call.actor, row["id"], "unlocked")
    merging.announce(call.forge, call.repo, call.actor, row, "unlocked")


@route("GET", ISSUE + "/events", scope="issues|pull_requests:read")
def history(call):
    rows = call.page_rows("select * from issue_events where issue_id = ? order by id", call.issue()["id"])
    return [payloads.issue_event(call.forge, call.repo, row) for row in rows]


@route("GET", R + "/issues/events/{id:int}", scope="issues|pull_requests:read")
def one_event(call):
    row = call.store.one(
        "select * from issue_events where repo_id = ? and id = ?", call.repo["id"], int(call.params["id"])
    )
    if row is None:
        raise not_found()
    about = call.store.one("select * from issues where id = ?", row["issue_id"])
    return payloads.issue_event(call.forge, call.repo, row) | {"issue": payloads.issue(call.forge, call.repo, about)}


@route("GET", ISSUE + "/timeline", scope="issues|pull_requests:read")
def timeline(call):
    row = call.issue()
    entries = [
        (r["created_at"], 0, payloads.issue_event(call.forge, call.repo, r))
        for r in call.store.all("select * from issue_events where issue_id = ? order by id", row["id"])
    ]
    for r in call.store.all("select * from comments where issue_id = ? order by id", row["id"]):
        one = payloads.comment(call.forge, call.repo, r, row["number"], row["is_pull"])
        entries.append((r["created_at"], 1, one | {"event": "commented", "actor": one["user"]}))
    if row["is_pull"]:
        entries += _of_pull(call, merging.pull(call.forge, call.repo, row["number"]))
    return [entry for _, _, entry in call.page_list(sorted(entries, key=lambda e: e[:2]))]


def _of_pull(call, pull):
    """What only a pull request's timeline has: its commits and its reviews."""
    for sha in call.git.between(pull["base_sha"], pull["head_sha"]):
        one = git_commit(call.forge, call.repo, call.git.commit(sha))
        yield one["committer"]["date"], 0, one | {"event": "committed"}
    reviews = call.store.all(
        "select * from reviews where issue_id = ? and submitted_at is not null order by id", pull["id"]
    )
    for r in reviews:
        one = review(call.forge, call.repo, r, pull["number"])
        yield r["submitted_at"], 1, one | {"event": "reviewed", "state": one["state"].lower()}


def record_comment(call, row, action: str, payload) -> None:
    """The issue_comment event, whose issue is shown as the issues API shows it even for a pull request."""
    events.record(
        call.forge,
        call.repo,
        call.actor,
        "issue_comment",
        action,
        lambda: {"issue": payloads.issue(call.forge, call.repo, row), **payload()},
    )

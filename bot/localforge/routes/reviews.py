"""Reviews of a pull request, and the comments on lines of its diff."""

from bot.localforge import anchors, events, merging
from bot.localforge.payloads import pulls as payloads
from bot.localforge.routes.issues import LONGEST_BODY
from bot.localforge.routes.pulls import PULL, READ, WRITE, R
from bot.localforge.store import now
from bot.localforge.wire import Refusal, invalid, not_found, route

STATES = {"APPROVE": "APPROVED", "REQUEST_CHANGES": "CHANGES_REQUESTED", "COMMENT": "COMMENTED"}


def _announce(call, pull, review, action: str, **more) -> None:
    events.record(
        call.forge,
        call.repo,
        call.actor,
        "pull_request_review",
        action,
        lambda: {
            "review": _webhook_review(call, review, pull["number"]),
            "pull_request": payloads.simple(call.forge, call.repo, pull),
            **more,
        },
    )


def _webhook_review(call, review, number: int):
    shown = payloads.review(call.forge, call.repo, review, number)
    return shown | {"state": shown["state"].lower()}


def _announce_comment(call, pull, row, action: str, **more) -> None:
    events.record(
        call.forge,
        call.repo,
        call.actor,
        "pull_request_review_comment",
        action,
        lambda: {
            "comment": payloads.review_comment(call.forge, call.repo, row, pull["number"]),
            "pull_request": payloads.simple(call.forge, call.repo, pull),
            **more,
        },
    )


def _one(call, pull):
    row = call.store.one("select * from reviews where issue_id = ? and id = ?", pull["id"], int(call.params["review"]))
    if row is None or (row["state"] == "PENDING" and row["login"] != call.login):
        raise not_found()
    return row


@route("GET", PULL + "/reviews", scope=READ)
def every(call):
    pull = call.pull()
    rows = call.page_rows(
        "select * from reviews where issue_id = ? and (state <> 'PENDING' or login = ?) order by id",
        pull["id"],
        call.login,
    )
    return [payloads.review(call.forge, call.repo, row, pull["number"]) for row in rows]


@route("POST", PULL + "/reviews", scope=WRITE)
def create(call):
    pull = call.pull()
    event = call.choice("event", (*STATES, "PENDING"), resource="PullRequestReview") or "PENDING"
    body = call.text("body", resource="PullRequestReview", limit=LONGEST_BODY) or ""
    _check_event(call, pull, event, body, bool(call.body.get("comments")))
    commit = call.text("commit_id") or pull["head_sha"]
    if commit not in (pull["head_sha"], *call.git.between(pull["base_sha"], pull["head_sha"])):
        raise Refusal(422, "Unprocessable Entity", ["The commit_id is not part of the pull request"])
    when = now()
    id = call.store.insert(
        "reviews",
        issue_id=pull["id"],
        login=call.login,
        body=body,
        state=STATES.get(event, "PENDING"),
        commit_id=commit,
        submitted_at=when if event in STATES else None,
        created_at=when,
    )
    for given in call.body.get("comments") or []:
        if not isinstance(given, dict):
            raise Refusal(422, "Invalid request.\n\nFor 'properties/comments', expected objects.")
        _write_comment(call, pull, id, given, commit)
    if event in STATES:
        _submitted(call, pull, id)
    return payloads.review(
        call.forge, call.repo, call.store.one("select * from reviews where id = ?", id), pull["number"]
    )


def _check_event(call, pull, event: str, body: str, comments: bool) -> None:
    if event == "APPROVE" and call.actor.kind == "job" and not call.repo["jobs_may_open_pulls"]:
        raise Refusal(422, "Unprocessable Entity", ["GitHub Actions is not permitted to approve pull requests."])
    if event in ("APPROVE", "REQUEST_CHANGES") and pull["login"] == call.login:
        raise Refusal(
            422,
            "Unprocessable Entity",
            [
                f"Can not {event.lower().replace('_', ' ')}"
                f"{' on' if event == 'REQUEST_CHANGES' else ''} your own pull request"
            ],
        )
    if event in ("REQUEST_CHANGES", "COMMENT") and not body and not comments:
        raise Refusal(422, "Unprocessable Entity", ["Body can't be blank"])


def _submitted(call, pull, id: int) -> None:
    review = call.store.one("select * from reviews where id = ?", id)
    call.store.run("delete from requested_reviewers where issue_id = ? and login = ?", pull["id"], call.login)
    call.store.update("issues", pull["id"], updated_at=now())
    _announce(call, pull, review, "submitted")
    for row in call.store.all("select * from review_comments where review_id = ? order by id", id):
        _announce_comment(call, pull, row, "created")


@route("GET", PULL + "/reviews/{review:int}", scope=READ)
def get(call):
    pull = call.pull()
    return payloads.review(call.forge, call.repo, _one(call, pull), pull["number"])


@route("PUT", PULL + "/reviews/{review:int}", scope=WRITE)
def edit(call):
    pull = call.pull()
    row = _one(call, pull)
    if row["login"] != call.login:
        raise Refusal(403, "Must have admin rights to Repository.")
    call.store.update(
        "reviews",
        row["id"],
        body=call.text("body", resource="PullRequestReview", required=True, limit=LONGEST_BODY),
    )
    fresh = _one(call, pull)
    _announce(call, pull, fresh, "edited", changes={"body": {"from": row["body"]}})
    return payloads.review(call.forge, call.repo, fresh, pull["number"])


@route("DELETE", PULL + "/reviews/{review:int}", scope=WRITE)
def discard(call):
    pull = call.pull()
    row = _one(call, pull)
    if row["state"] != "PENDING":
        raise Refusal(422, "Can not delete a non-pending pull request review")
    shown = payloads.review(call.forge, call.repo, row, pull["number"])
    call.store.run("delete from review_comments where review_id = ?", row["id"])
    call.store.run("delete from reviews where id = ?", row["id"])
    return shown


@route("POST", PULL + "/reviews/{review:int}/events", scope=WRITE)
def submit(call):
    pull = call.pull()
    row = _one(call, pull)
    event = call.choice("event", STATES, resource="PullRequestReview", required=True)
    if row["state"] != "PENDING":
        raise Refusal(422, "Unprocessable Entity", ["Can not submit a review twice"])
    body = call.text("body", resource="PullRequestReview", limit=LONGEST_BODY) or row["body"]
    has = call.store.value("select 1 from review_comments where review_id = ?", row["id"])
    _check_event(call, pull, event, body, bool(has))
    call.store.update("reviews", row["id"], state=STATES[event], body=body, submitted_at=now())
    _submitted(call, pull, row["id"])
    return payloads.review(call.forge, call.repo, _one(call, pull), pull["number"])


@route("PUT", PULL + "/reviews/{review:int}/dismissals", role="write", scope=WRITE)
def dismiss(call):
    pull = call.pull()
    row = _one(call, pull)
    call.text("message", resource="PullRequestReview", required=True)
    if row["state"] not in ("APPROVED", "CHANGES_REQUESTED"):
        raise Refusal(422, "Can not dismiss a commented pull request review")
    call.store.update("reviews", row["id"], state="DISMISSED")
    fresh = _one(call, pull)
    _announce(call, pull, fresh, "dismissed")
    return payloads.review(call.forge, call.repo, fresh, pull["number"])


# Comments on lines.


def _write_comment(call, pull, review: int, given: dict, commit: str, parent=None):
    body = given.get("body")
    if not isinstance(body, str) or not body.strip():
        raise invalid("PullRequestReviewComment", "body", "missing_field")
    if len(body) > LONGEST_BODY:
        raise invalid(
            "PullRequestReviewComment",
            "body",
            "custom",
            f"body is too long (maximum is {LONGEST_BODY} characters)",
        )
    when = now()
    if parent is not None:
        columns = {
            key: parent[key]
            for key in (
                "path",
                "line",
                "original_line",
                "side",
                "start_line",
                "start_side",
                "position",
                "original_position",
                "subject_type",
                "commit_id",
                "original_commit_id",
                "diff_hunk",
            )
        } | {"in_reply_to": parent["id"]}
    else:
        path, side = given.get("path"), given.get("side") or "RIGHT"
        if not isinstance(path, str):
            raise invalid("PullRequestReviewComment", "path", "missing_field")
        line, position = given.get("line"), given.get("position")
        whole = given.get("subject_type") == "file"
        for name, number in (("line", line), ("position", position), ("start_line", given.get("start_line"))):
            if number is not None and (isinstance(number, bool) or not isinstance(number, int)):
                raise invalid("PullRequestReviewComment", name, "invalid")
        if line is None and position is None and not whole:
            raise invalid("PullRequestReviewComment", "line", "missing_field")
        change = anchors.shown(call.git, pull, path)
        if change is None:
            raise invalid("PullRequestReviewComment", "path", "custom", "path is not part of the pull request's diff")
        if line is None and position is not None:
            line, side = anchors.line_at(change.patch, position) or (None, side)
        found = (None, "") if whole else anchors.place(change.patch, line, side) if line else None
        if found is None:
            raise invalid("PullRequestReviewComment", "line", "custom", "line must be part of the diff")
        position, hunk = found
        line = None if whole else line
        columns = {
            "path": path,
            "line": line,
            "original_line": line,
            "side": side,
            "start_line": given.get("start_line"),
            "start_side": given.get("start_side"),
            "position": position,
            "original_position": position,
            "subject_type": "file" if whole else "line",
            "commit_id": commit,
            "original_commit_id": commit,
            "diff_hunk": hunk,
        }
    return call.store.insert(
        "review_comments",
        repo_id=call.repo["id"],
        issue_id=pull["id"],
        review_id=review,
        login=call.login,
        body=body,
        created_at=when,
        updated_at=when,
        **columns,
    )


@route("GET", PULL + "/comments", scope=READ)
def comments(call):
    pull = call.pull()
    rows = call.page_rows(
        "select review_comments.* from review_comments join reviews on review_id = reviews.id "
        "where review_comments.issue_id = ? and state <> 'PENDING' order by review_comments.id",
        pull["id"],
    )
    return [payloads.review_comment(call.forge, call.repo, row, pull["number"]) for row in rows]


@route("GET", PULL + "/reviews/{review:int}/comments", scope=READ)
def review_comments(call):
    pull = call.pull()
    rows = call.page_rows("select * from review_comments where review_id = ? order by id", _one(call, pull)["id"])
    return [payloads.review_comment(call.forge, call.repo, row, pull["number"]) for row in rows]


@route("POST", PULL + "/comments", status=201, scope=WRITE)
def comment(call):
    pull = call.pull()
    parent = None
    if "in_reply_to" in call.body:
        parent = _comment(call, call.number("in_reply_to"))
    commit = call.text("commit_id") or pull["head_sha"]
    when = now()
    review = call.store.insert(
        "reviews",
        issue_id=pull["id"],
        login=call.login,
        state="COMMENTED",
        commit_id=commit,
        submitted_at=when,
        created_at=when,
    )
    id = _write_comment(call, pull, review, call.body, commit, parent)
    _submitted(call, pull, review)
    return payloads.review_comment(call.forge, call.repo, _comment(call, id), pull["number"])


@route("POST", PULL + "/comments/{id:int}/replies", status=201, scope=WRITE)
def reply(call):
    call.body = {"body": call.body.get("body"), "in_reply_to": int(call.params["id"])}
    return comment(call)


def _comment(call, id: int):
    row = call.store.one("select * from review_comments where repo_id = ? and id = ?", call.repo["id"], id)
    if row is None:
        raise not_found()
    return row


def _with_pull(call):
    row = _comment(call, int(call.params["id"]))
    number = call.store.value("select number from issues where id = ?", row["issue_id"])
    return row, merging.pull(call.forge, call.repo, number)


@route("GET", R + "/pulls/comments", scope=READ)
def all_comments(call):
    rows = call.page_rows(
        "select review_comments.*, number from review_comments join issues on issues.id = issue_id "
        "where review_comments.repo_id = ? order by review_comments.id",
        call.repo["id"],
    )
    return [payloads.review_comment(call.forge, call.repo, row, row["number"]) for row in rows]


@route("GET", R + "/pulls/comments/{id:int}", scope=READ)
def one_comment(call):
    row, pull = _with_pull(call)
    return payloads.review_comment(call.forge, call.repo, row, pull["number"])


@route("PATCH", R + "/pulls/comments/{id:int}", scope=WRITE)
def edit_comment(call):
    row, pull = _with_pull(call)
    if row["login"] != call.login and not (call.can("write") and call.actor.kind == "person"):
        raise Refusal(403, "Must have admin rights to Repository.")
    body = call.text("body", resource="PullRequestReviewComment", required=True, limit=LONGEST_BODY)
    call.store.update("review_comments", row["id"], body=body, updated_at=now())
    fresh = _comment(call, row["id"])
    _announce_comment(call, pull, fresh, "edited", changes={"body": {"from": row["body"]}})
    return payloads.review_comment(call.forge, call.repo, fresh, pull["number"])


@route("DELETE", R + "/pulls/comments/{id:int}", scope=WRITE)
def delete_comment(call):
    row, pull = _with_pull(call)
    if row["login"] != call.login and not (call.can("write") and call.actor.kind == "person"):
        raise Refusal(403, "Must have admin rights to Repository.")
    call.store.run("delete from review_comments where id = ?", row["id"])
    _announce_comment(call, pull, row, "deleted")

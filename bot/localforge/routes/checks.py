"""Check runs and the suites that hold them."""

import json

from bot.localforge import events
from bot.localforge.git import SHA
from bot.localforge.payloads import checks as payloads
from bot.localforge.payloads.repos import branches_at
from bot.localforge.routes.commits import commit_of
from bot.localforge.store import now
from bot.localforge.wire import Refusal, not_found, route

R = "/repos/{owner}/{repo}"
READ, WRITE = "checks:read", "checks:write"
STATUSES = ("queued", "in_progress", "completed", "waiting", "requested", "pending")
CONCLUSIONS = (
    "action_required",
    "cancelled",
    "failure",
    "neutral",
    "success",
    "skipped",
    "stale",
    "timed_out",
)


def _suite(call, sha: str) -> int:
    call.store.run(
        "insert or ignore into check_suites (repo_id, sha, branch, created_at) values (?, ?, ?, ?)",
        call.repo["id"],
        sha,
        next((branch["name"] for branch in branches_at(call.forge, call.repo, sha)), None),
        now(),
    )
    return call.store.value("select id from check_suites where repo_id = ? and sha = ?", call.repo["id"], sha)


def _given(call, row=None) -> dict:
    """The columns that a create or update sets."""
    out = {}
    status = call.choice("status", STATUSES, resource="CheckRun")
    conclusion = call.choice("conclusion", CONCLUSIONS, resource="CheckRun")
    if status == "completed" and conclusion is None and not (row and row["conclusion"]):
        raise Refusal(422, "Invalid request.\n\nMissing required conclusion for the status completed.")
    if status:
        out["status"] = status
    if conclusion:
        out |= {
            "status": "completed",
            "conclusion": conclusion,
            "completed_at": call.text("completed_at") or now(),
        }
    for name in ("external_id", "details_url", "started_at"):
        if name in call.body:
            out[name] = call.text(name)
    output = call.body.get("output")
    if output is not None:
        if not isinstance(output, dict) or not isinstance(output.get("summary"), str):
            raise Refusal(
                422, "Invalid request.\n\nFor 'properties/output', expected an object with title and summary."
            )
        if any(len(output.get(key) or "") > 65535 for key in ("summary", "text")):
            raise Refusal(
                422,
                "Invalid request.\n\nOnly 65535 characters are allowed in output.summary and output.text.",
            )
        out["output"] = json.dumps({key: output.get(key) for key in ("title", "summary", "text")})
    return out


def _announce(call, id: int, action: str) -> dict:
    def shown():
        return payloads.check_run(call.forge, call.repo, call.store.one("select * from check_runs where id = ?", id))

    events.record(
        call.forge, call.repo, call.actor, "check_run", action, lambda: {"check_run": _webhook(call, shown())}
    )
    return shown()


def _webhook(call, shown: dict) -> dict:
    suite = payloads.check_suite(
        call.forge,
        call.repo,
        call.store.one("select * from check_suites where id = ?", shown["check_suite"]["id"]),
    )
    return shown | {
        "check_suite": {
            key: suite[key]
            for key in (
                "id",
                "node_id",
                "head_branch",
                "head_sha",
                "status",
                "conclusion",
                "url",
                "before",
                "after",
                "pull_requests",
                "app",
                "created_at",
                "updated_at",
            )
        }
    }


@route("POST", R + "/check-runs", status=201, role="write", scope=WRITE)
def create(call):
    name, sha = (
        call.text("name", resource="CheckRun", required=True),
        call.text("head_sha", resource="CheckRun", required=True),
    )
    if not SHA.fullmatch(sha) or call.git.commit(sha) is None:
        raise Refusal(422, f"No commit found for SHA: {sha}")
    columns = {"status": "queued", "started_at": now()} | _given(call)
    id = call.store.insert(
        "check_runs", repo_id=call.repo["id"], suite_id=_suite(call, sha), sha=sha, name=name, **columns
    )
    shown = _announce(call, id, "created")
    if columns["status"] == "completed":
        _announce(call, id, "completed")
    return shown


def _one(call):
    row = call.store.one(
        "select * from check_runs where repo_id = ? and id = ?", call.repo["id"], int(call.params["id"])
    )
    if row is None:
        raise not_found()
    return row


@route("GET", R + "/check-runs/{id:int}", scope=READ)
def get(call):
    return payloads.check_run(call.forge, call.repo, _one(call))


@route("PATCH", R + "/check-runs/{id:int}", role="write", scope=WRITE)
def edit(call):
    row = _one(call)
    columns = _given(call, row)
    if "name" in call.body:
        columns["name"] = call.text("name", resource="CheckRun", required=True)
    if columns:
        call.store.update("check_runs", row["id"], **columns)
    if columns.get("status") == "completed" and row["status"] != "completed":
        return _announce(call, row["id"], "completed")
    return payloads.check_run(call.forge, call.repo, _one(call))


def _runs(call, where: str, *args):
    words, extra = [where], list(args)
    for name, column in (("check_name", "name"), ("status", "status")):
        if call.query.get(name):
            words.append(f"{column} = ?")
            extra.append(call.query[name])
    if call.query.get("filter", "latest") == "latest":
        words.append(f"id in (select max(id) from check_runs where {where} group by name)")
        extra += args
    sql = f"select * from check_runs where {' and '.join(words)} order by id"
    return {
        "total_count": call.count(sql, *extra),
        "check_runs": [payloads.check_run(call.forge, call.repo, row) for row in call.page_rows(sql, *extra)],
    }


@route("GET", R + "/commits/{ref:path}/check-runs", scope=READ)
def of_commit(call):
    return _runs(call, "repo_id = ? and sha = ?", call.repo["id"], commit_of(call).sha)


@route("GET", R + "/check-suites/{id:int}/check-runs", scope=READ)
def of_suite(call):
    return _runs(call, "suite_id = ?", int(call.params["id"]))


@route("GET", R + "/check-suites/{id:int}", scope=READ)
def suite(call):
    row = call.store.one(
        "select * from check_suites where repo_id = ? and id = ?", call.repo["id"], int(call.params["id"])
    )
    if row is None:
        raise not_found()
    return payloads.check_suite(call.forge, call.repo, row)


@route("GET", R + "/commits/{ref:path}/check-suites", scope=READ)
def suites(call):
    sql = "select * from check_suites where repo_id = ? and sha = ? order by id"
    args = call.repo["id"], commit_of(call).sha
    return {
        "total_count": call.count(sql, *args),
        "check_suites": [payloads.check_suite(call.forge, call.repo, row) for row in call.page_rows(sql, *args)],
    }

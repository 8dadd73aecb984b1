"""Commit statuses, check runs and check suites."""

import json

from bot.localforge.payloads import node_id
from bot.localforge.payloads.commits import head_commit
from bot.localforge.payloads.repos import full_name, minimal
from bot.localforge.payloads.users import app, user


def status(forge, repo, row, creator: bool = True) -> dict:
    who = user(forge, row["login"])
    out = {
        "url": f"{forge.api}/repos/{full_name(repo)}/statuses/{row['sha']}",
        "avatar_url": who["avatar_url"],
        "id": row["id"],
        "node_id": node_id("Status", row["id"]),
        "state": row["state"],
        "description": row["description"],
        "target_url": row["target_url"],
        "context": row["context"],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }
    return out | ({"creator": who} if creator else {})


def latest_statuses(store, repo_id: int, sha: str) -> list:
    """The newest status of each context, newest first: what counts for a commit."""
    return store.all(
        "select * from statuses where id in (select max(id) from statuses where repo_id = ? and sha = ? "
        "group by context) order by id desc",
        repo_id,
        sha,
    )


def combined_state(rows) -> str:
    states = {row["state"] for row in rows}
    if states & {"failure", "error"}:
        return "failure"
    return "success" if states == {"success"} else "pending"


def check_run(forge, repo, row) -> dict:
    url = f"{forge.api}/repos/{full_name(repo)}/check-runs/{row['id']}"
    page = f"{forge.url}/{full_name(repo)}/runs/{row['id']}"
    output = json.loads(row["output"])
    return {
        "id": row["id"],
        "head_sha": row["sha"],
        "node_id": node_id("CheckRun", row["id"]),
        "external_id": row["external_id"] or "",
        "url": url,
        "html_url": page,
        "details_url": row["details_url"] or page,
        "status": row["status"],
        "conclusion": row["conclusion"],
        "started_at": row["started_at"],
        "completed_at": row["completed_at"],
        "output": {
            "title": output.get("title"),
            "summary": output.get("summary"),
            "text": output.get("text"),
            "annotations_count": 0,
            "annotations_url": f"{url}/annotations",
        },
        "name": row["name"],
        "check_suite": {"id": row["suite_id"]},
        "app": app(forge),
        "pull_requests": [],
    }


def check_suite(forge, repo, row) -> dict:
    url = f"{forge.api}/repos/{full_name(repo)}/check-suites/{row['id']}"
    runs = forge.store.all("select status, conclusion from check_runs where suite_id = ?", row["id"])
    done = bool(runs) and all(run["status"] == "completed" for run in runs)
    bad = any(run["conclusion"] in ("failure", "timed_out", "cancelled", "action_required") for run in runs)
    found = forge.git(repo).commit(row["sha"])
    return {
        "id": row["id"],
        "node_id": node_id("CheckSuite", row["id"]),
        "head_branch": row["branch"],
        "head_sha": row["sha"],
        "status": "completed" if done else "queued" if not runs else "in_progress",
        "conclusion": ("failure" if bad else "success") if done else None,
        "url": url,
        "before": None,
        "after": row["sha"],
        "pull_requests": [],
        "app": app(forge),
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "latest_check_runs_count": len(runs),
        "check_runs_url": f"{url}/check-runs",
        "head_commit": head_commit(found),
        "repository": minimal(forge, repo),
    }

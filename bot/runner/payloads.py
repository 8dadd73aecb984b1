"""Runs, jobs, workflows and artifacts in the shapes of GitHub's REST API (its OpenAPI description)."""

import base64
import functools
from typing import TYPE_CHECKING, Any

from bot.runner import repository
from bot.runner.store import Row

if TYPE_CHECKING:
    from bot.runner.scheduler import Scheduler

Payload = dict[str, Any]
RUNNER_NAME = "auton-local"


def node_id(kind: str, number: int) -> str:
    return f"{kind}_" + base64.urlsafe_b64encode(f"{kind}:{number}".encode()).decode().rstrip("=")


def _api(runner: "Scheduler", repo: str) -> str:
    return f"{runner.host.url}/api/v3/repos/{repo}"


def _page(runner: "Scheduler", repo: str) -> str:
    return f"{runner.host.url}/{repo}/actions"


@functools.lru_cache(maxsize=1024)
def _commit(bare, sha: str) -> Payload:
    details = repository.commit_details(bare, sha)
    return {"id": sha, "tree_id": details["tree"], "message": details["message"], "timestamp": details["date"],
            "author": {"name": details["author"], "email": details["author_email"]},
            "committer": {"name": details["committer"], "email": details["committer_email"]}}


def workflow(runner: "Scheduler", row: Row) -> Payload:
    base = _api(runner, row["repo"])
    file = row["path"].rpartition("/")[2]
    return {"id": row["id"], "node_id": node_id("W", row["id"]), "name": row["name"], "path": row["path"],
            "state": row["state"], "created_at": row["created_at"], "updated_at": row["updated_at"],
            "url": f"{base}/actions/workflows/{row['id']}",
            "html_url": f"{runner.host.url}/{row['repo']}/blob/{runner.host.default_branch(row['repo'])}/{row['path']}",
            "badge_url": f"{_page(runner, row['repo'])}/workflows/{file}/badge.svg"}


def run(runner: "Scheduler", row: Row) -> Payload:
    base, page = f"{_api(runner, row['repo'])}/actions/runs/{row['id']}", _page(runner, row["repo"])
    repo = runner.host.repo_payload(row["repo"])
    found = runner.store.one("SELECT name, path FROM workflows WHERE id = ?", row["workflow_id"])
    previous = f"{base}/attempts/{row['attempt'] - 1}" if row["attempt"] > 1 else None
    return {
        "id": row["id"], "node_id": node_id("WFR", row["id"]), "name": found["name"], "path": found["path"],
        "display_title": row["title"], "run_number": row["number"], "run_attempt": row["attempt"],
        "event": row["event"], "status": row["status"], "conclusion": row["conclusion"],
        "workflow_id": row["workflow_id"], "head_branch": row["head_branch"], "head_sha": row["head_sha"],
        "check_suite_id": row["id"], "check_suite_node_id": node_id("CS", row["id"]),
        "created_at": row["created_at"], "updated_at": row["updated_at"], "run_started_at": row["started_at"],
        "actor": runner.host.user_payload(row["actor"]),
        "triggering_actor": runner.host.user_payload(row["triggering_actor"]),
        "pull_requests": _pull_requests(row), "referenced_workflows": [],
        "head_commit": _commit(runner.host.bare(row["repo"]), row["head_sha"]), "repository": repo,
        "head_repository": repo, "head_repository_id": repo["id"], "url": base, "html_url": f"{page}/runs/{row['id']}",
        "jobs_url": f"{base}/jobs", "logs_url": f"{base}/logs", "artifacts_url": f"{base}/artifacts",
        "cancel_url": f"{base}/cancel", "rerun_url": f"{base}/rerun", "previous_attempt_url": previous,
        "check_suite_url": f"{_api(runner, row['repo'])}/check-suites/{row['id']}",
        "workflow_url": f"{_api(runner, row['repo'])}/actions/workflows/{row['workflow_id']}"}


def _pull_requests(row: Row) -> list[Payload]:
    pull = row["payload"].get("pull_request")
    if row["event"] != "pull_request" or not pull:
        return []

    def side(name: str) -> Payload:
        repo = pull[name].get("repo") or {}
        return {"ref": pull[name]["ref"], "sha": pull[name]["sha"],
                "repo": {key: repo.get(key, 0 if key == "id" else "") for key in ("id", "url", "name")}}

    return [{"id": pull.get("id", 0), "number": pull["number"], "url": pull.get("url", ""), "head": side("head"),
             "base": side("base")}]


def job(runner: "Scheduler", row: Row) -> Payload:
    of = runner.store.one("SELECT runs.repo, head_sha, head_branch, workflows.name AS workflow FROM runs "
                          "JOIN workflows ON workflows.id = workflow_id WHERE runs.id = ?", row["run_id"])
    base, page = _api(runner, of["repo"]), _page(runner, of["repo"])
    ran = row["status"] == "in_progress" or bool(runner.store.one("SELECT 1 FROM steps WHERE job_id = ?", row["id"]))
    return {
        "id": row["id"], "node_id": node_id("CR", row["id"]), "run_id": row["run_id"], "run_attempt": row["attempt"],
        "run_url": f"{base}/actions/runs/{row['run_id']}", "head_sha": of["head_sha"],
        "head_branch": of["head_branch"], "workflow_name": of["workflow"], "name": row["name"],
        "url": f"{base}/actions/jobs/{row['id']}", "html_url": f"{page}/runs/{row['run_id']}/job/{row['id']}",
        "check_run_url": f"{base}/check-runs/{row['id']}", "status": row["status"], "conclusion": row["conclusion"],
        "created_at": row["created_at"], "started_at": row["started_at"] or row["created_at"],
        "completed_at": row["completed_at"], "labels": ["ubuntu-latest"],
        "runner_id": 1 if ran else None, "runner_name": RUNNER_NAME if ran else None,
        "runner_group_id": 1 if ran else None, "runner_group_name": "Default" if ran else None,
        "steps": [{"name": step["name"], "number": step["number"], "status": step["status"],
                   "conclusion": step["conclusion"], "started_at": step["started_at"],
                   "completed_at": step["completed_at"]} for step in runner.store.steps(row["id"])]}


def artifact(runner: "Scheduler", row: Row) -> Payload:
    of = runner.store.run(row["run_id"])
    base = f"{_api(runner, row['repo'])}/actions/artifacts/{row['id']}"
    repo_id = runner.host.repo_payload(row["repo"])["id"]
    return {"id": row["id"], "node_id": node_id("A", row["id"]), "name": row["name"], "size_in_bytes": row["size"],
            "url": base, "archive_download_url": f"{base}/zip", "expired": False, "created_at": row["created_at"],
            "updated_at": row["created_at"], "expires_at": row["expires_at"], "digest": row["digest"],
            "workflow_run": {"id": of["id"], "repository_id": repo_id, "head_repository_id": repo_id,
                             "head_branch": of["head_branch"], "head_sha": of["head_sha"]}}

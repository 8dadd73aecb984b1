"""The `github` context of a run, and the environment variables that a job's steps see.

Source: GitHub's "Contexts reference" and "Variables reference". The environment starts empty but for a few of the
server's own variables: a model's key in the server's environment must not reach a job.
"""

import os
import platform
import sys
from pathlib import Path
from typing import Any

from bot.localforge.ports import Host
from bot.runner.store import Row
from bot.runner.workflow import Workflow

PASSED_ON = ("LANG", "LC_ALL", "TZ", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
             "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
ARCH = {"x86_64": "X64", "aarch64": "ARM64"}


def ref_name(ref: str) -> str:
    for prefix in ("refs/heads/", "refs/tags/", "refs/pull/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def github(host: Host, run: Row, workflow: Workflow) -> dict[str, Any]:
    """Everything of the `github` context that is known before a job starts."""
    repo, payload = run["repo"], run["payload"]
    repository = host.repo_payload(repo)
    actor, triggering = host.user_payload(run["actor"]), run["triggering_actor"]
    pull = payload.get("pull_request") or {}
    return {
        "repository": repo, "repository_id": str(repository["id"]), "repository_owner": repo.partition("/")[0],
        "repository_owner_id": str(repository["owner"]["id"]), "repositoryUrl": f"{host.url}/{repo}.git",
        "repository_visibility": "private" if repository.get("private") else "public",
        "run_id": str(run["id"]), "run_number": str(run["number"]), "run_attempt": str(run["attempt"]),
        "retention_days": "90", "actor": run["actor"], "actor_id": str(actor["id"]), "triggering_actor": triggering,
        "workflow": workflow.name, "workflow_ref": f"{repo}/{workflow.path}@{run['ref']}",
        "workflow_sha": run["sha"], "event_name": run["event"], "event": payload, "sha": run["sha"],
        "ref": run["ref"], "ref_name": ref_name(run["ref"]), "ref_protected": False,
        "ref_type": "tag" if run["ref"].startswith("refs/tags/") else "branch",
        "head_ref": (pull.get("head") or {}).get("ref", ""), "base_ref": (pull.get("base") or {}).get("ref", ""),
        "server_url": host.url, "api_url": f"{host.url}/api/v3", "graphql_url": f"{host.url}/api/graphql",
        "secret_source": "Actions",
    }


def runner(temp: Path) -> dict[str, Any]:
    return {"name": "auton-local", "os": "Linux", "arch": ARCH.get(platform.machine(), platform.machine().upper()),
            "temp": str(temp), "tool_cache": str(temp / "_tool"), "environment": "self-hosted", "debug": ""}


def environment(context: dict[str, Any], work: Path) -> dict[str, str]:
    """The default variables of a job: GITHUB_*, RUNNER_*, CI, and where its home is."""
    given = {key: os.environ[key] for key in PASSED_ON if key in os.environ}
    tools = str(Path(sys.executable).parent)  # so that `auton` is the one that runs the forge
    path = os.environ.get("PATH", "/usr/local/bin:/usr/bin:/bin")
    for key in ("repository", "repository_id", "repository_owner", "repository_owner_id", "run_id", "run_number",
                "run_attempt", "retention_days", "actor", "actor_id", "triggering_actor", "workflow", "workflow_ref",
                "workflow_sha", "event_name", "sha", "ref", "ref_name", "ref_type", "head_ref", "base_ref",
                "server_url", "api_url", "graphql_url", "job", "workspace", "event_path"):
        given[f"GITHUB_{key.upper()}"] = str(context[key])
    given["GITHUB_REF_PROTECTED"] = "false"
    for key, value in runner(work / "temp").items():
        if value:
            given[f"RUNNER_{key.upper()}"] = value
    return given | {"CI": "true", "GITHUB_ACTIONS": "true", "AUTON_LOCAL": "1", "HOME": str(work / "home"),
                    "PATH": path if path.split(":")[0] == tools else f"{tools}:{path}", "TERM": "dumb",
                    "USER": "runner", "LOGNAME": "runner", "SHELL": "/bin/bash", "GIT_TERMINAL_PROMPT": "0"}

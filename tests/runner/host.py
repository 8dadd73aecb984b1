"""A small forge for the runner's tests: one real bare repository, people, tokens, and an HTTP server for the routes.

Everything the runner touches is real (git, SQLite, processes, HTTP); only what GitHub knows beside Actions is left out.
"""

import secrets
import subprocess
import threading
import time
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException

from bot.localforge.ports import Event

REPO = "you/os"
CHECKOUT = "actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683"
UPLOAD = "actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02"
DOWNLOAD = "actions/download-artifact@d3f86a106a0bac45b974a628896c90dbdf5c8093"


def git(*args: str, cwd: Path | None = None) -> str:
    return subprocess.run(["git", "-c", "user.name=You", "-c", "user.email=you@example.org", *args], cwd=cwd,
                          check=True, capture_output=True, text=True).stdout.strip()


class SmallHost:
    """Implements bot.localforge.ports.Host over one repository."""

    def __init__(self, folder: Path, url: str = "http://127.0.0.1:1"):
        self.url, self.data = url, folder / "data"
        self.data.mkdir(exist_ok=True)
        self._bare, self.tree = folder / "os.git", folder / "tree"
        if not self._bare.exists():
            git("init", "-q", "--bare", "-b", "main", str(self._bare))
            git("clone", "-q", str(self._bare), str(self.tree))
            git("checkout", "-q", "-b", "main", cwd=self.tree)
        self.tokens: dict[str, tuple[str, dict[str, str]]] = {"owner": ("you", {}), "reader": ("guest", {})}
        self.minted: list[tuple[dict[str, str], int]] = []
        self.revoked: list[str] = []
        self.given_secrets = {"KEY": "s3cret-value"}
        self.given_variables = {"COLOUR": "blue"}
        self.published: list[Event] = []
        self.runner = None

    def bare(self, repo: str) -> Path:
        if repo != REPO:
            raise KeyError(repo)
        return self._bare

    def default_branch(self, repo: str) -> str:
        return "main"

    def repositories(self) -> list[str]:
        return [REPO]

    def mint(self, repo: str, permissions: dict[str, str], run_id: int) -> str:
        token = "ghs_" + secrets.token_hex(16)
        self.tokens[token] = ("github-actions[bot]", permissions)
        self.minted.append((permissions, run_id))
        return token

    def revoke(self, token: str) -> None:
        self.tokens.pop(token, None)
        self.revoked.append(token)

    def secrets(self, repo: str) -> dict[str, str]:
        return self.given_secrets

    def variables(self, repo: str) -> dict[str, str]:
        return self.given_variables

    def repo_payload(self, repo: str) -> dict[str, Any]:
        return {"id": 7, "full_name": repo, "name": repo.partition("/")[2], "private": False,
                "url": f"{self.url}/api/v3/repos/{repo}", "owner": self.user_payload(repo.partition("/")[0])}

    def user_payload(self, login: str) -> dict[str, Any]:
        return {"login": login, "id": sum(map(ord, login)), "type": "User"}

    def publish(self, event: Event) -> None:
        self.published.append(event)
        self.runner.on_event(event)

    def authorize(self, request, repo: str, permission: str, level: str) -> str:
        token = request.headers.get("authorization", "").removeprefix("token ").removeprefix("Bearer ")
        if token not in self.tokens:
            raise HTTPException(401, "Bad credentials")
        login, permissions = self.tokens[token]
        if repo != REPO:
            raise HTTPException(404, "Not Found")
        if level == "write" and (login == "guest" or (login != "you" and permissions.get(permission) != "write")):
            raise HTTPException(403, "Resource not accessible")
        return login

    # For tests

    def commit(self, files: dict[str, str], message: str = "Change", branch: str = "main") -> str:
        """Commit and push `files`; the commit's SHA."""
        git("checkout", "-q", "-B", branch, cwd=self.tree)
        for name, content in files.items():
            path = self.tree / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content)
        git("add", "-A", cwd=self.tree)
        git("commit", "-q", "--allow-empty", "-m", message, cwd=self.tree)
        git("push", "-q", "-f", "origin", branch, cwd=self.tree)
        return git("rev-parse", "HEAD", cwd=self.tree)


class Forge:
    """A running runner over a SmallHost, with helpers that read like a test."""

    def __init__(self, folder: Path, jobs: int = 3, start: bool = True):
        from bot.runner import create

        self.host = SmallHost(folder)
        self.runner = self.host.runner = create(self.host, jobs=jobs)
        self.scheduler = self.runner.scheduler
        if start:
            self.runner.start()

    def push(self, workflow: str, *, files: dict[str, str] | None = None, **about: Any) -> dict:
        """Commit `workflow` as the only workflow file, tell of the push, wait for its run."""
        sha = self.commit(workflow, files)
        return self.finish(self.event("push", {"ref": "refs/heads/main", "after": sha, **about}, ref="refs/heads/main",
                                      sha=sha))

    def commit(self, workflow: str, files: dict[str, str] | None = None) -> str:
        return self.host.commit({".github/workflows/w.yml": workflow, **(files or {})})

    def event(self, name: str, payload: dict | None = None, *, action: str | None = None, by_job: bool = False,
              ref: str = "refs/heads/main", sha: str = "", actor: str = "you") -> int:
        """Tell an event; the id of the newest run before it."""
        last = self.scheduler.store.one("SELECT max(id) AS id FROM runs")["id"] or 0
        self.runner.on_event(Event(name, action, REPO, actor, payload or {}, by_job, ref, sha))
        return last

    def dispatch(self, inputs: dict | None = None, *, ref: str = "main", by_job: bool = False) -> int:
        """Dispatch w.yml; the id of the run."""
        row = self.scheduler.store.workflow(REPO, ".github/workflows/w.yml")
        actor = "github-actions[bot]" if by_job else "you"
        return self.scheduler.request(self.scheduler.dispatch, Event("workflow_dispatch", None, REPO, actor, {}, by_job,
                                                                     ref), row, inputs or {})

    def new_runs(self, after: int, count: int = 1, seconds: float = 10) -> list[dict]:
        """The runs made after run `after`, once there are `count`."""
        return wait(lambda: (rows := self.scheduler.store.query("SELECT * FROM runs WHERE id > ? ORDER BY id", after))
                    if len(self.scheduler.store.query("SELECT id FROM runs WHERE id > ?", after)) >= count
                    else None, f"{count} runs after {after}", seconds)

    def settled(self) -> None:
        """All told events have been looked at."""
        wait(lambda: self.scheduler.inbox.empty(), "an empty inbox")
        with self.scheduler.lock:
            pass

    def finish(self, after: int, seconds: float = 20) -> dict:
        """The one run made after run `after`, when it is done."""
        return self.done(self.new_runs(after)[0]["id"], seconds)

    def done(self, run_id: int, seconds: float = 20) -> dict:
        return wait(lambda: (row := self.scheduler.store.run(run_id)) and row["status"] == "completed" and row,
                    f"run {run_id} to complete", seconds)

    def jobs(self, run: dict) -> dict[str, dict]:
        return {row["name"]: row for row in self.scheduler.store.jobs(run["id"], run["attempt"])}

    def log(self, run: dict, name: str | None = None) -> str:
        """The text of a job's log, without its times."""
        jobs = self.jobs(run)
        row = jobs[name] if name else next(iter(jobs.values()))
        return "\n".join(line.partition(" ")[2] for line in self.runner.log(row["id"]).splitlines())

    def notes(self, run: dict) -> str:
        return "\n".join(f"{row['level']}: {row['message']}" for row in self.scheduler.store.annotations(run["id"]))

    def close(self) -> None:
        self.runner.stop()


def wait(what, name: str, seconds: float = 10):
    """What `what()` gives once it is true."""
    until = time.monotonic() + seconds
    while not (found := what()):
        if time.monotonic() > until:
            raise AssertionError(f"waited {seconds} s for {name}")
        time.sleep(0.01)
    return found


class Server(threading.Thread):
    """The runner's routes over HTTP, under /api/v3."""

    def __init__(self, forge: Forge):
        import socket

        import uvicorn
        from starlette.applications import Starlette
        from starlette.routing import Mount

        super().__init__(daemon=True)
        self.socket = socket.create_server(("127.0.0.1", 0))
        forge.host.url = f"http://127.0.0.1:{self.socket.getsockname()[1]}"
        app = Starlette(routes=[Mount("/api/v3", routes=forge.runner.routes())])
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))

    def run(self) -> None:
        self.server.run(sockets=[self.socket])

    def stop(self) -> None:
        self.server.should_exit = True
        self.join(5)

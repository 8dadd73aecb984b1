"""The local workflow runner: executes a repository's own .github/workflows/ as GitHub would, for the subset AUTON uses.

    event → intake (which workflows start) → scheduler (whose turn it is) → job (steps) → result → scheduler

`create` is its only door; the forge and the runner meet in `bot/localforge/ports.py`.
"""

import os
from typing import Any

from bot.errors import ConfigError
from bot.localforge.ports import Event, Host, Payload, Workflows
from bot.runner import payloads
from bot.runner.rest import Api
from bot.runner.scheduler import Scheduler


class Runner:
    """`bot.localforge.ports.Workflows`, and what the forge's pages read."""

    def __init__(self, host: Host, jobs: int):
        self.scheduler = Scheduler(host, jobs)
        self._api = Api(self.scheduler)

    def on_event(self, event: Event) -> None:
        self.scheduler.tell(event)

    def routes(self) -> list[Any]:
        return self._api.routes()

    def start(self) -> None:
        self.scheduler.start()

    def stop(self) -> None:
        self.scheduler.stop()

    # For the pages

    def runs_for(self, repo: str, sha: str) -> list[Payload]:
        """Runs of a commit, newest first."""
        rows = self.scheduler.store.query("SELECT * FROM runs WHERE repo = ? AND head_sha = ? ORDER BY id DESC",
                                          repo, sha)
        return [payloads.run(self.scheduler, row) for row in rows]

    def runs(self, repo: str, limit: int = 50) -> list[Payload]:
        """The newest runs of a repository."""
        rows = self.scheduler.store.query("SELECT * FROM runs WHERE repo = ? ORDER BY id DESC LIMIT ?", repo, limit)
        return [payloads.run(self.scheduler, row) for row in rows]

    def run(self, repo: str, run_id: int) -> Payload | None:
        row = self.scheduler.store.run(run_id)
        return payloads.run(self.scheduler, row) if row and row["repo"] == repo else None

    def jobs(self, run_id: int) -> list[Payload]:
        """The jobs of a run's last attempt, each with its steps and how long they took in wall and CPU seconds."""
        store = self.scheduler.store
        run = store.run(run_id)
        found = []
        for row in store.jobs(run_id, run["attempt"] if run else None):
            job = payloads.job(self.scheduler, row)
            times = {step["number"]: step for step in store.steps(row["id"])}
            for step in job["steps"]:
                step |= {key: times[step["number"]][key] for key in ("wall", "cpu", "summary")}
            found.append(job | {key: row[key] for key in ("wall", "cpu", "overhead")})
        return found

    def annotations(self, run_id: int) -> list[Payload]:
        return self.scheduler.store.annotations(run_id)

    def log(self, job_id: int, step: int | None = None) -> str:
        """The log of a job, or of one of its steps."""
        row = self.scheduler.store.job(job_id)
        if row is None:
            return ""
        logs = self.scheduler.logs
        return logs.job(row["log_id"]) if step is None else logs.step(row["log_id"], step)


def create(host: Host, jobs: int | None = None) -> Workflows:
    """The runner of `host`, not yet started. At most `jobs` jobs run at once (AUTON_RUNNER_JOBS, else 3)."""
    if jobs is None:
        given = os.environ.get("AUTON_RUNNER_JOBS", "3")
        if not given.isdigit() or not 1 <= int(given) <= 64:
            raise ConfigError(f"AUTON_RUNNER_JOBS: expected 1 to 64, found {given!r}", "set it to a number of jobs")
        jobs = int(given)
    return Runner(host, jobs)

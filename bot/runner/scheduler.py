"""Gives runs and jobs their turn: events in, jobs out to threads, results back, the next jobs.

All state is in the store and every step is taken under one lock, so that a killed server goes on where it was:
jobs that ran are lost and fail, whatever was queued goes on.
"""

import hashlib
import logging
import sqlite3
import threading
import time
from datetime import UTC, datetime
from typing import Any

from bot.localforge.ports import Event, Host
from bot.runner import contexts, graph, payloads, repository
from bot.runner.artifacts import Artifacts
from bot.runner.cron import Schedule
from bot.runner.evaluate import to_number, truthy
from bot.runner.expressions import ExpressionError
from bot.runner.inbox import Inbox
from bot.runner.intake import Intake
from bot.runner.job import Assignment, JobRun, Outcome
from bot.runner.log import Logs
from bot.runner.process import Cancel, sweep
from bot.runner.repository import parsed
from bot.runner.requests import CANCEL_ASKED, CANCEL_PASSED_ON
from bot.runner.store import Row, Store, minute_of, now
from bot.runner.template import Scope, condition, expand, text
from bot.runner.trash import Trash
from bot.runner.warm import Warm
from bot.runner.workflow import Job, Workflow, WorkflowError

SHORT_MINUTES = 10
"""A job whose timeout-minutes is at most this may use the slot kept free of longer ones."""
STOP_SECONDS = 10.0
log = logging.getLogger("auton.runner")


class Scheduler:
    def __init__(self, host: Host, jobs: int = 3):
        """Run at most `jobs` jobs at once, and one short job more."""
        self.host, self.slots = host, jobs
        self.folder = host.data / "actions"
        self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.store = Store(self.folder / "runner.db")
        self.inbox = Inbox(self.folder / "inbox.db")
        self.artifacts = Artifacts(self.store, self.folder / "artifacts")
        self.logs = Logs(self.folder / "logs")
        self.intake = Intake(host, self.store, self.logs)
        self.lock = threading.RLock()
        self._wake = threading.Event()
        self._stopping = False
        self._thread: threading.Thread | None = None
        self._running: dict[int, tuple[threading.Thread, Cancel]] = {}
        self.trash = Trash(self.folder / "trash", busy=lambda: bool(self._running))
        self._told: list[Event] = []
        """Events to publish once the lock is free."""
        self.tracking = f"auton_{hashlib.sha256(str(self.folder.resolve()).encode()).hexdigest()[:16]}_"
        self._minute = 0
        self.warm = Warm(self.folder, f"{self.tracking}forkserver")

    # Life

    def start(self) -> None:
        self._recover()
        self.trash.start()
        self._thread = threading.Thread(target=self._loop, name="runner", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop at once: jobs that run are lost, whatever is queued goes on at the next start."""
        self._stopping = True
        self.trash.stop()
        self._wake.set()
        if self._thread:
            self._thread.join(10)
        with self.lock:
            running = list(self._running.values())
            for _, cancel in running:
                cancel.request()
        self.warm.stop()
        until = time.monotonic() + STOP_SECONDS
        while any(thread.is_alive() for thread, _ in running) and time.monotonic() < until:
            sweep(self.tracking)
            time.sleep(0.02)

    def wake(self) -> None:
        self._wake.set()

    def tell(self, event: Event) -> None:
        """Remember an event; its runs start soon."""
        self.inbox.put(vars(event))
        self.wake()

    def _loop(self) -> None:
        while not self._stopping:
            try:
                busy = self._step()
            except Exception:
                log.exception("the runner's step failed")
                busy = False
                time.sleep(0.2)
            if not busy:
                self._wake.wait(60.5 - time.time() % 60)
                self._wake.clear()

    def _step(self) -> bool:
        """One event and whatever can move; whether there is more to do at once."""
        found = self.inbox.oldest()
        if found:
            self._take_in(*found)
        with self.lock:
            self._schedules()
            self.advance()
        self._publish()
        return found is not None

    def _take_in(self, number: int, event: dict[str, Any]) -> None:
        """Start the runs of one event. It is dropped afterwards: a crash may start them twice, but loses none."""
        try:
            with self.lock, self.store:
                for run_id in self.intake.runs_of(Event(**event)):
                    self._announce_new(run_id)
        except sqlite3.OperationalError:  # a full disk: the event stays until there is space
            raise
        except Exception:
            log.exception("the event %s of %s was not understood", event["name"], event["repo"])
        self.inbox.drop(number)

    def _recover(self) -> None:
        """After a stop or a crash: no process, folder or token of a lost job stays, and the job has failed."""
        sweep(self.tracking)
        with self.lock, self.store:
            for row in self.store.query("SELECT * FROM jobs WHERE status = 'in_progress'"):
                self._lose(row)
        self.trash.put(self.folder / "work")
        for partial in self.artifacts.folder.glob("*.part"):
            partial.unlink()

    def _lose(self, row: Row) -> None:
        self.store.annotate(row["run_id"], row["id"], "failure",
                            "The runner was lost: the server stopped while this job ran. Run the job again.")
        self.store.execute("UPDATE steps SET status = 'completed', conclusion = 'cancelled', completed_at = ? "
                           "WHERE job_id = ? AND status != 'completed'", now(), row["id"])
        self._end(row, Outcome("failure"))

    # Events to the outside

    def _publish(self) -> None:
        while True:
            with self.lock:
                events, self._told = self._told, []
            if not events:
                return
            for event in events:
                self.host.publish(event)

    def announce(self, run_id: int, action: str) -> None:
        run = self.store.run(run_id)
        payload = {"action": action, "workflow_run": payloads.run(self, run),
                   "workflow": payloads.workflow(self, self.store.workflow(run["repo"], self._path(run))),
                   "repository": self.host.repo_payload(run["repo"]),
                   "sender": self.host.user_payload(run["triggering_actor"])}
        self._told.append(Event("workflow_run", action, run["repo"], run["triggering_actor"], payload,
                                ref=run["ref"], sha=run["sha"], extra={"depth": str(run["depth"] + 1)}))

    def _announce_new(self, run_id: int) -> None:
        self.announce(run_id, "requested")
        if self.store.run(run_id)["status"] == "completed":
            self.announce(run_id, "completed")

    def _announce_job(self, row: Row, action: str) -> None:
        run = self.store.run(row["run_id"])
        payload = {"action": action, "workflow_job": payloads.job(self, self.store.job(row["id"])),
                   "repository": self.host.repo_payload(run["repo"]),
                   "sender": self.host.user_payload(run["triggering_actor"])}
        self._told.append(Event("workflow_job", action, run["repo"], run["triggering_actor"], payload,
                                ref=run["ref"], sha=run["sha"]))

    def _path(self, run: Row) -> str:
        return self.store.one("SELECT path FROM workflows WHERE id = ?", run["workflow_id"])["path"]

    def workflow(self, run: Row) -> Workflow:
        found = parsed(self._path(run), run["source"])
        if isinstance(found, WorkflowError):
            raise found
        return found

    # Schedules

    def _schedules(self) -> None:
        minute = minute_of()
        if minute == self._minute:
            return
        self._minute = minute
        for repo in self.host.repositories():
            minutes = [datetime.fromtimestamp(each * 60, UTC) for each in self.store.take_minutes(repo, minute)]
            bare, default = self.host.bare(repo), self.host.default_branch(repo)
            sha = repository.commit(bare, f"refs/heads/{default}")
            found = [parsed(path, source) for path, source in self.intake.files.at(bare, sha).items()] if sha else []
            due = {entry["cron"] for workflow in found if isinstance(workflow, Workflow)
                   for entry in workflow.on.get("schedule") or []
                   if isinstance(entry, dict) and _due(entry.get("cron"), minutes)}
            for cron in sorted(due):
                payload = {"schedule": cron, "repository": self.host.repo_payload(repo)}
                self.tell(Event("schedule", None, repo, repo.partition("/")[0], payload,
                                ref=f"refs/heads/{default}", sha=sha))

    # Runs

    def advance(self) -> None:
        """Move everything that can move; the caller holds the lock."""
        moved = True
        while moved:
            moved = False
            for run in self.store.open_runs():
                with self.store:
                    try:
                        moved |= self._advance_run(run)
                    except Exception as error:  # noqa: BLE001  a run that can't go on ends, and all others go on
                        log.warning("run %s: %r", run["id"], error)
                        self.store.annotate(run["id"], None, "failure", f"The run can't go on: {error}")
                        self._abandon(run)
                        moved = True
        self._start_jobs()

    def _advance_run(self, run: Row) -> bool:
        """Whether this run changed."""
        if run["status"] == "pending":
            if run["cancel"]:
                self._complete(run["id"], "cancelled")
                return True
            if self._group_is_busy(run["repo"], run["concurrency"], run["id"]):
                return False
            self.store.update("runs", run["id"], status="queued", updated_at=now())
            return True
        workflow = self.workflow(run)
        rows = self.store.jobs(run["id"], run["attempt"])
        if run["cancel"] == CANCEL_ASKED:  # once: jobs made from now on run because their `if:` says so
            self._cancel_rows(run, workflow, rows)
            self.store.update("runs", run["id"], cancel=CANCEL_PASSED_ON)
            rows = self.store.jobs(run["id"], run["attempt"])
        done = graph.results(rows)
        known = {row["key"] for row in rows}
        ready = [key for key, job in workflow.jobs.items()
                 if key not in known and all(each in done for each in job.needs)]
        for key in ready:
            self._make_jobs(run, workflow, workflow.jobs[key], rows, done)
        if not ready and len(done) == len(workflow.jobs):
            self._complete(run["id"], graph.conclusion(done, bool(run["cancel"])))
            return True
        return bool(ready)

    def _group_is_busy(self, repo: str, group: str, run_id: int = 0) -> bool:
        runs = self.store.query("SELECT id FROM runs WHERE repo = ? AND concurrency = ? AND id != ? "
                                "AND status IN ('queued', 'in_progress')", repo, group, run_id)
        jobs = self.store.query("SELECT jobs.id FROM jobs JOIN runs ON runs.id = run_id WHERE repo = ? "
                                "AND jobs.concurrency = ? AND jobs.status IN ('queued', 'in_progress')", repo, group)
        return bool(runs or jobs)

    def _complete(self, run_id: int, conclusion: str) -> None:
        self.store.update("runs", run_id, status="completed", conclusion=conclusion, updated_at=now())
        self.announce(run_id, "completed")

    def _abandon(self, run: Row) -> None:
        for row in self.store.jobs(run["id"], run["attempt"]):
            if row["id"] in self._running:
                self._running[row["id"]][1].request()
            elif row["status"] != "completed":
                self.store.update("jobs", row["id"], status="completed", conclusion="failure", result="failure",
                                  completed_at=now())
        self._complete(run["id"], "failure")

    def scope(self, run: Row, workflow: Workflow, job: Job, rows: list[Row], done: dict[str, str]) -> Scope:
        """What a job's own keys (`if`, `strategy`, `name`) may see."""
        needs = {key: {"result": done[key], "outputs": graph.outputs(rows, key)} for key in job.needs}
        return Scope({"github": contexts.github(self.host, run, workflow), "inputs": run["inputs"],
                      "vars": self.host.variables(run["repo"]), "needs": needs},
                     graph.status_functions(workflow, job.id, done, bool(run["cancel"])))

    def _make_jobs(self, run: Row, workflow: Workflow, job: Job, rows: list[Row], done: dict[str, str]) -> None:
        """The rows of one job that is due: skipped, failed before it began, or queued, one for each of its matrix."""
        scope = self.scope(run, workflow, job, rows, done)
        plain = Scope(scope.contexts)
        try:
            if not condition(job.condition, scope):
                name = job.name if job.name and "${{" not in job.name else job.id
                self.insert_job(run, job.id, name, {}, {}, "skipped")
                return
            made = graph.strategies(job.strategy, plain)
            for matrix, strategy in made:
                self._queue_job(run, job, matrix, strategy, plain.with_contexts(matrix=matrix, strategy=strategy))
        except (ExpressionError, graph.MatrixError) as error:
            job_id = self.insert_job(run, job.id, job.id, {}, {}, "failure")
            self.store.annotate(run["id"], job_id, "failure", f"{workflow.path}: jobs.{job.id}: {error}")

    def _queue_job(self, run: Row, job: Job, matrix: dict, strategy: dict, scope: Scope) -> None:
        name = text(job.name, scope) if job.name else graph.default_name(job.id, matrix)
        minutes = to_number(expand(job.timeout_minutes, scope))
        job_id = self.insert_job(run, job.id, name[:200], matrix, strategy, None, short=minutes <= SHORT_MINUTES)
        if job.concurrency:
            group = text(job.concurrency["group"], scope).lower()
            for other in self.store.query(
                    "SELECT jobs.* FROM jobs JOIN runs ON runs.id = run_id WHERE repo = ? AND jobs.concurrency = ? "
                    "AND jobs.status != 'completed'", run["repo"], group):
                if other["status"] == "pending" or truthy(expand(job.concurrency["cancel-in-progress"], scope)):
                    self._cancel_row(other)
            busy = self._group_is_busy(run["repo"], group)
            self.store.update("jobs", job_id, concurrency=group, status="pending" if busy else "queued")
        self._announce_job({"id": job_id, "run_id": run["id"]}, "queued")

    def insert_job(self, run: Row, key: str, name: str, matrix: dict, strategy: dict, conclusion: str | None,
                    short: bool = False) -> int:
        at = now()
        job_id = self.store.insert(
            "jobs", run_id=run["id"], attempt=run["attempt"], key=key, name=name, matrix=matrix, strategy=strategy,
            status="completed" if conclusion else "queued", conclusion=conclusion, result=conclusion, short=short,
            created_at=at, started_at=at if conclusion else None, completed_at=at if conclusion else None)
        self.store.update("jobs", job_id, log_id=job_id)
        return job_id

    # Jobs

    def _start_jobs(self) -> None:
        """Start queued jobs in order while there are slots, within max-parallel and their groups."""
        for row in self.store.query("SELECT jobs.*, repo FROM jobs JOIN runs ON runs.id = run_id "
                                    "WHERE jobs.status IN ('queued', 'pending') ORDER BY jobs.id"):
            if self._stopping or len(self._running) >= self.slots + 1:
                return
            if len(self._running) == self.slots and not row["short"]:
                continue
            if row["status"] == "pending" and self._group_is_busy(row["repo"], row["concurrency"]):
                continue
            beside = self.store.query("SELECT id FROM jobs WHERE run_id = ? AND attempt = ? AND key = ? "
                                      "AND status = 'in_progress'", row["run_id"], row["attempt"], row["key"])
            if len(beside) < row["strategy"].get("max-parallel", 1):
                try:
                    self._start_job(self.store.job(row["id"]))
                except Exception as error:  # noqa: BLE001  a job that can't start has failed, and is seen to have
                    log.warning("job %s: %r", row["id"], error)
                    self.store.annotate(row["run_id"], row["id"], "failure", f"The job can't start: {error}")
                    with self.store:
                        self._end(self.store.job(row["id"]), Outcome("failure"))
                    self.wake()

    def _start_job(self, row: Row) -> None:
        run = self.store.run(row["run_id"])
        workflow = self.workflow(run)
        job = workflow.jobs[row["key"]]
        with self.store:
            if run["status"] == "queued":
                self.store.update("runs", run["id"], status="in_progress", updated_at=now())
                self.announce(run["id"], "in_progress")
            token = self.host.mint(run["repo"], permissions(workflow, job, run), run["id"])
            self.store.update("jobs", row["id"], status="in_progress", started_at=now(), token=token)
            self._announce_job(row, "in_progress")
        rows = self.store.jobs(run["id"], run["attempt"])
        scope = self.scope(run, workflow, job, rows, graph.results(rows))
        secrets = {} if _from_fork(run) else self.host.secrets(run["repo"])
        secrets = {**secrets, "GITHUB_TOKEN": token, "github_token": token}
        cancel = Cancel()
        assignment = Assignment(
            host=self.host, store=self.store, artifacts=self.artifacts, logs=self.logs, run=run, row=row,
            workflow=workflow, job=job, token=token, permissions=permissions(workflow, job, run),
            work=self.folder / "work" / str(row["id"]), cancel=cancel, tracking=f"{self.tracking}{row['id']}_", warm=self.warm,
            contexts={**scope.contexts, "matrix": row["matrix"], "strategy": row["strategy"], "secrets": secrets})
        thread = threading.Thread(target=self._run_job, args=(assignment,), name=f"job-{row['id']}", daemon=True)
        self._running[row["id"]] = (thread, cancel)
        thread.start()

    def _run_job(self, assignment: Assignment) -> None:
        """A job's thread."""
        row = assignment.row
        try:
            outcome = JobRun(assignment).execute()
        except Exception as error:
            log.exception("job %s of run %s", row["name"], row["run_id"])
            outcome = Outcome("failure", reason=f"The runner failed: {error}")
        self.trash.put(assignment.work)
        while not self._settle(row["id"], outcome) and not self._stopping:
            time.sleep(1)
        self.wake()

    def _settle(self, job_id: int, outcome: Outcome) -> bool:
        """Write down a job's end; False when that is impossible for now, as on a full disk."""
        try:
            with self.lock:
                with self.store:
                    row = self.store.job(job_id)
                    if outcome.reason:
                        self.store.annotate(row["run_id"], job_id, "failure", outcome.reason)
                    if self._stopping:
                        self._lose(row)
                    else:
                        self._end(row, outcome)
                self._running.pop(job_id)[1].close()
            return True
        except sqlite3.OperationalError as error:
            log.error("job %s has ended and can't be written down: %s", job_id, error)
            return False

    def _end(self, row: Row, outcome: Outcome) -> None:
        """Write down how a job ended, and stop its matrix when it asks for that."""
        result = outcome.conclusion
        if result == "failure" and self._may_fail(row):
            result = "success"
        self.store.update("jobs", row["id"], status="completed", conclusion=outcome.conclusion, result=result,
                          outputs=outcome.outputs, completed_at=now(), wall=outcome.wall, cpu=outcome.cpu,
                          overhead=outcome.overhead, token=None)
        if row["token"]:
            self.host.revoke(row["token"])
        if result == "failure" and row["strategy"].get("fail-fast"):
            for other in self.store.jobs(row["run_id"], row["attempt"]):
                if other["key"] == row["key"] and other["status"] != "completed":
                    self._cancel_row(other)
        self._announce_job(row, "completed")

    def _may_fail(self, row: Row) -> bool:
        run = self.store.run(row["run_id"])
        workflow = self.workflow(run)
        job = workflow.jobs[row["key"]]
        rows = self.store.jobs(run["id"], run["attempt"])
        scope = Scope(self.scope(run, workflow, job, rows, graph.results(rows)).contexts)
        try:
            return truthy(expand(job.continue_on_error,
                                 scope.with_contexts(matrix=row["matrix"], strategy=row["strategy"])))
        except ExpressionError:
            return False

    def _cancel_row(self, row: Row) -> None:
        if row["id"] in self._running:
            self.store.update("jobs", row["id"], cancel=1)
            self._running[row["id"]][1].request()
        elif row["status"] != "completed":
            at = now()
            self.store.update("jobs", row["id"], status="completed", conclusion="cancelled", result="cancelled",
                              started_at=row["started_at"] or at, completed_at=at)
            self._announce_job(row, "completed")

    def _cancel_rows(self, run: Row, workflow: Workflow, rows: list[Row]) -> None:
        """A cancelled run: stop what runs, drop what waits unless its `if:` holds for a cancelled run."""
        done = graph.results(rows)
        for row in rows:
            if row["status"] == "completed" or row["cancel"]:
                continue
            job = workflow.jobs[row["key"]]
            if row["status"] == "in_progress" or not condition(job.condition, self.scope(run, workflow, job, rows,
                                                                                         done)):
                self._cancel_row(row)

    # Requests

    def request(self, act, *args: Any) -> Any:
        """Do `act(*args)` under the lock, then let things move."""
        with self.lock, self.store:
            result = act(*args)
        self.wake()
        return result

    def dispatch(self, event: Event, workflow_row: Row, inputs: dict[str, Any]) -> int:
        run_id = self.intake.dispatch(event, workflow_row, inputs)
        self._announce_new(run_id)
        return run_id


def _from_fork(run: Row) -> bool:
    """A pull request from another repository: its jobs get no secrets and may write nothing."""
    if run["event"] != "pull_request":
        return False
    head = (run["payload"].get("pull_request") or {}).get("head") or {}
    return (head.get("repo") or {}).get("full_name") != run["repo"]


def permissions(workflow: Workflow, job: Job, run: Row) -> dict[str, str]:
    """What the token of this job may do."""
    granted = workflow.permissions_of(job)
    return dict.fromkeys(granted, "read") if _from_fork(run) else granted


def _due(cron: Any, minutes: list[datetime]) -> bool:
    try:
        return any(map(Schedule.parse(cron).matches, minutes))
    except (ValueError, AttributeError):
        return False


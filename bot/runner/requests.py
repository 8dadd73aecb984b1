"""What a person may ask of a run: to be cancelled, run again, forgotten. Called under the scheduler's lock (`request`).

A rerun is a new attempt of the same run. Jobs that need not run again are carried over with their outputs and logs.
"""

from typing import TYPE_CHECKING

from bot.runner import graph
from bot.runner.store import Row, now

if TYPE_CHECKING:
    from bot.runner.scheduler import Scheduler

CANCEL_ASKED, CANCEL_PASSED_ON = 1, 2  # a run's `cancel`: the second once its jobs have been told
KEPT = ("key", "name", "matrix", "strategy", "status", "conclusion", "result", "outputs", "short", "log_id",
        "created_at", "started_at", "completed_at", "wall", "cpu", "overhead")


class Refusal(Exception):
    """A request that the state of a run does not allow: `status` is GitHub's HTTP status for it."""

    def __init__(self, status: int, message: str):
        super().__init__(message)
        self.status, self.message = status, message


def cancel(runner: "Scheduler", run_id: int) -> None:
    if runner.store.run(run_id)["status"] == "completed":
        raise Refusal(409, "Cannot cancel a workflow run that is completed.")
    runner.store.update("runs", run_id, cancel=CANCEL_ASKED, updated_at=now())


def delete(runner: "Scheduler", run_id: int) -> None:
    """Forget a completed run, its logs and its artifacts."""
    if runner.store.run(run_id)["status"] != "completed":
        raise Refusal(403, "Cannot delete a workflow run that is not completed")
    for row in runner.artifacts.of_run(run_id):
        runner.artifacts.remove(row["id"])
    for row in runner.store.jobs(run_id):
        runner.logs.remove(row["id"])
        runner.store.execute("DELETE FROM steps WHERE job_id = ?", row["id"])
    for table, column in (("annotations", "run_id"), ("jobs", "run_id"), ("runs", "id")):
        runner.store.execute(f"DELETE FROM {table} WHERE {column} = ?", run_id)


def rerun(runner: "Scheduler", run_id: int, actor: str, *, failed_only: bool = False, job_id: int | None = None) -> None:
    """A new attempt: of all jobs, or of those that failed, or of one job; and always of all that rest on them."""
    store, run = runner.store, runner.store.run(run_id)
    if run["status"] != "completed":
        raise Refusal(403, "The workflow run cannot be rerun: it is still running")
    if run["conclusion"] == "startup_failure":
        raise Refusal(403, "The workflow run cannot be rerun: its workflow file is not valid")
    workflow, rows = runner.workflow(run), store.jobs(run_id, run["attempt"])

    def wanted(row: Row) -> bool:
        if job_id is not None:
            return row["id"] == job_id
        return not failed_only or row["result"] not in ("success", "skipped")

    again = {row["key"] for row in rows if wanted(row)}
    if not again:
        raise Refusal(403, "The workflow run cannot be rerun: no job of it failed")
    after = {key for key in workflow.jobs if graph.ancestors(workflow, key) & again}
    run["attempt"] += 1
    for row in rows:
        if row["key"] not in again | after or (row["key"] not in after and not wanted(row)):
            _keep(runner, run, row)
        elif row["key"] not in after and (failed_only or job_id is not None):  # these of a matrix, not all of it
            runner.insert_job(run, row["key"], row["name"], row["matrix"], row["strategy"], None,
                              short=bool(row["short"]))
    at = now()
    store.update("runs", run_id, attempt=run["attempt"], status="queued", conclusion=None, cancel=0, updated_at=at,
                 started_at=at, triggering_actor=actor)
    runner.intake.join_group(run, run["concurrency"], False)
    runner.announce(run_id, "requested")


def _keep(runner: "Scheduler", run: Row, row: Row) -> None:
    job_id = runner.store.insert("jobs", run_id=run["id"], attempt=run["attempt"], **{key: row[key] for key in KEPT})
    runner.store.execute("INSERT INTO steps SELECT ?, number, name, status, conclusion, started_at, completed_at, "
                         "wall, cpu, summary FROM steps WHERE job_id = ?", job_id, row["id"])

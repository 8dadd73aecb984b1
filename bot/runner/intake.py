"""From an event to runs: which workflow files it starts, at which commit, under which name and concurrency group.

Also the typed inputs of `workflow_dispatch`, checked as GitHub checks them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bot.localforge.ports import Event, Host
from bot.runner import contexts, repository
from bot.runner.evaluate import to_number, to_string, truthy
from bot.runner.expressions import ExpressionError
from bot.runner.log import Logs
from bot.runner.repository import WorkflowFiles, parsed
from bot.runner.store import Row, Store, now
from bot.runner.template import Scope, expand, text
from bot.runner.triggers import DISPATCHES, MAX_CHAIN, skipped, starts
from bot.runner.workflow import EVENTS, Problem, Workflow, WorkflowError

AT_DEFAULT_BRANCH = ("issues", "issue_comment", "schedule", "workflow_run", "repository_dispatch")
MAX_INPUTS = 25
MAX_INPUTS_LENGTH = 65_535


class DispatchError(Exception):
    """A workflow_dispatch that GitHub would answer with 422 and this message."""


@dataclass(frozen=True)
class Place:
    """The commit an event is about: `sha` is what runs check out, `head_sha` what the API shows."""

    ref: str
    sha: str
    head_branch: str
    head_sha: str


def place(host: Host, event: Event) -> Place | None:
    """Where the workflow files for `event` are read; None when there is no such commit."""
    bare = host.bare(event.repo)
    default = host.default_branch(event.repo)
    if event.name == "pull_request":
        pull = event.payload["pull_request"]
        head = pull["head"]["sha"]
        ref = event.ref or f"refs/pull/{pull['number']}/merge"
        sha = repository.commit(bare, event.sha or ref)  # none when it conflicts, and then there are no runs
        return Place(ref, sha, pull["head"]["ref"], head) if sha else None
    ref = f"refs/heads/{default}"
    if event.name not in AT_DEFAULT_BRANCH and event.ref:
        ref = event.ref
    wanted = event.sha if event.name not in AT_DEFAULT_BRANCH and event.sha else ref
    sha = repository.commit(bare, wanted)
    return Place(ref, sha, contexts.ref_name(ref), sha) if sha else None


def changed(host: Host, event: Event, where: Place) -> Callable[[], list[str]]:
    """Lists the paths that a push or pull request changed, when a filter asks."""

    def paths() -> list[str]:
        bare = host.bare(event.repo)
        if event.name == "pull_request":
            base = event.payload["pull_request"]["base"]["sha"]
            return repository.changed_paths(bare, base, where.head_sha, merge_base=True)
        return repository.changed_paths(bare, event.payload.get("before", ""), where.sha)

    return paths


def title(event: Event, workflow: Workflow, host: Host, where: Place) -> str:
    """What GitHub shows for a run without a run-name."""
    payload = event.payload
    if event.name == "push":
        return repository.message(host.bare(event.repo), where.sha).partition("\n")[0] or workflow.name
    if event.name == "pull_request":
        return payload["pull_request"].get("title") or workflow.name
    if event.name in ("issues", "issue_comment"):
        return (payload.get("issue") or {}).get("title") or workflow.name
    if event.name == "repository_dispatch":
        return event.action or workflow.name
    return workflow.name


def inputs_of(workflow: Workflow, given: dict[str, Any]) -> dict[str, Any]:
    """The typed `inputs` context of a dispatch: defaults filled in, everything checked; DispatchError."""
    specs = {name: spec or {} for name, spec in (workflow.on["workflow_dispatch"].get("inputs") or {}).items()}
    if len(given) > MAX_INPUTS or sum(len(str(value)) for value in given.values()) > MAX_INPUTS_LENGTH:
        raise DispatchError(f"expected at most {MAX_INPUTS} inputs of {MAX_INPUTS_LENGTH} characters in all")
    unknown = [name for name in given if name not in specs]
    if unknown:
        raise DispatchError(f"Unexpected inputs provided: {unknown}".replace("'", '"'))
    result: dict[str, Any] = {}
    for name, spec in specs.items():
        value = given.get(name)
        if value is None or (value == "" and "default" in spec):
            value = spec.get("default")
        if value is None or value == "":
            if spec.get("required") is True:
                raise DispatchError(f"Required input '{name}' not provided")
        result[name] = _typed(name, spec, value)
    return result


def _typed(name: str, spec: dict, value: Any) -> Any:
    kind = spec.get("type", "string")
    if isinstance(value, dict | list):
        raise DispatchError(f"Invalid value for input '{name}': expected {kind}")
    shown = to_string(value)
    if kind == "boolean":
        if shown.lower() not in ("true", "false", ""):
            raise DispatchError(f"Provided value '{shown}' for input '{name}' not in the list of allowed values")
        return shown.lower() == "true"
    if kind == "number":
        number = to_number(value)
        if number != number:
            raise DispatchError(f"Provided value '{shown}' for input '{name}' is not a number")
        return number
    options = [to_string(each) for each in spec.get("options") or []]
    if kind == "choice" and shown and shown not in options:
        raise DispatchError(f"Provided value '{shown}' for input '{name}' not in the list of allowed values")
    return shown


class Intake:
    """Makes runs out of events; the scheduler gives them their turn."""

    def __init__(self, host: Host, store: Store, logs: Logs):
        self.host, self.store, self.logs, self.files = host, store, logs, WorkflowFiles()

    def runs_of(self, event: Event) -> list[int]:
        """The new runs that `event` starts, in the order of their files' names."""
        if event.name not in EVENTS or (event.by_job and event.name not in DISPATCHES):
            return []
        try:
            where = place(self.host, event)
        except KeyError:  # the repository is gone
            return []
        if where is None or int(event.extra.get("depth", 0)) >= MAX_CHAIN:
            return []
        paths, runs = changed(self.host, event, where), []
        for path, source in self.files.at(self.host.bare(event.repo), where.sha).items():
            workflow = parsed(path, source)
            if isinstance(workflow, WorkflowError):
                if event.name == "push" and not event.by_job and not skipped(event):
                    runs.append(self.broken(event, where, path, source, workflow))
                continue
            row = self.store.workflow(event.repo, path, workflow.name)
            if row["state"] == "active" and starts(workflow, event, paths):
                runs.append(self.new_run(event, where, workflow, source, {}))
        return runs

    def dispatch(self, event: Event, workflow_row: Row, given: dict[str, Any]) -> int:
        """The run of one workflow_dispatch; DispatchError as GitHub's 422."""
        bare = self.host.bare(event.repo)
        ref = repository.full_ref(bare, event.ref)
        if not ref:
            raise DispatchError(f"No ref found for: {event.ref}")
        sha = repository.commit(bare, ref)
        where = Place(ref, sha, contexts.ref_name(ref), sha)
        source = self.files.at(bare, sha).get(workflow_row["path"])
        workflow = parsed(workflow_row["path"], source) if source is not None else None
        if workflow_row["state"] != "active":
            raise DispatchError("Cannot trigger a 'workflow_dispatch' on a disabled workflow")
        if isinstance(workflow, WorkflowError):
            raise DispatchError(f"failed to parse workflow: {workflow}")
        if workflow is None or "workflow_dispatch" not in workflow.on:
            raise DispatchError("Workflow does not have 'workflow_dispatch' trigger")
        inputs = inputs_of(workflow, given)
        payload = {"inputs": {name: to_string(value) for name, value in inputs.items()}, "ref": ref,
                   "workflow": workflow.path, **event.payload}
        event = Event("workflow_dispatch", None, event.repo, event.actor, payload, event.by_job, ref, sha)
        return self.new_run(event, where, workflow, source, inputs)

    def new_run(self, event: Event, where: Place, workflow: Workflow, source: str, inputs: dict[str, Any]) -> int:
        row = self.store.workflow(event.repo, workflow.path, workflow.name)
        run_id = self._insert(event, where, row, source, inputs, title(event, workflow, self.host, where))
        run = self.store.run(run_id)
        problems, group, cancel_in_progress = list(workflow.problems), "", False
        try:
            scope = self.early_scope(run, workflow, inputs)
            if workflow.run_name and (name := text(workflow.run_name, scope).strip()):
                self.store.update("runs", run_id, title=name[:500])
            if workflow.concurrency:
                group = text(workflow.concurrency["group"], scope).lower()
                cancel_in_progress = truthy(expand(workflow.concurrency["cancel-in-progress"], scope))
        except ExpressionError as error:
            problems.append(Problem(workflow.path, 1, str(error)))
        if problems:
            self._refuse(run_id, problems)
        else:
            self.join_group(run, group, cancel_in_progress)
        return run_id

    def early_scope(self, run: Row, workflow: Workflow, inputs: dict[str, Any]) -> Scope:
        return Scope({"github": contexts.github(self.host, run, workflow), "inputs": inputs,
                      "vars": self.host.variables(run["repo"])})

    def broken(self, event: Event, where: Place, path: str, source: str, error: WorkflowError) -> int:
        """A run that says that its workflow file can't be read."""
        row = self.store.workflow(event.repo, path)
        run_id = self._insert(event, where, row, source, {}, path)
        self._refuse(run_id, [error])
        return run_id

    def _insert(self, event: Event, where: Place, row: Row, source: str, inputs: dict[str, Any], shown: str) -> int:
        return self.store.new_run(
            repo=event.repo, workflow_id=row["id"], event=event.name, status="queued", title=shown[:500],
            ref=where.ref, head_branch=where.head_branch, head_sha=where.head_sha, sha=where.sha, actor=event.actor,
            triggering_actor=event.actor, payload=event.payload, inputs=inputs, source=source,
            depth=int(event.extra.get("depth", 0)))

    def _refuse(self, run_id: int, problems: list[Problem] | list[WorkflowError]) -> None:
        """End a run before it began. GitHub shows why on its page; here a job's log does, for all to read."""
        at = now()
        job_id = self.store.insert(
            "jobs", run_id=run_id, attempt=1, key="", name="Invalid workflow file", matrix={}, strategy={},
            status="completed", conclusion="failure", result="failure", created_at=at, started_at=at, completed_at=at)
        self.store.update("jobs", job_id, log_id=job_id)
        self.store.step_started(job_id, 1, "Read the workflow file")
        self.store.step_done(job_id, 1, "failure", 0.0, 0.0)
        self.logs.write(job_id, 1, [f"##[error]{problem}" for problem in problems])
        for problem in problems:
            path = getattr(problem, "path", "")
            self.store.annotate(run_id, job_id, "failure", str(problem), "Invalid workflow file", path,
                                getattr(problem, "line", None))
        self.store.update("runs", run_id, status="completed", conclusion="startup_failure")

    def join_group(self, run: Row, group: str, cancel_in_progress: bool) -> None:
        """Concurrency: one run of a group runs and one waits; a newer one takes the place of the one that waits."""
        if not group:
            return
        others = self.store.query("SELECT * FROM runs WHERE repo = ? AND concurrency = ? AND status != 'completed' "
                                  "AND id != ?", run["repo"], group, run["id"])
        for other in others:
            if cancel_in_progress or other["status"] == "pending":
                self.store.update("runs", other["id"], cancel=1)
        busy = any(other["status"] != "pending" for other in others)
        self.store.update("runs", run["id"], concurrency=group, status="pending" if busy else "queued")

"""A workflow file as typed values, with every problem in it named by file and line.

What GitHub would refuse is a problem, and so is what GitHub has but this runner does not: a run of such a
file fails at once and says so. Expressions are parsed here, each against the contexts that GitHub allows at its
place ("Contexts reference: context availability"), so that what passes here passes there.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from bot.runner import yamlfile
from bot.runner.expressions import ExpressionError, parse
from bot.runner.template import HASH, STATUS, condition_source, split
from bot.runner.yamlfile import Map

BUILT_IN = ("actions/checkout", "actions/upload-artifact", "actions/download-artifact")
SHELLS = ("bash", "sh", "python")
MAX_JOBS = 256

EVENTS = ("issues", "issue_comment", "pull_request", "push", "schedule", "workflow_dispatch", "workflow_run",
          "repository_dispatch")
FILTERS = {
    "push": {"branches", "branches-ignore", "tags", "tags-ignore", "paths", "paths-ignore"},
    "pull_request": {"types", "branches", "branches-ignore", "paths", "paths-ignore"},
    "workflow_run": {"types", "workflows", "branches", "branches-ignore"},
    "workflow_dispatch": {"inputs"},
    "issues": {"types"}, "issue_comment": {"types"}, "repository_dispatch": {"types"},
}
SCOPES = ("actions", "attestations", "checks", "contents", "deployments", "discussions", "id-token", "issues",
          "models", "packages", "pages", "pull-requests", "security-events", "statuses")
INPUT_TYPES = ("string", "boolean", "number", "choice")

_EARLY = ("github", "inputs", "vars")
_JOB = (*_EARLY, "needs", "strategy", "matrix")
_STEP = (*_JOB, "job", "runner", "env", "secrets", "steps")
_COMPOSITE = ("github", "inputs", "strategy", "matrix", "job", "runner", "env", "steps")
CONTEXTS: dict[str, tuple[str, ...]] = {
    "run-name": _EARLY, "concurrency": _EARLY, "env": (*_EARLY, "secrets"), "strategy": (*_EARLY, "needs"),
    "job": _JOB, "job.env": (*_JOB, "secrets"), "job.if": (*_EARLY, "needs"), "job.defaults": (*_JOB, "env"),
    "job.outputs": _STEP, "step": _STEP, "step.if": tuple(name for name in _STEP if name != "secrets"),
    "composite": _COMPOSITE, "composite.if": _COMPOSITE,
}
_FUNCTIONS_AT = {"job.if": STATUS, "step": HASH, "step.if": STATUS | HASH, "composite": HASH,
                 "composite.if": STATUS | HASH}


class WorkflowError(Exception):
    """A file that can't be read as a workflow at all."""


@dataclass(frozen=True)
class Problem:
    path: str
    line: int
    message: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.message}"


@dataclass
class Step:
    id: str
    name: str | None = None
    condition: Any = None
    run: str | None = None
    uses: str | None = None
    inputs: dict[str, Any] = field(default_factory=dict)
    env: dict[str, Any] = field(default_factory=dict)
    shell: str | None = None
    working_directory: str | None = None
    continue_on_error: Any = False
    timeout_minutes: Any = None


@dataclass
class Job:
    id: str
    steps: list[Step] = field(default_factory=list)
    name: str | None = None
    needs: list[str] = field(default_factory=list)
    condition: Any = None
    env: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    permissions: dict[str, str] | None = None
    concurrency: dict[str, Any] | None = None
    strategy: dict[str, Any] = field(default_factory=dict)
    outputs: dict[str, Any] = field(default_factory=dict)
    continue_on_error: Any = False
    timeout_minutes: Any = 360


@dataclass
class Workflow:
    path: str
    name: str
    on: dict[str, Any] = field(default_factory=dict)
    run_name: str | None = None
    env: dict[str, Any] = field(default_factory=dict)
    defaults: dict[str, Any] = field(default_factory=dict)
    permissions: dict[str, str] | None = None
    concurrency: dict[str, Any] | None = None
    jobs: dict[str, Job] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def permissions_of(self, job: Job) -> dict[str, str]:
        """What the job's token may do: the job's own word, else the workflow's, else read-only contents."""
        for granted in (job.permissions, self.permissions):
            if granted is not None:
                return granted
        return {"contents": "read", "packages": "read"}


class Reader:
    """Walks a document, makes typed values of it, and collects problems instead of stopping at the first."""

    def __init__(self, path: str):
        self.path, self.problems = path, []

    def problem(self, line: int, message: str) -> None:
        self.problems.append(Problem(self.path, line, message))

    def mapping(self, value: Any, where: str, line: int, keys: Iterable[str] | None = None,
                absent: Iterable[str] = ()) -> Map:
        """`value` as a mapping with only `keys`; `absent` are those of GitHub that this runner lacks."""
        if value is None:
            return Map(line)
        if not isinstance(value, Map):
            self.problem(line, f"{where}: expected a mapping, found {_kind(value)}")
            return Map(line)
        for key in value:
            if key in absent:
                self.problem(value.lines[key], f"{where}: the local runner does not have '{key}'")
            elif keys is not None and key not in keys:
                self.problem(value.lines[key], f"{where}: unexpected key '{key}', "
                                               f"expected one of {', '.join(sorted(keys))}")
        return value

    def text(self, value: Any, where: str, line: int) -> str | None:
        if value is None or isinstance(value, str):
            return value
        if isinstance(value, bool | int | float):
            return str(value).lower() if isinstance(value, bool) else str(value)
        self.problem(line, f"{where}: expected text, found {_kind(value)}")
        return None

    def names(self, value: Any, where: str, line: int) -> list[str]:
        """A string, or a list of them."""
        values = value if isinstance(value, list) else [] if value is None else [value]
        return [name for each in values if (name := self.text(each, where, line)) is not None]

    def expressions(self, value: Any, place: str, where: str, line: int) -> None:
        """Every expression in `value` must parse at `place`, a key of CONTEXTS."""
        if isinstance(value, dict):
            for key, each in value.items():
                at = value.lines.get(key, line) if isinstance(value, Map) else line
                self.expressions(key, place, f"{where}.{key}", at)
                self.expressions(each, place, f"{where}.{key}", at)
        elif isinstance(value, list):
            for each in value:
                self.expressions(each, place, where, line)
        elif isinstance(value, str) and "${{" in value:
            try:
                for is_expression, source in split(value):
                    if is_expression and not source:
                        raise ExpressionError("An expression was expected")
                    if is_expression:
                        parse(source, CONTEXTS[place], _FUNCTIONS_AT.get(place))
            except ExpressionError as error:
                self.problem(line, f"{where}: {error}")

    def condition(self, value: Any, place: str, where: str, line: int) -> Any:
        try:
            if value is not None and (source := condition_source(value)):
                parse(source, CONTEXTS[place], _FUNCTIONS_AT[place])
        except ExpressionError as error:
            self.problem(line, f"{where}: {error}")
        return value

    def env(self, document: Map, place: str, where: str) -> Map:
        line = document.lines.get("env", document.line)
        env = self.mapping(document.get("env"), f"{where}env", line)
        self.expressions(env, place, f"{where}env", line)
        for key, value in env.items():
            if isinstance(value, dict | list):
                self.problem(env.lines[key], f"{where}env.{key}: expected text, found {_kind(value)}")
        return env

    def defaults(self, document: Map, place: str, where: str) -> Map:
        line = document.lines.get("defaults", document.line)
        outer = self.mapping(document.get("defaults"), f"{where}defaults", line, ("run",))
        run = self.mapping(outer.get("run"), f"{where}defaults.run", line, ("shell", "working-directory"))
        self.expressions(run, place, f"{where}defaults.run", line)
        self.shell(run.get("shell"), f"{where}defaults.run", line)
        return run

    def shell(self, value: Any, where: str, line: int) -> None:
        if value is not None and value not in SHELLS and "${{" not in str(value):
            self.problem(line, f"{where}: the local runner has the shells {', '.join(SHELLS)}, "
                               f"found '{value}'")

    def permissions(self, document: Map, where: str) -> dict[str, str] | None:
        if "permissions" not in document:
            return None
        value, line = document["permissions"], document.lines["permissions"]
        if value in ("read-all", "write-all"):
            return dict.fromkeys(SCOPES, value.removesuffix("-all"))
        granted = self.mapping(value, f"{where}permissions", line, SCOPES)
        for scope, level in granted.items():
            if level not in ("read", "write", "none"):
                self.problem(granted.lines[scope], f"{where}permissions.{scope}: expected read, write or "
                                                   f"none, found {level!r}")
        return {str(scope): str(level) for scope, level in granted.items() if level in ("read", "write")}

    def concurrency(self, document: Map, place: str, where: str) -> dict[str, Any] | None:
        if "concurrency" not in document:
            return None
        value, line = document["concurrency"], document.lines["concurrency"]
        self.expressions(value, place, f"{where}concurrency", line)
        if isinstance(value, str):
            return {"group": value, "cancel-in-progress": False}
        value = self.mapping(value, f"{where}concurrency", line, ("group", "cancel-in-progress"))
        if not isinstance(value.get("group"), str):
            self.problem(line, f"{where}concurrency: expected a group")
            return None
        return {"group": value["group"], "cancel-in-progress": value.get("cancel-in-progress", False)}

    def on(self, document: Map) -> dict[str, Any]:
        value, line = document.get("on"), document.lines.get("on", document.line)
        if isinstance(value, str | list):
            names = self.names(value, "on", line)
            value = Map(line)
            for name in names:
                value[name], value.lines[name] = None, line
        events = self.mapping(value, "on", line)
        if not events:
            self.problem(line, "on: expected at least one event")
        for name, options in events.items():
            at = events.lines[name]
            if name not in EVENTS:
                self.problem(at, f"on: the local runner does not have the event '{name}', "
                                 f"it has {', '.join(EVENTS)}")
            elif name == "schedule":
                self.schedule(options, at)
            else:
                options = self.mapping(options, f"on.{name}", at, FILTERS[name])
                for option in options.keys() - {"inputs"}:
                    self.names(options[option], f"on.{name}.{option}", options.lines[option])
                if name == "workflow_dispatch":
                    self.inputs(options)
        return {name: options if options is not None else Map(line) for name, options in events.items()}

    def schedule(self, entries: Any, line: int) -> None:
        from bot.runner.cron import CronError, Schedule

        for entry in entries if isinstance(entries, list) else [None]:
            if not isinstance(entry, Map) or not isinstance(entry.get("cron"), str):
                self.problem(line, "on.schedule: expected a list of 'cron: \"…\"' entries")
                continue
            try:
                Schedule.parse(entry["cron"])
            except CronError as error:
                self.problem(entry.line, f"on.schedule: {error}")

    def inputs(self, options: Map) -> None:
        inputs = self.mapping(options.get("inputs"), "on.workflow_dispatch.inputs", options.line)
        for name, value in inputs.items():
            where, at = f"on.workflow_dispatch.inputs.{name}", inputs.lines[name]
            spec = self.mapping(value, where, at, ("description", "required", "default", "type", "options",
                                                   "deprecationMessage"))
            kind = spec.get("type", "string")
            if kind not in INPUT_TYPES:
                self.problem(at, f"{where}: expected a type out of {', '.join(INPUT_TYPES)}, found '{kind}'")
            if kind == "choice" and not isinstance(spec.get("options"), list):
                self.problem(at, f"{where}: expected 'options' for an input of type choice")

    def job(self, job_id: str, document: Map) -> Job:
        where = f"jobs.{job_id}."
        line = document.line

        def at(key: str) -> int:
            return document.lines.get(key, line)

        self.mapping(document, where.rstrip("."), line,
                     ("name", "needs", "if", "runs-on", "env", "defaults", "permissions", "concurrency",
                      "strategy", "outputs", "steps", "continue-on-error", "timeout-minutes"),
                     absent=("uses", "with", "secrets", "container", "services", "environment", "snapshot"))
        for key in ("name", "runs-on", "continue-on-error", "timeout-minutes"):
            self.expressions(document.get(key), "job", where + key, at(key))
        self.runs_on(document, where, at("runs-on"))
        strategy = self.mapping(document.get("strategy"), where + "strategy", at("strategy"),
                                ("matrix", "fail-fast", "max-parallel"))
        self.expressions(strategy, "strategy", where + "strategy", at("strategy"))
        outputs = self.mapping(document.get("outputs"), where + "outputs", at("outputs"))
        self.expressions(outputs, "job.outputs", where + "outputs", at("outputs"))
        steps = document.get("steps")
        if not isinstance(steps, list) or not steps:
            self.problem(at("steps"), f"{where}steps: expected a list of at least one step")
            steps = []
        return Job(
            id=job_id, steps=self.steps(steps, where, at("steps")),
            name=self.text(document.get("name"), where + "name", at("name")),
            needs=self.names(document.get("needs"), where + "needs", at("needs")),
            condition=self.condition(document.get("if"), "job.if", where + "if", at("if")),
            env=self.env(document, "job.env", where), defaults=self.defaults(document, "job.defaults", where),
            permissions=self.permissions(document, where),
            concurrency=self.concurrency(document, "job", where), strategy=strategy, outputs=outputs,
            continue_on_error=document.get("continue-on-error", False),
            timeout_minutes=document.get("timeout-minutes", 360))

    def runs_on(self, document: Map, where: str, line: int) -> None:
        value = document.get("runs-on")
        labels = self.names(value.get("labels") if isinstance(value, Map) else value, where + "runs-on", line)
        if not labels:
            self.problem(line, f"{where}runs-on: expected a runner's label, such as ubuntu-latest")
        for label in labels:
            if label.lower().startswith(("windows", "macos")):
                self.problem(line, f"{where}runs-on: the local runner is Linux, found '{label}'")

    def steps(self, documents: list, where: str, line: int, place: str = "step") -> list[Step]:
        steps, seen = [], set()
        for number, document in enumerate(documents, 1):
            here = f"{where}steps[{number}]"
            if not isinstance(document, Map):
                self.problem(line, f"{here}: expected a mapping, found {_kind(document)}")
                continue
            step = self.step(document, here, f"__{number}", place)
            if step.id in seen:
                self.problem(document.line, f"{here}: the id '{step.id}' is used twice")
            seen.add(step.id)
            steps.append(step)
        return steps

    def step(self, document: Map, where: str, anonymous: str, place: str) -> Step:
        line = document.line
        self.mapping(document, where, line, ("id", "name", "if", "run", "uses", "with", "env", "shell",
                                             "working-directory", "continue-on-error", "timeout-minutes"))
        inputs = self.mapping(document.get("with"), f"{where}.with", document.lines.get("with", line))
        for key in ("name", "run", "with", "working-directory", "continue-on-error", "timeout-minutes",
                    "shell"):
            self.expressions(document.get(key), place, f"{where}.{key}", document.lines.get(key, line))
        if ("run" in document) == ("uses" in document):
            self.problem(line, f"{where}: expected one of 'run' and 'uses'")
        uses = self.text(document.get("uses"), f"{where}.uses", line)
        if uses is not None:
            self.uses(uses, where, document.lines["uses"])
        self.shell(document.get("shell"), where, document.lines.get("shell", line))
        return Step(
            id=self.identifier(document.get("id"), where, line) or anonymous,
            name=self.text(document.get("name"), f"{where}.name", line),
            condition=self.condition(document.get("if"), f"{place}.if", f"{where}.if",
                                     document.lines.get("if", line)),
            run=self.text(document.get("run"), f"{where}.run", line), uses=uses,
            inputs=inputs, env=self.env(document, place, f"{where}."), shell=document.get("shell"),
            working_directory=document.get("working-directory"),
            continue_on_error=document.get("continue-on-error", False),
            timeout_minutes=document.get("timeout-minutes"))

    def identifier(self, value: Any, where: str, line: int) -> str | None:
        if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]{0,99}", str(value)):
            self.problem(line, f"{where}: expected an id of letters, digits, _ and -, found {value!r}")
            return None
        return value

    def uses(self, uses: str, where: str, line: int) -> None:
        if uses.startswith("./"):
            return
        action, _, version = uses.partition("@")
        if action.lower() not in BUILT_IN:
            self.problem(line, f"{where}: the local runner has the actions {', '.join(BUILT_IN)} and the "
                               f"repository's own ./ ones, found '{uses}'")
        elif not re.fullmatch(r"[0-9a-f]{40}", version):
            self.problem(line, f"{where}: expected an action pinned by its full 40-digit commit SHA, "
                               f"found '{uses}'")

    def needs(self, jobs: dict[str, Job], lines: dict[str, int]) -> None:
        """Every needed job exists, and none needs itself over any way round."""
        state: dict[str, bool] = {}

        def visit(name: str) -> None:
            state[name] = False
            for needed in jobs[name].needs:
                if needed not in jobs:
                    self.problem(lines[name], f"jobs.{name}.needs: there is no job '{needed}'")
                elif state.get(needed) is False:
                    self.problem(lines[name], f"jobs.{name}.needs: '{name}' and '{needed}' need each other")
                elif needed not in state:
                    visit(needed)
            state[name] = True

        for name in jobs:
            if name not in state:
                visit(name)


def _kind(value: Any) -> str:
    if isinstance(value, dict):
        return "a mapping"
    return "a list" if isinstance(value, list) else "nothing" if value is None else repr(value)[:80]


def parse_workflow(path: str, text: str) -> Workflow:
    """Read the workflow file `text`; WorkflowError when it is not even YAML, else see its `.problems`."""
    try:
        document = yamlfile.load(text)
    except yamlfile.YamlError as error:
        raise WorkflowError(f"{path}:{error.line}: {error.message}") from None
    if not isinstance(document, Map):
        raise WorkflowError(f"{path}:1: expected a workflow, found {_kind(document)}")
    read = Reader(path)
    read.mapping(document, "workflow", 1, ("name", "run-name", "on", "env", "defaults", "permissions",
                                           "concurrency", "jobs"))
    read.expressions(document.get("run-name"), "run-name", "run-name", document.lines.get("run-name", 1))
    jobs: dict[str, Job] = {}
    raw = read.mapping(document.get("jobs"), "jobs", document.lines.get("jobs", 1))
    if not raw:
        read.problem(document.lines.get("jobs", 1), "jobs: expected at least one job")
    if len(raw) > MAX_JOBS:
        raise WorkflowError(f"{path}:{raw.line}: expected at most {MAX_JOBS} jobs, found {len(raw)}")
    for job_id, job in raw.items():
        if not read.identifier(job_id, "jobs", raw.lines[job_id]) or not isinstance(job, Map):
            if isinstance(job_id, str) and not isinstance(job, Map):
                read.problem(raw.lines[job_id], f"jobs.{job_id}: expected a mapping, found {_kind(job)}")
            continue
        jobs[job_id] = read.job(job_id, job)
    read.needs(jobs, raw.lines)
    return Workflow(
        path=path, name=read.text(document.get("name"), "name", 1) or path, on=read.on(document),
        run_name=read.text(document.get("run-name"), "run-name", 1), env=read.env(document, "env", ""),
        defaults=read.defaults(document, "env", ""), permissions=read.permissions(document, ""),
        concurrency=read.concurrency(document, "concurrency", ""), jobs=jobs, problems=read.problems)

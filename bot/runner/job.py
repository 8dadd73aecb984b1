"""One job, from an empty folder to its conclusion: steps in order, each in a process group of its own.

Contexts and environment as GitHub builds them ("Workflow syntax", "Contexts reference"). Nothing here decides what
runs next or writes a run's state; the scheduler does.
"""

import json
import sys
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from bot.localforge.ports import Host
from bot.runner import commands, composite, contexts
from bot.runner.actions import ACTIONS, ActionError, Here, hash_files
from bot.runner.artifacts import Artifacts
from bot.runner.evaluate import to_number, to_string, truthy
from bot.runner.expressions import ExpressionError
from bot.runner.log import Logs, StepLog
from bot.runner.process import TRACKING, Cancel, Program, Spawn, run, sweep
from bot.runner.store import Row, Store
from bot.runner.template import Scope, condition, expand, text
from bot.runner.warm import Warm, words
from bot.runner.workflow import Job, Step, Workflow, WorkflowError

CANCEL_SECONDS = 300.0  # for the always() steps of a cancelled job, as on GitHub
MAX_NESTING = 9
FILES = ("OUTPUT", "ENV", "PATH", "STEP_SUMMARY", "STATE")
SCRIPT = {"bash": ".sh", "sh": ".sh", "python": ".py"}


class StepError(Exception):
    """The step failed; the message is for its log."""


@dataclass
class Assignment:
    """Everything a job needs to be run."""

    host: Host
    store: Store
    artifacts: Artifacts
    logs: Logs
    run: Row
    row: Row
    workflow: Workflow
    job: Job
    contexts: dict[str, Any]
    """github, needs, strategy, matrix, inputs, vars, secrets."""
    token: str
    permissions: dict[str, str]
    """What the token may do."""
    work: Path
    tracking: str
    cancel: Cancel
    warm: Warm


@dataclass
class Outcome:
    conclusion: str
    outputs: dict[str, str] = field(default_factory=dict)
    wall: float = 0.0
    cpu: float = 0.0
    overhead: float = 0.0
    """Seconds that were the runner's own: neither a step's processes nor an action's."""
    reason: str = ""
    """Why the runner itself gave up."""


@dataclass
class Frame:
    """A list of steps being run: the job's own, or a composite action's."""

    inputs: dict[str, Any]
    depth: int = 0
    env: dict[str, str] = field(default_factory=dict)
    """What the `env` context holds at this level; GITHUB_ENV of a step goes to the job's."""
    steps: dict[str, Any] = field(default_factory=dict)
    status: str = "success"
    action_path: Path | None = None


class JobRun:
    def __init__(self, given: Assignment):
        self.given = given
        self.work, self.workspace, self.temp = given.work, given.work / "workspace", given.work / "temp"
        self.permissions = given.permissions
        self.mask = commands.Mask([*given.contexts["secrets"].values(), given.token])
        self.variables: dict[str, str] = {}
        """The environment of every process: default variables."""
        self.exported: dict[str, str] = {}
        """What steps wrote to GITHUB_ENV."""
        self.paths: list[str] = []
        self.cancelled = False
        self.deadline = float("inf")
        self.in_processes = self.cpu = 0.0
        self.log: StepLog | None = None
        self.step_cpu = 0.0
        self.files = 0

    # The job

    def execute(self) -> Outcome:
        """Run all steps; never raises for what a workflow does."""
        started = time.monotonic()
        conclusion, outputs = "failure", {}
        try:
            frame = self._set_up(started)
            if frame is not None:
                steps = self.given.job.steps
                for number, step in enumerate(steps, 2):
                    self._step(frame, step, number)
                outputs = self._outputs(frame)
                conclusion = "cancelled" if self.cancelled else frame.status
        finally:
            sweep(self.given.tracking)
        wall = time.monotonic() - started
        return Outcome(conclusion, outputs, wall, self.cpu, wall - self.in_processes)

    def _set_up(self, started: float) -> Frame | None:
        """Folders, environment, time limit: what GitHub shows as the first step."""
        given, job = self.given, self.given.job
        self._open(1, "Set up job")
        try:
            for folder in (self.workspace, self.temp / "_github_workflow", self.temp / "_files", self.work / "home"):
                folder.mkdir(parents=True, exist_ok=True)
            event_path = self.temp / "_github_workflow" / "event.json"
            event_path.write_text(json.dumps(given.run["payload"], ensure_ascii=False))
            given.contexts["github"] |= {"token": given.token, "job": job.id, "workspace": str(self.workspace),
                                         "event_path": str(event_path)}
            self.variables = contexts.environment(given.contexts["github"], self.work) | {TRACKING: given.tracking}
            frame = Frame(inputs=given.contexts["inputs"])
            scope = self._scope(frame)
            early = Scope({name: value for name, value in scope.contexts.items() if name in given.contexts})
            for env in (given.workflow.env, job.env):
                frame.env |= {key: text(value, early) for key, value in env.items()}
            minutes = to_number(expand(job.timeout_minutes, early))
            self.deadline = started + 60 * (minutes if minutes == minutes and minutes > 0 else 360)
            self.log.line(f"The local runner of AUTON (an emulator of GitHub Actions), {sys.platform}")
            self.log.line("##[group]GITHUB_TOKEN Permissions")
            for name, level in sorted(self.permissions.items()):
                self.log.line(f"{name}: {level}")
            self.log.line("##[endgroup]")
            self._close(1, "success", started)
            return frame
        except (ExpressionError, OSError) as error:
            self.log.error(f"The job was not set up: {error}")
            self._close(1, "failure", started)
            return None

    def _outputs(self, frame: Frame) -> dict[str, str]:
        outputs = {}
        for name, value in self.given.job.outputs.items():
            try:
                result = text(value, self._scope(frame))
            except ExpressionError as error:
                self._annotate("failure", f"outputs.{name}: {error}")
                frame.status = "failure"
                continue
            if self.mask.touches(result):
                self._annotate("warning", f"Skip output '{name}' since it may contain secret.")
            else:
                outputs[name] = result
        return outputs

    # Logs and notes

    def _open(self, number: int, name: str) -> None:
        given = self.given
        self.log = StepLog(given.logs.path(given.row["id"], number), self.mask, self._annotate)
        self.step_cpu = 0.0
        given.store.step_started(given.row["id"], number, self.mask(name)[:200])

    def _close(self, number: int, conclusion: str, started: float, summary: str = "") -> None:
        self.log.close()
        self.given.store.step_done(self.given.row["id"], number, conclusion, time.monotonic() - started,
                                   self.step_cpu, summary)

    def _annotate(self, level: str, message: str, title: str = "", path: str = "", line: int | None = None) -> None:
        self.given.store.annotate(self.given.run["id"], self.given.row["id"], level, message, title, path, line)

    # Contexts

    def _scope(self, frame: Frame, env: dict[str, str] | None = None) -> Scope:
        given = self.given
        status = "cancelled" if self.cancelled else frame.status
        return Scope(
            {**given.contexts, "inputs": frame.inputs, "env": env if env is not None else frame.env,
             "steps": frame.steps, "job": {"status": status}, "runner": contexts.runner(self.temp)},
            {"success": lambda: status == "success", "failure": lambda: status == "failure",
             "cancelled": lambda: status == "cancelled", "always": lambda: True,
             "hashfiles": lambda *patterns: hash_files(self.workspace, *patterns)})

    # A step

    def _step(self, frame: Frame, step: Step, number: int) -> None:
        """One step of the job itself, with its own log and row."""
        started = time.monotonic()
        self._notice_cancel()
        self._open(number, step.name or step.uses or f"Run {(step.run or '').strip().partition(chr(10))[0]}")
        summary: list[str] = []
        conclusion = self._run_step(frame, step, summary)
        self._close(number, conclusion, started, self.mask("".join(summary)))
        if step.name and "${{" in step.name and conclusion != "skipped":
            self._rename(frame, step, number)

    def _rename(self, frame: Frame, step: Step, number: int) -> None:
        try:
            name = text(step.name, self._scope(frame, frame.env))
        except ExpressionError:
            return
        self.given.store.execute("UPDATE steps SET name = ? WHERE job_id = ? AND number = ?", self.mask(name)[:200],
                                 self.given.row["id"], number)

    def _notice_cancel(self) -> None:
        late = time.monotonic() >= self.deadline
        if not self.cancelled and (self.given.cancel.requested or late):
            self.cancelled = True
            if late:
                self._annotate("failure", "The job has exceeded the maximum execution time of "
                                          f"{to_string(self.given.job.timeout_minutes)} minutes")
            self.deadline = time.monotonic() + CANCEL_SECONDS

    def _run_step(self, frame: Frame, step: Step, summary: list[str]) -> str:
        """Run one step of any level; its conclusion. Sets steps.<id> and the frame's status."""
        outputs: dict[str, str] = {}
        keep_going = False
        try:
            env = frame.env | self.exported
            scope = self._scope(frame, env)
            env = env | {key: text(value, scope) for key, value in step.env.items()}
            scope = self._scope(frame, env)
            if not condition(step.condition, scope):
                frame.steps[step.id] = {"outputs": {}, "outcome": "skipped", "conclusion": "skipped"}
                return "skipped"
            keep_going = truthy(expand(step.continue_on_error, scope))
            limit = self._time_left(step, scope)
            if step.run is not None:
                outputs = self._script(frame, step, scope, env, limit, summary)
            elif step.uses.startswith("./"):
                outputs = self._composite(frame, step, scope, env, summary)
            else:
                outputs = self._action(step, scope)
            outcome = "success"
        except (StepError, ActionError, ExpressionError, WorkflowError, commands.CommandFileError, OSError) as error:
            if str(error):
                self.log.error(str(error))
            outputs = getattr(error, "outputs", outputs)
            outcome = "cancelled" if self.cancelled and self.given.cancel.requested else "failure"
        conclusion = "success" if outcome == "failure" and keep_going else outcome
        frame.steps[step.id] = {"outputs": outputs, "outcome": outcome, "conclusion": conclusion}
        if conclusion == "failure":
            frame.status = "failure"
        return conclusion

    def _time_left(self, step: Step, scope: Scope) -> float:
        left = self.deadline - time.monotonic()
        if step.timeout_minutes is not None:
            minutes = to_number(expand(step.timeout_minutes, scope))
            if not minutes > 0:
                raise StepError(f"timeout-minutes: expected a number above 0, found {step.timeout_minutes!r}")
            left = min(left, 60 * minutes)
        return max(left, 0.0)

    # run:

    def _script(self, frame: Frame, step: Step, scope: Scope, env: dict[str, str], limit: float,
                summary: list[str]) -> dict[str, str]:
        given = self.given
        defaults = {} if frame.depth else {**given.workflow.defaults, **given.job.defaults}
        shell = text(step.shell, scope) or text(defaults.get("shell"), scope)
        folder = text(step.working_directory, scope) or text(defaults.get("working-directory"), scope)
        kind = shell or "bash"
        if kind not in SCRIPT:
            raise StepError(f"the local runner has the shells {', '.join(SCRIPT)}, found '{shell}'")
        self.files += 1
        script = self.temp / "_files" / f"script_{self.files}{SCRIPT[kind]}"
        body = text(step.run, scope)
        script.write_text(body if body.endswith("\n") else body + "\n", encoding="utf-8", errors="replace")
        argv = {"bash": ["bash", "--noprofile", "--norc", "-eo", "pipefail"] if shell else ["bash", "-e"],
                "sh": ["sh", "-e"], "python": ["python3"]}[kind] + [str(script)]
        self._show(body, " ".join(argv[:-1]), env)
        cwd = self.workspace / folder
        if not cwd.is_dir():
            raise StepError(f"working-directory: there is no folder '{folder}'")
        return self._process(frame, step, argv, cwd, env, limit, summary, body if kind == "bash" else "")

    def _show(self, body: str, shell: str, env: dict[str, str]) -> None:
        lines = body.rstrip("\n").split("\n")
        self.log.line(f"##[group]Run {lines[0]}")
        for line in lines:
            self.log.line(line)
        self.log.line(f"shell: {shell} {{0}}")
        if env:
            self.log.line("env:")
            for key, value in env.items():
                self.log.line(f"  {key}: {value}")
        self.log.line("##[endgroup]")

    def _process(self, frame: Frame, step: Step, argv: list[str], cwd: Path, env: dict[str, str], limit: float,
                 summary: list[str], script: str) -> dict[str, str]:
        files = {name: self.temp / "_files" / f"{name.lower()}_{self.files}" for name in FILES}
        for path in files.values():
            path.touch()
        variables = {**self.variables, **env, **{f"GITHUB_{name}": str(path) for name, path in files.items()}}
        variables |= {"GITHUB_ACTION": step.id}
        if frame.action_path:
            variables["GITHUB_ACTION_PATH"] = str(frame.action_path)
        variables["PATH"] = ":".join([*reversed(self.paths), variables["PATH"]])
        command = words(script, variables)
        spawn = partial(self.given.warm.spawn, command) if command else Program
        result = self._run(argv, cwd, variables, limit, spawn)
        outputs = commands.read_pairs(files["OUTPUT"])
        self._export(commands.read_pairs(files["ENV"]))
        self.paths += commands.read_lines(files["PATH"])
        summary.append(commands.read_text(files["STEP_SUMMARY"]))
        if result.cancelled:
            error = StepError("The operation was canceled.")
        elif result.timed_out and not self.cancelled:
            error = StepError(f"The action has timed out after {to_string(round(result.wall, 1))} seconds.")
        elif result.code:
            error = StepError(f"Process completed with exit code {_exit_code(result.code)}.")
        else:
            return outputs
        error.outputs = outputs
        raise error

    def _run(self, argv: list[str], cwd: Path, variables: dict[str, str], limit: float, spawn: Spawn):
        cancel = None if self.cancelled else self.given.cancel
        result = run(argv, cwd=cwd, env=variables, emit=self.log.output, cancel=cancel, timeout=limit, spawn=spawn)
        self.in_processes += result.wall
        self.cpu += result.cpu
        self.step_cpu += result.cpu
        self._notice_cancel()
        return result

    def _export(self, pairs: dict[str, str]) -> None:
        """GITHUB_ENV: for all later steps, but a default variable stays as it is."""
        for name, value in pairs.items():
            if name.upper().startswith(("GITHUB_", "RUNNER_")) or name in ("CI", "NODE_OPTIONS", "AUTON_LOCAL"):
                self.log.annotation("warning", f"GITHUB_ENV: '{name}' can't be set", {})
            else:
                self.exported[name] = value

    # uses:

    def _action(self, step: Step, scope: Scope) -> dict[str, str]:
        given = self.given
        name = step.uses.partition("@")[0].lower()
        inputs = {key: text(value, scope) for key, value in step.inputs.items()}
        self.log.line(f"##[group]Run {step.uses}")
        for key, value in inputs.items():
            self.log.line(f"  {key}: {value}")
        self.log.line("##[endgroup]")
        here = Here(host=given.host, run=given.run, token=given.token, permissions=self.permissions,
                    workspace=self.workspace, log=self.log.output, git=self._git, artifacts=given.artifacts)
        started, before = time.monotonic(), self.in_processes
        try:
            return ACTIONS[name](here, inputs)
        finally:  # all of an action's time is the step's, not the runner's
            self.in_processes = before + time.monotonic() - started

    def _git(self, folder: Path, *args: str) -> str:
        lines: list[str] = []

        def keep(line: str) -> None:
            lines.append(line)

        variables = {key: self.variables[key] for key in ("PATH", "HOME", TRACKING)} | {
            "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0", "LC_ALL": "C"}
        cancel = None if self.cancelled else self.given.cancel
        result = run(["git", *args], cwd=folder, env=variables, emit=keep, cancel=cancel,
                     timeout=max(0.0, self.deadline - time.monotonic()))
        self.cpu += result.cpu
        self.step_cpu += result.cpu
        if result.code or result.cancelled:
            for line in lines:
                self.log.line(line)
            self._notice_cancel()
            raise ActionError(f"git {args[0]} failed with exit code {_exit_code(result.code)}")
        return "\n".join(lines)

    def _composite(self, frame: Frame, step: Step, scope: Scope, env: dict[str, str],
                   summary: list[str]) -> dict[str, str]:
        if frame.depth >= MAX_NESTING:
            raise StepError(f"expected composite actions at most {MAX_NESTING} deep")
        action = composite.load(self.workspace, step.uses)
        if action.problems:
            raise StepError("\n".join(map(str, action.problems)))
        given = {key.lower(): text(value, scope) for key, value in step.inputs.items()}
        unknown = [key for key in given if key not in {name.lower() for name in action.inputs}]
        if unknown:
            self.log.annotation("warning", f"Unexpected input(s) '{', '.join(unknown)}', "
                                           f"valid inputs are {list(action.inputs)}", {})
        inner = Frame(inputs={}, depth=frame.depth + 1, env=env, action_path=action.path)
        inner.inputs = {name: given[name.lower()] if name.lower() in given
                        else text(spec.get("default"), self._scope(inner)) for name, spec in action.inputs.items()}
        for each in action.steps:
            self._notice_cancel()
            self._run_step(inner, each, summary)
        if inner.status == "failure":
            raise StepError("")
        return {name: text(value, self._scope(inner)) for name, value in action.outputs.items()}


def _exit_code(code: int) -> int:
    return 128 - code if code < 0 else code


"""The files that one job hands to the next: brief.json, result.json, change.patch, report.json, slm.json.

A *brief* is all an agent is told; a *result* is all it says back, beside its patch (`git format-patch` mbox);
a *report* is what `auton verify` saw, or `auton judge` of a model. They are the only way the jobs speak to each
other, and each is read as hostile: strict types, bounded sizes, unknown keys refused.
"""

import os
import stat
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot.errors import Refused
from bot.spans import Span

Role = str  # a file in bot/agents/roles/; the names there are the only ones that validate


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Limits(Part):
    """What one agent run may use. Money in US dollars, time in seconds."""

    cost_usd: float = Field(ge=0)
    steps: int = Field(ge=1)
    seconds: int = Field(ge=1)


class PlanTask(Part):
    key: str = Field(pattern=r"^t[1-9][0-9]?$")
    """Names the task inside its plan: t1, t2, …"""
    title: str = Field(min_length=1, max_length=120)
    role: Role
    body: str = Field(max_length=8000)
    depends_on: list[str] = []
    acceptance: list[str] = Field(default=[], max_length=20)


class Plan(Part):
    summary: str = Field(max_length=2000)
    tasks: list[PlanTask] = Field(min_length=1)


class Finding(Part):
    path: str
    line: int = Field(ge=1)
    severity: Literal["blocker", "major", "minor"]
    text: str = Field(max_length=4000)


class Review(Part):
    verdict: Literal["approve", "request_changes"]
    summary: str = Field(max_length=4000)
    findings: list[Finding] = Field(default=[], max_length=50)


class Feedback(Part):
    """Why an earlier attempt was not enough: what the next one must mend."""

    kind: Literal["verify", "review", "screen", "conflict", "composition", "human", "limit"]
    sha: str = ""
    text: str


class TaskLine(Part):
    """One line of the goal's plan, so that an agent sees its task among the others."""

    key: str
    number: int
    title: str
    role: Role
    state: str


class Brief(Part):
    """All that an agent run is told. `task` and its fields are empty for the manager, who plans the goal."""

    schema_version: Literal[1] = 1
    key: str
    """`g<goal>-t<task number>-a<attempt>-<role>` (`g<goal>-plan-a<attempt>-manager`): names this run."""
    mode: str
    role: Role
    attempt: int = Field(ge=1)
    lost: int = Field(0, ge=0)
    """How many of the attempts before this one never answered: a killed machine, a cancelled run."""
    goal: int
    goal_title: str
    goal_body: str
    task: int | None = None
    task_key: str = ""
    task_title: str = ""
    task_body: str = ""
    plan: list[TaskLine] = []
    branch: str
    """The branch that is worked on; `head_sha` is its tip (equal to `base_sha` when it is new)."""
    base_sha: str
    head_sha: str
    targets: list[str]
    model: str
    limits: Limits
    feedback: list[Feedback] = []


class Usage(Part):
    calls: int = Field(0, ge=0)
    input_tokens: int = Field(0, ge=0)
    cached_tokens: int = Field(0, ge=0)
    output_tokens: int = Field(0, ge=0)
    cost_usd: float = Field(0.0, ge=0, allow_inf_nan=False)


class Result(Part):
    """What an agent run says back. `patch` tells whether change.patch stands beside it."""

    schema_version: Literal[1] = 1
    key: str
    role: Role
    goal: int
    task: int | None = None
    attempt: int
    model: str
    status: Literal["submitted", "gave_up", "limit", "error", "lost"]
    """`lost`: the agent's process died; `usage` then holds what it may have cost until then."""
    reason: str = ""
    """For anything but `submitted`: what stopped the run, in one line."""
    summary: str = ""
    head_sha: str
    """The commit the patch applies to."""
    patch: bool = False
    plan: Plan | None = None
    review: Review | None = None
    usage: Usage = Usage()
    seconds: float = 0.0
    waited: list[Span] = Field(default=[], max_length=1000)
    """When the model, a compiler, QEMU or training worked and the agent waited for it."""


Verdict = Literal["PASS", "FAIL", "PANIC", "HANG", "BUILD", "INFRA"]


class Check(Part):
    """One thing that was checked on one architecture: the build, the boot, a KTAP case, …"""

    name: str
    verdict: Verdict
    seconds: float = 0.0
    where: str = ""
    """file:line, when one is known."""
    detail: str = ""
    """What was expected and what was seen; for a failure, the log's tail."""


class ArchReport(Part):
    arch: str
    verdict: Verdict
    """The worst of its checks."""
    checks: list[Check]
    figures: dict[str, float] = {}
    """Whole-system figures by name: boot_ms, image_bytes, …"""
    seconds: float = 0.0
    waited: list[Span] = Field(default=[], max_length=10)
    """When its build and its boots ran."""
    cached: bool = False


class Report(Part):
    """What `auton verify --json` writes."""

    schema_version: Literal[1] = 1
    tree: str
    """Tree SHA of what was verified ("dirty:<hash>" outside a clean checkout)."""
    verdict: Verdict
    archs: list[ArchReport]
    seconds: float = 0.0


class Figure(Part):
    """One figure of a model on one split of the tests; None where there is none."""

    split: str = Field(max_length=40)
    name: str = Field(max_length=40)
    candidate: float
    main: float | None = None
    rules: float | None = None


class Point(Part):
    """One point of a training's curve."""

    step: int = Field(ge=0)
    loss: float
    val: float | None = None


class SlmReport(Part):
    """What `auton judge` saw of the model that a change describes."""

    schema_version: Literal[1] = 1
    tree: str
    """Tree SHA of what was judged."""
    verdict: Verdict
    recipe: str = Field("", max_length=80)
    """Its name; empty when the change touches none."""
    stage: str = Field("", max_length=20)
    """The last stage that it describes."""
    config: str = Field("", max_length=80)
    main_config: str = Field("", max_length=80)
    """The configuration of the model that ships on main."""
    problems: list[str] = Field(default=[], max_length=40)
    regressions: list[str] = Field(default=[], max_length=60)
    """Figures in which it is worse than the model it stands beside; they count when it is to take that one's place."""
    place: str = Field("", max_length=120)
    """Where it is integrated; empty before that stage."""
    facts: dict[str, str] = Field(default={}, max_length=40)
    """What else is worth telling: rows, parameters, seconds of training, …"""
    figures: list[Figure] = Field(default=[], max_length=200)
    curve: list[Point] = Field(default=[], max_length=200)
    trained: str = ""
    """The key of the trained model."""
    made: str = ""
    """The key of what ships of it."""
    sha256: str = ""
    seconds: float = 0.0
    waited: list[Span] = Field(default=[], max_length=10)


MAX_BYTES = 4 << 20


def read(kind: type[Part], path: Path, limit: int = MAX_BYTES) -> Part:
    """Read one of the files above; Refused if it is missing, no plain file, larger than `limit` bytes, or malformed."""
    what = f"{path}: expected a {kind.__name__.lower()} file"
    try:
        with open(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb") as file:  # a FIFO is not waited for
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise Refused(f"{what}, found something else than a plain file")
            text = file.read(limit + 1)
    except FileNotFoundError:
        raise Refused(f"{what}, found none") from None
    except OSError as error:
        raise Refused(f"{what}, found what can't be read ({error.strerror})") from None
    if len(text) > limit:
        raise Refused(f"{path}: expected at most {limit} bytes, found more")
    return parse(kind, text, str(path))


def parse(kind: type[Part], text: bytes, where: str) -> Part:
    """One of the files above from its content; `where` names it in the Refused if it is malformed."""
    try:
        return kind.model_validate_json(text)
    except ValidationError as error:
        first = error.errors()[0]
        raise Refused(f"{where}: {'.'.join(map(str, first['loc']))}: {first['msg']}") from None


def write(path: Path, part: Part) -> None:
    """Write `part` at `path` so that a reader sees all of it or nothing."""
    partial = path.with_suffix(path.suffix + ".part")
    partial.write_text(part.model_dump_json(indent=1))
    partial.replace(path)

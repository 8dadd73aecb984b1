"""What the reconcile loop thinks with: the memory kept on the forge, the snapshot that is read, the actions decided on.

`GoalMemory` and `TaskMemory` are the hidden JSON of the sticky comments (`sticky.py`); only the tick writes them.
`RunRecord` and `VerifyRecord` are what `auton apply` and `auton report` leave for the tick to find; they write
nothing else that the tick reads. Everything here is a frozen value.
"""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from bot.forge.records import Comment, Commit, Issue, Pull, WorkflowRun
from bot.handoff import Feedback, Plan, Review, Usage
from bot.reconcile.slash import Command as Words

GOAL_STATES = ("planning", "planned", "active", "done", "blocked", "cancelled")
TASK_STATES = ("waiting", "ready", "running", "verify", "review", "queued", "landed", "failed", "needs-human",
               "cancelled")
GoalState = Literal[GOAL_STATES]
TaskState = Literal[TASK_STATES]
ENDED = ("landed", "cancelled")
OVER = ("done", *ENDED)
"""Of goals and tasks alike."""
STUCK = ("failed", "needs-human")


class Kept(BaseModel):
    """A part of the memory: strict, so that a hand-edited comment is noticed and not guessed at."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    def but(self, **changes):
        return self.model_copy(update=changes)


class Run(Kept):
    """One agent run: what was set aside for it, and what it came to."""

    key: str
    role: str
    attempt: int
    at: str
    """When the money was set aside; counts for that day's cap."""
    reserved: float
    status: Literal["started", "submitted", "gave_up", "limit", "error", "lost"] = "started"
    usage: Usage = Usage()
    seconds: float = 0.0
    reason: str = ""
    conclusion: str = ""
    """Of the workflow run, if it ended without a record."""
    told: bool = False
    """Of such a run: `usage` is what it had used, even if that is nothing."""

    @property
    def cost(self) -> float:
        """What this run counts for: its reservation until it has answered, and for ever if it left no word of its use."""
        return self.reserved if self.status == "started" or self._silent else self.usage.cost_usd

    @property
    def guessed(self) -> bool:
        """Whether it has ended, and counts for all that was set aside because no more than that is known."""
        return self._silent or (self.status == "lost" and 0 < self.reserved <= self.usage.cost_usd)

    @property
    def _silent(self) -> bool:
        return self.status == "lost" and self.usage == Usage() and not self.told


class Verified(Kept):
    """What CI said of a commit."""

    sha: str
    at: str = ""
    """When the current try was started."""
    tries: int = 1
    state: Literal["pending", "green", "red", "infra"] = "pending"
    archs: dict[str, str] = {}
    figures: dict[str, dict[str, float]] = {}
    seconds: float = 0.0
    note: str = ""
    """For red and infra: the first failures with their log tails, bounded."""


class Memory(Kept):
    """What goals and tasks have in common."""

    reason: str = ""
    """Why it stands where it stands, for a person."""
    held: bool = False
    held_at: str = ""
    """When it was last put on hold."""
    priority: int = 0
    runs: tuple[Run, ...] = ()
    attempt: int = 0
    allowed: int = 0
    """Attempts that it may take until it is handed to a person; `retry` adds to it."""
    answered: dict[str, str] = {}
    """Outcome by comment id of the commands that took effect here (the latest ones)."""
    answered_to: int = 0
    """Command comments up to this id were dealt with and have left `answered`."""

    @property
    def cost(self) -> float:
        return sum(run.cost for run in self.runs)

    @property
    def open_run(self) -> Run | None:
        return next((run for run in self.runs if run.status == "started"), None)


class GoalMemory(Memory):
    kind: Literal["goal"] = "goal"
    state: GoalState = "planning"
    by: str = ""
    """Who started it, with write permission at that time."""
    digest: str = ""
    """Of the title and body that were accepted; see `digest()` in memory.py."""
    plan_key: str = ""
    """The run whose plan is in force."""
    plan_digest: str = ""
    approved_by: str = ""
    budget: float | None = None
    """What `/auton budget` set, instead of `[budget] goal_usd`."""
    mode: str = ""
    model: str = ""
    """Of `/auton plan mode=… model=…`, instead of auton.toml's."""
    voided: bool = False
    """The text was edited after it was accepted; a person must approve it again."""
    foreign: bool = False
    """Its author may not write here: a person must approve its plan, by name."""
    stuck: Literal["", "plan", "budget", "tasks"] = ""
    """What blocks it."""
    feedback: tuple[Feedback, ...] = ()
    """Why the last plan was not accepted."""


class TaskMemory(Memory):
    kind: Literal["task"] = "task"
    state: TaskState = "waiting"
    goal: int
    key: str
    """Its key in the plan: t1, t2, …"""
    role: str
    depends_on: tuple[str, ...] = ()
    head: str = ""
    """Tip of its branch after the last attempt."""
    pull: int = 0
    verify: Verified | None = None
    reviewed: str = ""
    """The head that a reviewer approved."""
    next_role: str = ""
    """A role other than its own for the next run: reviewer, or integrator after a conflict."""
    since: str = ""
    """When it was queued; the order of the queue."""
    landed: str = ""
    """The merge commit on the default branch."""
    adds: dict[str, dict[str, float]] = {}
    """What its change adds to each figure by itself, as far as that was known when it landed (`figures.py`)."""
    composing: str = ""
    """What the default branch was when this change, green alone, was red on top of it: with which of the changes
    that are in there it does not go is being searched."""
    model: str = ""
    run_budget: float | None = None
    feedback: tuple[Feedback, ...] = ()
    """What the next attempt must mend, beyond what people have commented."""


class RunRecord(Kept):
    """What `auton apply` says of an agent run, hidden in the run's comment."""

    kind: Literal["run"] = "run"
    key: str
    status: Literal["submitted", "gave_up", "limit", "error", "lost"]
    reason: str = Field("", max_length=4000)
    head: str = ""
    """Tip of the branch after the patch was pushed; empty when nothing was."""
    pull: int = 0
    conflict: tuple[str, ...] = ()
    """Paths at which the patch or the merge did not fit."""
    usage: Usage = Usage()
    seconds: float = 0.0
    model: str = ""
    plan: Plan | None = None
    review: Review | None = None


class Failure(Kept):
    """A check that was not passed."""

    arch: str
    name: str
    verdict: str
    where: str = ""
    detail: str = ""


class VerifyRecord(Kept):
    """What `auton report` says of a commit, hidden in its check run."""

    kind: Literal["verify"] = "verify"
    key: str
    tree: str = ""
    archs: dict[str, str]
    """Verdict by architecture, and by `slm` of the model, where the change touches its making."""
    figures: dict[str, dict[str, float]] = {}
    seconds: float = 0.0
    failures: tuple[Failure, ...] = ()

    @property
    def state(self) -> Literal["green", "red", "infra"]:
        found = set(self.archs.values())
        if found & {"FAIL", "PANIC", "HANG", "BUILD"}:
            return "red"
        return "green" if found == {"PASS"} else "infra"


# -- the snapshot -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Goal:
    issue: Issue
    memory: GoalMemory | None
    """None before the bot has seen it."""
    sticky: Comment | None = None
    starter: str = ""
    """Who labelled or opened it; read only while there is no memory."""
    starter_may_write: bool = False
    author_may_write: bool = True
    broken: str = ""
    """Why the hidden state cannot be read, if it cannot."""
    reopened: tuple[int, str] | None = None
    """The event that opened it again after it had ended, and whose it was."""


@dataclass(frozen=True)
class Task:
    issue: Issue
    goal: int
    key: str
    memory: TaskMemory | None
    sticky: Comment | None = None
    broken: str = ""
    reopened: tuple[int, str] | None = None

    @property
    def branch(self) -> str:
        return f"auton/g{self.goal}/t{self.issue.number}"


@dataclass(frozen=True)
class Closed:
    """A goal or task that rounds no longer look after, read because a command was typed there."""

    memory: GoalMemory | TaskMemory | None
    """None if it was closed before the bot took it up."""
    sticky: Comment | None


@dataclass(frozen=True)
class Command:
    """A comment with an `/auton` line that has not been dealt with."""

    comment: Comment
    issue: int
    """The goal or task it is about (a pull request's task)."""
    words: tuple[Words, ...]
    may_write: bool


@dataclass(frozen=True)
class Snapshot:
    """Everything that `decide` may know. All reading is done before it."""

    bot: str
    main: Commit
    goals: dict[int, Goal] = field(default_factory=dict)
    tasks: dict[int, Task] = field(default_factory=dict)
    commands: tuple[Command, ...] = ()
    closed: dict[int, Closed] = field(default_factory=dict)
    """By the number at which commands were typed."""
    records: dict[str, RunRecord] = field(default_factory=dict)
    """Of agent runs, by key."""
    verdicts: dict[str, VerifyRecord] = field(default_factory=dict)
    """By key (`v-<sha>`, `v-<sha>-2`)."""
    runs: dict[str, WorkflowRun] = field(default_factory=dict)
    """By run-name; of several, the newest."""
    used: dict[str, Usage] = field(default_factory=dict)
    """By key, of awaited runs that ended without a record: what their own files say that they used."""
    notices: frozenset[str] = frozenset()
    """Keys of the comments that the bot has posted."""
    pulls: dict[str, Pull] = field(default_factory=dict)
    """Open ones by branch."""
    refs: dict[str, str] = field(default_factory=dict)
    """SHA by full name, of `refs/heads/auton/`."""
    roles: dict[str, set[str]] = field(default_factory=dict)
    """The modes that each role of a plan may be used in; read while a plan waits for its check."""
    chain: tuple["Link", ...] = ()
    """The queue, merged change by change on top of main, as far as it merges."""
    clash: tuple[int, tuple[str, ...]] | None = None
    """The first queued task that does not merge, and where."""
    trees: dict[str, str] = field(default_factory=dict)
    """Tree by commit: of the queue's branches and the queued heads."""
    bases: dict[int, str] = field(default_factory=dict)
    """Where the branches of queued tasks begin on main."""
    merged: dict[int, str] = field(default_factory=dict)
    """Queued tasks whose head is on main already, with the merge commit."""
    searches: dict[int, "Composition"] = field(default_factory=dict)
    """For queued tasks that are composing: how far the search has come."""
    spent_today: float = 0.0
    """By goals that are closed."""
    resumable: frozenset[int] = frozenset()
    """Workflow runs whose last job alone failed: running that again costs no model call."""
    grace: float = 60.0
    """Seconds after which a dispatch that shows no run is taken for lost."""


@dataclass(frozen=True)
class Link:
    """One queued change merged on top of those before it."""

    task: int
    sha: str
    tree: str


@dataclass(frozen=True)
class Composition:
    """The next test of a search for the smallest red set, or its answer (`compose.py`)."""

    found: tuple[int, ...] | None = None
    sha: str = ""
    """The commit to test: the landed changes of that test with the culprit on top."""
    state: str = "unknown"
    """What CI said of it so far."""


# -- the actions ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Action:
    """One write. Each is idempotent, or guarded by the search that the snapshot was."""


@dataclass(frozen=True)
class Remember(Action):
    """Write the sticky comment of an issue: text for people, memory for the bot."""

    issue: int
    text: str
    memory: Memory
    comment: int | None
    """The sticky there is; None creates it."""


@dataclass(frozen=True)
class Label(Action):
    issue: int
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()


@dataclass(frozen=True)
class OpenTask(Action):
    """Create a task's issue, marked with its goal and its key."""

    goal: int
    key: str
    title: str
    body: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class LinkTask(Action):
    """Make it a sub-issue, blocked by others. By issue ids, as GitHub wants them."""

    goal: int
    task: int
    task_id: int
    blocked_by: tuple[int, ...]


@dataclass(frozen=True)
class StartAgent(Action):
    key: str
    goal: int
    task: int | None
    role: str
    attempt: int


@dataclass(frozen=True)
class StartVerify(Action):
    key: str
    sha: str


@dataclass(frozen=True)
class ResumeRun(Action):
    """Run the failed jobs of a workflow run again."""

    run: int


@dataclass(frozen=True)
class CancelRun(Action):
    run: int


@dataclass(frozen=True)
class Say(Action):
    """Post a comment, once for its key."""

    issue: int
    key: str
    body: str


@dataclass(frozen=True)
class React(Action):
    comment: int
    content: str


@dataclass(frozen=True)
class Close(Action):
    issue: int
    completed: bool


@dataclass(frozen=True)
class ClosePull(Action):
    pull: int


@dataclass(frozen=True)
class SetStatus(Action):
    sha: str
    context: str
    state: str
    description: str


@dataclass(frozen=True)
class MakeLabels(Action):
    """See that AUTON's labels exist."""


@dataclass(frozen=True)
class PushBatch(Action):
    """Make a batch testable: a branch of the queue at this commit."""

    name: str
    sha: str


@dataclass(frozen=True)
class DropBatch(Action):
    name: str


@dataclass(frozen=True)
class Advance(Action):
    """Fast-forward the default branch to a tree that was tested whole."""

    sha: str


def now_text(now: datetime) -> str:
    return now.strftime("%Y-%m-%dT%H:%M:%SZ")

"""What a watcher sees of one goal on a forge, and what changed between two looks.

Reading is `read`; `changes` is pure. Nothing here writes to the forge or knows the bot's hidden state: a view is
made of labels, sub-issues, pull requests and commit statuses, the same that a person sees in a browser.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.forge.client import Forge
from bot.forge.records import Issue, Pull

MARK = {"success": "✓", "failure": "✗", "error": "!", "pending": "…"}
ENDED = ("done", "blocked", "cancelled")


@dataclass(frozen=True)
class TaskView:
    number: int
    title: str
    role: str
    state: str
    pull: int | None = None
    head: str = ""
    verdicts: dict[str, str] = field(default_factory=dict)
    """Commit statuses of the head: context without `auton/` → GitHub's state."""


@dataclass(frozen=True)
class GoalView:
    number: int
    title: str
    state: str
    closed: bool
    held: bool = False
    tasks: tuple[TaskView, ...] = ()
    labels: tuple = ()
    """Those of the goal and of its tasks, by which a change is noticed."""

    @property
    def ended(self) -> bool:
        return self.state in ENDED


GOAL_STATES = ("planning", "planned", "active", *ENDED)
TASK_STATES = ("waiting", "ready", "running", "review", "verify", "queued", "landed", "failed", "needs-human")


def read(forge: Forge, goal: int, before: GoalView | None = None) -> GoalView:
    """Look at goal issue `goal` once: three calls, and one for each open pull request; or two calls if no label has
    changed since `before`, for every pull request and verdict is followed by one that does."""
    issue = forge.issue(goal)
    subs = forge.sub_issues(goal)
    labels = (issue.labels, issue.open, *((sub.number, sub.labels) for sub in subs))
    if before and before.labels == labels:
        return before
    pulls = {pull.branch: pull for pull in forge.pulls()} if subs else {}
    tasks = tuple(_task(forge, sub, pulls.get(f"auton/g{goal}/t{sub.number}")) for sub in subs)
    return GoalView(goal, issue.title, _state(issue, GOAL_STATES), not issue.open, "auton:hold" in issue.labels, tasks,
                    labels)


def _task(forge: Forge, sub: Issue, pull: Pull | None) -> TaskView:
    role = next((label.removeprefix("role:") for label in sub.labels if label.startswith("role:")), "")
    if pull is None:
        return TaskView(sub.number, sub.title, role, _state(sub, TASK_STATES))
    verdicts = {context.removeprefix("auton/"): state for context, state in forge.statuses(pull.head).items()
                if context.startswith("auton/")}
    return TaskView(sub.number, sub.title, role, _state(sub, TASK_STATES), pull.number, pull.head, verdicts)


def _state(issue: Issue, known: tuple[str, ...]) -> str:
    return next((state for state in known if f"auton:{state}" in issue.labels), "")


def changes(before: GoalView | None, after: GoalView) -> Iterator[tuple[str, str]]:
    """What to tell about the step from `before` to `after`: pairs of a subject and a short sentence."""
    subject = f"goal #{after.number}"
    if before is None or before.state != after.state:
        yield subject, after.state or "filed"
    if after.held and not (before and before.held):
        yield subject, "on hold"
    known = {task.number: task for task in before.tasks} if before else {}
    for task in after.tasks:
        yield from _task_changes(known.get(task.number), task)


def _task_changes(old: TaskView | None, task: TaskView) -> Iterator[tuple[str, str]]:
    subject = f"task #{task.number}"
    if old is None:
        yield subject, f"{task.role}: {task.title}"
    if task.pull and not (old and old.pull):
        yield subject, f"pull request #{task.pull}"
    if old and old.head and task.head and task.head != old.head:
        yield subject, f"pull request #{task.pull} continued at {task.head[:7]}"
    seen = old.verdicts if old and old.head == task.head else {}
    news = {name: state for name, state in task.verdicts.items() if seen.get(name) != state and state != "pending"}
    if news:
        yield subject, "  ".join(f"{name} {MARK.get(state, state)}" for name, state in sorted(news.items()))
    if (old is None or old.state != task.state) and task.state not in ("", "waiting"):
        yield subject, task.state

"""What a watcher sees of one goal on a forge, and what changed between two looks.

Reading is `read`; `changes` is pure. Nothing here writes to the forge or knows the bot's hidden state: a view is
made of labels, sub-issues, pull requests and commit statuses, the same that a person sees in a browser.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from github.Issue import Issue
    from github.PullRequest import PullRequest
    from github.Repository import Repository

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

    @property
    def ended(self) -> bool:
        return self.state in ENDED


def _label(issue: "Issue", prefix: str, known: tuple[str, ...] | None = None) -> str:
    for label in issue.labels:
        value = label.name.removeprefix(prefix)
        if label.name.startswith(prefix) and (known is None or value in known):
            return value
    return ""


GOAL_STATES = ("planning", "planned", "active", *ENDED)
TASK_STATES = ("waiting", "ready", "running", "review", "verify", "queued", "landed", "failed", "needs-human")


def read(repo: "Repository", goal: int) -> GoalView:
    """Look at goal issue `goal` once: two calls, one more when tasks exist, and one for each open pull request."""
    issue = repo.get_issue(goal)
    subs = list(issue.get_sub_issues())
    pulls = {p.head.ref: p for p in repo.get_pulls(state="all")} if subs else {}
    tasks = []
    for sub in subs:
        pull = pulls.get(f"auton/g{goal}/t{sub.number}")
        tasks.append(TaskView(sub.number, sub.title, _label(sub, "role:"), _label(sub, "auton:", TASK_STATES),
                              pull.number if pull else None, pull.head.sha if pull else "",
                              _verdicts(repo, pull)))
    return GoalView(goal, issue.title, _label(issue, "auton:", GOAL_STATES), issue.state == "closed",
                    any(label.name == "auton:hold" for label in issue.labels), tuple(tasks))


def _verdicts(repo: "Repository", pull: "PullRequest | None") -> dict[str, str]:
    if pull is None or pull.state != "open":
        return {}
    statuses = repo.get_commit(pull.head.sha).get_combined_status().statuses
    return {s.context.removeprefix("auton/"): s.state for s in statuses if s.context.startswith("auton/")}


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
    if old and old.head and task.head != old.head:
        yield subject, f"pull request #{task.pull} continued at {task.head[:7]}"
    seen = old.verdicts if old and old.head == task.head else {}
    news = {name: state for name, state in task.verdicts.items() if seen.get(name) != state and state != "pending"}
    if news:
        yield subject, "  ".join(f"{name} {MARK.get(state, state)}" for name, state in sorted(news.items()))
    if (old is None or old.state != task.state) and task.state not in ("", "waiting"):
        yield subject, task.state

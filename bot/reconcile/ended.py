"""What has ended, and is read only when a person speaks there: no round holds closed goals and tasks. Reads only.

A command on a closed issue costs a few calls until it is answered; an issue that was opened again, one until it is
closed.
"""

import re
from dataclasses import replace

from bot.forge.client import Forge
from bot.forge.records import Issue
from bot.forge.wire import Answered
from bot.reconcile import memory, sticky
from bot.reconcile import model as m

LABELS = {"auton:goal": ("goal", m.GoalMemory), "auton:task": ("task", m.TaskMemory)}
BRANCH = re.compile(r"auton/g\d{1,9}/t(\d{1,9})")


def reopened(forge: Forge, parts: dict, bot: str) -> dict:
    """The same goals or tasks; those that ended, were closed by the bot and are open again say who did that."""
    return {n: replace(part, reopened=forge.reopened(n, bot))
            if part.memory and part.memory.state in m.OVER and part.issue.open else part for n, part in parts.items()}


def spoken_to(forge: Forge, commands: tuple[m.Command, ...], known: set[int],
              bot: str) -> tuple[tuple[m.Command, ...], dict[int, m.Closed]]:
    """The commands that still want an answer, and what is not among the `known` issues but spoken to, by issue number."""
    closed, answered = {}, set()
    for number in sorted({command.issue for command in commands} - known):
        found, done = _look(forge, number, bot)
        answered |= done
        if found:
            closed[number] = found
    return tuple(c for c in commands if c.comment.id not in answered), closed


def _look(forge: Forge, number: int, bot: str) -> tuple[m.Closed | None, set[int]]:
    """A goal, or a task by its own number or its pull request's; and the comments that are known to be answered there."""
    try:
        issue = forge.issue(number)
        if (task := _task_of(issue, bot)) is not None:
            issue = forge.issue(task)
        kind, cls = next((LABELS[label] for label in LABELS if label in issue.labels), ("", m.Memory))
        comments = forge.comments_on(issue.number) if kind else []
    except Answered as error:
        if error.status not in (404, 410):
            raise
        return None, set()
    own = [(comment, state) for comment in comments if (state := memory.hidden(comment, bot))]
    mark = next(((c, s) for c, s in own if s.get("kind") == kind), None)
    if mark is None:
        return (m.Closed(None, None) if kind == "goal" and not issue.open else None), set()
    kept = memory.sound(cls, *mark)
    if kept is None:
        return None, set()
    said = {s["key"] for _, s in own if s.get("kind") == "say" and isinstance(s.get("key"), str)}
    done = {c.id for c in comments if (c.rocket or c.confused)
            and (c.id <= kept.answered_to or str(c.id) in kept.answered or f"c{c.id}" in said)}
    return m.Closed(kept, mark[0]), done


def _task_of(issue: Issue, bot: str) -> int | None:
    """The task of a pull request of ours."""
    state = (sticky.parse(issue.body) if issue.author == bot else None) or {}
    match = BRANCH.fullmatch(str(state.get("key"))) if state.get("kind") == "pull" else None
    return int(match[1]) if match else None

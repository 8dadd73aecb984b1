"""What the forge will say after some writes, as far as that is known without looking. Pure.

It saves a tick its last look: if `decide` finds nothing to do in the predicted snapshot, there is nothing to do. What
only the forge can tell (numbers of new issues, what main is now) is not predicted; the tick looks again instead.
"""

from dataclasses import replace

from bot.forge.records import Comment, WorkflowRun
from bot.reconcile import memory
from bot.reconcile import model as m

SILENT = (m.SetStatus, m.MakeLabels, m.CancelRun, m.ClosePull, m.React)
"""Writes after which nothing that `decide` looks at is different, but for commands, which are gone once answered."""


def after(snap: m.Snapshot, actions: list[m.Action], at: str) -> m.Snapshot | None:
    """The snapshot as it will be; None if only a look can tell."""
    goals, tasks, runs, refs = dict(snap.goals), dict(snap.tasks), dict(snap.runs), dict(snap.refs)
    notices = set(snap.notices)

    def change(number: int, **what) -> None:
        parts = goals if number in goals else tasks
        if number in parts:
            parts[number] = replace(parts[number], **what)

    for action in actions:
        match action:
            case m.Remember():
                if not _settled(action.memory):
                    return None
                part = goals.get(action.issue) or tasks[action.issue]
                old = part.sticky or Comment(0, action.issue, snap.bot, "", at)
                body = memory.body(action.text, action.memory)
                change(action.issue, memory=action.memory, sticky=replace(old, body=body))
            case m.Label():
                issue = (goals.get(action.issue) or tasks[action.issue]).issue
                labels = (issue.labels | set(action.add)) - set(action.remove)
                change(action.issue, issue=replace(issue, labels=labels))
            case m.Say():
                notices.add(action.key)
            case m.StartAgent() | m.StartVerify():
                runs[action.key] = WorkflowRun(0, action.key, "queued", None, at, at)
            case m.Close():
                issue = (goals.get(action.issue) or tasks[action.issue]).issue
                change(action.issue, issue=replace(issue, open=False))
            case m.PushBatch():
                refs[action.name] = action.sha
            case m.DropBatch():
                refs.pop(action.name, None)
            case _ if not isinstance(action, SILENT):
                return None
    return replace(snap, goals=goals, tasks=tasks, runs=runs, notices=frozenset(notices), refs=refs, commands=())


def _settled(mem: m.Memory) -> bool:
    """Whether the next step of this part waits for something outside; the queue is read with git."""
    return mem.state not in ("queued", "landed")

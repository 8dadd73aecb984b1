"""What follows from the memories: stickies, labels, notices, closed issues. Pure, and from the state alone.

Nothing here changes a memory. Whatever a crash left undone is found undone and done by the next round.
"""

from bot.reconcile import memory, texts
from bot.reconcile import model as m

STATE_LABELS = {f"auton:{state}" for state in (*m.GOAL_STATES, *m.TASK_STATES)}
HOLD = "auton:hold"


def saves(r) -> list[m.Action]:
    """Stickies that do not say what they should, tasks first: the goal's shows sums over its tasks."""
    out: list[m.Action] = []
    for parts, memories, text in ((r.snap.tasks, r.tasks, texts.task_sticky),
                                  (r.snap.goals, r.goals, texts.goal_sticky)):
        for number, mem in memories.items():
            part = parts[number]
            said = text(r, number)
            if part.sticky is None or part.sticky.body != memory.body(said, mem):
                out.append(m.Remember(number, said, mem, part.sticky.id if part.sticky else None))
    return out


def consequences(r) -> list[m.Action]:
    out: list[m.Action] = []
    for number, mem in r.tasks.items():
        issue = r.snap.tasks[number].issue
        out += _labels(issue, mem.state, mem.held)
        out += _notices(r, number, texts.task_notices(r, number))
        if mem.state in m.ENDED and issue.open:
            out.append(m.Close(number, mem.state == "landed"))
    for number, mem in r.goals.items():
        issue = r.snap.goals[number].issue
        out += _labels(issue, mem.state, mem.held)
        out += _notices(r, number, texts.goal_notices(r, number))
        if mem.state in ("done", "cancelled") and issue.open:
            out.append(m.Close(number, mem.state == "done"))
    for part in (*r.snap.tasks.values(), *r.snap.goals.values()):
        if part.broken:
            out += _notices(r, part.issue.number, [(f"broken-{part.issue.number}", texts.broken(part.broken))])
    return out


def _labels(issue, state: str, held: bool) -> list[m.Action]:
    want = {f"auton:{state}"} | ({HOLD} if held else set())
    have = issue.labels & (STATE_LABELS | {HOLD})
    if want == have:
        return []
    return [m.Label(issue.number, tuple(sorted(want - have)), tuple(sorted(have - want)))]


def _notices(r, number: int, wanted: list[tuple[str, str]]) -> list[m.Action]:
    return [m.Say(number, key, text) for key, text in wanted if key not in r.snap.notices]

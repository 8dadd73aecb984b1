"""What follows from the memories: stickies, labels, notices, closed issues. Pure, and from the state alone.

Nothing here changes a memory. Whatever a crash left undone is found undone and done by the next round.
"""

from bot.reconcile import endtexts, memory, texts
from bot.reconcile import model as m

STATE_LABELS = {f"auton:{state}" for state in (*m.GOAL_STATES, *m.TASK_STATES)}
HOLD = "auton:hold"


def follow(r, number: int) -> list[m.Action]:
    """What the forge should say about one issue and does not: its memory first, a closed issue last."""
    part = r.snap.goals.get(number) or r.snap.tasks.get(number)
    if part is None:
        return []
    if part.broken:
        return _notices(r, number, [(f"broken-{number}", texts.broken(part.broken))])
    is_goal = number in r.snap.goals
    mem = (r.goals if is_goal else r.tasks).get(number)
    if mem is None:
        return []
    out: list[m.Action] = []
    said = (texts.goal_sticky if is_goal else texts.task_sticky)(r, number)
    if part.sticky is None or part.sticky.body != memory.body(said, mem):
        out.append(m.Remember(number, said, mem, part.sticky.id if part.sticky else None))
    out += _labels(part.issue, mem.state, mem.held)
    out += _notices(r, number, (texts.goal_notices if is_goal else texts.task_notices)(r, number))
    if mem.state in m.OVER and part.issue.open and r.settled(number):
        if part.reopened:
            event, who = part.reopened
            out += _notices(r, number, [(f"reopened-{number}-{event}", endtexts.reopened(mem, who))])
        out.append(m.Close(number, mem.state != "cancelled"))
    return out


def _labels(issue, state: str, held: bool) -> list[m.Action]:
    want = {f"auton:{state}"} | ({HOLD} if held else set())
    have = issue.labels & (STATE_LABELS | {HOLD})
    if want == have:
        return []
    return [m.Label(issue.number, tuple(sorted(want - have)), tuple(sorted(have - want)))]


def _notices(r, number: int, wanted: list[tuple[str, str]]) -> list[m.Action]:
    return [m.Say(number, key, text) for key, text in wanted if key not in r.snap.notices]

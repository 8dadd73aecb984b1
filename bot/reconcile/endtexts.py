"""What the bot says about goals and tasks that have ended; a part of `texts.py`. Pure."""

from bot.reconcile import model as m
from bot.reconcile import sticky

TITLE = "### AUTON worked on this goal\n\n"
NEVER = "this goal was closed before it was taken up; reopen it to have it worked on"


def over(mem: m.Memory) -> str:
    """Why a command that steers can't apply, and what to do instead."""
    what, label = mem.kind, "with the label `auton:goal`"
    if mem.state in ("done", "landed"):
        return f"this {what} has landed; for what is still to be done, or to be undone, file a new issue {label}"
    if mem.state == "cancelled":
        by = mem.reason if mem.reason.startswith("cancelled ") else f"cancelled ({mem.reason})" if mem.reason else "cancelled"
        return f"this {what} was {by}; to take it up again, file a new issue {label}"
    if what == "task":
        return f"the goal of this task, #{mem.goal}, is closed, and the task was {mem.state} then"
    return f"this goal was closed by hand while it was {mem.state}; reopen it to go on"


def answer(closed: m.Closed, name: str) -> str:
    """To `status` or `explain`: what it came to, as its standing comment has said since it ended."""
    if closed.memory is None:
        return _sentence(NEVER)
    first = _sentence(over(closed.memory))
    if name == "explain":
        landed = getattr(closed.memory, "landed", "")
        where = f" It is on the default branch as {landed[:9]}." if landed else ""
        return f"{first}{where} Nothing more happens here; `/auton status` shows what it came to."
    return f"{first}\n\n{closed.sticky.body.partition(sticky.OPEN)[0].removeprefix(TITLE).strip()}"


def reopened(mem: m.Memory, who: str) -> str:
    return (f"@{who} has reopened this, and it is closed again: {over(mem)}. `/auton status` and `/auton explain` are answered here "
            "all the same.")


def _sentence(text: str) -> str:
    return text[0].upper() + text[1:] + "."

"""Watch one goal until it ends: progress lines as it goes, the report at the end."""

import time
from collections.abc import Callable

from bot.errors import ForgeError
from bot.forge.client import Forge
from bot.run import view

Say = Callable[[str, str], None]


def until_ended(forge: Forge, goal: int, say: Say, seconds: float, poll: float) -> view.GoalView:
    """Look every `poll` seconds and tell each change to `say(subject, sentence)`; returns the last view.

    ForgeError when the goal has not ended after `seconds`, or a task waits for a person and nothing else moves.
    """
    seen, deadline = None, time.monotonic() + seconds
    quiet_since = time.monotonic()
    while True:
        now = view.read(forge, goal, seen)
        for subject, sentence in view.changes(seen, now):
            say(subject, sentence)
            quiet_since = time.monotonic()
        seen = now
        if now.ended:
            return now
        stuck = [task for task in now.tasks if task.state in ("needs-human", "failed")]
        moving = [task for task in now.tasks if task.state in ("ready", "running", "verify", "review", "queued")]
        if stuck and not moving and time.monotonic() - quiet_since > 15:
            where = f"{forge.server}/{forge.repo}/issues/{stuck[0].number}"
            raise ForgeError(f"task #{stuck[0].number} waits for a person ({stuck[0].state})",
                             f"read {where} and comment `/auton retry` there")
        if time.monotonic() > deadline:
            raise ForgeError(f"goal #{goal} has not ended after {seconds:.0f} s (it is {now.state or 'not yet seen'})",
                             f"it goes on by itself; look at {forge.server}/{forge.repo}/issues/{goal}")
        time.sleep(poll)

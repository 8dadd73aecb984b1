"""Watch one goal until it ends, and tell each change as it comes."""

import time
from collections.abc import Callable

from bot.errors import ForgeError
from bot.forge.client import Forge
from bot.run import view

Say = Callable[[str, str], None]


class Unended(ForgeError):
    """The goal goes on, or waits for a person, and was watched long enough."""


class Watch:
    """`seen` is the last view of the goal, None before the first; each change is told to `say(subject, sentence)`."""

    def __init__(self, forge: Forge, goal: int, say: Say):
        self.forge, self.goal, self.say = forge, goal, say
        self.seen: view.GoalView | None = None

    def until_ended(self, seconds: float, poll: float) -> None:
        """Look every `poll` seconds. Unended when the goal has not ended after `seconds`, or a task waits for a person and
        nothing else moves; any other ForgeError when the forge can't be asked."""
        forge, deadline = self.forge, time.monotonic() + seconds
        quiet_since = time.monotonic()
        while True:
            now = view.read(forge, self.goal, self.seen)
            for subject, sentence in view.changes(self.seen, now):
                self.say(subject, sentence)
                quiet_since = time.monotonic()
            self.seen = now
            if now.ended:
                return
            stuck = [task for task in now.tasks if task.state in ("needs-human", "failed")]
            moving = [task for task in now.tasks if task.state in ("ready", "running", "verify", "review", "queued")]
            if stuck and not moving and time.monotonic() - quiet_since > 15:
                where = f"{forge.server}/{forge.repo}/issues/{stuck[0].number}"
                raise Unended(f"task #{stuck[0].number} waits for a person ({stuck[0].state})",
                              f"read {where} and comment `/auton retry` there")
            if time.monotonic() > deadline:
                raise Unended(f"goal #{self.goal} has not ended after {seconds:g} s (it is {now.state or 'not yet seen'})",
                              f"it goes on by itself; look at {forge.server}/{forge.repo}/issues/{self.goal}")
            time.sleep(poll)

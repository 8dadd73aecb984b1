"""A round of the bot on the local forge, asked for by hand: the same as pressing "Run workflow" on auton-tick.

The forge's owner asks; the round runs as a job, with the bot's own token, as every other round does.
"""

import time
import uuid

from bot.errors import ForgeError
from bot.forge.client import Forge

WORKFLOW = "auton-tick.yml"


def ask(forge: Forge, seconds: float = 300.0) -> str:
    """Ask for a round in this repository; a sentence on how it ended. ForgeError when it failed or did not end in time."""
    reason = f"by hand, {uuid.uuid4().hex[:8]}"
    forge.dispatch(WORKFLOW, {"reason": reason})
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        for run in forge.runs(WORKFLOW, "2000-01-01"):
            if reason in run.name and run.status == "completed":
                return _ended(forge, run.conclusion)
        time.sleep(0.2)
    raise ForgeError(f"{forge.repo}: expected the round to end within {seconds:.0f} s, found it still waiting",
                     f"its runs are at {forge.server}/{forge.repo}/actions")


def _ended(forge: Forge, conclusion: str) -> str:
    if conclusion == "success":
        return f"tick: a round of {forge.repo} has ended"
    if conclusion == "cancelled":
        return f"tick: a later round of {forge.repo} has taken this one's place"
    raise ForgeError(f"{forge.repo}: the round ended with {conclusion}", f"its log is at {forge.server}/{forge.repo}/actions")

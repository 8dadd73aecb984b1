"""A round of the bot on the local forge, asked for by hand: the same as pressing "Run workflow" on auton-tick.

The forge's owner asks; the round runs as a job, with the bot's own token, as every other round does.
"""

import time
import uuid
from pathlib import Path

from bot.errors import ConfigError, ForgeError
from bot.forge.client import Forge
from bot.run import local

WORKFLOW = "auton-tick.yml"


def ask(data: Path, seconds: float = 300.0) -> str:
    """Ask the forge that serves `data` for a round in its newest repository; a sentence on how it ended.

    ConfigError when no forge serves `data`; ForgeError when the round failed or did not end in time.
    """
    told = local.alive(data)
    if told is None:
        raise ConfigError(f"expected GITHUB_REPOSITORY and GITHUB_TOKEN in the environment, or a local forge at {data}; "
                          "found neither", f"start the forge again with `auton forge serve --data {data}`")
    token = told["tokens"][local.OWNER]
    names = local.repositories(told["api"], token)
    if not names:
        raise ConfigError(f"{data}: expected a repository on this forge, found none", "`auton run GOAL` makes one")
    forge = Forge(told["api"], f"{local.OWNER}/{names[-1]}", token, server=told["url"])
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

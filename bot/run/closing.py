"""How a watched goal ended: the outcome for programs, and the closing words for a person."""

import json
import shlex
import sys
from dataclasses import dataclass, field, fields
from pathlib import Path
from urllib.parse import urlsplit

import click

from bot.config import Config
from bot.forge.client import Forge
from bot.run import local
from bot.run.shares import Shares
from bot.typed import typed

HOME = Path(".auton/forge")
"""The local forge's folder where none is named."""


@dataclass
class Outcome:
    landed: bool
    state: str
    number: int
    """The issue's."""
    goal: str
    """The issue's address."""
    seconds: float
    commits: list[str] = field(default_factory=list)
    """One line per commit that `main` gained, newest first."""
    shares: Shares | None = None
    reason: str = ""
    """Why the goal was watched no longer, where that was not its end."""
    error: BaseException | None = None
    """The same as the exception to leave with; not part of the JSON."""

    def as_json(self) -> str:
        told = {each.name: getattr(self, each.name) for each in fields(self) if each.name != "error"}
        return json.dumps(told, indent=1, default=vars)


def tell(forge: Forge, outcome: Outcome) -> None:
    """The bot's own closing words, the landed commits and where the time went."""
    from rich.console import Console
    from rich.markdown import Markdown

    from bot.reconcile import sticky

    out = Console(file=sys.stdout, highlight=False)
    own = [comment for comment in forge.comments_on(outcome.number) if sticky.parse(comment.body) is not None]
    if own:
        out.print()
        out.print(Markdown(own[-1].body.partition(sticky.OPEN)[0]))
    out.print()
    out.print(f"landed on {forge.default_branch}:" if outcome.commits else "nothing landed")
    for line in outcome.commits:
        out.print(f"  {line}", markup=False)
    if outcome.shares:
        for line in outcome.shares.lines():
            out.print(line, soft_wrap=True)
    out.print(f"goal {outcome.state}: {outcome.goal}")


def tell_more(forge: Forge, outcome: Outcome, settings: Config, mode: str, data: Path) -> None:
    """What a person can do now with the local forge in `data`."""
    lines = to_try(forge, settings, data) if outcome.landed and outcome.commits and mode != "slm_training" else []
    if lines:
        click.echo("\n".join(["boot what landed (`poweroff` leaves its console):", *(f"  {line}" for line in lines)]))
    if told := local.alive(data):
        option = "" if data == HOME else f" --data {shlex.quote(str(data))}"
        click.echo(f"look around: {local.sign_in(told, then=urlsplit(outcome.goal).path)}\n"
                   + typed(f"  (this link signs one browser in; `auton forge sign-in{option}` prints another)"))


def to_try(forge: Forge, settings: Config, data: Path) -> list[str]:
    """Commands that clone the repository beside `data` and boot its kernel; none where the targets are not our own."""
    arch = next((name for name, target in settings.targets.items() if target.build == f"make -C kernels ARCH={name}"), None)
    if arch is None:
        return []
    name, number = forge.repo.partition("/")[2], 1
    clone = data.parent / name
    while clone.exists():
        number += 1
        clone = data.parent / f"{name}-clone{number}"
    folder = shlex.quote(str(clone))
    return [f"git clone {forge.server}/{forge.repo} {folder}",
            f"make -C {shlex.quote(str(clone / 'kernels'))} ARCH={arch} run"]

"""One goal from the command line to its end: a forge to file it on, the issue, the watch, the outcome."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import click

from bot import config
from bot.errors import ConfigError
from bot.forge.client import Forge
from bot.run import local, watch
from bot.run.shares import Meter, Shares

LABEL = "auton:goal"


@dataclass(frozen=True)
class Order:
    """What a person asked for."""

    goal: str
    mode: str | None = None
    model: str | None = None
    budget: float | None = None

    def title(self) -> str:
        first = self.goal.strip().splitlines()[0] if self.goal.strip() else ""
        if not first:
            raise ConfigError("expected a goal in words, found none", 'try: auton run "Add a console command …"')
        return first if len(first) <= 200 else first[:199] + "…"

    def body(self) -> str:
        options = {"mode": self.mode, "model": self.model, "budget": f"{self.budget:g}" if self.budget else None}
        line = " ".join(f"{key}={value}" for key, value in options.items() if value)
        words = self.goal.strip()
        told = "" if words == self.title() else words + "\n\n"
        return told + (f"/auton plan {line}" if line else "")


@dataclass
class Outcome:
    landed: bool
    state: str
    goal: str
    """The issue's address."""
    seconds: float
    commits: list[str] = field(default_factory=list)
    """One line per commit that `main` gained, newest first."""
    shares: Shares | None = None

    def as_json(self) -> str:
        return json.dumps(asdict(self), indent=1)


def run(order: Order, repo: str | None, data: Path, port: int, timeout: float, quiet: bool) -> Outcome:
    """File the order and watch it; every line a person sees goes through `say`."""
    began = time.monotonic()

    def say(subject: str, sentence: str) -> None:
        if not quiet:
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            click.echo(f"{minutes:3d}:{seconds:02d}  {subject:<10} {sentence}")

    config.load()  # a broken auton.toml is told before anything is started
    title = order.title()
    meter = None if repo else Meter(data.absolute())
    forge = _on_github(repo) if repo else _on_this_machine(data, port, say)
    before = forge.branch(forge.default_branch).sha
    issue = forge.create_issue(title, order.body(), [LABEL])
    say("goal", f"#{issue.number} filed: {title}")
    say("", issue.url)
    poll = 1.0 if forge.local else 15.0  # GitHub grants 5,000 calls an hour
    last = watch.until_ended(forge, issue.number, say, timeout, poll)
    outcome = Outcome(last.state == "done", last.state, issue.url, round(time.monotonic() - began, 1),
                      _landed(forge, before), meter.read(forge.repo) if meter else None)
    if not quiet:
        _report(forge, issue.number, outcome)
    return outcome


def _on_github(repo: str) -> Forge:
    os.environ["GITHUB_REPOSITORY"] = repo
    return Forge.from_environment()


def _on_this_machine(data: Path, port: int, say: watch.Say) -> Forge:
    """A repository on the local forge, made from this checkout's HEAD."""
    told = local.start(data.absolute(), port, Path.cwd())
    owner, api = local.OWNER, told["api"]
    token = told["tokens"][owner]
    name = local.free_name(set(local.repositories(api, token)), "auton")
    local.create(api, token, name)
    head = local.push(Path.cwd(), f"{told['url']}/{owner}/{name}.git", token)
    forge = Forge(api, f"{owner}/{name}", token, server=told["url"])
    if LABEL not in forge.label_names():
        forge.create_label(LABEL, "0e8a16", "A goal for the bot to plan and land")
    say("forge", f"{told['url']}/{owner}/{name} holds commit {head[:7]} (an emulator of GitHub, on this machine)")
    say("", f"look on in a browser: {told['url']}/-/sign-in?token={token}")
    dirty = subprocess.run(["git", "status", "--porcelain"], capture_output=True, text=True).stdout.strip()
    if dirty:
        say("note", f"{len(dirty.splitlines())} uncommitted files of this checkout are not part of it")
    return forge


def _landed(forge: Forge, before: str) -> list[str]:
    """What `main` gained since `before`, first parents only, newest first."""
    lines, commit = [], forge.branch(forge.default_branch)
    while commit and commit.sha != before and commit.parents and len(lines) < 100:
        lines.append(f"{commit.sha[:9]} {commit.message.splitlines()[0]}")
        commit = forge.commit(commit.parents[0])
    return lines


def _report(forge: Forge, goal: int, outcome: Outcome) -> None:
    """The bot's own closing words, the landed commits and where the time went, for a person."""
    from rich.console import Console
    from rich.markdown import Markdown

    from bot.reconcile import sticky

    out = Console(file=sys.stdout, highlight=False)
    own = [comment for comment in forge.comments_on(goal) if sticky.parse(comment.body) is not None]
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

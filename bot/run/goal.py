"""One goal from the command line to its end: a forge to file it on, the issue, the watch, the outcome."""

import json
import os
import subprocess
import sys
import time
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from urllib.parse import urlsplit

import click

from bot import config
from bot.errors import ConfigError, ForgeError
from bot.forge.client import Forge
from bot.forge.records import Issue
from bot.reconcile import slash
from bot.run import local, preflight, view, watch
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
        options = {"mode": self.mode, "model": self.model, "budget": f"{self.budget:.4f}" if self.budget else None}
        line = " ".join(f"{key}={value}" for key, value in options.items() if value)
        for words in slash.parse(f"/auton plan {line}"):
            if words.problem:
                raise ConfigError(f"--mode, --model, --budget: {words.problem}, found '{line}'",
                                  "a model is provider/name without spaces, a budget dollars such as 2.50")
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


def run(order: Order, repo: str | None, data: Path, port: int | None, timeout: float, quiet: bool) -> Outcome:
    """File the order and watch it; every line a person sees goes through `say`."""
    began = time.monotonic()

    def say(subject: str, sentence: str) -> None:
        if not quiet:
            minutes, seconds = divmod(int(time.monotonic() - began), 60)
            click.echo(f"{minutes:3d}:{seconds:02d}  {subject:<10} {sentence}")

    settings = config.load()
    title, _ = order.title(), order.body()
    meter = None if repo else Meter(data.absolute())
    if repo:
        order = _recorded(order, title, settings)
        preflight.check_model({order.model} - {None}, title, settings, None)
        forge = _on_github(repo)
    else:
        settings = preflight.committed(Path.cwd())
        order = _recorded(order, title, settings)
        models = {order.model} if order.model else settings.agents.models.all()
        preflight.check_model(models, title, settings, local.asked_secrets(Path.cwd()))
        preflight.check_machine(Path.cwd(), data, settings)
        preflight.check_pipeline(order.mode or settings.workflow.mode)
        forge = _on_this_machine(data, port, say)
    before = forge.branch(forge.default_branch).sha
    issue = forge.create_issue(title, order.body(), [LABEL])
    say("goal", f"#{issue.number} filed: {title}")
    say("", issue.url)
    last = _watched(forge, issue, say, timeout, None if repo else data)
    outcome = Outcome(last.state == "done", last.state, issue.url, round(time.monotonic() - began, 1),
                      _landed(forge, before), meter.read(forge.repo) if meter else None)
    if not quiet:
        _report(forge, issue.number, outcome)
        if not repo and (told := local.alive(data)):
            click.echo(f"look around: {local.sign_in(told, then=urlsplit(issue.url).path)}\n"
                       "  (this link signs one browser in; `auton forge sign-in` prints another)")
    return outcome


def _recorded(order: Order, title: str, settings: config.Config) -> Order:
    """Where every model is a recording and none was asked for: the order with the recording that was made for it."""
    if order.model or not all(name.startswith("replay/") for name in settings.agents.models.all()):
        return order
    from bot.agents import replay

    found = replay.fitting(title, order.mode or settings.workflow.mode)
    if not found or f"replay/{found}" == settings.agents.models.default:
        return order
    return replace(order, model=f"replay/{found}")


def _watched(forge: Forge, goal: Issue, say: watch.Say, timeout: float, data: Path | None) -> view.GoalView:
    """Watch until the goal ends. `data` is the local forge's folder: its work ends with its server."""
    poll = 0.5 if forge.local else 15.0  # GitHub grants 5,000 calls an hour
    try:
        return watch.until_ended(forge, goal.number, say, timeout, poll)
    except KeyboardInterrupt:
        click.echo(f"auton: no longer watching; the goal goes on by itself: {goal.url}", err=True)
        if data:
            click.echo(f"  → `auton forge stop --data {data}` ends it, `auton forge serve --data {data}` goes on", err=True)
        raise SystemExit(130) from None
    except ForgeError:
        if data is None or local.alive(data):
            raise
        raise ForgeError(f"the local forge has ended, and with it the work on goal #{goal.number}; nothing is lost",
                         f"`auton forge serve --data {data}` goes on where it was") from None


def _on_github(repo: str) -> Forge:
    os.environ["GITHUB_REPOSITORY"] = repo
    return Forge.from_environment()


def _on_this_machine(data: Path, port: int | None, say: watch.Say) -> Forge:
    """A repository on the local forge, made from this checkout's HEAD."""
    told = local.start(data.absolute(), local.port_to_use(port), Path.cwd())
    owner, api = local.OWNER, told["api"]
    token = told["tokens"][owner]
    name = local.create(api, token, "auton")
    head = local.push(Path.cwd(), f"{told['url']}/{owner}/{name}.git", token)
    forge = Forge(api, f"{owner}/{name}", token, server=told["url"])
    if LABEL not in forge.label_names():
        forge.create_label(LABEL, "0e8a16", "A goal for the bot to plan and land")
    say("forge", f"{told['url']}/{owner}/{name} holds commit {head[:7]} (an emulator of GitHub, on this machine)")
    say("", f"look on in a browser: {local.sign_in(told, then=f'/{owner}/{name}')}")
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

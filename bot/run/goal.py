"""One goal from the command line to its end: a forge to file it on, the issue, the watch, the outcome."""

import os
import subprocess
import time
from dataclasses import dataclass, replace
from pathlib import Path

import click

from bot import config
from bot.errors import ConfigError, ForgeError
from bot.forge.client import Forge
from bot.forge.records import Issue
from bot.reconcile import slash
from bot.run import closing, local, preflight, watch
from bot.run.closing import Outcome
from bot.run.shares import Meter
from bot.typed import typed

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
            raise ConfigError("expected a goal in words, found none", 'try: `auton run "Add a console command …"`')
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


def run(order: Order, repo: str | None, data: Path, port: int | None, timeout: float, quiet: bool) -> Outcome:
    """File the order and watch it; every line a person sees goes through `say`. What keeps the order from being filed is
    raised; what ends the watch too early is the outcome's `error`."""
    say, began = _teller(quiet), time.monotonic()
    meter = None if repo else Meter(data.absolute())
    order, settings = _checked(order, repo, data)
    forge = _on_github(repo) if repo else _on_this_machine(data, port, say)
    before = forge.branch(forge.default_branch).sha
    issue = forge.create_issue(order.title(), order.body(), [LABEL])
    say("goal", f"#{issue.number} filed: {issue.title}")
    say("", issue.url)
    watcher = watch.Watch(forge, issue.number, say)
    error = _watched(watcher, issue, timeout, None if repo else data)
    state = watcher.seen.state if watcher.seen else ""
    commits = _landed(forge, before) if error is None or isinstance(error, watch.Unended) else []
    outcome = Outcome(state == "done", state or "filed", issue.number, issue.url, round(time.monotonic() - began, 1), commits,
                      meter.read(forge.repo) if meter else None, _reason(error), error)
    if not quiet and error is None:
        closing.tell(forge, outcome)
        if not repo:
            closing.tell_more(forge, outcome, settings, order.mode or settings.workflow.mode, data)
    return outcome


def _teller(quiet: bool) -> watch.Say:
    """Tells a person, with the time since now; when quiet only what must not be missed, beside standard output."""
    began = time.monotonic()

    def say(subject: str, sentence: str) -> None:
        minutes, seconds = divmod(int(time.monotonic() - began), 60)
        if not quiet:
            click.echo(f"{minutes:3d}:{seconds:02d}  {subject:<10} {sentence}")
        elif subject == "note":
            click.echo(f"auton: note: {sentence}", err=True)

    return say


def _checked(order: Order, repo: str | None, data: Path) -> tuple[Order, config.Config]:
    """The order as it will be filed, and the configuration that it will be carried out by: both can work, or this raises
    what a person must know."""
    settings = config.load()
    title, _ = order.title(), order.body()
    if not repo:
        settings = preflight.committed(Path.cwd())
    order = _recorded(order, title, settings)
    if repo:
        preflight.check_model({order.model} - {None}, title, settings, None)
        return order, settings
    models = {order.model} if order.model else settings.agents.models.all()
    preflight.check_model(models, title, settings, local.asked_secrets(Path.cwd()))
    preflight.check_machine(Path.cwd(), data, settings)
    preflight.check_pipeline(order.mode or settings.workflow.mode)
    return order, settings


def _recorded(order: Order, title: str, settings: config.Config) -> Order:
    """Where every model is a recording, of another mode, and none was asked for: the order with the recording made for it."""
    if order.model or not all(name.startswith("replay/") for name in settings.agents.models.all()):
        return order
    from bot.agents import replay

    mode = order.mode or settings.workflow.mode
    if replay.load(settings.agents.models.default.removeprefix("replay/")).mode == mode:
        return order
    found = replay.fitting(title, mode)
    return replace(order, model=f"replay/{found}") if found else order


def _watched(watcher: watch.Watch, goal: Issue, timeout: float, data: Path | None) -> ForgeError | SystemExit | None:
    """Watch until the goal ends; what ended the watch before. `data` is the local forge's folder: its work ends with its
    server."""
    poll = 0.5 if watcher.forge.local else 15.0  # GitHub grants 5,000 calls an hour
    try:
        watcher.until_ended(timeout, poll)
    except KeyboardInterrupt:
        click.echo(f"auton: no longer watching; the goal goes on by itself: {goal.url}", err=True)
        if data:
            click.echo(typed(f"  → `auton forge stop --data {data}` ends it, `auton forge serve --data {data}` goes on"), err=True)
        return SystemExit(130)
    except ForgeError as error:
        if data is None or local.alive(data):
            return error
        return ForgeError(f"the local forge has ended, and with it the work on goal #{goal.number}; nothing is lost",
                          f"`auton forge serve --data {data}` goes on where it was")
    return None


def _reason(error: ForgeError | SystemExit | None) -> str:
    return "interrupted" if isinstance(error, SystemExit) else error.message if error else ""


def _on_github(repo: str) -> Forge:
    os.environ["GITHUB_REPOSITORY"] = repo
    return Forge.from_environment()


def _on_this_machine(data: Path, port: int | None, say: watch.Say) -> Forge:
    """A repository on the local forge, made from this checkout's HEAD."""
    before, running = local.record(data), local.alive(data)
    told = local.start(data.absolute(), port, Path.cwd())
    if running and port and told["url"] != f"http://127.0.0.1:{port}":
        say("note", f"--port {port} is not used: the forge of {data} runs already, at {told['url']}")
    elif port is None and before and before.get("url") not in (None, told["url"]):
        say("note", f"the forge is no longer at {before['url']}, which is taken: links of then lead nowhere")
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

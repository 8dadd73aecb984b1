"""Run one agent: read its brief, let it work in a private clone, and write its result and its patch."""

import functools
import re
from pathlib import Path

import click


def _issue(context: click.Context, option: click.Parameter, given: str) -> str:
    if given and not re.fullmatch(r"[1-9][0-9]{0,17}", given, re.ASCII):
        raise click.BadParameter(f"expected an issue's number, found {given[:80]!r}")
    return given


@click.command()
@click.option("--key", default="", help="The run's name, such as g7-t12-a1-developer.")
@click.option("--goal", type=int, default=0, help="The goal's issue number.")
@click.option("--task", default="", callback=_issue, help="The task's issue number; empty for the manager.")
@click.option("--role", default="", help="A role of bot/agents/roles/.")
@click.option("--attempt", type=click.IntRange(1, 100), default=1, show_default=True)
@click.option("--brief", "brief_file", type=click.Path(path_type=Path), help="Run from this brief.json; no forge.")
@click.option("--repo", type=click.Path(path_type=Path, file_okay=False, exists=True), default=Path("."),
              help="The checkout to clone from.  [default: here]")
@click.option("--config", "config_file", type=click.Path(path_type=Path), default=Path("auton.toml"),
              show_default=True)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True,
              help="Where brief.json, result.json, change.patch and trajectory.jsonl go.")
@click.option("--keep", type=click.Path(path_type=Path), help="Leave the agent's worktree here.")
def command(key: str, goal: int, task: str, role: str, attempt: int, brief_file: Path | None, repo: Path,
            config_file: Path, out: Path, keep: Path | None) -> None:
    """Run one agent for a goal's task (or, with --brief, from a file) and write what it did below OUT.

    Exit code 0 when there is a result, whatever it says; the keys of the environment are seen by the model's
    adapter alone.
    """
    from bot import config as configuration
    from bot import scratch
    from bot.agents import session
    from bot.errors import ConfigError
    from bot.handoff import Brief, read

    config = configuration.load(config_file)
    fetch = None
    if brief_file:
        brief = read(Brief, brief_file)
    elif goal and role and key:
        from bot.forge.client import Forge
        from bot.reconcile.brief import build
        from bot.slm import store

        forge = Forge.from_environment()
        brief = build(forge, config, key, goal, int(task) if task else None, role, attempt)
        fetch = functools.partial(store.fetch, forge)
    else:
        raise ConfigError("expected --brief FILE, or --key, --goal and --role; found neither",
                          "see `auton agent --help`")
    with scratch.folder("agent") as folder:
        result = session.start(brief, config, repo, keep or folder / "worktree", out, fetch)
    usage = result.usage
    click.echo(f"{brief.key}: {result.status}{': ' + result.reason if result.reason else ''}")
    click.echo(f"  {usage.calls} calls, {usage.input_tokens} + {usage.output_tokens} tokens, ${usage.cost_usd:.4f}, "
               f"{result.seconds:.1f} s; files in {out}")

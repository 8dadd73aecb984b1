"""Make the model that a change's recipe describes, and put its figures beside those of the model on main.

The candidate is a checkout of its own beside ours, whose code judges. Nothing of a change that touches no recipe is
judged but that it ships main's model.
"""

import os
from pathlib import Path

import click


@click.command(help=__doc__)
@click.option("--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="The candidate's checkout.")
@click.option("--base", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("."),
              help="The judge's own checkout.  [default: here]")
@click.option("--out", type=click.Path(file_okay=False, path_type=Path), required=True,
              help="Where slm.json goes, and trained/ and made/ for the artifacts.")
def command(repo: Path, base: Path, out: Path) -> None:
    from bot import config, handoff, sandbox
    from bot.commands.slm import needed
    from bot.slm.judge import judge

    needed()
    sandbox.probe()
    report = judge(repo, base, out, config.load(base / "auton.toml"), _fetcher())
    handoff.write(out / "slm.json", report)
    if output := os.environ.get("GITHUB_OUTPUT"):
        with open(output, "a", encoding="utf-8") as file:
            file.write(f"trained={report.trained}\nmade={report.made}\n")
    click.echo(f"judge: {report.recipe or 'no recipe'}{' [' + report.stage + ']' if report.stage else ''}: {report.verdict}")
    for line in [*report.problems, *(f"{name}: {text}" for name, text in report.facts.items())]:
        click.echo(f"  {line}")


def _fetcher():
    """What CI has made before comes from the forge, where there is one."""
    if not os.environ.get("GITHUB_TOKEN"):
        return lambda key, folder: False
    from bot.forge.client import Forge
    from bot.slm import store

    forge = Forge.from_environment()
    return lambda key, folder: store.fetch(forge, key, folder)

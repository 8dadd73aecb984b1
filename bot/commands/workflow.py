"""Check workflow files as the local runner reads them."""

from pathlib import Path

import click


@click.group()
def command():
    """Check workflow files as the local runner reads them."""


@command.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path, exists=True, dir_okay=False))
def lint(files):
    """Name every problem of FILES (else of .github/workflows/) by file and line; exit status 1 if there is one.

    What GitHub would refuse is a problem, and so is what GitHub has and the local runner does not.
    """
    from bot.errors import ConfigError
    from bot.runner.workflow import WorkflowError, parse_workflow

    folder = Path(".github/workflows")
    files = files or sorted(path for path in folder.glob("*") if path.suffix in (".yml", ".yaml"))
    if not files:
        raise ConfigError(f"{folder}: expected workflow files, found none", "name them, or run this in a checkout")
    found = []
    for path in files:
        try:
            found += parse_workflow(str(path), path.read_text(encoding="utf-8", errors="replace")).problems
        except WorkflowError as error:
            found.append(error)
    for problem in found:
        click.echo(str(problem))
    click.echo(f"{len(files)} workflow files, {len(found)} problems" if found else f"{len(files)} workflow files: fine")
    raise SystemExit(1 if found else 0)

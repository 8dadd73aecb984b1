"""Build and boot every architecture, run its checks, and give a verdict."""

import os
from pathlib import Path

import click

FILE = click.Path(path_type=Path, dir_okay=False, writable=True)
WIDTH = 160
"""Columns of the table where there is no terminal to ask."""


@click.command()
@click.option("--arch", "archs", multiple=True, help="Only this architecture, or several parted by spaces; may be given several times.")
@click.option("--repo", type=click.Path(exists=True, file_okay=False, path_type=Path), default=".",
              help="The checkout to verify.")
@click.option("--config", "config_path", type=click.Path(path_type=Path),
              help="The configuration that names its targets; auton.toml of the checkout when absent.")
@click.option("--json", "json_path", type=FILE, help="Write the whole report here.")
@click.option("--junit", "junit_path", type=FILE, help="Write JUnit XML here.")
@click.option("--fresh", is_flag=True, help="Do not reuse the verdict of an earlier run on the same content.")
@click.option("--no-sandbox", is_flag=True, help="Run builds and boots as yourself: only for code that you trust.")
def command(archs, repo, config_path, json_path, junit_path, fresh, no_sandbox):
    """Build and boot every architecture side by side, run its checks, and give a verdict.

    Exit code 0 means PASS, 1 that a check failed, 2 that an option or the configuration is wrong, 3 that
    this machine lacks or broke something, so that a check could not be judged (INFRA).
    """
    from rich.console import Console

    from bot import config, handoff
    from bot.errors import ConfigError, MissingTool
    from bot.verify import junit, table
    from bot.verify.run import choose, verify

    settings = config.load(config_path or repo / "auton.toml")
    wanted = " ".join(archs).split()
    for path in (json_path, junit_path):
        if path:
            path.parent.mkdir(parents=True, exist_ok=True)
            if not os.access(path.parent, os.W_OK):
                raise ConfigError(f"{path}: expected a folder that can be written to, found {path.parent}", "name another file")
    console = Console(highlight=False, soft_wrap=True)
    if not console.is_terminal:
        console.width = WIDTH
    with table.LiveTable(console, list(choose(settings, wanted))) as live:
        report = verify(settings, repo, wanted, fresh=fresh, sandboxed=not no_sandbox, on=live.heard)
    if json_path:
        handoff.write(json_path, report)
    if junit_path:
        junit.write(report, junit_path)
    console.print(table.summary(report))
    if report.verdict == "INFRA":
        first = next(check for arch in report.archs for check in arch.checks if check.verdict == "INFRA")
        raise MissingTool(f"not judged: {first.detail.partition(chr(10))[0]}", "see above; this is not the change's fault")
    raise SystemExit(0 if report.verdict == "PASS" else 1)

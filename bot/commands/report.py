"""Post the verdicts of `auton verify` on a commit, and go on from there.

Reads every report below a folder; an architecture of auton.toml without one counts as INFRA. Running it twice changes
nothing. Then it goes on as `auton tick` does, or starts that when another tick is running.
"""

from pathlib import Path

import click


@click.command(help=__doc__)
@click.option("--in", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="The folder with the reports that `auton verify --json` wrote.")
@click.option("--slm", "model", type=click.Path(file_okay=False, path_type=Path),
              help="The folder with what `auton judge` wrote of the model; when named, no slm.json there counts as INFRA.")
@click.option("--sha", required=True, help="The commit that was verified.")
@click.option("--key", required=True, help="The run's key, v-<sha>.")
def command(folder, model, sha, key):
    from bot import config
    from bot.forge.client import Forge
    from bot.reconcile.report import report
    from bot.reconcile.tick import go_on

    forge, settings = Forge.from_environment(), config.load()
    record = report(forge, settings, folder, sha, key, model)
    click.echo(f"report: {sha[:9]} is {record.state}")
    go_on(forge, settings, key)

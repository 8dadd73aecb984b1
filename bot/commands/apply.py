"""Put the result of an agent run onto the forge: commits, pull request, review, plan, cost.

The last of a run's three jobs. It only applies the patch with git, pushes, and calls the API; running it twice changes
nothing. Then it goes on as `auton tick` does, or starts that when another tick is running.
"""

from pathlib import Path

import click


@click.command(help=__doc__)
@click.option("--in", "folder", type=click.Path(exists=True, file_okay=False, path_type=Path), required=True,
              help="The folder that `auton screen` wrote.")
@click.option("--key", required=True, help="The run's key, such as g7-t12-a1-developer.")
def command(folder, key):
    from bot import config
    from bot.forge.client import Forge
    from bot.reconcile.apply import apply
    from bot.reconcile.tick import go_on

    forge, settings = Forge.from_environment(), config.load()
    record = apply(forge, settings, folder, key)
    click.echo(f"apply: {key} {record.status}" + (f", head {record.head[:9]} in #{record.pull}" if record.head else ""))
    go_on(forge, settings, key)

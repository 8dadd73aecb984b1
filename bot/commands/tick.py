"""Move every goal and task as far as it can go now.

Reads the forge named by GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN, decides, writes, and looks again until
nothing is left to do. Without these it asks the local forge for a round. Safe to run at any time and to kill at any
moment.
"""

from pathlib import Path

import click


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path), default=Path(".auton/forge"), show_default=True,
              help="The local forge's folder, where the environment names no forge.")
@click.option("--verbose", "-v", is_flag=True, help="Print each action as it is carried out.")
def command(data, verbose):
    from bot import config

    settings = config.load()
    from bot.run import local

    if not local.named():
        from bot.run import round

        return click.echo(round.ask(local.newest(data)))
    from bot.forge.client import Forge
    from bot.reconcile.tick import tick

    forge = Forge.from_environment()
    count = tick(forge, settings, tell=click.echo if verbose else lambda line: None)
    click.echo(f"tick: {count} actions, {forge.wire.calls} calls")

"""Move every goal and task as far as it can go now.

Reads the forge named by GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN, decides, writes, and looks again until
nothing is left to do. Safe to run at any time and to kill at any moment.
"""

import click


@click.command(help=__doc__)
@click.option("--verbose", "-v", is_flag=True, help="Print each action as it is carried out.")
def command(verbose):
    from bot import config
    from bot.forge.client import Forge
    from bot.reconcile.tick import tick

    settings = config.load()
    forge = Forge.from_environment()
    count = tick(forge, settings, tell=click.echo if verbose else lambda line: None)
    click.echo(f"tick: {count} actions, {forge.wire.calls} calls")

"""Show goals, tasks, states and costs, as they stand on the forge. Changes nothing.

Reads the forge named by GITHUB_API_URL, GITHUB_REPOSITORY and GITHUB_TOKEN; without these the newest repository of the
local forge.
"""

from pathlib import Path

import click


@click.command(help=__doc__)
@click.option("--data", type=click.Path(path_type=Path), default=Path(".auton/forge"), show_default=True,
              help="The local forge's folder, where the environment names no forge.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(data, as_json):
    import json

    from bot import config, scratch
    from bot.forge.client import Forge
    from bot.reconcile import status
    from bot.reconcile.tick import now_utc, our_clone
    from bot.run import local

    settings = config.load()
    forge = Forge.from_environment() if local.named() else local.newest(data)
    with scratch.folder("status") as folder:
        look = status.look(forge, our_clone(folder / "clone.git", forge, settings), settings, now_utc())
    click.echo(json.dumps(look, indent=1) if as_json else status.text(look))

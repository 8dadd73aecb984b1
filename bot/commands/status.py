"""Show goals, tasks, states and costs, as they stand on the forge. Changes nothing."""

import click


@click.command(help=__doc__)
@click.option("--json", "as_json", is_flag=True, help="One JSON object instead of a table.")
def command(as_json):
    import json

    from bot import config, scratch
    from bot.forge.client import Forge
    from bot.reconcile import status
    from bot.reconcile.tick import now_utc, our_clone

    settings, forge = config.load(), Forge.from_environment()
    with scratch.folder("status") as folder:
        look = status.look(forge, our_clone(folder / "clone.git", forge, settings), settings, now_utc())
    click.echo(json.dumps(look, indent=1) if as_json else status.text(look))

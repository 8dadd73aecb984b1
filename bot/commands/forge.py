"""The local forge: a GitHub emulator on a loopback address that also runs the workflows."""

from pathlib import Path

import click

DATA = click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path(".auton/forge"),
    show_default=True,
    help="The forge's folder: repositories, database, runs.",
)


@click.group("forge")
def command():
    """The local forge: GitHub's REST API, git over HTTP, webhooks, pages and workflow runs, emulated on
    127.0.0.1.
    """


@command.command()
@DATA
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="0 picks any free port.  [default: the one of the last time; else 4400, or a free one if that is taken]",
)
@click.option(
    "--secret",
    "secrets",
    multiple=True,
    metavar="NAME",
    help="Give workflows the environment variable NAME as a secret, beside those that the workflows of this folder name (repeatable).",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="SPEC",
    help="Inject a fault, e.g. 'POST /repos/*/issues nth=2 after reset' (repeatable).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the faults that strike by chance.")
def serve(data: Path, port: int | None, secrets, faults, seed: int):
    """Serve the forge until interrupted; the address and tokens are written to DIR/forge.json."""
    import os
    import sys

    from bot.errors import ConfigError
    from bot.localforge import serve as server
    from bot.localforge.faults import Faults
    from bot.run.local import asked_secrets
    from bot.typed import typed

    given = {name: os.environ[name] for name in asked_secrets(Path.cwd()) if os.environ.get(name)}
    for name in secrets:
        if name not in os.environ:
            raise ConfigError(
                f"--secret {name}: expected that environment variable, found none", f"export {name}=… first"
            )
        given[name] = os.environ[name]

    def ready(forge):
        click.echo(f"local forge (a GitHub emulator) at {forge.url}")
        if sys.stdout.isatty():  # a log is no place for what lets people in
            for login in forge.tokens():
                click.echo(f"  sign in as {login:6} {forge.sign_in_url(login)}")
        click.echo(typed(f"  `auton forge sign-in --data {data}` prints a link for a browser, good once"))
        click.echo(f"  API {forge.api}, tokens in {data / server.RECORD}; Ctrl-C stops it", nl=True)

    server.serve(data, port, join=_runner, ready=ready, faults=Faults(faults, seed), secrets=given)


def _runner(forge):
    """The workflow runner."""
    from bot.runner import create

    return create(forge)


@command.command()
@DATA
def status(data: Path):
    """Say whether the forge of DIR runs, and where."""
    from bot.errors import ForgeError
    from bot.localforge.serve import read_record, running

    record = read_record(data)
    if record is None:
        raise ForgeError(
            f"{data}: no local forge was ever served here", f"`auton forge serve --data {data}` starts one"
        )
    if not running(data):
        raise ForgeError(
            f"{data}: the local forge is not running", f"`auton forge serve --data {data}` starts it again"
        )
    click.echo(f"local forge at {record['url']} (pid {record['pid']})")


@command.command("sign-in")
@DATA
@click.option("--as", "login", type=click.Choice(["you", "guest"]), default="you", show_default=True,
              help="The owner, or a visitor who may read and comment.")
def sign_in(data: Path, login: str):
    """Print a link that signs one browser in, once, within a quarter of an hour."""
    from bot.errors import ForgeError
    from bot.run import local

    told = local.alive(data)
    if told is None:
        raise ForgeError(f"{data}: no local forge is running", f"`auton forge serve --data {data}` starts it")
    click.echo(local.sign_in(told, login))


@command.command()
@DATA
def stop(data: Path):
    """Stop the forge of DIR."""
    from bot.errors import ForgeError
    from bot.localforge.serve import stop as end

    if not end(data):
        raise ForgeError(f"{data}: the local forge is not running", "nothing to stop")
    click.echo("stopped")

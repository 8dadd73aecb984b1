"""The `auton` command line: one module in `bot/commands/` per command, imported only when it is used.

A command module defines `command`, a click command, and imports click alone at its top; whatever is heavy
(PyGithub, litellm, torch) it imports inside the function. The module's name is the command's name, with
`_` for `-`, and its docstring's first line is the help that `auton --help` shows, read without importing it.
"""

import ast
import gc
import importlib
import os
import sys
import threading
from pathlib import Path
from typing import NoReturn

import click

from bot import __version__
from bot.errors import AutonError
from bot.typed import program, typed

COMMANDS = Path(__file__).parent / "commands"


class Commands(click.Group):
    """A click group whose commands are the modules of `bot/commands/`."""

    def list_commands(self, context):
        return sorted(p.stem.replace("_", "-") for p in COMMANDS.glob("*.py") if not p.stem.startswith("_"))

    def get_command(self, context, name):
        module = name.replace("-", "_")
        if name not in self.list_commands(context):
            return None
        return importlib.import_module(f"bot.commands.{module}").command

    def format_commands(self, context, formatter):
        rows = []
        for name in self.list_commands(context):
            tree = ast.parse((COMMANDS / f"{name.replace('-', '_')}.py").read_text())
            rows.append((name, (ast.get_docstring(tree) or "").partition("\n")[0]))
        if rows:
            with formatter.section("Commands"):
                formatter.write_dl(rows)

    def resolve_command(self, context, args):
        try:
            return super().resolve_command(context, args)
        except click.UsageError as error:
            import difflib

            near = difflib.get_close_matches(args[0], self.list_commands(context), n=1)
            if near:
                error.message += f" Did you mean '{near[0]}'?"
            raise


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="auton")
def root():
    """Turn a goal filed as an issue into merged, booting operating-system code."""


def quick_start() -> None:
    """A goal takes some 60 short processes: the most of each would be spent on collecting the garbage of imports and
    on looking for plug-ins (and, see `main`, on freeing all at the end)."""
    gc.set_threshold(100_000)
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")


def main() -> NoReturn:
    """Run the command line as the whole of this process."""
    quick_start()
    code = run()
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    except OSError:
        code = code or 141
    if any(thread is not threading.main_thread() and not thread.daemon for thread in threading.enumerate()):
        sys.exit(code)
    os._exit(code)


def run() -> int:
    """The exit code; an error that a person must know becomes a line and what to do."""
    try:
        return _code(root.main(prog_name=program(), standalone_mode=False))  # click would turn Ctrl-C into exit code 1
    except SystemExit as leave:
        return _code(leave.code)
    except AutonError as error:
        click.echo(f"auton: error: {typed(error.message)}", err=True)
        if error.hint:
            click.echo(f"  → {typed(error.hint)}", err=True)
        return error.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("auton: interrupted; the same command goes on from what is saved", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    except OSError as error:
        import errno

        if error.errno != errno.ENOSPC:
            if error.filename is None:  # none of a path that somebody gave
                raise
            click.echo(f"auton: error: {os.fsdecode(error.filename)}: {error.strerror}", err=True)
            click.echo("  → name a path that can be read, or written, and run the same command again", err=True)
            return 2
        click.echo(f"auton: error: the disk is full ({error.filename or 'while writing'})", err=True)
        click.echo("  → free some space and run the same command again; nothing landed is lost", err=True)
        return 8


def _code(value) -> int:
    """An exit status as `sys.exit` takes it: none is success, words are told and mean failure."""
    if value is None or isinstance(value, int):
        return value or 0
    click.echo(value, err=True)
    return 1

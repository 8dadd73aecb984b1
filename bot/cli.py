"""The `auton` command line: one module in `bot/commands/` per command, imported only when it is used.

A command module defines `command`, a click command, and imports click alone at its top; whatever is heavy
(PyGithub, litellm, torch) it imports inside the function. The module's name is the command's name, with
`_` for `-`, and its docstring's first line is the help that `auton --help` shows, read without importing it.
"""

import ast
import importlib
import os
import sys
from pathlib import Path

import click

from bot import __version__
from bot.errors import AutonError

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


def main() -> None:
    """Run the command line; an error that a person must know becomes a line, what to do, and an exit code."""
    try:
        code = root.main(prog_name="auton", standalone_mode=False)  # click would turn Ctrl-C into exit code 1
        sys.exit(code if isinstance(code, int) else 0)
    except AutonError as error:
        click.echo(f"auton: error: {error.message}", err=True)
        if error.hint:
            click.echo(f"  → {error.hint}", err=True)
        sys.exit(error.exit_code)
    except click.ClickException as error:
        error.show()
        sys.exit(error.exit_code)
    except (KeyboardInterrupt, click.Abort):
        click.echo("auton: interrupted; the same command goes on from what is saved", err=True)
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except OSError as error:
        import errno

        if error.errno != errno.ENOSPC:
            raise
        click.echo(f"auton: error: the disk is full ({error.filename or 'while writing'})", err=True)
        click.echo("  → free some space and run the same command again; nothing landed is lost", err=True)
        sys.exit(8)

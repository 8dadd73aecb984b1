"""Run the SLM pipeline: `auton slm <verb> …` is `python -m SLM <verb> …`."""

import importlib.util
import os
import sys

import click

from bot.errors import MissingTool

NEEDS = ("yaml", "tokenizers", "torch")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments):
    """Pass everything on to the pipeline, which knows nothing of the bot."""
    asks_help = not arguments or arguments[-1] in ("-h", "--help")
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing and not asks_help:
        raise MissingTool(f"auton slm: expected the SLM's packages, found no {missing[0]}",
                          "install the extra: pip install -e '.[slm]' (torch from its CPU wheel is enough)")
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "SLM", *arguments])

"""Run the SLM pipeline: `auton slm <verb> …` is `python -m SLM <verb> …`."""

import importlib.util
import os
import sys

import click

from bot.errors import MissingTool

NEEDS = ("yaml", "numpy", "tokenizers", "torch", "accelerate")


@click.command(context_settings={"ignore_unknown_options": True, "help_option_names": []}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def command(arguments):
    """Pass everything on to the pipeline, which knows nothing of the bot."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", "SLM", *arguments])


def needed() -> None:
    """MissingTool when the pipeline's packages are not installed."""
    missing = [name for name in NEEDS if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingTool(f"expected the SLM's packages, found no {missing[0]}", "make setup-slm installs them")

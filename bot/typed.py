"""AUTON's commands as the person at this terminal can type them.

Errors and hints name commands as `auton …`. Where that is no program on PATH, or another AUTON's, `typed` puts in its
place the program that was called, such as .venv/bin/auton. For what a terminal shows; the forge's readers type their own.
"""

import os.path
import re
import shlex
import shutil
import sys
from pathlib import Path

COMMAND = re.compile(r"`auton(?=[ `])")


def typed(text: str) -> str:
    """`text`, its commands in backticks as they can be typed here."""
    return COMMAND.sub(lambda _: "`" + program(), text)


def program() -> str:
    """How to call this program from the folder it was called in: `auton`, a path of it, or `python -m bot`."""
    called = Path(sys.argv[0])
    if called.name == "__main__.py":
        called = Path(sys.executable).with_name("auton")
        if not called.exists():
            return f"{shlex.quote(_near(Path(sys.executable)))} -m bot"
    elif called.name != "auton" or "/" not in sys.argv[0]:
        return "auton"
    found = shutil.which("auton")
    return "auton" if found and os.path.exists(called) and os.path.samefile(found, called) else shlex.quote(_near(called))


def _near(path: Path) -> str:
    """A path below this folder from here, any other as it is."""
    try:
        here = Path.cwd()
    except FileNotFoundError:  # removed under us
        return str(path)
    near = str(path.relative_to(here) if path.is_relative_to(here) else path)
    return near if "/" in near else f"./{near}"

"""What a person needs of a crash: a title that stays the same from run to run, the source line, the frames that led
there, and the command that shows it again.

A kernel's last words are `panic: <cause>` and, behind `backtrace:`, lines `  0x<address> <function>+0x<offset>`. Lines
of source come from the image's debug information by llvm-symbolizer, which runs in the sandbox: the image is hostile.
"""

import os
import re
import shlex
import subprocess
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from bot import hostile
from bot.verify.log import plain

FRAMES = 24
PATIENCE = 20.0
FRAME = re.compile(r"^ +(0x[0-9a-f]{1,16}) (?:([A-Za-z_$][\w$.]{0,127})\+0x[0-9a-f]{1,16}|\?)$")
PLACE = re.compile(r" at (\S+:\d+)$")
WHEREABOUTS = re.compile(r"(?: at pc 0x[0-9a-f]+)?(?: address (?:0x)?[0-9a-f]+)?$")
NUMBER = re.compile(r"\b(?:0x[0-9a-fA-F]+|\d+)\b")
BYSTANDERS = re.compile(r"^(mem(cpy|set|move|cmp|chr)|str\w+|k?v?s?n?printf|panic_at|__stack_chk_fail|__ubsan\w+)$")
"""Functions that crash on behalf of their caller, whose name says more."""


@dataclass(frozen=True)
class Frame:
    address: int
    function: str = ""
    where: str = ""
    """file:line as seen from the checkout; empty when it is not known."""

    def __str__(self) -> str:
        return f"  {self.address:#x} {self.function or '?'}{'  ' + self.where if self.where else ''}"


@dataclass(frozen=True)
class Crash:
    title: str
    where: str
    frames: list[Frame]
    replay: str = ""

    @property
    def story(self) -> str:
        """The title, the frames, how to see it again."""
        return "\n".join([self.title, *map(str, self.frames), *([f"again: {self.replay}"] if self.replay else [])])


def from_panic(log: str, line: str, image: Path, repo: Path, wrap: Callable[[list[str]], list[str]]) -> Crash:
    """The crash whose panic line is `line` ("panic: …") in `log`."""
    frames = symbolised(_frames(log.partition(line)[2]), image, repo, wrap)
    cause = line.removeprefix("panic: ")
    place = PLACE.search(cause)
    cause = WHEREABOUTS.sub("", PLACE.sub("", cause))
    return Crash(_title(cause, frames), place[1] if place else _first(frames).where, frames)


def from_hang(addresses: list[int], image: Path, repo: Path, wrap: Callable[[list[str]], list[str]]) -> Crash:
    """The crash of a machine that says nothing more, stopped at `addresses`, innermost first."""
    frames = symbolised([Frame(address) for address in addresses[:FRAMES]], image, repo, wrap)
    return Crash(_title("hang", frames), _first(frames).where, frames)


def replay(argv: list[str], cmdline: str, typed: list[str]) -> str:
    """The line to type in a shell at the checkout's root to see it again."""
    command = shlex.join([*argv, cmdline])
    if not typed:
        return f"{command} </dev/null"
    return f"printf '%s\\n' '' {shlex.join(typed)} | {command}"


def _title(cause: str, frames: list[Frame]) -> str:
    name = _first(frames).function
    return NUMBER.sub("N", plain(cause).strip())[:160] + (f" in {name}" if name else "")


def _first(frames: list[Frame]) -> Frame:
    """The innermost frame that is to blame."""
    named = [frame for frame in frames if frame.function]
    return next((frame for frame in named if not BYSTANDERS.match(frame.function)), named[0] if named else Frame(0))


def _frames(text: str) -> list[Frame]:
    found: list[Frame] = []
    for line in text.partition("\nbacktrace:\n")[2].split("\n"):
        match = FRAME.match(line)
        if not match or len(found) == FRAMES:
            break
        found.append(Frame(int(match[1], 16), match[2] or ""))
    return found


def symbolised(frames: list[Frame], image: Path, repo: Path,
               wrap: Callable[[list[str]], list[str]]) -> list[Frame]:
    """`frames` with function and source line, as far as the image's debug information knows them."""
    if not frames:
        return []
    # A return address belongs to the call before it.
    asked = [hex(frame.address - (number > 0)) for number, frame in enumerate(frames)]
    command = wrap(["llvm-symbolizer", "--output-style=JSON", f"--obj={image}", *asked])
    try:
        done = subprocess.run(command, capture_output=True, timeout=PATIENCE, stdin=subprocess.DEVNULL, check=False)
        answers = [hostile.read_json(line) for line in done.stdout.splitlines() if line.strip()]
        answers = answers[0] if len(answers) == 1 and isinstance(answers[0], list) else answers
        return [_named(frame, answer, repo) for frame, answer in zip(frames, answers, strict=True)]
    except (OSError, ValueError, TypeError, KeyError, subprocess.TimeoutExpired):
        return frames  # without llvm-symbolizer, or with an image that it can't read: as the kernel named them


def _named(frame: Frame, answer: dict, repo: Path) -> Frame:
    symbols = answer["Symbol"]
    if not symbols or not symbols[0]["FileName"]:
        return frame
    place = Path(os.path.normpath(repo / symbols[0]["FileName"]))
    name = place.relative_to(repo) if place.is_relative_to(repo) else place
    function = frame.function or plain(str(symbols[-1]["FunctionName"]))[:128]
    return replace(frame, function=function, where=f"{plain(name.as_posix())[-200:]}:{int(symbols[0]['Line'])}")

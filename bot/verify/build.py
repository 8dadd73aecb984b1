"""One architecture's build: run its command, and find the compiler's first error in what it printed."""

import re
import time
from dataclasses import dataclass
from pathlib import Path

from bot.handoff import Verdict
from bot.verify import tools
from bot.verify.log import tail
from bot.verify.machine import FLOOD, Machine, Stopped

LIMIT = 1200.0
"""Seconds a build may take."""

ERROR = re.compile(r"^(?P<file>[^\s:][^:\n]*):(?P<line>\d+):(?:\d+:)? (?P<text>(?:fatal )?error: .*"
                   r"|undefined reference .*|multiple definition .*|note: while in macro instantiation)$"
                   r"|^(?P<mkfile>[^\s:][^:\n]*):(?P<mkline>\d+): (?P<mktext>\*\*\* .*)$", re.M)
LINK = re.compile(r"^[^\s:]+: error: (?P<text>.*)"
                  r"(?:\n>>> (?:referenced|defined) (?:by|at|in) (?P<at>\S+:\d+))?", re.M)
MAKE = re.compile(r"^make\S*: \*\*\* (?P<text>.*)$", re.M)
ENTERING = re.compile(r"^make\S*: Entering directory '(.*)'$", re.M)


@dataclass(frozen=True)
class Built:
    verdict: Verdict
    seconds: float
    where: str = ""
    detail: str = ""
    log: str = ""


def build(argv: list[str], repo: Path, env: dict[str, str], image: Path) -> Built:
    """Run `argv` (already wrapped) in `repo` and expect `image` to stand there afterwards."""
    start = time.monotonic()

    def built(verdict: Verdict, log: str, where: str = "", detail: str = "") -> Built:
        return Built(verdict, time.monotonic() - start, where, detail, log)

    try:
        with Machine(argv, repo, env, silence=LIMIT, limit=LIMIT) as machine:
            machine.process.stdin.close()
            try:
                code = machine.wait()
            except Stopped as stopped:
                what = f"{stopped.text} (at most {FLOOD >> 20} MiB and {LIMIT:g} s)"
                log = machine.text
                return built("HANG", log, detail=f"the build was stopped: {what}\n{tail(log)}")
            log = machine.errors + machine.text if machine.errors else machine.text
    except OSError as error:
        return built("INFRA", "", detail=f"the build can't be started: {error}")
    if code:
        if name := tools.missing(log):
            return built("INFRA", log, detail=f"expected {name}, found none: {tools.install(name)}")
        if said := tools.broken_machine(log):
            return built("INFRA", log, detail=f"{said}\n{tail(log)}")
        where, text = first_error(log, repo)
        return built("BUILD", log, where, f"{text or f'exit code {code}'}\n{tail(log)}")
    if image.is_symlink() or not image.is_file():
        return built("BUILD", log, detail=f"the build ended well, but left no file {image.relative_to(repo)}")
    return built("PASS", log)


def first_error(log: str, repo: Path) -> tuple[str, str]:
    """file:line and message of the first error of a compiler, a linker or make; paths as seen from `repo`."""
    first = ERROR.search(log)
    # An error inside an assembler's macro stands in no file; the note after it tells where the macro was used.
    if match := next((m for m in ERROR.finditer(log) if not (m["file"] or "").startswith("<")), None):
        if match["file"]:
            return f"{_from(repo, match['file'], log)}:{match['line']}", first["text"] or match["text"]
        return f"{_from(repo, match['mkfile'], log)}:{match['mkline']}", match["mktext"]
    if match := LINK.search(log):
        return match["at"] or "", match["text"]
    if match := MAKE.search(log):
        return "", match["text"]
    return "", ""


def _from(repo: Path, path: str, log: str) -> str:
    """`path` as a compiler printed it, relative to `repo`: compilers name it from where make was."""
    for folder in [repo, *(Path(name) for name in ENTERING.findall(log)[:8])]:
        full = folder / path
        if full.exists() and full.is_relative_to(repo):
            return full.relative_to(repo).as_posix()
    return path

"""A step's log: lines with a time, secrets masked, workflow commands carried out.

One file per step, written as the step runs, so that a page can show it live.
"""

import re
import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from bot.runner.commands import LEVELS, Command, Mask, parse_line

MAX_ANNOTATIONS = 10  # of each level in one step, as on GitHub


class StepLog:
    def __init__(self, path: Path, mask: Mask, annotate: Callable[..., None]):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("a", buffering=1, encoding="utf-8", errors="replace")
        self.mask, self._annotate = mask, annotate
        self._counts: dict[str, int] = {}
        self._stopped = ""
        """The word after ::stop-commands:: that turns commands on again."""

    def line(self, text: str) -> None:
        """One line as it is, masked."""
        at = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%f0Z")
        self._file.write(f"{at} {self.mask(text)}\n")

    def output(self, text: str) -> None:
        """One line that a step printed."""
        if self._stopped:
            if text.strip() == f"::{self._stopped}::":
                self._stopped = ""
            self.line(text)
            return
        command = parse_line(text)
        self.line(text) if command is None else self.command(command, text)

    def command(self, command: Command, text: str) -> None:
        match command.name:
            case "error" | "warning" | "notice":
                self.annotation(command.name, command.message, command.properties)
            case "add-mask":
                self.mask.add(command.message)
                self.line("::add-mask::***")
            case "group" | "endgroup" | "debug":
                self.line(f"##[{command.name}]{command.message}")
            case "stop-commands":
                self._stopped = command.message
            case "echo":
                pass
            case "set-output" | "save-state" | "set-env" | "add-path":
                self.annotation("warning", f"the command '{command.name}' is not available: write to the file "
                                           "that GITHUB_OUTPUT, GITHUB_STATE, GITHUB_ENV or GITHUB_PATH names", {})
            case _:
                self.line(text)

    def annotation(self, level: str, message: str, properties: dict[str, str]) -> None:
        for line in message.splitlines() or [""]:
            self.line(f"##[{level}]{line}")
        self._counts[level] = self._counts.get(level, 0) + 1
        if self._counts[level] <= MAX_ANNOTATIONS:
            number = properties.get("line", "")
            self._annotate(LEVELS[level], self.mask(message), self.mask(properties.get("title", "")),
                           self.mask(properties.get("file", "")),
                           int(number) if re.fullmatch(r"[0-9]{1,9}", number) else None)

    def error(self, message: str) -> None:
        self.annotation("error", message, {})

    def close(self) -> None:
        self._file.close()


class Logs:
    """Where the logs of all jobs lie: one folder per job, one numbered file per step."""

    def __init__(self, folder: Path):
        self.folder = folder

    def path(self, job_id: int, number: int) -> Path:
        return self.folder / str(job_id) / f"{number}.txt"

    def write(self, job_id: int, number: int, lines: list[str]) -> None:
        """The whole log of a step that the runner itself took."""
        log = StepLog(self.path(job_id, number), Mask(), lambda *_: None)
        for line in lines:
            log.line(line)
        log.close()

    def remove(self, job_id: int) -> None:
        shutil.rmtree(self.folder / str(job_id), ignore_errors=True)

    def step(self, job_id: int, number: int) -> str:
        path = self.path(job_id, number)
        return path.read_text(encoding="utf-8", errors="replace") if path.exists() else ""

    def job(self, job_id: int) -> str:
        """All steps' logs, in order."""
        folder = self.folder / str(job_id)
        numbers = sorted(int(path.stem) for path in folder.glob("*.txt")) if folder.exists() else []
        return "".join(self.step(job_id, number) for number in numbers)

"""What a step says to the runner: `::error::` lines on its output, and the files GITHUB_OUTPUT, GITHUB_ENV, ….

Source: GitHub's "Workflow commands for GitHub Actions". Everything read here was written by a step, so it is bounded.
"""

import base64
import re
from dataclasses import dataclass, field
from pathlib import Path

MAX_FILE = 1 << 20
LEVELS = {"error": "failure", "warning": "warning", "notice": "notice"}
_LINE = re.compile(r"^\s*::([A-Za-z-]+)(?:\s+([^:]*(?::(?!:)[^:]*)*))?::(.*)$", re.DOTALL)


class CommandFileError(Exception):
    """A file that a step wrote for the runner and that can't be read."""


@dataclass(frozen=True)
class Command:
    name: str
    message: str
    properties: dict[str, str] = field(default_factory=dict)


def _unescape(text: str, *, in_property: bool = False) -> str:
    for code, char in (("%0D", "\r"), ("%0A", "\n"), *((("%3A", ":"), ("%2C", ",")) if in_property else ())):
        text = text.replace(code, char)
    return text.replace("%25", "%")


def parse_line(line: str) -> Command | None:
    """The workflow command on this line of output, if it is one."""
    match = _LINE.match(line) if "::" in line else None
    if not match:
        return None
    pairs = (pair.split("=", 1) for pair in (match[2] or "").split(",") if "=" in pair)
    return Command(match[1].lower(), _unescape(match[3]),
                   {key.strip().lower(): _unescape(value, in_property=True) for key, value in pairs})


def _read(path: Path) -> str:
    if not path.is_file() or path.is_symlink():
        return ""
    with path.open("rb") as file:
        data = file.read(MAX_FILE + 1)
    if len(data) > MAX_FILE:
        raise CommandFileError(f"{path.name}: expected at most {MAX_FILE} bytes")
    return data.decode("utf-8-sig", "replace").replace("\r\n", "\n")


def read_pairs(path: Path) -> dict[str, str]:
    """`name=value` lines, and `name<<WORD` … `WORD` for several lines."""
    pairs: dict[str, str] = {}
    lines = iter(_read(path).split("\n"))
    for line in lines:
        if not line:
            continue
        equals, heredoc = line.find("="), line.find("<<")
        if heredoc > 0 and not 0 <= equals < heredoc:
            name, word = line[:heredoc], line[heredoc + 2:]
            value: list[str] = []
            for each in lines:
                if each == word:
                    break
                value.append(each)
            else:
                raise CommandFileError(f"{path.name}: '{name}' is not closed: expected a line {word!r}")
            pairs[name] = "\n".join(value)
        elif equals > 0:
            pairs[line[:equals]] = line[equals + 1:]
        else:
            raise CommandFileError(f"{path.name}: expected name=value or name<<WORD, found {line[:80]!r}")
    return pairs


def read_lines(path: Path) -> list[str]:
    return [line for line in _read(path).split("\n") if line.strip()]


def read_text(path: Path) -> str:
    return _read(path)


class Mask:
    """The secrets of a job, replaced by *** wherever they show up in its log."""

    def __init__(self, values=()):
        self._values: list[str] = []
        """Longest first, so that one which holds another is taken whole."""
        self.add(*values)

    def add(self, *values: str) -> None:
        """Hide each value, each of its lines, and its base64."""
        parts = set(self._values)
        for value in values:
            parts |= {value, *value.splitlines()}
            if len(value) >= 8:
                parts |= {base64.b64encode(text.encode("utf-8", "replace")).decode().rstrip("=")
                          for text in (value, f"x-access-token:{value}")}
        self._values = sorted({part.strip() for part in parts if len(part.strip()) > 2}, key=len, reverse=True)

    def __call__(self, text: str) -> str:
        for value in self._values:
            text = text.replace(value, "***")
        return text

    def touches(self, text: str) -> bool:
        return any(value in text for value in self._values)

"""Acceptance checks of `specs/**/*.md`: their front matter, and every kind of check there is.

A kind is one class here: its fields are its keys in a `[[check]]` table, `KEY` the key that tells it from the
others, `judge` what it sees in a boot. Kinds that need the console say what to type by `line`.
"""

import re
import tomllib
from abc import abstractmethod
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import ClassVar

import regex
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from bot import hostile, plainfile
from bot.verify.ktap import Document

FENCE = "+++"
MAX_FILES = 500
MAX_FILE = 1 << 20
MAX_CHECKS = 500
PATIENCE = 1.0
"""Processor seconds one expression may take: `re` has no bound, and a spec is as hostile as its change."""


@dataclass
class Seen:
    """What one boot showed, as far as checks look at it."""

    tests: Document
    figures: dict[str, float] = field(default_factory=dict)
    answers: dict[str, str] = field(default_factory=dict)
    """What the console said to each check's line, by the check's `at`."""


class SpecCheck(BaseModel):
    """What every kind has."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)
    KEY: ClassVar[str]

    archs: list[str] | None = None
    """Only on these architectures."""
    at: str = Field("", exclude=True)
    """file:line of the `[[check]]` table."""

    @property
    @abstractmethod
    def title(self) -> str:
        """The check's name in tables."""

    @property
    def line(self) -> str | None:
        """What to type at the console, for a kind that needs an answer."""
        return None

    @abstractmethod
    def judge(self, seen: Seen) -> str:
        """Empty when the check holds; else what was expected and what was found."""


class Ktap(SpecCheck):
    """All in-kernel cases that match a glob pass, and there is at least one."""

    KEY: ClassVar[str] = "ktap"
    ktap: str = Field(min_length=1, max_length=200)

    @property
    def title(self) -> str:
        return f"ktap {self.ktap}"

    def judge(self, seen: Seen) -> str:
        cases = [case for case in seen.tests.cases if fnmatchcase(case.name, self.ktap)]
        if not cases:
            return f"expected at least one test case that matches {self.ktap!r}, found none"
        for case in cases:
            if not case.ok:
                return f"{case.name} failed: {case.detail}" if case.detail else f"{case.name} failed"
            if case.skipped:
                return f"{case.name} was skipped: {case.detail}"
        return ""


class Console(SpecCheck):
    """A line typed at the console, and a regular expression that its answer must match somewhere."""

    KEY: ClassVar[str] = "type"
    type: str = Field(max_length=1000, pattern=r"^[^\x00-\x1f\x7f]*$")
    expect: str = Field(min_length=1, max_length=1000)

    @field_validator("expect")
    @classmethod
    def _compiles(cls, value: str) -> str:
        try:
            regex.compile(value, regex.MULTILINE)
        except regex.error as error:
            raise ValueError(f"not a regular expression: {error}") from None
        return value

    @property
    def title(self) -> str:
        return f"type {self.type!r}"

    @property
    def line(self) -> str | None:
        return self.type

    def judge(self, seen: Seen) -> str:
        answer = seen.answers[self.at]
        try:
            if regex.search(self.expect, answer, regex.MULTILINE, timeout=PATIENCE):
                return ""
        except TimeoutError:
            return f"the expression {self.expect!r} took more than {PATIENCE:g} s to try"
        return f"typed {self.type!r}, expected an answer like {self.expect!r}, found {answer[-1000:]!r}"


class Figure(SpecCheck):
    """A figure the kernel prints, or verify measures, within its bounds."""

    KEY: ClassVar[str] = "figure"
    figure: str = Field(min_length=1, max_length=100)
    max: float | None = None
    min: float | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Figure":
        if self.max is None and self.min is None:
            raise ValueError("a figure needs max or min")
        return self

    @property
    def title(self) -> str:
        return f"figure {self.figure}"

    def judge(self, seen: Seen) -> str:
        if self.figure not in seen.figures:
            return f"expected a figure {self.figure!r}, found none"
        value = seen.figures[self.figure]
        if self.max is not None and value > self.max:
            return f"expected {self.figure} at most {self.max:g}, found {value:g}"
        if self.min is not None and value < self.min:
            return f"expected {self.figure} at least {self.min:g}, found {value:g}"
        return ""


KINDS: list[type[SpecCheck]] = [Ktap, Console, Figure]


class Spec(BaseModel):
    """The front matter of one spec."""

    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")
    depends: list[str] = []
    archs: list[str] | None = None
    checks: list[SpecCheck] = Field(default=[], alias="check", max_length=MAX_CHECKS)
    path: str = ""

    def for_arch(self, arch: str) -> list[SpecCheck]:
        if self.archs is not None and arch not in self.archs:
            return []
        return [check for check in self.checks if check.archs is None or arch in check.archs]


@dataclass(frozen=True)
class Broken:
    """A spec that can't be read: a failing check of its own, never silently skipped."""

    where: str
    detail: str


def read_all(repo: Path) -> tuple[list[Spec], list[Broken]]:
    """Every spec below `repo`/specs, by path; README.md files are prose."""
    specs: list[Spec] = []
    broken: list[Broken] = []
    if (repo / "specs").is_symlink():
        return [], [Broken("specs:1", "expected a folder, found a symbolic link")]
    paths = sorted(path for path in (repo / "specs").rglob("*.md") if path.name != "README.md")
    if len(paths) > MAX_FILES:
        return [], [Broken("specs:1", f"expected at most {MAX_FILES} specs, found {len(paths)}")]
    for path in paths:
        place = path.relative_to(repo).as_posix()
        found = _read(repo, place)
        if isinstance(found, Broken):
            broken.append(found)
        elif any(other.name == found.name for other in specs):
            broken.append(Broken(f"{place}:2", f"expected a name of its own, found {found.name!r} once more"))
        else:
            specs.append(found)
    names = {spec.name for spec in specs}
    for spec in specs:
        for name in spec.depends:
            if name not in names:
                known = ", ".join(sorted(names))
                broken.append(Broken(f"{spec.path}:1", f"depends on {name!r}; the specs there are: {known}"))
    return specs, broken


def _read(repo: Path, place: str) -> Spec | Broken:
    try:  # a build that runs beside this may put a link in the file's place
        raw = plainfile.read(repo, place, MAX_FILE)
    except plainfile.NotPlain as error:
        return Broken(f"{place}:1", str(error).partition(": ")[2])
    return parse(raw.decode("utf-8", "replace").replace("\r\n", "\n"), place)


def parse(text: str, place: str) -> Spec | Broken:
    """Read one spec's front matter; `place` is its path as errors name it."""
    lines = text.split("\n")
    if lines[0].rstrip() != FENCE:
        found = lines[0][:60]
        return Broken(f"{place}:1", f"expected front matter between two lines {FENCE!r}, found {found!r}")
    end = next((n for n, line in enumerate(lines[1:], 1) if line.rstrip() == FENCE), None)
    if end is None:
        return Broken(f"{place}:1", f"expected a second line {FENCE!r}, found the end of the file")
    try:
        raw = hostile.read_toml("\n".join(lines[1:end]))
    except tomllib.TOMLDecodeError as error:
        inside = re.search(r"at line (\d+)", str(error))
        return Broken(f"{place}:{1 + int(inside[1]) if inside else 2}", f"not valid TOML: {error}")
    tables = [n for n, line in enumerate(lines[:end], 1) if line.strip() == "[[check]]"]
    checks = raw.pop("check", [])
    if not isinstance(checks, list) or len(checks) > MAX_CHECKS:
        return Broken(f"{place}:2", f"expected at most {MAX_CHECKS} [[check]] tables")
    done = []
    for n, table in enumerate(checks):
        at = f"{place}:{tables[n] if n < len(tables) else 2}"
        kinds = [kind for kind in KINDS if isinstance(table, dict) and kind.KEY in table]
        if len(kinds) != 1:
            return Broken(at, f"expected exactly one of the keys {', '.join(kind.KEY for kind in KINDS)}")
        try:
            done.append(kinds[0].model_validate({**table, "at": at}))
        except ValidationError as error:
            return Broken(at, _first(error))
    try:
        return Spec.model_validate({**raw, "check": done, "path": place})
    except ValidationError as error:
        return Broken(f"{place}:2", _first(error))


def _first(error: ValidationError) -> str:
    first = error.errors()[0]
    key = ".".join(str(part) for part in first["loc"])
    return f"{key}: {first['msg'].lower()}, found {first['input']!r}"[:300]

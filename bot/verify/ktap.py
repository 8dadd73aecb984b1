"""KTAP version 1, read strictly: what a kernel printed about its own tests, and whether to believe it.

The grammar is Linux's Documentation/dev-tools/ktap.rst with the plan always first. Lines that are not KTAP are
the kernel's log and mean nothing. A line that tries to be KTAP and is wrong (out of order, past its plan, at
the wrong depth, a suite `ok` over a failed case) is an error; a document with an error or without an end never
passes.
"""

import re
from dataclasses import dataclass, field

MAX_PLAN = 5000
"""Results of one plan, and cases of the whole document."""
MAX_DEPTH = 8

VERSION = re.compile(r"( *)KTAP version (\S+)\s*")
PLAN = re.compile(r"( *)1\.\.(\d{1,9})\s*(?:#.*)?")
RESULT = re.compile(r"( *)(not ok|ok) (\d{1,9})(?:\s+(?:- )?(.*))?")
DIRECTIVE = re.compile(r"(?:^|\s)#\s*(SKIP|TODO|XFAIL|TIMEOUT|ERROR)\b[: ]*(.*)$", re.I)
SUBTEST = re.compile(r"\s*# Subtest: (.+)")
PLACE = re.compile(r"\s*# ?([^\s:]+:\d+): (.*)")
LOOKS_LIKE = re.compile(r"\s*(?:KTAP version\b|1\.\.\d|(?:not )?ok\s+\d|not ok\b|Bail out!)")


@dataclass
class Case:
    """One test case: `name` is `<suite>.<case>`, or the name alone at the top level."""

    name: str
    ok: bool
    skipped: bool = False
    where: str = ""
    detail: str = ""


@dataclass
class Document:
    """Everything that was read. Believe it only if `passed`."""

    cases: list[Case] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    complete: bool = False
    plan: int | None = None

    @property
    def passed(self) -> bool:
        return self.complete and not self.errors and all(case.ok for case in self.cases)


@dataclass
class _Level:
    indent: int
    name: str = ""
    plan: int | None = None
    done: int = 0
    cases: list[Case] = field(default_factory=list)

    @property
    def full(self) -> bool:
        return self.plan is not None and self.done == self.plan


class Parser:
    """Takes the console line by line (`feed`) and gives the Document (`finish`)."""

    def __init__(self) -> None:
        self._levels: list[_Level] = []
        self._document = Document()
        self._subtest = ""
        self._comments: list[tuple[str, str]] = []
        self._number = 0
        self._count = 0
        self.started = False
        self.ended = False

    def feed(self, line: str) -> None:
        self._number += 1
        line = line.rstrip()
        if match := VERSION.fullmatch(line):
            self._version(len(match[1]), match[2])
        elif match := PLAN.fullmatch(line):
            self._plan(len(match[1]), int(match[2]))
        elif match := RESULT.fullmatch(line):
            self._result(len(match[1]), match[2] == "ok", int(match[3]), match[4] or "")
        elif match := SUBTEST.fullmatch(line):
            self._subtest = match[1].strip()
            if self._levels and not self._levels[-1].done:
                self._levels[-1].name = self._levels[-1].name or self._subtest
        elif match := PLACE.fullmatch(line):
            self._comments.append((match[1], match[2]))
        elif LOOKS_LIKE.match(line):
            self._error(f"not a valid KTAP line: {line.strip()[:80]!r}")

    def finish(self) -> Document:
        document = self._document
        document.complete = self.ended
        if not self.started:
            document.errors.append("no 'KTAP version 1' line")
        elif not self.ended:
            at = self._levels[-1]
            plan = "no plan" if at.plan is None else f"{at.done} of {at.plan} planned results"
            document.errors.append(f"truncated: {plan} in {at.name or 'the top level'}")
            while len(self._levels) > 1:  # keep what was seen of the suite that was cut off
                level = self._levels.pop()
                self._levels[-1].cases += [_under(level.name or "?", case) for case in level.cases]
            document.cases = self._levels[0].cases
        return document

    def _error(self, text: str) -> None:
        if len(self._document.errors) < 20:
            self._document.errors.append(f"console line {self._number}: {text}")

    def _version(self, indent: int, version: str) -> None:
        if version != "1":
            return self._error(f"expected KTAP version 1, found version {version[:20]}")
        if not self._levels:
            if self.started:
                return self._error("a second KTAP document")
            if indent:
                return self._error(f"expected the version line at the margin, found it {indent} spaces deep")
            self.started = True
        else:
            top = self._levels[-1]
            if top.plan is None or top.full:
                return self._error(f"a subtest begins where {top.name or 'the top level'} expects none")
            if indent != top.indent + 2 or len(self._levels) == MAX_DEPTH:
                return self._error(f"a subtest begins {indent} spaces deep, expected {top.indent + 2}")
        self._levels.append(_Level(indent))
        self._subtest = ""

    def _plan(self, indent: int, count: int) -> None:
        if not self._levels:
            return self._error("a plan outside a KTAP document")
        top = self._levels[-1]
        if top.plan is not None or indent != top.indent:
            return self._error(f"a plan 1..{count} where none is expected")
        if not 1 <= count <= MAX_PLAN:
            self._error(f"a plan of {count} cases; expected 1 to {MAX_PLAN}")
            count = max(1, min(count, MAX_PLAN))
        top.plan = count
        if len(self._levels) == 1:
            self._document.plan = count

    def _result(self, indent: int, ok: bool, number: int, text: str) -> None:
        where = self._comments[0][0] if self._comments else ""  # the first is the cause, the rest follow from it
        detail = "\n".join([self._comments[0][1], *(f"{at}: {text}" for at, text in self._comments[1:5])]
                           if self._comments else [])
        self._comments = []
        if not self._levels:
            return self._error(f"a result outside a KTAP document: {text[:80]!r}")
        nested: _Level | None = None
        if len(self._levels) > 1 and indent == self._levels[-2].indent and self._levels[-1].plan is not None:
            nested = self._levels.pop()
        top = self._levels[-1]
        if top.plan is None or indent != top.indent:
            return self._error(f"a result {indent} spaces deep where none is expected: {text[:80]!r}")
        directive = DIRECTIVE.search(text)
        name = (text[: directive.start()] if directive else text).strip()[:200] or str(number)
        word = directive[1].upper() if directive else ""
        top.done += 1
        if number != top.done:
            self._error(f"expected result {top.done}, found {number} ({name})")
        if top.done > top.plan:
            self._error(f"result {number} ({name}) is past the plan 1..{top.plan}")
        if word in ("TIMEOUT", "ERROR"):
            ok, detail = False, detail or f"{word.lower()}: {directive[2]}"
        detail = detail or (directive[2] if directive else "")
        case = Case(name, ok, word == "SKIP", where, detail[:500])
        if nested is None:
            self._count += 1
            if self._count <= MAX_PLAN:
                top.cases.append(case)
            elif self._count == MAX_PLAN + 1:
                self._error(f"more than {MAX_PLAN} cases")
        else:
            if not nested.full:
                self._error(f"{name} ends after {nested.done} of {nested.plan} planned results")
            broken = [inner for inner in nested.cases if not inner.ok]
            if ok and broken:
                self._error(f"{name} says ok over its failed case {broken[0].name}")
            top.cases += [_under(name, inner) for inner in nested.cases]
            if not ok and not broken:
                top.cases.append(Case(name, False, False, where, detail or "not ok, though its cases are"))
        if len(self._levels) == 1 and top.full:
            self._document.cases = top.cases
            self._levels.pop()
            self.ended = True


def _under(suite: str, case: Case) -> Case:
    return Case(f"{suite}.{case.name}", case.ok, case.skipped, case.where, case.detail)


def parse(text: str) -> Document:
    """Read a whole console log."""
    parser = Parser()
    for line in text.split("\n"):
        parser.feed(line)
    return parser.finish()

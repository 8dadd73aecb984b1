"""A file's patch, as the API gives it, as rows for a table: line numbers of both sides, a mark, coloured code.

Input is the `patch` of GitHub's "diff entry": unified hunks without file headers. Lines that were replaced one for one
have the part that differs set off. The patch is outside input: a malformed line becomes a note, never an error.
"""

import hashlib
import re
from dataclasses import dataclass, field
from functools import lru_cache

from markupsafe import Markup

from bot.localforge.pages import highlight

FOLD = 400  # rows from which a file opens folded
MOST = 6_000  # rows of one page; files beyond them are shown one by one

_HUNK = re.compile(r"@@ -(\d{1,9})(?:,\d{1,9})? \+(\d{1,9})(?:,\d{1,9})? @@ ?(.*)", re.S)


@dataclass(frozen=True)
class Row:
    kind: str  # hunk | add | del | same | note
    html: Markup
    old: int | None = None
    new: int | None = None

    @property
    def mark(self) -> str:
        return {"add": "+", "del": "−"}.get(self.kind, "")


@dataclass
class FileDiff:
    """One changed file. `why` says why there are no rows, when there are none."""

    path: str
    was: str
    status: str
    additions: int
    deletions: int
    rows: list[Row] = field(default_factory=list)
    why: str = ""

    @property
    def folded(self) -> bool:
        return len(self.rows) > FOLD

    @property
    def anchor(self) -> str:
        return "diff-" + hashlib.sha256(self.path.encode()).hexdigest()[:12]


def files(entries: list[dict], only: str = "") -> list[FileDiff]:
    """Diff entries as files with rows; past `MOST` rows only `only` gets them."""
    found, budget = [], MOST
    for entry in entries:
        one = FileDiff(entry["filename"], entry.get("previous_filename") or "", entry["status"], entry["additions"],
                       entry["deletions"])
        patch = entry.get("patch")
        if not patch:
            one.why = _no_patch(entry)
        elif patch.count("\n") > budget and one.path != only:
            one.why = "large"
        else:
            one.rows = rows(patch, one.path)
            budget -= len(one.rows)
        found.append(one)
    return found


def _no_patch(entry: dict) -> str:
    if entry["changes"] == 0 and entry["status"] in ("renamed", "copied"):
        return "Renamed without a change."
    if entry["changes"] == 0:
        return "Nothing to show: an empty or a binary file."
    return "The API gave no patch: the file is binary or its change is too large."


@lru_cache(maxsize=256)
def rows(patch: str, path: str) -> list[Row]:
    """The rows of one file's patch."""
    kind = highlight.suffix(path)
    parsed = _parse(patch.replace("\r\n", "\n"))
    sides = {}
    for side, skip in (("old", "add"), ("new", "del")):
        numbers = [i for i, line in enumerate(parsed) if line[0] in ("same", "add", "del") and line[0] != skip]
        text = "\n".join(parsed[i][1] for i in numbers)
        sides[side] = dict(zip(numbers, highlight.lines(text, kind), strict=False))
    marks = _changed(parsed)
    out = []
    for i, (what, text, old, new) in enumerate(parsed):
        if what in ("hunk", "note"):
            out.append(Row(what, highlight.seen(text)))
        else:
            out.append(Row(what, highlight.html(sides["old" if what == "del" else "new"][i], marks.get(i)), old, new))
    return out


def _parse(patch: str) -> list[tuple[str, str, int | None, int | None]]:
    out, old, new = [], 0, 0
    for line in patch.removesuffix("\n").split("\n"):
        if found := _HUNK.fullmatch(line):
            old, new = int(found[1]), int(found[2])
            out.append(("hunk", found[3], None, None))
        elif line[:1] == "+":
            out.append(("add", line[1:], None, new))
            new += 1
        elif line[:1] == "-":
            out.append(("del", line[1:], old, None))
            old += 1
        elif line[:1] in (" ", ""):  # an empty line is a blank one whose trailing space was lost
            out.append(("same", line[1:], old, new))
            old, new = old + 1, new + 1
        else:
            out.append(("note", line.lstrip("\\ "), None, None))
    return out


def _changed(parsed: list) -> dict[int, tuple[int, int]]:
    """For lines replaced one for one, the span of each that differs."""
    marks, i = {}, 0
    while i < len(parsed):
        j = i
        while j < len(parsed) and parsed[j][0] == "del":
            j += 1
        k = j
        while k < len(parsed) and parsed[k][0] == "add":
            k += 1
        if j > i and k - j == j - i:
            for n in range(j - i):
                spans = _span(parsed[i + n][1], parsed[j + n][1])
                if spans:
                    marks[i + n], marks[j + n] = spans
        i = max(k, i + 1)
    return marks


def _span(old: str, new: str) -> tuple[tuple[int, int], tuple[int, int]] | None:
    """Where two lines differ, to whole words; None when they share too little for it to help."""
    head = 0
    while head < min(len(old), len(new)) and old[head] == new[head]:
        head += 1
    tail = 0
    while tail < min(len(old), len(new)) - head and old[-1 - tail] == new[-1 - tail]:
        tail += 1
    while head and (old[head - 1].isalnum() or old[head - 1] == "_"):
        head -= 1
    while tail and (old[-tail].isalnum() or old[-tail] == "_"):
        tail -= 1
    shared = old[:head].strip() + (old[-tail:].strip() if tail else "")
    if len(shared) * 3 < max(len(old.strip()), len(new.strip())):
        return None
    return (head, len(old) - tail), (head, len(new) - tail)

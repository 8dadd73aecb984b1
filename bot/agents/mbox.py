"""The patch of an agent run, read strictly: what `git format-patch` writes with our options, and nothing else.

`git am` is lenient by design (transfer encodings, scissors, in-body headers, renames, quoted names). A screen that
is as lenient would have to think of all of it; this one refuses whatever it does not know. Pure; sources: git's
format-patch(1), mailinfo(1) and diff-format.txt.
"""

import re
from dataclasses import dataclass, field


class Strange(Exception):
    """The patch is not one of ours; the message says where and why."""


@dataclass
class FileChange:
    path: str
    kind: str
    """new, deleted or changed."""
    mode: str = ""
    """The new mode, when the patch names one: 100644 or 100755."""
    old_mode: str = ""
    added: list[str] = field(default_factory=list)
    removed: int = 0
    hunks: list[tuple[int, int]] = field(default_factory=list)
    """Line and count of each hunk in the old file."""


@dataclass
class Mail:
    """One commit."""

    author: str
    subject: str
    message: str
    files: list[FileChange] = field(default_factory=list)


FROM = re.compile(r"From 0{40} Mon Sep 17 00:00:00 2001")
HEADERS = {"From", "Date", "Subject", "MIME-Version", "Content-Type", "Content-Transfer-Encoding"}
PLAIN = {"Content-Type": "text/plain; charset=UTF-8", "Content-Transfer-Encoding": "8bit", "MIME-Version": "1.0"}
DIFF = re.compile(r"diff --git a/(?P<a>[^\"\t\n]+) b/(?P<b>[^\"\t\n]+)")
HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@(?: .*)?")
INDEX = re.compile(r"index [0-9a-f]{40}\.\.[0-9a-f]{40}(?: (100644|100755))?")
MODE = re.compile(r"(new file mode|deleted file mode|old mode|new mode) (\d{6})")
DATE = re.compile(r"[A-Z][a-z]{2}, \d{1,2} [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d [+-]\d{4}")


def parse(patch: bytes) -> list[Mail]:
    """The commits of `patch`; Strange if a single line is not as we would have written it."""
    if not patch.strip():
        raise Strange("expected at least one commit, found nothing")
    for number, line in enumerate(patch.split(b"\n"), 1):
        if b"\0" in line:
            raise Strange(f"line {number}: a NUL byte: binary content is not taken")
    try:
        text = patch.decode("utf-8")
    except UnicodeDecodeError as error:
        line = patch[:error.start].count(b"\n") + 1
        raise Strange(f"line {line}: expected UTF-8, found the byte 0x{patch[error.start]:02x}") from None
    lines = text.split("\n")
    if lines[-1] == "":
        lines.pop()
    reader = _Reader(lines)
    mails = []
    while not reader.done:
        mails.append(_mail(reader))
    return mails


class _Reader:
    def __init__(self, lines: list[str]):
        self.lines, self.at = lines, 0

    @property
    def done(self) -> bool:
        return self.at >= len(self.lines)

    @property
    def line(self) -> str:
        """The line that is next, empty at the end."""
        return "" if self.done else self.lines[self.at]

    def take(self) -> str:
        line = self.line
        self.at += 1
        return line

    def strange(self, expected: str) -> Strange:
        return Strange(f"line {self.at + 1}: expected {expected}, found {self.line[:80]!r}")


def _mail(reader: _Reader) -> Mail:
    if not FROM.fullmatch(reader.line):
        raise reader.strange("the first line of a format-patch mail")
    reader.take()
    headers = _headers(reader)
    message = []
    while not reader.line.startswith("diff --git ") and reader.line != "---":
        if reader.done or reader.line.startswith("From "):
            raise reader.strange("a diff after the commit message")
        message.append(reader.take())
    if reader.line == "---":  # some versions of git write it before the diff, some don't
        reader.take()
        if reader.take() != "":
            raise reader.strange("an empty line after '---'")
    mail = Mail(headers["From"], re.sub(r"^\[PATCH\] ", "", headers["Subject"]), "\n".join(message))
    while reader.line.startswith("diff --git "):
        mail.files.append(_file(reader))
    if not mail.files:
        raise reader.strange("a diff")
    if reader.line == "" and not reader.done:
        reader.take()
    return mail


def _headers(reader: _Reader) -> dict[str, str]:
    headers: dict[str, str] = {}
    last = ""
    while reader.line:
        if reader.line[0] in " \t" and last:
            headers[last] += " " + reader.take().strip()
            continue
        name, colon, value = reader.line.partition(": ")
        if not colon or name not in HEADERS or name in headers or "=?" in value:
            raise reader.strange(f"a header among {', '.join(sorted(HEADERS))}, each once")
        if name in PLAIN and value != PLAIN[name]:
            raise reader.strange(f"{name}: {PLAIN[name]}")
        headers[name], last = value, name
        reader.take()
    missing = {"From", "Date", "Subject"} - set(headers)
    if missing or not DATE.fullmatch(headers["Date"]):
        raise reader.strange(f"the headers From, Date and Subject above (missing or wrong: {', '.join(missing)})")
    reader.take()
    return headers


def _file(reader: _Reader) -> FileChange:
    match = DIFF.fullmatch(reader.line)
    if not match or match["a"] != match["b"]:
        raise reader.strange("'diff --git a/PATH b/PATH' with the same plain name twice")
    reader.take()
    change = FileChange(match["a"], "changed")
    while mode := MODE.fullmatch(reader.line):
        if mode[1] == "old mode":
            change.old_mode = mode[2]
        elif mode[1] == "deleted file mode":
            change.kind, change.old_mode = "deleted", mode[2]
        else:
            change.kind = "new" if mode[1] == "new file mode" else change.kind
            change.mode = mode[2]
        reader.take()
    index = INDEX.fullmatch(reader.line)
    if index:
        change.old_mode = change.old_mode or index[1] or ""
        reader.take()
    elif not change.mode:
        raise reader.strange("an index line with full object names (binary patches, renames and copies are refused)")
    if reader.line.startswith("--- "):
        old = "/dev/null" if change.kind == "new" else f"a/{change.path}"
        new = "/dev/null" if change.kind == "deleted" else f"b/{change.path}"
        for prefix, name in (("--- ", old), ("+++ ", new)):
            if reader.line.rstrip("\t") != prefix + name:
                raise reader.strange(f"{prefix}{name}")
            reader.take()
        if not reader.line.startswith("@@ "):
            raise reader.strange("a hunk")
        while reader.line.startswith("@@ "):
            _hunk(reader, change)
    elif reader.line.startswith(("Binary", "GIT binary")):
        raise reader.strange("text: binary files are not taken")
    return change


def _hunk(reader: _Reader, change: FileChange) -> None:
    match = HUNK.fullmatch(reader.line)
    if not match:
        raise reader.strange("a hunk header")
    reader.take()
    old, new = (int(count) if count else 1 for count in (match[2], match[4]))
    change.hunks.append((int(match[1]), old))
    while old or new:
        mark, rest = reader.line[:1], reader.line[1:]
        if mark == "+":
            change.added.append(rest)
            new -= 1
        elif mark == "-":
            change.removed += 1
            old -= 1
        elif mark == " ":
            old, new = old - 1, new - 1
        elif mark != "\\":
            raise reader.strange("a line of the hunk")
        if old < 0 or new < 0 or reader.done:
            raise reader.strange("as many lines as the hunk's header says")
        reader.take()
    if reader.line.startswith("\\ "):
        reader.take()

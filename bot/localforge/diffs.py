"""What a change did to each file, read from one `git diff --raw --numstat -p -z`.

The three parts list the files in the same order, so they are matched by position.
"""

import re
from dataclasses import dataclass

from bot.localforge.git import Git

STATUS = {"A": "added", "D": "removed", "M": "modified", "R": "renamed", "C": "copied", "T": "changed"}


@dataclass(frozen=True)
class FileChange:
    path: str
    previous: str | None
    status: str  # GitHub's words: added removed modified renamed copied changed
    sha: str
    mode: str
    additions: int
    deletions: int
    patch: str | None
    """The hunks, from the first `@@`; None for a binary file or when nothing but the mode or name changed."""
    binary: bool


def changes(git: Git, old: str, new: str) -> list[FileChange]:
    """The files that differ between two commits or trees."""
    data = git.diff(old, new)
    raw, data = _raw_entries(data)
    counts, data = _counts(data, len(raw))
    patches = _patches(data)
    out = []
    for entry, (additions, deletions, binary) in zip(raw, counts, strict=True):
        letter, path, previous, old_sha, sha, mode = entry
        sections = [next(patches, "") for _ in range(2 if letter == "T" else 1)]
        hunks = "\n".join(s[s.index("\n@@") + 1 :].rstrip("\n") for s in sections if "\n@@" in s)
        out.append(
            FileChange(
                path,
                previous,
                STATUS[letter],
                old_sha if letter == "D" else sha,
                mode,
                additions,
                deletions,
                hunks or None,
                binary,
            )
        )
    return out


def _raw_entries(data: bytes):
    entries = []
    while data.startswith(b":"):
        meta, _, data = data.partition(b"\0")
        _, mode, old_sha, sha, letter = meta.decode().split(" ")
        first, _, data = data.partition(b"\0")
        previous = None
        path = first.decode("utf-8", "replace")
        if letter[0] in "RC":
            second, _, data = data.partition(b"\0")
            previous, path = path, second.decode("utf-8", "replace")
        entries.append((letter[0], path, previous, old_sha, sha, mode))
    return entries, data


def _counts(data: bytes, number: int):
    counts = []
    for _ in range(number):
        line, _, data = data.partition(b"\0")
        added, removed, path = line.split(b"\t", 2)
        if not path:  # a rename: its two names follow
            data = data.split(b"\0", 2)[2]
        binary = added == b"-"
        counts.append((0, 0, True) if binary else (int(added), int(removed), False))
    return counts, data


def _patches(data: bytes):
    text = data.lstrip(b"\0").decode("utf-8", "replace")
    return iter(re.split(r"(?m)^(?=diff --git )", text)[1:]) if text else iter(())

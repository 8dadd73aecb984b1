"""Where a review comment stands: its line, its position in the diff, the hunk around it, and how all of that
follows the pull request's head.
"""

import re

from bot.localforge import diffs
from bot.localforge.git import Git

HEAD = re.compile(r"@@ -(\d+)(?:,\d+)? \+(\d+)(?:,\d+)? @@")


def shown(git: Git, row, path: str) -> diffs.FileChange | None:
    """What the pull request `row` does to `path`, or None when it is not part of its diff."""
    start = git.merge_base(row["base_sha"], row["head_sha"]) or row["base_sha"]
    return next((change for change in diffs.changes(git, start, row["head_sha"]) if change.path == path), None)


def numbered(patch: str | None):
    """Each line of a patch: its position (lines below the first `@@`), old and new line number, its text."""
    old = new = 0
    for position, text in enumerate((patch or "").split("\n")):
        head = HEAD.match(text)
        if head:
            old, new = int(head[1]) - 1, int(head[2]) - 1
        else:
            old += text[:1] in (" ", "-")
            new += text[:1] in (" ", "+")
        yield position, old, new, text


def place(patch: str | None, line: int, side: str) -> tuple[int, str] | None:
    """The position of a line in a patch and the hunk up to it; None where the patch does not show the line."""
    hunk: list[str] = []
    for position, old, new, text in numbered(patch):
        hunk = [text] if HEAD.match(text) else [*hunk, text]
        if text[:1] == " " or text[:1] == ("-" if side == "LEFT" else "+"):
            if (old if side == "LEFT" else new) == line:
                return position, "\n".join(hunk)
    return None


def line_at(patch: str | None, wanted: int) -> tuple[int, str] | None:
    """The line and side that a position means."""
    for position, old, new, text in numbered(patch):
        if position == wanted and not HEAD.match(text):
            return (old, "LEFT") if text[:1] == "-" else (new, "RIGHT")
    return None


def moved(git: Git, old: str, new: str, path: str, line: int) -> int | None:
    """Where line `line` of `path` in commit `old` is in commit `new`; None when it was changed or removed."""
    change = next((c for c in diffs.changes(git, old, new) if c.path == path or c.previous == path), None)
    if change is None:
        return line
    if change.path != path or change.status == "removed" or change.binary:
        return None
    shift = 0
    for _, before, after, text in numbered(change.patch):
        if HEAD.match(text):
            if before >= line:
                break
            continue
        if text[:1] in (" ", "-") and before == line:
            return after if text[:1] == " " else None
        if before >= line:
            break
        shift = after - before
    return line + shift


def follow(forge, repo, row, head: str) -> None:
    """Move the comments of a pull request along with its head, as it was in `row`, to the commit `head`."""
    git = forge.git(repo)
    now = {key: row[key] for key in ("base_sha", "head_sha")} | {"head_sha": head}
    for comment in forge.store.all("select * from review_comments where issue_id = ? and line is not null", row["id"]):
        line = comment["line"]
        if comment["side"] != "LEFT":
            line = moved(git, comment["commit_id"], head, comment["path"], line)
        change = shown(git, now, comment["path"]) if line else None
        found = place(change.patch, line, comment["side"] or "RIGHT") if change else None
        if found:
            start = comment["start_line"] and max(1, comment["start_line"] + line - comment["line"])
            forge.store.update(
                "review_comments", comment["id"], line=line, start_line=start, position=found[0], commit_id=head
            )
        else:
            forge.store.update("review_comments", comment["id"], line=None, position=None)

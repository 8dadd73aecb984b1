"""What changed, what was done before, and saving one's own work: git, inside the sandbox."""

import re
from typing import Annotated

from pydantic import Field

from bot.agents import applied, screen
from bot.agents.tools import ToolError, tool, within
from bot.agents.workplace import Workplace
from bot.handoff import Result
from bot.slm.recipe import MODELS

SINCE = {"head": "your own changes since this run began", "base": "everything on this branch since it left main"}

FORMAT = ["--no-renames", "--no-stat", "--no-signature", "--full-index", "--no-ext-diff", "--no-textconv",
          "--no-binary", "--zero-commit", "--src-prefix=a/", "--dst-prefix=b/", "--no-cover-letter", "--no-attach",
          "--no-thread", "--subject-prefix=PATCH", "--no-numbered", "--no-encode-email-headers"]
"""What bot/agents/mbox.py reads."""

DIFF = 30_000
"""Characters of a diff that are shown: whole files, and of one file alone whole lines."""
NEW = 50
"""New files whose text is shown, unless asked for by their path."""

DRAFT = """\
export GIT_INDEX_FILE=/tmp/index
cp .git/index "$GIT_INDEX_FILE"
git add --all && git reset --quiet -- "$1" && tree=$(git write-tree) || exit
[ "$tree" = "$(git rev-parse "$2^{tree}")" ] || git commit-tree "$tree" -p "$2" -F -
"""
"""Prints a commit of the whole worktree upon $2, without $1, that no branch leads to; nothing if there is no change."""


@tool(keep=DIFF + 5000)
def git_diff(at: Workplace,
             since: Annotated[str, Field(pattern="^(head|base)$",
                                         description="; ".join(f"{k}: {v}" for k, v in SINCE.items()))] = "head",
             path: Annotated[str, Field(description="only below this path")] = ".",
             stat: Annotated[bool, Field(description="only the names and the counts of lines")] = False,
             start: within(1, None, "first line to show of one file's diff that was cut") = 1) -> str:
    """Show a diff of the worktree as it is now, new files included. For a review, use since=base. Of a large diff
    whole files are shown while they fit, and the others are named with their sizes: ask for them by path."""
    begin = at.brief.base_sha if since == "base" else at.brief.head_sha
    base = at.git("merge-base", begin, "HEAD").strip()
    plain = ["--no-ext-diff", "--no-textconv"]
    diff = at.git("diff", *plain, *(["--stat=100"] if stat else []), base, "--", path, f":(exclude){MODELS}")
    models = at.git("diff", *plain, "--stat=100", base, "--", MODELS)  # CI's: names are enough
    new = "" if at.read_only else at.git("ls-files", "-o", "--exclude-standard", "--", path)
    names = [name for name in new.split("\n") if name]
    if stat:
        return diff + models + "".join(f" {name} (new, not committed)\n" for name in names) or _none(since, begin)
    files = [one for one in re.split("^(?=diff --git )", diff, flags=re.M) if one]
    files += [at.run(["git", "diff", "--no-index", "--no-ext-diff", "--", "/dev/null", name]).output for name in names[:NEW]]
    models += "".join(f" {name} (new, not committed, not shown: ask for it by path)\n" for name in names[NEW:])
    return (_part(files[0], start) if len(files) == 1 else _whole(files)) + models or _none(since, begin)


def _none(since: str, begin: str) -> str:
    return f"no differences: nothing was changed since {since} ({begin[:12]})"


def _whole(files: list[str]) -> str:
    """Those of the files' diffs that fit, and the names and sizes of the rest."""
    shown, left, room = [], [], DIFF
    for one in files:
        if len(one) <= room:
            shown.append(one)
            room -= len(one)
        else:
            left.append(f" {one.partition(chr(10))[0].rpartition(' b/')[2]}  ({one.count(chr(10))} lines)\n")
    note = f"\n[not shown, since it does not fit: {len(left)} of {len(files)} files; ask for each with path=, or for stat=true]\n"
    return "".join(shown) + (note + "".join(left) if left else "")


def _part(diff: str, start: int) -> str:
    """As many lines from `start` on as fit."""
    lines = [line + "\n" for line in diff.removesuffix("\n").split("\n")]
    if start > len(lines):
        raise ToolError(f"expected a line up to {len(lines)}, found start={start}")
    shown, room = [], DIFF
    for line in lines[start - 1:]:
        if len(line) > room and shown:
            break
        shown.append(line)
        room -= len(line)
    left = len(lines) - (start - 1 + len(shown))
    return "".join(shown) + (f"[{left} more lines: start={start + len(shown)}]\n" if left else "")


@tool(writes=True)
def git_commit(at: Workplace,
               message: Annotated[str, Field(min_length=3, max_length=2000, description=(
                   "a plain subject line in the imperative, at most 72 characters; "
                   "then, if needed, an empty line and why"))]) -> str:
    """Commit everything that was changed in the worktree. Do it at each sound step; what is left is committed
    when you submit."""
    if reasons := screen.message(message):
        raise ToolError("the message can't be taken: " + "; ".join(reasons))
    done = commit(at, message) or "nothing to commit: no file was changed since the last commit"
    reasons = preview(at) or []
    return "\n".join([done.rstrip(), *(["Mend this, or the whole patch will be refused:"] if reasons else []), *reasons])


@tool()
def git_log(at: Workplace,
            count: within(1, 50, "how many") = 10,
            path: Annotated[str, Field(description="only commits that touch this path")] = ".") -> str:
    """Show the latest commits of this branch: short SHA, date, author, subject."""
    return at.git("log", f"-{count}", "--date=short", "--format=%h %ad %an: %s", "--", path) or "no commits there"


def commit(at: Workplace, message: str) -> str:
    """Commit all changes with the trailers that name this run; an empty string if there were none."""
    at.git("add", "--all", commit=True)
    at.git("reset", "--quiet", "--", MODELS, commit=True)  # what is there is for trying out: CI's own is put in later
    if not at.git("diff", "--cached", "--name-only").strip():
        return ""
    at.git("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=verbatim", "-F", "-",
           commit=True, stdin=_signed(at, message))
    return at.git("log", "-1", "--stat=100", "--format=%h %s")


def _signed(at: Workplace, message: str) -> bytes:
    """The commit message with the trailers that name this run, and none of its own."""
    body = [line for line in message.strip().splitlines() if not line.lower().startswith("auton-")]
    subject = " ".join(body[0].split())
    trailers = [f"Auton-Goal: #{at.brief.goal}", *([f"Auton-Task: #{at.brief.task}"] if at.brief.task else []),
                f"Auton-Attempt: {at.brief.attempt}"]
    rest = "\n".join(body[1:]).strip()
    return ("\n\n".join(part for part in [subject, rest, "\n".join(trailers)] if part) + "\n").encode()


def squash(at: Workplace, message: str) -> None:
    """Make one commit of all that this run has committed."""
    subjects = at.git("log", "--reverse", "--format=- %s", f"{at.brief.head_sha}..HEAD")
    at.git("reset", "--quiet", "--soft", at.brief.head_sha, commit=True)
    commit(at, f"{message}\n\n{subjects}")


def patch(at: Workplace, tip: str = "HEAD") -> bytes:
    """The commits of this run up to `tip` as an mbox for `git am`; empty if there are none."""
    start = at.brief.head_sha
    if at.git("rev-list", "--merges", f"{start}..{tip}").strip():
        raise ToolError("expected a straight line of commits, found a merge; undo it and commit the changes alone")
    done = at.run(["git", "format-patch", "--stdout", *FORMAT, f"{start}..{tip}"], keep=64 << 20)
    if done.code or done.cut:
        raise ToolError(f"git format-patch: {done.output[-500:].strip() or 'more than 32 MiB'}")
    return done.raw


def refusals(at: Workplace, change: bytes, summary: str = "") -> list[str]:
    """What `auton screen` will say of the patch `change`: why it would be refused; empty if it is clean."""
    brief = at.brief
    result = Result(key=brief.key, role=brief.role, goal=brief.goal, task=brief.task, attempt=brief.attempt,
                    model=brief.model, status="submitted", summary=summary, head_sha=brief.head_sha, patch=True)
    return screen.check(result, change, at.config) or applied.check(at.worktree, result, change, at.lent)


def preview(at: Workplace) -> list[str] | None:
    """Why the worktree as it is would be refused, handed in as one commit; None if nothing was changed. Commits nothing."""
    try:
        done = at.run(["/bin/sh", "-c", DRAFT, "draft", MODELS, at.brief.head_sha], commit=True, stdin=_signed(at, "Draft"))
        if done.code:
            return [done.output.strip()[-500:]]
        tip = re.search(r"^[0-9a-f]{40,64}$", done.output.strip().rpartition("\n")[2])  # below what git warned of
        return refusals(at, patch(at, tip[0])) if tip else None
    except ToolError as error:
        return [str(error)]

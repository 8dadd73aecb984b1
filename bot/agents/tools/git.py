"""What changed, what was done before, and saving one's own work: git, inside the sandbox."""

from typing import Annotated

from pydantic import Field

from bot.agents import screen
from bot.agents.tools import ToolError, tool
from bot.agents.workplace import Workplace
from bot.slm.recipe import MODELS

SINCE = {"head": "your own changes since this run began", "base": "everything on this branch since it left main"}

FORMAT = ["--no-renames", "--no-stat", "--no-signature", "--full-index", "--no-ext-diff", "--no-textconv",
          "--no-binary", "--zero-commit", "--src-prefix=a/", "--dst-prefix=b/", "--no-cover-letter", "--no-attach",
          "--no-thread", "--subject-prefix=PATCH", "--no-numbered", "--no-encode-email-headers"]
"""What bot/agents/mbox.py reads."""


@tool()
def git_diff(at: Workplace,
             since: Annotated[str, Field(pattern="^(head|base)$",
                                         description="; ".join(f"{k}: {v}" for k, v in SINCE.items()))] = "head",
             path: Annotated[str, Field(description="only below this path")] = ".",
             stat: Annotated[bool, Field(description="only the names and the counts of lines")] = False) -> str:
    """Show a diff of the worktree as it is now, new files included. For a review, use since=base."""
    start = at.brief.base_sha if since == "base" else at.brief.head_sha
    base = at.git("merge-base", start, "HEAD").strip()
    diff = at.git("diff", "--no-ext-diff", "--no-textconv", *(["--stat=100"] if stat else []), base, "--", path,
                  f":(exclude){MODELS}")
    diff += at.git("diff", "--no-ext-diff", "--no-textconv", "--stat=100", base, "--", MODELS)  # CI's: names are enough
    new = "" if at.read_only else at.git("ls-files", "-o", "--exclude-standard", "--", path)
    for name in new.split("\n")[:50]:
        if name and stat:
            diff += f" {name} (new, not committed)\n"
        elif name:
            done = at.run(["git", "diff", "--no-index", "--no-ext-diff", "--", "/dev/null", name])
            diff += done.output
    return diff or f"no differences: nothing was changed since {since} ({start[:12]})"


@tool(writes=True)
def git_commit(at: Workplace,
               message: Annotated[str, Field(min_length=3, max_length=2000, description=(
                   "a plain subject line in the imperative, at most 72 characters; "
                   "then, if needed, an empty line and why"))]) -> str:
    """Commit everything that was changed in the worktree. Do it at each sound step; what is left is committed
    when you submit."""
    if reasons := screen.message(message):
        raise ToolError("the message can't be taken: " + "; ".join(reasons))
    return commit(at, message) or "nothing to commit: no file was changed since the last commit"


@tool()
def git_log(at: Workplace,
            count: Annotated[int, Field(ge=1, le=50)] = 10,
            path: Annotated[str, Field(description="only commits that touch this path")] = ".") -> str:
    """Show the latest commits of this branch: short SHA, date, author, subject."""
    return at.git("log", f"-{count}", "--date=short", "--format=%h %ad %an: %s", "--", path) or "no commits there"


def commit(at: Workplace, message: str) -> str:
    """Commit all changes with the trailers that name this run; an empty string if there were none."""
    at.git("add", "--all", commit=True)
    at.git("reset", "--quiet", "--", MODELS, commit=True)  # what is there is for trying out: CI's own is put in later
    if not at.git("diff", "--cached", "--name-only").strip():
        return ""
    body = [line for line in message.strip().splitlines() if not line.lower().startswith("auton-")]
    subject = " ".join(body[0].split())
    trailers = [f"Auton-Goal: #{at.brief.goal}", *([f"Auton-Task: #{at.brief.task}"] if at.brief.task else []),
                f"Auton-Attempt: {at.brief.attempt}"]
    rest = "\n".join(body[1:]).strip()
    text = "\n\n".join(part for part in [subject, rest, "\n".join(trailers)] if part)
    at.git("commit", "--quiet", "--no-verify", "--no-gpg-sign", "--cleanup=verbatim", "-F", "-",
           commit=True, stdin=(text + "\n").encode())
    return at.git("log", "-1", "--stat=100", "--format=%h %s")


def squash(at: Workplace, message: str) -> None:
    """Make one commit of all that this run has committed."""
    subjects = at.git("log", "--reverse", "--format=- %s", f"{at.brief.head_sha}..HEAD")
    at.git("reset", "--quiet", "--soft", at.brief.head_sha, commit=True)
    commit(at, f"{message}\n\n{subjects}")


def patch(at: Workplace) -> bytes:
    """The commits of this run as an mbox for `git am`; empty if there are none."""
    start = at.brief.head_sha
    if at.git("rev-list", "--merges", f"{start}..HEAD").strip():
        raise ToolError("expected a straight line of commits, found a merge; undo it and commit the changes alone")
    done = at.run(["git", "format-patch", "--stdout", *FORMAT, f"{start}..HEAD"], keep=64 << 20)
    if done.code or done.cut:
        raise ToolError(f"git format-patch: {done.output[-500:].strip() or 'more than 32 MiB'}")
    return done.raw

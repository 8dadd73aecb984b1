"""Where one agent works: a private clone of the repository, and the only way to run anything there.

The clone is made before the agent starts, by plain git from a checkout that is ours. From then on whatever
happens in it, reading and git included, happens in the sandbox: an agent's code may have planted a hook or a
filter in it. `.git` is writable for the commit tool alone. In a job on the local forge the clone borrows the forge's objects,
which no tool can write.
"""

import json
import math
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bot import sandbox
from bot.agents.tools import ToolError
from bot.config import Config
from bot.errors import AgentError
from bot.handoff import Brief

INSIDE = Path(__file__).with_name("inside.py").resolve()
GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0",
       "GIT_OPTIONAL_LOCKS": "0", "GIT_PAGER": "cat"}


@dataclass(frozen=True)
class Workplace:
    worktree: Path
    brief: Brief
    config: Config
    read_only: bool
    ends: float = math.inf
    """When the run's time is over, by time.monotonic(): no command outlasts it."""
    lent: tuple[Path, ...] = ()
    """Object stores that its repository borrows from, seen and never written. Known before the agent starts: the
    repository's own word for it is the agent's afterwards."""

    @classmethod
    def at(cls, worktree: Path, brief: Brief, config: Config, read_only: bool) -> "Workplace":
        """The workplace in a worktree that `prepare` has made."""
        return cls(worktree, brief, config, read_only, lent=tuple(_lent(worktree)))

    @property
    def author(self) -> str:
        return f"AUTON {self.brief.role.replace('_', ' ')}"

    def run(self, argv: list[str], *, timeout: float = 60.0, stdin: bytes = b"", commit: bool = False,
            keep: int = 1 << 20, env: dict[str, str] | None = None) -> sandbox.Finished:
        """Run `argv` at the top of the worktree, in the sandbox; `.git` may change only with `commit`."""
        timeout = max(1.0, min(timeout, self.ends - time.monotonic()))
        return sandbox.run(argv, cwd=self.worktree, env={**self.identity(), **GIT, **(env or {})},
                           timeout=timeout, stdin=stdin, keep=keep, **self._view(commit))

    def wrap(self, argv: list[str], *, env: dict[str, str] | None = None) -> list[str]:
        """The command that `run` would start, for a caller that talks to it while it runs."""
        return sandbox.wrap(argv, cwd=self.worktree, env=env or {}, **self._view(False))

    def _view(self, commit: bool) -> dict[str, Any]:
        git = self.worktree / ".git"
        writable = ([git] if commit else []) if self.read_only else [self.worktree]
        return {"root": self.worktree, "writable": writable, "readonly": [] if commit else [git],
                "visible": [INSIDE, *self.lent]}

    def identity(self) -> dict[str, str]:
        mail = "auton@users.noreply.github.com"
        return {"GIT_AUTHOR_NAME": self.author, "GIT_AUTHOR_EMAIL": mail,
                "GIT_COMMITTER_NAME": self.author, "GIT_COMMITTER_EMAIL": mail}

    def git(self, *arguments: str, commit: bool = False, keep: int = 4 << 20, stdin: bytes = b"") -> str:
        """The output of a git command in the worktree; ToolError if it fails."""
        done = self.run(["git", *arguments], commit=commit, keep=keep, stdin=stdin)
        if done.code:
            raise ToolError(f"git {arguments[0]}: {done.output.strip()}")
        return done.output

    def file(self, **request: object) -> str:
        """One operation of `inside.py`; ToolError with its message if it fails."""
        python = getattr(sys, "_base_executable", sys.executable)
        done = self.run([os.path.realpath(python), "-I", "-S", str(INSIDE)], stdin=json.dumps(request).encode(),
                        timeout=20)
        if done.timed_out:
            raise ToolError("the operation took more than 20 s; ask for less")
        if done.code:
            raise ToolError(done.output.strip())
        return done.output


def prepare(checkout: Path, brief: Brief, folder: Path) -> Path:
    """A clone of `checkout` in the new folder `folder`, at `brief.head_sha` on `brief.branch`, without remotes,
    hooks or credentials. AgentError if the checkout does not have that commit and can't fetch it."""
    wanted = list(dict.fromkeys([brief.head_sha, brief.base_sha]))
    if _git(checkout, "rev-list", "--no-walk", "--quiet", *wanted).returncode:
        fetched = _git(checkout, "fetch", "--quiet", "origin", *wanted)
        if fetched.returncode:
            raise AgentError(f"{checkout}: expected the commits {' and '.join(sha[:12] for sha in wanted)} for "
                             f"{brief.branch}, and they can't be fetched: {fetched.stderr.strip()}",
                             "check out with the full history and try again")
    for item in brief.feedback:  # a branch that is begun anew after a conflict: its earlier work, if it is here
        if item.kind in ("conflict", "composition") and item.sha and item.sha not in wanted:
            if not _git(checkout, "rev-list", "--no-walk", "--quiet", item.sha).returncode:
                wanted.append(item.sha)
    folder.mkdir(parents=True)
    _make(folder, "init", "--quiet", "--template=", "--initial-branch=none")
    if not _borrow(checkout, folder) or _git(folder, "rev-list", "--no-walk", "--quiet", *wanted).returncode:
        _make(folder, "fetch", "--quiet", "--no-tags", str(checkout.resolve()), *wanted)
    _make(folder, "checkout", "--quiet", "-b", brief.branch, brief.head_sha)
    return folder.resolve()


def _make(folder: Path, *arguments: str) -> None:
    done = _git(folder, *arguments)
    if done.returncode:
        raise AgentError(f"the worktree can't be made: git {arguments[0]}: {done.stderr.strip()}")


def _borrow(checkout: Path, repository: Path) -> bool:
    """Let the new `repository` borrow its objects from where `checkout`, a job's on the local forge, borrows
    all of its own. False for any other checkout: a person's may hold what is no business of an agent's."""
    if os.environ.get("AUTON_LOCAL") != "1" or not (lent := _lent(checkout)) or (checkout / ".git" / "shallow").exists():
        return False
    if any(names for folder, _, names in os.walk(checkout / ".git" / "objects") if not folder.endswith("/info")):
        return False
    (repository / ".git" / "objects" / "info" / "alternates").write_text("".join(f"{store}\n" for store in lent))
    return True


def _lent(repository: Path) -> list[Path]:
    """The object stores that the repository with this worktree borrows from."""
    listed = repository / ".git" / "objects" / "info" / "alternates"
    lines = listed.read_text(encoding="utf-8").splitlines() if listed.is_file() else []
    return [Path(line) for line in lines if os.path.isabs(line)]


def _git(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items()
           if name not in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE")}
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=False,
                          env={**env, "GIT_TERMINAL_PROMPT": "0"})

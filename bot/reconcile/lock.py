"""One tick at a time: a lock that lives on the forge as the ref `refs/auton/tick`.

The ref points at a commit whose message says who holds it and since when; creating a ref is atomic there, and so is
fast-forwarding it, which is how a dead holder's lock is taken over: of two who try, one is no descendant any more. A
holder is dead when its process (on this machine) or its workflow run is gone, or when it has not renewed for LEASE.
The workflow's concurrency group keeps ticks apart already; this guards a tick run by hand beside it.
"""

import json
import os
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bot.forge.client import Forge
from bot.forge.records import Commit

REF = "refs/auton/tick"
LEASE = timedelta(minutes=5)


@dataclass(frozen=True)
class Holder:
    """Who holds the lock: a process of a machine, in a workflow run or by hand."""

    host: str
    pid: int
    born: str
    run: str = ""

    @classmethod
    def me(cls) -> "Holder":
        return cls(socket.gethostname(), os.getpid(), _born(os.getpid()), os.environ.get("GITHUB_RUN_ID", ""))

    def alive(self, forge: Forge) -> bool:
        if self.host == socket.gethostname():
            return _born(self.pid) == self.born
        if self.run.isdigit():
            return forge.run_status(int(self.run)) not in ("completed", None)
        return True


def _born(pid: int) -> str:
    """Start time of a process in kernel ticks, which tells apart a number that was used again; empty if it is gone."""
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""


class Lock:
    def __init__(self, forge: Forge, holder: Holder | None = None, sleep: Callable[[float], None] = time.sleep,
                 alive: Callable[[Holder], bool] | None = None):
        self.forge, self.holder, self.sleep = forge, holder or Holder.me(), sleep
        self.alive = alive or (lambda other: other.alive(forge))
        self.main: Commit | None = None
        """The default branch as it was when the lock was taken."""

    def take(self, wait: float) -> str | None:
        """Hold the lock, waiting up to `wait` seconds for another tick to end; who holds it, if that was not enough."""
        main = self.main = self.forge.branch(self.forge.default_branch)
        deadline, pause = time.monotonic() + wait, 0.2
        while True:
            if self.forge.create_ref(REF, self._claim(main, [])):
                return None
            self.main = None  # another tick may be moving it
            held = self.forge.ref(REF)
            if held is None:
                continue
            commit = self.forge.commit(held)
            other = _holder(commit)
            if other == self.holder or other is None or _age(commit) > LEASE or not self.alive(other):
                if self.forge.advance_ref(REF, self._claim(main, [held])):
                    return None
                continue
            if time.monotonic() >= deadline:
                return f"process {other.pid} on {other.host}" + (f", workflow run {other.run}" if other.run else "")
            self.sleep(pause)
            pause = min(pause * 1.5, 3)

    def release(self) -> None:
        self.forge.delete_ref(REF)

    def _claim(self, main: Commit, parents: list[str]) -> str:
        return self.forge.create_commit("auton tick\n\n" + json.dumps(vars(self.holder)), main.tree, parents)


def _holder(commit: Commit | None) -> Holder | None:
    try:
        return Holder(**json.loads(commit.message.partition("\n\n")[2]))
    except (AttributeError, TypeError, ValueError):
        return None


def _age(commit: Commit) -> timedelta:
    return datetime.now(UTC) - datetime.fromisoformat(commit.date)

"""One command in its own process group: its output line by line, its time limit, its end, and its CPU seconds.

Also finds processes that a job left behind: every process of a job carries RUNNER_TRACKING_ID in its environment,
as on GitHub's runners, so that even those that left the group are found, after a restart of the server too.
"""

import codecs
import os
import select
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

TRACKING = "RUNNER_TRACKING_ID"
GRACE = ((signal.SIGINT, 3.0), (signal.SIGTERM, 2.0), (signal.SIGKILL, 5.0))  # what is sent, and how long to wait
LINGER = 0.25  # seconds without output after which a pipe held open by a background process is let go
MAX_LINE = 64 << 10
MAX_OUTPUT = 64 << 20


class Cancel:
    """A request to stop, that a poll can wait for."""

    def __init__(self):
        self._fd = os.eventfd(0, os.EFD_CLOEXEC | os.EFD_NONBLOCK)
        self.requested = False

    def request(self) -> None:
        self.requested = True
        with suppress(OSError):
            os.eventfd_write(self._fd, 1)

    def fileno(self) -> int:
        return self._fd

    def close(self) -> None:
        os.close(self._fd)
        self._fd = -1


class Child(Protocol):
    """A process that leads a group of its own, and was started for one command."""

    pid: int

    def reap(self) -> tuple[int, float]:
        """Its exit code (negative: the signal that ended it) and CPU seconds, once it has ended."""


class Program:
    """A child by fork and exec; OSError if that fails. Its output, both kinds, goes to the file `output`."""

    def __init__(self, argv: list[str], cwd: Path, env: dict[str, str], output: int):
        self._process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.DEVNULL, stdout=output, stderr=output,
                                         start_new_session=True)
        self.pid = self._process.pid

    def reap(self) -> tuple[int, float]:
        _, status, usage = os.wait4(self.pid, 0)
        self._process.returncode = os.waitstatus_to_exitcode(status)
        return self._process.returncode, usage.ru_utime + usage.ru_stime


Spawn = Callable[[list[str], Path, dict[str, str], int], Child]


@dataclass
class Exit:
    code: int
    wall: float
    cpu: float
    timed_out: bool = False
    cancelled: bool = False


class _Lines:
    """Bytes in, whole lines out; bounded in line length and in all."""

    def __init__(self, emit: Callable[[str], None]):
        self.emit, self.rest, self.total = emit, "", 0
        self.decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def feed(self, data: bytes) -> None:
        before, self.total = self.total, self.total + len(data)
        if before > MAX_OUTPUT:
            return
        *lines, self.rest = (self.rest + self.decode(data)).split("\n")
        for line in lines:
            self.emit(line.removesuffix("\r")[:MAX_LINE])
        if len(self.rest) > MAX_LINE:
            self.emit(self.rest)
            self.rest = ""
        if self.total > MAX_OUTPUT:
            self.rest = ""
            self.emit(f"[the rest of the output, beyond {MAX_OUTPUT >> 20} MiB, is not kept]")

    def close(self) -> None:
        if self.rest:
            self.emit(self.rest)


def _signal(process: Child, number: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


def run(argv: list[str], *, cwd: Path, env: dict[str, str], emit: Callable[[str], None],
        cancel: Cancel | None = None, timeout: float | None = None, spawn: Spawn = Program) -> Exit:
    """Run `argv` to its end, or until `cancel` or `timeout` seconds; OSError if it can't be started.

    A stopped process gets SIGINT, SIGTERM and SIGKILL in turn, as its whole group. Background processes that
    outlive the command are left alone (see `sweep`).
    """
    started = time.monotonic()
    reader, writer = os.pipe()
    try:
        process = spawn(argv, cwd, env, writer)
    except OSError:
        os.close(reader)
        raise
    finally:
        os.close(writer)
    ended = os.pidfd_open(process.pid)
    lines = _Lines(emit)
    result = Exit(0, 0.0, 0.0)
    deadline = started + timeout if timeout is not None else None
    grace = iter(GRACE)
    poll = select.poll()
    for fd in (reader, ended, *([cancel] if cancel else [])):
        poll.register(fd, select.POLLIN)
    pipe_open = True
    try:
        while True:
            wait = None if deadline is None else max(0.0, deadline - time.monotonic()) * 1000
            ready = {fd for fd, _ in poll.poll(wait)}
            if reader in ready:
                data = os.read(reader, 1 << 16)
                lines.feed(data)
                if not data:
                    poll.unregister(reader)
                    pipe_open = False
            if ended in ready:
                break
            stop_now = cancel is not None and cancel.fileno() in ready
            if stop_now:
                result.cancelled = True
                poll.unregister(cancel)
            if stop_now or (deadline is not None and time.monotonic() >= deadline):
                result.timed_out |= not result.cancelled
                number, patience = next(grace, GRACE[-1])
                _signal(process, number)
                deadline = time.monotonic() + patience
        if pipe_open:
            _drain(reader, lines)
        if result.cancelled or result.timed_out:
            _signal(process, signal.SIGKILL)  # the rest of the group; its leader is not reaped yet
        result.code, result.cpu = process.reap()
    except BaseException:  # the log can't be written, say: no process may stay behind
        _signal(process, signal.SIGKILL)
        process.reap()
        raise
    finally:
        os.close(reader)
        os.close(ended)
    lines.close()
    result.wall = time.monotonic() - started
    return result


def _drain(reader: int, lines: _Lines) -> None:
    """Read what is left, but don't wait for a background process that holds the pipe open."""
    until = time.monotonic() + 8 * LINGER
    while time.monotonic() < until and select.select([reader], [], [], LINGER)[0]:
        data = os.read(reader, 1 << 16)
        lines.feed(data)
        if not data:
            return


def sweep(tracking: str) -> int:
    """Kill every process of ours whose RUNNER_TRACKING_ID starts with `tracking`; how many there were."""
    wanted, killed = f"\0{TRACKING}={tracking}".encode(), 0
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        with suppress(OSError):
            with open(f"/proc/{entry.name}/environ", "rb") as file:
                environ = file.read()
            if wanted in b"\0" + environ:
                os.kill(int(entry.name), signal.SIGKILL)
                killed += 1
    return killed

"""A booted machine: a process with its console on standard input and output, watched by the clock.

Every wait ends: when what was waited for came, when the process ended, when nothing was printed for `silence`
seconds, when `limit` seconds are over, or when more than FLOOD bytes were printed. Ending a machine ends its
whole process group.
"""

import os
import re
import selectors
import signal
import subprocess
import time
from pathlib import Path
from typing import ClassVar

from bot.verify.log import clean

FLOOD = 8 << 20
"""Bytes a console (or a build) may print before it is stopped."""
STDERR_KEPT = 64 << 10
AFTER_PANIC = 2.0
"""Seconds a machine is given to leave by itself once a panic line was seen."""
PANIC = re.compile(rb"(?:^|\n)(?:auton> )*panic: ")


class Stopped(Exception):
    """The wait ended without what was waited for. `why` is exit, silent, limit, panic or flood."""

    def __init__(self, why: str, text: str):
        super().__init__(text)
        self.why = why
        self.text = text


class Machine:
    """Start `argv` in `cwd` with exactly `env`; use as a context manager, which kills what is left."""

    running: "ClassVar[set[Machine]]" = set()

    def __init__(self, argv: list[str], cwd: Path, env: dict[str, str], silence: float, limit: float):
        self.started = time.monotonic()
        self.silence, self.limit = silence, limit
        self.output = bytearray()
        self.stderr = bytearray()
        self.typed: list[str] = []
        self.panicked = False
        self._seen = 0
        self._heard = self.started
        self._panic_at = 0.0
        self.process = subprocess.Popen(argv, cwd=cwd, env=env, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        stderr=subprocess.PIPE, start_new_session=True)
        Machine.running.add(self)
        self._open = selectors.DefaultSelector()
        for stream in (self.process.stdout, self.process.stderr):
            os.set_blocking(stream.fileno(), False)
            self._open.register(stream, selectors.EVENT_READ)
        os.set_blocking(self.process.stdin.fileno(), False)

    def __enter__(self) -> "Machine":
        return self

    def __exit__(self, *error) -> None:
        self.kill()
        self._open.close()
        for stream in (self.process.stdin, self.process.stdout, self.process.stderr):
            try:
                stream.close()
            except BrokenPipeError:
                continue  # a line that it never read

    @property
    def text(self) -> str:
        return clean(bytes(self.output))

    @property
    def errors(self) -> str:
        return clean(bytes(self.stderr))

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.started

    def kill(self) -> None:
        try:
            os.killpg(self.process.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass  # the whole group has ended already
        self.process.wait()
        Machine.running.discard(self)

    def wait_for(self, pattern: re.Pattern[bytes], start: int = 0) -> re.Match[bytes]:
        """Wait until `pattern` is found in the output at or after byte `start`; Stopped if it never comes."""
        scanned = start
        while True:
            if match := pattern.search(self.output, scanned):
                return match
            scanned = max(start, self.output.rfind(b"\n", 0, len(self.output)))
            if not self._read():
                raise Stopped("exit", f"the machine left with exit code {self.wait()}")

    def send(self, line: str) -> int:
        """Type a line; returns where in the output its answer begins. Silence counts from here on."""
        begin = len(self.output)
        self._heard = time.monotonic()
        self.typed.append(line)
        rest = memoryview(line.encode() + b"\n")
        while rest:
            try:
                rest = rest[os.write(self.process.stdin.fileno(), rest):]
            except BlockingIOError:
                self._read()
            except BrokenPipeError:
                break  # it has left: the next wait says so
        return begin

    def wait(self) -> int:
        """Wait until the machine has left; its exit code (128 + n when signal n killed it)."""
        while self._read():
            pass
        try:
            self.process.wait(max(0.1, min(self.silence, self.limit - self.seconds)))
        except subprocess.TimeoutExpired:
            raise Stopped("silent", "the console was closed, the process did not end") from None
        return self.left()

    def left(self) -> int | None:
        """The exit code if the machine has left, else None."""
        code = self.process.poll()
        return 128 - code if code is not None and code < 0 else code

    def _read(self) -> bool:
        """Take what there is to read, waiting as long as is allowed; False when both streams have ended."""
        if not self._open.get_map():
            return False
        now = time.monotonic()
        due = {"silent": self._heard + self.silence, "limit": self.started + self.limit}
        if self.panicked:
            due["panic"] = self._panic_at + AFTER_PANIC
        why = min(due, key=due.get)
        ready = self._open.select(max(0.0, due[why] - now)) if due[why] > now else []
        if not ready and time.monotonic() >= due[why]:
            raise Stopped(why, {"silent": f"no output for {self.silence:g} s",
                                "limit": f"not done after {self.limit:g} s",
                                "panic": "the machine did not leave after its panic"}[why])
        for key, _ in ready:
            chunk = os.read(key.fd, 65536)
            if not chunk:
                self._open.unregister(key.fileobj)
            elif key.fileobj is self.process.stderr:
                self.stderr += chunk[: STDERR_KEPT - len(self.stderr)]
            else:
                self._take(chunk)
        return True

    def _take(self, chunk: bytes) -> None:
        self._heard = time.monotonic()
        self.output += chunk
        if len(self.output) > FLOOD:
            raise Stopped("flood", f"printed more than {FLOOD >> 20} MiB")
        if not self.panicked:
            self.panicked = PANIC.search(self.output, self._seen) is not None
            self._panic_at = self._heard
            self._seen = max(0, self.output.rfind(b"\n"))

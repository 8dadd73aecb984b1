"""A warm start for steps that are one plain `auton` command: a child of the fork server instead of bash and a new Python.

Only where it makes no difference that can be told: the same program and interpreter, code that has not changed since
it was loaded, an environment without what acts on a program's start. Anything else is run as every step is. The other
end is bot/forkserver.py.
"""

import json
import logging
import os
import re
import shutil
import socket
import subprocess
import sys
import sysconfig
import threading
from contextlib import suppress
from pathlib import Path

import regex

import bot
from bot.runner.process import TRACKING, Child, Program

SENSITIVE = re.compile(r"PYTHON|LD_|LC_|LANG|TZ$|BASH|SHELLOPTS|POSIXLY|MALLOC_|GLIBC_|OPENSSL_|PYDANTIC_")
"""Variables that act on the start of bash or Python: they have to be the fork server's."""
PIECE = r'[\w./:@%+,=-]++|"(?:[\w./:@%+,= -]|\$[A-Za-z_]\w*+|\$\{[A-Za-z_]\w*+\})*+"'
# Not of `re`: before Python 3.11.5 it takes back what a possessive quantifier holds (CPython issue 106052).
LINE = regex.compile(rf"auton(?:\ +(?:{PIECE})++)*+\s*", regex.ASCII)
BASHS_OWN = re.compile(r"BASH.*|COMP_.*|DIRSTACK|E?UID|EPOCH.*|FUNCNAME|GROUPS|HISTCMD|HOST.*|IFS|LINENO|MACHTYPE|OLDPWD|OPT.*|"
                       r"OSTYPE|PIPESTATUS|PPID|PS4|PWD|S?RANDOM|SECONDS|SHELLOPTS|SHLVL|_")
"""Variables that bash sets itself ("Shell Variables" in its manual)."""
PATIENCE = 20.0  # seconds for a fork
ROOM = 400  # characters of a command that the system shows
log = logging.getLogger("auton.runner")


def words(script: str, env: dict[str, str]) -> list[str] | None:
    """What bash makes of a script that is one `auton` command of plain words and "$VARIABLES"; None of any other."""
    if not LINE.fullmatch(script):
        return None
    names = re.findall(r"\$\{?(\w+)", script)
    if any(name not in env or BASHS_OWN.fullmatch(name) for name in names):
        return None
    found = regex.findall(rf"(?:{PIECE})++", script, regex.ASCII)
    return [re.sub(r"\$\{?(\w+)\}?", lambda match: env[match[1]], word.replace('"', "")) for word in found]


class Warm:
    """The fork server of one runner, working in `folder`; the first command that could have used it starts it."""

    def __init__(self, folder: Path, tracking: str):
        self.folder = folder
        self.env = {TRACKING: tracking, "PATH": os.defpath,
                    **{name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}}
        self._lock = threading.Lock()
        self._process: subprocess.Popen | None = None
        self._socket: socket.socket | None = None
        self._ready = False
        self._code: int | None = None
        """What was loaded; a fork server that failed is not started again before this changes."""

    def spawn(self, command: list[str], argv: list[str], cwd: Path, env: dict[str, str], output: int) -> Child:
        """A child that carries out `command`, or else the program `argv`."""
        return self._fork(command, cwd, env, output) or Program(argv, cwd, env, output)

    def stop(self) -> None:
        """End the fork server, and what it has forked."""
        with self._lock:
            self._end()

    def _fork(self, command: list[str], cwd: Path, env: dict[str, str], output: int) -> Child | None:
        script = _own_program()
        if script is None or shutil.which("auton", path=env.get("PATH", "")) != str(script):
            return None
        acting = {name: value for name, value in env.items() if SENSITIVE.match(name)}
        if acting != {name: value for name, value in self.env.items() if SENSITIVE.match(name)}:
            return None
        if any("\0" in text for text in (*env, *env.values(), *command)):
            return None
        with self._lock:
            if not self._is_ready():
                return None
            server = self._socket.dup()
        with server:
            shell = {"PWD": str(cwd), "SHLVL": "1", "_": str(script)}
            try:
                return Fork(server, output, {"argv": [str(script), *command[1:]], "cwd": str(cwd), "env": env | shell})
            except OSError as error:
                log.warning("the fork server gave no child: %r", error)
                self.stop()
                return None

    def _is_ready(self) -> bool:
        """Whether a fork server with today's code waits; starts one that will."""
        code = _code()
        if code == self._code:
            if self._socket and not self._ready:
                with suppress(BlockingIOError):
                    self._ready = self._socket.recv(16, socket.MSG_DONTWAIT) == b"ready"
                    if not self._ready:
                        self._end()
            return self._ready
        self._end()
        self._code = code
        self._socket, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-m", "bot.forkserver", str(theirs.fileno()), "." * ROOM], cwd=self.folder,
                env=self.env, stdin=subprocess.DEVNULL, pass_fds=[theirs.fileno()], start_new_session=True)
        return False

    def _end(self) -> None:
        if self._socket:
            self._socket.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(2)
            self._process.kill()
            self._process.wait()
        self._socket, self._ready = None, False


class Fork:
    """A child of the fork server: a Child. Made when it leads its group; OSError when it does not come to that."""

    def __init__(self, server: socket.socket, output: int, told: dict):
        reader, writer = os.pipe()
        self._channel, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            with theirs, open(reader, "rb"):
                socket.send_fds(server, [b"fork"], [output, reader, theirs.fileno()])
            self._channel.settimeout(PATIENCE)
            self.pid = int(self._channel.recv(16) or 0)
            if not self.pid:
                raise ConnectionResetError("it has ended")
            with suppress(BrokenPipeError), open(writer, "wb", closefd=False) as pipe:
                pipe.write(json.dumps(told).encode())
        except OSError:
            self._channel.close()
            raise
        finally:
            os.close(writer)

    def reap(self) -> tuple[int, float]:
        with self._channel as channel:
            try:
                channel.send(b"reap")
                said = json.loads(channel.recv(256))
            except (OSError, ValueError):  # the fork server was killed, and its child with it
                return -9, 0.0
        return said["code"], said["cpu"]


def _own_program() -> Path | None:
    """The `auton` that runs by the interpreter of this very process, if that is how it was installed."""
    script = Path(sys.executable).with_name("auton")
    try:
        with script.open(encoding="utf-8", errors="replace") as file:
            first = file.readline().strip()
    except OSError:
        return None
    return script if first == f"#!{sys.executable}" else None


def _code() -> int:
    """Changes whenever a file of AUTON's, or what is installed beside it, does."""
    seen = [os.stat(sysconfig.get_path("purelib")).st_mtime_ns]
    for folder, folders, files in os.walk(os.path.dirname(bot.__file__)):
        folders[:] = [name for name in folders if name != "__pycache__"]
        for path in (os.path.join(folder, name) for name in files):
            with suppress(FileNotFoundError):
                seen += path, os.stat(path).st_mtime_ns
    return hash(tuple(seen))

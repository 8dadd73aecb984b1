"""`python -m bot.forkserver FD ROOM`: a process with the bot's modules loaded, forked for each `auton` command.

Half of a short command's time is imports; a fork has them already. The local runner (bot/runner/warm.py) asks for a
child over the socket FD. The child alone reads what it is to do, from a pipe that this process never reads: no
environment, and so no secret, ever is in the memory that the next child begins with. A child carries out one command
and ends. ROOM is blank space on the command line, in which a child shows its own.
"""

import ctypes
import gc
import importlib
import json
import os
import select
import signal
import socket
import sys
import time
from contextlib import suppress
from typing import NoReturn

from bot import cli

MODULES = ("bot.agents.applied", "bot.agents.loop", "bot.agents.replay", "bot.agents.screen", "bot.agents.workplace",
           "bot.reconcile.apply", "bot.reconcile.brief", "bot.reconcile.report", "bot.reconcile.tick", "bot.verify.junit",
           "bot.verify.run", "bot.verify.table", "jinja2", "requests", "rich.console",
           *(f"bot.commands.{name}" for name in ("agent", "apply", "report", "screen", "tick", "verify")))
PR_SET_PDEATHSIG = 1
ENVIRON = "RUNNER_TRACKING_ID"
"""The one variable that a child shows in /proc/<pid>/environ: by it the runner finds what a job left behind."""


def main() -> NoReturn:
    cli.quick_start()
    shown = Shown()
    shown.show(["auton", "forkserver"], os.environ.get(ENVIRON, ""))
    load()
    if len(os.listdir("/proc/self/task")) != 1:
        sys.exit("auton forkserver: expected no threads after the imports: a fork would lose them")
    gc.collect()
    gc.freeze()
    sys.argv = serve(int(sys.argv[1]), shown)  # returns in a child
    cli.main()


def load() -> None:
    """Import what the commands use, and build what they all build first: models, the tools' schemas, the roles."""
    from pydantic import BaseModel

    for name in MODULES:
        importlib.import_module(name)
    from bot.agents import roles, tools
    from bot.forge import wire

    wire.pygithub()
    roles.everyone()
    for tool in tools.load().values():
        tool.arguments.model_json_schema()
    kinds = BaseModel.__subclasses__()
    for kind in kinds:
        kinds += kind.__subclasses__()
        if kind.__module__.startswith("bot."):
            kind.model_rebuild()


def serve(server: int, shown: "Shown") -> list[str]:
    """Fork when asked and reap when asked, until the runner closes the socket. In a child: its argv."""
    children: dict[int, int] = {}  # channel → pid
    charged = 0.0
    poll = select.poll()
    poll.register(server, select.POLLIN)
    try:
        os.write(server, b"ready")
    except ConnectionError:
        leave(children)
    while True:
        for fd, _ in poll.poll():
            if fd == server:
                output, request, channel = request_on(server) or leave(children)
                parent = os.getpid()
                pid = os.fork()
                if pid == 0:
                    return become(output, request, channel, parent, shown)
                os.close(output)
                os.close(request)
                children[channel] = pid
                poll.register(channel, select.POLLIN)
            else:
                poll.unregister(fd)
                charged = reap(fd, children.pop(fd), charged)


def request_on(server: int) -> list[int]:
    """The three files of a request; none when the runner has closed the socket, "ready" read or not."""
    with socket.socket(fileno=os.dup(server)) as asked:
        try:
            said, fds, _, _ = socket.recv_fds(asked, 16, 3)
        except ConnectionError:
            return []
    return fds if said else []


def reap(channel: int, pid: int, charged: float) -> float:
    """Tell the runner how its child ended. What this process has used since it last told so, imports and forks, is
    charged to that child too. A runner that no longer asks has given the child up."""
    with suppress(OSError):
        if not os.read(channel, 16):
            kill(pid)
    _, status, usage = os.wait4(pid, 0)
    used = time.process_time()
    said = {"code": os.waitstatus_to_exitcode(status), "cpu": usage.ru_utime + usage.ru_stime + used - charged}
    with suppress(OSError):
        os.write(channel, json.dumps(said).encode())
    os.close(channel)
    return used


def kill(pid: int) -> None:
    """The child, and its group if it has come to lead one."""
    for send in (os.killpg, os.kill):
        with suppress(ProcessLookupError):
            send(pid, signal.SIGKILL)


def leave(children: dict[int, int]) -> NoReturn:
    """The runner has ended: its jobs are lost."""
    for pid in children.values():
        kill(pid)
    os._exit(0)


def become(output: int, request: int, channel: int, parent: int, shown: "Shown") -> list[str]:
    """In a child: lead a session of its own, then take up what the request says; its argv. It dies with its parent."""
    os.setsid()
    signal.signal(signal.SIGINT, signal.default_int_handler)  # how it is cancelled; a shell's `&` leaves it ignored
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)
    os.write(channel, str(os.getpid()).encode())
    for fd, source in enumerate((os.open(os.devnull, os.O_RDONLY), output, output)):
        os.dup2(source, fd)
    with open(request, "rb", closefd=False) as pipe:
        asked = pipe.read()
    os.closerange(3, 1 << 16)
    if not asked:
        os._exit(1)  # the runner has thought better of it
    told = json.loads(asked)
    coerced = {name: os.environ[name] for name in ("LC_CTYPE",) if name in os.environ}  # by Python's start (PEP 538)
    os.environ.clear()
    os.environ.update(coerced | told["env"])
    os.chdir(told["cwd"])
    shown.show(told["argv"], told["env"].get(ENVIRON, ""))
    return told["argv"]


class Shown:
    """The command line and environment that the system shows of this process: the memory it was started with, which
    proc_pid_stat(5) calls arg_start to arg_end and env_start to env_end. A fork's is its parent's until it is
    written over."""

    def __init__(self) -> None:
        os.environ.update(dict(os.environ))  # its values are kept elsewhere from now on
        with open("/proc/self/stat") as stat:
            self.arguments, self.end, self.environ, self.last = map(int, stat.read().rpartition(")")[2].split()[45:49])

    def show(self, argv: list[str], tracking: str) -> None:
        _fill(self.arguments, self.end, "\0".join(argv))
        _fill(self.environ, self.last, f"{ENVIRON}={tracking}" if tracking else "")
        with suppress(OSError), open("/proc/self/comm", "w") as comm:
            comm.write(" ".join(argv[:2])[:15])


def _fill(start: int, end: int, text: str) -> None:
    room = end - start
    if start and room > 0:
        ctypes.memmove(start, os.fsencode(text)[:room - 1].ljust(room, b"\0"), room)


if __name__ == "__main__":
    main()

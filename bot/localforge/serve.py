"""Serving a forge on a loopback port: the process behind `auton forge serve`, and a thread for tests.

The socket is bound first, so that the address is known before anything starts; a lock on the data folder
keeps two forges from sharing it.
"""

import asyncio
import errno
import fcntl
import json
import os
import signal
import socket
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from bot.errors import ForgeError
from bot.localforge.app import App, create_app

DEFAULT_PORT = 4400
"""Where a forge listens that was never served before, unless told otherwise."""
RECORD = "forge.json"


class Protocol(H11Protocol):
    """uvicorn's HTTP/1.1, with the transport within reach of the application so that a fault can reset a
    connection.
    """

    def connection_made(self, transport):
        super().connection_made(transport)
        inner = self.app

        async def app(scope, receive, send):
            scope.setdefault("extensions", {})["auton.transport"] = transport
            await inner(scope, receive, send)

        self.app = app


def bind(port: int) -> socket.socket:
    """A listening loopback socket; ForgeError when the port is taken."""
    # Named as TCP, or asyncio leaves Nagle's algorithm on and every answer takes 40 ms.
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind(("127.0.0.1", port))
    except OSError as error:
        sock.close()
        if error.errno in (errno.EADDRINUSE, errno.EACCES):
            word = "is in use" if error.errno == errno.EADDRINUSE else "may not be used"
            raise ForgeError(
                f"port {port} on 127.0.0.1 {word}",
                "choose another with --port N, or --port 0 for any free one",
            ) from None
        raise
    sock.listen(256)
    return sock


def bind_again(data: Path) -> socket.socket:
    """A listening socket on the port where this folder's forge was last, so that its links go on working; where that is
    taken, or there was none, on the default port, or on any.
    """
    last = last_port(data)
    for port in dict.fromkeys((last or DEFAULT_PORT, DEFAULT_PORT, 0)):
        try:
            sock = bind(port)
        except ForgeError:
            continue
        if last and port != last:
            print(
                f"port {last}, where this forge was before, is taken: links of then lead nowhere",
                file=sys.stderr,
                flush=True,
            )
        return sock
    raise ForgeError("expected a free port on 127.0.0.1, found none", "end a program that listens there")


@contextmanager
def locked(data: Path):
    """Hold the data folder; ForgeError when another forge has it."""
    data.mkdir(parents=True, exist_ok=True)
    with open(data / "lock", "w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise ForgeError(
                f"{data}: another local forge serves this folder", f"`auton forge stop --data {data}` ends it"
            ) from None
        yield


def _server(app: App) -> uvicorn.Server:
    return uvicorn.Server(
        uvicorn.Config(
            app,
            http=Protocol,
            ws="none",
            log_level="warning",
            access_log=False,
            lifespan="off",
            server_header=False,
            date_header=True,
            timeout_keep_alive=75,
            timeout_graceful_shutdown=3,
        )
    )


def write_record(data: Path, url: str, tokens: dict[str, str]) -> Path:
    """DIR/forge.json, readable by its owner alone: where the forge is and the tokens of its people."""
    path = data / RECORD
    partial = data / (RECORD + ".part")
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump({"url": url, "api": url + "/api/v3", "pid": os.getpid(), "tokens": tokens}, file, indent=1)
    partial.replace(path)
    return path


def read_record(data: Path) -> dict | None:
    """The record of a forge that ran at `data`, whether or not it still does."""
    try:
        return json.loads((data / RECORD).read_text())
    except FileNotFoundError:
        return None
    except ValueError:
        raise ForgeError(
            f"{data / RECORD}: expected JSON written by `auton forge serve`", "remove it and serve again"
        ) from None


def last_port(data: Path) -> int | None:
    """The port that the folder's record names, if it names one."""
    try:
        port = int(read_record(data)["url"].rpartition(":")[2])
    except (ForgeError, KeyError, TypeError, ValueError, AttributeError):
        return None
    return port if 0 < port < 65536 else None


def running(data: Path) -> bool:
    """Whether a forge holds the folder now."""
    try:
        with locked(data):
            return False
    except ForgeError:
        return True


def stop(data: Path, seconds: float = 45) -> bool:
    """End the forge that holds the folder, and the jobs that it runs; whether there was one."""
    record = read_record(data)
    if record is None or not running(data):
        return False
    os.kill(record["pid"], signal.SIGTERM)
    deadline = time.monotonic() + seconds
    while running(data):
        if time.monotonic() > deadline:
            raise ForgeError(
                f"{data}: process {record['pid']} did not end within {seconds:.0f} s",
                f"kill -9 {record['pid']}",
            )
        time.sleep(0.05)
    return True


@contextmanager
def _ended_like_ctrl_c():
    """SIGTERM and SIGHUP raise KeyboardInterrupt here. uvicorn raises the signal that ended it a second time,
    which by default would end the process with its jobs still running. Each counts once: what follows is the
    orderly end.
    """

    def interrupt(number, frame):
        for each in ended_by:
            signal.signal(each, signal.SIG_IGN)
        print(f"ended by {signal.Signals(number).name}", file=sys.stderr, flush=True)
        raise KeyboardInterrupt

    ended_by = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in ended_by}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def serve(data: Path, port: int | None, join=None, ready=None, **options) -> None:
    """Serve until interrupted; without a `port`, where the folder was served last. `join(forge)` gives the runner;
    `ready(forge)` is called once requests are answered.
    """
    with locked(data), _ended_like_ctrl_c():
        sock = bind_again(data) if port is None else bind(port)
        url = f"http://127.0.0.1:{sock.getsockname()[1]}"
        app, forge = create_app(data, url, **options)
        if join:
            forge.workflows = join(forge)
        app.mount()
        server = _server(app)

        async def main():
            task = asyncio.create_task(server.serve(sockets=[sock]))
            while not server.started and not task.done():
                await asyncio.sleep(0.01)
            write_record(data, url, forge.tokens())
            forge.start()
            if ready:
                ready(forge)
            await task

        try:
            asyncio.run(main())
        except KeyboardInterrupt:
            pass
        finally:
            forge.stop()


class Running:
    """A forge in a thread of this process."""

    def __init__(self, app: App):
        self.app, self.forge = app, app.forge
        self.url, self.api = app.forge.url, app.forge.api
        self.tokens = app.forge.tokens()

    @property
    def calls(self) -> int:
        """REST calls answered so far."""
        return self.app.api.calls


@contextmanager
def serve_in_thread(data: Path, join=None, observe=None, hourly: int = 10**9, **options):
    """Serve a forge on a free port from a thread; yields a Running. For tests."""
    with locked(Path(data)):
        sock = bind(0)
        app, forge = create_app(data, f"http://127.0.0.1:{sock.getsockname()[1]}", hourly=hourly, **options)
        app.observe = observe
        if join:
            forge.workflows = join(forge)
        app.mount()
        server = _server(app)
        server.install_signal_handlers = lambda: None
        thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[sock])), name="forge", daemon=True)
        forge.start()
        thread.start()
        try:
            yield Running(app)
        finally:
            server.should_exit = True
            thread.join(timeout=10)
            forge.stop()

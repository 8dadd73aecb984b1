"""A wire that loses, doubles, delays and reorders frames, between a guest and QEMU's user network.

The user network runs in a QEMU without a machine, joined to a UDP socket; the guest's card is joined to another. Each
datagram is one Ethernet frame, and this process carries them, by the rules of a seeded generator. It can also say
things of its own to the guest.
"""

import heapq
import os
import random
import selectors
import socket
import subprocess
import threading
import time

from tests.kernels.guest import Guest, free_port


def _socket() -> socket.socket:
    made = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    made.bind(("127.0.0.1", 0))
    made.setblocking(False)
    return made


def _netdev(name: str, port: int, to: int) -> str:
    return (f"dgram,id={name},local.type=inet,local.host=127.0.0.1,local.port={port},"
            f"remote.type=inet,remote.host=127.0.0.1,remote.port={to}")


def _opens(frame: bytes) -> bool:
    """Is this the first segment of a connection? The user network says it again only after 6 s, and then waits 12 s for
    whatever comes next: longer than a web server does for a request."""
    return frame[12:14] == b"\x08\x00" and len(frame) >= 48 and frame[23] == 6 and frame[47] & 0x12 == 0x02


class Wire:
    """Use as a context manager; `guest(arch, …)` boots a machine at its end. Rates are shares of the frames, each way."""

    def __init__(self, forward: list[tuple[str, int]], *, lose: float = 0.0, double: float = 0.0, delay: float = 0.0,
                 delay_seconds: float = 0.02, seed: int = 1, restrict: bool = True):
        self.forward = forward
        self.ports = {guest: free_port(socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM) for kind, guest in forward}
        self.rates = {"lose": lose, "double": double, "delay": delay}
        self.carried = {"frames": 0, "lose": 0, "double": 0, "delay": 0}
        self._delay_seconds, self._restrict = delay_seconds, "on" if restrict else "off"
        self._random = random.Random(seed)
        self._ends = (_socket(), _socket())  # towards the guest, towards the network
        self._qemu = (free_port(socket.SOCK_DGRAM), free_port(socket.SOCK_DGRAM))
        self._late: list[tuple[float, int, int, bytes]] = []
        self._stop = threading.Event()

    def __enter__(self) -> "Wire":
        rules = "".join(f",hostfwd={kind}:127.0.0.1:{self.ports[port]}-10.0.2.15:{port}" for kind, port in self.forward)
        self._network = subprocess.Popen(
            ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-no-user-config", "-display", "none",
             "-monitor", "none", "-netdev", f"user,id=user,restrict={self._restrict}{rules}", "-netdev", "hubport,id=a,hubid=0,netdev=user",
             "-netdev", _netdev("wire", self._qemu[1], self._ends[1].getsockname()[1]),
             "-netdev", "hubport,id=b,hubid=0,netdev=wire"], stdin=subprocess.DEVNULL, env=os.environ)
        self._thread = threading.Thread(target=self._carry, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *error) -> None:
        self._stop.set()
        self._thread.join()
        self._network.kill()
        self._network.wait()
        for end in self._ends:
            end.close()

    def guest(self, arch: str, cmdline: str = "", **env: str) -> Guest:
        netdev = _netdev("x", self._qemu[0], self._ends[0].getsockname()[1]).replace("id=x,", "")
        return Guest(arch, cmdline, NETDEV=netdev, **env)

    def say(self, frame: bytes) -> None:
        """A frame to the guest, whatever it is."""
        self._ends[0].sendto(frame, ("127.0.0.1", self._qemu[0]))

    def _chance(self, what: str) -> bool:
        happens = self._random.random() < self.rates[what]
        self.carried[what] += happens
        return happens

    def _carry(self) -> None:
        waiting = selectors.DefaultSelector()
        for side, end in enumerate(self._ends):
            waiting.register(end, selectors.EVENT_READ, side)
        while not self._stop.is_set():
            pause = min(0.1, max(0.0, self._late[0][0] - time.monotonic())) if self._late else 0.1
            for key, _ in waiting.select(pause):
                self._take(key.data)
            while self._late and self._late[0][0] <= time.monotonic():
                _, _, side, frame = heapq.heappop(self._late)
                self._send(side, frame)

    def _take(self, side: int) -> None:
        for _ in range(64):
            try:
                frame = self._ends[side].recv(65536)
            except BlockingIOError:
                return
            self.carried["frames"] += 1
            if side == 1 and _opens(frame):
                self._send(0, frame)
                continue
            if self._chance("lose"):
                continue
            for _ in range(2 if self._chance("double") else 1):
                if self._chance("delay"):  # what comes after overtakes it
                    due = time.monotonic() + self._random.random() * self._delay_seconds
                    heapq.heappush(self._late, (due, self.carried["frames"], 1 - side, frame))
                else:
                    self._send(1 - side, frame)

    def _send(self, side: int, frame: bytes) -> None:
        try:
            self._ends[side].sendto(frame, ("127.0.0.1", self._qemu[side]))
        except (BlockingIOError, ConnectionRefusedError):
            pass  # a full or closed end loses frames, as wires do

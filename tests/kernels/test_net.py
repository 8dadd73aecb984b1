"""The network from outside, with nobody's code but theirs: curl, ab, wrk and dig, and the nastier things in life.

After each of them the guest still answers, has as many threads and as much in its heap as before. AUTON_NIGHTLY=1 makes
the long ones long and runs them on every architecture.
"""

import os
import random
import re
import shutil
import socket
import struct
import subprocess
import time

import pytest

from tests.kernels.guest import ARCHITECTURES, Guest, built
from tests.kernels.wire import Wire

NIGHTLY = bool(os.environ.get("AUTON_NIGHTLY"))
SOME = ARCHITECTURES if NIGHTLY else ["x86_64"]


@pytest.fixture(scope="module", autouse=True)
def kernels():
    built()


def program(name: str) -> str:
    assert shutil.which(name), f"expected the program {name}: apt-get install {PACKAGES[name]}"
    return name


NOTHING = 52  # curl: the server closed without an answer
TIME_WAIT = 2.2
FRAMES_ON_CARD = 16 << 10
PACKAGES = {"curl": "curl", "ab": "apache2-utils", "wrk": "wrk", "dig": "bind9-dnsutils"}


class Server:
    """A guest that serves the web (port 80) and names (port 53), watched for leaks."""

    def __init__(self, guest: Guest, port: int):
        self.guest, self.port = guest, port
        guest.address()
        guest.expect(guest.ask("http serve 80"), "^serving on port 80$")
        self.before = None
        self.before = self.settled()

    def settled(self) -> tuple[int, int]:
        """Threads and heap once all connections have left."""
        until = time.monotonic() + 20
        while time.monotonic() < until:
            assert curl(self.port, "/health")[0] == 0  # a card's sent frames are freed when it sends the next
            time.sleep(TIME_WAIT)
            found = (self.guest.ask("threads").count(" us"), self._heap())
            if not self.before or (found[0] <= self.before[0] and found[1] <= self.before[1] + FRAMES_ON_CARD):
                break
        return found

    def _heap(self) -> int:
        return int(re.search(r"(\d+) bytes in the heap", self.guest.ask("mem"))[1])

    def is_well(self) -> None:
        code, body = curl(self.port)
        assert code == 0 and "auton" in body
        threads, heap = self.settled()
        assert threads <= self.before[0], f"{threads - self.before[0]} threads more than before"
        assert heap <= self.before[1] + FRAMES_ON_CARD, f"{heap - self.before[1]} bytes more in the heap than before"


def curl(port: int, path: str = "/", *more: str) -> tuple[int, str]:
    done = subprocess.run([program("curl"), "-sS", "-m", "20", *more, f"http://127.0.0.1:{port}{path}"], capture_output=True,
                          text=True, timeout=60)
    return done.returncode, done.stdout + done.stderr


@pytest.fixture(params=ARCHITECTURES)
def server(request):
    with Guest(request.param, forward=[("tcp", 80), ("udp", 53)]) as guest:
        server = Server(guest, guest.ports[80])
        yield server
        server.is_well()
        assert guest.off() == 33


@pytest.fixture(scope="module", params=SOME)
def one_for_all(request):
    with Guest(request.param, forward=[("tcp", 80)]) as guest:
        yield Server(guest, guest.ports[80])
        assert guest.off() == 33


@pytest.fixture
def hard_pressed(one_for_all):
    yield one_for_all
    one_for_all.is_well()


def test_curl_dig_and_ab_are_answered(server):
    code, head = curl(server.port, "/health", "-i")
    assert code == 0 and head.startswith("HTTP/1.1 200 OK")
    assert "404" in curl(server.port, "/nothing", "-i")[1]
    assert "405" in curl(server.port, "/", "-i", "-X", "DELETE")[1]
    assert server.guest.ask("dns serve").startswith("serving names")
    server.guest.ask("dns host printer.lan 10.0.2.77")
    asked = [program("dig"), "+short", "+time=5", "+tries=2", "-p", str(server.guest.ports[53]), "@127.0.0.1"]
    names = {name: subprocess.run([*asked, name], capture_output=True, text=True).stdout.strip()
             for name in ("printer.lan", "auton", "elsewhere.example")}
    assert names == {"printer.lan": "10.0.2.77", "auton": "10.0.2.15", "elsewhere.example": ""}
    done = subprocess.run([program("ab"), "-q", "-n", "200", "-c", "8", "-k", f"http://127.0.0.1:{server.port}/"],
                          capture_output=True, text=True, timeout=60)
    assert re.search(r"Complete requests: +200\n", done.stdout) and re.search(r"Failed requests: +0\n", done.stdout)


def test_many_connections_one_after_the_other(hard_pressed):
    count = 10000 if NIGHTLY else 1000
    done = subprocess.run([program("ab"), "-q", "-n", str(count), "-c", "1", f"http://127.0.0.1:{hard_pressed.port}/health"],
                          capture_output=True, text=True, timeout=600)
    assert re.search(rf"Complete requests: +{count}\n", done.stdout), done.stdout + done.stderr
    assert re.search(r"Failed requests: +0\n", done.stdout)


def connect(port: int, count: int) -> list[socket.socket]:
    """So many connections; not in one breath, since QEMU's user network keeps one waiting and drops the next."""
    opened = []
    for _ in range(count):
        opened.append(socket.create_connection(("127.0.0.1", port), 20))
        time.sleep(0.01)
    return opened


def test_64_connections_at_once(hard_pressed):
    opened = connect(hard_pressed.port, 64)
    for round_ in range(3):
        for number, connection in enumerate(opened):
            connection.sendall(f"GET /health?{round_}-{number} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        for connection in opened:
            assert connection.recv(65536).startswith(b"HTTP/1.1 200 OK")
    for connection in opened:
        connection.close()


def test_wrk_keeps_64_connections_busy(hard_pressed):
    done = subprocess.run([program("wrk"), "-t1", "-c64", "-d2s", f"http://127.0.0.1:{hard_pressed.port}/health"],
                          capture_output=True, text=True, timeout=60)
    assert int(re.search(r"(\d+) requests in", done.stdout)[1]) > 100
    assert "Socket errors" not in done.stdout and "Non-2xx" not in done.stdout, done.stdout


def test_slow_clients_hold_up_nobody(hard_pressed):
    """48 clients that send a byte now and then (slow-loris), 8 that never read their answers."""
    slow = connect(hard_pressed.port, 56)
    for connection in slow[:48]:
        connection.sendall(b"GET / HTTP/1.1\r\nX-A: ")
    for connection in slow[48:]:
        connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n" * 50)
    for _ in range(5):
        for connection in slow[:48]:
            connection.sendall(b"b")
        begun = time.monotonic()
        assert curl(hard_pressed.port)[0] == 0
        assert time.monotonic() - begun < 2
    for connection in slow:
        connection.close()


def test_a_silent_crowd_is_sent_away(hard_pressed):
    """More silent clients than there are workers: who has been silent for longest makes room for those who speak."""
    silent = connect(hard_pressed.port, 80)
    for _ in range(5):
        begun = time.monotonic()
        assert curl(hard_pressed.port, "/health", "-m", "40")[0] == 0
        assert time.monotonic() - begun < 4  # they may be silent for ten seconds when nobody else is there
    for connection in silent:
        connection.close()


def test_what_is_no_http_is_refused(hard_pressed):
    rng = random.Random(7)
    for _ in range(30):
        with socket.create_connection(("127.0.0.1", hard_pressed.port), 20) as connection:
            connection.sendall(rng.randbytes(rng.randrange(1, 3000)) + b"\r\n\r\n")
            connection.shutdown(socket.SHUT_WR)
            try:
                answer = connection.recv(65536)
            except ConnectionResetError:
                answer = b""
            assert not answer or answer.startswith((b"HTTP/1.1 400", b"HTTP/1.1 4"))


@pytest.mark.parametrize("arch", SOME)
def test_loss_doubling_and_reordering_lose_no_byte(arch):
    with Wire([("tcp", 80)], lose=0.03, double=0.03, delay=0.1, seed=3) as wire, wire.guest(arch) as guest:
        guest.address(60)
        guest.ask("http serve 80")
        for _ in range(40 if NIGHTLY else 12):
            code, body = curl(wire.ports[80], "/16k", "-m", "60")
            if code == NOTHING:  # the user network takes longer to repeat a lost request than the server waits for one
                code, body = curl(wire.ports[80], "/16k", "-m", "60")
            assert (code, body) == (0, "x" * 16384)
        assert wire.carried["lose"] and wire.carried["double"] and wire.carried["delay"], wire.carried
        assert guest.off() == 33


def frames(rng: random.Random, mac: bytes):
    """Garbage of every kind: bytes, right Ethernet, right IP, right TCP, each with noise behind."""
    head = mac + bytes.fromhex("525400aabbcc")
    while True:
        noise = rng.randbytes(rng.choice([0, 1, 13, 40, 200, 1400]))
        kind = rng.randrange(6)
        if kind == 0:
            yield rng.randbytes(rng.randrange(1, 1514))
        elif kind == 1:
            yield head + rng.choice([b"\x08\x00", b"\x08\x06", b"\x86\xdd", b"\x81\x00"]) + noise
        else:
            protocol = rng.choice([1, 6, 17, 2])
            ports = struct.pack(">HH", rng.choice([80, 53, 67, rng.randrange(65536)]), rng.choice([80, 53, 68, 0]))
            length = rng.choice([20 + len(noise) + 4, rng.randrange(65536)])
            ip = struct.pack(">BBHHHBBH4s4s", rng.choice([0x45, 0x45, 0x4f, 0x65, 0x41]), 0, length, 1,
                             rng.choice([0, 0x4000, 0x2000, 0x1fff]), 64, protocol, 0, rng.randbytes(4),
                             rng.choice([bytes([10, 0, 2, 15]), b"\xff\xff\xff\xff", rng.randbytes(4)]))
            total = sum(struct.unpack(">10H", ip))
            total = (total & 0xffff) + (total >> 16)
            ip = ip[:10] + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + ip[12:]
            yield head + b"\x08\x00" + ip + ports + noise


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_garbage_frames_do_no_harm(arch):
    with Wire([("tcp", 80)]) as wire, wire.guest(arch) as guest:
        server = Server(guest, wire.ports[80])
        mac = bytes.fromhex(guest.expect(guest.ask("net"), r"^net0 +([0-9a-f:]{17})")[1].replace(":", ""))
        garbage = frames(random.Random(11), mac)
        for number in range(20000 if NIGHTLY else 3000):
            wire.say(next(garbage))
            if number % 50 == 0:
                time.sleep(0.005)
        server.is_well()
        assert guest.off() == 33


class Leases:
    """A DHCP server at the other end of a wire (RFC 2131): leases of 8 s, to be renewed after 2 and rebound after 4."""

    ME, GUEST, MAC = bytes([10, 9, 8, 1]), bytes([10, 9, 8, 7]), bytes.fromhex("525400000001")

    def __init__(self, wire: Wire):
        self.wire, self.heard, self.silent = wire, [], False
        wire._take = self._take  # this end of the wire is the network

    def _take(self, side: int) -> None:
        frame = self.wire._ends[side].recv(65536)
        if side == 1:
            return
        if frame[12:14] == b"\x08\x06" and frame[20:22] == b"\0\1" and frame[38:42] == self.ME:
            self.wire.say(frame[6:12] + self.MAC + frame[12:20] + b"\0\2" + self.MAC + self.ME + frame[22:32])
        elif frame[12:14] == b"\x08\x00" and frame[23] == 17 and frame[36:38] == b"\0\x43":
            self._answer(frame, frame[42:])

    def _answer(self, frame: bytes, message: bytes) -> None:
        kind = message[message.index(b"\x35\x01", 240) + 2]
        unicast = frame[30:34] == self.ME
        self.heard.append((time.monotonic(), {1: "discover", 3: "request"}.get(kind, str(kind)), unicast, message[12:16]))
        if self.silent or (kind == 3 and unicast):
            return
        options = (bytes([53, 1, 2 if kind == 1 else 5, 54, 4, *self.ME, 1, 4, 255, 255, 255, 0]) +
                   b"".join(bytes([code, 4]) + struct.pack(">I", value) for code, value in ((51, 8), (58, 2), (59, 4))))
        body = (b"\2" + message[1:4] + message[4:8] + bytes(8) + self.GUEST + bytes(8) + message[28:44] + bytes(192) +
                b"\x63\x82\x53\x63" + options + b"\xff")
        head = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 28 + len(body), 1, 0, 64, 17, 0, self.ME, b"\xff" * 4)
        total = sum(struct.unpack(">10H", head))
        total = (total & 0xffff) + (total >> 16)
        head = head[:10] + struct.pack(">H", ~((total & 0xffff) + (total >> 16)) & 0xffff) + head[12:]
        self.wire.say(b"\xff" * 6 + self.MAC + b"\x08\x00" + head + struct.pack(">HHHH", 67, 68, 8 + len(body), 0) + body)

    def wait(self, what: tuple[str, bool, bytes], patience: float) -> float:
        """When a message of that kind, unicast or not, with that client address was heard first."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            for when, *message in list(self.heard):
                if tuple(message) == what:
                    return when
            time.sleep(0.05)
        raise AssertionError(f"expected {what}, heard {self.heard}")


@pytest.mark.parametrize("arch", SOME)
def test_a_lease_is_renewed_rebound_and_given_up(arch):
    with Wire([]) as wire:
        leases = Leases(wire)
        with wire.guest(arch) as guest:
            assert guest.address() == "10.9.8.7"
            begun = time.monotonic()
            assert leases.wait(("request", True, leases.GUEST), 6) - begun > 1
            assert leases.wait(("request", False, leases.GUEST), 8) - begun > 3  # the server was silent
            assert guest.address() == "10.9.8.7"
            leases.silent = True
            del leases.heard[:]
            leases.wait(("discover", False, bytes(4)), 20)
            guest.expect(guest.ask("net"), "^net0 .*address 0[.]0[.]0[.]0 ")
            assert guest.off() == 33


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_the_console_answers_over_tcp(arch):
    with Guest(arch, forward=[("tcp", 23)]) as guest:
        guest.address()
        assert guest.ask("remote serve 23") == "the console answers on port 23\n"
        with socket.create_connection(("127.0.0.1", guest.ports[23]), 20) as line:
            line.sendall(b"version\r\nnonsense\n" + b"x" * 2000 + b"\necho 'the end'\n")
            heard = b""
            while b"the end\nauton> " not in heard:
                chunk = line.recv(4096)
                assert chunk, heard
                heard += chunk
        assert re.search(rf"^auton> auton [0-9.]+ {arch}\n", heard.decode())
        assert heard.count(b"auton> ") == 5
        assert b"expected at most 511 characters, found more\n" in heard
        assert guest.ask("echo here") == "here\n"  # what is typed there is answered there
        assert guest.off() == 33

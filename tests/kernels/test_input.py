"""What is typed faster than it is read, and before anybody reads: nothing is lost, for the device holds it back and so does QEMU."""

import json
import os
import re
import socket
import subprocess
import time

import pytest

from tests.kernels.guest import ARCHITECTURES, KERNELS, Guest, built

LINES = 600
EATEN = {"riscv64": 2}
"""Characters that the firmware may take when they are there before it: OpenSBI empties the port's FIFO as it sets it up."""
MACHINES = [(arch, "mmio") for arch in ARCHITECTURES] + [("x86_64", "pci")]


@pytest.fixture(scope="module", autouse=True)
def kernels():
    built()


def numbers(first: int = 0) -> bytes:
    return b"".join(b"echo number %d\n" % n for n in range(first, LINES))


def answers(output: bytes) -> list[int]:
    return [int(n) for n in re.findall(rb"^number (\d+)\r*$", output, re.M)]


def boot(arch: str, transport: str = "mmio", extra: str = "") -> subprocess.Popen:
    return subprocess.Popen([KERNELS / "boot", arch, ""], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                            env=os.environ | {"TRANSPORT": transport, "QEMU_EXTRA": extra})


@pytest.mark.parametrize(("arch", "transport"), MACHINES)
def test_a_pipe_full_of_lines_is_answered_to_the_last(arch, transport):
    with boot(arch, transport) as machine:
        try:
            output, _ = machine.communicate(b"\n" * EATEN.get(arch, 0) + numbers() + b"poweroff\n", 90)
        finally:
            machine.kill()
    assert answers(output) == list(range(LINES)) and machine.returncode == 33


def start(path) -> None:
    """Lets a machine go on that was started with -S and QEMU's monitor at this path."""
    until = time.monotonic() + 20
    while not path.exists():
        assert time.monotonic() < until
        time.sleep(0.02)
    with socket.socket(socket.AF_UNIX) as line, line.makefile("rw") as monitor:
        line.settimeout(20)
        line.connect(str(path))
        monitor.readline()
        for command in ("qmp_capabilities", "cont"):
            monitor.write(json.dumps({"execute": command}) + "\n")
            monitor.flush()
            while "return" not in json.loads(monitor.readline()):
                pass


@pytest.mark.parametrize(("arch", "transport"), MACHINES)
def test_what_is_typed_before_the_start_is_read(arch, transport, tmp_path):
    with boot(arch, transport, f"-S -qmp unix:{tmp_path}/monitor,server=on,wait=off") as machine:
        try:
            machine.stdin.write(b"\n" * EATEN.get(arch, 0) + b"echo typed\npoweroff\n")
            machine.stdin.flush()
            start(tmp_path / "monitor")
            output, _ = machine.communicate(timeout=60)
        finally:
            machine.kill()
    assert re.search(rb"^typed\r*$", output, re.M) and machine.returncode == 33


def virtio_port(path) -> str:
    """A second line, for typing only: what it shows is looked for at the first, since QEMU drops what a slow reader leaves."""
    return (f"-chardev socket,path={path},server=on,wait=off,id=port -device virtio-serial-device "
            "-device virtconsole,chardev=port")


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_a_virtio_console_holds_back_too(arch, tmp_path):
    with Guest(arch, QEMU_EXTRA=virtio_port(tmp_path / "port")) as guest, socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "port"))
        line.sendall(numbers())
        guest.machine.wait_for(re.compile(rb"^number %d\r*$" % (LINES - 1), re.M))
        assert answers(guest.machine.output) == list(range(LINES))
        assert guest.off() == 33


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_two_lines_that_are_held_back_both_go_on(arch, tmp_path):
    with Guest(arch, QEMU_EXTRA=virtio_port(tmp_path / "port")) as guest, socket.socket(socket.AF_UNIX) as line:
        line.connect(str(tmp_path / "port"))
        line.sendall(b"\n" * 3000)
        guest.machine.send("\n" * 2999)
        at = 0
        for _ in range(6001):
            at = guest.machine.wait_for(re.compile(b"auton> "), at).end()
        assert guest.off() == 33

"""The in-kernel tests and the network over the other ways to reach a device: virtio over PCI, e1000, virtio-console."""

import calendar
import os
import socket
import subprocess
import time

import pytest

from tests.kernels.guest import ARCHITECTURES, KERNELS, Guest, built

PCI = {"TRANSPORT": "pci"}


@pytest.fixture(scope="module", autouse=True)
def kernels():
    built()


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_all_cases_pass_over_pci(arch):
    done = subprocess.run([KERNELS / "boot", arch, "test once"], env=os.environ | PCI, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=60)
    assert done.returncode == 33, done.stdout[-3000:]


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_virtio_devices_are_found_on_pci(arch):
    with Guest(arch, **PCI) as guest:
        tree = guest.ask("devices")
        for line in ("virtio:1 +virtio_net$", "virtio:2 +virtio_block$", "virtio:4 +virtio_rng$"):
            guest.expect(tree, line)
        assert guest.address() == "10.0.2.15"


@pytest.mark.parametrize("arch", ARCHITECTURES)
def test_e1000_gets_a_lease_and_an_answer(arch):
    with Guest(arch, NIC="e1000,romfile=", **PCI) as guest:
        guest.expect(guest.ask("devices"), "pci:8086:100e +e1000 by DRIVER_SELECT find id=8086:100e$")
        assert guest.address() == "10.0.2.15"  # QEMU's card is deaf for its first second
        guest.expect(guest.ask("net ping 10.0.2.2"), r"^10\.0\.2\.2 answered after")


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("transport", ["mmio", "pci"])
def test_a_virtio_console_talks_and_listens(arch, transport, tmp_path):
    path = tmp_path / "port"
    bus = {"mmio": "device", "pci": "pci"}[transport]
    port = (f"-chardev socket,path={path},server=on,wait=off,id=port -device virtio-serial-{bus} "
            "-device virtconsole,chardev=port")
    with Guest(arch, TRANSPORT=transport, QEMU_EXTRA=port), socket.socket(socket.AF_UNIX) as line:
        line.connect(str(path))
        line.settimeout(5)
        line.sendall(b"echo through the ring\n")
        heard = b""
        while b"\nthrough the ring" not in heard:
            heard += line.recv(4096)


@pytest.mark.parametrize("arch", ARCHITECTURES)
@pytest.mark.parametrize("transport", ["mmio", "pci"])
def test_the_clock_tells_the_hosts_time(arch, transport):
    with Guest(arch, TRANSPORT=transport) as guest:
        told = calendar.timegm(time.strptime(guest.ask("date").strip(), "%Y-%m-%d %H:%M:%S UTC"))
        assert abs(told - time.time()) < 5

"""The kernels' figures on this machine, each beside what it is to be measured by: run by `make bench`.

QEMU's floor is a kernel that leaves at once (floor/), started by the same kernels/boot with the same devices. The network
backend's limit is a trivial echo: QEMU's user network joined to this process, which sends every datagram back.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.kernels.guest import ARCHITECTURES, KERNELS, Guest
from tests.kernels.wire import Wire

OUT = KERNELS / "build" / "bench"
RUNS = 9
IDLE_SECONDS = 3.0
BASE = {"x86_64": "0x100000", "aarch64": "0x40080000", "riscv64": "0x80200000"}
TARGET = {"x86_64": "x86_64-unknown-none-elf", "aarch64": "aarch64-unknown-none-elf", "riscv64": "riscv64-unknown-none-elf"}


def floor(arch: str) -> Path:
    """The image that leaves at once."""
    source, elf = Path(__file__).parent / "floor" / f"{arch}.S", OUT / f"floor-{arch}.elf"
    OUT.mkdir(parents=True, exist_ok=True)
    script = OUT / "floor.ld"
    script.write_text(f"ENTRY(_start) SECTIONS {{ . = {BASE[arch]}; .note.Xen : {{ *(.note.Xen) }} .text : {{ *(.text) }} }}")
    subprocess.run(["clang", f"--target={TARGET[arch]}", "-c", "-o", elf.with_suffix(".o"), source], check=True)
    subprocess.run(["ld.lld", "-T", script, "-o", elf, elf.with_suffix(".o")], check=True)
    if arch != "aarch64":
        return elf
    subprocess.run(["llvm-objcopy", "-O", "binary", elf, elf.with_suffix(".img")], check=True)
    return elf.with_suffix(".img")


def seconds_to_leave(arch: str, cmdline: str, **env: str) -> float:
    start = time.monotonic()
    done = subprocess.run([KERNELS / "boot", arch, cmdline], env=os.environ | env, stdin=subprocess.DEVNULL,
                          capture_output=True, text=True, timeout=120)
    if done.returncode != 33:
        raise SystemExit(f"{arch}: expected exit status 33, found {done.returncode}\n{done.stdout[-2000:]}{done.stderr}")
    return time.monotonic() - start


def show(what: str, values: dict[str, str], goal: str = "") -> None:
    print(f"{what:44}" + "".join(f"{values.get(arch, ''):>12}" for arch in ARCHITECTURES) + (f"   {goal}" if goal else ""), flush=True)


def starts() -> None:
    """Start to console, in milliseconds, best of RUNS taken in turns with the floor."""
    found = {}
    for arch in ARCHITECTURES:
        image, best = str(floor(arch)), [9.0] * 3
        for _ in range(RUNS):
            best[0] = min(best[0], seconds_to_leave(arch, "", IMAGE=image))
            with Guest(arch) as guest:
                best[1] = min(best[1], guest.machine.seconds)
                guest.address()
                best[2] = min(best[2], guest.machine.seconds)
        found[arch] = [1000 * value for value in best]
    show("QEMU's floor, ms", {arch: f"{f[0]:.0f}" for arch, f in found.items()})
    show("start to console ready, ms", {arch: f"{f[1]:.0f}" for arch, f in found.items()})
    show("  above the floor", {arch: f"{f[1] - f[0]:+.0f}" for arch, f in found.items()}, "goal: at most +100")
    show("start to a DHCP lease, ms", {arch: f"{f[2]:.0f}" for arch, f in found.items()})
    show("  above the floor", {arch: f"{f[2] - f[0]:+.0f}" for arch, f in found.items()}, "goal: at most +400")


def suites() -> None:
    seconds = {arch: min(seconds_to_leave(arch, "test once") for _ in range(3)) for arch in ARCHITECTURES}
    show("boot and all in-kernel tests, s", {arch: f"{value:.2f}" for arch, value in seconds.items()}, "goal: under 3")


def from_clean() -> None:
    build = OUT / "clean"
    shutil.rmtree(build, ignore_errors=True)
    start = time.monotonic()
    subprocess.run(["make", "-s", "-j2", "-C", KERNELS, f"BUILD={build}", "everything"], check=True, stdout=subprocess.DEVNULL)
    built = time.monotonic() - start
    machines = [subprocess.Popen([KERNELS / "boot", arch, "test once"], env=os.environ | {"BUILD": str(build)},
                                 stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) for arch in ARCHITECTURES]
    codes = [machine.wait() for machine in machines]
    if set(codes) != {33}:
        raise SystemExit(f"expected exit statuses 33, found {codes}")
    print(f"{'all three from clean, s':44}{built:12.1f} to build, {time.monotonic() - start:.1f} with boot and all tests   "
          "goal: under 15")


def processor_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def idle() -> None:
    shares = {}
    for arch in ARCHITECTURES:
        with Guest(arch) as guest:
            guest.address()
            time.sleep(0.5)
            before = processor_seconds(guest.machine.process.pid)
            time.sleep(IDLE_SECONDS)
            shares[arch] = f"{100 * (processor_seconds(guest.machine.process.pid) - before) / IDLE_SECONDS:.1f}"
    show("an idle prompt, % of a core", shares, "goal: under 2")


def wrk(port: int, path: str, connections: int) -> tuple[float, float]:
    """Requests and megabytes a second."""
    done = subprocess.run(["wrk", "-t1", f"-c{connections}", "-d3s", f"http://127.0.0.1:{port}{path}"], capture_output=True,
                          text=True, check=True)
    number, unit = re.search(r"Transfer/sec: +([\d.]+)([KMG]?B)", done.stdout).groups()
    return (float(re.search(r"Requests/sec: +([\d.]+)", done.stdout)[1]),
            float(number) * {"B": 1e-6, "KB": 1e-3, "MB": 1, "GB": 1e3}[unit])


def web() -> None:
    found = {}
    for arch in ARCHITECTURES:
        with Guest(arch, forward=[("tcp", 80)]) as guest:
            guest.address()
            guest.ask("http serve 80")
            found[arch] = wrk(guest.ports[80], "/health", 8)[0], wrk(guest.ports[80], "/16k", 2)[1]
    limit = echo_limit()
    show("HTTP requests/s (8 kept alive)", {arch: f"{f[0]:.0f}" for arch, f in found.items()})
    show("  share of the echo's round trips", {arch: f"{f[0] / limit[0]:.2f}" for arch, f in found.items()},
         f"the echo: {limit[0]:.0f}/s")
    show("TCP, MB/s (16 KiB pages)", {arch: f"{f[1]:.1f}" for arch, f in found.items()})
    show("  share of the echo's", {arch: f"{f[1] / limit[1]:.2f}" for arch, f in found.items()}, f"the echo: {limit[1]:.1f} MB/s")


class Echo(Wire):
    """A guest that is one thing only: it answers ARP and sends every datagram back."""

    MAC = bytes.fromhex("525400123456")

    def _take(self, side: int) -> None:
        while True:
            try:
                frame = bytearray(self._ends[side].recv(65536))
            except BlockingIOError:
                return
            if frame[12:14] == b"\x08\x06":
                frame = frame[6:12] + self.MAC + frame[12:20] + b"\0\2" + self.MAC + frame[38:42] + frame[22:32]
            else:  # addresses and ports change places: the checksums stay
                frame[0:6], frame[6:12] = frame[6:12], frame[0:6]
                frame[26:30], frame[30:34] = frame[30:34], frame[26:30]
                frame[34:36], frame[36:38] = frame[36:38], frame[34:36]
            self._send(1, bytes(frame))


def echo_limit() -> tuple[float, float]:
    """Round trips a second with 8 small datagrams under way, megabytes a second one way with 8 of 1,400 bytes."""
    with Echo([("udp", 7)], restrict=False) as wire:
        return echo_rate(wire.ports[7], 64), echo_rate(wire.ports[7], 1400) * 1400e-6


def echo_rate(port: int, size: int) -> float:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
        client.connect(("127.0.0.1", port))
        client.settimeout(0.2)
        while True:  # until QEMU listens
            try:
                client.send(bytes(size))
                client.recv(2048)
                break
            except (ConnectionRefusedError, TimeoutError):
                time.sleep(0.05)
        for _ in range(8):
            client.send(bytes(size))
        count, until = 0, time.monotonic() + 3
        while time.monotonic() < until:
            try:
                client.recv(2048)
                count += 1
            except TimeoutError:
                pass  # one was lost: put in another
            client.send(bytes(size))
        return count / 3


def main() -> None:
    subprocess.run(["make", "-s", "-j2", "-C", KERNELS, "everything"], check=True, stdout=subprocess.DEVNULL)
    show("", {arch: arch for arch in ARCHITECTURES})
    starts()
    suites()
    idle()
    web()
    from_clean()


if __name__ == "__main__":
    main()

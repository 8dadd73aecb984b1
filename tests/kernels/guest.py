"""A booted kernel for tests from outside: its console, and the host ports that lead to it."""

import contextlib
import functools
import os
import re
import socket
import subprocess
import time
from pathlib import Path

from bot.verify.machine import Machine

ROOT = Path(__file__).parents[2]
KERNELS = ROOT / "kernels"
ARCHITECTURES = sorted(path.parent.name for path in KERNELS.glob("*/arch.mk"))
PROMPT = re.compile(rb"(?:^|\n)auton> ")


@functools.cache
def built() -> None:
    """Builds every architecture, once a test run."""
    done = subprocess.run(["make", "-s", "-j2", "-C", KERNELS, "everything"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-4000:]


def free_port(kind: int = socket.SOCK_STREAM) -> int:
    with socket.socket(socket.AF_INET, kind) as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Guest(contextlib.AbstractContextManager):
    """Boots `arch` as kernels/boot does; `forward` are (tcp|udp, guest port) pairs, `ports` the host's ports for them."""

    def __init__(self, arch: str, cmdline: str = "", forward: list[tuple[str, int]] | None = None, **env: str):
        self.ports = {guest: free_port(socket.SOCK_STREAM if kind == "tcp" else socket.SOCK_DGRAM)
                      for kind, guest in forward or []}
        alone = "off" if any(kind == "udp" for kind, _ in forward or []) else "on"  # restrict=on drops the guest's UDP
        net = ",".join([f"restrict={alone}", *(f"hostfwd={kind}:127.0.0.1:{self.ports[guest]}-:{guest}"
                                               for kind, guest in forward or [])])
        self.machine = Machine([str(KERNELS / "boot"), arch, cmdline], ROOT, os.environ | {"NET": net} | env, 60, 600)
        try:
            self._seen = self.machine.wait_for(PROMPT).end() - 1
        except BaseException:
            self.machine.kill()
            raise

    def __exit__(self, *error) -> None:
        self.machine.__exit__(*error)

    def ask(self, line: str) -> str:
        """What the console answers to a line."""
        begin = self.machine.send(line)
        end = self.machine.wait_for(PROMPT, begin)
        return bytes(self.machine.output[begin:end.start() + 1]).decode(errors="replace").replace("\r", "").partition("\n")[2]

    @staticmethod
    def expect(text: str, pattern: str) -> re.Match:
        match = re.search(pattern, text, re.M)
        assert match, f"expected {pattern!r}, found:\n{text}"
        return match

    def address(self, patience: float = 15) -> str:
        """The first card's address, once DHCP gave one."""
        until = time.monotonic() + patience
        while time.monotonic() < until:
            found = re.search(r"^net0 .*address (\S+)", self.ask("net"), re.M)
            if found and found[1] != "0.0.0.0":
                return found[1]
            time.sleep(0.05)
        raise AssertionError(f"no address within {patience} s:\n{self.ask('net')}")

    def off(self) -> int:
        self.machine.send("poweroff")
        return self.machine.wait()

"""What AUTON needs of a machine, looked at one by one: what was expected, what was found, what to do.

Every probe does the thing that is needed, rather than look for its name: a sandbox is made, KVM starts a machine.
"""

import importlib.metadata
import os
import re
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from bot.errors import AutonError
from bot.verify.tools import install

PROGRAMS = {"git": (2, 38), "make": (4, 0), "clang": (11, 0), "ld.lld": (11, 0), "llvm-objcopy": (11, 0),
            "qemu-system-x86_64": (6, 2), "qemu-system-aarch64": (6, 2), "qemu-system-riscv64": (6, 2)}
"""The programs, each with the oldest version that is known to do: git 2.38 brought merge-tree --write-tree."""

KVM = ["qemu-system-x86_64", "-accel", "kvm", "-M", "microvm", "-nodefaults", "-no-user-config", "-display", "none",
       "-S", "-monitor", "stdio"]


@dataclass(frozen=True)
class Finding:
    """One thing looked at. `needed` tells whether AUTON can't do without it; `hint` is what to do when not ok."""

    name: str
    ok: bool
    found: str
    hint: str = ""
    needed: bool = True


def examine(folder: Path, port: int) -> Iterator[Finding]:
    """Look at everything, as seen from `folder`; `port` is where the local forge would listen."""
    version = ".".join(map(str, sys.version_info[:3]))
    yield Finding("python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer, then: make setup")
    yield _packages(folder / "constraints.txt")
    for name, oldest in PROGRAMS.items():
        yield _program(name, oldest)
    yield _sandbox()
    yield _kvm()
    yield _port(port)
    for place, megabytes in ((folder, 2000), (Path("/tmp"), 500)):
        free = shutil.disk_usage(place).free >> 20
        yield Finding(f"disk {place.resolve()}", free >= megabytes, f"{free} MB free",
                      f"free some space: {megabytes} MB are needed")
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") >> 20
    yield Finding("memory", memory >= 1900, f"{memory} MB", "2 GB are needed for three machines at once")
    yield _configuration(folder / "auton.toml")


def _program(name: str, oldest: tuple[int, int]) -> Finding:
    path = shutil.which(name)
    if path is None:
        return Finding(name, False, "not installed", install(name))
    said = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=20, check=False).stdout
    match = re.search(r"(\d+)\.(\d+)[\w.]*", said)
    if match is None:
        return Finding(name, False, f"{path} tells no version", f"{path} --version should; {install(name)}")
    ok = (int(match[1]), int(match[2])) >= oldest
    return Finding(name, ok, match[0], f"version {oldest[0]}.{oldest[1]} or newer is needed: {install(name)}")


def _packages(constraints: Path) -> Finding:
    if not constraints.is_file():
        return Finding("packages", False, f"no {constraints}", "run this in a checkout of AUTON", needed=False)
    wrong = []
    for line in constraints.read_text().splitlines():
        name, _, pinned = line.partition("==")
        if not pinned or line.startswith("#"):
            continue
        try:
            found = importlib.metadata.version(name).partition("+")[0]
        except importlib.metadata.PackageNotFoundError:
            continue  # of an extra that is not installed
        if found != pinned:
            wrong.append(f"{name} {found} (pinned {pinned})")
    return Finding("packages", not wrong, ", ".join(wrong[:3]) or "as pinned", "rm -r .venv, then: make setup",
                   needed=False)


def _sandbox() -> Finding:
    from bot import sandbox

    try:
        sandbox.probe()
    except AutonError as error:
        return Finding("sandbox", False, error.message, error.hint)
    return Finding("sandbox", True, "bubblewrap works")


def _kvm() -> Finding:
    hint = "not needed: kernels run under TCG, some ten times slower; to use it: modprobe kvm, join the group kvm"
    if not os.path.exists("/dev/kvm"):
        return Finding("kvm", False, "no /dev/kvm", hint, needed=False)
    try:
        done = subprocess.run(KVM, input="quit\n", capture_output=True, text=True, timeout=10, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired) as error:
        return Finding("kvm", False, f"no answer: {error}"[:100], hint, needed=False)
    why = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
    return Finding("kvm", done.returncode == 0, "works" if done.returncode == 0 else why[:100], hint, needed=False)


def _port(port: int) -> Finding:
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", port))
        except OSError as error:
            return Finding(f"port {port}", False, str(error.strerror).lower(),
                           f"a forge may run already; else: `auton run --port {port + 1}`", needed=False)
    return Finding(f"port {port}", True, "free")


def _configuration(path: Path) -> Finding:
    from bot import config

    try:
        settings = config.load(path)
    except AutonError as error:
        return Finding("auton.toml", False, error.message, error.hint)
    return Finding("auton.toml", bool(settings.targets), f"targets: {', '.join(settings.targets) or 'none'}",
                   "add a [targets.<arch>] table")

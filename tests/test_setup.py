"""setup.sh and the Makefile, played on made-up machines: a folder of fake programs is all of PATH."""

import importlib.metadata
import os
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parent.parent
PROGRAMS = ["git", "clang", "ld.lld", "llvm-objcopy", "bwrap", "qemu-system-x86_64", "qemu-system-aarch64",
            "qemu-system-riscv64", "chromium", "chromedriver"]
PLAIN = ["sh", "env", "mkdir", "touch", "date", "tail", "df", "awk", "grep", "basename", "readlink", "dirname", "cat",
         "rm", "true", "chmod"]
PYTHON = """#!/bin/sh
case "$*" in
*version_info*) exit {old} ;;
*--version*) echo Python 3.{minor}.1 ;;
"-m venv"*) mkdir -p .venv/bin; cp "$0" .venv/bin/python ;;
"-m pip"*) echo "pip $*" >> said; {pip} ;;
esac
"""


class Bare:
    """A checkout with only setup.sh, and a PATH with only what a test put there."""

    def __init__(self, root: Path):
        self.root = root
        self.bin = root / "bin"
        self.bin.mkdir()
        for name in ("setup.sh", "Makefile", "pyproject.toml", "constraints.txt"):
            shutil.copy(ROOT / name, root / name)
        for name in [*PLAIN, "cp"]:
            (self.bin / name).symlink_to(shutil.which(name))
        for name in PROGRAMS:
            self.program(name, "exit 0")
        self.program("id", "echo 0")
        self.program("dpkg", "exit 0")
        self.program("apt-get", 'echo "apt-get $*" >> said')
        self.python()

    def program(self, name: str, body: str) -> None:
        (self.bin / name).unlink(missing_ok=True)
        (self.bin / name).write_text(f"#!/bin/sh\n{body}\n")
        (self.bin / name).chmod(0o755)

    def python(self, minor: int = 11, pip: str = "exit 0") -> None:
        self.program("python3", "")
        (self.bin / "python3").write_text(PYTHON.format(old=int(minor < 11), minor=minor, pip=pip))

    def without(self, *names: str) -> None:
        for name in names:
            (self.bin / name).unlink()

    def setup(self, level: str = "demo"):
        return subprocess.run([shutil.which("sh"), "setup.sh", level], cwd=self.root, capture_output=True, text=True,
                              stdin=subprocess.DEVNULL, env={"PATH": str(self.bin)}, timeout=60)

    @property
    def said(self) -> str:
        path = self.root / "said"
        return path.read_text() if path.exists() else ""


@pytest.fixture
def bare(tmp_path) -> Bare:
    return Bare(tmp_path)


def test_apt_is_left_alone_when_nothing_is_missing(bare):
    done = bare.setup()
    assert done.returncode == 0, done.stderr
    assert "apt-get" not in bare.said and "--no-build-isolation -e ." in bare.said
    assert (bare.root / ".venv/.ready-demo").exists() and not (bare.root / ".venv/.ready-test").exists()


def test_only_what_is_missing_is_installed(bare):
    bare.without("clang", "qemu-system-riscv64")
    assert bare.setup().returncode == 0
    assert "install -y --no-install-recommends clang qemu-system-misc\n" in bare.said


def test_the_heavy_extras_are_for_the_tests_alone(bare):
    bare.setup("demo")
    assert "slm" not in bare.said
    assert bare.setup("test").returncode == 0
    assert ".[test,slm]" in bare.said and (bare.root / ".venv/.ready-test").exists()


@pytest.mark.parametrize(("log", "says"), [
    ("E: Failed to fetch http://mirror/x  Temporary failure resolving mirror", "no package server can be reached"),
    ("dpkg: error: failed to write: No space left on device", "the disk is full"),
    ("E: Could not get lock /var/lib/dpkg/lock-frontend", "another program is installing"),
    ("E: something else", "apt-get install failed"),
])
def test_apt_failing_is_one_clear_line(bare, log, says):
    bare.without("clang")
    bare.program("apt-get", f'case "$*" in *install*) echo "{log}"; exit 100 ;; esac')
    done = bare.setup()
    assert done.returncode == 3 and says in done.stderr and "run 'make demo' again" in done.stderr
    assert not (bare.root / ".venv").exists()


@pytest.mark.parametrize(("log", "says"), [
    ("NewConnectionError: Failed to establish a new connection", "no package server can be reached"),
    ("ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device", "the disk is full"),
])
def test_pip_failing_is_one_clear_line_and_the_next_run_goes_on(bare, log, says):
    bare.python(pip=f'echo "{log}"; exit 1')
    done = bare.setup()
    assert done.returncode == 3 and says in done.stderr and not (bare.root / ".venv/.ready-demo").exists()
    shutil.rmtree(bare.root / ".venv")
    bare.python()
    assert bare.setup().returncode == 0


def test_an_old_python_is_named_with_what_to_do(bare):
    bare.python(minor=10)
    done = bare.setup()
    assert "python3.11 python3.11-venv" in bare.said  # tried first: Ubuntu 22.04 has it
    assert done.returncode == 3 and "expected Python 3.11 or newer, found Python 3.10.1" in done.stderr


def test_neither_root_nor_sudo_tells_what_to_type(bare):
    bare.without("clang")
    bare.program("id", "echo 1000")
    done = bare.setup()
    assert done.returncode == 3 and "apt-get install --no-install-recommends clang" in done.stderr
    bare.program("sudo", 'while [ "${1#-}" != "$1" ]; do shift; done; exec "$@"')
    assert bare.setup().returncode == 0


def test_a_system_without_apt_is_told_what_is_missing(bare):
    bare.without("clang", "apt-get")
    done = bare.setup()
    assert done.returncode == 3 and "expected apt-get, found none; missing are: clang" in done.stderr


def test_apparmor_is_told_about_bubblewrap_only_where_the_sandbox_fails(bare):
    bare.program("apparmor_parser", 'echo "apparmor_parser $*" >> said; touch allowed')
    bare.program("tee", "cat >> said")
    bare.setup()
    assert "userns" not in bare.said
    bare.program("bwrap", "test -e allowed")
    done = bare.setup()
    assert done.returncode == 0 and "profile auton-bwrap /usr/bin/bwrap" in bare.said and "userns," in bare.said
    assert "doctor" not in done.stdout
    bare.program("bwrap", "exit 1")
    done = bare.setup()
    assert done.returncode == 0 and "auton doctor will say why" in done.stdout


def test_a_full_disk_is_refused_before_it_is_filled(bare):
    bare.program("df", "echo; echo x 1 1 5 1% /")
    done = bare.setup()
    assert done.returncode == 3 and "found 5 MB" in done.stderr


def make(bare: Bare, *args: str):
    env = {"PATH": f"{bare.bin}:{os.environ['PATH']}"}
    return subprocess.run(["make", *args], cwd=bare.root, capture_output=True, text=True, env=env, timeout=60)


def test_make_demo_hands_its_goal_over_as_it_is(bare):
    assert bare.setup().returncode == 0
    auton = bare.root / ".venv/bin/auton"
    auton.write_text('#!/bin/sh\nfor word; do echo "<$word>"; done\n')
    auton.chmod(0o755)
    goal = """say "$5" & `it's` $(x) # done"""
    done = make(bare, "demo", f"GOAL={goal}", "BUDGET=1.5", "MODE=dual")
    assert done.stdout.split("\n")[:7] == ["<run>", "<--mode>", "<dual>", "<--budget>", "<1.5>", "<-->", f"<{goal}>"]
    done = make(bare, "demo")
    assert done.stdout == ("<run>\n<-->\n<Add a console command `uptime` that answers with the seconds since boot, "
                           "on all three architectures, with KTAP tests.>\n")


def test_a_second_make_does_nothing(bare):
    assert make(bare, "setup").returncode == 0
    before = bare.said
    done = make(bare, "setup")
    assert done.returncode == 0 and done.stdout == "" and bare.said == before


def test_every_package_there_is_is_pinned():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pinned = {canonicalize_name(line.partition("==")[0]) for line in lines if "==" in line and line[0] != "#"}
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = project["dependencies"] + sum(project["optional-dependencies"].values(), ["setuptools"])
    queue = [Requirement(line) for line in asked]
    seen: set[tuple[str, frozenset]] = set()
    while queue:
        wanted = queue.pop()
        key = (canonicalize_name(wanted.name), frozenset(wanted.extras))
        if key in seen:
            continue
        seen.add(key)
        for line in importlib.metadata.distribution(wanted.name).requires or []:
            inner = Requirement(line)
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in {"", *wanted.extras}):
                queue.append(inner)
    assert {name for name, _ in seen} - pinned == set()

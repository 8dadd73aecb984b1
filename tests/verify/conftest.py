"""A checkout whose one architecture, `fake`, is a shell script that plays a kernel."""

import subprocess
from pathlib import Path

import pytest

from bot.config import check
from bot.verify.run import verify

KERNEL = """#!/bin/sh
nonce=${1#nonce=}; nonce=${nonce%% *}
"""
GOOD = """
echo "auton 0.1 fake nonce=$nonce"
echo 'KTAP version 1'
echo '1..2'
echo '  KTAP version 1'
echo '  1..2'
echo '  ok 1 adds'
echo '  ok 2 takes away'
echo 'ok 1 sums'
echo '  KTAP version 1'
echo '  1..1'
echo '  ok 1 waits'
echo 'ok 2 clock'
echo 'figure: ticks 12.5 kHz'
echo 'console ready'
printf 'auton> '
while read -r line; do
  case $line in
    poweroff) exit 33 ;;
    uptime) echo "$line"; echo '3 s' ;;
    sleep) sleep 60 ;;
    panic) echo 'panic: asked to at core/main.c:7'; exit 37 ;;
    *) echo 'unknown' ;;
  esac
  printf 'auton> '
done
"""


class Checkout:
    """A git checkout in a temporary folder, with its configuration."""

    def __init__(self, root: Path):
        self.root = root
        self.timeout = 5.0
        self.build = "sh build.sh"
        self.write("build.sh", "echo image > image.bin\n")
        self.write(".gitignore", "image.bin\n")
        self.kernel(GOOD)
        self.git("init", "-q")

    def git(self, *args: str) -> str:
        identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
        command = ["git", *identity, "-C", str(self.root), *args]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def commit(self) -> None:
        self.git("add", "-A")
        self.git("commit", "-qm", "state")

    def write(self, name: str, text: str) -> None:
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def kernel(self, body: str) -> None:
        self.write("boot.sh", KERNEL + body)

    def spec(self, *checks: str, name: str = "clock", head: str = "") -> None:
        tables = "\n".join(f"[[check]]\n{check}\n" for check in checks)
        self.write(f"specs/kernel/{name}.md", f'+++\nname = "{name}"\n{head}\n{tables}+++\n# {name}\n')

    def config(self, **changes):
        target = {"build": self.build, "boot": "sh boot.sh", "image": "image.bin", "timeout": self.timeout}
        return check({"targets": {"fake": {**target, **changes}}}, "auton.toml")

    def verify(self, fresh: bool = True, sandboxed: bool = True, **changes):
        return verify(self.config(**changes), self.root, fresh=fresh, sandboxed=sandboxed)


@pytest.fixture
def checkout(tmp_path, monkeypatch) -> Checkout:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "repo").mkdir()
    return Checkout(tmp_path / "repo")


def only(report, name: str):
    """The one check of that name on the one architecture."""
    [found] = [check for check in report.archs[0].checks if check.name == name]
    return found

"""A small repository with a "kernel" of shell script behind auton.toml's commands, and a model that follows a script.

The targets are real ones in AUTON's sense (anybody's build and boot commands), and so are git and the sandbox.
"""

import json
import subprocess
import textwrap

import pytest

from bot.agents.model import Answer, Call
from bot.config import check
from bot.handoff import Brief, Limits, Usage

BOOT = """\
#!/bin/sh
# Boots the "kernel" of one architecture: a console on standard input and output.
exec sh "$(dirname "$0")/build/$1/kernel.elf" "$2"
"""

KERNEL = """\
nonce=none
for word in $1; do case $word in nonce=*) nonce=${word#nonce=};; esac; done
echo "auton 0.1 $(basename "$(dirname "$0")") nonce=$nonce"
echo "KTAP version 1"
echo "1..1"
echo "ok 1 sum"
case $1 in *" once"*) exit 33;; esac
echo "console ready"
printf 'auton> '
while read -r line; do
  case $line in
    poweroff) exit 33;;
    crash) echo "panic: asked to at kernel.sh:14"; exit 37;;
    *) echo "unknown command: $line";;
  esac
  printf 'auton> '
done
"""

MAKEFILE = """\
all:
\t@mkdir -p build/$(ARCH)
\t@sh -n kernel.sh || { echo 'kernel.sh:1: error: syntax'; exit 1; }
\t@cp kernel.sh build/$(ARCH)/kernel.elf
"""


def git(folder, *arguments):
    done = subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.fixture(scope="session")
def toy(tmp_path_factory):
    """The repository that tests clone from; they must not change it."""
    top = tmp_path_factory.mktemp("toy") / "repo"
    (top / "kernels").mkdir(parents=True)
    (top / "specs" / "kernel").mkdir(parents=True)
    (top / "kernels" / "boot").write_text(BOOT)
    (top / "kernels" / "boot").chmod(0o755)
    (top / "kernels" / "kernel.sh").write_text(KERNEL)
    (top / "kernels" / "Makefile").write_text(MAKEFILE)
    (top / "specs" / "kernel" / "console.md").write_text(textwrap.dedent("""\
        +++
        name = "console"
        [[check]]
        type = "hello"
        expect = '^unknown command'
        +++
        # Console
        """))
    (top / "AGENTS.md").write_text("- One subject a change.\n")
    (top / ".gitignore").write_text("kernels/build/\n")
    git(top, "init", "-q", "-b", "main")
    git(top, "config", "user.name", "Someone")
    git(top, "config", "user.email", "someone@example.org")
    git(top, "add", "--all")
    git(top, "commit", "-qm", "A toy kernel")
    return top


@pytest.fixture(scope="session")
def config():
    target = {arch: {"build": f"make -s -C kernels ARCH={arch}", "boot": f"kernels/boot {arch}", "timeout": 5,
                     "image": f"kernels/build/{arch}/kernel.elf"} for arch in ("left", "right")}
    return check({"targets": target}, "test")


@pytest.fixture
def brief(toy):
    head = git(toy, "rev-parse", "HEAD")
    return Brief(key="g7-t12-a1-developer", mode="kernel_build", role="developer", attempt=1, goal=7,
                 goal_title="Add uptime", goal_body="It answers with the seconds since boot.", task=12, task_key="t1",
                 task_title="Add the uptime command", task_body="Do it.", branch="auton/g7/t12", base_sha=head,
                 head_sha=head, targets=["left", "right"], model="scripted/one",
                 limits=Limits(cost_usd=1.0, steps=20, seconds=120))


class Scripted:
    """A model that gives the answers it was made with (or those that a function there returns), one after the other,
    and keeps what it was asked."""

    def __init__(self, *answers, cost=0.001):
        self.name, self.source = "scripted/one", {"model": "scripted/one"}
        self.answers, self.cost = list(answers), cost
        self.asked = []

    def ask(self, messages, tools, *, budget, seconds):
        self.asked.append(json.loads(json.dumps(messages)))
        answer = self.answers.pop(0)
        if callable(answer):
            answer = answer()
        if isinstance(answer, Exception):
            raise answer
        if isinstance(answer, str):
            return Answer(answer, [], Usage(calls=1, input_tokens=10, output_tokens=5, cost_usd=self.cost))
        calls = [Call(f"c{len(self.asked)}_{i}", name, given if isinstance(given, str) else json.dumps(given))
                 for i, (name, given) in enumerate(answer)]
        return Answer("", calls, Usage(calls=1, input_tokens=10, output_tokens=5, cost_usd=self.cost))

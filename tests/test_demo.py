"""The demo, once, as `make demo` runs it; then everything that it promises is looked at from outside."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bot.forge.client import Forge
from tests import demo

ROOT = Path(__file__).parent.parent
pytestmark = [pytest.mark.timeout(2400), pytest.mark.xdist_group("demo")]


class Demo:
    """A demo that has ended, and its forge, which still runs."""

    def __init__(self, folder: Path):
        self.data = folder / "forge"
        done = subprocess.run([sys.executable, "-m", "bot", "run", "--port", "0", "--data", str(self.data), demo.GOAL],
                              cwd=ROOT, capture_output=True, text=True, timeout=2100)
        self.code, self.said, self.errors = done.returncode, done.stdout, done.stderr
        assert self.code == 0, f"{self.said}\n{self.errors}"
        told = json.loads((self.data / "forge.json").read_text())
        self.forge = Forge(told["api"], "you/auton", told["tokens"]["you"], server=told["url"])
        self.goal = int(re.search(r"goal +#(\d+) filed", self.said)[1])
        self.home, self.clone = folder / "home", folder / "clone"
        self.home.mkdir()
        demo.run("git", "clone", "-q", f"{told['url']}/you/auton.git", str(self.clone), cwd=folder, home=self.home)


@pytest.fixture(scope="module")
def landed(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    try:
        yield Demo(folder)
    finally:
        subprocess.run([sys.executable, "-m", "bot", "forge", "stop", "--data", str(folder / "forge")], cwd=ROOT,
                       check=False, capture_output=True)


def test_it_tells_how_it_goes_and_how_it_went(landed):
    assert "look on in a browser: http://127.0.0.1:" in landed.said
    assert re.search(r"task #\d+ +build-\w+ ✗|boot-\w+ ✗", landed.said), "a task is red first, and mended"
    assert "landed on main:" in landed.said and "goal done: http://127.0.0.1:" in landed.said
    assert re.search(r"time: \d+ s in all; the bot's own steps [\d.]+ s", landed.said)


def test_the_closing_comment_shows_tasks_verdicts_attempts_and_costs(landed):
    last = [comment.body for comment in landed.forge.comments_on(landed.goal) if comment.author == demo.BOT][-1]
    for task in landed.forge.sub_issues(landed.goal):
        assert f"| #{task.number} |" in last
    assert last.count("aarch64 PASS, riscv64 PASS, x86_64 PASS") == 3 and "Cost: $" in last


def test_everything_is_done_and_there_once(landed):
    demo.all_done(landed.forge, landed.goal)
    demo.once_each(landed.forge, landed.goal)


def test_one_merge_per_task_with_trailers(landed):
    head = demo.run("git", "rev-parse", "HEAD", cwd=ROOT, home=landed.home).strip()
    shallow = demo.run("git", "rev-parse", "--is-shallow-repository", cwd=ROOT, home=landed.home).strip() == "true"
    begin = head if not shallow else demo.run("git", "rev-list", "--max-parents=0", "HEAD", cwd=landed.clone,
                                              home=landed.home).strip()
    demo.one_merge_per_task(landed.clone, landed.forge, landed.goal, begin, landed.home)


@pytest.mark.parametrize("arch", ["x86_64", "aarch64", "riscv64"])
def test_the_landed_kernel_builds_with_plain_make_and_answers_uptime(landed, arch):
    demo.answers(landed.clone, arch, landed.home)

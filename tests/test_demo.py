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


@pytest.mark.timeout(2400)
def test_the_demo(tmp_path, subtests):
    """One test, as pytest-xdist would otherwise run the demo once on each worker."""
    try:
        landed = Demo(tmp_path)
        for check in (tells_how_it_goes_and_how_it_went, closes_with_tasks_verdicts_attempts_and_costs,
                      has_everything_done_and_there_once, has_one_merge_per_task_with_trailers):
            with subtests.test(check.__name__):
                check(landed)
        with subtests.test("what landed is tried with the lines that are printed"):
            lines = re.search(r"^boot what landed .*:\n  (git clone .*)\n  (make .*)$", landed.said, re.M)
            demo.typed(list(lines.groups()), ROOT, landed.home)
        for arch in ("x86_64", "aarch64", "riscv64"):
            with subtests.test("the landed kernel builds with plain make and answers uptime", arch=arch):
                demo.answers(landed.clone, arch, landed.home)
    finally:
        subprocess.run([sys.executable, "-m", "bot", "forge", "stop", "--data", str(tmp_path / "forge")], cwd=ROOT,
                       check=False, capture_output=True)


def tells_how_it_goes_and_how_it_went(landed: Demo) -> None:
    assert "look on in a browser: http://127.0.0.1:" in landed.said
    assert re.search(r"task #\d+ +build-\w+ ✗|boot-\w+ ✗", landed.said), "a task is red first, and mended"
    assert "landed on main:" in landed.said and "goal done: http://127.0.0.1:" in landed.said
    assert re.search(r"time: \d+ s, of which [\d.]+ s are the bot's own share", landed.said)


def closes_with_tasks_verdicts_attempts_and_costs(landed: Demo) -> None:
    last = [comment.body for comment in landed.forge.comments_on(landed.goal) if comment.author == demo.BOT][-1]
    for task in landed.forge.sub_issues(landed.goal):
        assert f"| #{task.number} |" in last
    assert last.count("aarch64 PASS, riscv64 PASS, x86_64 PASS") == 3 and "Cost: $" in last


def has_everything_done_and_there_once(landed: Demo) -> None:
    demo.all_done(landed.forge, landed.goal)
    demo.once_each(landed.forge, landed.goal)


def has_one_merge_per_task_with_trailers(landed: Demo) -> None:
    head = demo.run("git", "rev-parse", "HEAD", cwd=ROOT, home=landed.home).strip()
    shallow = demo.run("git", "rev-parse", "--is-shallow-repository", cwd=ROOT, home=landed.home).strip() == "true"
    begin = head if not shallow else demo.run("git", "rev-list", "--max-parents=0", "HEAD", cwd=landed.clone,
                                              home=landed.home).strip()
    demo.one_merge_per_task(landed.clone, landed.forge, landed.goal, begin, landed.home)

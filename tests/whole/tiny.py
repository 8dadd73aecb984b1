"""A whole AUTON in small: forge, runner, workflows, jobs, sandbox and git are the real ones, in their own processes.

Small are the kernel (a shell script for one architecture, so that nothing is compiled) and the model (a recording
made here, whose tool calls are carried out for real).
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from bot.forge.client import Forge
from bot.run import local

ROOT = Path(__file__).parents[2]
BOT = "github-actions[bot]"
GOAL = "Answer to hello"
CONFIG = """\
[workflow]
max_attempts = 3

[agents]
cost_usd = {cost}

[agents.models]
default = "replay/{recording}"

[budget]
goal_usd = 50.0
day_usd = 500.0

[targets.toy]
build = "sh -n kernel.sh && cp kernel.sh image"
boot = "sh image"
image = "image"
timeout = 20
"""
KERNEL = """\
nonce=none
for word in $1; do case $word in nonce=*) nonce=${word#nonce=};; esac; done
echo "auton 0.1 toy nonce=$nonce"
echo 'KTAP version 1'
echo '1..1'
grep -qs BROKEN answers/* && { echo '# answers/t1:1: expected an answer, found BROKEN'; echo 'not ok 1 answers'; exit 35; }
echo 'ok 1 answers'
echo 'console ready'
printf 'auton> '
while read -r line; do
  case $line in
    poweroff) exit 33 ;;
    *) cat answers/* 2>/dev/null || echo unknown ;;
  esac
  printf 'auton> '
done
"""
COST = 0.01
"""Dollars that each recorded answer cost."""


def answer(*calls: tuple[str, dict]) -> dict:
    """One recorded answer: tool calls by name and arguments."""
    return {"text": "", "calls": [{"name": name, "arguments": json.dumps(given)} for name, given in calls],
            "usage": {"calls": 1, "input_tokens": 100, "output_tokens": 10, "cost_usd": COST}}


def task(key: str, *needs: str, role: str = "developer") -> dict:
    return {"key": key, "title": f"Answer {key}", "role": role, "body": f"Write answers/{key}.",
            "depends_on": list(needs), "acceptance": [f"answers/{key} exists"]}


def wrote(key: str, words: str, *before: tuple[str, dict]) -> list[dict]:
    """The answers of a developer who writes one file and hands it in."""
    return [*(answer(call) for call in before),
            answer(("write_file", {"path": f"answers/{key}", "text": words + "\n"})),
            answer(("submit", {"summary": f"answers/{key} is there, and the machine still boots."}))]


APPROVED = [answer(("submit", {"verdict": "approve", "summary": "Read all of it; it answers."}))]


def planned(*tasks: dict) -> list[dict]:
    return [answer(("submit", {"summary": "Each task writes one answer.", "tasks": list(tasks)}))]


def recording(runs: dict[tuple[str, str, int], list[dict]], goal: str = GOAL) -> dict:
    """A recording of `runs`, by role, task key and attempt."""
    return {"version": 1, "goal": goal, "source": {"models": ["written by hand for a test"]},
            "runs": [{"role": role, "task": key, "attempt": attempt, "answers": said}
                     for (role, key, attempt), said in runs.items()]}


def usual() -> dict[tuple[str, str, int], list[dict]]:
    """Three tasks, the last after the others; the first is red, then repaired."""
    runs = {("manager", "", 1): planned(task("t1"), task("t2"), task("t3", "t1", "t2", role="tester")),
            ("developer", "t1", 1): wrote("t1", "BROKEN"), ("developer", "t1", 2): wrote("t1", "hello"),
            ("developer", "t2", 1): wrote("t2", "good day"), ("tester", "t3", 1): wrote("t3", "good night")}
    return runs | {("reviewer", key, attempt): APPROVED for key, attempt in (("t1", 2), ("t2", 1), ("t3", 1))}


def one_task(*before: tuple) -> dict:
    """One task; `before` is what its developer does first."""
    return {**usual(), ("manager", "", 1): planned(task("t1")), ("developer", "t1", 1): wrote("t1", "hello", *before),
            ("reviewer", "t1", 1): APPROVED}


def git(*args: str, cwd: Path) -> str:
    done = subprocess.run(["git", "-c", "user.name=You", "-c", "user.email=you@example.org", *args], cwd=cwd,
                          capture_output=True, text=True)
    assert done.returncode == 0, f"git {' '.join(args)}: {done.stderr}"
    return done.stdout.strip()


class Tiny:
    """A checkout, the forge in `data` that serves it as you/tiny, and the people who use it."""

    def __init__(self, folder: Path, runs: dict | None = None, cost: float = 2.0, goal: str = GOAL):
        self.folder, self.checkout, self.data = folder, folder / "tiny", folder / "forge"
        self.checkout.mkdir()
        self.goal, self.said = goal, folder / "said.json"
        self.says(usual() if runs is None else runs)
        for path in git("ls-files", ".github/workflows", ".github/actions", cwd=ROOT).splitlines():
            (self.checkout / path).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(ROOT / path, self.checkout / path)
        (self.checkout / "auton.toml").write_text(CONFIG.format(recording=self.said, cost=cost))
        (self.checkout / "kernel.sh").write_text(KERNEL)
        (self.checkout / ".gitignore").write_text("image\n")
        git("init", "-q", "-b", "main", cwd=self.checkout)
        git("add", "-A", cwd=self.checkout)
        git("commit", "-qm", "A tiny kernel", cwd=self.checkout)

    def says(self, runs: dict) -> None:
        """From now on the model says `runs`."""
        self.said.write_text(json.dumps(recording(runs, self.goal)))

    # -- the forge's process --------------------------------------------------------------------------------------

    def start(self, port: int = 0) -> None:
        """Serve the data folder; the first time the repository is made."""
        self.told = local.start(self.data, port, self.checkout, seconds=120)
        token = self.told["tokens"]["you"]
        if "tiny" not in local.repositories(self.told["api"], token):
            local.create(self.told["api"], token, "tiny")
            local.push(self.checkout, f"{self.told['url']}/you/tiny.git", token)
        self.you, self.guest = (Forge(self.told["api"], "you/tiny", self.told["tokens"][who], server=self.told["url"])
                                for who in ("you", "guest"))

    @property
    def port(self) -> int:
        return int(self.told["url"].rpartition(":")[2])

    def auton(self, *args: str, **options) -> subprocess.CompletedProcess:
        return subprocess.run([sys.executable, "-m", "bot", *args], cwd=self.checkout, capture_output=True, text=True,
                              env={**os.environ, "PYTHONPATH": str(ROOT)}, **options)

    def stop(self) -> None:
        done = self.auton("forge", "stop", "--data", str(self.data))
        assert done.returncode == 0, done.stderr

    def kill(self) -> None:
        """SIGKILL the server, and wait until its port is free."""
        os.kill(self.told["pid"], signal.SIGKILL)
        wait(lambda: not alive(self.told["pid"]), "the server's death")

    def tick(self) -> subprocess.CompletedProcess:
        """`auton tick` by hand, as the owner of a GitHub repository would run it: with a token of the bot's."""
        env = {**os.environ, "PYTHONPATH": str(ROOT), "GITHUB_API_URL": self.told["api"],
               "GITHUB_SERVER_URL": self.told["url"], "GITHUB_REPOSITORY": "you/tiny"}
        return subprocess.run([sys.executable, "-m", "bot", "tick"], cwd=self.checkout, capture_output=True, text=True,
                              env=env | {"GITHUB_TOKEN": self.you.token})

    # -- what people do and see -----------------------------------------------------------------------------------

    def file(self, title: str = GOAL, body: str = "") -> int:
        return self.you.create_issue(title, body, ["auton:goal"]).number

    def state(self, number: int) -> str:
        """The state of a goal or task, as its label says."""
        names = [name.removeprefix("auton:") for name in self.you.issue(number).labels]
        return next((name for name in names if name not in ("goal", "task", "hold") and ":" not in name), "")

    def until(self, number: int, *states: str, seconds: float = 900) -> str:
        """Wait until the goal or task is in one of `states`."""
        return wait(lambda: (now := self.state(number)) in states and now, f"#{number} to be {' or '.join(states)}",
                    seconds)

    def tasks(self, goal: int) -> dict[str, int]:
        """Issue numbers by task key."""
        return {re.search(r"t\d+$", issue.title)[0]: issue.number for issue in self.you.sub_issues(goal)}

    def ask(self, number: int, words: str, who: Forge | None = None, seconds: float = 120) -> tuple[str, str]:
        """Comment `words`; the reaction and what the bot said to it (empty if nothing)."""
        comment = (who or self.you).create_comment(number, words)

        def answered() -> str:
            seen = next(one for one in self.you.comments_on(number) if one.id == comment.id)
            return seen.eyes and ("rocket" if seen.rocket else "confused" if seen.confused else "")

        how = wait(answered, f"an answer to {words!r}", seconds)
        said = [one.body for one in self.you.comments_on(number)
                if one.author == BOT and f'"c{comment.id}"' in one.body]
        return how, said[0] if said else ""

    def sticky(self, number: int) -> str:
        """The bot's standing comment on a goal or task."""
        return next(one.body for one in self.you.comments_on(number) if one.author == BOT)

    def runs(self, workflow: str = "auton-agent.yml") -> dict[str, str]:
        """Status or conclusion of each run by name."""
        found = self.you.runs(workflow, "2000-01-01")
        return {run.name: run.conclusion or run.status for run in found}

    def agents(self) -> list[tuple[int, str]]:
        """Processes on this machine that work for this forge's jobs, sandboxes included."""
        return processes(str(self.data / "actions" / "work"))


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def processes(mark: str) -> list[tuple[int, str]]:
    """(pid, command line) of those whose command line, folder or environment holds `mark`."""
    found = []
    for entry in os.scandir("/proc"):
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry.name}/cmdline", "rb") as file:
                words = file.read().replace(b"\0", b" ").decode(errors="replace")
            with open(f"/proc/{entry.name}/environ", "rb") as file:
                about = words + file.read().decode(errors="replace")
            about += os.readlink(f"/proc/{entry.name}/cwd")
        except OSError:
            continue
        if mark in about and alive(int(entry.name)):
            found.append((int(entry.name), words[:200]))
    return found


def wait(look, what: str, seconds: float = 200, every: float = 0.1):
    """The first truthy value of `look()`; AssertionError when there is none in time."""
    until = time.monotonic() + seconds
    while True:
        if found := look():
            return found
        assert time.monotonic() < until, f"waited {seconds:.0f} s for {what}"
        time.sleep(every)


@contextmanager
def world(folder: Path, runs: dict | None = None, **options):
    """A started Tiny, whose forge is stopped in the end."""
    tiny = Tiny(folder, runs, **options)
    tiny.start()
    try:
        yield tiny
    finally:
        if alive(tiny.told["pid"]):
            tiny.stop()

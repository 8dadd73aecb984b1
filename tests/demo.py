"""Looks at a forge after the demo: what must be there once, what landed, and whether it builds, boots and answers.

Used by the end-to-end test (`test_demo.py`) and by the crash campaign (`python -m tests.crash_demo`).
"""

import os
import re
import subprocess
import time
from collections import Counter
from pathlib import Path

from bot.forge.client import Forge
from bot.reconcile import sticky

GOAL = ("Add a console command `uptime` that answers with the seconds since boot, on all three architectures, "
        "with KTAP tests.")
BOT = "github-actions[bot]"
ANSWER = re.compile(r"^up (\d+)\.\d{3} s\r?$", re.M)
TRAILERS = ("Auton-Goal", "Auton-Task", "Auton-Attempt")


def plain_environment(home: Path) -> dict[str, str]:
    """What a newcomer's shell has: nothing of ours."""
    return {"PATH": os.environ["PATH"], "HOME": str(home), "GIT_CONFIG_NOSYSTEM": "1", "GIT_TERMINAL_PROMPT": "0"}


def run(*words: str, cwd: Path, home: Path, stdin: str = "", ok: tuple[int, ...] = (0,)) -> str:
    done = subprocess.run(words, cwd=cwd, env=plain_environment(home), input=stdin, capture_output=True, text=True,
                          timeout=900)
    assert done.returncode in ok, f"{' '.join(words)}: exit code {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout


# -- the forge --------------------------------------------------------------------------------------------------------


def once_each(forge: Forge, goal: int) -> None:
    """Nothing is there twice: no task, pull request, comment, review, run or cost."""
    tasks = forge.sub_issues(goal)
    keys = Counter((sticky.parse(task.body) or {}).get("key") for task in tasks)
    everything = forge.issues("auton:task", "all")
    assert len(everything) == len(tasks) and set(keys.values()) == {1}, f"tasks: {keys}, {everything}"
    pulls = list(forge.wire.pages(f"{forge.at}/pulls", {"state": "all"}))
    branches = Counter(pull["head"]["ref"] for pull in pulls)
    assert branches == Counter(f"auton/g{goal}/t{task.number}" for task in tasks), branches
    for number in [goal, *(task.number for task in tasks)]:
        said = Counter(_name(comment.body) for comment in forge.comments_on(number) if comment.author == BOT)
        assert set(said.values()) == {1}, f"comments of #{number}: {said}"
    for pull in pulls:
        reviews = Counter(_name(review["body"]) for review in forge.reviews(pull["number"]))
        assert set(reviews.values()) <= {1}, f"reviews of #{pull['number']}: {reviews}"
    runs = [run["key"] for number in [goal, *(task.number for task in tasks)] for run in _memory(forge, number)["runs"]]
    assert len(runs) == len(set(runs)), f"cost entries: {sorted(runs)}"


def costs(forge: Forge, goal: int) -> dict[str, tuple[str, float]]:
    """How each run ended and what it is charged for, by key."""
    numbers = [goal, *(task.number for task in forge.sub_issues(goal))]
    return {run["key"]: (run.get("status", "started"), run.get("usage", {}).get("cost_usd", 0.0))
            for number in numbers for run in _memory(forge, number)["runs"]}


def _name(body: str) -> str:
    """What makes a comment of the bot the one that it is."""
    state = sticky.parse(body) or {}
    return f"{state.get('kind')} {state.get('key') or ''}"


def _memory(forge: Forge, number: int) -> dict:
    states = [sticky.parse(comment.body) or {} for comment in forge.comments_on(number) if comment.author == BOT]
    [found] = [state for state in states if state.get("kind") in ("goal", "task")]
    return found


def all_done(forge: Forge, goal: int) -> None:
    """The goal and its tasks are closed and landed, and nothing of the work is left over."""
    assert "auton:done" in forge.issue(goal).labels and not forge.issue(goal).open
    for task in forge.sub_issues(goal):
        assert "auton:landed" in task.labels and not task.open, f"#{task.number}: {sorted(task.labels)}"
    for pull in forge.wire.pages(f"{forge.at}/pulls", {"state": "all"}):
        assert pull["merged_at"], f"pull request #{pull['number']} is not merged"
    assert not forge.refs("heads/auton/queue/"), "branches of the queue are left"


# -- what landed ------------------------------------------------------------------------------------------------------


def one_merge_per_task(clone: Path, forge: Forge, goal: int, before: str, home: Path) -> None:
    """The first parents of main since `before`: a merge commit per task, with its trailers."""
    form = "%P%x00%s%x00" + "%x00".join(f"%(trailers:key={key},valueonly,separator=%x2C)" for key in TRAILERS)
    log = run("git", "log", "--first-parent", f"--format={form}", f"{before}..HEAD", cwd=clone, home=home)
    merges = [line.split("\0") for line in log.splitlines()]
    titles = {f"#{task.number}": task.title for task in forge.sub_issues(goal)}
    assert sorted(merge[3] for merge in merges) == sorted(titles), log
    for parents, subject, of_goal, of_task, attempt in merges:
        assert len(parents.split()) == 2 and of_goal == f"#{goal}" and int(attempt) >= 1
        assert titles[of_task] in subject


def answers(clone: Path, arch: str, home: Path) -> None:
    """Plain make builds the kernel, its own tests pass, and `uptime` answers at its console, growing."""
    run("make", f"-j{os.cpu_count()}", "-C", "kernels", f"ARCH={arch}", cwd=clone, home=home)
    console = subprocess.Popen([clone / "kernels" / "boot", arch, "nonce=0123456789abcdef test"], cwd=clone,
                               env=plain_environment(home), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    log = _talk(console, code=33)
    assert "nonce=0123456789abcdef" in log and "\nnot ok" not in log and "ok" in log, log


def typed(lines: list[str], cwd: Path, home: Path) -> None:
    """Lines that end at a kernel's console, typed into a shell as they are: `uptime` answers there."""
    shell = subprocess.Popen(["sh", "-ec", "\n".join(lines)], cwd=cwd, env=plain_environment(home), stdin=subprocess.PIPE,
                             stdout=subprocess.PIPE, text=True)
    _talk(shell, code=0)


def _talk(console: subprocess.Popen, code: int) -> str:
    """Ask for `uptime` twice, a second apart, and leave with `code`; what was said before."""
    with console:
        try:
            log = _until(console, "auton> ")
            first = _asked(console)
            time.sleep(1.1)
            assert _asked(console) > first, "uptime does not grow"
            console.stdin.write("poweroff\n")
            console.stdin.flush()
            assert console.wait(120) == code, "expected the exit code of a pass"
            return log
        finally:
            console.kill()


def _asked(console: subprocess.Popen) -> int:
    console.stdin.write("uptime\n")
    console.stdin.flush()
    said = _until(console, "auton> ")
    found = ANSWER.search(said)
    assert found, f"expected `up <seconds>.<milliseconds> s`, found {said!r}"
    return int(found[1])


def _until(console: subprocess.Popen, prompt: str) -> str:
    """What the console says up to `prompt` (the pipe is read a character at a time: a prompt ends no line)."""
    said = ""
    while not said.endswith("\n" + prompt):
        letter = console.stdout.read(1)
        assert letter, f"the machine left early, exit code {console.wait()}:\n{said[-2000:]}"
        said += letter
    return said

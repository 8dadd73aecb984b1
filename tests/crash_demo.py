"""The demo with SIGKILL: `python -m tests.crash_demo [ROUNDS] [SEED]` (`make crash-demo`).

Each round runs the goal of `make demo` on a forge of its own. At random moments everything dies at once, the forge's
server and all that it started, and `auton forge serve` is started again; or only the bot dies, in the midst of an
`auton` command, and `auton tick` is called by hand. The end must be the demo's: every task landed once, nothing there
twice, and each run charged once for what it used.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from bot.forge.client import Forge
from bot.run import local
from tests import demo
from tests.whole.tiny import processes

ROOT = Path(__file__).parent.parent
KILLS = 5
"""In a round."""


def auton(*args: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([sys.executable, "-m", "bot", *args], cwd=ROOT, capture_output=True, text=True, **options)


def local_environment() -> dict[str, str]:
    """This environment, naming no forge."""
    return {name: value for name, value in os.environ.items() if not name.startswith("GITHUB_")}


def kill(pids: list[int]) -> None:
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


class Round:
    def __init__(self, data: Path, chance: random.Random):
        self.data, self.chance = data, chance
        self.told = local.start(data, 0, ROOT)
        token = self.told["tokens"]["you"]
        name = local.create(self.told["api"], token, "auton")
        local.push(ROOT, f"{self.told['url']}/you/{name}.git", token)
        self.forge = Forge(self.told["api"], f"you/{name}", token, server=self.told["url"])
        self.goal = self.forge.create_issue(demo.GOAL, "", ["auton:goal"]).number

    @property
    def port(self) -> int:
        return int(self.told["url"].rpartition(":")[2])

    def bots(self) -> list[int]:
        """Processes of the bot's own commands that are at work now."""
        return [pid for pid, words in processes(str(self.data / "actions" / "work"))
                if any(f"auton {name}" in words for name in ("tick", "apply", "report", "screen", "agent", "verify"))]

    def strike(self) -> str:
        if self.chance.random() < 0.5 and (found := self.bots()):
            kill([self.chance.choice(found)])
            self.tick()
            return "one of the bot's commands"
        kill([self.told["pid"], *(pid for pid, _ in processes(str(self.data)))])
        time.sleep(0.2)
        self.told = local.start(self.data, self.port, ROOT)
        return "the forge and all that it had started"

    def tick(self) -> None:
        done = auton("tick", "--data", str(self.data), env=local_environment())
        assert done.returncode == 0, done.stderr

    def ended(self) -> bool:
        return bool({"auton:done", "auton:blocked", "auton:cancelled"} & set(self.forge.issue(self.goal).labels))

    def run(self, seconds: float) -> None:
        begin, struck = time.monotonic(), 0
        next_strike = begin + self.chance.uniform(1, 25)
        while not self.ended():
            assert time.monotonic() - begin < seconds, "the goal did not end in time"
            if struck < KILLS and time.monotonic() > next_strike:
                struck += 1
                print(f"  {time.monotonic() - begin:5.0f} s: killed {self.strike()}", flush=True)
                next_strike = time.monotonic() + self.chance.uniform(1, 25)
            time.sleep(0.3)
        print(f"  {time.monotonic() - begin:5.0f} s: ended, killed {struck} times", flush=True)

    def check(self) -> None:
        demo.all_done(self.forge, self.goal)
        demo.once_each(self.forge, self.goal)
        for key, (status, cost) in demo.costs(self.forge, self.goal).items():
            print(f"    {key:30} {status:10} ${cost:.4f}")


def main(rounds: int = 3, seed: int | None = None) -> int:
    seed = random.SystemRandom().randrange(10**6) if seed is None else seed
    for number in range(rounds):
        print(f"round {number + 1} of {rounds}, seed {seed + number}", flush=True)
        with tempfile.TemporaryDirectory(prefix="auton-crash-", ignore_cleanup_errors=True) as folder:
            data = Path(folder) / "forge"
            try:
                one = Round(data, random.Random(seed + number))
                one.run(seconds=1800)
                one.check()
            except AssertionError as error:
                kept = Path(tempfile.mkdtemp(prefix=f"auton-crash-{seed + number}-")) / "forge"
                auton("forge", "stop", "--data", str(data))
                data.rename(kept)
                print(f"FAILED: {error}\nits forge is kept: auton forge serve --data {kept}")
                return 1
            finally:
                if data.exists():
                    auton("forge", "stop", "--data", str(data))
    print(json.dumps({"rounds": rounds, "seed": seed, "passed": True}))
    return 0


if __name__ == "__main__":
    sys.exit(main(*map(int, sys.argv[1:])))

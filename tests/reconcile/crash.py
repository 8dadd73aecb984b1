"""The crash test's runs: a whole run in which the bot dies after its nth call, against one in which it never does.

`python -m tests.reconcile.crash [FIRST]` (`make crash-test`) tries every n; `test_crash.py` takes a sample.
"""

import difflib
import json
import sys
import tempfile
from pathlib import Path

from tests.reconcile.world import Script, World, plan, serve

LOCK = ("/git/commits", "/git/refs", "/git/refs/auton/tick")


def script() -> Script:
    """Two tasks, one after the other; the first is red, then repaired."""
    return Script([plan(("t1", "developer"), ("t2", "tester", "t1"))],
                  changes={("t1", 1): {"uptime.c": "BROKEN\n"}, ("t1", 2): {"uptime.c": "uptime\n"}}, red={"BROKEN"})


def whole_run(world: World) -> dict:
    goal = world.file_goal()
    world.comment(goal, "/auton priority 3")
    world.comment(goal, "Please: /auton stop\n\n> /auton stop\n\n/auton rety")
    world.work()
    assert world.state(goal) == "done"
    return world.picture()


def undisturbed(folder: Path) -> tuple[dict, int]:
    """What the forge looks like in the end, and how many calls the bot made."""
    with serve(folder, script()) as world:
        return whole_run(world), world.calls


def killed_after(n: int, folder: Path, expected: dict) -> None:
    """The process that makes the run's nth call dies right after it: the write took effect, nobody remembers it."""
    with serve(folder, script()) as world:
        world.kill = lambda number, verb, path: number == n
        found = whole_run(world)
        assert world.deaths == 1
    compare(found, expected, f"killed after call {n}")


def after_every_write(world: World):
    """For `world.kill`: every process dies right after the first write that the one before it did not make as well.

    Only taking the lock is spared.
    """
    earlier: list[tuple[str, str]] = []
    writes: dict[int, list[tuple[str, str]]] = {}

    def kill(number: int, verb: str, path: str) -> bool:
        if verb == "GET" or path == "fetch" or path.endswith(LOCK):
            return False
        now = writes.setdefault(len(world.life), [])
        now.append((verb, path))
        if now == earlier[: len(now)]:
            return False
        earlier[:] = now
        return True

    return kill


def killed_after_every_write(folder: Path, expected: dict) -> None:
    with serve(folder, script()) as world:
        world.kill = after_every_write(world)
        found = whole_run(world)
        assert world.deaths > 50
    compare(found, expected, "killed after every write")


def compare(found: dict, expected: dict, how: str) -> None:
    for part in expected:
        if found[part] != expected[part]:
            was, now = (json.dumps(one[part], indent=1, ensure_ascii=False).splitlines() for one in (expected, found))
            raise AssertionError(f"{how}: {part}\n" + "\n".join(difflib.unified_diff(was, now, lineterm="", n=1)))


def main(first: int = 1) -> None:
    with tempfile.TemporaryDirectory() as folder:
        expected, calls = undisturbed(Path(folder) / "0")
    for n in range(first, calls + 1):
        with tempfile.TemporaryDirectory() as folder:
            killed_after(n, Path(folder), expected)
        print(f"killed after call {n} of {calls}: the same", flush=True)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))

"""A bot that is killed after any call to the forge, and started again, ends in the state of one that never was.

A sample of the calls here, a different one with AUTON_SEED; `make crash-test` kills after every single one.
"""

import os
import random

import pytest

from tests.reconcile import crash
from tests.reconcile.world import serve

SAMPLES = 4


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    return crash.undisturbed(tmp_path_factory.mktemp("undisturbed"))


@pytest.mark.parametrize("sample", range(SAMPLES))
def test_killed_once(sample, undisturbed, tmp_path):
    expected, calls = undisturbed
    chosen = random.Random(os.environ.get("AUTON_SEED", "1")).sample(range(1, calls + 1), SAMPLES)
    crash.killed_after(sorted(chosen)[sample], tmp_path, expected)


def test_killed_with_money_set_aside_and_nothing_started(undisturbed, tmp_path):
    """The memory of a run is written before its label and its dispatch: a round that has only these left to do must
    not end with the label."""
    expected, calls = undisturbed
    seen = {}

    def kill(number: int, verb: str, path: str) -> bool:
        seen[number] = path
        return False

    with serve(tmp_path / "seen", crash.script()) as world:
        world.kill = kill
        crash.whole_run(world)
    first = min(number for number, path in seen.items() if path.endswith("/issues/1/labels"))
    crash.killed_after(first - 1, tmp_path / "killed", expected)


def test_killed_after_every_write(undisturbed, tmp_path):
    crash.killed_after_every_write(tmp_path, undisturbed[0])

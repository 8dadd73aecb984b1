"""Whole runs on the real local forge: a goal issue becomes merge commits on main."""

import pytest

from tests.reconcile.world import Script, plan, serve


@pytest.fixture
def world(tmp_path, request):
    script, settings = getattr(request, "param", (Script([plan(("t1", "developer"))]), {}))
    with serve(tmp_path, script, **settings) as made:
        yield made


def test_a_goal_becomes_a_merge_commit(world):
    goal = world.file_goal()
    world.work()
    assert world.state(goal) == "done"
    assert not world.you.issue(goal).open

"""What a run that was cancelled is charged: what its own files tell, and else all that was set aside, said as such."""

import re
import zipfile

import pytest

from bot import handoff
from bot.errors import Refused
from bot.handoff import Usage
from bot.reconcile import leftover
from bot.reconcile import model as m
from tests.reconcile import crash
from tests.reconcile.paper import Paper, settings
from tests.reconcile.test_answers import posted, said
from tests.reconcile.test_decide import planned
from tests.reconcile.world import Script, plan, serve

TWO = plan(("t1", "developer"), ("t2", "developer"))
KEY = "g1-t2-a1-developer"


def stopped(used: dict[int, Usage], command: str = "/auton stop") -> tuple[Paper, int, str]:
    """Two agents at work are stopped; `used` is what the files of the run of a task (1 or 2) tell."""
    paper = Paper()
    goal = planned(paper, TWO)
    answer = said(paper, goal, command)
    names = paper.waiting()
    for name in names:
        paper.lose(name)
    keys = {n: next(name for name in names if f"-t{paper.task(f't{n}')}-" in name) for n in used}
    paper._put(used={keys[n]: usage for n, usage in used.items()})
    paper.rest()
    return paper, goal, answer


def test_what_is_known_is_charged_and_the_reservation_is_free_again():
    paper, goal, answer = stopped({1: Usage(calls=3, cost_usd=0.05), 2: Usage()})
    assert "2 agent runs are being cancelled" in answer and "stays reserved ($4.00 at most)" in answer
    assert "Cost: $0.0600 of $" in paper.snap.goals[goal].sticky.body
    assert "| developer | 1 | lost | 0 s | 3 | 0 / 0 | $0.0500 |" in paper.snap.tasks[paper.task("t1")].sticky.body
    assert paper.memory(paper.task("t2")).cost == 0, "it never came to ask a model"
    assert paper.spent() == pytest.approx(0.06)


def test_what_is_not_known_stays_reserved_and_is_told_apart_from_what_was_spent():
    paper, goal, _ = stopped({1: Usage(calls=3, cost_usd=2.0)})
    body = paper.snap.goals[goal].sticky.body
    assert "Cost: $0.0100 and $4.00 reserved for runs whose use is not known, of $" in body
    assert body.count("$2.00 ($2.00 of it not known)") == 2
    assert "| $2.00 reserved, not known: cancelled while a model was asked |" in paper.snap.tasks[paper.task("t1")].sticky.body
    assert "| $2.00 reserved, not known: cancelled |" in paper.snap.tasks[paper.task("t2")].sticky.body


def test_what_is_not_known_counts_against_the_budget_as_before():
    paper = Paper(settings(budget={"goal_usd": 4.0}))
    goal = planned(paper, TWO)
    paper.type(goal, "/auton stop")
    paper.rest()
    for name in paper.waiting():
        paper.lose(name)
    paper.rest()
    assert paper.spent() == pytest.approx(4.0)
    paper.type(goal, "/auton unhold")
    assert "Type `/auton budget $6.00` to go on" in posted(paper, f"g{goal}-budget")


def test_a_cancelled_goal_is_closed_when_its_runs_are_accounted_for():
    paper, goal, answer = stopped({1: Usage(calls=1, cost_usd=0.02), 2: Usage()}, "/auton cancel")
    assert "2 agent runs are being cancelled" in answer and "closed when that is known" in answer
    assert not paper.snap.goals[goal].issue.open and paper.memory(goal).open_run is None
    assert "Cost: $0.0300 of $" in paper.snap.goals[goal].sticky.body and not paper.waiting()
    paper._put(notices=frozenset())
    assert "Cost: $0.0300 of $" in posted(paper, f"g{goal}-cancelled")


def test_a_run_that_hands_in_after_its_goal_was_cancelled_leaves_no_open_pull_request():
    paper = Paper()
    goal = planned(paper)
    paper.type(goal, "/auton cancel")
    paper.rest()
    paper.answer(paper.waiting()[0], cost=0.03)
    assert m.ClosePull(1000 + paper.task("t1")) in paper.round()
    paper.rest()
    assert paper.memory(paper.task("t1")).cost == 0.03 and not paper.snap.goals[goal].issue.open


def test_a_run_is_cancelled_though_the_bot_dies_as_soon_as_it_remembers_the_stop():
    paper = Paper()
    goal = planned(paper)
    run = paper.snap.runs[paper.waiting()[0]]
    paper.type(goal, "/auton stop")
    actions = paper.round(0)
    first = next(n for n, a in enumerate(actions) if isinstance(a, m.Remember) and a.memory.held)
    assert m.CancelRun(run.id) in actions[:first]


@pytest.mark.parametrize("steps, cost", [
    ({}, "$0.00"), ({"Set up job": "success", "auton agent": "skipped"}, "$0.00"),
    ({"Set up job": "success", "auton agent": "cancelled"}, "$2.00 reserved, not known: cancelled"),
    ({"Set up job": "cancelled"}, "$2.00 reserved, not known: cancelled"), (None, "$2.00 reserved, not known: cancelled")])
def test_a_run_that_was_cancelled_before_its_agent_began_has_used_nothing(tmp_path, steps, cost):
    assert charged(tmp_path, steps=steps) == cost


@pytest.mark.parametrize("branch, cost", [("main", "$0.50"), ("theirs", "$2.00 reserved, not known: cancelled")])
def test_files_are_believed_of_our_own_workflow_alone(tmp_path, branch, cost):
    files = {"result.json": result(key="g1-plan-a1-manager", task=None, role="manager")}
    assert charged(tmp_path, files=files, branch=branch) == cost


def charged(folder, **how) -> str:
    """What the manager's run is charged after a stop, as its goal's comment shows it."""
    with serve(folder, Script([TWO])) as world:
        goal = world.file_goal()
        world.tick()
        job = world.stage.jobs[-1]
        job.created = "2026-01-01T00:00:00Z"  # long over
        for name, value in how.items():
            setattr(job, name, value)
        world.comment(goal, "/auton stop")
        world.work()
        world.work()
        assert (job.name, job.conclusion) == (f"g{goal}-plan-a1-manager", "cancelled")
        return re.search(r"\| manager \| 1 \| lost \| 0 s \| \d \| 0 / 0 \| (.*?) \|", world.said(goal)[0])[1]


@pytest.mark.parametrize("command", ["stop", "cancel"])
def test_a_bot_that_dies_after_every_write_stops_and_accounts_all_the_same(tmp_path, command):
    with serve(tmp_path, Script([TWO])) as world:
        goal = world.file_goal()
        world.tick()
        job = world.stage.jobs[-1]
        job.created, job.files = "2026-01-01T00:00:00Z", {"result.json": result(key=job.name, task=None, role="manager")}
        world.kill = crash.after_every_write(world)
        world.comment(goal, f"/auton {command}")
        world.work()
        world.work()
        assert world.deaths > 4 and job.conclusion == "cancelled" and len(world.stage.jobs) == 1
        told = world.said(goal)
        assert "Cost: $0.50 of $" in told[0] and sum("One agent run is being cancelled" in text for text in told) == 1
        assert sum("This goal was given up" in text and "Cost: $0.50 of" in text for text in told) == (command == "cancel")
        assert world.you.issue(goal).open == (command == "stop")


# -- the files themselves ---------------------------------------------------------------------------------------------


def result(**changes) -> str:
    return handoff.Result(**{"key": KEY, "role": "developer", "goal": 1, "task": 2, "attempt": 1, "model": "x/y",
                             "status": "lost", "head_sha": "0" * 40, "usage": Usage(calls=2, cost_usd=0.5), **changes}).model_dump_json()


def brief(key: str = KEY) -> str:
    return handoff.Brief(key=key, mode="dual", role="developer", attempt=1, goal=1, goal_title="G", goal_body="", branch="b",
                         base_sha="0", head_sha="0", targets=[], model="x/y",
                         limits=handoff.Limits(cost_usd=2, steps=1, seconds=1)).model_dump_json()


@pytest.mark.parametrize("files, known", [
    ({"result.json": result(), "brief.json": brief()}, 0.5), ({"brief.json": brief(), "trajectory.jsonl": ""}, 0.0),
    ({"brief.json": brief("g1-t2-a2-developer")}, None), ({"result.json": result(key="g1-t2-a2-developer")}, None),
    ({"trajectory.jsonl": ""}, None), ({"result.json": " " * (5 << 20), "brief.json": brief()}, None), ({}, None)])
def test_files_tell_what_was_used_or_nothing(tmp_path, files, known):
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    found = leftover.usage(tmp_path / "it.zip", KEY)
    assert found is None if known is None else found.cost_usd == known


def test_files_that_are_broken_tell_nothing(tmp_path):
    (tmp_path / "it.zip").write_bytes(b"PK no zip")
    assert leftover.usage(tmp_path / "it.zip", KEY) is None
    with zipfile.ZipFile(tmp_path / "it.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("result.json", result(summary="x" * 10_000))
    whole = (tmp_path / "it.zip").read_bytes()
    (tmp_path / "it.zip").write_bytes(whole[:60] + b"\xff" * 40 + whole[100:])
    assert leftover.usage(tmp_path / "it.zip", KEY) is None
    with zipfile.ZipFile(tmp_path / "it.zip", "w") as archive:
        archive.writestr("result.json", result().replace("0.5", "-1"))
    with pytest.raises(Refused):
        leftover.usage(tmp_path / "it.zip", KEY)

"""Goals and tasks that have ended, on the real local forge: they answer, and opened again they say why they are closed."""

import pytest

from tests.reconcile.world import Script, plan, serve

ONE = plan(("t1", "developer"))


@pytest.fixture
def world(tmp_path):
    with serve(tmp_path, Script([ONE])) as made:
        yield made


def ask(world, number: int, words: str, who=None) -> tuple[str, str]:
    """How the comment is marked, and what the bot says to it."""
    comment = world.comment(number, words, who)
    world.work()
    seen = next(one for one in world.you.comments_on(number) if one.id == comment)
    assert seen.eyes == 1
    said = [text for text in world.said(number) if f'"c{comment}"' in text]
    assert len(said) == 1
    return "rocket" if seen.rocket else "confused" if seen.confused else "", said[0]


def landed(world) -> tuple[int, int, int]:
    goal = world.file_goal()
    world.work()
    assert world.state(goal) == "done"
    task = world.you.sub_issues(goal)[0].number
    return goal, task, world.you.pull_of(f"auton/g{goal}/t{task}").number


def test_a_landed_goal_answers_who_asks_and_says_why_it_can_not_be_steered(world):
    goal, task, pull = landed(world)
    how, said = ask(world, goal, "/auton status", world.guest)
    assert how == "rocket" and "This goal has landed" in said and f"| #{task} | Part t1 | developer | ✅ landed |" in said
    assert "Cost: $0.0300 of $" in said and "AUTON work" not in said
    how, said = ask(world, goal, "/auton explain")
    assert how == "rocket" and "This goal has landed" in said and "Nothing more happens here" in said
    for number, what in ((goal, "goal"), (task, "task"), (pull, "task")):
        how, said = ask(world, number, "/auton retry")
        assert how == "confused" and f"`/auton retry` is refused: this {what} has landed" in said and "file a new issue" in said
        assert ask(world, number, "/auton help")[0] == "rocket"
    for number in (task, pull):
        how, said = ask(world, number, "/auton status")
        assert how == "rocket" and "This task has landed" in said and "| developer | 1 | submitted |" in said
        assert "on the default branch as" in ask(world, number, "/auton explain")[1]
    how, said = ask(world, goal, "/auton budget $9", world.guest)
    assert how == "confused" and "no write permission" in said
    assert not world.you.issue(goal).open and world.state(goal) == "done"


def test_what_is_answered_is_not_read_again(world):
    goal, task, pull = landed(world)
    for number in (goal, task, pull):
        ask(world, number, "/auton status")
        ask(world, number, "/auton hold")
    read = []
    world.kill = lambda number, verb, path: read.append((verb, path)) and False
    world.file_goal("Another goal")
    world.tick()
    assert not [path for verb, path in read if f"/issues/{goal}" in path or f"/issues/{task}" in path or f"/issues/{pull}" in path]


def test_a_cancelled_goal_says_who_cancelled_it(world):
    goal = world.file_goal()
    world.tick()
    ask(world, goal, "/auton hold\n/auton status")
    world.comment(goal, "/auton cancel")
    world.work()
    assert world.state(goal) == "cancelled"
    how, said = ask(world, goal, "/auton status")
    assert how == "rocket" and "This goal was cancelled by @you; to take it up again, file a new issue" in said
    how, said = ask(world, goal, "/auton unhold")
    assert how == "confused" and "was cancelled by @you" in said


def test_a_goal_that_a_person_closed_says_how_it_goes_on_and_does(world):
    goal = world.file_goal()
    world.tick()
    world.you.close_issue(goal, "not_planned")
    how, said = ask(world, goal, "/auton retry")
    assert how == "confused" and "closed by hand while it was planning; reopen it to go on" in said
    world.you.reopen_issue(goal)
    world.work()
    assert world.state(goal) == "done" and not [text for text in world.said(goal) if "has reopened this" in text]


def test_other_issues_are_none_of_ours(world):
    other = world.you.create_issue("A bug", "It is slow.", []).number
    how, said = ask(world, other, "/auton status")
    assert how == "confused" and "neither a goal nor a task" in said
    early = world.file_goal("Closed at once")
    world.you.close_issue(early, "completed")
    assert "closed before it was taken up; reopen it" in ask(world, early, "/auton plan")[1]


def test_what_has_ended_is_closed_again_with_one_comment_for_each_reopening_whenever_the_bot_dies(world):
    goal, _, _ = landed(world)
    times = died = 0
    while died == times:
        times += 1
        world.you.reopen_issue(goal)
        at = world.calls + times
        world.kill = lambda number, verb, path: number == at  # noqa: B023 used before the next round
        before = world.deaths
        world.work()
        died += world.deaths > before
        assert not world.you.issue(goal).open and world.state(goal) == "done"
        again = [text for text in world.said(goal) if "@you has reopened this, and it is closed again" in text]
        assert len(again) == times
        assert "this goal has landed; " in again[-1] and "file a new issue with the label `auton:goal`" in again[-1]
    assert times > 10, "each call of the tick is the last one once"

"""Goals and tasks that have ended, on the real local forge: they answer, and opened again they say why they are closed."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.forge.records import Comment
from bot.reconcile import ended
from bot.reconcile import model as m
from bot.reconcile.slash import parse
from tests.reconcile.world import BOT, Script, plan, serve

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
        assert ask(world, number, "/AUTON Help")[0] == "rocket"
    for number in (task, pull):
        how, said = ask(world, number, "/auton status")
        assert how == "rocket" and "This task has landed" in said and "| developer | 1 | submitted |" in said
        assert "on the default branch as" in ask(world, number, "/auton explain")[1]
    how, said = ask(world, goal, "/auton budget $9", world.guest)
    assert how == "confused" and "no write permission" in said
    assert not world.you.issue(goal).open and world.state(goal) == "done"


def test_what_was_typed_before_midnight_is_read_after_it(world):
    goal, _, _ = landed(world)
    typed = world.comment(goal, "/auton status")
    midnight = (datetime.now(UTC) + timedelta(days=1)).replace(hour=0, minute=0, second=1)
    world.tick(clock=lambda: midnight)
    assert next(c for c in world.you.comments_on(goal) if c.id == typed).rocket


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


def test_what_was_answered_before_it_ended_is_not_answered_again_though_it_shows_up_anew(world):
    goal = world.file_goal()
    world.tick()
    ask(world, goal, "/auton hold\n/auton unhold\n/auton status")
    quiet = world.comment(goal, "/auton priority 3")
    world.work()
    assert world.state(goal) == "done"
    answered = [one for one in world.you.comments_on(goal) if one.author == "you"]
    assert quiet in [one.id for one in answered]
    fresh = Comment(10**6, goal, "you", "/auton status", "t")
    commands = tuple(m.Command(one, goal, tuple(parse(one.body)), True) for one in (*answered, fresh))
    left, closed = ended.spoken_to(world.you, commands, set(), BOT)
    assert [one.comment.id for one in left] == [fresh.id] and closed[goal].memory.state == "done"


def test_a_command_on_a_goal_that_was_just_reopened_is_refused_with_the_reason(world):
    goal, task, _ = landed(world)
    world.you.reopen_issue(goal)
    how, said = ask(world, goal, "/auton plan")
    assert how == "confused" and "this goal has landed; for what is still to be done" in said
    world.you.reopen_issue(goal)
    world.comment(goal, "/auton budget $100\n/auton priority 4")
    how, said = ask(world, task, "/auton cancel")
    assert how == "confused" and "has landed" in said and not world.you.issue(goal).open


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
    assert world.you.reopened(goal, BOT) is None, "it was not the bot who had closed it"
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

"""What people are told: refusals that say what to type instead, sums that add up, and answers about what has ended."""

import pytest

from bot.handoff import Usage
from bot.reconcile import model as m
from tests.reconcile.paper import Paper, settings
from tests.reconcile.test_decide import built, planned
from tests.reconcile.world import plan


def said(paper: Paper, number: int, text: str, **who) -> str:
    """What the bot answers to `text`; empty when it only marks the comment."""
    comment = paper.type(number, text, **who)
    posted = [a.body for a in paper.round() if isinstance(a, m.Say) and a.key == f"c{comment}"]
    paper.rest()
    return posted[0] if posted else ""


def posted(paper: Paper, key: str) -> str:
    """The text of the notice whose key begins so; it is posted on the way to rest."""
    for _ in range(100):
        actions = paper.round()
        found = [a.body for a in actions if isinstance(a, m.Say) and a.key.startswith(key)]
        if found or not actions:
            return found[0] if found else ""
    raise AssertionError("decide never comes to rest")


@pytest.mark.parametrize("text, answer", [
    ("/auton frobnicate", "`/auton frobnicate` is refused: there is no command `frobnicate`. `/auton help` lists the commands."),
    ("/auton", "`/auton` is refused: expected a command after it, found none. `/auton help` lists the commands."),
    ("/auton rety", "`/auton rety` is refused: there is no command `rety`; did you mean `/auton retry`? "
                    "`/auton help` lists the commands."),
    ("/auton ///", "`/auton` is refused: that is no command's name. `/auton help` lists the commands."),
    ("/auton budget", "`/auton budget` is refused: expected `/auton budget $N`.")])
def test_what_is_no_command_is_named_as_it_was_typed_and_pointed_to_the_help_once(text, answer):
    paper = Paper()
    assert said(paper, planned(paper), text) == answer


def test_a_hold_shows_since_when_at_once():
    paper = Paper()
    goal = planned(paper)
    task = paper.task("t1")
    for number in (goal, task):
        paper.later(60)
        assert said(paper, number, "/auton hold") == ""
        head = paper.snap.goals.get(number, paper.snap.tasks.get(number)).sticky.body
        assert f" · on hold since {m.now_text(paper.now)}\n" in head
    paper.type(goal, "/auton unhold")
    paper.rest()
    assert "on hold" not in paper.snap.goals[goal].sticky.body


def test_the_least_budget_that_lets_a_goal_go_on_is_advised_and_is_enough():
    paper = Paper()
    goal = planned(paper)
    paper.type(goal, "/auton budget $0.01")
    paper.rest()
    built(paper)
    paper.judge(paper.waiting()[0])
    advice = posted(paper, f"g{goal}-budget")
    assert "Type `/auton budget $2.02` to go on" in advice  # a plan and a change of a cent each, a run of two dollars
    assert "$0.0200 spent or reserved so far, and $2.00 that one more agent run may take" in advice
    paper.type(goal, "/auton budget $2.02")
    paper.rest()
    assert paper.memory(paper.task("t1")).open_run.reserved == 2.0


def test_a_task_with_a_dearer_run_asks_for_that_much():
    paper = Paper(settings(workflow={"max_attempts": 1}))
    goal = planned(paper)
    paper.answer(paper.waiting()[0], status="gave_up", reason="too hard")
    paper.rest()
    paper.type(paper.task("t1"), "/auton retry budget=$5")
    paper.type(goal, "/auton budget $0.10")
    assert "Type `/auton budget $5.02` to go on" in posted(paper, f"g{goal}-budget")


def test_on_a_day_without_money_nothing_needs_to_be_typed():
    paper = Paper(settings(budget={"day_usd": 2.0}))
    planned(paper)
    second = paper.goal()
    paper.answer("g1-t2-a1-developer", cost=1.98)
    paper.rest()
    assert paper.memory(second).stuck == "budget"
    paper._put(notices=frozenset())
    told = posted(paper, f"g{second}-budget")
    assert "by itself tomorrow (UTC)" in told and "/auton budget" not in told


def muted(paper: Paper, goal: int) -> None:
    """The manager's run ends as one of a recording that was made of another goal."""
    run = f"g{goal}-plan-a{paper.memory(goal).attempt}-manager"
    paper.lose(run)
    record = m.RunRecord(key=run, status="error", reason="it knows only the goal “x”", usage=Usage(), model="replay/uptime")
    paper._put(records={**paper.snap.records, run: record})


def test_a_recording_of_another_goal_is_asked_once_and_another_model_is_advised():
    paper = Paper()
    goal = paper.goal()
    paper.rest()
    muted(paper, goal)
    advice = posted(paper, f"g{goal}-no-plan")
    assert "one planning run brought none" in advice and "Type `/auton plan model=provider/model`" in advice
    paper.rest()
    assert paper.memory(goal).state == "blocked" and not paper.waiting()
    paper.type(goal, "/auton plan model=x/y")
    paper.rest()
    assert paper.waiting() == [f"g{goal}-plan-a2-manager"] and paper.memory(goal).allowed == 4


def test_a_real_model_that_failed_may_be_asked_again():
    paper = Paper(settings(workflow={"max_attempts": 1}, agents={"models": {"default": "x/y"}}))
    goal = planned(paper, plan(("t1", "wizard")))
    paper._put(notices=frozenset())
    assert "Type `/auton retry` to try again" in posted(paper, f"g{goal}-no-plan")




def test_a_landed_task_of_a_goal_that_goes_on_can_not_be_steered_but_its_goal_can():
    paper = Paper()
    goal = planned(paper, plan(("t1", "developer"), ("t2", "tester", "t1")))
    task = built(paper)
    paper.judge(paper.waiting()[0])
    paper.rest()
    paper.answer(f"g1-t{task}-a1-reviewer")
    paper.rest()
    paper.judge(paper.waiting()[0])
    paper.rest()
    assert (paper.memory(task).state, paper.memory(goal).state) == ("landed", "active")
    for command in ("hold", "retry", "stop", "cancel", "priority 3"):
        assert "is refused: this task has landed; for what is still to be done" in said(paper, task, f"/auton {command}")
    assert paper.memory(task).priority == 0
    assert said(paper, task, "/auton budget $33") == "" and paper.memory(goal).budget == 33
    assert "landed" in said(paper, task, "/auton explain")

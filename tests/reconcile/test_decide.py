"""The pure heart, on a paper forge: what is decided in which situation."""

import pytest

from bot.reconcile import memory, runs
from bot.reconcile import model as m
from tests.reconcile.paper import Paper, settings
from tests.reconcile.world import plan

ONE = plan(("t1", "developer"))
TWO = plan(("t1", "developer"), ("t2", "tester", "t1"))


def planned(paper: Paper, work: dict = ONE) -> int:
    goal = paper.goal()
    paper.rest()
    paper.answer(f"g{goal}-plan-a1-manager", plan=work)
    paper.rest()
    return goal


def built(paper: Paper, key: str = "t1", attempt: int = 1) -> int:
    """Task `key` up to the point at which CI has been asked."""
    task = paper.task(key)
    paper.answer(f"g1-t{task}-a{attempt}-developer" if key == "t1" else f"g1-t{task}-a{attempt}-tester")
    paper.rest()
    return task


def test_a_goal_by_a_writer_is_planned_at_once():
    paper = Paper()
    goal = paper.goal()
    paper.rest()
    assert paper.memory(goal).state == "planning"
    assert paper.waiting() == [f"g{goal}-plan-a1-manager"]


def test_a_goal_by_a_reader_starts_nothing_until_a_writer_plans_it():
    paper = Paper()
    goal = paper.goal(writer=False)
    paper.rest()
    assert not paper.waiting() and paper.spent() == 0
    paper.type(goal, "/auton plan", writer=False, who="guest")
    paper.rest()
    assert not paper.waiting()
    paper.type(goal, "/auton plan model=replay/x budget=1.5")
    paper.rest()
    assert paper.waiting() == [f"g{goal}-plan-a1-manager"]
    assert (paper.memory(goal).model, paper.memory(goal).budget) == ("replay/x", 1.5)


def test_options_stand_in_the_last_line_of_a_goal():
    paper = Paper()
    goal = paper.goal(body="Do it.\n\n/auton plan mode=dual budget=$0.5")
    paper.rest()
    assert (paper.memory(goal).mode, paper.memory(goal).budget) == ("dual", 0.5)


def test_a_bad_plan_is_a_failed_attempt_with_its_reasons():
    paper = Paper()
    goal = planned(paper, plan(("t1", "wizard"), ("t2", "developer", "t2")))
    kept = paper.memory(goal)
    assert kept.state == "planning" and kept.attempt == 2
    assert "no role 'wizard'" in kept.feedback[0].text
    assert "wait for each other" in kept.feedback[0].text


def test_without_any_good_plan_the_goal_is_blocked_and_says_so():
    paper = Paper(settings(workflow={"max_attempts": 2}))
    goal = planned(paper, plan(("t1", "wizard")))
    paper.answer(f"g{goal}-plan-a2-manager", plan=plan(("t1", "wizard")))
    paper.rest()
    assert (paper.memory(goal).state, paper.memory(goal).stuck) == ("blocked", "plan")
    assert f"g{goal}-no-plan-2" in paper.snap.notices
    paper.type(goal, "/auton retry")
    paper.rest()
    assert paper.waiting() == [f"g{goal}-plan-a3-manager"]


def test_independent_tasks_run_side_by_side_and_dependent_ones_wait():
    paper = Paper()
    planned(paper, plan(("t1", "developer"), ("t2", "developer"), ("t3", "tester", "t1", "t2")))
    states = {key: paper.memory(paper.task(key)).state for key in ("t1", "t2", "t3")}
    assert states == {"t1": "running", "t2": "running", "t3": "waiting"}


def test_approval_by_comment_names_the_plan():
    paper = Paper(settings(workflow={"approve": "comment"}))
    goal = planned(paper)
    assert paper.memory(goal).state == "planned" and not paper.waiting()
    paper.type(goal, "/auton approve deadbeefdeadbeef")
    paper.rest()
    assert paper.memory(goal).state == "planned"
    paper.type(goal, f"/auton approve {paper.memory(goal).plan_digest[:8]}")
    paper.rest()
    assert paper.memory(goal).state == "active" and paper.memory(goal).approved_by == "you"


def test_an_edit_voids_the_approval():
    paper = Paper()
    goal = planned(paper)
    paper.edit(goal, "Do something else.")
    paper.rest()
    assert paper.memory(goal).state == "planned" and paper.memory(goal).voided
    assert any(key.startswith(f"g{goal}-edited") for key in paper.snap.notices)
    task = built(paper)
    paper.judge(paper.waiting()[0])
    paper.rest()
    assert paper.memory(task).state == "review" and not paper.waiting()  # what ran is kept, nothing new starts
    seen = memory.digest(memory.digest("Goal", "Do something else."), paper.memory(goal).plan_digest)
    paper.edit(goal, "Do something else again.")
    for unnamed in ("/auton approve", f"/auton approve {seen}"):  # the text may change while this is typed
        paper.type(goal, unnamed)
        paper.rest()
        assert paper.memory(goal).state == "planned"
    now = memory.digest(memory.digest("Goal", "Do something else again."), paper.memory(goal).plan_digest)
    paper.type(goal, f"/auton approve {now}")
    paper.rest()
    assert paper.memory(goal).state == "active" and paper.waiting() == [f"g1-t{task}-a1-reviewer"]


def test_red_goes_back_with_the_log_and_then_to_a_person():
    paper = Paper(settings(workflow={"max_attempts": 2}))
    goal = planned(paper)
    task = built(paper)
    paper.judge(paper.waiting()[0], "PANIC")
    paper.rest()
    kept = paper.memory(task)
    assert kept.state == "running" and kept.attempt == 2
    assert kept.feedback[0].kind == "verify" and "PANIC x86_64: boot\nlog" in kept.feedback[0].text
    built(paper, attempt=2)
    paper.judge(paper.waiting()[0], "FAIL")
    paper.rest()
    assert paper.memory(task).state == "failed"
    assert (paper.memory(goal).state, paper.memory(goal).stuck) == ("blocked", "tasks")
    paper.type(task, "/auton retry model=replay/better")
    paper.rest()
    assert paper.memory(task).state == "running" and paper.memory(task).model == "replay/better"
    assert paper.memory(goal).state == "active"


def test_a_reviewer_can_send_it_back():
    paper = Paper()
    planned(paper)
    task = built(paper)
    paper.judge(paper.waiting()[0])
    paper.rest()
    paper.answer(f"g1-t{task}-a1-reviewer", review="request_changes")
    paper.rest()
    assert paper.memory(task).state == "running" and paper.memory(task).feedback[0].kind == "review"


def test_a_reviewer_without_a_verdict_is_asked_again():
    paper = Paper()
    planned(paper)
    task = built(paper)
    paper.judge(paper.waiting()[0])
    paper.rest()
    paper.answer(f"g1-t{task}-a1-reviewer", status="error", reason="no answer")
    paper.rest()
    assert paper.waiting() == [f"g1-t{task}-a2-reviewer"]


def test_green_and_approved_lands_and_ends_the_goal():
    paper = Paper()
    goal = planned(paper)
    task = built(paper)
    paper.judge(paper.waiting()[0])
    paper.rest()
    paper.answer(f"g1-t{task}-a1-reviewer")
    paper.rest()
    paper.judge(paper.waiting()[0])
    paper.rest()
    assert paper.memory(task).state == "landed" and paper.memory(goal).state == "done"
    assert not paper.snap.goals[goal].issue.open and not paper.snap.tasks[task].issue.open
    assert not any(name.startswith("refs/heads/auton/queue/") for name in paper.snap.refs)


def test_ci_that_cannot_decide_is_asked_once_more():
    paper = Paper()
    planned(paper)
    task = built(paper)
    name = paper.waiting()[0]
    paper.judge(name, "INFRA")
    paper.rest()
    assert paper.waiting() == [f"{name}-2"]
    paper.lose(f"{name}-2")
    paper.rest()
    assert paper.memory(task).state == "needs-human"


def test_a_lost_run_is_charged_all_that_was_set_aside():
    paper = Paper()
    goal = planned(paper)
    task = paper.task("t1")
    paper.lose(f"g{goal}-t{task}-a1-developer")
    paper.rest()
    assert [run.status for run in paper.memory(task).runs] == ["lost", "started"]
    assert paper.memory(task).runs[0].cost == paper.config.agents.cost_usd


def test_a_run_that_died_with_a_word_is_charged_what_it_used_and_its_attempt_is_forgiven_a_few_times():
    paper = Paper(settings(budget={"goal_usd": 50}))
    goal = planned(paper)
    task = paper.task("t1")
    attempts = 0
    while paper.waiting():
        attempts += 1
        paper.answer(f"g{goal}-t{task}-a{attempts}-developer", status="lost", reason="its process died",
                     cost=0.25, change=False)
        paper.rest()
    assert paper.memory(task).state == "failed"
    assert attempts == runs.FORGIVEN + paper.config.workflow.max_attempts
    assert {run.cost for run in paper.memory(task).runs} == {0.25}


def test_a_lost_run_is_none_of_the_attempts_that_a_task_may_take():
    paper = Paper()
    goal = planned(paper)
    task = paper.task("t1")
    paper.lose(f"g{goal}-t{task}-a1-developer")
    paper.rest()
    for attempt in (2, 3, 4):
        assert paper.waiting() == [f"g{goal}-t{task}-a{attempt}-developer"]
        paper.answer(paper.waiting()[0], status="gave_up", reason="too hard")
        paper.rest()
    assert paper.memory(task).state == "failed"


def test_a_run_whose_last_job_alone_failed_is_resumed():
    paper = Paper()
    goal = planned(paper)
    name = f"g{goal}-t{paper.task('t1')}-a1-developer"
    paper.lose(name)
    paper._put(resumable=frozenset({paper.snap.runs[name].id}))
    assert m.ResumeRun(paper.snap.runs[name].id) in paper.round()


def test_a_dispatch_that_shows_no_run_is_made_again_after_a_while():
    paper = Paper(grace=60)
    goal = paper.goal()
    paper.rest()
    name = f"g{goal}-plan-a1-manager"
    paper.forget(name)
    assert not paper.round()
    paper.later(61)
    paper.rest()
    assert paper.waiting() == [name] and len(paper.memory(goal).runs) == 1


def test_a_small_budget_stops_the_goal_without_a_model_call():
    paper = Paper()
    goal = paper.goal(body="Do it.\n\n/auton plan budget=0.01")
    paper.rest()
    assert paper.memory(goal).state == "blocked" and paper.memory(goal).stuck == "budget"
    assert not paper.waiting() and not paper.round()
    paper.type(goal, "/auton budget $3")
    paper.rest()
    assert paper.waiting() == [f"g{goal}-plan-a1-manager"]


def test_a_budget_set_later_stops_what_has_not_started():
    paper = Paper()
    goal = planned(paper, TWO)
    paper.type(goal, "/auton budget $0.01")
    built(paper)
    paper.judge(paper.waiting()[0])
    paper.rest()
    assert paper.memory(goal).stuck == "budget" and not paper.waiting()


def test_runs_are_shortened_to_what_is_left_and_wait_for_money_that_comes_back():
    paper = Paper(settings(budget={"goal_usd": 3.0}))
    planned(paper, plan(*((f"t{n}", "developer") for n in (1, 2, 3))))
    reserved = [run.reserved for n in sorted(paper.snap.tasks) for run in paper.memory(n).runs]
    assert reserved == [2.0, 0.99]  # the plan took 0.01, the third task waits
    paper.answer(f"g1-t{paper.task('t1')}-a1-developer")
    paper.rest()
    assert paper.memory(paper.task("t3")).state == "running"


def test_the_day_has_a_cap_over_all_goals():
    paper = Paper(settings(budget={"day_usd": 3.0}))
    first, second = paper.goal(), paper.goal()
    paper.rest()
    reserved = [paper.memory(goal).runs[0].reserved for goal in (first, second)]
    assert reserved == [2.0, 1.0]
    third = paper.goal()
    paper.rest()
    assert paper.memory(third).stuck == "budget"
    paper.later(86_400)
    paper.rest()
    assert paper.memory(third).state == "planning" and paper.memory(third).open_run


def test_hold_starts_nothing_new_and_unhold_goes_on():
    paper = Paper()
    goal = planned(paper)
    paper.type(goal, "/auton hold")
    task = built(paper)
    paper.judge(paper.waiting()[0])
    paper.rest()
    assert paper.memory(task).state == "review" and not paper.waiting()
    assert "auton:hold" in paper.snap.goals[goal].issue.labels
    paper.type(goal, "/auton unhold")
    paper.rest()
    assert paper.waiting() == [f"g1-t{task}-a1-reviewer"]
    assert "auton:hold" not in paper.snap.goals[goal].issue.labels


def test_stop_cancels_what_runs():
    paper = Paper()
    goal = planned(paper)
    run = paper.snap.runs[paper.waiting()[0]]
    paper.type(goal, "/auton stop")
    assert m.CancelRun(run.id) in paper.round()
    paper.lose(run.name)
    paper.rest()
    assert not paper.waiting() and paper.memory(goal).held


def test_cancel_gives_the_goal_up():
    paper = Paper()
    goal = planned(paper)
    paper.type(goal, "/auton cancel")
    paper.rest()
    assert paper.memory(goal).state == "cancelled" and paper.snap.goals[goal].issue.open  # until its run is accounted for
    paper.lose(paper.waiting()[0])
    paper.rest()
    assert not paper.snap.goals[goal].issue.open and not paper.snap.tasks[paper.task("t1")].issue.open


@pytest.mark.parametrize("text, writer, reply", [
    ("/auton rety", True, "did you mean `/auton retry`"), ("/auton retry", True, "no task of this goal waits"),
    ("/auton stop", False, "no write permission"), ("/auton retry x=1", True, "unknown option"),
    ("/auton unhold", True, "not on hold"), ("/auton approve", True, "no plan to approve")])
def test_refused_with_a_reason(text, writer, reply):
    paper = Paper()
    goal = planned(paper)
    comment = paper.type(goal, text, writer)
    actions = paper.round()
    assert next(a for a in actions if isinstance(a, m.React)).content == "eyes"
    assert any(a.content == "confused" for a in actions if isinstance(a, m.React))
    said = next(a for a in actions if isinstance(a, m.Say))
    assert said.key == f"c{comment}" and reply in said.body
    paper.rest()


@pytest.mark.parametrize("text, reply", [("/auton help", "`/auton priority"), ("/auton status", "Part t1"),
                                         ("/auton explain", "the developer runs")])
def test_anybody_may_ask(text, reply):
    paper = Paper()
    goal = planned(paper)
    paper.type(goal, text, writer=False, who="guest")
    said = next(a for a in paper.round() if isinstance(a, m.Say))
    assert reply in said.body


def test_a_command_takes_effect_once_though_the_bot_dies_before_marking_it():
    paper = Paper(settings(workflow={"max_attempts": 1}))
    planned(paper)
    task = built(paper)
    paper.judge(paper.waiting()[0], "FAIL")
    paper.rest()
    paper.type(task, "/auton retry")
    actions = paper.round(0)
    last = next(n for n, a in enumerate(actions) if isinstance(a, m.Remember) and a.issue == task)
    paper.round(last + 1)  # dies right after the memory was written
    paper.rest()
    assert paper.memory(task).allowed == 2 and paper.memory(task).attempt == 2
    assert not paper.snap.commands


def test_a_red_batch_of_green_changes_is_split_and_the_bad_one_ejected():
    paper = Paper(settings(queue={"bad_probability": 0.1}, budget={"goal_usd": 50}))
    planned(paper, plan(*((f"t{n}", "developer") for n in range(1, 5))))
    tasks = [paper.task(f"t{n}") for n in range(1, 5)]
    for n in tasks:
        paper.answer(f"g1-t{n}-a1-developer")
    paper.rest()
    for name in paper.waiting():
        paper.judge(name)
    paper.rest()
    paper.bad = {frozenset(tasks[1:3])}  # t2 and t3 are green alone, red together
    for n in tasks:
        paper.answer(f"g1-t{n}-a1-reviewer")
    paper.rest()
    for _ in range(20):
        tests = [name for name in paper.waiting() if name.startswith("v-")]
        if not tests:
            break
        paper.judge(tests[0])
        paper.rest()
    states = [paper.memory(n).state for n in tasks]
    assert states == ["landed", "landed", "running", "landed"]
    assert paper.memory(tasks[2]).feedback[0].kind == "composition"
    assert f"#{tasks[2]} is green alone, and red together with #{tasks[1]}\n" in paper.memory(tasks[2]).feedback[0].text


def queued_pair(paper: Paper) -> list[int]:
    """Two tasks that are green alone and approved, whose batch is about to be tested."""
    planned(paper, plan(("t1", "developer"), ("t2", "developer")))
    tasks = [paper.task(f"t{n}") for n in (1, 2)]
    for role in ("developer", "reviewer"):
        for n in tasks:
            paper.answer(f"g1-t{n}-a1-{role}")
        paper.rest()
        for name in [name for name in paper.waiting() if name.startswith("v-") and role == "developer"]:
            paper.judge(name)
        paper.rest()
    return tasks


def judged(paper: Paper) -> list[str]:
    """CI answers what it is asked until it is asked no more; what that was."""
    asked = []
    for _ in range(20):
        tests = [name for name in paper.waiting() if name.startswith("v-")]
        if not tests:
            return asked
        asked += tests
        for name in tests:
            paper.judge(name)
        paper.rest()
    raise AssertionError("CI is asked for ever")


def slow_together(held: frozenset[int], tasks: list[int]) -> float:
    return 300.0 + 40 * len(held) + (900 if held >= set(tasks) else 0)


def test_parts_that_are_quick_alone_and_slow_together_do_not_both_land():
    paper = Paper(settings(queue={"bad_probability": 0.1}, budget={"goal_usd": 50}))
    tasks: list[int] = []
    paper.measure = lambda held: slow_together(held, tasks) if tasks else 300.0 + 40 * len(held)
    tasks += queued_pair(paper)
    main = paper.snap.main.sha
    asked = judged(paper)
    assert f"v-{main}" in asked, "what the parts are compared with has to be measured"
    first, second = (paper.memory(n) for n in tasks)
    assert first.state == "landed" and first.adds == {"x86_64": {"boot_ms": 40.0}}
    assert second.state == "running" and second.feedback[0].kind == "composition"
    assert f"#{tasks[1]} is green alone, and red together with #{tasks[0]}\n" in second.feedback[0].text
    assert "x86_64: boot_ms is 1280, where its parts predict 380" in second.feedback[0].text


def test_what_is_slow_once_is_measured_again_and_lands():
    paper = Paper(settings(queue={"bad_probability": 0.1}, budget={"goal_usd": 50}))
    tasks: list[int] = []
    slow = [5000.0]
    paper.measure = lambda held: slow.pop() if tasks and held >= set(tasks) and slow else 300.0
    tasks += queued_pair(paper)
    asked = judged(paper)
    assert not slow and sum(name.endswith("-2") for name in asked) == 1
    assert [paper.memory(n).state for n in tasks] == ["landed", "landed"]


def test_growth_that_is_the_sum_of_the_parts_lands():
    paper = Paper(settings(queue={"bad_probability": 0.1}, budget={"goal_usd": 50}))
    paper.measure = lambda held: 300.0 + 800 * len(held)
    tasks = queued_pair(paper)
    judged(paper)
    assert [paper.memory(n).state for n in tasks] == ["landed", "landed"]


def test_a_strangers_goal_chooses_no_budget_and_its_plan_is_approved_by_name():
    paper = Paper()
    goal = paper.goal(body="Do it.\n\n/auton plan budget=$999999 model=x/y", stranger=True)
    paper.rest()
    assert (paper.memory(goal).budget, paper.memory(goal).model) == (None, "")
    paper.answer(f"g{goal}-plan-a1-manager", plan=plan(("t1", "developer")))
    paper.rest()
    paper.type(goal, "/auton approve")
    paper.rest()
    assert paper.memory(goal).state == "planned" and not paper.waiting()
    paper.type(goal, f"/auton approve {paper.memory(goal).plan_digest}")
    paper.rest()
    assert paper.memory(goal).state == "active"


@pytest.mark.parametrize("body", ["Do it.\n<!-- \n/auton plan budget=$9", "```\n/auton plan budget=$9", "> a\u2028/auton plan budget=$9"])
def test_what_is_not_seen_or_quoted_is_no_option(body):
    paper = Paper()
    goal = paper.goal(body=body)
    paper.rest()
    assert paper.memory(goal).budget is None


def test_runs_that_are_lost_for_ever_end_at_a_person():
    paper = Paper(settings(budget={"goal_usd": 500}))
    goal = planned(paper)
    for _ in range(40):
        waiting = paper.waiting()
        if not waiting:
            break
        paper.lose(waiting[0])
        paper.later(5)
        paper.rest()
    assert not paper.waiting() and paper.memory(paper.task("t1")).state == "failed"
    assert len(paper.memory(paper.task("t1")).runs) <= 3 + 5 and paper.memory(goal).state == "blocked"

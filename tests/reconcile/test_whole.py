"""Whole runs on the real local forge with real git: what a person sees in the end."""

import re
import threading

import pytest

from bot.errors import ConfigError, Refused
from bot.reconcile.apply import apply
from bot.reconcile.brief import build
from tests.reconcile.world import BOT, Script, plan, serve

ONE = plan(("t1", "developer"))
PAIR = plan(("t1", "developer"), ("t2", "developer"))


@pytest.fixture
def world(tmp_path, request):
    script, settings = getattr(request, "param", (Script([ONE]), {}))
    with serve(tmp_path, script, **settings) as made:
        yield made


def main_log(world) -> list[str]:
    world.git("fetch", "-q", world.url, "main")
    return world.git("log", "--first-parent", "--format=%s", "FETCH_HEAD").splitlines()


@pytest.mark.parametrize("world", [(Script([ONE], changes={("t1", 1): {"a.c": "BROKEN\n"}, ("t1", 2): {"a.c": "ok\n"}},
                                           red={"BROKEN"}, reviews={("t1", 2): "request_changes"}), {})], indirect=True)
def test_red_then_sent_back_then_landed(world):
    goal = world.file_goal()
    world.work()
    assert world.state(goal) == "done" and not world.you.issue(goal).open
    task = world.you.sub_issues(goal)[0].number
    pull = world.you.pull_of(f"auton/g{goal}/t{task}")
    assert pull.merged and pull.author == BOT
    assert main_log(world) == ["Part t1", "Begin"]
    message = world.git("log", "-1", "--format=%B", "FETCH_HEAD")
    assert f"Auton-Goal: #{goal}\nAuton-Task: #{task}\nAuton-Attempt: 3" in message
    assert world.you.statuses(pull.head) == {
        **{f"auton/{step}-{arch}": "success" for step in ("build", "boot") for arch in world.config.targets},
        "auton/review": "success", "auton/queue": "success"}
    closing = world.said(goal)[-1]
    assert "This goal has landed" in closing and "x86_64 PASS" in closing and "7 agent runs" not in closing
    assert "6 agent runs, 18 model calls, 6000 tokens in, 600 out" in closing
    feedback = world.briefs[f"g{goal}-t{task}-a2-developer"].feedback
    assert [one.kind for one in feedback] == ["verify"] and "uptime.answers at t.c:3\nfound BROKEN" in feedback[0].text
    assert [one.kind for one in world.briefs[f"g{goal}-t{task}-a3-developer"].feedback] == ["review"]
    seen = [world.briefs[f"g{goal}-t{task}-a{attempt}-reviewer"].feedback for attempt in (2, 3)]
    assert seen[0] == [] and [(one.kind, one.text) for one in seen[1]] == [
        ("review", "Read it.\nmajor README.md:1: Not so.")]
    assert len(world.you.reviews(pull.number)) == 2 and world.you.review_comments(pull.number) == []


@pytest.mark.parametrize("world", [(Script([PAIR], changes={
    ("t1", 1): {"README.md": "one\n"}, ("t2", 1): {"README.md": "two\n"}, ("t2", 2): {"README.md": "one\ntwo\n"}}),
    {})], indirect=True)
def test_a_conflict_is_resolved_by_the_integrator_on_the_same_branch(world):
    goal = world.file_goal()
    world.work()
    assert world.state(goal) == "done"
    second = world.you.sub_issues(goal)[1].number
    brief = world.briefs[f"g{goal}-t{second}-a2-integrator"]
    assert brief.feedback[0].kind == "conflict" and "README.md" in brief.feedback[0].text
    assert main_log(world) == ["Part t2", "Part t1", "Begin"]
    assert world.git("show", "FETCH_HEAD:README.md") == "one\ntwo"


CLASH = {("t1", 1): {"a.c": "AAA\n"}, ("t2", 1): {"b.c": "BBB\n"}, ("t2", 2): {"b.c": "bbb\n"}}


@pytest.mark.parametrize(("world", "why"), [
    ((Script([PAIR], changes=CLASH, red={"AAA+BBB"}), {"queue": {"bad_probability": 0.05}}), "found AAA+BBB"),
    ((Script([PAIR], changes=CLASH, slow={"AAA+BBB"}), {"queue": {"bad_probability": 0.05}}),
     "x86_64: boot_ms is 900, where its parts predict 30")], indirect=["world"], ids=["red", "slow"])
def test_two_changes_that_do_not_go_together(world, why):
    goal = world.file_goal()
    world.work()
    assert world.state(goal) == "done"
    first, second = (issue.number for issue in world.you.sub_issues(goal))
    report = next(text for text in world.said(second) if "Composition failure" in text)
    assert f"smallest set that shows it: #{first}, #{second}" in report and why in report
    assert world.briefs[f"g{goal}-t{second}-a2-integrator"].feedback[0].kind == "composition"
    assert not world.git("ls-remote", world.url, "refs/heads/auton/queue/*", "refs/auton/*")


@pytest.mark.parametrize("world", [(Script([ONE], endings={"developer": {"status": "gave_up", "reason": "too hard"}}),
                                    {"workflow": {"max_attempts": 1}})], indirect=True)
def test_a_task_that_fails_asks_for_a_person_and_a_person_helps(world):
    goal = world.file_goal()
    world.work()
    task = world.you.sub_issues(goal)[0].number
    assert (world.state(task), world.state(goal)) == ("failed", "blocked")
    asked = next(text for text in world.said(task) if "needs a person" in text)
    for part in ("**Tried:** 1 attempt of 1", "too hard", "**Cost so far:** $0.0100", "`/auton retry`"):
        assert part in asked
    pull = world.you.pull_of(f"auton/g{goal}/t{task}")
    assert pull.draft  # the agent has not finished
    world.script.endings.clear()
    world.comment(task, "Leave out the parser.")
    world.comment(task, "Do as I say!", who=world.guest)
    command = world.comment(pull.number, "/auton retry")
    world.work()
    assert world.state(goal) == "done"
    for role in ("developer", "reviewer"):
        people = [one.text for one in world.briefs[f"g{goal}-t{task}-a2-{role}"].feedback if one.kind == "human"]
        assert people == ["you: Leave out the parser."]
    marks = next(c for c in world.you.comments_on(pull.number) if c.id == command)
    assert (marks.eyes, marks.rocket, marks.confused) == (1, 1, 0)
    assert not world.you.pull_of(pull.branch).draft


def test_a_reader_steers_nothing(world):
    goal = world.file_goal()
    world.tick()
    refused = world.comment(goal, "/auton stop", who=world.guest)
    fake = world.guest.create_comment(goal, world.said(goal)[0].replace('"state"', '"x"'))
    world.work()
    assert world.state(goal) == "done"
    marks = next(c for c in world.you.comments_on(goal) if c.id == refused)
    assert (marks.eyes, marks.rocket, marks.confused) == (1, 0, 1)
    assert any("no write permission" in text for text in world.said(goal))
    assert fake.author == "guest"


def test_a_goal_that_a_reader_files_is_not_labelled_and_so_not_begun(world):
    goal = world.file_goal(who=world.guest)
    world.work()
    assert world.you.issue(goal).labels == frozenset() and world.said(goal) == []
    world.you.add_labels(goal, ["auton:goal"])  # a person with write permission lets it in
    world.work()
    assert world.state(goal) == "planned"  # its author may change the text at any time
    named = re.search(r"type `(/auton approve \w+)` to start", world.said(goal)[-1])[1]
    world.comment(goal, named, who=world.guest)
    world.work()
    assert world.state(goal) == "planned"
    world.comment(goal, named)
    world.work()
    assert world.state(goal) == "done"


def test_no_money_no_model_call_also_after_a_restart(world):
    goal = world.file_goal(body="Do it.\n\n/auton plan budget=0.01")
    for _ in range(3):
        world.work()
    assert world.state(goal) == "blocked"
    assert [job.name for job in world.stage.jobs if job.workflow == "auton-agent.yml"] == []
    stops = [text for text in world.said(goal) if "This goal has stopped" in text]
    assert len(stops) == 1 and "`/auton budget $" in stops[0]


def test_an_edited_goal_is_not_worked_on(world):
    goal = world.file_goal()
    world.tick()
    world.you.wire.call("PATCH", f"{world.you.at}/issues/{goal}", body={"body": "Delete everything."})
    with pytest.raises(Refused, match="edited after it was accepted"):
        build(world.bot(), world.config, f"g{goal}-plan-a1-manager", goal, None, "manager", 1)
    world.tick()
    assert any("The text of this goal was edited" in text for text in world.said(goal))


def test_two_ticks_at_once_do_nothing_twice(world):
    goal = world.file_goal()
    ticks = [threading.Thread(target=world.tick) for _ in range(3)]
    for one in ticks:
        one.start()
    for one in ticks:
        one.join()
    assert len(world.said(goal)) == 1
    assert [job.name for job in world.stage.jobs] == [f"g{goal}-plan-a1-manager"]


def test_writes_whose_answer_is_lost_are_not_made_twice(world):
    faults = world.running.forge.faults
    for spec in ("POST /repos/*/issues/*/comments every=2 after 502",
                 "POST /repos/*/issues every=1 times=1 after reset",
                 "POST /repos/*/pulls nth=1 after 502", "POST /repos/*/dispatches every=3 after 502",
                 "PATCH /repos/* p=0.2 after 503", "GET /repos/* p=0.05 500",
                 "POST /repos/*/labels nth=4 403:0"):
        faults.add(spec)
    goal = None
    try:
        goal = world.file_goal()
    except Exception:  # noqa: BLE001 the owner's own write was hit too
        goal = 1
    world.work()
    faults.clear()
    assert world.state(goal) == "done"
    names = [job.name for job in world.stage.jobs if job.workflow != "auton-tick.yml"]
    assert len(names) == len(set(names))
    assert [issue.title for issue in world.you.sub_issues(goal)] == ["Part t1"]
    for number in (goal, world.you.sub_issues(goal)[0].number):
        said = world.said(number)
        assert len(said) == len(set(said))


def test_apply_takes_only_runs_that_the_tick_has_started(world, tmp_path):
    goal = world.file_goal()
    world.tick()
    job = world.stage.jobs[-1]
    brief = build(world.bot(), world.config, job.name, goal, None, "manager", 1)
    result = world.say(brief, tmp_path)
    for key in (f"g{goal}-plan-a2-manager", "g9-plan-a1-manager", "../../etc/passwd"):
        (tmp_path / "result.json").write_text(result.model_copy(update={"key": key}).model_dump_json())
        with pytest.raises(Refused):
            apply(world.bot(), world.config, tmp_path, key)


def test_a_token_of_another_login_is_noticed_at_the_first_comment(world):
    goal = world.file_goal()
    wrong = world.config.model_copy(update={"forge": world.config.forge.model_copy(update={"bot": "somebody"})})
    world.config = wrong
    with pytest.raises(ConfigError, match=r"expected to write as somebody .* github-actions\[bot\]"):
        world.tick()
    assert world.you.comments_on(goal) == []

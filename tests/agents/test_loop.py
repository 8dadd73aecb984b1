"""A whole run with a scripted model: real git, the real sandbox, real tools."""

import json

import pytest

from bot.agents import loop, workplace
from bot.agents.model import ModelFailed
from bot.handoff import Result, Usage, read
from tests.agents.conftest import Scripted, git

SUBMIT = ("submit", {"summary": "Added the command and tested it."})


@pytest.fixture
def play(toy, config, brief, tmp_path):
    """Run a role with scripted answers; gives the result, the folder of files and the model."""

    def run(*answers, **changes):
        cost = changes.pop("cost", 0.001)
        given = brief.model_copy(update=changes)
        model = Scripted(*answers, cost=cost)
        worktree = workplace.prepare(toy, given, tmp_path / f"worktree{len(list(tmp_path.iterdir()))}")
        result = loop.run(given, worktree, tmp_path / "out", model, config)
        assert read(Result, tmp_path / "out" / "result.json") == result
        return result, tmp_path / "out", model

    return run


def test_a_developer_edits_builds_boots_and_submits_a_patch_that_git_am_takes(play, toy, tmp_path):
    edit = {"path": "kernels/kernel.sh", "old": "    crash)", "new": "    uptime) echo 42;;\n    crash)"}
    result, out, model = play(
        [("read_file", {"path": "kernels/kernel.sh"}), ("edit_file", edit)],
        [("build_kernel", {})],
        [("boot_kernel", {"arch": "left", "type_lines": ["uptime"]}), ("run_test", {})],
        [("git_commit", {"message": "Add the uptime command"})],
        [("write_file", {"path": "docs/uptime.md", "text": "It counts."})],
        [SUBMIT])
    assert (result.status, result.patch, result.usage.calls) == ("submitted", True, 6)
    seen = "\n".join(m["content"] for m in model.asked[-1] if m["role"] == "tool")
    assert "left: PASS" in seen and "right: PASS" in seen and "auton> 42" in seen
    clone = tmp_path / "clone"
    git(tmp_path, "clone", "-q", str(toy), str(clone))
    git(clone, "-c", "user.name=x", "-c", "user.email=x@x", "am", "-q", str(out / "change.patch"))
    assert git(clone, "log", "-2", "--format=%s|%an|%ae", "--reverse").splitlines() == [
        "Add the uptime command|AUTON developer|auton@users.noreply.github.com"] * 2
    assert git(clone, "log", "-1", "--format=%(trailers)").splitlines() == [
        "Auton-Goal: #7", "Auton-Task: #12", "Auton-Attempt: 1"]
    assert (clone / "docs" / "uptime.md").read_text() == "It counts.\n"


def test_every_step_is_in_the_trajectory(play):
    _, out, _ = play([("list_files", {})], [("write_file", {"path": "a.txt", "text": "a"}), SUBMIT])
    lines = [json.loads(line) for line in (out / "trajectory.jsonl").read_text().splitlines()]
    kinds = [line["message"]["role"] if line["kind"] == "message" else line["kind"] for line in lines]
    assert kinds == ["start", "system", "user", "assistant", "tool", "assistant", "tool", "end"]
    assert lines[0]["brief"]["key"] == "g7-t12-a1-developer" and lines[-1]["result"]["status"] == "submitted"


def test_errors_of_tools_are_text_for_the_model_and_the_run_goes_on(play):
    result, _, model = play([("read_file", {"path": "kernels/kernal.sh"}), ("no_such_tool", {})],
                            [("edit_file", {"path": "kernels/kernel.sh", "old": "nowhere", "new": "x"})],
                            [("submit", {"summary": "Nothing was to be done.", "gave_up": True})])
    observations = [m["content"] for m in model.asked[-1] if m["role"] == "tool"]
    assert "did you mean kernels/kernel.sh?" in observations[0]
    assert observations[1].startswith("error: expected a tool among")
    assert "`old` was not found" in observations[2]
    assert (result.status, result.patch) == ("gave_up", False)


def test_submitting_nothing_is_sent_back(play):
    result, _, model = play([SUBMIT], [("write_file", {"path": "a.txt", "text": "a"}), SUBMIT])
    assert "expected at least one changed file" in model.asked[-1][-1]["content"]
    assert result.status == "submitted"


def test_three_answers_without_a_call_end_the_run(play):
    result, _, model = play("I think…", [("list_files", {"path": 3})], "Done.", "never asked")
    assert result.status == "gave_up" and "3 answers in a row" in result.reason and len(model.asked) == 3


def test_malformed_arguments_are_explained(play):
    _, _, model = play([("read_file", '{"path": "a')], [("read_file", {"file": "a"})],
                       [("submit", {"summary": "I can not do this.", "gave_up": True})])
    told = [m["content"] for m in model.asked[-1] if m["role"] == "tool"]
    assert "not valid JSON" in told[0] and "path: Field required" in told[1] and "file: Extra inputs" in told[1]


def test_the_same_step_four_times_is_stuck(play):
    result, _, model = play(*[[("read_file", {"path": "none"})]] * 9)
    assert result.status == "gave_up" and "four times" in result.reason and len(model.asked) == 4


def test_two_steps_taking_turns_is_stuck(play):
    result, _, model = play(*[[("read_file", {"path": "none"})], [("list_files", {})]] * 5)
    assert result.status == "gave_up" and "turns three times" in result.reason and len(model.asked) == 6


def test_limits_of_steps_money_and_time_end_the_run_and_keep_the_work(play, brief):
    step = [("write_file", {"path": "a.txt", "text": "a"})]
    limits = brief.limits
    result, out, _ = play(step, limits=limits.model_copy(update={"steps": 1}))
    assert result.status == "limit" and "1 steps" in result.reason and result.patch
    assert "Unfinished: Add the uptime command" in (out / "change.patch").read_text()
    result, _, model = play(step, step, cost=1.5)
    assert result.status == "limit" and "$1.00" in result.reason and len(model.asked) == 1
    assert result.usage.cost_usd == 1.5


def test_what_a_run_would_have_cost_if_it_died_stands_in_its_result_all_along(play, tmp_path):
    """Read by a tool of the run itself, which a dead run's upload would see the same way; and before a call's answer."""
    shown = []

    def look(*_):
        shown.append(read(Result, tmp_path / "out" / "result.json"))
        return [("write_file", {"path": "a.txt", "text": str(len(shown))})] if len(shown) < 3 else [SUBMIT]

    play(look, look, look)
    assert [one.status for one in shown] == ["lost"] * 3 and shown[0].reason == loop.DIED
    assert [one.usage.calls for one in shown] == [1, 2, 3]
    assert {one.usage.cost_usd for one in shown} == {1.0}, "a call under way may take all that is left"


def test_a_run_that_dies_between_its_calls_has_cost_what_it_has_used(play, tmp_path, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_):
        raise Killed

    monkeypatch.setattr(loop.Agent, "act", die)
    with pytest.raises(Killed):
        play([("list_files", {})])
    died = read(Result, tmp_path / "out" / "result.json")
    assert (died.status, died.usage.calls, died.usage.cost_usd) == ("lost", 1, 0.001) and not died.patch


def test_a_failed_call_is_charged(play):
    failed = ModelFailed("openai/x: Timeout after 6 tries", Usage(calls=6, cost_usd=0.25))
    result, _, _ = play([("list_files", {})], failed)
    assert result.status == "error" and result.reason == str(failed)
    assert result.usage.cost_usd == pytest.approx(0.251)


def test_long_outputs_keep_head_and_tail(play):
    _, _, model = play([("shell", {"command": "seq 1 9999"})],
                       [("submit", {"summary": "I can not do this.", "gave_up": True})])
    text = model.asked[-1][-1]["content"]
    assert text.startswith("exit code 0\n1\n2\n") and text.endswith("9998\n9999\n") and len(text) < 10_300
    assert "characters left out" in text


def test_a_manager_hands_in_a_plan_and_changes_nothing(play):
    task = {"key": "t1", "title": "Add uptime", "role": "developer", "body": "Do it.", "acceptance": ["it answers"]}
    bad = [{**task, "role": "wizard"}, {**task, "key": "t2", "depends_on": ["t3"]}]
    summary = "One task that adds the command."
    result, _, model = play([("shell", {"command": "ls"}), ("submit", {"summary": summary, "tasks": bad})],
                            [("submit", {"summary": summary, "tasks": [task]})],
                            role="manager", task=None, task_key="")
    told = [m["content"] for m in model.asked[-1] if m["role"] == "tool"]
    assert "expected a tool among" in told[0]
    assert "wizard" in told[1] and "t3" in told[1]
    assert result.plan.tasks[0].key == "t1" and not result.patch


def test_a_reviewer_reads_the_branch_and_hands_in_a_verdict(play, toy, tmp_path):
    finding = {"path": "kernels/kernel.sh", "line": 1, "severity": "minor", "text": "A word is missing."}
    result, _, model = play(
        [("shell", {"command": "echo x > kernels/kernel.sh"}), ("git_diff", {"since": "base"})],
        [("submit", {"verdict": "request_changes", "summary": "Something is wrong.", "findings": [finding]})],
        [("submit", {"verdict": "approve", "summary": "All is well here.", "findings": [finding]})],
        [("submit", {"verdict": "approve", "summary": "All is well here."})], role="reviewer")
    told = [m["content"] for m in model.asked[-1] if m["role"] == "tool"]
    assert "Read-only file system" in told[0]
    assert "at least one finding" in told[2] and "expected paths that this branch changes" in told[3]
    assert result.review.verdict == "approve" and not result.patch


def test_what_the_screen_would_refuse_is_told_at_submit_and_an_earlier_slip_is_squashed_away(play):
    key = "AKIA" + "ABCDEFGHIJKLMNOP"
    result, out, model = play(
        [("write_file", {"path": "a.txt", "text": key}), ("git_commit", {"message": "Add a, fixes #3"})],
        [("git_commit", {"message": "Add a"}), SUBMIT],
        [("write_file", {"path": "a.txt", "text": "no key"}), ("write_file", {"path": "auton.toml", "text": ""})],
        [SUBMIT])
    told = [m["content"] for m in model.asked[-1] if m["role"] == "tool"]
    assert "close an issue" in told[1] and "a.txt: found an AWS key" in told[3]
    assert result.status == "submitted" and key not in (out / "change.patch").read_text()
    assert "only a person may change this" in (out / "trajectory.jsonl").read_text()


def test_work_in_unusual_bytes_does_not_break_the_run(play):
    result, _, _ = play([("shell", {"command": "printf 'a\\377\\n' > a.txt; ln -s /etc/passwd l; mkfifo f"}), SUBMIT],
                        [("submit", {"summary": "It can't be done.", "gave_up": True})])
    assert result.status == "gave_up"


def test_no_command_outlasts_the_run(play, brief):
    limits = brief.limits.model_copy(update={"seconds": 2})
    result, _, model = play([("shell", {"command": "sleep 60"}), ("shell", {"command": "sleep 60"})], limits=limits)
    assert result.status == "limit" and "2 s are over" in result.reason and result.seconds < 6
    assert len(model.asked) == 1


def spec(depends="", expect="'^unknown command'"):
    return f'+++\nname = "console"\n{depends}[[check]]\ntype = "hello"\nexpect = {expect}\n+++\n# Console\n'


def test_a_change_of_what_was_promised_is_told_by_every_tool_before_it_costs_an_attempt(play):
    path = "specs/kernel/console.md"
    result, out, model = play(
        [("write_file", {"path": path, "text": spec(expect="'^unknown'")}), ("run_test", {})],
        [("git_commit", {"message": "Expect less"}), SUBMIT],
        [("write_file", {"path": path, "text": spec(depends='depends = ["console"]\n')}), ("run_test", {})],
        [SUBMIT])
    told = [m["content"] for m in model.asked[-1] if m["role"] == "tool"]
    why = "specs/kernel/console.md: changing or removing an acceptance check needs a person"
    assert "left: PASS" in told[1] and "screen: FAIL" in told[1] and why in told[1]
    assert why in told[2] and why in told[3] and told[3].startswith("error: the change can't be taken as it is")
    assert told[5].endswith("screen: PASS")
    assert result.status == "submitted" and "+depends" in (out / "change.patch").read_text()


def test_work_is_given_back_three_times_and_then_taken_for_the_screen_to_refuse(play):
    write = ("write_file", {"path": "specs/kernel/console.md", "text": spec(expect="'^unknown'")})
    result, out, model = play([write, SUBMIT], *[[SUBMIT]] * 3, "never asked")
    assert result.status == "submitted" and result.patch and len(model.asked) == 4

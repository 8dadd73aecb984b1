"""Recording real runs and playing them again, through the command line, with real tools in between."""

import json
import subprocess
import sys
import zipfile

import pytest
from click.testing import CliRunner

from bot import cli, config
from bot.agents import loop, replay, workplace
from bot.agents.model import ModelFailed
from bot.errors import AgentError
from bot.handoff import Result, read, write
from tests.agents.conftest import Scripted

WORK = [[("read_file", {"path": "kernels/kernel.sh"})], [("write_file", {"path": "a.txt", "text": "a"})],
        [("submit", {"summary": "Wrote a file."})]]


@pytest.fixture
def recorded(toy, config, brief, tmp_path):
    """A recording of one run of the developer, as a file; and the folder of that run."""
    worktree = workplace.prepare(toy, brief, tmp_path / "first")
    loop.run(brief, worktree, tmp_path / "runs" / "dev", Scripted(*WORK, cost=0.25), config)
    out = tmp_path / "toy.json"
    done = CliRunner().invoke(cli.root, ["record", "--from", str(tmp_path / "runs"), "--out", str(out),
                                         "--note", "a test"])
    assert done.exit_code == 0 and "1 runs, 3 turns" in done.output
    return out


def test_a_replayed_run_does_the_same_work_and_costs_the_same(recorded, brief, toy, tmp_path):
    (tmp_path / "auton.toml").write_text("")
    changed = {"model": f"replay/{recorded}", "goal_title": "add Uptime."}
    write(tmp_path / "brief.json", brief.model_copy(update=changed))
    done = CliRunner().invoke(cli.root, ["agent", "--brief", str(tmp_path / "brief.json"), "--repo", str(toy), "--out",
                                         str(tmp_path / "out"), "--config", str(tmp_path / "auton.toml")])
    assert done.exit_code == 0, done.output
    result = read(Result, tmp_path / "out" / "result.json")
    assert (result.status, result.usage.cost_usd, result.model) == ("submitted", 0.75, f"replay/{recorded}")
    assert "+a" in (tmp_path / "out" / "change.patch").read_text()
    start = json.loads((tmp_path / "out" / "trajectory.jsonl").read_text().splitlines()[0])
    assert start["source"]["replayed"]["note"] == "a test" and "nominal" in start["source"]["costs"]


def test_another_goal_or_attempt_is_an_error_that_says_what_is_known(recorded, brief):
    with pytest.raises(AgentError, match="knows only the goal “Add uptime”; found “Fly”") as error:
        replay.Replay(f"replay/{recorded}", brief.model_copy(update={"goal_title": "Fly"}))
    assert "`--model provider/model`" in error.value.hint
    with pytest.raises(AgentError, match="it has: developer t1 attempt 1"):
        replay.Replay(f"replay/{recorded}", brief.model_copy(update={"attempt": 2}))
    with pytest.raises(AgentError, match="expected a recording among"):
        replay.Replay("replay/nothing", brief)


def test_attempts_that_never_answered_are_not_counted(recorded, brief):
    third = brief.model_copy(update={"attempt": 3, "lost": 2})
    assert len(replay.Replay(f"replay/{recorded}", third).answers) == len(WORK)


def test_a_turn_too_many_is_an_error(recorded, brief):
    model = replay.Replay(f"replay/{recorded}", brief)
    for _ in WORK:
        model.ask([], [], budget=1, seconds=1)
    with pytest.raises(ModelFailed, match="3 turns for this run, and turn 4"):
        model.ask([], [], budget=1, seconds=1)


def test_what_can_not_run_is_a_result_of_status_error(recorded, brief, toy, tmp_path):
    write(tmp_path / "brief.json", brief.model_copy(update={"model": "replay/nothing"}))
    (tmp_path / "auton.toml").write_text("")
    done = CliRunner().invoke(cli.root, ["agent", "--brief", str(tmp_path / "brief.json"), "--repo", str(toy), "--out",
                                         str(tmp_path / "out"), "--config", str(tmp_path / "auton.toml")])
    result = read(Result, tmp_path / "out" / "result.json")
    assert done.exit_code == 0 and result.status == "error" and "expected a recording among" in result.reason


def test_a_replay_is_not_recorded_again_and_goals_are_not_mixed(recorded, brief, toy, config, tmp_path):
    model = replay.Replay(f"replay/{recorded}", brief)
    loop.run(brief, workplace.prepare(toy, brief, tmp_path / "second"), tmp_path / "again", model, config)
    with pytest.raises(AgentError, match="was a replay itself"):
        replay.record(replay.trajectories(tmp_path / "again"))
    other = brief.model_copy(update={"goal_title": "Another"})
    loop.run(other, workplace.prepare(toy, other, tmp_path / "third"), tmp_path / "other", Scripted(*WORK), config)
    with pytest.raises(AgentError, match="found 2 goals"):
        replay.record(replay.trajectories(tmp_path / "other") + replay.trajectories(tmp_path / "runs"))


def test_artifacts_are_read_as_they_are_and_other_goals_left_out(recorded, tmp_path):
    with zipfile.ZipFile(tmp_path / "runs" / "12.zip", "w") as archive:
        text = (tmp_path / "runs" / "dev" / "trajectory.jsonl").read_text()
        text = text.replace('"goal": 7', '"goal": 8').replace('"attempt": 1', '"attempt": 2')
        archive.writestr("trajectory.jsonl", text)
    found = replay.trajectories(tmp_path / "runs")
    assert [run.attempt for run in replay.record(found).runs] == [1, 2]
    assert [run.attempt for run in replay.record(found, goal=8).runs] == [2]


def test_every_recording_in_the_house_can_be_read():
    for path in replay.FOLDER.glob("*.json"):
        recording = replay.load(path.stem)
        assert recording.source and recording.runs


def test_a_replay_imports_neither_litellm_nor_a_forge(recorded, brief, tmp_path):
    probe = ("import sys; from bot.agents.model import open_model; from bot.config import check; "
             "from bot.handoff import Brief; from bot.agents import loop; "
             f"brief = Brief.model_validate_json({brief.model_dump_json()!r});"
             f"open_model('replay/{recorded}', check({{}}, 't'), brief);"
             "print([m for m in ('litellm', 'github', 'openai') if m in sys.modules])")
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout == "[]\n"


def test_models_command_shows_prices_and_refuses_unknown_ones(tmp_path):
    (tmp_path / "auton.toml").write_text('[agents.models]\ndefault = "openai/none-such"\n')
    done = CliRunner().invoke(cli.root, ["models", "--config", str(tmp_path / "auton.toml")])
    assert isinstance(done.exception, AgentError) and "expected a price" in done.output
    (tmp_path / "auton.toml").write_text('[agents.models]\ndefault = "openai/own"\n[agents.prices."openai/own"]\n'
                                         "input = 1\noutput = 2\n")
    done = CliRunner().invoke(cli.root, ["models", "--config", str(tmp_path / "auton.toml")])
    assert done.exit_code == 0 and "$1 in, $2 out per million tokens (auton.toml)" in done.output
    assert config.load(tmp_path / "auton.toml").agents.models.of("developer") == "openai/own"

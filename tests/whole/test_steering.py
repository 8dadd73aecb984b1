"""People steer a run under way, through the API: what is refused, what is answered, and that a stop really stops."""

import os

from tests.whole.tiny import one_task, processes, wait, world

FOREVER = f"sleep 1000.{os.getpid()}"
"""A command that only this test starts, in the background too."""
WORK_FOREVER = ("shell", {"command": f"{FOREVER} & {FOREVER}", "seconds": 600})


def working() -> list[tuple[int, str]]:
    return [one for one in processes(FOREVER) if one[1].startswith("sleep")]


def test_a_run_under_way_is_steered_and_stopped(tmp_path):
    with world(tmp_path, one_task(WORK_FOREVER)) as tiny:
        goal = tiny.file()
        tiny.until(goal, "active")
        one = tiny.tasks(goal)["t1"]
        wait(lambda: working(), "the agent to work", 400)

        how, said = tiny.ask(goal, "/auton stop", tiny.guest)
        assert how == "confused" and "@guest has no write permission" in said
        how, said = tiny.ask(goal, "/auton rety")
        assert how == "confused" and "did you mean `/auton retry`" in said
        how, said = tiny.ask(one, "/auton retry")
        assert how == "confused" and "running; it needs no retry" in said
        how, said = tiny.ask(goal, "/auton help", tiny.guest)
        assert how == "rocket" and "| `/auton unhold` |" in said
        how, said = tiny.ask(one, "/auton status", tiny.guest)
        assert how == "rocket" and f"| #{one} | Answer t1 | developer |" in said
        assert tiny.ask(goal, "/Auton hold") == ("rocket", "")
        assert "on hold since 20" in tiny.sticky(goal)
        assert "auton:hold" in tiny.you.issue(goal).labels
        assert tiny.ask(goal, "/auton unhold") == ("rocket", "")
        assert "auton:hold" not in tiny.you.issue(goal).labels
        assert working(), "none of this may disturb the agent"

        how, said = tiny.ask(goal, "/auton stop")
        assert how == "rocket" and "One agent run is being cancelled" in said
        wait(lambda: not tiny.agents() and not processes(FOREVER), "the agent's processes to end", 200)
        run = f"g{goal}-t{one}-a1-developer"
        wait(lambda: tiny.runs()[run] == "cancelled", "the run to be cancelled", 200)
        wait(lambda: "| developer | 1 | lost |" in tiny.sticky(one), "the run to be accounted for")
        assert "| 1 | 100 / 10 | $0.0100 |" in tiny.sticky(one), "it is charged the one answer that it had, as its own files say"
        wait(lambda: "Cost: $0.0200 of $50.00 · 2 agent runs" in tiny.sticky(goal), "the goal's cost to be that of two answers")
        assert list(tiny.runs()) == [run, f"g{goal}-plan-a1-manager"], "nothing starts while it is stopped"

        tiny.says(one_task())
        assert tiny.ask(goal, "/auton unhold") == ("rocket", "")
        tiny.until(goal, "done")
        how, said = tiny.ask(goal, "/auton status", tiny.guest)
        assert how == "rocket" and "This goal has landed" in said
        tiny.you.reopen_issue(goal)
        wait(lambda: not tiny.you.issue(goal).open, "it to be closed again")
        assert any("@you has reopened this" in one.body for one in tiny.you.comments_on(goal))


def test_stopping_the_forge_stops_its_agents(tmp_path):
    with world(tmp_path, one_task(WORK_FOREVER)) as tiny:
        goal = tiny.file()
        wait(lambda: working(), "the agent to work", 400)
        tiny.stop()
        assert not tiny.agents() and not processes(FOREVER)
        assert "Traceback" not in (log := (tiny.data / "forge.log").read_text()), log
        tiny.says(one_task())
        before = tiny.told["pid"]
        tiny.start(tiny.port)
        assert tiny.told["pid"] != before, "what was started last is what is told of"
        tiny.until(goal, "done")

"""The command line in a checkout, as a newcomer types it: the default folder, one forge, commands one after another."""

import json
import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from os import environ

import pytest

from bot.forge.client import Forge
from bot.run import local
from tests.whole.tiny import GOAL, ROOT, Tiny, one_task, wait

DATA = ".auton/forge"


@pytest.fixture
def tiny(tmp_path):
    """A checkout without a forge yet, where all commands leave --data at its default."""
    tiny = Tiny(tmp_path, one_task())
    tiny.data = tiny.checkout / DATA
    yield tiny
    if local.alive(tiny.data):
        tiny.stop()


def said(tiny: Tiny, *words: str, code: int = 0) -> subprocess.CompletedProcess:
    done = tiny.auton(*words, timeout=400)
    assert done.returncode == code, f"auton {' '.join(words)}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stdout + done.stderr
    return done


def test_a_goal_that_is_not_awaited_is_told_of_and_seen_by_tick_and_status(tiny):
    done = said(tiny, "run", "--json", "--timeout", "0.5", "--port", "0", GOAL, code=4)
    outcome, told = json.loads(done.stdout), local.alive(tiny.data)
    assert outcome["goal"] == f"{told['url']}/you/auton/issues/1" and outcome["number"] == 1
    assert not outcome["landed"] and outcome["state"] in ("filed", "planning", "planned", "active") and outcome["commits"] == []
    assert outcome["reason"].startswith("goal #1 has not ended after 0.5 s")
    assert f"auton: error: {outcome['reason']}" in done.stderr

    seen = said(tiny, "status").stdout
    assert seen.startswith("you/auton at ") and re.search(rf"^#1 \w+ .*{GOAL}$", seen, re.M) and "closed" not in seen
    assert "tick: " in said(tiny, "tick").stdout
    tiny.you = Forge(told["api"], "you/auton", told["tokens"]["you"], server=told["url"])
    tiny.until(1, "done")
    wait(lambda: not tiny.you.issue(1).open, "the goal to be closed")
    second = tiny.file("Never mind")
    tiny.ask(second, "/auton cancel")
    tiny.until(second, "cancelled")
    wait(lambda: not tiny.you.issue(second).open, "the goal to be closed")

    seen = said(tiny, "status").stdout
    last = rf"no open goals\n\nclosed lately:\n  #{second} cancelled +Never mind\n  #1 done +{GOAL}\n"
    assert re.search(last, seen), seen
    closed = json.loads(said(tiny, "status", "--json").stdout)["closed"]
    assert closed[1] == {"goal": 1, "title": GOAL, "state": "done", "url": outcome["goal"]}


def test_a_forge_comes_back_where_it_was(tiny):
    said(tiny, "run", "--json", "--timeout", "0", "--port", "0", GOAL, code=4)
    first = local.alive(tiny.data)
    said(tiny, "forge", "stop")
    for end in (signal.SIGKILL, signal.SIGTERM):
        with served(tiny) as server:
            assert local.alive(tiny.data) == first | {"pid": server.pid}
            assert local.repositories(first["api"], first["tokens"]["you"]) == ["auton"]
            server.send_signal(end)
            log = server.communicate(timeout=60)[0]
            assert "Traceback" not in log, log
    with served(tiny) as server:
        done = said(tiny, "run", "--json", "--timeout", "0", "--port", "4399", GOAL, code=4)
        assert f"--port 4399 is not used: the forge of {DATA} runs already, at {first['url']}\n" in done.stderr
        assert json.loads(done.stdout)["goal"].startswith(first["url"])
        assert_told_of_its_end(tiny, server)
    with socket.create_server(("127.0.0.1", int(first["url"].rpartition(":")[2]))):
        done = said(tiny, "run", "--json", "--timeout", "0", GOAL, code=4)
    assert f"the forge is no longer at {first['url']}, which is taken" in done.stderr
    assert not json.loads(done.stdout)["goal"].startswith(first["url"])
    assert "where this forge was before, is taken" in (tiny.data / "forge.log").read_text()


def assert_told_of_its_end(tiny: Tiny, server: subprocess.Popen) -> None:
    """`auton run --json`, whose forge ends under it."""
    tiny.says(one_task(("shell", {"command": "sleep 300", "seconds": 300})))
    before = local.record(tiny.data)
    with subprocess.Popen([sys.executable, "-m", "bot", "run", "--json", "--timeout", "90", GOAL], cwd=tiny.checkout, text=True,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**environ, "PYTHONPATH": str(ROOT)}) as run:
        wait(lambda: "auton-3" in local.repositories(before["api"], before["tokens"]["you"]), "the repository")
        third = Forge(before["api"], "you/auton-3", before["tokens"]["you"], server=before["url"])
        wait(lambda: third.issues("auton:goal"), "the goal")
        server.terminate()
        out, err = run.communicate(timeout=100)
    outcome = json.loads(out)
    assert run.returncode == 4, f"{out}\n{err}"
    assert outcome["number"] == 1 and outcome["goal"] == f"{before['url']}/you/auton-3/issues/1"
    assert outcome["reason"].startswith("the local forge has ended") and outcome["reason"] in err and "Traceback" not in err


@contextmanager
def served(tiny: Tiny):
    """`auton forge serve` without any option, until it answers."""
    server = subprocess.Popen([sys.executable, "-m", "bot", "forge", "serve"], cwd=tiny.checkout, text=True, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, env={**environ, "PYTHONPATH": str(ROOT)})
    try:
        wait(lambda: server.poll() is not None or (found := local.alive(tiny.data)) and found["pid"] == server.pid, "the forge")
        assert server.poll() is None, server.communicate()[0]
        yield server
    finally:
        if server.poll() is None:
            server.terminate()
            server.communicate(timeout=60)

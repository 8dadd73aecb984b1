"""A step that is one plain `auton` command starts from the fork server: it must be told from a fresh start by its speed
alone. What bash would make of the command is asked of bash; the rest of real processes, in /proc."""

import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.runner import warm as module
from bot.runner.process import TRACKING, Cancel, Program, run
from bot.runner.warm import Fork, Warm, words
from tests.runner.host import wait

ROOT = Path(__file__).parents[2]
AUTON = Path(sys.executable).with_name("auton")
TOKEN = "ghs_the-token-of-one-step-alone"
FRAGMENTS = ["auton", "tick", " ", "  ", "\n", '"', "'", "$KEY", "${KEY}", "$NONE", "$1", "$$", "$(x)", "`x`", "\\", "~", "*",
             "a=b", "--out", "/x/y", ";", "|", "&", ">", "#", "{a,b}", "!", "é", "$RANDOM", "$_", "\t", "%s", "[a]", "a:~"]
VALUES = {"KEY": "a  b'\"$HOME\n*", "HOME": "/nowhere"}


# -- what bash would make of it ---------------------------------------------------------------------------------------


def bash(script: str, folder: Path) -> list[list[str]]:
    """The argv of each `auton` that bash starts for `script`."""
    fake = folder / "auton"
    if not fake.exists():
        fake.write_text("#!/bin/sh\nprintf '%s\\0' auton \"$@\" end >> \"$0.said\"\n")
        fake.chmod(0o755)
    said = folder / "auton.said"
    said.unlink(missing_ok=True)
    (folder / "script.sh").write_text(script)
    subprocess.run(["bash", "-e", str(folder / "script.sh")], cwd=folder, env={**VALUES, "PATH": f"{folder}:/usr/bin:/bin"},
                   capture_output=True, timeout=20, stdin=subprocess.DEVNULL)
    found = said.read_text().split("\0") if said.exists() else []
    return [one.split("\0") for one in re.split("\0?end\0?", "\0".join(found)) if one]


@given(st.lists(st.sampled_from(FRAGMENTS), max_size=7).map(lambda parts: "auton " + "".join(parts)))
@settings(max_examples=150, deadline=None)
def test_words_are_those_of_bash_or_none(tmp_path_factory, script):
    env = {**VALUES, "PATH": "/usr/bin"}
    if (found := words(script, env)) is not None:
        assert bash(script, tmp_path_factory.getbasetemp()) == [found]


def test_the_commands_of_our_workflows_are_plain():
    env = {"KEY": "g1-plan", "GOAL": "1", "TASK": "", "ROLE": "manager", "ATTEMPT": "1", "RUNNER_TEMP": "/t", "SHA": "0", "ARCHS": "a b",
           "SLM": ""}
    plain = []
    for path in (ROOT / ".github" / "workflows").glob("auton-*.yml"):
        from bot.runner.workflow import parse_workflow

        for job in parse_workflow(path.name, path.read_text()).jobs.values():
            plain += [words(step.run, env) for step in job.steps if step.run]
    assert None not in plain and sorted(one[1] for one in plain) == ["agent", "apply", "judge", "report", "screen", "tick",
                                                                          "verify"]
    [agent] = [one for one in plain if one[1] == "agent"]
    assert agent[-1] == "/t/agent" and agent[agent.index("--task") + 1] == ""


# -- a fork beside a fresh start --------------------------------------------------------------------------------------


@pytest.fixture
def warm(tmp_path):
    one = Warm(tmp_path, "auton_test_forkserver")
    yield one
    one.stop()


def environment(**more: str) -> dict[str, str]:
    locale = {name: os.environ[name] for name in ("LANG", "LC_ALL", "TZ") if name in os.environ}
    return {**locale, "PATH": f"{AUTON.parent}:/usr/bin:/bin", "HOME": "/nowhere", TRACKING: "auton_test_7_", **more}


def ready(warm: Warm) -> Warm:
    def look():
        begin(warm, ["auton", "--version"])
        return warm._ready
    wait(look, "the fork server", 60)
    return warm


def begin(warm: Warm, command: list[str], env: dict | None = None, cwd: Path = Path("/"), **options):
    """Run a command as a step does: (how it ended, its output, the child)."""
    lines, children = [], []

    def spawn(*given):
        children.append(warm.spawn(command, *given))
        return children[0]

    ended = run([str(AUTON), *command[1:]], cwd=cwd, env=env or environment(), emit=lines.append, spawn=spawn, **options)
    return ended, lines, children[0]


@pytest.mark.parametrize("command", [["config"], ["--version"], ["bogus"], ["tick"], ["screen", "--in", "/nowhere", "--out", "x"],
                                     ["report", "--help"], ["status"]])
def test_it_says_and_ends_as_a_fresh_start_does(warm, tmp_path, command):
    ended, lines, child = begin(ready(warm), ["auton", *command], cwd=tmp_path)
    fresh: list[str] = []
    other = run([str(AUTON), *command], cwd=tmp_path, env=environment(), emit=fresh.append)
    assert isinstance(child, Fork)
    assert (ended.code, lines) == (other.code, fresh)


@pytest.fixture
def silent_forge():
    """A forge that takes a connection and never answers: its address, and what the first caller said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        heard: list[bytes] = []
        server.settimeout(60)

        def listen():
            with suppress(OSError):
                connection, _ = server.accept()
                with connection:
                    heard.append(connection.recv(65536))
                    connection.recv(1)  # until the caller is gone

        threading.Thread(target=listen, daemon=True).start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", heard


@pytest.fixture
def waiting(warm, silent_forge, tmp_path):
    """A step that waits for the silent forge: its child, a way to cancel it, and how it ended."""
    address, heard = silent_forge
    env = environment(GITHUB_API_URL=address, GITHUB_REPOSITORY="you/os", GITHUB_TOKEN=TOKEN)
    cancel, children, ends, lines = Cancel(), [], [], []
    (tmp_path / "auton.toml").write_bytes((ROOT / "auton.toml").read_bytes())
    ready(warm)

    def spawn(*given):
        children.append(warm.spawn(["auton", "tick"], *given))
        return children[0]

    thread = threading.Thread(target=lambda: ends.append(run([str(AUTON), "tick"], cwd=tmp_path, env=env, emit=lines.append,
                                                             cancel=cancel, spawn=spawn)))
    thread.start()
    wait(lambda: heard, "a call", 30)
    assert isinstance(children[0], Fork) and f"token {TOKEN}".encode() in heard[0]

    def end():
        thread.join(20)
        assert ends, "the step did not end"
        return ends[0], lines

    yield children[0].pid, cancel, end
    cancel.request()
    thread.join(20)


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def holds(pid: int, secret: bytes) -> bool:
    """Whether the memory of a process holds these bytes."""
    with open(f"/proc/{pid}/maps") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            first, last = (int(text, 16) for text in line.split()[0].split("-"))
            if " rw" in line:
                memory.seek(first)
                try:
                    if secret in memory.read(last - first):
                        return True
                except OSError:
                    continue
    return False


def test_a_child_has_its_own_session_folder_files_and_name(waiting, tmp_path):
    pid, _, _ = waiting
    place = Path(f"/proc/{pid}")
    assert os.getsid(pid) == os.getpgid(pid) == pid
    assert os.readlink(place / "cwd") == str(tmp_path)
    files = {int(entry.name): os.readlink(entry) for entry in (place / "fd").iterdir()}
    assert files[0] == "/dev/null" and files[1] == files[2] and files[1].startswith("pipe:")
    assert [name for fd, name in files.items() if fd > 2 and not name.startswith("socket:")] == []
    assert len(files) == 4, files  # and the call's
    assert (place / "cmdline").read_bytes().rstrip(b"\0") == f"{AUTON}\0tick".encode()
    assert (place / "environ").read_bytes().rstrip(b"\0") == f"{TRACKING}=auton_test_7_".encode()


def test_no_secret_is_ever_in_the_fork_server(waiting):
    pid, cancel, end = waiting
    server = parent(pid)
    assert b"auton\0forkserver" in Path(f"/proc/{server}/cmdline").read_bytes()
    assert holds(pid, TOKEN.encode()) and not holds(server, TOKEN.encode())
    cancel.request()
    end()
    assert not holds(server, TOKEN.encode())


def test_the_next_child_knows_nothing_of_the_one_before(warm, waiting, tmp_path):
    ended, lines, child = begin(warm, ["auton", "tick", "--data", str(tmp_path)], cwd=ROOT)
    assert isinstance(child, Fork) and ended.code == 2
    assert "expected GITHUB_REPOSITORY and GITHUB_TOKEN in the environment" in lines[0]


def test_a_cancelled_child_is_interrupted(waiting):
    _, cancel, end = waiting
    cancel.request()
    ended, lines = end()
    assert ended.cancelled and ended.code == 130 and lines[-1].startswith("auton: interrupted")


def test_a_child_that_is_late_is_stopped(warm, silent_forge):
    env = environment(GITHUB_API_URL=silent_forge[0], GITHUB_REPOSITORY="you/os", GITHUB_TOKEN=TOKEN)
    ended, _, child = begin(ready(warm), ["auton", "tick"], env, cwd=ROOT, timeout=0.5)
    assert isinstance(child, Fork) and ended.timed_out and ended.code == 130


def test_a_killed_child_says_so_and_the_server_goes_on(warm, waiting):
    pid, _, end = waiting
    os.kill(pid, signal.SIGKILL)
    assert end()[0].code == -signal.SIGKILL
    ended, _, child = begin(warm, ["auton", "--version"])
    assert isinstance(child, Fork) and ended.code == 0


def test_children_die_with_their_server_and_there_is_a_new_one(warm, waiting):
    pid, _, end = waiting
    os.kill(parent(pid), signal.SIGKILL)
    assert end()[0].code == -signal.SIGKILL
    wait(lambda: not Path(f"/proc/{pid}").exists(), "the child to be gone")
    assert begin(warm, ["auton", "--version"])[0].code == 0
    wait(lambda: isinstance(begin(warm, ["auton", "--version"])[2], Program), "a start without it")


def test_a_stop_ends_the_server_and_its_children(warm, waiting):
    pid, _, end = waiting
    server = parent(pid)
    warm.stop()
    assert end()[0].code == -signal.SIGKILL
    assert not Path(f"/proc/{server}").exists()


@pytest.mark.parametrize("loaded", [True, False])
def test_a_runner_that_ends_before_it_has_asked_for_anything_ends_the_server_quietly(loaded):
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs:
        server = subprocess.Popen([sys.executable, "-P", "-m", "bot.forkserver", str(theirs.fileno()), "." * 400], cwd=ROOT,
                                  pass_fds=[theirs.fileno()], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        theirs.close()
        if loaded:  # its "ready" is there, and is never read
            assert ours.recv(16, socket.MSG_PEEK) == b"ready"
    assert (server.communicate(timeout=100)[0], server.returncode) == ("", 0)


def test_cpu_is_the_childs_and_what_the_server_used_for_it(warm):
    ready(warm)
    begin(warm, ["auton", "--version"])
    ended, _, child = begin(warm, ["auton", "config"])
    assert isinstance(child, Fork) and 0 < ended.cpu < ended.wall + 0.2


@pytest.mark.parametrize("more", [{"PYTHONPATH": "/x"}, {"BASH_ENV": "/x"}, {"LC_ALL": "tr_TR.UTF-8"}, {"LD_PRELOAD": ""},
                                  {"PATH": "/usr/bin:/bin"}, {"TZ": "Asia/Tokyo"}])
def test_an_environment_that_acts_on_the_start_gets_a_fresh_one(warm, more):
    assert isinstance(begin(ready(warm), ["auton", "--version"], environment() | more)[2], Program)


def test_changed_code_gets_a_fresh_start_and_then_a_new_server(warm, monkeypatch):
    ready(warm)
    before = warm._process.pid
    monkeypatch.setattr(module, "_code", lambda: 1)
    assert isinstance(begin(warm, ["auton", "--version"])[2], Program)
    assert isinstance(begin(ready(warm), ["auton", "--version"])[2], Fork) and warm._process.pid != before


def test_code_is_told_by_its_files_times(tmp_path, monkeypatch):
    monkeypatch.setattr(module.bot, "__file__", str(tmp_path / "__init__.py"))
    (tmp_path / "a.py").touch()
    before = module._code()
    assert module._code() == before
    os.utime(tmp_path / "a.py", (1, 1))
    assert module._code() != before


def test_many_at_once(warm):
    ready(warm)
    found = []
    threads = [threading.Thread(target=lambda: found.append(begin(warm, ["auton", "--version"]))) for _ in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {(ended.code, type(child)) for ended, _, child in found} == {(0, Fork)}


def test_a_job_runs_its_steps_so(forge):
    workflow = "on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: auton --version}, {run: 'auton bogus'}]}}"
    forge.push(workflow)
    wait(lambda: forge.scheduler.warm._socket and forge.scheduler.warm._is_ready(), "the fork server", 60)
    started = time.monotonic()
    run = forge.push(workflow)
    assert time.monotonic() - started < 30 and run["conclusion"] == "failure"
    assert "auton, version" in forge.log(run) and "No such command 'bogus'" in forge.log(run)
    assert "exit code 2" in forge.notes(run)



"""What can't be done from inside the sandbox: read secrets, reach the network, write elsewhere, outlive it."""

import http.server
import os
import threading
import time

import pytest

from bot import sandbox
from bot.errors import Refused


@pytest.fixture
def project(tmp_path):
    (tmp_path / "project" / "out").mkdir(parents=True)
    (tmp_path / "project" / "hello.txt").write_text("hello")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "secret.txt").write_text("another worktree")
    return tmp_path / "project"


def inside(project, script, *, writable=(), **options):
    return sandbox.run(["/bin/sh", "-c", script], root=project, writable=list(writable), cwd=project, **options)


def test_the_project_is_read_only_but_for_what_is_writable(project):
    done = inside(project, "cat hello.txt; echo x > out/new && echo y > hello.txt", writable=[project / "out"])
    assert done.output.startswith("hello") and "Read-only" in done.output and done.code != 0
    assert (project / "out" / "new").read_text() == "x\n"


def test_the_environment_of_the_caller_is_nowhere_to_be_read(project, monkeypatch):
    monkeypatch.setenv("OPENAI_API_KEY", "sk-very-secret")
    done = inside(project, "env; cat /proc/*/environ | tr '\\0' '\\n'")
    assert "HOME=/tmp" in done.output and "very-secret" not in done.output
    assert f"/proc/{os.getpid()}" not in inside(project, "echo /proc/[0-9]*").output.split()


def test_home_and_neighbours_are_not_there(project, tmp_path):
    home = os.path.expanduser("~")
    done = inside(project, f"ls -A {home} 2>&1; cat {tmp_path}/other/secret.txt /etc/shadow /etc/passwd; ls -A /home")
    assert "another worktree" not in done.output and "root:" not in done.output
    assert ".ssh" not in done.output and ".gitconfig" not in done.output and ".bashrc" not in done.output


def test_a_symbolic_link_out_of_the_tree_leads_nowhere(project, tmp_path):
    (project / "link").symlink_to(tmp_path / "other" / "secret.txt")
    (project / "root").symlink_to("/")
    done = inside(project, f"cat link root{tmp_path}/other/secret.txt", writable=[project])
    assert "another worktree" not in done.output and done.code != 0


def test_a_symbolic_link_can_not_stand_for_a_writable_folder(project, tmp_path):
    (project / "build").symlink_to(tmp_path / "other")
    with pytest.raises(Refused, match="without symbolic links"):
        sandbox.wrap(["true"], root=project, writable=[project / "build"], env={}, cwd=project)


def test_loopback_of_the_host_can_not_be_reached(project):
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        connect = f"import socket; socket.create_connection(('127.0.0.1', {server.server_port}), 2)"
        done = inside(project, f'python3 -c "{connect}"')
        server.shutdown()
    assert "ConnectionRefused" in done.output


def test_no_more_rights_can_be_had(project):
    done = inside(project, "grep Cap /proc/self/status; unshare -U true; mount -t tmpfs none /tmp; id -u")
    assert "CapEff:\t0000000000000000" in done.output and done.output.strip().endswith("1000")
    assert "mount:" in done.output and "unshare:" in done.output


def test_time_is_up_for_every_process_even_one_that_floods_or_hides(project):
    started = time.monotonic()
    assert inside(project, "(setsid sleep 4711 &) ; yes", timeout=0.5, keep=100).timed_out
    assert inside(project, "exec >/dev/null 2>&1; sleep 4711", timeout=0.5).timed_out
    assert time.monotonic() - started < 5
    time.sleep(0.1)
    assert not any(b"4711" in cmdline for cmdline in _command_lines())


def _command_lines():
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            with open(f"/proc/{pid}/cmdline", "rb") as file:
                words = file.read().split(b"\0")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if words[:1] == [b"sleep"]:
            yield b" ".join(words)


def test_a_huge_output_keeps_its_head_and_its_tail(project):
    done = inside(project, "seq 1 200000", keep=2000)
    assert done.cut and done.output.startswith("1\n2\n") and done.output.endswith("200000\n")
    assert len(done.output) < 2100


def test_standard_input_of_any_size_arrives(project):
    assert inside(project, "wc -c", stdin=b"x" * 3_000_000).output.split() == ["3000000"]


def test_a_file_can_not_grow_without_bound(project):
    done = inside(project, "ulimit -f; ulimit -v; ulimit -c")
    files, memory, cores = done.output.split()
    assert (files, cores) == (str((8 << 30) // 512), "0") and int(memory) >= 16 << 20


def _remove_group(path, seconds=20):
    """The group stays busy until its last process is gone from the kernel's books."""
    until = time.monotonic() + seconds
    while True:
        try:
            return os.rmdir(path)
        except OSError:
            if time.monotonic() > until:
                raise
            time.sleep(0.1)


def test_a_fork_bomb_is_contained(project, monkeypatch):
    monkeypatch.setattr(sandbox, "PROCESSES", 30)
    monkeypatch.setitem(sandbox.LIMITS, "nproc", 30)
    sandbox._joined.cache_clear()
    done = inside(project, "for i in $(seq 1 100); do sleep 0.5 & done; wait", timeout=20)
    held = os.geteuid() != 0 or bool(sandbox._joined())  # root without control groups has the timeout alone
    for word in sandbox._joined()[3:]:
        _remove_group(os.path.dirname(word))
    sandbox._joined.cache_clear()
    assert ("fork" in done.output) == held


def test_probe_is_content_here():
    sandbox.probe()

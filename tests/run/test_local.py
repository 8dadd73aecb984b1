"""Finding and starting the local forge: a stale record is no forge, and two starts at once share one server."""

import json
import os
import socket
import subprocess
import sys
import threading

from bot.localforge import serve
from bot.localforge.serve import read_record, running
from bot.localforge.serve import stop as stop_forge
from bot.run import local


def test_a_record_counts_only_while_its_own_forge_answers(tmp_path):
    def recorded(url: str, pid: int) -> None:
        record = {"url": url, "api": url + "/api/v3", "pid": pid, "tokens": {"you": "ghp_x"}}
        (tmp_path / "forge.json").write_text(json.dumps(record))

    assert local.alive(tmp_path) is None
    (tmp_path / "forge.json").write_text("{")
    assert local.alive(tmp_path) is None
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
    web = subprocess.Popen([sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"],
                           stderr=subprocess.DEVNULL, stdout=subprocess.DEVNULL)
    try:
        recorded(f"http://127.0.0.1:{port}", os.getpid())
        assert local.alive(tmp_path) is None
    finally:
        web.kill()
        web.wait()


def test_without_a_port_the_last_one_is_taken_then_the_default_then_any(tmp_path, monkeypatch, capsys):
    def taken(url: str | None) -> tuple[int, str]:
        """The port that is bound, and what is said of it."""
        if url:
            (tmp_path / "forge.json").write_text(json.dumps({"url": url}))
        with serve.bind_again(tmp_path) as sock:
            return sock.getsockname()[1], capsys.readouterr().err

    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        last, usual = one.getsockname()[1], other.getsockname()[1]
        monkeypatch.setattr(serve, "DEFAULT_PORT", usual)
        port, words = taken(None)
        assert port not in (last, usual) and words == "", "never served before: nobody has links"
        port, words = taken(f"http://127.0.0.1:{last}")
        assert port not in (last, usual) and f"port {last}, where this forge was before, is taken" in words
    assert taken(f"http://127.0.0.1:{last}") == (last, "")
    with socket.create_server(("127.0.0.1", last)):
        port, words = taken(f"http://127.0.0.1:{last}")
        assert port == usual and words
    for broken in ("http://127.0.0.1:99999", "http://127.0.0.1", "http://127.0.0.1:-1"):
        assert taken(broken) == (usual, "")
    (tmp_path / "forge.json").write_text("{")
    assert taken(None) == (usual, "")


def test_two_starts_at_once_find_the_same_forge(tmp_path):
    found = []

    def begin():
        found.append(local.start(tmp_path, 0, tmp_path, seconds=120))

    both = [threading.Thread(target=begin) for _ in range(2)]
    for thread in both:
        thread.start()
    for thread in both:
        thread.join()
    try:
        assert len(found) == 2 and found[0] == found[1] == read_record(tmp_path)
        names = [local.create(found[0]["api"], found[0]["tokens"]["you"], "auton") for _ in range(2)]
        assert names == ["auton", "auton-2"]
    finally:
        stop_forge(tmp_path)
    assert not running(tmp_path) and local.alive(tmp_path) is None
    assert "ended by SIGTERM" in (tmp_path / "forge.log").read_text()


def test_a_shallow_clone_begins_with_its_files(tmp_path):
    def git(*args: str, cwd=tmp_path) -> str:
        return subprocess.run(["git", "-c", "user.name=t", "-c", "user.email=t@example.org", *args], cwd=cwd, check=True,
                              capture_output=True, text=True).stdout.strip()

    git("init", "-q", "deep")
    for n in range(3):
        (tmp_path / "deep" / "file").write_text(str(n))
        git("add", "-A", cwd=tmp_path / "deep")
        git("commit", "-qm", str(n), cwd=tmp_path / "deep")
    git("clone", "-q", "--depth", "1", f"file://{tmp_path}/deep", "shallow")
    git("init", "-q", "--bare", "forge.git")
    pushed = local.push(tmp_path / "shallow", str(tmp_path / "forge.git"), "token")
    assert git("log", "--format=%H", "main", cwd=tmp_path / "forge.git") == pushed
    assert git("show", "main:file", cwd=tmp_path / "forge.git") == "2"
    deep = local.push(tmp_path / "deep", str(tmp_path / "forge.git"), "token", branch="deep")
    assert deep == git("rev-parse", "HEAD", cwd=tmp_path / "deep")

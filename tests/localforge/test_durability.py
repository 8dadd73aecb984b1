"""What was acknowledged survives SIGKILL; what was half done is caught up with; `auton forge` from the outside."""

import json
import os
import signal
import subprocess
import sys
import threading
import time

import github
import pytest

from bot.localforge.git import ZERO
from bot.localforge.serve import serve_in_thread
from tests.localforge.fixtures import git


def auton(*args, **options):
    return subprocess.run([sys.executable, "-m", "bot", *args], capture_output=True, text=True, **options)


class Served:
    """`auton forge serve` as a process of its own."""

    def __init__(self, data, *args):
        self.data = data
        (data / "forge.json").unlink(missing_ok=True)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", "forge", "serve", "--data", str(data), "--port", "0", *args],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        deadline = time.monotonic() + 30
        while not (data / "forge.json").exists():
            assert self.process.poll() is None and time.monotonic() < deadline, self.process.stdout.read()
            time.sleep(0.02)
        self.record = json.loads((data / "forge.json").read_text())

    def github(self):
        return github.Github(
            base_url=self.record["api"],
            auth=github.Auth.Token(self.record["tokens"]["you"]),
            retry=None,
            seconds_between_requests=0,
            seconds_between_writes=0,
        )

    def kill(self):
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.process.stdout.close()


@pytest.fixture
def data(tmp_path):
    (tmp_path / "forge").mkdir()
    return tmp_path / "forge"


def test_acknowledged_writes_survive_sigkill(data):
    served = Served(data)
    repo = served.github().get_user().create_repo("demo", auto_init=True)
    acknowledged = []

    def write():
        number = 0
        while True:
            number += 1
            try:
                issue = repo.create_issue(f"issue {number}", labels=["x"])
                comment = issue.create_comment(f"comment {number}")
                ref = repo.create_git_ref(f"refs/heads/b{number}", repo.get_branch("main").commit.sha)
            except (github.GithubException, OSError):
                return
            acknowledged.append((issue.number, comment.id, ref.ref))

    writer = threading.Thread(target=write)
    writer.start()
    while len(acknowledged) < 5:
        time.sleep(0.01)
    served.kill()
    writer.join()

    again = Served(data)
    try:
        assert again.record["tokens"] == served.record["tokens"]
        repo = again.github().get_repo("you/demo")
        refs = {ref.ref for ref in repo.get_git_matching_refs("heads/")}
        for number, comment, ref in acknowledged:
            assert repo.get_issue(number).labels[0].name == "x"
            assert repo.get_issue(number).get_comment(comment).body == f"comment {number}"
            assert ref in refs
        assert repo.create_issue("next").number == repo.get_issues(state="all").totalCount
    finally:
        again.kill()


def test_a_push_that_was_killed_before_its_consequences_is_caught_up_with(tmp_path):
    """The refs moved on disk while nobody watched: pull requests merge and events go out at the next start."""
    data = tmp_path / "forge"
    with serve_in_thread(data) as running:
        you = github.Github(base_url=running.api, auth=github.Auth.Token(running.tokens["you"]))
        repo = you.get_user().create_repo("demo", auto_init=True)
        main = repo.get_branch("main").commit.sha
        repo.create_git_ref("refs/heads/one", main)
        repo.create_file("a", "Add a", "1\n", branch="one")
        number = repo.create_pull("main", "one", title="one").number
        head = repo.get_branch("one").commit.sha
        bare = running.forge.bare("you/demo")
    git("update-ref", "refs/heads/main", head, main, cwd=bare)
    git("update-ref", "refs/heads/two", head, ZERO, cwd=bare)
    heard = []

    class Listener:
        def on_event(self, event):
            heard.append((event.name, event.ref))

        def routes(self):
            return []

        def start(self): ...

        def stop(self): ...

    with serve_in_thread(data, join=lambda forge: Listener()) as running:
        you = github.Github(base_url=running.api, auth=github.Auth.Token(running.tokens["you"]))
        pull = you.get_repo("you/demo").get_pull(number)
        assert (pull.merged, pull.merge_commit_sha) == (True, head)
        assert running.forge.outbox.settle()
    assert ("push", "refs/heads/main") in heard and ("create", "refs/heads/two") in heard
    assert ("pull_request", f"refs/pull/{number}/merge") in heard


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_an_event_whose_handling_was_killed_is_handed_on_again(tmp_path):
    data = tmp_path / "forge"
    heard = []

    class Listener:
        deaf = True

        def on_event(self, event):
            if self.deaf:
                raise SystemExit  # ends the thread as a kill would end the process
            heard.append(event.name)

        def routes(self):
            return []

        def start(self): ...

        def stop(self): ...

    with serve_in_thread(data, join=lambda forge: Listener()) as running:
        you = github.Github(base_url=running.api, auth=github.Auth.Token(running.tokens["you"]))
        you.get_user().create_repo("demo").create_issue("x")
    Listener.deaf = False
    with serve_in_thread(data, join=lambda forge: Listener()) as running:
        assert running.forge.outbox.settle()
    assert heard == ["issues"]


def test_a_full_disk_is_said_and_nothing_is_lost(forge):
    repo = forge.repository()
    kept = repo.create_issue("kept")
    database = forge.host.store.db
    database.execute(f"pragma max_page_count = {database.execute('pragma page_count').fetchone()[0] + 4}")
    with pytest.raises(github.GithubException) as full:
        for _ in range(40):
            kept.create_comment("x" * 60_000)
    assert (full.value.status, full.value.data["message"]) == (500, "The local forge's disk is full")
    before = kept.get_comments().totalCount
    database.execute("pragma max_page_count = 1000000")
    kept.create_comment("room again")
    assert kept.get_comments().totalCount == before + 1


def test_a_folder_that_holds_no_database_is_said(tmp_path):
    from bot.errors import ForgeError

    (tmp_path / "forge.db").write_bytes(b"this is no database" * 100)
    with pytest.raises(ForgeError, match="forge.db: cannot be used: file is not a database"):
        with serve_in_thread(tmp_path):
            pass


def test_a_database_of_another_version_is_left_alone(tmp_path):
    import sqlite3

    from bot.errors import ForgeError

    with serve_in_thread(tmp_path):
        pass
    with sqlite3.connect(tmp_path / "forge.db") as db:
        db.execute("pragma user_version = 999")
    with pytest.raises(ForgeError, match="found 999 .*another version"):
        with serve_in_thread(tmp_path):
            pass


def test_the_command_serves_tells_and_stops(data):
    served = Served(data, "--fault", "GET /user nth=1 502")
    try:
        assert (data / "forge.json").stat().st_mode & 0o777 == 0o600
        told = auton("forge", "status", "--data", str(data))
        assert (told.returncode, str(served.process.pid) in told.stdout, served.record["url"] in told.stdout) == (
            0,
            True,
            True,
        )
        port = served.record["url"].rpartition(":")[2]
        taken = auton("forge", "serve", "--data", str(data.parent / "other"), "--port", port)
        assert taken.returncode == 4
        assert taken.stderr.splitlines()[0] == f"auton: error: port {port} on 127.0.0.1 is in use"
        assert "--port 0" in taken.stderr
        same = auton("forge", "serve", "--data", str(data), "--port", "0")
        assert same.returncode == 4 and "another local forge serves this folder" in same.stderr
        with pytest.raises(github.GithubException) as broken:
            served.github().get_user().login  # noqa: B018
        assert broken.value.status == 502
    finally:
        stopped = auton("forge", "stop", "--data", str(data))
    assert (stopped.returncode, stopped.stdout) == (0, "stopped\n")
    assert "emulator" in served.process.communicate(timeout=10)[0]
    assert auton("forge", "status", "--data", str(data)).returncode == 4
    assert auton("forge", "stop", "--data", str(data)).returncode == 4


@pytest.mark.parametrize(
    ("words", "says"), [(("--fault", "GET /x explode"), "'explode'"), (("--secret", "NO_SUCH_THING"), "NO_SUCH_THING")]
)
def test_wrong_options_are_one_clear_line(data, words, says):
    done = auton("forge", "serve", "--data", str(data), *words, env={**os.environ})
    assert done.returncode == 2 and says in done.stderr.splitlines()[0] and "Traceback" not in done.stderr


def test_a_forge_served_by_hand_hands_on_the_secrets_that_the_workflows_of_its_folder_name(tmp_path, monkeypatch):
    from click.testing import CliRunner

    from bot.commands.forge import command
    from bot.localforge import serve

    seen = {}
    monkeypatch.setattr(serve, "serve", lambda *_, secrets, **__: seen.update(secrets))
    (tmp_path / ".github/workflows").mkdir(parents=True)
    (tmp_path / ".github/workflows/a.yml").write_text("env: {K: '${{ secrets.MODEL_KEY }}', L: '${{ secrets.NOT_SET }}'}")
    monkeypatch.chdir(tmp_path)
    for name in ("MODEL_KEY", "UNASKED", "ASKED"):
        monkeypatch.setenv(name, f"value of {name}")
    done = CliRunner().invoke(command, ["serve", "--data", str(tmp_path / "forge"), "--secret", "ASKED"], catch_exceptions=False)
    assert done.exit_code == 0 and seen == {"MODEL_KEY": "value of MODEL_KEY", "ASKED": "value of ASKED"}

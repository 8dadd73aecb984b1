"""Webhooks: one delivery per event, signed, with GitHub's payloads; lost, doubled, reordered and sent again."""

import hashlib
import hmac
import http.server
import json
import threading

import pytest

from tests.localforge.fixtures import git


class Receiver:
    """An HTTP server that keeps what it was sent."""

    def __init__(self, answer: int = 200):
        got = self.got = []

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                got.append((self.headers["X-GitHub-Event"], dict(self.headers), body))
                self.send_response(answer)
                self.end_headers()
                self.wfile.write(b"ok")

            def log_message(self, *args):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/hook"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    @property
    def names(self) -> list[str]:
        """event.action of each delivery."""
        out = []
        for event, _, body in self.got:
            action = json.loads(body).get("action")
            out.append(f"{event}.{action}" if action else event)
        return out


@pytest.fixture
def receiver():
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


def subscribe(repo, receiver, *events, **config):
    return repo.create_hook(
        "web", {"url": receiver.url, "content_type": "json", **config}, events=list(events) or ["*"]
    )


def test_a_delivery_is_signed_and_recorded(forge, receiver):
    repo = forge.repository()
    hook = subscribe(repo, receiver, "issues", secret="shh")
    repo.create_issue("x")
    forge.settle()
    assert receiver.names == ["ping", "issues.opened"]
    _, headers, body = receiver.got[1]
    assert headers["X-Hub-Signature-256"] == "sha256=" + hmac.new(b"shh", body, hashlib.sha256).hexdigest()
    assert json.loads(body)["sender"]["login"] == "you"
    delivered = repo.get_hook_deliveries(hook.id)[0]
    assert (delivered.event, delivered.status_code, delivered.guid) == ("issues", 200, headers["X-GitHub-Delivery"])
    assert hook.config["secret"] == "********"
    assert repo.get_hook(hook.id).last_response.code == 200


def test_a_delivery_is_sent_again_only_when_asked(forge):
    broken = Receiver(answer=500)
    repo = forge.repository()
    hook = subscribe(repo, broken, "issues")
    repo.create_issue("x")
    forge.settle()
    assert broken.names == ["ping", "issues.opened"]
    lost = repo.get_hook_deliveries(hook.id)[0]
    hook.requester.requestJsonAndCheck("POST", f"{hook.url}/deliveries/{lost.id}/attempts")
    forge.settle()
    assert broken.names == ["ping", "issues.opened", "issues.opened"]
    assert [d.redelivery for d in repo.get_hook_deliveries(hook.id)] == [True, False, False]
    assert len({headers["X-GitHub-Delivery"] for _, headers, _ in broken.got[1:]}) == 1


def test_a_receiver_that_is_gone_is_a_failed_delivery(forge):
    repo = forge.repository()
    hook = repo.create_hook("web", {"url": "http://127.0.0.1:9/x"}, events=["issues"])
    forge.settle()
    assert repo.get_hook_deliveries(hook.id)[0].status_code == 502


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ("webhook issues nth=1 lose", ["label.created", "issues.closed"]),
        ("webhook issues nth=1 double", ["label.created", "issues.opened", "issues.opened", "issues.closed"]),
    ],
)
def test_webhooks_are_lost_and_doubled(forge, receiver, fault, expected):
    repo = forge.repository()
    subscribe(repo, receiver)
    forge.settle()
    forge.host.faults.add(fault)
    repo.create_label("x", "ffffff")
    repo.create_issue("x").edit(state="closed")
    forge.settle()
    assert receiver.names[1:] == expected


def test_webhooks_come_out_of_order(forge, receiver):
    repo = forge.repository()
    subscribe(repo, receiver)
    events = [_event(forge, repo, number) for number in range(3)]
    forge.settle()
    receiver.got.clear()
    forge.host.faults.add("webhook * nth=1 reorder")
    with forge.host.store.lock:  # nothing is sent until all three are there
        for event in events:
            forge.host.webhooks.enqueue(event)
    forge.settle()
    assert [json.loads(body)["issue"]["title"] for _, _, body in receiver.got] == ["1", "0", "2"]


def _event(forge, repo, number):
    from bot.localforge.payloads.repos import repository
    from bot.localforge.ports import Event

    issue = repo.create_issue(str(number)).raw_data
    row = forge.host.find("you/demo")
    body = {"action": "opened", "issue": issue, "repository": repository(forge.host, row), "sender": issue["user"]}
    return Event("issues", "opened", "you/demo", "you", body)


def test_every_event_has_github_s_payload(forge, receiver, tmp_path):
    """The whole life of a task; each payload is checked against the description by the fixture."""
    repo = forge.repository()
    subscribe(repo, receiver)
    goal, task, other = (repo.create_issue(title, body="text", labels=["x"]) for title in ("goal", "task", "other"))
    goal.add_sub_issue(task.id)
    goal.remove_sub_issue(task.id)
    task.add_blocked_by(other)
    task.remove_blocked_by(other)
    task.edit(title="better", body="more")
    task.add_to_assignees("you")
    task.remove_from_assignees("you")
    task.remove_from_labels("x")
    task.lock("resolved")
    task.unlock()
    comment = task.create_comment("/auton retry")
    comment.edit("/auton stop")
    comment.delete()
    label = repo.create_label("y", "ffffff", "why")
    label.edit("z", "000000")
    label.delete()
    task.edit(state="closed")
    task.edit(state="open")

    git("clone", "-q", forge.remote(), str(tmp_path / "a"))
    (tmp_path / "a" / "file.c").write_text("int a;\nint b;\n")
    git("checkout", "-qb", "one", cwd=tmp_path / "a")
    git("add", "-A", cwd=tmp_path / "a")
    git("commit", "-qm", "Add file", cwd=tmp_path / "a")
    git("push", "-q", "origin", "one", cwd=tmp_path / "a")
    git("tag", "v1", cwd=tmp_path / "a")
    git("push", "-q", "origin", "v1", ":refs/tags/none", cwd=tmp_path / "a", ok=False)
    git("push", "-q", "origin", "v1", cwd=tmp_path / "a")
    pull = repo.create_pull("main", "one", title="one", body="x", draft=True)
    pull.mark_ready_for_review()
    pull.convert_to_draft()
    pull.mark_ready_for_review()
    pull.edit(title="two", body="y")
    pull.add_to_labels("x")
    pull.remove_from_labels("x")
    pull.as_issue().add_to_assignees("you")
    pull.as_issue().remove_from_assignees("you")
    pull.as_issue().lock("resolved")
    pull.as_issue().unlock()
    pull.create_issue_comment("hello")
    pull.create_review_request(reviewers=["guest"])
    pull.delete_review_request(reviewers=["guest"])
    pull.edit(state="closed")
    pull.edit(state="open")
    theirs = forge.github("guest").get_repo("you/demo").get_pull(pull.number)
    review = theirs.create_review(body="ok", event="APPROVE", comments=[{"path": "file.c", "line": 1, "body": "?"}])
    review.edit("fine")
    pull.get_review(review.id).dismiss("moved on")
    line = pull.get_review_comments()[0]
    line.edit("!")
    line.delete()
    (tmp_path / "a" / "file.c").write_text("int a;\n")
    git("commit", "-qam", "Less", cwd=tmp_path / "a")
    git("push", "-q", "origin", "one", cwd=tmp_path / "a")
    head = repo.get_branch("one").commit
    head.create_status("success", "http://127.0.0.1/", "ok", "auton/review")
    repo.create_check_run("verify", head.sha, status="in_progress").edit(conclusion="success")
    repo.get_pull(pull.number).merge()
    repo.get_git_ref("heads/one").delete()
    repo.create_repository_dispatch("auton", {"reason": "test"})
    forge.settle()
    names = set(receiver.names)
    wanted = {
        "issues": "opened labeled unlabeled edited assigned unassigned locked unlocked closed reopened",
        "issue_comment": "created edited deleted",
        "label": "created edited deleted",
        "sub_issues": "sub_issue_added parent_issue_added sub_issue_removed parent_issue_removed",
        "issue_dependencies": "blocked_by_added blocking_added blocked_by_removed blocking_removed",
        "pull_request": "opened ready_for_review converted_to_draft edited labeled unlabeled assigned unassigned "
        "locked unlocked review_requested review_request_removed closed reopened synchronize",
        "pull_request_review": "submitted edited dismissed",
        "pull_request_review_comment": "created edited deleted",
        "check_run": "created completed",
        "repository_dispatch": "auton",
    }
    expected = {f"{event}.{action}" for event, actions in wanted.items() for action in actions.split()}
    assert expected - names == set()
    assert {"push", "create", "delete", "status", "ping"} <= names


def test_a_ping_has_github_s_payload(forge, receiver):
    repo = forge.repository()
    hook = subscribe(repo, receiver)
    hook.ping()
    forge.settle()
    for _, _, body in receiver.got:
        forge.contract.webhook("ping", json.loads(body))
    assert receiver.names == ["ping", "ping"]

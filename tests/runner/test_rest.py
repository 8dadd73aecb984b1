"""The REST routes over HTTP, as PyGithub and plain clients use them."""

import io
import zipfile

import httpx
import pytest
from github import Auth, Github, GithubException

from tests.runner.host import REPO, UPLOAD, Server, wait

WORKFLOW = f"""
name: build
run-name: "${{{{ inputs.key || 'pushed' }}}}"
on: {{push: , workflow_dispatch: {{inputs: {{key: {{type: string, required: true}}}}}}}}
jobs:
  make:
    runs-on: ubuntu-latest
    steps:
      - name: say
        run: echo "hello ${{{{ inputs.key }}}}"; test "${{{{ inputs.key }}}}" != bad; echo 1 > a.txt
      - uses: {UPLOAD}
        with: {{name: thing, path: a.txt}}
"""


@pytest.fixture
def server(forge):
    server = Server(forge)
    server.start()
    wait(lambda: server.server.started, "the server")
    yield forge.host.url
    server.stop()


@pytest.fixture
def client(server):
    with httpx.Client(base_url=f"{server}/api/v3/repos/{REPO}", headers={"authorization": "token owner"},
                      follow_redirects=True) as client:
        yield client


def test_pygithub_dispatches_and_reads(forge, server):
    forge.commit(WORKFLOW)
    api = Github(base_url=f"{server}/api/v3", auth=Auth.Token("owner"), seconds_between_requests=0,
                 seconds_between_writes=0, lazy=True)
    repo = api.get_repo(REPO)
    assert [workflow.path for workflow in repo.get_workflows()] == [".github/workflows/w.yml"]
    workflow = repo.get_workflow("w.yml")
    assert workflow.name == "build" and workflow.state == "active"
    assert workflow.create_dispatch("main", {"key": "g1-t1"}, throw=True)
    with pytest.raises(GithubException) as refused:
        workflow.create_dispatch("main", {"nope": "x"}, throw=True)
    assert refused.value.status == 422 and "Unexpected inputs" in refused.value.data["message"]
    run = workflow.get_runs(event="workflow_dispatch")[0]
    forge.done(run.id)
    run.update()
    assert (run.status, run.conclusion, run.display_title, run.event) == ("completed", "success", "g1-t1",
                                                                         "workflow_dispatch")
    job = run.jobs()[0]
    assert [step.name for step in job.steps] == ["Set up job", "say", UPLOAD] and job.conclusion == "success"
    assert run.get_artifacts()[0].name == "thing"
    assert run.rerun()
    assert forge.done(run.id)["attempt"] == 2
    with pytest.raises(GithubException) as refused:
        repo.get_workflow("missing.yml").update()
    assert refused.value.status == 404
    assert workflow.disable() and not workflow.create_dispatch("main", {"key": "x"}) and workflow.enable()
    details = workflow.create_dispatch("main", {"key": "x"}, throw=True, return_run_details=True)
    assert forge.done(details.id)["title"] == "x"


def test_filters_and_pages(forge, client):
    sha = forge.commit(WORKFLOW)
    runs = [forge.dispatch({"key": word}) for word in ("a", "bad", "c", "d", "e")]
    for run in runs:
        forge.done(run)
    wait(lambda: not forge.scheduler.store.open_runs(), "all to end")

    def count(**query):
        return client.get("/actions/runs", params=query).json()["total_count"]

    assert count() == 5 and count(status="completed") == 5 and count(status="failure") == 1
    assert count(status="queued") == 0 and count(event="push") == 0 and count(branch="main") == 5
    assert count(head_sha=sha) == 5 and count(head_sha="0" * 40) == 0 and count(actor="guest") == 0
    assert count(created=">=2020-01-01") == 5 and count(created="<2020-01-01") == 0
    assert count(created="2020-01-01..2999-01-01") == 5 and count(created="2020-01-01") == 0
    page = client.get("/actions/runs", params={"per_page": 2, "page": 2})
    assert [run["id"] for run in page.json()["workflow_runs"]] == runs[::-1][2:4]
    assert 'page=3>; rel="next"' in page.headers["link"] and 'rel="prev"' in page.headers["link"]
    assert client.get(page.headers["link"].split("<")[3].split(">")[0]).status_code == 200


def test_logs_and_artifacts_come_through_short_lived_links(forge, client):
    forge.commit(WORKFLOW)
    run = forge.dispatch({"key": "one"})
    forge.done(run)
    job = client.get(f"/actions/runs/{run}/jobs").json()["jobs"][0]
    assert "hello one" in client.get(f"/actions/jobs/{job['id']}/logs").text
    names = zipfile.ZipFile(io.BytesIO(client.get(f"/actions/runs/{run}/logs").content)).namelist()
    assert "0_make.txt" in names and "make/2_say.txt" in names
    artifact = client.get(f"/actions/runs/{run}/artifacts").json()["artifacts"][0]
    data = client.get(artifact["archive_download_url"]).content
    assert zipfile.ZipFile(io.BytesIO(data)).read("a.txt") == b"1\n" and len(data) == artifact["size_in_bytes"]
    link = client.get(f"/actions/artifacts/{artifact['id']}/zip", follow_redirects=False)
    assert link.status_code == 302 and client.get(link.headers["location"].replace("sig=", "sig=0")).status_code == 404
    assert client.delete(f"/actions/artifacts/{artifact['id']}").status_code == 204
    assert client.get(f"/actions/artifacts/{artifact['id']}").status_code == 404


@pytest.mark.parametrize(("token", "method", "path", "body", "status"), [
    ("owner", "POST", "/actions/workflows/w.yml/dispatches", {"inputs": {"key": "x"}}, 422),
    ("owner", "POST", "/actions/workflows/w.yml/dispatches", {"ref": "main", "inputs": []}, 422),
    ("owner", "POST", "/actions/workflows/w.yml/dispatches", {"ref": "none", "inputs": {"key": "x"}}, 422),
    ("owner", "POST", "/actions/workflows/w.yml/dispatches", b"{", 400),
    ("owner", "POST", "/actions/workflows/w.yml/dispatches", b"[]", 400),
    ("owner", "POST", "/actions/workflows/nope.yml/dispatches", {"ref": "main"}, 404),
    ("guest", "POST", "/actions/workflows/w.yml/dispatches", {"ref": "main"}, 401),
    ("reader", "POST", "/actions/workflows/w.yml/dispatches", {"ref": "main"}, 403),
    ("reader", "GET", "/actions/workflows", None, 200), ("nobody", "GET", "/actions/workflows", None, 401),
    ("owner", "GET", "/actions/runs/999", None, 404), ("owner", "GET", "/actions/jobs/999", None, 404),
    ("owner", "POST", "/actions/runs/999/cancel", None, 404), ("owner", "GET", "/actions/artifacts/999", None, 404),
    ("owner", "POST", "/dispatches", {}, 422), ("owner", "POST", "/dispatches", {"event_type": "go"}, 204),
    ("owner", "POST", "/dispatches", {"event_type": "go", "client_payload": dict.fromkeys("abcdefghijk")}, 422),
])
def test_refusals(forge, client, token, method, path, body, status):
    forge.commit(WORKFLOW)
    data = {"content": body} if isinstance(body, bytes) else {"json": body}
    answer = client.request(method, path, headers={"authorization": f"token {token}"}, **data)
    assert answer.status_code == status


def test_cancel_rerun_failed_and_delete(forge, client):
    forge.commit(WORKFLOW)
    run = forge.dispatch({"key": "bad"})
    assert forge.done(run)["conclusion"] == "failure"
    assert client.post(f"/actions/runs/{run}/cancel").status_code == 409
    assert client.post(f"/actions/runs/{run}/rerun-failed-jobs").status_code == 201
    assert forge.done(run)["attempt"] == 2
    assert client.get(f"/actions/runs/{run}/attempts/1").json()["run_attempt"] == 1
    assert client.get(f"/actions/runs/{run}/attempts/3").status_code == 404
    job = client.get(f"/actions/runs/{run}/jobs").json()["jobs"][0]["id"]
    assert client.post(f"/actions/jobs/{job}/rerun").status_code == 201
    assert forge.done(run)["attempt"] == 3
    assert client.get(f"/actions/runs/{run}/jobs", params={"filter": "all"}).json()["total_count"] == 3
    assert client.get(f"/actions/runs/{run}/timing").status_code == 200
    assert client.delete(f"/actions/runs/{run}/logs").status_code == 204 and forge.runner.log(job) == ""
    assert client.delete(f"/actions/runs/{run}").status_code == 204
    assert client.get(f"/actions/runs/{run}").status_code == 404


def test_a_jobs_token_dispatches_with_its_permission_only(forge, client):
    forge.commit(WORKFLOW)
    for permissions, status in (({"actions": "write"}, 204), ({"actions": "read"}, 403), ({"contents": "write"}, 403)):
        token = forge.host.mint(REPO, permissions, 1)
        answer = client.post("/actions/workflows/w.yml/dispatches", json={"ref": "main", "inputs": {"key": "k"}},
                             headers={"authorization": f"Bearer {token}"})
        assert answer.status_code == status
    assert forge.scheduler.store.query("SELECT actor FROM runs") == [{"actor": "github-actions[bot]"}]

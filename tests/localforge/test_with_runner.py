"""The forge and the runner joined: events start workflows, jobs act with their own token and set off no more."""

import time
import zipfile

import pytest

from bot.errors import ForgeError
from bot.forge.client import Forge
from bot.localforge.serve import serve_in_thread
from bot.runner import create
from tests.localforge.contract import Contract
from tests.localforge.fixtures import TestForge, git

COMMENT = """\
name: greet
on:
  issues: {types: [opened]}
  issue_comment:
permissions: {issues: write}
jobs:
  greet:
    runs-on: ubuntu-latest
    steps:
      - env: {TOKEN: "${{ github.token }}", BODY: "seen by ${{ github.event_name }} of ${{ github.actor }}"}
        run: |
          curl -sf -H "Authorization: Bearer $TOKEN" -d "{\\"body\\": \\"$BODY\\"}" \\
            "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/issues/${{ github.event.issue.number }}/comments"
          code=$(curl -s -o /dev/null -w '%{http_code}' -H "Authorization: Bearer $TOKEN" -d '{"state": "success"}' \\
            "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/statuses/$GITHUB_SHA")
          test "$code" = 403
"""

CHECK = """\
name: check
on: [pull_request, push]
permissions: {contents: read, statuses: write}
jobs:
  check:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2
      - env: {TOKEN: "${{ github.token }}", SHA: "${{ github.event.pull_request.head.sha || github.sha }}"}
        run: |
          git cat-file -p HEAD | grep ^parent > parents || true
          curl -sf -H "Authorization: Bearer $TOKEN" \\
            -d "{\\"state\\": \\"success\\", \\"context\\": \\"$GITHUB_EVENT_NAME\\",
                 \\"description\\": \\"$(grep -c . parents)\\"}" \\
            "$GITHUB_API_URL/repos/$GITHUB_REPOSITORY/statuses/$SHA"
"""


@pytest.fixture
def forge(tmp_path):
    contract = Contract()
    with serve_in_thread(tmp_path / "forge", join=create, observe=contract.observe) as running:
        served = TestForge(running, contract)
        yield served
        served.settle()
    contract.verify()


def wait(until, seconds: float = 30):
    deadline = time.monotonic() + seconds
    while not (found := until()):
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)
    return found


def finished(repo, **filters):
    runs = list(repo.get_workflow_runs(**filters))
    return runs if runs and all(run.status == "completed" for run in runs) else None


def test_an_issue_starts_a_job_whose_comment_starts_none(forge):
    repo = forge.repository()
    repo.create_file(".github/workflows/greet.yml", "Add greet", COMMENT)
    issue = repo.create_issue("hello")
    wait(lambda: finished(repo))
    assert [(c.user.login, c.body) for c in issue.get_comments()] == [("github-actions[bot]", "seen by issues of you")]
    issue.create_comment("by a person")
    wait(lambda: repo.get_workflow_runs().totalCount == 2 and finished(repo))
    assert [c.body for c in issue.get_comments()][-1] == "seen by issue_comment of you"
    assert {run.conclusion for run in repo.get_workflow_runs()} == {"success"}
    time.sleep(0.5)
    assert repo.get_workflow_runs().totalCount == 2


def test_a_pull_request_is_checked_at_its_test_merge(forge, tmp_path):
    repo = forge.repository()
    repo.create_file(".github/workflows/check.yml", "Add check", CHECK)
    git("clone", "-q", forge.remote(), str(tmp_path / "a"))
    (tmp_path / "a" / "x").write_text("x\n")
    git("checkout", "-qb", "one", cwd=tmp_path / "a")
    git("add", "x", cwd=tmp_path / "a")
    git("commit", "-qm", "x", cwd=tmp_path / "a")
    git("push", "-q", "origin", "one", cwd=tmp_path / "a")
    pull = repo.create_pull("main", "one", title="one")
    wait(lambda: finished(repo, event="pull_request"))
    wait(lambda: finished(repo))
    statuses = {s.context: s.description for s in repo.get_commit(pull.head.sha).get_statuses()}
    assert statuses == {"pull_request": "2", "push": "1"}
    assert forge.host.workflows.runs_for("you/demo", pull.head.sha)


KEEP = """\
on: workflow_dispatch
jobs:
  keep:
    runs-on: ubuntu-latest
    steps:
      - run: head -c 300000 /dev/urandom > kept
      - uses: actions/upload-artifact@ea165f8d65b6e75b540449e92b4886f43607fa02
        with:
          name: kept
          path: kept
"""


def test_an_artifact_is_read_by_its_name_through_the_forge(forge, tmp_path):
    """The file is larger than one chunk of it, so that the forge must send while it listens."""
    repo = forge.repository()
    repo.create_file(".github/workflows/keep.yml", "Add keep", KEEP)
    repo.get_workflow("keep.yml").create_dispatch("main")
    wait(lambda: finished(repo))
    mine = Forge(forge.api, "you/demo", forge.tokens["you"])
    [kept] = mine.artifacts("kept")
    assert mine.run(kept["workflow_run"]["id"])["event"] == "workflow_dispatch" and mine.artifacts("other") == []
    mine.download_artifact(kept["id"], tmp_path / "it.zip", 1 << 20)
    with zipfile.ZipFile(tmp_path / "it.zip") as archive:
        assert len(archive.read("kept")) == 300_000
    with pytest.raises(ForgeError, match="larger than it may be"):
        mine.download_artifact(kept["id"], tmp_path / "it.zip", 1000)

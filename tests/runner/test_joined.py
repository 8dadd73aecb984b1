"""The runner inside the real local forge: events start runs, jobs push and write with their token's rights.

Every REST answer and webhook payload in these tests is checked against GitHub's OpenAPI description.
"""

import pytest

from bot.localforge.serve import serve_in_thread
from bot.runner import create
from tests.localforge.contract import Contract
from tests.localforge.fixtures import TestForge, git
from tests.runner.host import CHECKOUT, UPLOAD, wait


@pytest.fixture
def joined(tmp_path):
    contract = Contract()
    with serve_in_thread(tmp_path / "forge", join=create, observe=contract.observe) as running:
        served = TestForge(running, contract)
        yield served
        served.settle()
    contract.verify()


def push(joined, tmp_path, files, branch="main"):
    """Commit `files` in a clone of you/demo and push them as the owner; the commit's SHA."""
    tree = tmp_path / "tree"
    if not tree.exists():
        git("clone", "-q", joined.remote(), str(tree))
    git("checkout", "-q", "-B", branch, cwd=tree)
    for name, content in files.items():
        (tree / name).parent.mkdir(parents=True, exist_ok=True)
        (tree / name).write_text(content)
    git("add", "-A", cwd=tree)
    git("commit", "-qm", "Change", cwd=tree)
    git("push", "-qf", "origin", branch, cwd=tree)
    return git("rev-parse", "HEAD", cwd=tree)


def finished(repo, count=1, **filters):
    """All runs, newest first, once there are `count` and all have ended."""
    def all_done():
        runs = list(repo.get_workflow_runs(**filters))
        return runs if len(runs) >= count and all(run.status == "completed" for run in runs) else None

    return wait(all_done, f"{count} runs to complete", 20)


def log(joined, run):
    workflows = joined.host.workflows
    return "\n".join(workflows.log(job["id"]) for job in workflows.jobs(run.id))


WORKFLOW = f"""
name: writes
on:
  push: {{branches: [main]}}
  issues: {{types: [opened]}}
  workflow_dispatch: {{inputs: {{key: {{type: string}}}}}}
run-name: "${{{{ inputs.key || github.event_name }}}}"
permissions: {{}}
jobs:
  write:
    runs-on: ubuntu-latest
    permissions: {{contents: PERMISSION, statuses: write, issues: write}}
    steps:
      - uses: {CHECKOUT}
      - name: push
        run: |
          git config user.name bot; git config user.email bot@example.org
          git checkout -q -b auton/work; echo more > more; git add more; git commit -qm more
          git push -q origin auton/work
      - name: write
        run: |
          python3 - <<'END'
          import json, os, urllib.request
          def call(method, path, body):
              url = os.environ["GITHUB_API_URL"] + "/repos/" + os.environ["GITHUB_REPOSITORY"] + path
              headers = {{"Authorization": "Bearer " + os.environ["TOKEN"], "Accept": "application/vnd.github+json"}}
              request = urllib.request.Request(url, json.dumps(body).encode(), headers, method=method)
              with urllib.request.urlopen(request) as answer:
                  print(answer.status, json.load(answer).get("url"))
          call("POST", "/statuses/" + os.environ["GITHUB_SHA"], {{"state": "success", "context": "auton/x"}})
          call("POST", "/issues", {{"title": "made by a job"}})
          END
        env: {{TOKEN: "${{{{ github.token }}}}"}}
      - uses: {UPLOAD}
        with: {{name: out, path: more}}
"""


def test_a_job_pushes_and_writes_with_its_token_and_starts_nothing_by_it(joined, tmp_path):
    repo = joined.repository()
    sha = push(joined, tmp_path, {".github/workflows/w.yml": WORKFLOW.replace("PERMISSION", "write")})
    run = finished(repo)[0]
    assert run.conclusion == "success", log(joined, run)
    assert run.display_title == "push" and run.head_sha == sha and run.event == "push"
    assert [issue.title for issue in repo.get_issues()] == ["made by a job"]
    assert repo.get_issues()[0].user.login == "github-actions[bot]"
    assert repo.get_commit(sha).get_combined_status().state == "success"
    assert repo.get_branch("auton/work").commit.commit.message == "more"
    assert [artifact.name for artifact in run.get_artifacts()] == ["out"]
    joined.settle()
    assert repo.get_workflow_runs().totalCount == 1
    repo.create_issue("made by a person")
    assert finished(repo, 2)[0].event == "issues"


def test_a_read_only_token_can_not_push(joined, tmp_path):
    repo = joined.repository()
    push(joined, tmp_path, {".github/workflows/w.yml": WORKFLOW.replace("PERMISSION", "read")})
    run = finished(repo)[0]
    assert run.conclusion == "failure" and "403" in log(joined, run)
    assert [branch.name for branch in repo.get_branches()] == ["main"] and not list(repo.get_issues())


def test_pygithub_over_the_whole_api(joined, tmp_path):
    repo = joined.repository()
    push(joined, tmp_path, {".github/workflows/w.yml": WORKFLOW.replace("PERMISSION", "write")})
    finished(repo)
    workflow = repo.get_workflow("w.yml")
    assert workflow.create_dispatch(repo.get_branch("main"), {"key": "g1-t1"}, throw=True)
    run = finished(repo, 2)[0]
    assert run.display_title == "g1-t1" and workflow.get_runs(event="workflow_dispatch").totalCount == 1
    assert run.rerun()
    wait(lambda: run.update() and run.run_attempt == 2 and run.status == "completed", "a rerun", 20)
    assert [job.name for job in run.jobs()] == ["write"] and run.get_attempt(1).run_attempt == 1
    assert {artifact.name for artifact in repo.get_artifacts()} == {"out"}
    assert not run.cancel()
    assert run.delete() and workflow.get_runs(event="workflow_dispatch").totalCount == 0
    assert workflow.disable() and not workflow.create_dispatch("main", {"key": "x"}) and workflow.enable()


def test_a_pull_request_runs_its_test_merge(joined, tmp_path):
    repo = joined.repository()
    push(joined, tmp_path, {".github/workflows/w.yml": f"""
on: pull_request
jobs: {{a: {{runs-on: ubuntu-latest, steps: [{{uses: {CHECKOUT}}}, {{run: "ls; echo $GITHUB_REF"}}]}}}}
"""})
    head = push(joined, tmp_path, {"change": "1"}, branch="topic")
    pull = repo.create_pull(base="main", head="topic", title="A change", body="")
    run = finished(repo)[0]
    text = log(joined, run)
    assert run.conclusion == "success" and "change" in text and f"refs/pull/{pull.number}/merge" in text
    assert run.head_sha == head and run.head_branch == "topic" and run.display_title == "A change"
    assert [each.number for each in run.pull_requests] == [pull.number]
    push(joined, tmp_path, {"change": "2"}, branch="topic")
    assert finished(repo, 2)[0].head_sha != head


def test_the_forge_restarts_over_the_same_data(tmp_path):
    data = tmp_path / "forge"
    with serve_in_thread(data, join=create) as running:
        joined = TestForge(running, Contract())
        repo = joined.repository()
        push(joined, tmp_path, {".github/workflows/w.yml": WORKFLOW.replace("PERMISSION", "write")})
        finished(repo)
    with serve_in_thread(data, join=create) as running:
        joined = TestForge(running, Contract())
        repo = joined.github().get_repo("you/demo")
        assert repo.get_workflow_runs()[0].conclusion == "success"
        assert repo.get_workflow("w.yml").create_dispatch("main", {"key": "again"}, throw=True)
        assert finished(repo, 2)[0].display_title == "again"


def test_the_forges_pages_show_runs_and_logs(joined, tmp_path):
    import httpx

    repo = joined.repository()
    push(joined, tmp_path, {".github/workflows/w.yml": WORKFLOW.replace("PERMISSION", "write"),
                            ".github/workflows/bad.yml": "on: push\njobs: {}\n"})
    finished(repo, 2)
    with httpx.Client(base_url=joined.url, follow_redirects=True) as browser:
        browser.get(joined.host.sign_in_url("you"))
        assert "writes" in browser.get("/you/demo/actions").text
        for run in repo.get_workflow_runs():
            text = browser.get(f"/you/demo/actions/runs/{run.id}").text
            assert "git push -q origin auton/work" in text or "expected at least one job" in text

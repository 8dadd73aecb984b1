"""Text from strangers in places where workflows use it."""

import pytest

TITLES = ["$(touch PWNED)", "`touch PWNED`", "'; touch PWNED; '", '"; touch PWNED; "', "${{ secrets.KEY }}",
          "}} ${{ github.token }}", "::error::fake", "\n::add-mask::a\n", "%0A::error::x", "a\0b", "\x1b[2J", "é" * 300]

WORKFLOW = """
run-name: "${{ github.event.issue.title }}"
on: issues
jobs:
  a:
    name: "job ${{ github.event.issue.title }}"
    concurrency: "${{ github.event.issue.title }}"
    env: {TITLE: "${{ github.event.issue.title }}"}
    runs-on: ubuntu-latest
    steps:
      - name: "step ${{ github.event.issue.title }}"
        if: github.event.issue.title != ''
        run: |
          printf '%s' "$TITLE" | python3 -c 'import json,sys; sys.stdout.write(json.dumps(sys.stdin.read()))'
          python3 -c 'import json,os; print(json.load(open(os.environ["GITHUB_EVENT_PATH"]))["issue"]["title"] != "")'
"""


@pytest.mark.parametrize("title", [title for title in TITLES if "\0" not in title])
def test_a_title_stays_a_title(forge, tmp_path, title):
    forge.commit(WORKFLOW)
    run = forge.finish(forge.event("issues", {"issue": {"title": title.replace("PWNED", str(tmp_path / "PWNED"))}},
                                   action="opened"))
    assert run["conclusion"] == "success", forge.notes(run)
    assert not (tmp_path / "PWNED").exists() and "s3cret-value" not in str(forge.log(run))
    assert "s3cret" not in run["title"] and "ghs_" not in run["title"]


def test_a_title_that_can_not_be_a_variable_fails_the_step_not_the_runner(forge):
    forge.commit(WORKFLOW)
    run = forge.finish(forge.event("issues", {"issue": {"title": "a\0b"}}, action="opened"))
    assert run["conclusion"] == "failure" and "null byte" in forge.notes(run)
    assert forge.push("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}")["conclusion"] == "success"


def test_a_broken_event_does_not_stop_the_runner(forge):
    forge.commit("on: [pull_request, push]\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}")
    forge.event("pull_request", {"nothing": 1}, action="opened")
    forge.event("push", {"ref": "refs/heads/gone"}, ref="refs/heads/gone")
    forge.event("push", {"ref": 7}, ref="--upload-pack=x")
    assert forge.push("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}")["conclusion"] == "success"


def test_a_workflow_folder_with_links_and_odd_names(forge):
    tree = forge.host.tree
    (tree / ".github/workflows").mkdir(parents=True)
    (tree / ".github/workflows/link.yml").symlink_to("/etc/passwd")
    (tree / ".github/workflows/a\nb.yml").write_text("on: push\n")
    run = forge.push("on: push\njobs: {a: {runs-on: ubuntu-latest, steps: [{run: echo}]}}")
    runs = forge.scheduler.store.query("SELECT workflows.path, conclusion FROM runs JOIN workflows "
                                       "ON workflows.id = workflow_id")
    assert run["status"] == "completed"
    assert {row["path"] for row in runs} == {".github/workflows/w.yml", ".github/workflows/a\nb.yml"}

"""Addresses inside payloads lead somewhere: PyGithub follows them, and so do people."""

import re

import httpx

from tests.localforge.fixtures import git

# What the local forge does not emulate; GitHub's payloads point there all the same.
NOT_HERE = re.compile(
    r"/(forks|teams|languages|stargazers|contributors|subscribers|subscription|merges|downloads|deployments|followers|"
    r"following|starred|subscriptions|orgs|events|received_events|gists|annotations|keys|milestones|releases|"
    r"notifications|pings|test)(/|$|\?)"
)


def addresses(value):
    if isinstance(value, dict):
        for key, inner in value.items():
            if (
                isinstance(inner, str)
                and inner.startswith("http")
                and (key.endswith("url") or key in ("href", "html", "self", "git"))
            ):
                yield inner
            else:
                yield from addresses(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from addresses(inner)


def test_every_address_answers(forge, tmp_path):
    repo = forge.repository()
    goal, task = repo.create_issue("goal", labels=["auton:goal"]), repo.create_issue("task")
    goal.add_sub_issue(task.id)
    goal.create_comment("hello").create_reaction("eyes")
    git("clone", "-q", forge.remote(), str(tmp_path / "a"))
    (tmp_path / "a" / "ä b.c").write_text("int a;\n")
    git("checkout", "-qb", "auton/g1/t2", cwd=tmp_path / "a")
    git("add", "-A", cwd=tmp_path / "a")
    git("commit", "-qm", "Add file", cwd=tmp_path / "a")
    git("push", "-q", "origin", "auton/g1/t2", cwd=tmp_path / "a")
    pull = repo.create_pull("main", "auton/g1/t2", title="one", draft=True)
    commit = repo.get_commit(pull.head.sha)
    commit.create_status("success", f"{forge.url}/you/demo", "ok", "auton/review")
    repo.create_check_run("verify", commit.sha, conclusion="success")
    pull.create_review_comment("?", commit, "ä b.c", line=1)
    repo.create_hook("web", {"url": "http://127.0.0.1:9/"}, events=["push"])

    token = {"Authorization": f"Bearer {forge.tokens['you']}"}
    waiting, seen, lost = [f"{forge.api}/repos/you/demo"], set(), []
    waiting += [
        f"{forge.api}/repos/you/demo/{path}"
        for path in (
            "issues?state=all",
            "pulls",
            "branches",
            "contents",
            "commits",
            "commits/auton/g1/t2/check-runs",
            "commits/auton/g1/t2/status",
            "git/trees/main?recursive=1",
            "git/matching-refs/heads",
            "compare/main...auton/g1/t2",
        )
    ]
    with httpx.Client(trust_env=False, follow_redirects=True) as client:
        while waiting:
            address = waiting.pop()
            path = address.removeprefix(forge.url)
            if address in seen or "{" in address or NOT_HERE.search(path) or not address.startswith(forge.url):
                continue
            seen.add(address)
            answer = client.get(address, headers=token if path.startswith("/api/") else {})
            expected = 404 if re.search(r"/(parent|protection|merge)$", path) else 200
            if answer.status_code not in (200, 204, expected):
                lost.append(f"{answer.status_code} {path}")
            elif (
                path.startswith("/api/v3")
                and "json" in answer.headers.get("content-type", "")
                and answer.status_code == 200
            ):
                waiting += addresses(answer.json())
    assert not lost, "\n".join(sorted(lost))
    assert len(seen) > 80

"""git over HTTP: clone, push, tokens, side by side, and what a push sets off."""

import gzip
import subprocess
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from tests.localforge.fixtures import git


@pytest.fixture
def repo(forge):
    return forge.repository()


def commit(folder, name: str, text: str = "x\n") -> str:
    (folder / name).write_text(text)
    git("add", "-A", cwd=folder)
    git("commit", "-qm", f"Add {name}", cwd=folder)
    return git("rev-parse", "HEAD", cwd=folder)


def test_clone_without_a_token_push_with_one(forge, repo, tmp_path):
    git("clone", "-q", f"{forge.url}/you/demo.git", str(tmp_path / "a"))
    git("clone", "-q", f"{forge.url}/you/demo", str(tmp_path / "b"))
    sha = commit(tmp_path / "a", "a")
    assert "could not read" in git("push", "-q", "origin", "main", cwd=tmp_path / "a", ok=False)
    git("push", "-q", forge.remote(), "main", cwd=tmp_path / "a")
    assert repo.get_branch("main").commit.sha == sha


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("guest", "denied to guest"),
        ("read", "denied to github-actions"),
        ("other", "denied to github-actions"),
        ("write", ""),
    ],
)
def test_a_push_needs_the_right(forge, repo, tmp_path, token, words):
    forge.repository("elsewhere")
    tokens = {
        "guest": forge.tokens["guest"],
        "read": forge.job(contents="read", issues="write"),
        "other": forge.job("you/elsewhere", contents="write"),
        "write": forge.job(contents="write"),
    }
    git("clone", "-q", forge.remote(token=tokens[token] if token != "other" else None), str(tmp_path / "a"))
    commit(tmp_path / "a", "a")
    said = git("push", "-q", forge.remote(token=tokens[token]), "main:refs/heads/b", cwd=tmp_path / "a", ok=False)
    assert ("403" in said and words) or said == words
    assert [b.name for b in repo.get_branches()] == (["b", "main"] if token == "write" else ["main"])


def test_a_revoked_token_is_worth_nothing(forge, repo, tmp_path):
    token = forge.job(contents="write")
    git("clone", "-q", forge.remote(token=token), str(tmp_path / "a"))
    forge.host.revoke(token)
    assert "Authentication failed" in git("push", "origin", "main:refs/heads/x", cwd=tmp_path / "a", ok=False)


def test_clones_and_pushes_side_by_side(forge, repo, tmp_path):
    def work(number):
        folder = tmp_path / str(number)
        git("clone", "-q", forge.remote(), str(folder))
        git("checkout", "-qb", f"b{number}", cwd=folder)
        sha = commit(folder, f"f{number}")
        git("push", "-q", "origin", f"b{number}", cwd=folder)
        return sha

    with ThreadPoolExecutor(6) as pool:
        shas = list(pool.map(work, range(6)))
    assert [repo.get_branch(f"b{n}").commit.sha for n in range(6)] == shas


def test_of_two_pushes_to_one_branch_one_is_refused(forge, repo, tmp_path):
    for name in ("a", "b"):
        git("clone", "-q", forge.remote(), str(tmp_path / name))
        commit(tmp_path / name, name)
    with ThreadPoolExecutor(2) as pool:
        said = list(pool.map(lambda n: git("push", "origin", "main", cwd=tmp_path / n, ok=False), ("a", "b")))
    assert sorted("rejected" in words for words in said) == [False, True]


def test_a_large_push_comes_in_chunks(forge, repo, tmp_path):
    git("clone", "-q", forge.remote(), str(tmp_path / "a"))
    (tmp_path / "a" / "big").write_bytes(
        subprocess.run(["head", "-c", "6000000", "/dev/urandom"], capture_output=True).stdout
    )
    git("add", "big", cwd=tmp_path / "a")
    git("commit", "-qm", "big", cwd=tmp_path / "a")
    git("-c", "http.postBuffer=65536", "push", "-q", "origin", "main", cwd=tmp_path / "a")
    assert repo.get_contents("big").size == 6_000_000


def test_a_gzipped_request_is_understood(forge, repo):
    sha = repo.get_branch("main").commit.sha
    wanted = f"0032want {sha}\n00000009done\n".encode()
    answer = httpx.post(
        f"{forge.url}/you/demo.git/git-upload-pack",
        content=gzip.compress(wanted),
        headers={"Content-Type": "application/x-git-upload-pack-request", "Content-Encoding": "gzip"},
    )
    assert answer.status_code == 200 and b"PACK" in answer.content


def test_nobody_pushes_pull_refs(forge, repo, tmp_path):
    git("clone", "-q", forge.remote(), str(tmp_path / "a"))
    commit(tmp_path / "a", "a")
    assert "deny updating a hidden ref" in git("push", "origin", "main:refs/pull/9/head", cwd=tmp_path / "a", ok=False)


def test_an_unknown_repository_is_not_found(forge, tmp_path):
    assert "not found" in git("clone", "-q", forge.remote("you/none"), str(tmp_path / "a"), ok=False)


@pytest.mark.parametrize(("spec", "arrived"), [("before 502", False), ("after 502", True), ("after reset", True)])
def test_a_push_fails_before_or_after_it_took_effect(forge, repo, tmp_path, spec, arrived):
    git("clone", "-q", forge.remote(), str(tmp_path / "a"))
    sha = commit(tmp_path / "a", "a")
    forge.host.faults.add(f"POST /you/demo.git/git-receive-pack nth=1 {spec}")
    assert git("push", "-q", "origin", "main", cwd=tmp_path / "a", ok=False)
    assert (repo.get_branch("main").commit.sha == sha) == arrived
    assert git("push", "-q", "origin", "main", cwd=tmp_path / "a") == ""

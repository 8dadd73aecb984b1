"""Patches put onto commits by plain git, in a bare repository of the bot's own."""

import subprocess

import pytest

from bot.forge.git import Conflict, Git

LINES = "".join(f"{number}\n" for number in range(30))
TRAILERS = ["Auton-Task: #1"]


@pytest.fixture
def work(tmp_path):
    """A repository with a patch that edits d1/f, removes d2/f and adds new/x, and three commits to put it on: `base`
    is its own, `beside` changes d1/f three lines further up, `clash` the same line."""
    source = tmp_path / "source"

    def git(*args: str) -> str:
        return subprocess.run(["git", "-c", "user.name=x", "-c", "user.email=x@example.org", *args], cwd=source,
                              check=True, capture_output=True, text=True).stdout

    def commit(name: str, old: str, new: str) -> None:
        (source / "d1/f").write_text(LINES.replace(f"\n{old}\n", f"\n{new}\n", 1))
        git("add", "-A")
        git("commit", "--quiet", "-m", name)
        git("branch", "--force", name)

    for number in range(4):
        (source / f"d{number}").mkdir(parents=True)
        (source / f"d{number}/f").write_text(LINES)
    git("init", "--quiet", "--initial-branch=main")
    commit("base", "", "")
    for name, old in (("beside", "2"), ("clash", "5")):
        git("checkout", "--quiet", "--detach", "base")
        commit(name, old, name)
    git("checkout", "--quiet", "--detach", "base")
    git("rm", "--quiet", "d2/f")
    (source / "new").mkdir()
    (source / "new/x").write_text("x\n")
    commit("change", "5", "five")
    ours = Git(tmp_path / "ours.git", str(source), "", name="bot", email="bot@example.org")
    ours.fetch("refs/heads/*")
    return ours, git("format-patch", "--stdout", "--full-index", "base..change").encode()


def test_a_patch_on_its_own_commit_gives_its_tree_and_the_same_commit_each_time(work):
    git, patch = work
    new = git.apply_mailbox("base", patch, TRAILERS)
    assert git.tree(new) == git.tree("change") and git.message(new).endswith("Auton-Task: #1")
    assert git.apply_mailbox("base", patch, TRAILERS) == new


def test_a_patch_beside_another_change_is_merged(work):
    git, patch = work
    new = git.apply_mailbox("beside", patch, TRAILERS)
    assert git("show", f"{new}:d1/f").split("\n")[2:6] == ["beside", "3", "4", "five"]
    assert git("diff", "--name-status", "beside", new).split("\n") == ["M\td1/f", "D\td2/f", "A\tnew/x"]


def test_a_patch_that_clashes_names_the_files(work):
    git, patch = work
    with pytest.raises(Conflict) as caught:
        git.apply_mailbox("clash", patch, TRAILERS)
    assert caught.value.paths == ["d1/f"]

"""Any two branches: what the forge says of them is what plain git says in a worktree."""

import itertools

import github
import hypothesis
from hypothesis import strategies as st

from bot.localforge.serve import serve_in_thread
from tests.localforge.contract import Contract
from tests.localforge.fixtures import TestForge, git

LINES = st.lists(st.sampled_from(["one\n", "two\n", "three\n", "@@ -1 +1 @@\n", "diff --git a/x b/x\n"]), max_size=5)
CONTENT = st.one_of(st.none(), LINES.map("".join), st.just("no end of line"), st.just("\x00binary\n"))
NAMES = st.sampled_from(["a", "b c", "dir/é", "dir/x.c"])
CHANGE = st.dictionaries(NAMES, CONTENT, max_size=3)
COMMITS = itertools.count()  # no two commits are the same, however quick


def commit(folder, change: dict) -> None:
    for name, text in change.items():
        path = folder / name
        if text is None:
            path.unlink(missing_ok=True)
        else:
            path.parent.mkdir(exist_ok=True)
            path.write_text(text)
    git("add", "-A", cwd=folder)
    git("commit", "-q", "--allow-empty", "-m", f"change {next(COMMITS)}", cwd=folder)


def test_diffs_merges_and_conflicts_are_git_s(tmp_path):
    contract = Contract()
    with serve_in_thread(tmp_path / "forge", observe=contract.observe) as running:
        forge = TestForge(running, contract)
        repo = forge.repository()
        folder = tmp_path / "a"
        git("clone", "-q", forge.remote(), str(folder))
        numbers = itertools.count()

        @hypothesis.given(
            st.lists(CHANGE, max_size=1), st.lists(CHANGE, max_size=2), st.lists(CHANGE, min_size=1, max_size=2)
        )
        @hypothesis.settings(max_examples=8, deadline=None, database=None, derandomize=True)
        def compare(common, ours, theirs):
            number = next(numbers)
            base, head = f"base{number}", f"head{number}"
            git("checkout", "-q", "-B", base, "origin/main", cwd=folder)
            for change in common:
                commit(folder, change)
            git("checkout", "-q", "-B", head, cwd=folder)
            for change in theirs:
                commit(folder, change)
            git("checkout", "-q", base, cwd=folder)
            for change in ours:
                commit(folder, change)
            git("push", "-qf", "origin", base, head, cwd=folder)
            pull = repo.create_pull(base, head, title="x")
            check_diff(repo, folder, base, head, pull)
            check_merge(repo, folder, base, head, pull)

        compare()
        forge.settle()
    contract.verify()


def check_diff(repo, folder, base, head, pull) -> None:
    raw = git("diff", "-M", "--numstat", "-z", f"{base}...{head}", cwd=folder)
    added = removed = files = 0
    for field in raw.split("\0"):
        parts = field.split("\t")
        if len(parts) == 3:
            files += 1
            added += 0 if parts[0] == "-" else int(parts[0])
            removed += 0 if parts[1] == "-" else int(parts[1])
    assert (pull.changed_files, pull.additions, pull.deletions) == (files, added, removed)
    ours, theirs = git("rev-list", "--left-right", "--count", f"{base}...{head}", cwd=folder).split()
    compared = repo.compare(base, head)
    assert (compared.behind_by, compared.ahead_by) == (int(ours), int(theirs))
    assert compared.merge_base_commit.sha == git("merge-base", base, head, cwd=folder)
    for file in pull.get_files():
        patch = [line for line in (file.patch or "").split("\n") if not line.startswith("@@ ")]
        assert sum(line.startswith("+") for line in patch) == file.additions
        assert sum(line.startswith("-") for line in patch) == file.deletions
        if file.status != "removed":
            assert file.sha == git("rev-parse", f"{head}:{file.filename}", cwd=folder)


def check_merge(repo, folder, base, head, pull) -> None:
    git("checkout", "-q", "--detach", base, cwd=folder)
    git("merge", "-q", "--no-ff", "-m", "merge", head, cwd=folder, ok=False)
    clean = not git("ls-files", "--unmerged", cwd=folder)
    assert [repo.get_pull(pull.number).mergeable for _ in range(2)] == [None, clean]
    if clean:
        merged = repo.get_git_commit(pull.merge().sha)
        assert merged.tree.sha == git("rev-parse", "HEAD^{tree}", cwd=folder)
        assert [p.sha for p in merged.parents] == [git("rev-parse", name, cwd=folder) for name in (base, head)]
    else:
        git("merge", "--abort", cwd=folder)
        try:
            pull.merge()
            raise AssertionError("a conflict was merged")
        except github.GithubException as refused:
            assert refused.status == 405

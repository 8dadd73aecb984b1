"""Pull requests over real git: opened, reviewed, merged, conflicting, merged by a push."""

import github
import pytest

from tests.localforge.fixtures import git


@pytest.fixture
def repo(forge):
    return forge.repository()


@pytest.fixture
def clone(forge, repo, tmp_path):
    git("clone", "-q", forge.remote(), str(tmp_path / "clone"))
    return tmp_path / "clone"


def push(clone, branch: str, files: dict, message: str = "change", start: str = "origin/main") -> str:
    git("checkout", "-q", "-B", branch, start, cwd=clone)
    for name, text in files.items():
        (clone / name).write_text(text)
    git("add", "-A", cwd=clone)
    git("commit", "-qm", message, cwd=clone)
    git("push", "-qf", "origin", branch, cwd=clone)
    return git("rev-parse", "HEAD", cwd=clone)


def test_a_pull_request_tells_git_s_facts(repo, clone):
    head = push(clone, "feature/one", {"a.c": "int a;\nint b;\n", "README.md": "# changed\n"})
    pull = repo.create_pull("main", "feature/one", title="one", body="Fixes nothing", draft=True)
    assert (pull.head.sha, pull.changed_files, pull.additions, pull.deletions, pull.commits) == (
        head,
        2,
        3,
        1,
        1,
    )
    assert {f.filename: f.status for f in pull.get_files()} == {"a.c": "added", "README.md": "modified"}
    assert [c.sha for c in pull.get_commits()] == [head]
    assert "+int b;" in next(f.patch for f in pull.get_files() if f.filename == "a.c")
    assert git("ls-remote", "origin", f"refs/pull/{pull.number}/head", cwd=clone).split()[0] == head
    assert [p.number for p in repo.get_pulls(head="you:feature/one")] == [pull.number]
    assert repo.get_issue(pull.number).pull_request.html_url == pull.html_url


def test_mergeable_is_unknown_to_the_first_who_asks(repo, clone):
    push(clone, "one", {"a": "1\n"})
    number = repo.create_pull("main", "one", title="one").number
    assert [repo.get_pull(number).mergeable for _ in range(3)] == [None, True, True]
    assert repo.get_pull(number).mergeable_state == "clean"
    push(clone, "one", {"a": "2\n"})
    assert [repo.get_pull(number).mergeable for _ in range(2)] == [None, True]
    parents = [p.sha for p in repo.get_git_commit(repo.get_git_ref(f"pull/{number}/merge").object.sha).parents]
    assert parents == [repo.get_branch("main").commit.sha, repo.get_branch("one").commit.sha]


def test_a_conflict_is_git_s_and_cannot_be_merged(repo, clone):
    push(clone, "one", {"README.md": "one\n"})
    push(clone, "two", {"README.md": "two\n"})
    one, two = (repo.create_pull("main", name, title=name) for name in ("one", "two"))
    assert one.merge().merged
    assert [repo.get_pull(two.number).mergeable for _ in range(2)] == [None, False]
    assert repo.get_pull(two.number).mergeable_state == "dirty"
    with pytest.raises(github.GithubException) as refused:
        two.merge()
    assert refused.value.status == 405
    with pytest.raises(github.GithubException) as refused:
        repo.merge("main", "two")
    assert refused.value.status == 409


def test_merge_methods_make_the_commits_github_makes(repo, clone):
    before = repo.get_branch("main").commit.sha
    head = push(clone, "one", {"a": "1\n"}, "Add a")
    merged = repo.create_pull("main", "one", title="one").merge(commit_title="Land a", commit_message="Auton-Task: #1")
    commit = repo.get_git_commit(merged.sha)
    assert [p.sha for p in commit.parents] == [before, head]
    assert commit.message == "Land a\n\nAuton-Task: #1"
    git("fetch", "-q", cwd=clone)
    push(clone, "two", {"b": "1\n"}, "Add b")
    squashed = repo.create_pull("main", "two", title="two").merge(merge_method="squash")
    assert [p.sha for p in repo.get_git_commit(squashed.sha).parents] == [merged.sha]
    assert repo.get_git_commit(squashed.sha).message.startswith("two (#2)")
    assert repo.get_pull(2).merged and repo.get_pull(2).merge_commit_sha == squashed.sha


def test_a_stale_head_or_a_draft_is_not_merged(repo, clone):
    head = push(clone, "one", {"a": "1\n"})
    pull = repo.create_pull("main", "one", title="one", draft=True)
    with pytest.raises(github.GithubException) as refused:
        pull.merge()
    assert refused.value.status == 405
    pull.mark_ready_for_review()
    assert not repo.get_pull(pull.number).draft
    push(clone, "one", {"a": "2\n"})
    with pytest.raises(github.GithubException) as refused:
        pull.merge(sha=head)
    assert refused.value.status == 409


def test_a_batch_pushed_to_main_merges_its_pull_requests(repo, clone):
    """The integrator's way: main is fast-forwarded to a commit that contains every head."""
    heads = [push(clone, name, {name: "1\n"}) for name in ("one", "two")]
    pulls = [repo.create_pull("main", name, title=name) for name in ("one", "two")]
    issue = repo.create_issue("a task")
    pulls[0].edit(body=f"Closes #{issue.number}")
    git("checkout", "-q", "-B", "queue", "origin/main", cwd=clone)
    merges = []
    for head in heads:
        git("merge", "-q", "--no-ff", "--no-edit", head, cwd=clone)
        merges.append(git("rev-parse", "HEAD", cwd=clone))
    git("push", "-q", "origin", "queue", cwd=clone)
    assert not any(repo.get_pull(p.number).merged for p in pulls)
    repo.get_git_ref("heads/main").edit(merges[-1])
    for pull, merge in zip(pulls, merges, strict=True):
        again = repo.get_pull(pull.number)
        assert (again.merged, again.state, again.merge_commit_sha, again.changed_files) == (
            True,
            "closed",
            merge,
            1,
        )
    assert repo.get_issue(issue.number).state == "closed"


def test_a_ref_moves_only_forward_unless_forced(repo, clone):
    head = push(clone, "one", {"a": "1\n"})
    base = repo.get_branch("main").commit.sha
    ref = repo.create_git_ref("refs/heads/two", head)
    with pytest.raises(github.GithubException, match="fast forward"):
        ref.edit(base)
    ref.edit(base, force=True)
    assert [r.ref for r in repo.get_git_matching_refs("heads/t")] == ["refs/heads/two"]
    ref.delete()
    with pytest.raises(github.GithubException) as gone:
        repo.get_git_ref("heads/two")
    assert gone.value.status == 404
    with pytest.raises(github.GithubException, match="already exists"):
        repo.create_git_ref("refs/heads/one", head)


def test_closing_follows_the_branch_and_reopening_needs_it(repo, clone):
    push(clone, "one", {"a": "1\n"})
    pull = repo.create_pull("main", "one", title="one")
    with pytest.raises(github.GithubException, match="already exists"):
        repo.create_pull("main", "one", title="again")
    git("push", "-q", "origin", ":one", cwd=clone)
    assert repo.get_pull(pull.number).state == "closed"
    with pytest.raises(github.GithubException) as refused:
        pull.edit(state="open")
    assert refused.value.status == 422
    push(clone, "one", {"a": "1\n"})
    pull.edit(state="open")
    assert repo.get_pull(pull.number).state == "open"


def test_update_branch_merges_the_base_in(repo, clone):
    push(clone, "one", {"a": "1\n"})
    pull = repo.create_pull("main", "one", title="one")
    repo.create_file("b", "Add b", "1\n")
    assert repo.get_commit(pull.head.sha).get_pulls()[0].number == pull.number
    assert pull.update_branch()
    assert repo.compare("main", "one").status == "ahead"


def test_reviews_with_comments_on_lines(forge, repo, clone):
    head = push(clone, "one", {"a.c": "int a;\nint b;\nint c;\n"})
    pull = repo.create_pull("main", "one", title="one")
    with pytest.raises(github.GithubException) as refused:
        pull.create_review(event="APPROVE")
    assert refused.value.status == 422
    bot = (
        forge.github(token=forge.job(contents="read", **{"pull-requests": "write"}))
        .get_repo("you/demo")
        .get_pull(pull.number)
    )
    review = bot.create_review(
        body="Two things",
        event="REQUEST_CHANGES",
        commit=repo.get_commit(head),
        comments=[{"path": "a.c", "line": 2, "body": "why b?"}],
    )
    assert (review.state, review.user.login, review.commit_id) == (
        "CHANGES_REQUESTED",
        "github-actions[bot]",
        head,
    )
    comment = pull.get_review_comments()[0]
    assert (comment.path, comment.line, comment.diff_hunk.splitlines()[-1]) == ("a.c", 2, "+int b;")
    pull.create_review_comment_reply(comment.id, "because")
    assert [c.body for c in pull.get_review_comments()] == ["why b?", "because"]
    with pytest.raises(github.GithubException) as refused:
        bot.create_review(body="x", event="COMMENT", comments=[{"path": "a.c", "line": 99, "body": "?"}])
    assert refused.value.status == 422
    assert [r.state for r in pull.get_reviews()] == ["CHANGES_REQUESTED", "COMMENTED"]
    review.dismiss("settled")
    pull.create_review_request(reviewers=["guest"])
    assert [u.login for u in pull.get_review_requests()[0]] == ["guest"]


def test_comments_follow_their_lines_and_go_out_of_date_with_them(repo, clone):
    text = [f"int v{n};\n" for n in range(20)]
    push(clone, "one", {"a.c": "".join(text)})
    pull = repo.create_pull("main", "one", title="one")
    commit = repo.get_commit(pull.head.sha)
    for line in (3, 10, 18):
        pull.create_review_comment(f"about {line}", commit, "a.c", line=line, side="RIGHT")
    changed = ["// new\n", "// new\n", *text[:9], "int changed;\n", *text[10:]]
    head = push(clone, "one", {"a.c": "".join(changed)})
    found = {c.body: (c.line, c.original_line, c.commit_id == head) for c in pull.get_review_comments()}
    assert found == {"about 3": (5, 3, True), "about 10": (None, 10, False), "about 18": (20, 18, True)}
    told = sorted(e.event for e in repo.get_issue(pull.number).get_timeline())
    assert told == ["committed", "reviewed", "reviewed", "reviewed"]


def test_statuses_and_check_runs(repo, clone):
    head = push(clone, "one", {"a": "1\n"})
    commit = repo.get_commit(head)
    assert commit.get_combined_status().state == "pending"
    for state in ("pending", "failure", "success"):
        commit.create_status(state, "http://127.0.0.1/log", "built", "auton/build-x86_64")
    commit.create_status("pending", context="auton/boot-x86_64")
    combined = commit.get_combined_status()
    assert (combined.state, {s.context: s.state for s in combined.statuses}) == (
        "pending",
        {"auton/build-x86_64": "success", "auton/boot-x86_64": "pending"},
    )
    assert commit.get_statuses().totalCount == 4
    with pytest.raises(github.GithubException) as refused:
        commit.create_status("success", description="x" * 141)
    assert refused.value.status == 422
    run = repo.create_check_run("verify", head, status="in_progress")
    run.edit(status="completed", conclusion="success", output={"title": "ok", "summary": "all green"})
    assert [r.conclusion for r in commit.get_check_runs()] == ["success"]
    assert commit.get_check_suites()[0].conclusion == "success"


def test_files_trees_blobs_and_commits(repo):
    repo.create_file("src/a.c", "Add a", "int a;\n")
    found = repo.get_contents("src/a.c")
    assert found.decoded_content == b"int a;\n"
    repo.update_file("src/a.c", "Change a", "int aa;\n", found.sha)
    with pytest.raises(github.GithubException) as refused:
        repo.update_file("src/a.c", "Change a", "int b;\n", found.sha)
    assert refused.value.status == 409
    blob = repo.create_git_blob("int c;\n", "utf-8")
    base = repo.get_branch("main").commit
    tree = repo.create_git_tree(
        [github.InputGitTreeElement("src/c.c", "100644", "blob", sha=blob.sha)], repo.get_git_tree(base.sha)
    )
    commit = repo.create_git_commit("Add c", tree, [repo.get_git_commit(base.sha)])
    repo.get_git_ref("heads/main").edit(commit.sha)
    assert sorted(e.path for e in repo.get_git_tree("main", recursive=True).tree) == [
        "README.md",
        "src",
        "src/a.c",
        "src/c.c",
    ]
    assert [f.path for f in repo.get_contents("src")] == ["src/a.c", "src/c.c"]
    assert repo.get_git_blob(blob.sha).size == 7
    assert repo.get_readme().path == "README.md"
    repo.delete_file("src/a.c", "Remove a", repo.get_contents("src/a.c").sha)
    assert [c.commit.message for c in repo.get_commits()] == [
        "Remove a",
        "Add c",
        "Change a",
        "Add a",
        "Initial commit",
    ]
    assert repo.get_commits(path="src/c.c").totalCount == 1
    assert repo.get_commit("main").files[0].status == "removed"

"""Issues, labels, comments, reactions, sub-issues and dependencies, as PyGithub uses them."""

import github
import pytest


@pytest.fixture
def repo(forge):
    return forge.repository()


def test_an_issue_is_filed_read_edited_and_closed(repo):
    issue = repo.create_issue("Add uptime", body="a goal", labels=["auton:goal"])
    assert [label.name for label in issue.labels] == ["auton:goal"]
    issue.edit(title="Add `uptime`", body="a better goal")
    issue.edit(state="closed", state_reason="not_planned")
    again = repo.get_issue(issue.number)
    assert (again.title, again.state, again.state_reason, again.closed_by.login) == (
        "Add `uptime`",
        "closed",
        "not_planned",
        "you",
    )
    assert [event.event for event in again.get_events()] == ["labeled", "renamed", "closed"]
    again.edit(state="open")
    assert repo.get_issue(issue.number).state_reason == "reopened"


def test_lists_filter_by_label_state_and_time(repo):
    first, second = repo.create_issue("one", labels=["a"]), repo.create_issue("two", labels=["a", "b"])
    first.edit(state="closed")
    assert [i.number for i in repo.get_issues(labels=["a"])] == [second.number]
    assert [i.number for i in repo.get_issues(labels=["a"], state="all", direction="asc")] == [
        first.number,
        second.number,
    ]
    assert [i.number for i in repo.get_issues(labels=["a", "b"], state="all")] == [second.number]


def test_long_lists_come_in_pages(forge, repo):
    for number in range(7):
        repo.create_issue(f"issue {number}")
    few = forge.github()
    few.per_page = 3
    assert [i.title for i in few.get_repo("you/demo").get_issues(direction="asc")] == [f"issue {n}" for n in range(7)]
    assert few.get_repo("you/demo").get_issues().totalCount == 7


def test_comments_and_reactions(forge, repo):
    issue = repo.create_issue("one")
    comment = issue.create_comment("/auton retry")
    reaction = comment.create_reaction("eyes")
    assert comment.create_reaction("eyes").id == reaction.id
    comment.create_reaction("rocket")
    assert [r.content for r in comment.get_reactions()] == ["eyes", "rocket"]
    comment.delete_reaction(reaction.id)
    comment.edit("/auton stop")
    assert [(c.body, c.reactions["rocket"], c.reactions["eyes"]) for c in issue.get_comments()] == [
        ("/auton stop", 1, 0)
    ]
    assert [c.id for c in repo.get_issues_comments()] == [comment.id]
    issue.create_reaction("heart")
    assert [r.content for r in issue.get_reactions()] == ["heart"]
    assert comment.minimize()
    comment.delete()
    assert issue.get_comments().totalCount == 0


def test_sub_issues_have_an_order_and_one_parent(repo):
    goal, first, second = (repo.create_issue(title) for title in ("goal", "first", "second"))
    goal.add_sub_issue(first.id)
    goal.add_sub_issue(second.id)
    assert [i.number for i in goal.get_sub_issues()] == [first.number, second.number]
    second.edit(state="closed")
    summary = repo.get_issue(goal.number).sub_issues_summary
    assert (summary.total, summary.completed, summary.percent_completed) == (2, 1, 50)
    with pytest.raises(github.GithubException) as refused:
        repo.create_issue("other").add_sub_issue(first.id)
    assert refused.value.status == 422
    with pytest.raises(github.GithubException):
        first.add_sub_issue(goal.id)
    goal.remove_sub_issue(first.id)
    assert [i.number for i in goal.get_sub_issues()] == [second.number]


def test_dependencies_know_both_ends_and_refuse_cycles(repo):
    a, b = repo.create_issue("a"), repo.create_issue("b")
    b.add_blocked_by(a)
    assert [i.number for i in b.get_blocked_by()] == [a.number]
    assert [i.number for i in a.get_blocking()] == [b.number]
    with pytest.raises(github.GithubException) as refused:
        a.add_blocked_by(b)
    assert refused.value.status == 422
    b.remove_blocked_by(a)
    assert b.get_blocked_by().totalCount == 0


def test_labels_are_made_found_changed_and_removed(repo):
    label = repo.create_label("auton:running", "0e8a16", "an agent works")
    label.edit("auton:ready", "fbca04", "waiting for an agent")
    assert repo.get_label("auton:ready").color == "fbca04"
    issue = repo.create_issue("x")
    issue.add_to_labels("auton:ready", "role:developer")
    issue.remove_from_labels("auton:ready")
    issue.set_labels("bug")
    assert [label.name for label in issue.get_labels()] == ["bug"]
    with pytest.raises(github.GithubException, match="404"):
        issue.remove_from_labels("auton:ready")
    with pytest.raises(github.GithubException) as refused:
        repo.create_label("bug", "ffffff")
    assert refused.value.data["errors"][0]["code"] == "already_exists"
    issue.delete_labels()
    label.delete()


def test_limits_of_text_are_github_s(repo):
    with pytest.raises(github.GithubException) as refused:
        repo.create_issue("x" * 257)
    assert refused.value.data["errors"][0]["message"] == "title is too long (maximum is 256 characters)"
    issue = repo.create_issue("x" * 256, body="y" * 65536)
    with pytest.raises(github.GithubException) as refused:
        issue.create_comment("y" * 65537)
    assert refused.value.status == 422
    with pytest.raises(github.GithubException):
        issue.create_comment("")


def test_assignees_and_locks(repo):
    issue = repo.create_issue("x", assignee="you")
    issue.remove_from_assignees("you")
    issue.add_to_assignees("you")
    issue.lock("resolved")
    assert repo.get_issue(issue.number).active_lock_reason == "resolved"
    issue.unlock()
    assert [e.event for e in issue.get_timeline()][-2:] == ["locked", "unlocked"]


def test_search_finds_by_qualifier_and_text(forge, repo):
    repo.create_issue("boot faster", body="key g7-t1", labels=["auton:task"])
    repo.create_issue("boot slower")
    search = forge.github().search_issues
    assert [i.title for i in search('repo:you/demo is:issue label:"auton:task" g7-t1 in:body')] == ["boot faster"]
    assert search("repo:you/demo is:open boot").totalCount == 2
    with pytest.raises(github.GithubException):
        search("repo:you/demo milestone:1").totalCount  # noqa: B018


def test_ids_are_not_numbers(repo):
    issue = repo.create_issue("x")
    with pytest.raises(github.GithubException, match="404"):
        issue.add_sub_issue(1)
    assert issue.id > 1_000_000_000

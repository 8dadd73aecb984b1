"""Pull requests meeting their base: the test merge, the real merge, and what landing or closing one brings
about.
"""

import re

from bot.localforge import events
from bot.localforge.git import ZERO, Person
from bot.localforge.payloads import issues as issue_payloads
from bot.localforge.payloads import pulls as pull_payloads
from bot.localforge.store import now

CLOSES = re.compile(r"(?i)(?<![\w/])(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+#(\d+)\b")


def pull(forge, repo, number: int):
    """A pull request's row, joined with its issue's."""
    return forge.store.one(
        "select issues.*, pulls.* from issues join pulls on issue_id = id where repo_id = ? and number = ?",
        repo["id"],
        number,
    )


def signature(forge, login: str) -> Person:
    """The author of a commit that the forge makes for `login`."""
    row = forge.store.one("select * from users where login = ?", login)
    return Person(row["name"] or row["login"], row["email"], now())


def test_merge(forge, repo, row) -> bool:
    """Whether the head merges into its base, by git; refs/pull/N/merge holds the proof."""
    if row["mergeable"] is not None:
        return bool(row["mergeable"])
    git = forge.git(repo)
    base = git.ref(f"refs/heads/{row['base_ref']}") or row["base_sha"]
    tree = git.merge_tree(base, row["head_sha"])
    sha = None
    if tree:
        message = f"Merge {row['head_sha']} into {base}"
        sha = git.write_commit(tree, [base, row["head_sha"]], message, signature(forge, row["login"]))
        git.update_ref(f"refs/pull/{row['number']}/merge", sha)
    else:
        git.update_ref(f"refs/pull/{row['number']}/merge", ZERO)  # what merged before says nothing about now
    forge.store.run("update pulls set mergeable = ?, test_sha = ? where issue_id = ?", tree is not None, sha, row["id"])
    return tree is not None


def forget_test_merge(forge, row) -> None:
    """The head or the base moved: what was known about the merge is void."""
    forge.store.run("update pulls set mergeable = null, test_sha = null, asked = 0 where issue_id = ?", row["id"])


def note(forge, repo, actor, issue_id: int, event: str, **data) -> None:
    """Add an entry to an issue's history."""
    import json

    forge.store.insert(
        "issue_events",
        repo_id=repo["id"],
        issue_id=issue_id,
        event=event,
        login=actor.login,
        data=json.dumps(data),
        created_at=now(),
    )


def announce(forge, repo, actor, issue_row, action: str, **more) -> None:
    """The `issues` or `pull_request` event of an action on an issue or pull request."""
    if issue_row["is_pull"]:

        def payload():
            row = pull(forge, repo, issue_row["number"])
            return {"number": row["number"], "pull_request": pull_payloads.full(forge, repo, row), **more}

        events.record(forge, repo, actor, "pull_request", action, payload)
    else:

        def payload():
            row = forge.store.one("select * from issues where id = ?", issue_row["id"])
            return {"issue": issue_payloads.issue(forge, repo, row), **more}

        events.record(forge, repo, actor, "issues", action, payload)


def set_state(forge, repo, actor, row, state: str, reason: str | None = None) -> None:
    """Close or reopen an issue or pull request, with its history and event."""
    closing = state == "closed"
    when = now()
    reason = (reason or "completed" if closing else "reopened") if not row["is_pull"] else None
    forge.store.update(
        "issues",
        row["id"],
        state=state,
        state_reason=reason,
        updated_at=when,
        closed_at=when if closing else None,
        closed_by=actor.login if closing else None,
    )
    note(
        forge,
        repo,
        actor,
        row["id"],
        "closed" if closing else "reopened",
        **({"state_reason": reason} if closing else {}),
    )
    announce(forge, repo, actor, row, "closed" if closing else "reopened")


def land(forge, repo, actor, row, sha: str) -> None:
    """Mark a pull request merged by commit `sha` (which is in its base already) and close what it closes."""
    when = now()
    forge.store.run(
        "update pulls set merged_at = ?, merged_by = ?, merge_sha = ?, mergeable = null where issue_id = ?",
        when,
        actor.login,
        sha,
        row["id"],
    )
    forge.store.update("issues", row["id"], state="closed", closed_at=when, closed_by=actor.login, updated_at=when)
    note(forge, repo, actor, row["id"], "merged", commit_id=sha)
    note(forge, repo, actor, row["id"], "closed")
    announce(forge, repo, actor, row, "closed")
    if row["base_ref"] == repo["default_branch"]:
        close_mentioned(forge, repo, actor, row["body"] or "")


def close_mentioned(forge, repo, actor, text: str) -> None:
    """Close the open issues that `text` says it closes (`Fixes #7`)."""
    for number in dict.fromkeys(CLOSES.findall(text)):
        issue = forge.store.one(
            "select * from issues where repo_id = ? and number = ? and state = 'open' and not is_pull",
            repo["id"],
            int(number),
        )
        if issue:
            set_state(forge, repo, actor, issue, "closed", "completed")

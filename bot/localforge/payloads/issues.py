"""Issues, their labels, comments, reactions and relations."""

import json
from urllib.parse import quote

from bot.localforge.payloads import node_id
from bot.localforge.payloads.repos import full_name
from bot.localforge.payloads.users import association, maybe, user

REACTIONS = ("+1", "-1", "laugh", "hooray", "confused", "heart", "rocket", "eyes")
DEFAULT_LABELS = {
    "bug": ("d73a4a", "Something isn't working"),
    "documentation": ("0075ca", "Improvements or additions to documentation"),
    "duplicate": ("cfd3d7", "This issue or pull request already exists"),
    "enhancement": ("a2eeef", "New feature or request"),
    "good first issue": ("7057ff", "Good for newcomers"),
    "help wanted": ("008672", "Extra attention is needed"),
    "invalid": ("e4e669", "This doesn't seem right"),
    "question": ("d876e3", "Further information is requested"),
    "wontfix": ("ffffff", "This will not be worked on"),
}


def label(forge, repo, row) -> dict:
    return {
        "id": row["id"],
        "node_id": node_id("Label", row["id"]),
        "url": f"{forge.api}/repos/{full_name(repo)}/labels/{quote(row['name'], safe='')}",
        "name": row["name"],
        "color": row["color"],
        "default": row["name"] in DEFAULT_LABELS,
        "description": row["description"],
    }


def labels_of(forge, repo, issue_id: int) -> list[dict]:
    rows = forge.store.all(
        "select labels.* from labels join issue_labels on label_id = labels.id where issue_id = ? "
        "order by issue_labels.rowid",
        issue_id,
    )
    return [label(forge, repo, row) for row in rows]


def rollup(forge, kind: str, id: int, url: str) -> dict:
    counts = dict.fromkeys(REACTIONS, 0)
    for row in forge.store.all(
        "select content, count(*) n from reactions where kind = ? and subject_id = ? group by content",
        kind,
        id,
    ):
        counts[row["content"]] = row["n"]
    return {"url": f"{url}/reactions", "total_count": sum(counts.values()), **counts}


def reaction(forge, row) -> dict:
    return {
        "id": row["id"],
        "node_id": node_id("Reaction", row["id"]),
        "user": user(forge, row["login"]),
        "content": row["content"],
        "created_at": row["created_at"],
    }


def issue(forge, repo, row) -> dict:
    """An issue, or a pull request as the issues API shows it."""
    id, name = row["id"], full_name(repo)
    url, page = (
        f"{forge.api}/repos/{name}/issues/{row['number']}",
        f"{forge.url}/{name}/issues/{row['number']}",
    )
    store = forge.store
    people = [
        user(forge, r["login"]) for r in store.all("select login from assignees where issue_id = ? order by rowid", id)
    ]
    comments = store.value("select count(*) from comments where issue_id = ?", id)
    out = {
        "url": url,
        "repository_url": f"{forge.api}/repos/{name}",
        "labels_url": url + "/labels{/name}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": page,
        "id": id,
        "node_id": node_id("PullRequest" if row["is_pull"] else "Issue", id),
        "number": row["number"],
        "title": row["title"],
        "user": user(forge, row["login"]),
        "labels": labels_of(forge, repo, id),
        "state": row["state"],
        "locked": bool(row["locked"]),
        "assignee": people[0] if people else None,
        "assignees": people,
        "milestone": None,
        "comments": comments,
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "closed_at": row["closed_at"],
        "author_association": association(forge, row["login"], repo),
        "active_lock_reason": row["lock_reason"],
        "body": row["body"],
        "closed_by": maybe(forge, row["closed_by"]),
        "reactions": rollup(forge, "issue", id, url),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "state_reason": row["state_reason"],
    }
    if row["is_pull"]:
        pull = store.one("select * from pulls where issue_id = ?", id)
        page = f"{forge.url}/{name}/pull/{row['number']}"
        out |= {
            "html_url": page,
            "draft": bool(pull["draft"]),
            "pull_request": {
                "url": f"{forge.api}/repos/{name}/pulls/{row['number']}",
                "html_url": page,
                "diff_url": f"{page}.diff",
                "patch_url": f"{page}.patch",
                "merged_at": pull["merged_at"],
            },
        }
    else:
        out |= {
            "sub_issues_summary": sub_issues_summary(store, id),
            "issue_dependencies_summary": dependencies(store, id),
        }
        parent = store.one("select number from issues join sub_issues on parent_id = id where child_id = ?", id)
        if parent:
            out["parent_issue_url"] = f"{forge.api}/repos/{name}/issues/{parent['number']}"
    return out


def sub_issues_summary(store, id: int) -> dict:
    total, done = store.one(
        "select count(*), coalesce(sum(state = 'closed'), 0) from issues join sub_issues "
        "on child_id = id where parent_id = ?",
        id,
    )
    return {"total": total, "completed": done, "percent_completed": 100 * done // total if total else 0}


def dependencies(store, id: int) -> dict:
    counts = {}
    for key, here, there in (
        ("blocked_by", "issue_id", "blocker_id"),
        ("blocking", "blocker_id", "issue_id"),
    ):
        total, opened = store.one(
            f"select count(*), coalesce(sum(state = 'open'), 0) from dependencies "
            f"join issues on id = {there} where {here} = ?",
            id,
        )
        counts[key], counts[f"total_{key}"] = opened, total
    return counts


def comment(forge, repo, row, number: int | None = None, is_pull: int | None = None) -> dict:
    if number is None:
        parent = forge.store.one("select number, is_pull from issues where id = ?", row["issue_id"])
        number, is_pull = parent["number"], parent["is_pull"]
    name = full_name(repo)
    url = f"{forge.api}/repos/{name}/issues/comments/{row['id']}"
    word = "pull" if is_pull else "issues"
    out = {
        "url": url,
        "html_url": f"{forge.url}/{name}/{word}/{number}#issuecomment-{row['id']}",
        "issue_url": f"{forge.api}/repos/{name}/issues/{number}",
        "id": row["id"],
        "node_id": node_id("IssueComment", row["id"]),
        "user": user(forge, row["login"]),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "body": row["body"],
        "author_association": association(forge, row["login"], repo),
        "reactions": rollup(forge, "comment", row["id"], url),
        "performed_via_github_app": None,
    }
    if row["minimized"]:
        out["minimized"] = {"reason": row["minimized"]}
    return out


def issue_event(forge, repo, row) -> dict:
    """One entry of an issue's history."""
    data = json.loads(row["data"])
    out = {
        "id": row["id"],
        "node_id": node_id("IssueEvent", row["id"]),
        "url": f"{forge.api}/repos/{full_name(repo)}/issues/events/{row['id']}",
        "actor": user(forge, row["login"]),
        "event": row["event"],
        "commit_id": data.get("commit_id"),
        "commit_url": None,
        "created_at": row["created_at"],
        "performed_via_github_app": None,
    }
    if out["commit_id"]:
        out["commit_url"] = f"{forge.api}/repos/{full_name(repo)}/commits/{out['commit_id']}"
    for key in ("label", "rename", "lock_reason", "state_reason"):
        if key in data:
            out[key] = data[key]
    for key in ("assignee", "assigner", "requested_reviewer", "review_requester"):
        if key in data:
            out[key] = user(forge, data[key])
    return out

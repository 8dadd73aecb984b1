"""Pull requests, reviews and review comments."""

from bot.localforge import diffs
from bot.localforge.payloads import node_id
from bot.localforge.payloads.issues import issue, rollup
from bot.localforge.payloads.repos import full_name, repository
from bot.localforge.payloads.users import association, maybe, user


def links(**urls) -> dict:
    return {key: {"href": url} for key, url in urls.items()}


def simple(forge, repo, row) -> dict:
    """A pull request as listings show it. `row` joins issues and pulls."""
    name, number = full_name(repo), row["number"]
    url, page = f"{forge.api}/repos/{name}/pulls/{number}", f"{forge.url}/{name}/pull/{number}"
    base = issue(forge, repo, row)
    inside = repository(forge, repo)

    def side(branch, sha):
        return {
            "label": f"{repo['owner']}:{branch}",
            "ref": branch,
            "sha": sha,
            "user": user(forge, repo["owner"]),
            "repo": inside,
        }

    reviewers = forge.store.all("select login from requested_reviewers where issue_id = ? order by rowid", row["id"])
    out = {
        "url": url,
        "id": row["pull_id"],
        "node_id": node_id("PullRequest", row["id"]),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": base["url"],
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{forge.api}/repos/{name}/pulls/comments{{/number}}",
        "comments_url": base["comments_url"],
        "statuses_url": f"{forge.api}/repos/{name}/statuses/{row['head_sha']}",
    }
    out |= {
        key: base[key]
        for key in (
            "number",
            "state",
            "locked",
            "title",
            "user",
            "body",
            "labels",
            "milestone",
            "created_at",
            "updated_at",
            "closed_at",
            "assignee",
            "assignees",
            "author_association",
            "active_lock_reason",
        )
    }
    out |= {
        "merged_at": row["merged_at"],
        "merge_commit_sha": row["merge_sha"] or row["test_sha"],
        "draft": bool(row["draft"]),
        "requested_reviewers": [user(forge, r["login"]) for r in reviewers],
        "requested_teams": [],
        "head": side(row["head_ref"], row["head_sha"]),
        "base": side(row["base_ref"], row["base_sha"]),
        "auto_merge": None,
        "_links": links(
            self=url,
            html=page,
            issue=out["issue_url"],
            comments=out["comments_url"],
            review_comments=out["review_comments_url"],
            review_comment=out["review_comment_url"],
            commits=out["commits_url"],
            statuses=out["statuses_url"],
        ),
    }
    return out


def full(forge, repo, row, mergeable: bool | None = None) -> dict:
    """A pull request on its own; `mergeable` is null until the forge has been asked once (see
    routes/pulls.py).
    """
    out = simple(forge, repo, row)
    git = forge.git(repo)
    start = git.merge_base(row["base_sha"], row["head_sha"]) or row["base_sha"]
    files = diffs.changes(git, start, row["head_sha"])
    store = forge.store
    if row["merged_at"] or row["state"] == "closed" or mergeable is None:
        state = "unknown"
    elif not mergeable:
        state = "dirty"
    else:
        state = "draft" if row["draft"] else "clean"
    return out | {
        "merged": row["merged_at"] is not None,
        "mergeable": mergeable,
        "rebaseable": False if mergeable is not None else None,
        "mergeable_state": state,
        "merged_by": maybe(forge, row["merged_by"]),
        "comments": store.value("select count(*) from comments where issue_id = ?", row["id"]),
        "review_comments": store.value("select count(*) from review_comments where issue_id = ?", row["id"]),
        "maintainer_can_modify": False,
        "commits": len(git.between(row["base_sha"], row["head_sha"])),
        "additions": sum(f.additions for f in files),
        "deletions": sum(f.deletions for f in files),
        "changed_files": len(files),
    }


def review(forge, repo, row, number: int) -> dict:
    name = full_name(repo)
    url = f"{forge.api}/repos/{name}/pulls/{number}"
    page = f"{forge.url}/{name}/pull/{number}#pullrequestreview-{row['id']}"
    out = {
        "id": row["id"],
        "node_id": node_id("PullRequestReview", row["id"]),
        "user": user(forge, row["login"]),
        "body": row["body"],
        "state": row["state"],
        "html_url": page,
        "pull_request_url": url,
        "author_association": association(forge, row["login"], repo),
        "_links": links(html=page, pull_request=url),
        "commit_id": row["commit_id"],
    }
    if row["submitted_at"]:
        out["submitted_at"] = row["submitted_at"]
    return out


def review_comment(forge, repo, row, number: int) -> dict:
    name = full_name(repo)
    url = f"{forge.api}/repos/{name}/pulls/comments/{row['id']}"
    pull = f"{forge.api}/repos/{name}/pulls/{number}"
    page = f"{forge.url}/{name}/pull/{number}#discussion_r{row['id']}"
    out = {
        "url": url,
        "pull_request_review_id": row["review_id"],
        "id": row["id"],
        "node_id": node_id("PullRequestReviewComment", row["id"]),
        "diff_hunk": row["diff_hunk"],
        "path": row["path"],
        "commit_id": row["commit_id"],
        "original_commit_id": row["original_commit_id"],
        "user": user(forge, row["login"]),
        "body": row["body"],
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
        "html_url": page,
        "pull_request_url": pull,
        "author_association": association(forge, row["login"], repo),
        "_links": links(self=url, html=page, pull_request=pull),
        "reactions": rollup(forge, "review_comment", row["id"], url),
        "subject_type": row["subject_type"],
        "position": row["position"],
        "original_position": row["original_position"],
        "line": row["line"],
        "original_line": row["original_line"],
        "side": row["side"],
        "start_line": row["start_line"],
        "original_start_line": row["start_line"],
        "start_side": row["start_side"],
    }
    if row["in_reply_to"]:
        out["in_reply_to_id"] = row["in_reply_to"]
    return out

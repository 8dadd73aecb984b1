"""Commits, trees, files and diffs: git's facts in GitHub's shapes."""

from bot.localforge import diffs
from bot.localforge.git import EMPTY_TREE, Commit
from bot.localforge.payloads import node_id
from bot.localforge.payloads.repos import full_name
from bot.localforge.payloads.users import user

UNSIGNED = {"verified": False, "reason": "unsigned", "signature": None, "payload": None, "verified_at": None}


def person(who) -> dict:
    return {"name": who.name, "email": who.email, "date": who.date}


def short_person(who) -> dict:
    return {"name": who.name, "email": who.email}


def account(forge, email: str) -> dict | None:
    """The account that GitHub links a commit's email to."""
    key = ("email", email)
    if key not in forge.cache:
        forge.cache[key] = forge.store.value("select login from users where email = ?", email)
    login = forge.cache[key]
    return user(forge, login) if login else None


def git_commit(forge, repo, commit: Commit) -> dict:
    """The git database's view: /git/commits/{sha}."""
    url, page = f"{forge.api}/repos/{full_name(repo)}/git", f"{forge.url}/{full_name(repo)}"
    return {
        "sha": commit.sha,
        "node_id": node_id("Commit", commit.sha),
        "url": f"{url}/commits/{commit.sha}",
        "html_url": f"{page}/commit/{commit.sha}",
        "author": person(commit.author),
        "committer": person(commit.committer),
        "tree": {"sha": commit.tree, "url": f"{url}/trees/{commit.tree}"},
        "message": commit.message,
        "parents": [{"sha": p, "url": f"{url}/commits/{p}", "html_url": f"{page}/commit/{p}"} for p in commit.parents],
        "verification": UNSIGNED,
    }


def commit(forge, repo, found: Commit, files: bool = False) -> dict:
    """The repository's view: /commits/{ref}; `files` adds the diff against the first parent."""
    url, page = f"{forge.api}/repos/{full_name(repo)}", f"{forge.url}/{full_name(repo)}"
    sha = found.sha
    out = {
        "sha": sha,
        "node_id": node_id("Commit", sha),
        "url": f"{url}/commits/{sha}",
        "html_url": f"{page}/commit/{sha}",
        "comments_url": f"{url}/commits/{sha}/comments",
        "commit": {
            "author": person(found.author),
            "committer": person(found.committer),
            "message": found.message,
            "tree": {"sha": found.tree, "url": f"{url}/git/trees/{found.tree}"},
            "url": f"{url}/git/commits/{sha}",
            "comment_count": 0,
            "verification": UNSIGNED,
        },
        "author": account(forge, found.author.email),
        "committer": account(forge, found.committer.email),
        "parents": [{"sha": p, "url": f"{url}/commits/{p}", "html_url": f"{page}/commit/{p}"} for p in found.parents],
    }
    if files:
        listed = file_list(forge, repo, found.parents[0] if found.parents else EMPTY_TREE, sha)
        added, removed = sum(f["additions"] for f in listed), sum(f["deletions"] for f in listed)
        out |= {
            "stats": {"additions": added, "deletions": removed, "total": added + removed},
            "files": listed,
        }
    return out


def file_list(forge, repo, old: str, new: str) -> list[dict]:
    """GitHub's diff entries between two commits, at most 3,000 files as there."""
    url, page = f"{forge.api}/repos/{full_name(repo)}", f"{forge.url}/{full_name(repo)}"
    out = []
    for change in diffs.changes(forge.git(repo), old, new)[:3000]:
        path = quote(change.path)
        entry = {
            "sha": change.sha,
            "filename": change.path,
            "status": change.status,
            "additions": change.additions,
            "deletions": change.deletions,
            "changes": change.additions + change.deletions,
            "blob_url": f"{page}/blob/{new}/{path}",
            "raw_url": f"{page}/raw/{new}/{path}",
            "contents_url": f"{url}/contents/{path}?ref={new}",
        }
        if change.patch is not None and len(change.patch) < 1_000_000:
            entry["patch"] = change.patch
        if change.previous:
            entry["previous_filename"] = change.previous
        out.append(entry)
    return out


def quote(path: str) -> str:
    from urllib.parse import quote as percent

    return percent(path, safe="/")


def head_commit(found: Commit) -> dict:
    """The short form that runs and check suites carry."""
    return {
        "id": found.sha,
        "tree_id": found.tree,
        "message": found.message,
        "timestamp": found.author.date,
        "author": short_person(found.author),
        "committer": short_person(found.committer),
    }


def commit_comment(forge, repo, row) -> dict:
    from bot.localforge.payloads.users import association

    url = f"{forge.api}/repos/{full_name(repo)}/comments/{row['id']}"
    return {
        "url": url,
        "html_url": f"{forge.url}/{full_name(repo)}/commit/{row['sha']}#commitcomment-{row['id']}",
        "id": row["id"],
        "node_id": node_id("CommitComment", row["id"]),
        "user": user(forge, row["login"]),
        "position": row["position"],
        "line": row["line"],
        "path": row["path"],
        "commit_id": row["sha"],
        "body": row["body"],
        "author_association": association(forge, row["login"], repo),
        "created_at": row["created_at"],
        "updated_at": row["updated_at"],
    }

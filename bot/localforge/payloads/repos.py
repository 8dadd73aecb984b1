"""Repositories, branches and refs."""

import json

from bot.localforge.payloads import node_id
from bot.localforge.payloads.users import user

PLAIN = (
    "forks teams hooks events tags languages stargazers contributors subscribers subscription merges downloads "
    "deployments"
).split()
TEMPLATES = {
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "issue_events_url": "/issues/events{/number}",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "archive_url": "/{archive_format}{/ref}",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
}


def full_name(repo) -> str:
    return f"{repo['owner']}/{repo['name']}"


def minimal(forge, repo) -> dict:
    """GitHub's minimal repository."""
    name = full_name(repo)
    url, page = f"{forge.api}/repos/{name}", f"{forge.url}/{name}"
    out = {
        "id": repo["id"],
        "node_id": node_id("Repository", repo["id"]),
        "name": repo["name"],
        "full_name": name,
        "private": bool(repo["private"]),
        "owner": user(forge, repo["owner"]),
        "html_url": page,
        "description": repo["description"],
        "fork": False,
        "url": url,
    }
    out |= {f"{word}_url": f"{url}/{word}" for word in PLAIN}
    return out | {key: url + template for key, template in TEMPLATES.items()}


def repository(forge, repo, actor=None) -> dict:
    """GitHub's repository as it stands inside other payloads; with an actor, as listings show it to them."""
    name, page = full_name(repo), f"{forge.url}/{full_name(repo)}"
    issues = forge.store.value("select count(*) from issues where repo_id = ? and state = 'open'", repo["id"])
    out = minimal(forge, repo) | {
        "git_url": f"git://{forge.host}/{name}.git",
        "ssh_url": f"git@{forge.host}:{name}.git",
        "clone_url": f"{page}.git",
        "svn_url": page,
        "mirror_url": None,
        "homepage": repo["homepage"],
        "language": None,
        "size": 0,
        "forks_count": 0,
        "stargazers_count": 0,
        "watchers_count": 0,
        "open_issues_count": issues,
        "forks": 0,
        "open_issues": issues,
        "watchers": 0,
        "has_issues": True,
        "has_projects": False,
        "has_wiki": False,
        "has_pages": False,
        "has_discussions": False,
        "has_downloads": False,
        "archived": bool(repo["archived"]),
        "disabled": False,
        "visibility": "private" if repo["private"] else "public",
        "license": None,
        "pushed_at": repo["pushed_at"],
        "created_at": repo["created_at"],
        "updated_at": repo["updated_at"],
        "default_branch": repo["default_branch"],
        "topics": json.loads(repo["topics"]),
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
    }
    return out if actor is None else out | {"permissions": permissions(forge, repo, actor)}


def full(forge, repo, actor) -> dict:
    """GitHub's full repository, on its own."""
    return repository(forge, repo, actor) | {
        "network_count": 0,
        "subscribers_count": 0,
        "allow_squash_merge": True,
        "allow_merge_commit": True,
        "allow_rebase_merge": False,
        "allow_auto_merge": False,
        "allow_update_branch": True,
        "delete_branch_on_merge": bool(repo["delete_branch_on_merge"]),
    }


def permissions(forge, repo, actor) -> dict:
    may = forge.people.may
    if actor.kind == "job":
        write = actor.holds("contents", "write")
        return {"admin": False, "maintain": False, "push": write, "triage": write, "pull": True}
    return {
        key: may(actor, repo, role)
        for key, role in (
            ("admin", "admin"),
            ("maintain", "maintain"),
            ("push", "write"),
            ("triage", "triage"),
            ("pull", "read"),
        )
    }


def branches_at(forge, repo, sha: str) -> list[dict]:
    """The branches whose tip is a commit, as far as the forge has seen them move."""
    url = f"{forge.api}/repos/{full_name(repo)}/commits/{sha}"
    rows = forge.store.all(
        "select name from refs where repo_id = ? and sha = ? and name like 'refs/heads/%' order by name",
        repo["id"],
        sha,
    )
    return [
        {"name": row["name"].removeprefix("refs/heads/"), "commit": {"sha": sha, "url": url}, "protected": False}
        for row in rows
    ]


def ref(forge, repo, name: str, sha: str, kind: str) -> dict:
    """GitHub's git ref; `kind` is the type of the object it points at."""
    url = f"{forge.api}/repos/{full_name(repo)}/git"
    return {
        "ref": name,
        "node_id": node_id("Ref", f"{repo['id']}:{name}"),
        "url": f"{url}/{name}",
        "object": {"sha": sha, "type": kind, "url": f"{url}/{kind}s/{sha}"},
    }

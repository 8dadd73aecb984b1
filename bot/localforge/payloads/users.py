"""People and bots."""

from urllib.parse import quote

from bot.localforge.payloads import node_id

GHOST = "ghost"


def user(forge, login: str) -> dict:
    """GitHub's simple user; an unknown login is shown as GitHub shows a deleted account."""
    known = forge.cache.get(("user", login))
    if known is None:
        row = forge.store.one("select * from users where login = ?", login)
        id, login, kind = (row["id"], row["login"], row["type"]) if row else (10137, GHOST, "User")
        name = quote(login)
        page = f"{forge.url}/apps/{login[:-5]}" if kind == "Bot" else f"{forge.url}/{name}"
        url = f"{forge.api}/users/{name}"
        known = forge.cache[("user", login)] = {
            "login": login,
            "id": id,
            "node_id": node_id("User", id),
            "avatar_url": f"{forge.url}/-/avatar/{name}.svg",
            "gravatar_id": "",
            "url": url,
            "html_url": page,
            "followers_url": f"{url}/followers",
            "following_url": url + "/following{/other_user}",
            "gists_url": url + "/gists{/gist_id}",
            "starred_url": url + "/starred{/owner}{/repo}",
            "subscriptions_url": f"{url}/subscriptions",
            "organizations_url": f"{url}/orgs",
            "repos_url": f"{url}/repos",
            "events_url": url + "/events{/privacy}",
            "received_events_url": f"{url}/received_events",
            "type": kind,
            "user_view_type": "public",
            "site_admin": False,
        }
    return known


def maybe(forge, login: str | None) -> dict | None:
    return user(forge, login) if login else None


def full(forge, login: str, private: bool = False) -> dict:
    """What /users/{login} answers; `private` adds what /user adds for its own caller."""
    row = forge.store.one("select * from users where login = ?", login)
    repos = forge.store.value("select count(*) from repos where owner = ?", login)
    out = {
        **user(forge, login),
        "name": row["name"],
        "company": None,
        "blog": "",
        "location": None,
        "email": row["email"] if row["type"] == "User" else None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": repos,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
    }
    if private:
        out |= {
            "private_gists": 0,
            "total_private_repos": 0,
            "owned_private_repos": 0,
            "disk_usage": 0,
            "collaborators": 0,
            "two_factor_authentication": False,
        }
    return out


def association(forge, login: str, repo) -> str:
    """GitHub's author_association."""
    if login.lower() == repo["owner"].lower():
        return "OWNER"
    member = forge.store.value("select 1 from collaborators where repo_id = ? and login = ?", repo["id"], login)
    if member:
        return "COLLABORATOR"
    wrote = forge.store.value(
        "select 1 from pulls join issues on id = issue_id where repo_id = ? and login = ? and merged_at is not null",
        repo["id"],
        login,
    )
    return "CONTRIBUTOR" if wrote else "NONE"


def app(forge) -> dict:
    """The GitHub App behind job tokens, named as on GitHub."""
    return {
        "id": 15368,
        "slug": "github-actions",
        "node_id": node_id("App", 15368),
        "owner": user(forge, "github-actions[bot]"),
        "name": "GitHub Actions",
        "description": "Automate your workflow from idea to production",
        "external_url": forge.url,
        "html_url": f"{forge.url}/apps/github-actions",
        "created_at": "2018-07-30T09:30:17Z",
        "updated_at": "2018-07-30T09:30:17Z",
        "permissions": {"metadata": "read", "contents": "write", "checks": "write"},
        "events": ["push"],
    }

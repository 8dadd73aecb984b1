"""Commit statuses: what a verdict is on a commit."""

from bot.localforge import events
from bot.localforge.git import SHA
from bot.localforge.payloads import checks as payloads
from bot.localforge.payloads import commits
from bot.localforge.payloads.repos import branches_at, full_name, minimal
from bot.localforge.routes.commits import commit_of
from bot.localforge.store import now
from bot.localforge.wire import Refusal, invalid, route

R = "/repos/{owner}/{repo}"
STATES = ("error", "failure", "pending", "success")
MOST = 1000


@route("POST", R + "/statuses/{sha}", status=201, role="write", scope="statuses:write")
def create(call):
    sha = call.params["sha"]
    if not SHA.fullmatch(sha) or call.git.commit(sha) is None:
        raise Refusal(422, f"No commit found for SHA: {sha}")
    state = call.choice("state", STATES, resource="Status", required=True)
    context = call.text("context", resource="Status", limit=255, default="default") or "default"
    target = call.text("target_url", resource="Status")
    if target and not target.startswith(("http://", "https://")):
        raise invalid("Status", "target_url", "custom", "target_url must use http(s) scheme")
    many = call.store.value(
        "select count(*) from statuses where repo_id = ? and sha = ? and context = ?",
        call.repo["id"],
        sha,
        context,
    )
    if many >= MOST:
        raise invalid("Status", None, "custom", "This SHA and context has reached the maximum number of statuses.")
    id = call.store.insert(
        "statuses",
        repo_id=call.repo["id"],
        sha=sha,
        state=state,
        context=context,
        target_url=target or None,
        description=call.text("description", resource="Status", limit=140),
        login=call.login,
        created_at=now(),
    )
    row = call.store.one("select * from statuses where id = ?", id)
    events.record(call.forge, call.repo, call.actor, "status", None, lambda: _webhook(call, row))
    return payloads.status(call.forge, call.repo, row)


def _webhook(call, row):
    return {
        "id": row["id"],
        "sha": row["sha"],
        "name": full_name(call.repo),
        "target_url": row["target_url"],
        "context": row["context"],
        "description": row["description"],
        "state": row["state"],
        "branches": branches_at(call.forge, call.repo, row["sha"])[:10],
        "created_at": row["created_at"],
        "updated_at": row["created_at"],
        "avatar_url": None,
        "commit": commits.commit(call.forge, call.repo, call.git.commit(row["sha"])),
    }


@route("GET", R + "/commits/{ref:path}/status", scope="statuses:read")
def combined(call):
    sha = commit_of(call).sha
    rows = payloads.latest_statuses(call.store, call.repo["id"], sha)
    url = f"{call.forge.api}/repos/{full_name(call.repo)}/commits/{sha}"
    return {
        "state": payloads.combined_state(rows),
        "statuses": [payloads.status(call.forge, call.repo, row, creator=False) for row in call.page_list(rows)],
        "sha": sha,
        "total_count": len(rows),
        "repository": minimal(call.forge, call.repo),
        "commit_url": url,
        "url": f"{url}/status",
    }


@route("GET", R + "/commits/{ref:path}/statuses", scope="statuses:read")
def every(call):
    rows = call.page_rows(
        "select * from statuses where repo_id = ? and sha = ? order by id desc",
        call.repo["id"],
        commit_of(call).sha,
    )
    return [payloads.status(call.forge, call.repo, row) for row in rows]


@route("GET", R + "/statuses/{ref:path}", scope="statuses:read")
def by_url(call):
    """Where `statuses_url` inside payloads leads."""
    return every(call)

"""Repositories: create, read, change, delete; dispatches, topics, tags."""

import json
import re

from bot.localforge import events, pushes
from bot.localforge.git import ZERO
from bot.localforge.merging import signature
from bot.localforge.payloads import node_id
from bot.localforge.payloads import repos as payloads
from bot.localforge.store import now
from bot.localforge.wire import Refusal, invalid, not_found, route

R = "/repos/{owner}/{repo}"


@route("GET", R)
def get(call):
    return payloads.full(call.forge, call.repo, call.actor)


def _homepage(call):
    value = call.text("homepage", resource="Repository", limit=350)
    if value and not re.fullmatch(r"https?://[\x21-\x7e]+", value):
        raise invalid("Repository", "homepage")
    return value


@route("POST", "/user/repos", status=201)
def create(call):
    if call.actor.kind == "job":
        raise Refusal(403, "Resource not accessible by integration")
    name = call.text("name", resource="Repository", required=True, limit=100)
    if not re.fullmatch(r"[A-Za-z0-9._-]+", name) or name in (".", "..") or name.endswith(".git"):
        raise invalid(
            "Repository",
            "name",
            "custom",
            "name can only contain ASCII letters, digits, and the characters ., -, and _",
        )
    if call.forge.find(f"{call.login}/{name}"):
        raise invalid("Repository", "name", "custom", "name already exists on this account")
    repo = call.forge.create_repository(call.login, name, call.text("description", limit=350), call.flag("private"))
    call.store.update(
        "repos",
        repo["id"],
        homepage=_homepage(call),
        delete_branch_on_merge=call.flag("delete_branch_on_merge"),
    )
    if call.flag("auto_init"):
        git = call.forge.git(repo)
        text = f"# {name}\n" + (f"{repo['description']}\n" if repo["description"] else "")
        tree = git.edit_tree(None, [("100644", git.write_blob(text.encode()), "README.md")])
        who = signature(call.forge, call.login)
        sha = git.write_commit(tree, [], "Initial commit", who)
        pushes.set_ref(call.forge, repo, call.actor, f"refs/heads/{repo['default_branch']}", sha, ZERO)
    return payloads.full(call.forge, call.store.one("select * from repos where id = ?", repo["id"]), call.actor)


@route("PATCH", R, role="admin", scope="administration:write")
def edit(call):
    changes = {}
    if "description" in call.body:
        changes["description"] = call.text("description", resource="Repository", limit=350)
    if "homepage" in call.body:
        changes["homepage"] = _homepage(call)
    if "default_branch" in call.body:
        branch = call.text("default_branch")
        if call.git.ref(f"refs/heads/{branch}") is None:
            raise invalid(
                "Repository",
                "default_branch",
                "invalid",
                f"The branch {branch} was not found. Please push that ref first.",
            )
        changes["default_branch"] = branch
        call.git.run("symbolic-ref", "HEAD", f"refs/heads/{branch}")
    for name in ("archived", "private", "delete_branch_on_merge"):
        if name in call.body:
            changes[name] = call.flag(name)
    call.store.update("repos", call.repo["id"], **changes, updated_at=now())
    return payloads.full(call.forge, call.store.one("select * from repos where id = ?", call.repo["id"]), call.actor)


@route("DELETE", R, role="admin", scope="administration:write")
def delete(call):
    call.forge.delete_repository(call.repo)


def _list(call, owner: str | None):
    where, args = ("where owner = ?", (owner,)) if owner else ("", ())
    rows = call.page_rows(f"select * from repos {where} order by id", *args)
    return [
        payloads.repository(call.forge, row, call.actor)
        for row in rows
        if call.forge.people.may(call.actor, row, "read")
    ]


@route("GET", "/user/repos")
def mine(call):
    return _list(call, call.login)


@route("GET", "/users/{username}/repos", role="none")
def theirs(call):
    if not call.store.one("select 1 from users where login = ?", call.params["username"]):
        raise not_found()
    return _list(call, call.params["username"])


@route("GET", "/repositories", role="none")
def public(call):
    rows = call.store.all(
        "select * from repos where not private and id > ? order by id limit 100",
        call.query_number("since"),
    )
    return [payloads.minimal(call.forge, row) for row in rows]


@route("POST", R + "/dispatches", role="write", scope="contents:write")
def dispatch(call):
    name = call.text("event_type", resource="RepositoryDispatch", required=True, limit=100)
    payload = call.body.get("client_payload") or {}
    if not isinstance(payload, dict) or len(payload) > 10:
        raise Refusal(
            422,
            "Invalid request.\n\nNo more than 10 properties are allowed; expected an object for client_payload.",
        )
    installation = {"id": 1, "node_id": node_id("Installation", 1)}
    events.record(
        call.forge,
        call.repo,
        call.actor,
        "repository_dispatch",
        name,
        lambda: {"branch": call.repo["default_branch"], "client_payload": payload, "installation": installation},
    )


@route("GET", R + "/topics")
def topics(call):
    return {"names": json.loads(call.repo["topics"])}


@route("PUT", R + "/topics", role="admin", scope="administration:write")
def set_topics(call):
    names = call.strings("names")
    if len(names) > 20 or any(not re.fullmatch(r"[a-z0-9][a-z0-9-]{0,49}", name) for name in names):
        raise invalid(
            "Repository",
            "topics",
            "custom",
            "topics must be lower case words of at most 50 characters, 20 at most",
        )
    call.store.update("repos", call.repo["id"], topics=json.dumps(names))
    return {"names": names}


@route("GET", R + "/tags", scope="contents:read")
def tags(call):
    url, page = (
        f"{call.forge.api}{call.path.removesuffix('/tags')}",
        f"{call.forge.url}/{payloads.full_name(call.repo)}",
    )
    out = []
    for name in call.page_list(sorted(call.git.refs("refs/tags/"), reverse=True)):
        short, sha = name.removeprefix("refs/tags/"), call.git.resolve(name)
        out.append(
            {
                "name": short,
                "commit": {"sha": sha, "url": f"{url}/commits/{sha}"},
                "zipball_url": f"{page}/zipball/{name}",
                "tarball_url": f"{page}/tarball/{name}",
                "node_id": f"{call.repo['id']}:{name}",
            }
        )
    return out

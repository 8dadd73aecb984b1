"""Branches and git refs."""

from bot.localforge import pushes
from bot.localforge.git import SHA, ZERO, valid_ref
from bot.localforge.payloads import commits, repos
from bot.localforge.wire import Refusal, invalid, not_found, route

R = "/repos/{owner}/{repo}"
UNPROTECTED = {
    "enabled": False,
    "required_status_checks": {"enforcement_level": "off", "contexts": [], "checks": []},
}


@route("GET", R + "/branches", scope="contents:read")
def branches(call):
    url = f"{call.forge.api}/repos/{repos.full_name(call.repo)}"
    refs = call.git.refs("refs/heads/")
    if call.query.get("protected") == "true":
        refs = {}
    out = []
    for name in call.page_list(sorted(refs)):
        short = name.removeprefix("refs/heads/")
        out.append(
            {
                "name": short,
                "commit": {"sha": refs[name], "url": f"{url}/commits/{refs[name]}"},
                "protected": False,
                "protection": UNPROTECTED,
                "protection_url": f"{url}/branches/{short}/protection",
            }
        )
    return out


@route("GET", R + "/branches/{branch:path}/protection", role="admin", scope="administration:read")
def protection(call):
    raise not_found("Branch not protected")


@route("GET", R + "/branches/{branch:path}", scope="contents:read")
def branch(call):
    name = call.params["branch"]
    sha = call.git.ref(f"refs/heads/{name}")
    if sha is None:
        raise not_found("Branch not found")
    url = f"{call.forge.api}/repos/{repos.full_name(call.repo)}/branches/{name}"
    return {
        "name": name,
        "commit": commits.commit(call.forge, call.repo, call.git.commit(sha)),
        "_links": {"self": url, "html": f"{call.forge.url}/{repos.full_name(call.repo)}/tree/{name}"},
        "protected": False,
        "protection": UNPROTECTED,
        "protection_url": f"{url}/protection",
    }


def payload(call, name: str, sha: str):
    return repos.ref(call.forge, call.repo, name, sha, call.git.info(sha)[1])


@route("GET", R + "/git/ref/{ref:path}", scope="contents:read")
def get(call):
    name = f"refs/{call.params['ref']}"
    sha = call.git.ref(name)
    if sha is None:
        raise not_found()
    return payload(call, name, sha)


@route("GET", R + "/git/refs/{ref:path}", scope="contents:read")
def get_by_url(call):
    """Where the `url` inside a ref's own payload leads."""
    return get(call)


@route("GET", R + "/git/matching-refs/{ref:path}", scope="contents:read")
def matching(call):
    refs = call.git.refs(f"refs/{call.params['ref']}")
    return [payload(call, name, refs[name]) for name in call.page_list(sorted(refs))]


@route("GET", R + "/git/refs", scope="contents:read")
def every(call):
    refs = call.git.refs()
    return [payload(call, name, refs[name]) for name in call.page_list(sorted(refs))]


def _target(call) -> str:
    sha = call.text("sha", resource="Reference", required=True)
    if not SHA.fullmatch(sha):
        raise Refusal(
            422,
            f"Invalid request.\n\nFor 'properties/sha', expected a 40 character SHA, found \"{sha[:60]}\".",
        )
    if call.git.info(sha) is None:
        raise Refusal(422, "Object does not exist")
    return sha


@route("POST", R + "/git/refs", status=201, role="write", scope="contents:write")
def create(call):
    name = call.text("ref", resource="Reference", required=True)
    if not valid_ref(name) or name.count("/") < 2 or name.startswith("refs/pull/"):
        raise Refusal(422, f"{name[:250]} is not a valid ref name.")
    sha = _target(call)
    if call.git.ref(name) is not None:
        raise Refusal(422, "Reference already exists")
    if name.startswith("refs/heads/") and call.git.info(sha)[1] != "commit":
        raise Refusal(422, "Reference update failed: a branch must point at a commit")
    try:
        pushes.set_ref(call.forge, call.repo, call.actor, name, sha, ZERO)
    except Refusal:
        raise Refusal(422, "Reference already exists" if call.git.ref(name) else "Reference update failed") from None
    return payload(call, name, sha)


@route("PATCH", R + "/git/refs/{ref:path}", role="write", scope="contents:write")
def update(call):
    name = f"refs/{call.params['ref']}"
    old = call.git.ref(name)
    if old is None or name.startswith("refs/pull/"):
        raise Refusal(422, "Reference does not exist")
    sha = _target(call)
    if sha != old and not call.flag("force") and not call.git.is_ancestor(old, sha):
        raise Refusal(422, "Update is not a fast forward")
    if sha != old:
        pushes.set_ref(call.forge, call.repo, call.actor, name, sha, old)
    return payload(call, name, sha)


@route("DELETE", R + "/git/refs/{ref:path}", role="write", scope="contents:write")
def delete(call):
    name = f"refs/{call.params['ref']}"
    old = call.git.ref(name)
    if old is None or name.startswith("refs/pull/"):
        raise Refusal(422, "Reference does not exist")
    if name == f"refs/heads/{call.repo['default_branch']}":
        raise invalid("Reference", "ref", "custom", "Cannot delete the default branch")
    pushes.set_ref(call.forge, call.repo, call.actor, name, ZERO, old)

"""Files at a path: read, write, delete, the README."""

import base64

from bot.localforge import pushes
from bot.localforge.merging import signature
from bot.localforge.payloads import commits
from bot.localforge.payloads.repos import full_name
from bot.localforge.routes.git_data import decoded, person, safe_path
from bot.localforge.wire import Answer, Refusal, invalid, not_found, route

R = "/repos/{owner}/{repo}"
LARGEST = 1 << 20


def _where(call) -> tuple[str, str]:
    """The ref asked for, as given, and the commit it is."""
    rev = call.query.get("ref") or call.repo["default_branch"]
    sha = call.git.resolve(rev.removeprefix("refs/heads/"))
    if sha is None:
        empty = not call.git.refs("refs/heads/")
        raise not_found("This repository is empty." if empty else f"No commit found for the ref {rev}")
    return rev, sha


def describe(call, entry, rev: str, body: bool) -> dict:
    name, path = full_name(call.repo), commits.quote(entry.path)
    kind = {"tree": "dir", "commit": "submodule", "blob": "symlink" if entry.mode == "120000" else "file"}[entry.kind]
    url = f"{call.forge.api}/repos/{name}/contents/{path}?ref={rev}"
    git = f"{call.forge.api}/repos/{name}/git/{'trees' if entry.kind == 'tree' else 'blobs'}/{entry.sha}"
    page = f"{call.forge.url}/{name}/{'tree' if entry.kind == 'tree' else 'blob'}/{rev}/{path}"
    raw = f"{call.forge.url}/{name}/raw/{rev}/{path}" if entry.kind == "blob" else None
    size = call.git.info(entry.sha)[2] if entry.kind == "blob" else 0
    out = {
        "name": entry.path.rpartition("/")[2],
        "path": entry.path,
        "sha": entry.sha,
        "size": size,
        "url": url,
        "html_url": page,
        "git_url": git,
        "download_url": raw,
        "type": kind,
        "_links": {"self": url, "git": git, "html": page},
    }
    if body and kind == "symlink":
        out["target"] = call.git.read(entry.sha)[2].decode("utf-8", "replace")
    elif body and kind == "file":
        small = size <= LARGEST
        out |= {
            "content": base64.encodebytes(call.git.read(entry.sha)[2]).decode() if small else "",
            "encoding": "base64" if small else "none",
        }
    return out


@route("GET", R + "/contents", scope="contents:read")
def root(call):
    call.params["path"] = ""
    return get(call)


@route("GET", R + "/contents/{path:path}", scope="contents:read")
def get(call):
    rev, sha = _where(call)
    entry = call.git.entry(sha, call.params["path"])
    if entry is None:
        raise not_found()
    accept = call.headers.get("accept", "")
    if entry.kind == "tree":
        from bot.localforge.git import Entry

        prefix = f"{entry.path}/" if entry.path else ""
        return [
            describe(call, Entry(e.mode, e.kind, e.sha, prefix + e.path), rev, False) for e in call.git.tree(entry.sha)
        ]
    if "raw" in accept:
        return Answer(raw=call.git.read(entry.sha)[2], headers={"Content-Type": "application/octet-stream"})
    return describe(call, entry, rev, True)


@route("GET", R + "/readme", scope="contents:read")
def readme(call):
    rev, sha = _where(call)
    for entry in call.git.tree(sha):
        if entry.kind == "blob" and entry.path.lower() in ("readme.md", "readme", "readme.txt", "readme.rst"):
            return describe(call, entry, rev, True)
    raise not_found()


def _write(call, data: bytes | None):
    """Commit one file's new content (None deletes it) to a branch."""
    git, path = call.git, call.params["path"]
    if not safe_path(path):
        raise invalid("Commit", "path", "invalid", "path contains a malformed path component")
    branch = call.text("branch") or call.repo["default_branch"]
    message = call.text("message", resource="Commit", required=True)
    ref = f"refs/heads/{branch}"
    head = git.ref(ref)
    if head is None and (git.refs("refs/heads/") or data is None):
        raise not_found(f"Branch {branch} not found")
    old, given = git.entry(head, path) if head else None, call.text("sha")
    if data is None and old is None:
        raise not_found()
    if old is not None and given is None:
        raise Refusal(422, 'Invalid request.\n\n"sha" wasn\'t supplied.')
    if given is not None and (old is None or old.sha != given):
        raise Refusal(409, f"{path} does not match {given}")
    blob = git.write_blob(data) if data is not None else None
    tree = git.edit_tree(head, [(old.mode if old else "100644", blob, path)])
    author = person(call, "author", signature(call.forge, call.login))
    sha = git.write_commit(tree, [head] if head else [], message, author, person(call, "committer", author))
    pushes.set_ref(call.forge, call.repo, call.actor, ref, sha, head or "0" * 40)
    entry = git.entry(sha, path)
    return Answer(
        {
            "content": describe(call, entry, branch, False) if entry else None,
            "commit": commits.git_commit(call.forge, call.repo, git.commit(sha)),
        },
        200 if old else 201,
    )


@route("PUT", R + "/contents/{path:path}", role="write", scope="contents:write")
def put(call):
    content = call.body.get("content")
    if not isinstance(content, str):
        raise Refusal(422, 'Invalid request.\n\n"content" wasn\'t supplied.')
    return _write(call, decoded(content))


@route("DELETE", R + "/contents/{path:path}", role="write", scope="contents:write")
def delete(call):
    return _write(call, None)

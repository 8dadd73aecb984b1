"""The git database: blobs, trees, commits, tags."""

import base64
import binascii
import re

from bot.localforge.git import SHA, Git, GitError, Person
from bot.localforge.merging import signature
from bot.localforge.payloads import commits, node_id
from bot.localforge.payloads.repos import full_name
from bot.localforge.wire import Refusal, invalid, not_found, route, wrong_type

R = "/repos/{owner}/{repo}"
MODES = {"100644": "blob", "100755": "blob", "120000": "blob", "040000": "tree", "160000": "commit"}


def base(call) -> str:
    return f"{call.forge.api}/repos/{full_name(call.repo)}/git"


@route("GET", R + "/git/blobs/{sha}", scope="contents:read")
def get_blob(call):
    found = call.git.read(call.params["sha"]) if SHA.fullmatch(call.params["sha"]) else None
    if found is None or found[1] != "blob":
        raise not_found()
    sha, _, data = found
    if "raw" in call.headers.get("accept", ""):
        from bot.localforge.wire import Answer

        return Answer(raw=data, headers={"Content-Type": "application/octet-stream"})
    return {
        "sha": sha,
        "node_id": node_id("Blob", sha),
        "size": len(data),
        "url": f"{base(call)}/blobs/{sha}",
        "content": base64.encodebytes(data).decode(),
        "encoding": "base64",
    }


def decoded(content: str) -> bytes:
    try:
        return base64.b64decode(re.sub(r"\s", "", content), validate=True)
    except binascii.Error:
        raise Refusal(422, "content is not valid Base64") from None


@route("POST", R + "/git/blobs", status=201, role="write", scope="contents:write")
def create_blob(call):
    content = call.body.get("content")
    if not isinstance(content, str):
        raise (
            invalid("Blob", "content", "missing_field") if content is None else wrong_type("content", content, "string")
        )
    encoding = call.choice("encoding", ("utf-8", "base64"), default="utf-8")
    sha = call.git.write_blob(decoded(content) if encoding == "base64" else content.encode())
    return {"url": f"{base(call)}/blobs/{sha}", "sha": sha}


def tree_payload(call, sha: str, recursive: bool = False):
    git: Git = call.git
    entries = git.walk(sha) if recursive else git.tree(sha)
    listed = []
    for entry in entries[:100_000]:
        line = {"path": entry.path, "mode": entry.mode, "type": entry.kind, "sha": entry.sha}
        if entry.kind == "blob":
            line["size"] = git.info(entry.sha)[2]
        if entry.kind != "commit":
            line["url"] = f"{base(call)}/{entry.kind}s/{entry.sha}"
        listed.append(line)
    return {
        "sha": sha,
        "url": f"{base(call)}/trees/{sha}",
        "tree": listed,
        "truncated": len(entries) > 100_000,
    }


@route("GET", R + "/git/trees/{rev:path}", scope="contents:read")
def get_tree(call):
    rev = call.params["rev"]
    sha = call.git.tree_sha(call.git.resolve(rev) or (rev if SHA.fullmatch(rev) else "-"))
    if sha is None:
        raise not_found()
    return tree_payload(call, sha, bool(call.query.get("recursive")))


@route("POST", R + "/git/trees", status=201, role="write", scope="contents:write")
def create_tree(call):
    entries = call.body.get("tree")
    if not isinstance(entries, list) or not entries:
        raise Refusal(422, "Invalid tree info")
    edits = []
    for entry in entries:
        path, mode = (entry.get("path"), entry.get("mode")) if isinstance(entry, dict) else (None, None)
        if not isinstance(path, str) or mode not in MODES or not safe_path(path):
            raise Refusal(
                422,
                "tree.path contains a malformed path component"
                if isinstance(path, str) and mode in MODES
                else "tree.mode or tree.path is missing or not one of the modes git knows",
            )
        if "content" in entry:
            sha = call.git.write_blob(str(entry["content"]).encode())
        else:
            sha = entry.get("sha")
            found = call.git.info(sha) if isinstance(sha, str) and SHA.fullmatch(sha) else None
            if sha is not None and mode != "160000" and (found is None or found[1] != MODES[mode]):
                raise Refusal(422, f"tree.sha {sha} is not a valid {MODES[mode]}")
        edits.append((mode, sha, path))
    start = call.text("base_tree")
    if start is not None:
        start = call.git.tree_sha(start) if SHA.fullmatch(start) else None
        if start is None:
            raise Refusal(422, "base_tree is not a valid tree oid")
    try:
        return tree_payload(call, call.git.edit_tree(start, flatten(call.git, edits)))
    except GitError as error:
        raise Refusal(422, f"GitRPC::BadObjectState: {error}") from None


def flatten(git: Git, edits):
    """Subtrees given by SHA, as the files inside them (an index holds files only)."""
    for mode, sha, path in edits:
        if mode == "040000" and sha:
            for entry in git.walk(sha):
                if entry.kind != "tree":
                    yield entry.mode, entry.sha, f"{path}/{entry.path}"
        else:
            yield mode, sha, path


def safe_path(path: str) -> bool:
    parts = path.split("/")
    return (
        "\0" not in path
        and len(path) < 4096
        and not any(part in ("", ".", "..") or part.lower() == ".git" for part in parts)
    )


@route("GET", R + "/git/commits/{sha}", scope="contents:read")
def get_commit(call):
    found = call.git.commit(call.params["sha"]) if SHA.fullmatch(call.params["sha"]) else None
    if found is None:
        raise not_found()
    return commits.git_commit(call.forge, call.repo, found)


def person(call, name: str, default: Person) -> Person:
    """An author or committer field; what it leaves out comes from the caller."""
    value = call.body.get(name)
    if value is None:
        return default
    if not isinstance(value, dict) or not isinstance(value.get("name"), str) or not isinstance(value.get("email"), str):
        raise Refusal(422, f"Invalid request.\n\nFor 'properties/{name}', expected an object with name and email.")
    date = value.get("date", default.date)
    if not isinstance(date, str) or not re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)?", date):
        raise Refusal(422, f"Invalid request.\n\nFor 'properties/{name}/date', {date!r} is not a valid date-time.")
    clean = re.sub(r"[<>\n\0]", "", value["name"]).strip(), re.sub(r"[<>\n\0\s]", "", value["email"])
    return Person(clean[0] or "unknown", clean[1] or "unknown", date)


@route("POST", R + "/git/commits", status=201, role="write", scope="contents:write")
def create_commit(call):
    message = call.text("message", resource="Commit", required=True)
    tree, parents = call.text("tree", resource="Commit", required=True), call.strings("parents")
    if not SHA.fullmatch(tree) or (call.git.info(tree) or "  ")[1] != "tree":
        raise Refusal(422, "Tree SHA does not exist")
    for parent in parents:
        if not SHA.fullmatch(parent) or call.git.commit(parent) is None:
            raise Refusal(422, "Parent SHA does not exist or is not a commit object")
    author = person(call, "author", signature(call.forge, call.login))
    sha = call.git.write_commit(tree, parents, message, author, person(call, "committer", author))
    return commits.git_commit(call.forge, call.repo, call.git.commit(sha))


def tag_payload(call, sha: str):
    found = call.git.read(sha) if SHA.fullmatch(sha) else None
    if found is None or found[1] != "tag":
        raise not_found()
    from bot.localforge.git import _person

    head, _, message = found[2].partition(b"\n\n")
    lines = dict(line.split(b" ", 1) for line in head.split(b"\n"))
    kind, target = lines[b"type"].decode(), lines[b"object"].decode()
    return {
        "node_id": node_id("Tag", sha),
        "tag": lines[b"tag"].decode(),
        "sha": sha,
        "url": f"{base(call)}/tags/{sha}",
        "message": message.decode("utf-8", "replace"),
        "tagger": commits.person(_person(lines.get(b"tagger", b""))),
        "object": {"type": kind, "sha": target, "url": f"{base(call)}/{kind}s/{target}"},
        "verification": commits.UNSIGNED,
    }


@route("GET", R + "/git/tags/{sha}", scope="contents:read")
def get_tag(call):
    return tag_payload(call, call.params["sha"])


@route("POST", R + "/git/tags", status=201, role="write", scope="contents:write")
def create_tag(call):
    name, target = (
        call.text("tag", resource="Tag", required=True),
        call.text("object", resource="Tag", required=True),
    )
    kind = call.choice("type", ("commit", "tree", "blob"), resource="Tag", required=True)
    if not SHA.fullmatch(target) or (call.git.info(target) or "  ")[1] != kind:
        raise Refusal(422, "Object does not exist")
    who = person(call, "tagger", signature(call.forge, call.login))
    from datetime import datetime

    when = int(datetime.fromisoformat(who.date.replace("Z", "+00:00")).timestamp())
    head = f"object {target}\ntype {kind}\ntag {name}\ntagger {who.name} <{who.email}> {when} +0000"
    text = f"{head}\n\n{call.text('message', default='')}\n"
    try:
        return tag_payload(call, call.git.write_tag(text))
    except GitError as error:
        raise Refusal(422, f"Invalid tag: {error}") from None

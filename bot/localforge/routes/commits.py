"""Commits: one, many, compared, merged, commented."""

from bot.localforge import pushes
from bot.localforge.merging import signature
from bot.localforge.payloads import commits as payloads
from bot.localforge.payloads import pulls as pull_payloads
from bot.localforge.payloads.repos import branches_at, full_name
from bot.localforge.routes.git_data import safe_path
from bot.localforge.store import now
from bot.localforge.wire import Answer, Refusal, not_found, route

R = "/repos/{owner}/{repo}"


def commit_of(call, name: str = "ref"):
    """The commit that a path's ref names; 422 as GitHub gives for one that is none."""
    sha = call.git.resolve(
        call.params[name].removeprefix("heads/") if call.params[name].startswith("heads/") else call.params[name]
    )
    if sha is None:
        raise Refusal(422, f"No commit found for SHA: {call.params[name]}")
    return call.git.commit(sha)


@route("GET", R + "/commits", scope="contents:read")
def every(call):
    rev = call.query.get("sha") or call.repo["default_branch"]
    sha = call.git.resolve(rev)
    if sha is None:
        if not call.git.refs("refs/heads/"):
            raise Refusal(409, "Git Repository is empty.")
        raise not_found()
    words = []
    for key in ("since", "until", "author"):
        if key in call.query:
            words.append(f"--{key}={call.query[key]}")
    page, size = call.window()
    words += [sha, "--"]
    if call.query.get("path"):
        if not safe_path(call.query["path"]):
            return []
        words.append(call.query["path"])
    total = int(call.git.run("rev-list", "--count", *words))
    call.link(total, page, size)
    shas = call.git.log(f"--skip={(page - 1) * size}", f"--max-count={size}", *words)
    return [payloads.commit(call.forge, call.repo, call.git.commit(sha)) for sha in shas]


@route("GET", R + "/commits/{sha}/pulls", scope="contents|pull_requests:read")
def pulls(call):
    commit = commit_of(call, "sha")
    rows = call.store.all(
        "select issues.*, pulls.* from issues join pulls on issue_id = id where repo_id = ? order by number desc",
        call.repo["id"],
    )
    git = call.git
    held = [
        row
        for row in rows
        if row["merge_sha"] == commit.sha
        or row["head_sha"] == commit.sha
        or commit.sha in git.between(row["base_sha"], row["head_sha"])
    ]
    return [pull_payloads.simple(call.forge, call.repo, row) for row in call.page_list(held)]


@route("GET", R + "/commits/{sha}/branches-where-head", scope="contents:read")
def branches_where_head(call):
    return branches_at(call.forge, call.repo, call.params["sha"])


@route("GET", R + "/commits/{sha}/comments", scope="contents:read")
def comments(call):
    commit = commit_of(call, "sha")
    rows = call.page_rows(
        "select * from commit_comments where repo_id = ? and sha = ? order by id", call.repo["id"], commit.sha
    )
    return [payloads.commit_comment(call.forge, call.repo, row) for row in rows]


@route("POST", R + "/commits/{sha}/comments", status=201, scope="contents:write")
def comment(call):
    commit = commit_of(call, "sha")
    id = call.store.insert(
        "commit_comments",
        repo_id=call.repo["id"],
        sha=commit.sha,
        login=call.login,
        body=call.text("body", resource="CommitComment", required=True, limit=65536),
        path=call.text("path"),
        position=call.number("position"),
        line=call.number("line"),
        created_at=now(),
        updated_at=now(),
    )
    return payloads.commit_comment(
        call.forge, call.repo, call.store.one("select * from commit_comments where id = ?", id)
    )


@route("GET", R + "/comments", scope="contents:read")
def all_comments(call):
    rows = call.page_rows("select * from commit_comments where repo_id = ? order by id", call.repo["id"])
    return [payloads.commit_comment(call.forge, call.repo, row) for row in rows]


@route("GET", R + "/compare/{basehead:path}", scope="contents:read")
def compare(call):
    base, dots, head = call.params["basehead"].partition("...")
    if not dots:
        raise not_found()
    git = call.git
    a, b = git.resolve(base.rpartition(":")[2]), git.resolve(head.rpartition(":")[2])
    if a is None or b is None:
        raise not_found()
    start = git.merge_base(a, b)
    if start is None:
        raise not_found(f"No common ancestor between {base} and {head}.")
    ahead, behind = git.ahead_behind(a, b)
    name = full_name(call.repo)
    url, page = (
        f"{call.forge.api}/repos/{name}/compare/{base}...{head}",
        f"{call.forge.url}/{name}/compare/{base}...{head}",
    )
    status = "diverged" if ahead and behind else "ahead" if ahead else "behind" if behind else "identical"
    shas = (
        call.page_list(git.between(a, b))
        if "page" in call.query or "per_page" in call.query
        else git.between(a, b)[:250]
    )

    def view(sha):
        return payloads.commit(call.forge, call.repo, git.commit(sha))

    return {
        "url": url,
        "html_url": page,
        "permalink_url": f"{call.forge.url}/{name}/compare/{a[:7]}...{b[:7]}",
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "base_commit": view(a),
        "merge_base_commit": view(start),
        "status": status,
        "ahead_by": ahead,
        "behind_by": behind,
        "total_commits": ahead,
        "commits": [view(sha) for sha in shas],
        "files": payloads.file_list(call.forge, call.repo, start, b)[:300],
    }


@route("GET", R + "/commits/{ref:path}", scope="contents:read")
def one(call):
    commit = commit_of(call)
    accept = call.headers.get("accept", "")
    if "sha" in accept.split(".")[-1]:
        return Answer(raw=commit.sha.encode(), headers={"Content-Type": "application/vnd.github.sha; charset=utf-8"})
    return payloads.commit(call.forge, call.repo, commit, files=True)


@route("POST", R + "/merges", status=201, role="write", scope="contents:write")
def merge(call):
    git = call.git
    base, head = (
        call.text("base", resource="Merge", required=True),
        call.text("head", resource="Merge", required=True),
    )
    ours, theirs = git.ref(f"refs/heads/{base}"), git.resolve(head)
    if ours is None or theirs is None:
        raise not_found("Base does not exist" if ours is None else "Head does not exist")
    if git.is_ancestor(theirs, ours):
        return Answer(None, 204)
    tree = git.merge_tree(ours, theirs)
    if tree is None:
        raise Refusal(409, "Merge conflict")
    message = call.text("commit_message") or f"Merge {head} into {base}"
    sha = git.write_commit(tree, [ours, theirs], message, signature(call.forge, call.login))
    pushes.set_ref(call.forge, call.repo, call.actor, f"refs/heads/{base}", sha, ours)
    return payloads.commit(call.forge, call.repo, git.commit(sha))

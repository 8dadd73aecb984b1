"""Pull requests: open, read, list, edit, merge, bring up to date."""

from bot.localforge import merging, pushes
from bot.localforge.git import ZERO
from bot.localforge.merging import signature
from bot.localforge.payloads import commits as commit_payloads
from bot.localforge.payloads import pulls as payloads
from bot.localforge.payloads.repos import full_name
from bot.localforge.routes.issues import LONGEST_BODY, new_number, title_of
from bot.localforge.store import FIRST_PULL_ID, now
from bot.localforge.wire import Answer, Refusal, invalid, not_found, route

R = "/repos/{owner}/{repo}"
PULL = R + "/pulls/{number:int}"
READ, WRITE = "pull_requests:read", "pull_requests:write"


def _branch(call, value: str) -> str:
    """A head or base, without the owner that may stand before it."""
    owner, colon, branch = value.partition(":")
    if colon and owner.lower() != call.repo["owner"].lower():
        raise Refusal(501, "The local forge (an emulator) has no forks: head and base are branches of one repository")
    return branch if colon else value


def _pull_id(store) -> int:
    """A pull request's own id, which is not its issue's."""
    return (store.value("select max(pull_id) from pulls") or FIRST_PULL_ID - 1) + 1


@route("POST", R + "/pulls", status=201, scope=WRITE)
def create(call):
    git = call.git
    if call.actor.kind == "job" and not call.repo["jobs_may_open_pulls"]:
        raise Refusal(403, "GitHub Actions is not permitted to create or approve pull requests.")
    if "issue" in call.body:
        raise Refusal(501, "The local forge (an emulator) does not turn issues into pull requests")
    title, body = title_of(call, "PullRequest"), call.text("body", resource="PullRequest", limit=LONGEST_BODY)
    head = _branch(call, call.text("head", resource="PullRequest", required=True))
    base = _branch(call, call.text("base", resource="PullRequest", required=True))
    tip, onto = git.ref(f"refs/heads/{head}"), git.ref(f"refs/heads/{base}")
    for name, found in (("head", tip), ("base", onto)):
        if found is None:
            raise invalid("PullRequest", name, "invalid")
    if call.store.one(
        "select 1 from issues join pulls on issue_id = id where repo_id = ? and state = 'open' and head_ref = ? "
        "and base_ref = ?",
        call.repo["id"],
        head,
        base,
    ):
        raise invalid("PullRequest", None, "custom", f"A pull request already exists for {call.repo['owner']}:{head}.")
    if not git.between(onto, tip):
        raise invalid("PullRequest", None, "custom", f"No commits between {base} and {head}")
    when = now()
    number = new_number(call)
    id = call.store.insert(
        "issues",
        repo_id=call.repo["id"],
        number=number,
        is_pull=1,
        title=title,
        body=body,
        login=call.login,
        created_at=when,
        updated_at=when,
    )
    call.store.insert(
        "pulls",
        issue_id=id,
        pull_id=_pull_id(call.store),
        head_ref=head,
        head_sha=tip,
        base_ref=base,
        base_sha=onto,
        draft=call.flag("draft"),
    )
    git.update_ref(f"refs/pull/{number}/head", tip)
    row = merging.pull(call.forge, call.repo, number)
    merging.announce(call.forge, call.repo, call.actor, row, "opened")
    return payloads.full(call.forge, call.repo, row)


@route("GET", R + "/pulls", scope=READ)
def every(call):
    where, args = ["repo_id = ?"], [call.repo["id"]]
    state = call.query.get("state", "open")
    if state not in ("open", "closed", "all"):
        raise invalid("PullRequest", "state", "invalid")
    if state != "all":
        where.append("state = ?")
        args.append(state)
    if call.query.get("head"):
        where.append("head_ref = ?")
        args.append(call.query["head"].partition(":")[2] or call.query["head"])
    if call.query.get("base"):
        where.append("base_ref = ?")
        args.append(call.query["base"])
    sort = call.query.get("sort", "created")
    order = {"created": "created_at", "updated": "updated_at"}.get(sort)
    if order is None:
        raise Refusal(501, f"The local forge (an emulator) cannot sort pull requests by {sort}")
    way = call.query.get("direction") or ("desc" if sort == "created" else "asc")
    way = "desc" if way == "desc" else "asc"
    rows = call.page_rows(
        f"select issues.*, pulls.* from issues join pulls on issue_id = id where {' and '.join(where)} "
        f"order by {order} {way}, id {way}",
        *args,
    )
    return [payloads.simple(call.forge, call.repo, row) for row in rows]


@route("GET", PULL, scope=READ)
def get(call):
    row = call.pull()
    accept = call.headers.get("accept", "")
    if accept.split(".")[-1] in ("diff", "patch"):
        start = call.git.merge_base(row["base_sha"], row["head_sha"]) or row["base_sha"]
        words = ["diff"] if accept.endswith("diff") else ["format-patch", "--stdout"]
        text = call.git.run(*words, f"{start}..{row['head_sha']}") + "\n"
        return Answer(raw=text.encode(), headers={"Content-Type": f"{accept}; charset=utf-8"})
    mergeable = None
    if row["state"] == "open":
        # GitHub finds out in the background and says null to whoever asks first after a change.
        if row["asked"]:
            mergeable = merging.test_merge(call.forge, call.repo, row)
            row = call.pull()
        else:
            call.store.run("update pulls set asked = 1 where issue_id = ?", row["id"])
    return payloads.full(call.forge, call.repo, row, mergeable)


def check_reopen(call, row) -> None:
    if row["merged_at"]:
        raise invalid("PullRequest", "state", "custom", "state cannot be changed. The pull request cannot be reopened.")
    for side in ("head_ref", "base_ref"):
        if call.git.ref(f"refs/heads/{row[side]}") is None:
            raise invalid(
                "PullRequest",
                "state",
                "custom",
                f"state cannot be changed. The {row[side]} branch has been deleted.",
            )
    other = call.store.one(
        "select number from issues join pulls on issue_id = id where repo_id = ? and state = 'open' and head_ref = ? "
        "and base_ref = ?",
        call.repo["id"],
        row["head_ref"],
        row["base_ref"],
    )
    if other:
        raise invalid(
            "PullRequest",
            "state",
            "custom",
            f"state cannot be changed. There is already an open pull request "
            f"from {row['head_ref']} to {row['base_ref']}.",
        )
    tip, onto = call.git.ref(f"refs/heads/{row['head_ref']}"), call.git.ref(f"refs/heads/{row['base_ref']}")
    call.store.run("update pulls set head_sha = ?, base_sha = ? where issue_id = ?", tip, onto, row["id"])
    merging.forget_test_merge(call.forge, row)


@route("PATCH", PULL, scope=WRITE)
def edit(call):
    row = call.pull()
    if row["login"] != call.login and not call.can("write"):
        raise Refusal(403, "Must have admin rights to Repository.")
    changes, before = {}, {}
    if "title" in call.body:
        changes["title"] = title_of(call, "PullRequest")
    if "body" in call.body:
        changes["body"] = call.text("body", resource="PullRequest", limit=LONGEST_BODY)
    for name in list(changes):
        if changes[name] == row[name]:
            del changes[name]
        else:
            before[name] = {"from": row[name] or ""}
    base = call.text("base")
    if base and base != row["base_ref"]:
        onto = call.git.ref(f"refs/heads/{base}")
        if onto is None:
            raise invalid("PullRequest", "base", "invalid")
        call.store.run("update pulls set base_ref = ?, base_sha = ? where issue_id = ?", base, onto, row["id"])
        merging.forget_test_merge(call.forge, row)
        before["base"] = {"ref": {"from": row["base_ref"]}, "sha": {"from": row["base_sha"]}}
    call.store.update("issues", row["id"], **changes, updated_at=now())
    if before:
        merging.announce(call.forge, call.repo, call.actor, row, "edited", changes=before)
    state = call.choice("state", ("open", "closed"), resource="PullRequest")
    if state and state != row["state"]:
        if state == "open":
            check_reopen(call, row)
        merging.set_state(call.forge, call.repo, call.actor, row, state)
    return payloads.full(call.forge, call.repo, call.pull())


@route("GET", PULL + "/files", scope=READ)
def files(call):
    row = call.pull()
    start = call.git.merge_base(row["base_sha"], row["head_sha"]) or row["base_sha"]
    return call.page_list(commit_payloads.file_list(call.forge, call.repo, start, row["head_sha"]))


@route("GET", PULL + "/commits", scope=READ)
def commits(call):
    row = call.pull()
    shas = call.page_list(call.git.between(row["base_sha"], row["head_sha"])[:250])
    return [commit_payloads.commit(call.forge, call.repo, call.git.commit(sha)) for sha in shas]


@route("GET", PULL + "/merge", scope=READ)
def merged(call):
    if not call.pull()["merged_at"]:
        raise not_found()


@route("PUT", PULL + "/merge", role="write", scope="contents:write")
def merge(call):
    row, git = call.pull(), call.git
    method = call.choice("merge_method", ("merge", "squash", "rebase"), resource="PullRequest", default="merge")
    if row["merged_at"] or row["state"] == "closed":
        raise Refusal(405, "Pull Request is not mergeable")
    if row["draft"]:
        raise Refusal(405, "Pull Request is still a draft")
    if call.text("sha") not in (None, row["head_sha"]):
        raise Refusal(409, "Head branch was modified. Review and try the merge again.")
    if method == "rebase":
        raise Refusal(405, "Rebase merges are not allowed on this repository.")
    onto = git.ref(f"refs/heads/{row['base_ref']}")
    tree = git.merge_tree(onto, row["head_sha"]) if onto else None
    if tree is None:
        raise Refusal(405, "Pull Request has merge conflicts")
    title = call.text("commit_title")
    if method == "squash":
        parents = [onto]
        title = title or f"{row['title']} (#{row['number']})"
        shas = git.between(onto, row["head_sha"])
        default = (
            "\n\n".join(f"* {git.commit(sha).message}" for sha in shas)
            if len(shas) > 1
            else git.commit(shas[0]).message.partition("\n")[2].strip()
            if shas
            else ""
        )
    else:
        parents = [onto, row["head_sha"]]
        title = title or f"Merge pull request #{row['number']} from {call.repo['owner']}/{row['head_ref']}"
        default = row["title"]
    text = call.text("commit_message")
    message = f"{title}\n\n{default if text is None else text}".strip()
    sha = git.write_commit(tree, parents, message, signature(call.forge, call.login))
    if not git.update_ref(f"refs/heads/{row['base_ref']}", sha, onto):
        raise Refusal(409, "Base branch was modified. Review and try the merge again.")
    merging.land(call.forge, call.repo, call.actor, row, sha)
    pushes.moved(call.forge, call.repo, call.actor, [(f"refs/heads/{row['base_ref']}", onto, sha)])
    if call.repo["delete_branch_on_merge"] and git.ref(f"refs/heads/{row['head_ref']}") == row["head_sha"]:
        pushes.set_ref(call.forge, call.repo, call.actor, f"refs/heads/{row['head_ref']}", ZERO, row["head_sha"])
    return {"sha": sha, "merged": True, "message": "Pull Request successfully merged"}


@route("PUT", PULL + "/update-branch", status=202, role="write", scope=WRITE)
def update_branch(call):
    row, git = call.pull(), call.git
    if row["state"] != "open":
        raise invalid("PullRequest", None, "custom", "The pull request is closed")
    expected = call.text("expected_head_sha")
    if expected not in (None, row["head_sha"]):
        raise Refusal(422, "expected head sha didn't match current head ref.")
    ours, theirs = row["head_sha"], git.ref(f"refs/heads/{row['base_ref']}")
    if git.is_ancestor(theirs, ours):
        raise Refusal(422, "There are no new commits on the base branch.")
    tree = git.merge_tree(ours, theirs)
    if tree is None:
        raise Refusal(422, "merge conflict between base and head")
    message = f"Merge branch '{row['base_ref']}' into {row['head_ref']}"
    sha = git.write_commit(tree, [ours, theirs], message, signature(call.forge, call.login))
    pushes.set_ref(call.forge, call.repo, call.actor, f"refs/heads/{row['head_ref']}", sha, ours)
    return {
        "message": "Updating pull request branch.",
        "url": f"{call.forge.url}/{full_name(call.repo)}/pull/{row['number']}",
    }


@route("GET", PULL + "/requested_reviewers", scope=READ)
def requested(call):
    return {"users": payloads.simple(call.forge, call.repo, call.pull())["requested_reviewers"], "teams": []}


@route("POST", PULL + "/requested_reviewers", status=201, role="triage", scope=WRITE)
def request(call):
    from bot.localforge.payloads.users import user

    row = call.pull()
    for login in call.strings("reviewers"):
        known = call.store.one("select login from users where login = ?", login)
        if known is None or known["login"] == row["login"]:
            raise Refusal(
                422,
                "Reviews may only be requested from collaborators. One or more of the users or teams you "
                "specified is not a collaborator of the repository."
                if known is None
                else "Review cannot be requested from pull request author.",
            )
        if call.store.run("insert or ignore into requested_reviewers values (?, ?)", row["id"], known["login"]):
            merging.note(
                call.forge,
                call.repo,
                call.actor,
                row["id"],
                "review_requested",
                requested_reviewer=known["login"],
                review_requester=call.login,
            )
            merging.announce(
                call.forge,
                call.repo,
                call.actor,
                row,
                "review_requested",
                requested_reviewer=user(call.forge, known["login"]),
            )
    return payloads.simple(call.forge, call.repo, call.pull())


@route("DELETE", PULL + "/requested_reviewers", role="triage", scope=WRITE)
def unrequest(call):
    from bot.localforge.payloads.users import user

    row = call.pull()
    for login in call.strings("reviewers"):
        if call.store.run("delete from requested_reviewers where issue_id = ? and login = ?", row["id"], login):
            merging.announce(
                call.forge,
                call.repo,
                call.actor,
                row,
                "review_request_removed",
                requested_reviewer=user(call.forge, login),
            )
    return payloads.simple(call.forge, call.repo, call.pull())

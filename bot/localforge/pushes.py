"""What follows from a ref that moved, whether by a push, by the API or before the forge was started.

Push, create and delete events; pull requests synchronised, merged (their head became reachable from
their base) or closed (their branch is gone); issues closed by a commit's words. The `refs` table says
what was already seen.
"""

from bot.localforge import anchors, events, merging
from bot.localforge.git import ZERO
from bot.localforge.payloads.commits import account, short_person
from bot.localforge.people import OWNER, Actor
from bot.localforge.store import now
from bot.localforge.wire import Refusal

MOST_COMMITS = 2048


def catch_up(forge, repo, actor: Actor | None = None) -> None:
    """Handle every difference between git's refs and those last seen."""
    actor = actor or Actor(OWNER, "person")
    seen = {row["name"]: row["sha"] for row in forge.store.all("select * from refs where repo_id = ?", repo["id"])}
    there = {name: sha for name, sha in forge.git(repo).refs().items() if not name.startswith("refs/pull/")}
    moved(
        forge,
        repo,
        actor,
        [
            (name, seen.get(name, ZERO), there.get(name, ZERO))
            for name in sorted(seen.keys() | there.keys())
            if seen.get(name) != there.get(name)
        ],
    )


def set_ref(forge, repo, actor, name: str, new: str, old: str) -> None:
    """Move one ref from `old` to `new` (ZERO makes or deletes it) with all that follows; 409 if it moved
    meanwhile.
    """
    if not forge.git(repo).update_ref(name, new, old):
        raise Refusal(
            409,
            f"Reference {name} cannot be updated: it is no longer at {old}, or a ref of that name is in the way",
        )
    moved(forge, repo, actor, [(name, old, new)])


def moved(forge, repo, actor, changes: list[tuple[str, str, str]]) -> None:
    """The consequences of refs that already point at their new place."""
    if not changes:
        return
    store = forge.store
    forced = {}
    for name, old, new in changes:
        if new == ZERO:
            store.run("delete from refs where repo_id = ? and name = ?", repo["id"], name)
        else:
            store.run("insert or replace into refs (repo_id, name, sha) values (?, ?, ?)", repo["id"], name, new)
        forced[name] = ZERO not in (old, new) and not _forward(forge.git(repo), old, new)
    store.run("update repos set pushed_at = ? where id = ?", now(), repo["id"])
    _adopt_default_branch(forge, repo, changes)
    repo = store.one("select * from repos where id = ?", repo["id"])
    for change in changes:
        _announce(forge, repo, actor, *change, forced[change[0]])
    branches = [
        (name.removeprefix("refs/heads/"), old, new) for name, old, new in changes if name.startswith("refs/heads/")
    ]
    for branch, old, new in branches:
        _heads(forge, repo, actor, branch, old, new)
    for branch, old, new in branches:
        _bases(forge, repo, actor, branch, old, new)


def _forward(git, old: str, new: str) -> bool:
    """Whether a ref only moved ahead; a tag may also point at what is no commit."""
    a, b = git.resolve(old), git.resolve(new)
    return a is not None and b is not None and git.is_ancestor(a, b)


def _adopt_default_branch(forge, repo, changes) -> None:
    """The first branch of an empty repository becomes its default, if the promised one is not among them."""
    made = [
        name.removeprefix("refs/heads/")
        for name, old, new in changes
        if name.startswith("refs/heads/") and old == ZERO and new != ZERO
    ]
    if not made or repo["default_branch"] in made:
        return
    others = forge.store.value("select count(*) from refs where repo_id = ? and name like 'refs/heads/%'", repo["id"])
    if others == len(made):
        forge.store.update("repos", repo["id"], default_branch=made[0])
        forge.git(repo).run("symbolic-ref", "HEAD", f"refs/heads/{made[0]}")


def _announce(forge, repo, actor, name: str, old: str, new: str, forced: bool) -> None:
    git, page = forge.git(repo), f"{forge.url}/{repo['owner']}/{repo['name']}"

    def one(sha, touched):
        found = git.commit(sha)
        who = {}
        for key, person in (("author", found.author), ("committer", found.committer)):
            who[key] = short_person(person)
            linked = account(forge, person.email)
            if linked:
                who[key]["username"] = linked["login"]
        return {
            "id": sha,
            "tree_id": found.tree,
            "distinct": True,
            "message": found.message,
            "timestamp": found.author.date,
            "url": f"{page}/commit/{sha}",
            **who,
            **touched.get(sha, {"added": [], "removed": [], "modified": []}),
        }

    def payload():
        shas, touched = [], {}
        if new != ZERO and name.startswith("refs/heads/"):
            main = git.ref(f"refs/heads/{repo['default_branch']}")
            start = old if old != ZERO else main if main and main != new else None
            shas = (git.between(start, new) if start else [new])[-MOST_COMMITS:]
            touched = git.touched(f"{start}..{new}") if start else {}
        head = git.resolve(new) if new != ZERO else None
        span = f"{old[:12]}...{new[:12]}" if ZERO not in (old, new) else new[:12] if new != ZERO else old[:12]
        owner = forge.store.one("select email from users where login = ?", actor.login)
        return {
            "ref": name,
            "before": old,
            "after": new,
            "base_ref": None,
            "created": old == ZERO,
            "deleted": new == ZERO,
            "forced": forced,
            "compare": f"{page}/compare/{span}",
            "pusher": {"name": actor.login, "email": owner["email"] if owner else None},
            "commits": [one(sha, touched) for sha in shas],
            "head_commit": one(head, touched) if head else None,
        }

    events.record(
        forge,
        repo,
        actor,
        "push",
        None,
        payload,
        ref=name,
        sha=new if new != ZERO else git.ref(f"refs/heads/{repo['default_branch']}") or "",
    )
    if ZERO in (old, new) and name.startswith(("refs/heads/", "refs/tags/")):
        short = name.split("/", 2)[2]
        kind = "branch" if name.startswith("refs/heads/") else "tag"
        about = {"ref": short, "ref_type": kind, "pusher_type": "user"}
        if old == ZERO:
            about |= {"master_branch": repo["default_branch"], "description": repo["description"]}
        events.record(
            forge,
            repo,
            actor,
            "create" if old == ZERO else "delete",
            None,
            lambda: about,
            ref=name if old == ZERO else "",
        )


def _open_pulls(forge, repo, side: str, branch: str):
    return forge.store.all(
        f"select issues.*, pulls.* from issues join pulls on issue_id = id where repo_id = ? "
        f"and state = 'open' and {side} = ? order by number",
        repo["id"],
        branch,
    )


def _heads(forge, repo, actor, branch: str, old: str, new: str) -> None:
    for row in _open_pulls(forge, repo, "head_ref", branch):
        if new == ZERO:
            merging.note(forge, repo, actor, row["id"], "head_ref_deleted")
            merging.set_state(forge, repo, actor, row, "closed")
            continue
        forge.git(repo).update_ref(f"refs/pull/{row['number']}/head", new)
        forge.store.run("update pulls set head_sha = ? where issue_id = ?", new, row["id"])
        anchors.follow(forge, repo, row, new)
        forge.store.update("issues", row["id"], updated_at=now())
        merging.forget_test_merge(forge, row)
        merging.announce(forge, repo, actor, row, "synchronize", before=old, after=new)


def _bases(forge, repo, actor, branch: str, old: str, new: str) -> None:
    git = forge.git(repo)
    for row in _open_pulls(forge, repo, "base_ref", branch):
        if new == ZERO:
            merging.set_state(forge, repo, actor, row, "closed")
        elif git.is_ancestor(row["head_sha"], new) and not (old != ZERO and git.is_ancestor(row["head_sha"], old)):
            merging.land(forge, repo, actor, row, _landed_by(git, row["head_sha"], old, new))
        else:
            forge.store.run("update pulls set base_sha = ? where issue_id = ?", new, row["id"])
            merging.forget_test_merge(forge, row)
    if branch == repo["default_branch"] and new != ZERO and old != ZERO:
        for sha in git.between(old, new)[:MOST_COMMITS]:
            merging.close_mentioned(forge, repo, actor, git.commit(sha).message)


def _landed_by(git, head: str, old: str, new: str) -> str:
    """The first commit on the base's own line that contains `head`."""
    span = f"{old}..{new}" if old != ZERO else new
    line = git.log("--first-parent", "--reverse", span)
    return next((sha for sha in line if git.is_ancestor(head, sha)), new)

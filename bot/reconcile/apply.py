"""`auton apply`: put the result of one agent run onto the forge. Forge writes only; the patch's code never runs.

Patch → branch → pull request → review → the run's comment, which the tick waits for: so it comes last, and a run that
is applied again finds each thing by its key and does what is left. Everything is read as hostile.
"""

import hashlib
import json
import re
from pathlib import Path

from bot import scratch
from bot.config import Config
from bot.errors import Refused
from bot.forge.client import Forge
from bot.forge.git import Conflict, Git
from bot.forge.records import Pull
from bot.forge.wire import Answered
from bot.handoff import Result, Review, read
from bot.reconcile import memory, sticky, texts
from bot.reconcile import model as m
from bot.reconcile.act import comment
from bot.reconcile.tick import our_clone
from bot.slm import recipe as recipes
from bot.slm import store

KEY = re.compile(r"g(?P<goal>[1-9]\d{0,8})-(?:t(?P<task>[1-9]\d{0,8})|plan)"
                 r"-a(?P<attempt>[1-9]\d{0,3})-(?P<role>[a-z_]{1,40})")
MOST_PATCH = 8 << 20  # bytes


def apply(forge: Forge, config: Config, folder: Path, key: str) -> m.RunRecord:
    """Apply what lies in `folder` as the run `key`; the record of it. Refused if it is no run of ours."""
    result = read(Result, folder / "result.json")
    where = _check(result, key)
    issue = where["task"] or where["goal"]
    comments = forge.comments_on(issue)
    record = _record(comments, key, config.forge.bot)
    if record is None:
        kept = _memory(comments, config.forge.bot, where["task"] is not None)
        if key not in {run.key for run in kept.runs}:
            raise Refused(f"expected a run that the tick has started, found {key}", "start runs with `/auton retry`")
        record = _carry_out(forge, config, folder, result, where)
        body = memory.body(texts.run_comment(record, result.role, result.attempt, result.summary), record)
        mine = comment(forge, config, issue, body)
        _only_once(forge, issue, key, config.forge.bot, mine.id)
    return record


def _check(result: Result, key: str) -> dict:
    match = KEY.fullmatch(key)
    if not match:
        raise Refused(f"expected a key like g7-t12-a1-developer, found {key[:80]!r}")
    where = {name: int(value) if value and name != "role" else value for name, value in match.groupdict().items()}
    said = {"goal": result.goal, "task": result.task, "attempt": result.attempt, "role": result.role}
    if result.key != key or said != where:
        raise Refused(f"expected the result of {key}, found that of {result.key[:80]!r}")
    return where


def _record(comments, key: str, bot: str) -> m.RunRecord | None:
    for one in comments:
        state = memory.hidden(one, bot)
        if state and state.get("kind") == "run" and state.get("key") == key:
            return memory.load(m.RunRecord, state, f"comment {one.id}")
    return None


def _memory(comments, bot: str, task: bool) -> m.Memory:
    kind, cls = ("task", m.TaskMemory) if task else ("goal", m.GoalMemory)
    for one in comments:
        state = memory.hidden(one, bot)
        if state and state.get("kind") == kind:
            return memory.load(cls, state, f"comment {one.id}")
    raise Refused(f"expected a {kind} that the bot has taken up, found none of its memory there")


def _only_once(forge: Forge, issue: int, key: str, bot: str, mine: int) -> None:
    """Two jobs that applied the same run at the same time both see both comments; the later comment goes."""
    same = [c.id for c in forge.comments_on(issue) if (s := memory.hidden(c, bot)) and s.get("key") == key
            and s.get("kind") == "run"]
    if same and mine != min(same):
        forge.delete_comment(mine)


def _carry_out(forge: Forge, config: Config, folder: Path, result: Result, where: dict) -> m.RunRecord:
    record = m.RunRecord(key=result.key, status=result.status, reason=result.reason[:4000], usage=result.usage,
                         seconds=result.seconds, model=result.model, review=result.review,
                         plan=result.plan if result.role == "manager" else None)
    if result.patch and where["task"]:
        record = _push(forge, config, folder, result, where, record)
    if result.review and result.role == "reviewer" and where["task"]:
        _review(forge, config, result, where)
    return record


def _push(forge: Forge, config: Config, folder: Path, result: Result, where: dict, record: m.RunRecord) -> m.RunRecord:
    branch = f"auton/g{where['goal']}/t{where['task']}"
    ref = f"refs/heads/{branch}"
    patch = folder / "change.patch"
    if not patch.is_file() or patch.stat().st_size > MOST_PATCH:
        raise Refused(f"{patch}: expected a patch of at most {MOST_PATCH} bytes")
    with scratch.folder("apply") as place:
        git = our_clone(place / "apply.git", forge, config)
        base = f"refs/heads/{forge.default_branch}"
        git.fetch(base, f"{ref}*")
        try:
            new = _new_tip(git, ref, base, patch.read_bytes(), result, where)
        except Conflict as error:
            return record.but(conflict=tuple(error.paths[:50]) or ("the patch",))
        new = _with_model(forge, git, base, new, result, where)
        if new != git.sha(ref) and not git.push(new, ref):
            raise Refused(f"{branch} has moved while the patch was applied", "the tick starts the run over")
    pull = forge.pull_of(branch) or _open_pull(forge, branch, result, where)
    if pull.draft and result.status == "submitted":
        forge.mark_ready(pull)
    return record.but(head=new, pull=pull.number)


def _new_tip(git: Git, ref: str, base: str, patch: bytes, result: Result, where: dict) -> str:
    """The branch with the patch's commits: what it is already if they are there, else a fast-forward of it."""
    tip = git.sha(ref)
    run = f"Auton-Run: {result.key}"
    trailers = [*texts.trailers(where["goal"], where["task"], result.attempt), run]
    if tip and run in git.message(tip):
        return tip
    if not git.sha(result.head_sha):
        raise Refused(f"expected a patch on a commit of the branch or of main, found {result.head_sha[:40]!r}")
    if tip is None or tip == result.head_sha:
        return git.apply_mailbox(result.head_sha, patch, trailers)
    if git.is_ancestor(result.head_sha, tip):
        return git.apply_mailbox(tip, patch, trailers)  # somebody pushed meanwhile: on top of that
    new = git.apply_mailbox(result.head_sha, patch, trailers)  # a change done anew on main: the branch is joined to it
    message = f"Join the earlier attempts of task #{where['task']}\n\n" + "\n".join(trailers) + "\n"
    return git.join(tip, new, message)


def _with_model(forge: Forge, git: Git, base: str, new: str, result: Result, where: dict) -> str:
    """The branch with the model that its recipe ships, which no patch can bring: it comes from what CI has made, by the key of
    the recipe and by the SHA-256 that the recipe names. Without it the branch stays as it is, and the judge says so."""
    after = recipes.listing(git, new, recipes.RECIPES)
    for path in recipes.changed(recipes.listing(git, base, recipes.RECIPES), after):
        try:
            recipe = recipes.read(git, new, path)
        except Refused:
            continue
        if not recipe.place or recipe.ships == _shipping(git, new, recipe.place):
            continue
        with scratch.folder("model") as place:
            if not store.fetch(forge, recipes.keys(git, new, recipe).made, place):
                continue
            files = {name: (place / name).read_bytes() for name in recipes.SHIPPED}
        if hashlib.sha256(files["slm.gguf"]).hexdigest() != recipe.ships:
            continue
        lines = [*texts.trailers(where["goal"], where["task"], result.attempt), f"Auton-Run: {result.key}"]
        new = git.with_files(new, {f"{recipe.place}/{name}": content for name, content in files.items()},
                             texts.model_message(recipe.name, recipe.ships, lines))
    return new


def _shipping(git: Git, commit: str, place: str) -> str:
    """The SHA-256 of the model that is at `place` at `commit`, as its manifest says."""
    try:
        return str(json.loads(git("show", f"{commit}:{place}/manifest.json", ok=(0, 128)))["sha256"])
    except (ValueError, KeyError, TypeError):
        return ""


def _open_pull(forge: Forge, branch: str, result: Result, where: dict) -> Pull:
    title = texts.pull_title(forge.issue(where["task"]).title)
    body = sticky.render(texts.pull_body(where["goal"], where["task"], result.attempt, result.role, result.summary),
                         {"kind": "pull", "key": branch})
    try:
        return forge.create_pull(branch, title, body, draft=result.status != "submitted")
    except Answered as error:
        pull = forge.pull_of(branch) if error.status == 422 else None
        if pull is None:
            raise
        return pull


def _review(forge: Forge, config: Config, result: Result, where: dict) -> None:
    """The verdict as a status, the findings as a review of the pull request."""
    review, sha = result.review, result.head_sha
    pull = forge.pull_of(f"auton/g{where['goal']}/t{where['task']}")
    if pull is None:
        raise Refused(f"expected a pull request of task #{where['task']}, found none")
    own = [one for one in forge.reviews(pull.number) if (one.get("user") or {}).get("login") == config.forge.bot]
    marked = [sticky.parse(one.get("body") or "") for one in own]
    if not any(state and state.get("key") == result.key for state in marked):
        _post_review(forge, pull, review, sha, result.key)
    good = review.verdict == "approve"
    forge.set_status(sha, "auton/review", "success" if good else "failure",
                     "approved" if good else f"changes wanted: {len(review.findings)} findings")


def _post_review(forge: Forge, pull: Pull, review: Review, sha: str, key: str) -> None:
    """Findings as inline comments; the forge refuses lines outside the diff, then they go into the text."""
    inline = [{"path": f.path, "line": f.line, "side": "RIGHT", "body": texts.finding(f)} for f in review.findings]
    hidden = {"kind": "review", "key": key}
    try:
        forge.create_review(pull.number, sha, sticky.render(texts.review_body(review, sha, []), hidden), inline)
    except Answered as error:
        if error.status != 422 or not inline:
            raise
        body = sticky.render(texts.review_body(review, sha, review.findings), hidden)
        forge.create_review(pull.number, sha, body, [])

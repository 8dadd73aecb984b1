"""What an agent run is told, from the forge and nothing else. Reads only.

The tick has put most of it in the task's memory: the money set aside, and what the last attempt must mend. Added here
are the goal's and the task's own texts and what people with write permission have said since the last attempt.
"""

from bot.config import Config
from bot.errors import Refused
from bot.forge.client import Forge
from bot.forge.records import Comment
from bot.handoff import Brief, Feedback, Limits, TaskLine
from bot.reconcile import memory, slash, sticky, texts
from bot.reconcile import model as m

MOST_HUMAN = 8000  # characters of a person's comment


def build(forge: Forge, config: Config, key: str, goal: int, task: int | None, role: str, attempt: int) -> Brief:
    """The brief of run `key`. Refused if the tick did not set it up, or the goal was edited since it was accepted."""
    bot = config.forge.bot
    issue = forge.issue(goal)
    since = issue.created
    comments = forge.comments(since)
    own = [(c, s) for c in comments if (s := memory.hidden(c, bot))]
    of_goal = next((memory.load(m.GoalMemory, s, f"comment {c.id}") for c, s in own
                    if c.issue == goal and s.get("kind") == "goal"), None)
    tasks = {c.issue: memory.load(m.TaskMemory, s, f"comment {c.id}") for c, s in reversed(own)
             if s.get("kind") == "task" and s.get("goal") == goal}
    kept = tasks.get(task) if task else of_goal
    run = next((run for run in kept.runs if run.key == key), None) if kept and of_goal else None
    if run is None or run.role != role or run.attempt != attempt:
        raise Refused(f"expected a run that the tick has started, found {key}", "start runs with `/auton retry`")
    if memory.digest(issue.title, issue.body) != of_goal.digest:
        raise Refused(f"goal #{goal} was edited after it was accepted", "type `/auton approve` or `/auton plan` there")
    main = forge.branch(forge.default_branch)
    branch, base, head = forge.default_branch, main.sha, main.sha
    if task:
        branch = f"auton/g{goal}/t{task}"
        tip = forge.ref(f"heads/{branch}")
        anew = role == "integrator" and any(f.kind in ("conflict", "composition") for f in kept.feedback)
        if tip and not anew:
            base, head = forge.merge_base(main.sha, tip), tip
    titles = {one.number: one.title for one in forge.issues("auton:task", "all", since)} if tasks else {}
    text = forge.issue(task) if task else None
    worked = sorted(r.at for r in kept.runs if r.key != key and r.role != "reviewer")
    if role == "reviewer":  # what the attempt before it was told to mend
        worked = worked[:-1]
        feedback = [*_sent_back(own, kept), *(one for one in kept.feedback if one.kind != "limit")]
    else:
        feedback = kept.feedback
    last = worked[-1] if worked else since
    pulls = {kept.pull} if task and kept.pull else set()
    return Brief(
        key=key, mode=of_goal.mode or config.workflow.mode, role=role, attempt=attempt, goal=goal,
        lost=sum(one.status == "lost" for one in kept.runs),
        goal_title=issue.title, goal_body=_own_words(issue.body), task=task, task_key=kept.key if task else "",
        task_title=text.title if text else "", task_body=_own_words(text.body) if text else "",
        plan=[TaskLine(key=t.key, number=n, title=titles.get(n, ""), role=t.role, state=t.state)
              for n, t in sorted(tasks.items())],
        branch=branch, base_sha=base, head_sha=head, targets=list(config.targets),
        model=_model(config, of_goal, kept, role),
        limits=Limits(cost_usd=run.reserved, steps=config.agents.steps, seconds=config.agents.seconds),
        feedback=[*feedback, *_people(forge, comments, {goal, task} | pulls, pulls, last, bot)])


def _sent_back(own: list[tuple[Comment, dict]], kept: m.Memory) -> list[Feedback]:
    """The last review that asked for changes, if any did."""
    asked = [run.key for run in kept.runs if run.role == "reviewer"]
    records = {s["key"]: memory.load(m.RunRecord, s, f"comment {c.id}") for c, s in own
               if s.get("kind") == "run" and s.get("key") in asked}
    reviews = [records[key].review for key in asked if key in records]
    wanted = [review for review in reviews if review and review.verdict == "request_changes"]
    return [Feedback(kind="review", text=texts.review_feedback(wanted[-1]))] if wanted else []


def _model(config: Config, goal: m.GoalMemory, kept: m.Memory, role: str) -> str:
    return getattr(kept, "model", "") or goal.model or config.agents.models.of(role)


def _own_words(body: str) -> str:
    """Without hidden blocks and without command lines."""
    text = body.partition(sticky.OPEN)[0]
    return "\n".join(line for line in text.splitlines() if not slash.LINE.fullmatch(line)).strip()


def _people(forge: Forge, comments, places: set[int], pulls: set[int], since: str, bot: str) -> list[Feedback]:
    """What people with write permission have said there since then, in comments and reviews, without commands."""
    said = []
    for comment in comments:
        if comment.issue not in places or comment.author == bot or comment.created < since:
            continue
        words = _own_words(comment.body)
        if words and forge.may_write(comment.author):
            said.append(Feedback(kind="human", text=f"{comment.author}: {words[:MOST_HUMAN]}"))
    for pull in pulls:
        for one in [*forge.reviews(pull), *forge.review_comments(pull)]:
            who, when = (one.get("user") or {}).get("login", "ghost"), one.get("submitted_at") or one.get("created_at")
            words = _own_words(one.get("body") or "")
            if who != bot and words and (when or "") >= since and forge.may_write(who):
                where = f" on {one['path']}:{one.get('line') or one.get('original_line')}" if one.get("path") else ""
                said.append(Feedback(kind="human", text=f"{who}{where}: {words[:MOST_HUMAN]}"))
    return said[-20:]

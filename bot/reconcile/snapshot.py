"""All reading: one look at the forge, as the value that `decide` thinks about. Writes nothing there.

A look is a handful of list calls whatever the number of tasks: repository-wide lists of issues, comments and pull
requests since the oldest open goal began, and of runs only while one is awaited.
"""

import tomllib
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path

from bot.config import Config
from bot.errors import Refused
from bot.forge.client import Forge
from bot.forge.git import Conflict, Git
from bot.forge.records import Comment, Commit, Issue, WorkflowRun
from bot.reconcile import budget, compose, ended, figures, integrate, leftover, memory, slash, sticky, texts
from bot.reconcile import model as m

AGENT, VERIFY = "auton-agent.yml", "auton-verify.yml"
CHECK = "auton/verify"
ROLES = Path(__file__).parent.parent / "agents" / "roles"
BRANCHES = "refs/heads/auton/"


def read(forge: Forge, git: Git, config: Config, now: datetime, main: Commit | None = None) -> m.Snapshot:
    """`main` may be given if it was read a moment ago: a batch that is built on an old one can't be pushed."""
    bot = config.forge.bot
    today = now.strftime("%Y-%m-%d")
    a_day_ago = (now - timedelta(days=1)).strftime("%Y-%m-%dT%H:%M:%SZ")  # so that a day in which no round came loses no command
    issues = forge.issues("auton:goal")
    since = min([a_day_ago, *(issue.created for issue in issues)])
    task_issues = [one for one in forge.issues("auton:task", "all", since) if one.author == bot] if issues else []
    comments = forge.comments(since)
    own = [(comment, state) for comment in comments if (state := memory.hidden(comment, bot))]
    stickies = {kind: {c.issue: (c, s) for c, s in reversed(own) if s.get("kind") == kind} for kind in ("goal", "task")}
    goals = {issue.number: _goal(forge, issue, stickies["goal"].get(issue.number)) for issue in issues}
    tasks = {issue.number: task for issue in task_issues
             if (task := _task(issue, stickies["task"].get(issue.number))) and task.goal in goals}
    goals, tasks = (ended.reopened(forge, parts, bot) for parts in (goals, tasks))
    refs = forge.refs("heads/auton/")
    memories = {n: t.memory for n, t in tasks.items() if t.memory}
    kept = [*memories.values(), *(g.memory for g in goals.values() if g.memory)]
    records = {s["key"]: found for c, s in own if s.get("kind") == "run" and (found := memory.sound(m.RunRecord, c, s))}
    notices = frozenset(s["key"] for _, s in own if s.get("kind") == "say" and isinstance(s.get("key"), str))
    commands = tuple(_commands(forge, comments, {**stickies["task"], **stickies["goal"]}, notices, bot))
    commands, over = ended.spoken_to(forge, commands, {*goals, *tasks}, bot)
    pulls = {pull.branch: pull for pull in forge.pulls()} if commands and any(t.pull for t in memories.values()) else {}
    main = main or forge.branch(forge.default_branch)
    searching = {n: t for n, t in memories.items() if t.state == "queued" and t.composing}
    waiting = integrate.order(memories, {n: g.memory for n, g in goals.items() if g.memory})
    if waiting or searching:
        git.fetch(f"refs/heads/{forge.default_branch}", f"{BRANCHES}*")
    bases = {n: git.begun(memories[n].head, memories[n].composing or main.sha) for n in (*waiting, *searching)}
    awaited = _awaited(memories, refs, {main.sha, *bases.values()} if bases else set())
    verdicts = _verdicts(forge, awaited, bot)
    runs = _runs(forge, kept, records, verdicts, awaited, since)
    chain, clash, trees, merged = _chain(git, waiting, tasks, memories, refs, main)
    searches = {number: _composition(git, number, memories, bases[number], verdicts, runs, config) for number in searching}
    closed = [run for kind, cls in (("goal", m.GoalMemory), ("task", m.TaskMemory))
              for number, (c, s) in stickies[kind].items() if number not in goals and number not in tasks
              for run in getattr(memory.sound(cls, c, s), "runs", ())]
    return m.Snapshot(
        bot=bot, main=main, goals=goals, tasks=tasks, runs=runs, pulls=pulls, refs=refs, notices=notices,
        used=leftover.of(forge, kept, records, runs), verdicts=verdicts, commands=commands, closed=over, records=records,
        resumable=_resumable(forge, runs, {*records, *verdicts}),
        roles=known_roles() if any(g.memory and g.memory.state == "planning" for g in goals.values()) else {},
        chain=chain, clash=clash, trees=trees, bases=bases, merged=merged, searches=searches, grace=2.0 if forge.local else 60.0,
        spent_today=budget.spent_on(today, closed))


def known_roles() -> dict[str, set[str]]:
    """The roles that a plan may name, with their modes, as their files say."""
    files = {path.stem: tomllib.loads(path.read_text(encoding="utf-8")) for path in sorted(ROLES.glob("*.toml"))}
    return {name: set(role["modes"]) for name, role in files.items() if role.get("plannable", True)}


def _goal(forge: Forge, issue: Issue, found: tuple[Comment, dict] | None) -> m.Goal:
    if found is None:
        starter = forge.labeled_by(issue.number, "auton:goal") or issue.author
        may = {who: forge.may_write(who) for who in {starter, issue.author}}
        return m.Goal(issue, None, starter=starter, starter_may_write=may[starter], author_may_write=may[issue.author])
    try:
        return m.Goal(issue, memory.load(m.GoalMemory, found[1], f"comment {found[0].id}"), found[0])
    except Refused as error:
        return m.Goal(issue, None, found[0], broken=str(error))


def _task(issue: Issue, found: tuple[Comment, dict] | None) -> m.Task | None:
    """A task issue of ours; None for an issue that only carries the label."""
    mark = sticky.parse(issue.body) or {}
    if mark.get("kind") != "task" or not isinstance(mark.get("goal"), int) or not isinstance(mark.get("key"), str):
        return None
    if found is None:
        return m.Task(issue, mark["goal"], mark["key"], None)
    try:
        kept = memory.load(m.TaskMemory, found[1], f"comment {found[0].id}")
        return m.Task(issue, mark["goal"], mark["key"], kept, found[0])
    except Refused as error:
        return m.Task(issue, mark["goal"], mark["key"], None, found[0], broken=str(error))


def _commands(forge: Forge, comments: list[Comment], stickies: dict[int, tuple[Comment, dict]],
              notices: frozenset[str], bot: str) -> Iterator[m.Command]:
    """Comments with commands that are not answered yet, in the order in which they were written."""
    by_pull = {state["pull"]: number for number, (_, state) in stickies.items() if "pull" in state}
    for comment in sorted(comments, key=lambda c: c.id):
        if comment.author == bot or "/auton" not in comment.body.lower():
            continue
        words = slash.parse(comment.body)
        number = by_pull.get(comment.issue, comment.issue)
        kept = stickies[number][1] if number in stickies else {}
        if not words or comment.id <= kept.get("answered_to", 0):
            continue
        answered = str(comment.id) in kept.get("answered", {}) or f"c{comment.id}" in notices
        if answered and (comment.rocket or comment.confused):
            continue
        yield m.Command(comment, number, tuple(words), forge.may_write(comment.author))


def _awaited(tasks: dict[int, m.TaskMemory], refs: dict[str, str], grounds: set[str]) -> set[str]:
    """The commits whose verdict is awaited: heads in state verify, the queue's branches, and what those are compared with."""
    heads = {t.head for t in tasks.values() if t.state == "verify" and t.verify and t.verify.sha == t.head}
    return heads | {sha for ref, sha in refs.items() if ref.startswith(integrate.QUEUE)} | grounds


def _verdicts(forge: Forge, awaited: set[str], bot: str) -> dict[str, m.VerifyRecord]:
    """What CI said of these commits."""
    found = {}
    for sha in sorted(awaited):
        for check in forge.checks(sha, CHECK):
            record = memory.of_check(m.VerifyRecord, check, bot)
            if record and record.key == check.external_id:
                found[record.key] = record
    return found


def _runs(forge, kept, records, verdicts, awaited: set[str], since: str) -> dict[str, WorkflowRun]:
    """Workflow runs by name, of those workflows from which an answer is awaited."""
    agents = any(run.status == "started" and run.key not in records for one in kept for run in one.runs)
    answered = {key for key, record in verdicts.items() if record.state == "green"}
    verify = any(f"v-{sha}" not in answered for sha in awaited)
    wanted = [AGENT] * agents + [VERIFY] * verify
    return {run.name: run for file in wanted for run in reversed(forge.runs(file, since))}


def _resumable(forge: Forge, runs: dict[str, WorkflowRun], answered: set[str]) -> frozenset[int]:
    """Of the runs that ended without an answer: those that did all but hand it over, the first time they were run."""
    found = set()
    for name, run in runs.items():
        if run.done and run.attempt == 1 and name not in answered and run.conclusion == "failure":
            jobs = forge.jobs(run.id)
            last = jobs.get("apply", jobs.get("report"))
            if last not in (None, "success", "skipped") and jobs.get("agent", "success") == "success":
                found.add(run.id)
    return frozenset(found)


def _chain(git: Git, waiting: list[int], tasks: dict[int, m.Task], memories: dict[int, m.TaskMemory],
           refs: dict[str, str], main: Commit):
    """The queue merged on top of main in our own clone: links, the first clash, trees by commit, what is merged."""
    links, merged, tip, clash = [], {}, main.sha, None
    batches = {sha for ref, sha in refs.items() if ref.startswith(integrate.QUEUE)} if waiting else set()
    trees = {sha: git.tree(sha) for sha in {memories[n].head for n in waiting} | batches if git.sha(sha)}
    for number in waiting:
        task = memories[number]
        if git.is_ancestor(task.head, main.sha):
            merged[number] = git.merged_by(task.head, main.sha)
            continue
        message = texts.merge_message(tasks[number].issue.title, task.goal, number, task.attempt, task.pull)
        try:
            tip = git.merge(tip, task.head, message)
        except Conflict as error:
            clash = (number, tuple(error.paths[:50]))
            break
        links.append(m.Link(number, tip, git.tree(tip)))
    return tuple(links), clash, trees, merged


def _composition(git: Git, number: int, tasks: dict[int, m.TaskMemory], base: str, verdicts, runs, config: Config) -> m.Composition:
    """How far the search has come for what a task does not go with, of all that landed since its branch was begun."""
    task = tasks[number]
    heads = dict(git.landed(base, task.composing))
    commits: dict[tuple[int, ...], str] = {}
    ground = integrate.measured(verdicts, tasks, base)

    def state(part: tuple[int, ...]) -> str:
        adds = [tasks[other].adds if other in tasks else {} for other in part] + [integrate.growth(task, ground)]
        return integrate.tested(verdicts, runs, commits[part], figures.together(ground, adds), config.queue)

    def red(part: tuple[int, ...]) -> bool | None:
        try:
            tip = base
            for other in part:
                tip = git.merge(tip, heads[other], f"Try #{other}\n")
            commits[part] = git.merge(tip, task.head, f"Try #{number}\n")
        except Conflict:
            return False  # without the others it can't even be put together
        found = state(part)
        return None if found in ("unknown", "pending", "rerun") else found == "red"

    search = compose.smallest(tuple(heads), red)
    return m.Composition(search.found) if search.test is None else m.Composition(sha=commits[search.test], state=state(search.test))

"""The integrator's part of a round: what of the queue to test together, and what lands. Pure.

Nothing about the queue is remembered but its order: the tasks in state `queued`, by priority, then by when they came.
`snapshot.chain` merges them one by one on top of main, always the same way, so a batch is known by its tree, and every
verdict ever given on such a tree counts. What is suspected follows from that: the shortest prefix seen red holds a bad
change, and when its green left part has landed, the right part is a red prefix of what remains, untested.

A change that was green alone and is ejected does not go with something that has landed: a composition failure. It stays
in the queue, but out of its order, until the smallest set of changes that shows it is found (`compose.py`). A batch in
which all checks pass, but which is slower or larger than its parts predict, is red in the same way (`figures.py`).
"""

from bot.config import Queue
from bot.forge.records import WorkflowRun
from bot.handoff import Feedback
from bot.reconcile import figures, texts
from bot.reconcile import model as m
from bot.reconcile import queue as rule

QUEUE = "refs/heads/auton/queue/"


def order(tasks: dict[int, m.TaskMemory], goals: dict[int, m.GoalMemory]) -> list[int]:
    """Queued tasks that may land now, in the order in which they are tried."""
    free = [n for n, t in tasks.items() if t.state == "queued" and not t.composing and not t.held and t.goal in goals
            and goals[t.goal].state == "active" and not goals[t.goal].held]
    return sorted(free, key=lambda n: (-max(tasks[n].priority, goals[tasks[n].goal].priority), tasks[n].since, n))


def queue(r) -> None:
    """Land what is green, start the next test, send back what is bad: one of these for the queue."""
    for number, merge in r.snap.merged.items():
        if r.tasks[number].state == "queued":
            _land(r, number, merge)
            return
    searched = _search(r)
    waiting = order(r.tasks, r.goals)
    chain = r.snap.chain
    if not waiting:
        _drop(r, searched)
        return
    if r.snap.clash and r.snap.clash[0] == waiting[0]:
        task = r.tasks[waiting[0]]
        why = texts.conflict(r.snap.clash[1])
        r.tasks[waiting[0]] = _back(task, Feedback(kind="conflict", sha=task.head, text=why), why, "integrator")
        return
    same = [link.task == number for link, number in zip(chain, waiting, strict=False)]
    chain = chain[: same.index(False) if False in same else len(same)]
    if not chain:
        return  # the snapshot was read before the queue changed
    line = tuple(link.task for link in chain)
    states = [_state(r, chain[:n + 1]) for n in range(len(chain))]
    red = next((i + 1 for i, state in enumerate(states) if state == "red"), 0)
    green = max((i + 1 for i, state in enumerate(states) if state == "green" and (not red or i + 1 < red)), default=0)
    if green:
        _advance(r, chain[:green])
        return
    if "pending" in states:
        return
    step = rule.choose(line[:red], line, r.config.queue.bad_probability, r.config.queue.max_batch)
    if step.eject is not None:
        _eject(r, chain[0])
    elif step.test:
        _test(r, chain[: len(step.test)], states[len(step.test) - 1])
        _measure(r, step.test)
    _drop(r, searched | {link.sha for link in chain})


def _state(r, batch: tuple[m.Link, ...]) -> str:
    """Of the tree of a batch: green, red, infra, pending (a test runs), or unknown."""
    link = batch[-1]
    for number, task in r.tasks.items():
        seen = task.verify
        if seen and seen.state == "green" and r.snap.trees.get(seen.sha) == link.tree and number in r.snap.tasks:
            return "green"
    for sha in [link.sha, *(sha for sha, tree in r.snap.trees.items() if tree == link.tree and sha != link.sha)]:
        state = tested(r.snap.verdicts, r.snap.runs, sha, expected(r, [one.task for one in batch]), r.config.queue)
        if state == "green" and any(_runs(r, base) for base in _unmeasured(r, [one.task for one in batch])):
            return "pending"  # what it should measure is not known yet
        if state != "unknown":
            return state
    return "unknown"


def measured(verdicts: dict[str, m.VerifyRecord], tasks: dict[int, m.TaskMemory], sha: str) -> figures.Figures:
    """The figures of a commit of main, as far as they are known."""
    for key in (f"v-{sha}-2", f"v-{sha}"):
        if key in verdicts and verdicts[key].state == "green":
            return verdicts[key].figures
    return next((task.verify.figures for task in tasks.values() if task.landed == sha and task.verify), {})


def growth(task: m.TaskMemory, base: figures.Figures) -> figures.Figures:
    """What a task's change adds by itself to the commit where its branch began."""
    return figures.growth(task.verify.figures if task.verify and task.verify.sha == task.head else {}, base)


def _growth(r, number: int) -> figures.Figures:
    return growth(r.tasks[number], measured(r.snap.verdicts, r.tasks, r.snap.bases.get(number, "")))


def expected(r, numbers: list[int]) -> figures.Figures:
    """What main should measure with these changes on top."""
    return figures.together(measured(r.snap.verdicts, r.tasks, r.snap.main.sha), (_growth(r, number) for number in numbers))


def _unmeasured(r, numbers: list[int] | tuple[int, ...]) -> list[str]:
    """Commits of main without which it can't be said what these changes should measure together."""
    able = [number for number in numbers if (seen := r.tasks[number].verify) and seen.figures]
    commits = dict.fromkeys([r.snap.main.sha, *(r.snap.bases.get(number, "") for number in able)]) if able else {}
    return [sha for sha in commits if sha and f"v-{sha}" not in r.snap.verdicts and not measured(r.snap.verdicts, r.tasks, sha)]


def _runs(r, sha: str) -> bool:
    run = r.snap.runs.get(f"v-{sha}")
    return run is not None and not run.done


def _measure(r, numbers: tuple[int, ...]) -> None:
    """Have CI measure, beside a batch, what its figures are compared with."""
    for sha in _unmeasured(r, numbers):
        if f"v-{sha}" not in r.snap.runs:
            r.after.append(m.StartVerify(f"v-{sha}", sha))


def tested(verdicts: dict[str, m.VerifyRecord], runs: dict[str, WorkflowRun], sha: str, expect: figures.Figures,
           limits: Queue) -> str:
    """What CI said of a commit of the queue; red that a rerun might turn green is not red yet."""
    first, second = verdicts.get(f"v-{sha}"), verdicts.get(f"v-{sha}-2")
    run, rerun = runs.get(f"v-{sha}"), runs.get(f"v-{sha}-2")
    said = [one and ("red" if one.state == "green" and figures.worse(one.figures, expect, limits) else one.state)
            for one in (first, second)]
    if "green" in said:
        return "green"
    if second or (rerun and rerun.done):
        return said[1] or "infra"
    if rerun:
        return "pending"
    if first and first.failures and said[0] == "red" and all(one.verdict == "BUILD" for one in first.failures):
        return "red"  # a compiler does not change its mind
    if first or (run and run.done):
        return "rerun"
    return "pending" if run else "unknown"


def _test(r, batch: tuple[m.Link, ...], state: str) -> None:
    if state == "infra":
        for link in batch:
            task = r.tasks[link.task]
            r.tasks[link.task] = task.but(state="needs-human", reason=texts.infra(texts.NO_REPORT))
        return
    if state == "unknown":
        said = texts.in_batch([link.task for link in batch])
        for link in batch:
            r.after.append(m.SetStatus(r.tasks[link.task].head, "auton/queue", "pending", said))
    _start(r, batch[-1].sha, state)


def _start(r, sha: str, state: str) -> None:
    """Have CI test a commit of the queue, a second time if `state` says rerun."""
    if state == "rerun":
        r.after.append(m.StartVerify(f"v-{sha}-2", sha))
    elif state == "unknown":
        if sha not in r.snap.refs.values():
            numbers = [int(ref.removeprefix(QUEUE)) for ref in r.snap.refs if ref.startswith(QUEUE)]
            new = sum(isinstance(action, m.PushBatch) for action in r.after)
            r.after.append(m.PushBatch(f"{QUEUE}{max(numbers, default=0) + new + 1}", sha))
        r.after.append(m.StartVerify(f"v-{sha}", sha))


def _search(r) -> set[str]:
    """Go on with the searches for what does not go together; the commits that they have tested."""
    busy = set()
    for number, search in r.snap.searches.items():
        task = r.tasks[number]
        if not task.composing or task.state != "queued":
            continue
        if search.found is None:
            busy.add(search.sha)
            _start(r, search.sha, search.state)
            continue
        why = texts.composition(number, search.found, task.feedback[0].text if task.feedback else "")
        back = _back(task.but(composing=""), Feedback(kind="composition", sha=task.head, text=why), why, "integrator")
        r.tasks[number] = back
        key = f"g{task.goal}-t{number}-composition-{task.head[:12]}"
        r.after.append(m.Say(number, key, texts.composition_report(number, search.found, why)))
    return busy if not busy else busy | {sha for ref, sha in r.snap.refs.items() if ref.startswith(QUEUE)}


def _advance(r, green: tuple[m.Link, ...]) -> None:
    r.before.append(m.Advance(green[-1].sha))
    for link in green:
        _land(r, link.task, link.sha)


def _land(r, number: int, merge: str) -> None:
    task = r.tasks[number]
    r.before.append(m.SetStatus(task.head, "auton/queue", "success", texts.landed_as(merge)))
    r.tasks[number] = task.but(state="landed", landed=merge, reason="", adds=_growth(r, number))


def _eject(r, link: m.Link) -> None:
    """Green alone, red on top of main: it does not go with something that has landed since its branch was begun."""
    task = r.tasks[link.task]
    record = r.snap.verdicts.get(f"v-{link.sha}-2") or r.snap.verdicts.get(f"v-{link.sha}")
    slow = figures.worse(record.figures, expected(r, [link.task]), r.config.queue) if record else []
    note = (texts.failures(record.failures) or "\n".join(slow)) if record else ""
    r.before.append(m.SetStatus(task.head, "auton/queue", "failure", texts.EJECTED))
    r.tasks[link.task] = task.but(composing=r.snap.main.sha, reason=texts.EJECTED,
                                  feedback=(Feedback(kind="composition", sha=link.sha, text=note),))


def _back(task: m.TaskMemory, why: Feedback, reason: str, role: str) -> m.TaskMemory:
    if task.attempt >= task.allowed:
        return task.but(state="failed", feedback=(why,), reason=reason, next_role=role)
    return task.but(state="ready", feedback=(why,), reason=reason, next_role=role)


def _drop(r, keep: set[str]) -> None:
    """Branches of the queue that can't be a part of it any more, once nothing runs on them."""
    for ref, sha in r.snap.refs.items():
        busy = any((run := r.snap.runs.get(key)) and not run.done for key in (f"v-{sha}", f"v-{sha}-2"))
        if ref.startswith(QUEUE) and sha not in keep and not busy:
            r.after.append(m.DropBatch(ref))

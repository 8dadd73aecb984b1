"""The heart: `decide(snapshot, config, now)` says what to write next. Pure: it reads no clock, no forge, no file.

A step changes a goal's or a task's memory; what follows from memories (stickies, labels, notices, closed issues) is
worked out by `project.py` from the state alone, so that a crash between two writes is mended by the next round. Order
within a round, issue by issue: what must be true before it is remembered, then the memory (money is set aside here),
then what it says shall be done.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from bot.config import Config
from bot.handoff import Feedback
from bot.reconcile import budget, commands, integrate, memory, plan, project, slash, texts
from bot.reconcile import model as m
from bot.reconcile.runs import again, ended, settle, wait


@dataclass
class Round:
    """One round under way: memories as they will be, and the actions gathered."""

    snap: m.Snapshot
    config: Config
    now: datetime
    goals: dict[int, m.GoalMemory]
    tasks: dict[int, m.TaskMemory]
    day_left: float
    about: int = 0
    """The issue that `before` and `after` gather for; 0 for the queue, which comes first and last."""
    firsts: dict[int, list[m.Action]] = field(default_factory=dict)
    lasts: dict[int, list[m.Action]] = field(default_factory=dict)
    wake: datetime | None = None
    """When to look again though nothing happens: a dispatch may turn out to be lost."""

    @property
    def before(self) -> list[m.Action]:
        return self.firsts.setdefault(self.about, [])

    @property
    def after(self) -> list[m.Action]:
        return self.lasts.setdefault(self.about, [])

    @property
    def at(self) -> str:
        return m.now_text(self.now)

    def tasks_of(self, goal: int) -> dict[int, m.TaskMemory]:
        """The tasks of the plan in force."""
        plan_key = self.goals[goal].plan_key
        return {n: t for n, t in self.tasks.items()
                if t.goal == goal and self.snap.tasks[n].key.rpartition(".")[0] == plan_key}

    def every_task_of(self, goal: int) -> dict[int, m.TaskMemory]:
        """Those of earlier plans too: they cost money all the same."""
        return {n: t for n, t in self.tasks.items() if t.goal == goal}

    def purse(self, goal: int) -> budget.Purse:
        return budget.purse(self.goals[goal], self.every_task_of(goal).values(), self.config, self.day_left)

    def settled(self, number: int) -> bool:
        """Whether no run of this goal, or of this task, is still to be accounted for."""
        parts = [self.goals[number], *self.every_task_of(number).values()] if number in self.goals else [self.tasks[number]]
        return not any(part.open_run for part in parts)

    def late(self, since: str) -> bool:
        """Whether something started then should have shown by now; if not yet, remember to look again."""
        due = datetime.fromisoformat(since) + timedelta(seconds=self.snap.grace)
        if self.now >= due:
            return True
        self.wake = min(self.wake or due, due)
        return False


@dataclass(frozen=True)
class Decision:
    actions: list[m.Action]
    wake: datetime | None


def decide(snap: m.Snapshot, config: Config, now: datetime) -> Decision:
    """The writes of this round, in order; none when there is nothing to do until something happens."""
    goals = {n: g.memory for n, g in snap.goals.items() if g.memory and not g.broken}
    tasks = {n: t.memory for n, t in snap.tasks.items() if t.memory and not t.broken and t.goal in goals}
    today = now.strftime("%Y-%m-%d")
    open_runs = [run for part in (*goals.values(), *tasks.values()) for run in part.runs]
    left = config.budget.day_usd - snap.spent_today - budget.spent_on(today, open_runs)
    r = Round(snap, config, now, goals, tasks, left)
    for number, goal in snap.goals.items():
        if goal.memory is None and not goal.broken:
            r.about = number
            _accept(r, goal)
    for command in snap.commands:
        r.about = command.issue
        commands.answer(r, command)
    for number in sorted(snap.goals, key=lambda n: (-(goals[n].priority if n in goals else 0), n)):
        if number in r.goals:
            r.about = number
            _goal(r, number)
    for number in sorted(snap.tasks, key=lambda n: (-(tasks[n].priority if n in tasks else 0), n)):
        if not snap.tasks[number].broken and snap.tasks[number].goal in r.goals:
            r.about = number
            _task(r, number)
    r.about = 0
    integrate.queue(r)
    issues = [*snap.tasks, *snap.goals]  # goals last: their stickies show what became of their tasks
    others = [n for n in r.firsts | r.lasts if n not in issues and n != 0]
    actions = list(r.before)
    for number in [*issues, *others]:
        actions += [*r.firsts.get(number, ()), *project.follow(r, number), *r.lasts.get(number, ())]
    actions += r.after
    fresh = [a for a in actions if not (isinstance(a, m.Say) and a.key in snap.notices)]
    return Decision(fresh, r.wake)


# -- goals ------------------------------------------------------------------------------------------------------------


def _goal(r: Round, number: int) -> None:
    goal = r.snap.goals[number]
    mem = r.goals[number]
    text = memory.digest(goal.issue.title, goal.issue.body)
    if mem.state in ("planning", "planned", "active") and text != mem.digest and not mem.voided:
        state = "planned" if mem.state == "active" else mem.state
        r.goals[number] = mem.but(voided=True, approved_by="", state=state, reason=texts.VOIDED)
        return
    step = {"planning": _planning, "planned": _planned, "active": _active, "blocked": _blocked}.get(mem.state)
    if step:
        step(r, number, mem)
    elif mem.open_run:
        r.goals[number] = settle(r, mem)


def _accept(r: Round, goal: m.Goal) -> None:
    """A goal issue that the bot sees for the first time."""
    if not goal.issue.open:
        return
    if not goal.starter_may_write:
        r.after.append(m.Say(goal.issue.number, f"g{goal.issue.number}-not-started", texts.not_started(goal.starter)))
        return
    r.goals[goal.issue.number] = accepted(r, goal, goal.starter)
    r.before.append(m.MakeLabels())


def accepted(r: Round, goal: m.Goal, by: str) -> m.GoalMemory:
    """The memory of a goal whose present text `by` has started; options may stand in its last line.

    Who wrote it can change it at any time. So one by somebody who may not write chooses neither model nor budget, and its
    plan waits for a person, who approves this very text and plan.
    """
    mem = m.GoalMemory(by=by, digest=memory.digest(goal.issue.title, goal.issue.body), foreign=not goal.author_may_write,
                       allowed=r.config.workflow.max_attempts)
    last = [line for line in slash.lines(goal.issue.body.strip()) if line][-1:] if goal.author_may_write else []
    for words in slash.parse("".join(last)):
        if words.name == "plan" and not words.problem:
            mem = commands.with_options(mem, words)
    return mem


def _planning(r: Round, number: int, mem: m.GoalMemory) -> None:
    run = mem.open_run
    if run:
        record = r.snap.records.get(run.key)
        if record is None:
            r.goals[number] = wait(r, mem, run, number, None)
            return
        mem = r.goals[number] = _planned_by(r, number, ended(mem, run, record), record)
    if mem.plan_key:
        _open_tasks(r, number, mem)
        return
    if mem.held or mem.voided:
        return
    if mem.attempt >= mem.allowed:
        r.goals[number] = mem.but(state="blocked", stuck="plan", reason=texts.no_plan(mem))
        return
    attempt = mem.attempt + 1
    key = f"g{number}-plan-a{attempt}-manager"
    if reserve := _pay(r, number, mem, None):
        run = _run(r, key, "manager", attempt, reserve)
        r.goals[number] = mem.but(attempt=attempt, reason="", runs=(*mem.runs, run))
        r.after.append(m.StartAgent(key, number, None, "manager", attempt))


def _planned_by(r: Round, number: int, mem: m.GoalMemory, record: m.RunRecord) -> m.GoalMemory:
    """What the manager's answer makes of the goal: a plan in force, or a reason for its next attempt."""
    if record.status != "submitted" or record.plan is None:
        why = [record.reason or f"the run ended as {record.status} without a plan"]
        mem = mem.but(feedback=(Feedback(kind=_kind(record), text=why[0][:4000]),), reason=texts.bad_plan(why))
        # A recording that holds nothing for this run will hold nothing for the next.
        mute = record.model.startswith("replay/") and record.status == "error" and not record.usage.calls
        return mem.but(allowed=mem.attempt) if mute else mem
    mode = mem.mode or r.config.workflow.mode
    why = plan.check(record.plan, mode, r.config.workflow.max_tasks, r.snap.roles)
    if why:
        return mem.but(feedback=(Feedback(kind="limit", text="The plan was refused:\n- " + "\n- ".join(why)[:4000]),),
                       reason=texts.bad_plan(why))
    shown = memory.digest(mem.digest, record.plan.model_dump_json())
    return mem.but(plan_key=record.key, plan_digest=shown, feedback=(), reason="")


def plan_of(r: Round, mem: m.GoalMemory):
    record = r.snap.records.get(mem.plan_key)
    return record.plan if record else None


def _open_tasks(r: Round, number: int, mem: m.GoalMemory) -> None:
    """Every task of the plan becomes an issue; when all are there and known, the goal is planned."""
    work = plan_of(r, mem)
    if work is None:
        r.goals[number] = mem.but(state="blocked", stuck="plan", reason=texts.PLAN_GONE)
        return
    there = {task.key for task in r.snap.tasks.values() if task.goal == number}
    for key in plan.order(work):
        if f"{mem.plan_key}.{key}" not in there:
            task = next(task for task in work.tasks if task.key == key)
            r.before.append(m.OpenTask(number, f"{mem.plan_key}.{key}", task.title, texts.task_body(number, task),
                                       ("auton:task", f"role:{task.role}", "auton:waiting")))
    known = {task.key for n, task in r.snap.tasks.items() if task.goal == number and n in r.tasks}
    if all(f"{mem.plan_key}.{task.key}" in known for task in work.tasks):
        _planned(r, number, mem.but(state="planned"))


def _planned(r: Round, number: int, mem: m.GoalMemory) -> None:
    if r.config.workflow.approve == "auto" and not mem.approved_by and not mem.voided and not mem.foreign:
        mem = mem.but(approved_by=mem.by)
    go = mem.approved_by and not mem.held and not mem.voided
    r.goals[number] = mem.but(state="active", reason="") if go else mem


def _active(r: Round, number: int, mem: m.GoalMemory) -> None:
    tasks = r.tasks_of(number)
    if tasks and all(task.state in m.ENDED for task in tasks.values()):
        done = any(task.state == "landed" for task in tasks.values())
        r.goals[number] = mem.but(state="done" if done else "cancelled", reason="")
    elif tasks and not any(_moving(task, tasks) for task in tasks.values()):
        r.goals[number] = mem.but(state="blocked", stuck="tasks", reason=texts.stuck(tasks))


def _moving(task: m.TaskMemory, tasks: dict[int, m.TaskMemory]) -> bool:
    """Whether this task can still go on by itself."""
    if task.state == "waiting":
        needs = [t for t in tasks.values() if t.key in task.depends_on]
        return all(t.state == "landed" or _moving(t, tasks) for t in needs)
    return task.state not in m.ENDED and task.state not in m.STUCK


def _blocked(r: Round, number: int, mem: m.GoalMemory) -> None:
    """Look whether what blocked it is gone."""
    tasks = r.tasks_of(number)
    if mem.stuck == "budget":
        wanted = r.config.agents.cost_usd
        free = r.purse(number).take(wanted) is not None
        back = "active" if mem.approved_by else "planned" if mem.plan_key else "planning"
        if free:
            r.goals[number] = mem.but(state=back, stuck="", reason="")
    elif mem.stuck == "tasks" and any(_moving(task, tasks) for task in tasks.values()):
        r.goals[number] = mem.but(state="active", stuck="", reason="")


# -- runs and money ---------------------------------------------------------------------------------------------------


def _run(r: Round, key: str, role: str, attempt: int, reserve: float) -> m.Run:
    return m.Run(key=key, role=role, attempt=attempt, at=r.at, reserved=reserve)


def _pay(r: Round, number: int, mem: m.GoalMemory, wanted: float | None) -> float | None:
    """Set money aside for a run of goal `number`; with too little left the goal waits for its runs, or is blocked."""
    purse = r.purse(number)
    wanted = wanted or r.config.agents.cost_usd
    amount = purse.take(wanted)
    if amount is not None:
        r.day_left = purse.day_left
    elif not purse.may_come_back():
        r.goals[number] = mem.but(state="blocked", stuck="budget", reason=texts.no_money(purse, wanted, r.config))
    return amount


def _kind(record: m.RunRecord) -> str:
    return "screen" if record.reason.startswith("screen:") else "limit"


def _repeat(r: Round, number: int, mem: m.TaskMemory, why: Feedback, reason: str, role: str = "") -> None:
    """`again`, and at once if it may."""
    mem = r.tasks[number] = again(mem, why, reason, role)
    if mem.state == "ready":
        _ready(r, number, mem)


# -- tasks ------------------------------------------------------------------------------------------------------------


def _task(r: Round, number: int) -> None:
    if number not in r.tasks:
        _adopt(r, number)
        return
    mem = r.tasks[number]
    step = {"waiting": _waiting, "ready": _ready, "running": _running, "verify": _verify, "review": _review}
    if mem.state in step:
        step[mem.state](r, number, mem)
    elif mem.state in m.OVER and mem.open_run:
        r.tasks[number] = settle(r, mem)


def _adopt(r: Round, number: int) -> None:
    """A task issue without memory: link it to its goal and to what it waits for, then remember it."""
    task = r.snap.tasks[number]
    work = plan_of(r, r.goals[task.goal])
    prefix, _, key = task.key.rpartition(".")
    ours = work and prefix == r.goals[task.goal].plan_key
    line = next((t for t in work.tasks if t.key == key), None) if ours else None
    if line is None:
        return
    by_key = {t.key: t for t in r.snap.tasks.values() if t.goal == task.goal}
    needs = [by_key.get(f"{prefix}.{key}") for key in line.depends_on]
    if None in needs:
        return  # opened in this very round; linked in the next
    r.before.append(m.LinkTask(task.goal, number, task.issue.id, tuple(need.issue.id for need in needs)))
    r.tasks[number] = m.TaskMemory(goal=task.goal, key=key, role=line.role, depends_on=tuple(line.depends_on),
                                   allowed=r.config.workflow.max_attempts)


def _waiting(r: Round, number: int, mem: m.TaskMemory) -> None:
    if r.goals[mem.goal].state != "active":
        return
    needs = [t for t in r.tasks_of(mem.goal).values() if t.key in mem.depends_on]
    if len(needs) == len(set(mem.depends_on)) and all(t.state == "landed" for t in needs):
        r.tasks[number] = mem.but(state="ready")
        _ready(r, number, r.tasks[number])


def _ready(r: Round, number: int, mem: m.TaskMemory) -> None:
    _start(r, number, mem, mem.next_role or mem.role, "running", mem.attempt + 1)


def _start(r: Round, number: int, mem: m.TaskMemory, role: str, state: str, attempt: int) -> None:
    goal = r.goals[mem.goal]
    if goal.state != "active" or goal.held or mem.held:
        return
    reserve = _pay(r, mem.goal, goal, mem.run_budget)
    if reserve is None:
        return
    key = f"g{mem.goal}-t{number}-a{attempt}-{role}"
    r.tasks[number] = mem.but(state=state, attempt=attempt, next_role="",
                              runs=(*mem.runs, _run(r, key, role, attempt, reserve)))
    r.after.append(m.StartAgent(key, mem.goal, number, role, attempt))


def _running(r: Round, number: int, mem: m.TaskMemory) -> None:
    run = mem.open_run
    if run is None:
        r.tasks[number] = again(mem, None, mem.reason)
        return
    record = r.snap.records.get(run.key)
    if record is None:
        r.tasks[number] = wait(r, mem, run, mem.goal, number)
        return
    mem = ended(mem, run, record)
    if record.head:
        mem = mem.but(head=record.head, pull=record.pull or mem.pull)
    if record.conflict:
        why = texts.conflict(record.conflict)
        _repeat(r, number, mem, Feedback(kind="conflict", sha=mem.head, text=why), why)
    elif record.status != "submitted":
        why = record.reason or texts.ended_as(record)
        _repeat(r, number, mem, Feedback(kind=_kind(record), text=why[:4000]), why[:500], mem_role(run, mem))
    elif not record.head:
        _repeat(r, number, mem, Feedback(kind="limit", text=texts.NO_CHANGE), texts.NO_CHANGE, mem_role(run, mem))
    else:
        r.tasks[number] = mem.but(state="verify", verify=None, feedback=(), reason="")
        _verify(r, number, r.tasks[number])


def mem_role(run: m.Run, mem: m.TaskMemory) -> str:
    """An integrator that did not finish is followed by an integrator."""
    return run.role if run.role != mem.role else ""


def _verify(r: Round, number: int, mem: m.TaskMemory) -> None:
    checked = mem.verify
    if checked is None or checked.sha != mem.head:
        checked = m.Verified(sha=mem.head, at=r.at)
        r.tasks[number] = mem.but(verify=checked)
        r.after.append(m.StartVerify(verify_key(checked), checked.sha))
        return
    key = verify_key(checked)
    record = r.snap.verdicts.get(key)
    if record is None:
        seen = r.snap.runs.get(key)
        if seen is None and r.late(checked.at):
            r.after.append(m.StartVerify(key, checked.sha))
        elif seen is not None and seen.id in r.snap.resumable:
            r.after.append(m.ResumeRun(seen.id))
        elif seen is not None and seen.done and r.late(seen.updated):
            r.tasks[number] = _no_verdict(r, mem, checked, texts.lost(seen))
        return
    state = record.state
    checked = checked.but(state=state, archs=record.archs, figures=record.figures,
                          seconds=checked.seconds + record.seconds, note=texts.failures(record.failures))
    mem = mem.but(verify=checked)
    if state == "green":
        r.tasks[number] = mem.but(state="review", reason="")
        _review(r, number, r.tasks[number])
    elif state == "red":
        why = Feedback(kind="verify", sha=checked.sha, text=checked.note)
        _repeat(r, number, mem, why, texts.red(checked))
    else:
        r.tasks[number] = _no_verdict(r, mem, checked, checked.note or texts.NO_REPORT)


def verify_key(checked: m.Verified) -> str:
    return f"v-{checked.sha}" + (f"-{checked.tries}" if checked.tries > 1 else "")


def _no_verdict(r: Round, mem: m.TaskMemory, checked: m.Verified, why: str) -> m.TaskMemory:
    """CI itself failed: once more, then a person."""
    if checked.tries < 2:
        checked = checked.but(tries=checked.tries + 1, state="pending", at=r.at)
        r.after.append(m.StartVerify(verify_key(checked), checked.sha))
        return mem.but(verify=checked)
    return mem.but(state="needs-human", reason=texts.infra(why), verify=checked.but(state="infra", note=why))


def _review(r: Round, number: int, mem: m.TaskMemory) -> None:
    run = mem.open_run
    if run is None:
        used = {one.key for one in mem.runs}
        attempt = mem.attempt
        if f"g{mem.goal}-t{number}-a{attempt}-reviewer" in used:
            attempt += 1
        if attempt > mem.allowed:
            r.tasks[number] = mem.but(state="needs-human", reason=texts.NO_REVIEW)
        else:
            _start(r, number, mem, "reviewer", "review", attempt)
        return
    record = r.snap.records.get(run.key)
    if record is None:
        waited = wait(r, mem, run, mem.goal, number)
        r.tasks[number] = waited if waited.open_run else waited.but(state="review")
        return
    mem = ended(mem, run, record)
    if record.status != "submitted" or record.review is None:
        r.tasks[number] = mem.but(reason=record.reason[:500] or texts.ended_as(record))
    elif record.review.verdict == "approve":
        r.tasks[number] = mem.but(state="queued", reviewed=mem.head, since=r.at, reason="")
    else:
        why = Feedback(kind="review", sha=mem.head, text=texts.review_feedback(record.review))
        _repeat(r, number, mem, why, texts.CHANGES_WANTED)

"""What each `/auton` command does to the memories. How a command is written is in `slash.py`; adding one is adding a
row there and a function here under the same name.

An effect is a function of the round, the goal and (if it was typed there) the task; it changes memories and returns
what to say, or raises `No` with the reason why not. It takes effect with the memory that remembers having answered it,
so a crash neither loses nor repeats it.
"""

from collections.abc import Callable

from bot.reconcile import endtexts, memory, texts
from bot.reconcile import model as m
from bot.reconcile.slash import COMMANDS, Command, parse

__all__ = ["answer", "parse", "with_options"]

KEPT = 30  # answered commands that a memory remembers one by one

Effect = Callable[..., str]
EFFECTS: dict[str, Effect] = {}


class No(Exception):
    """The command is refused; the text says why."""


def effect(function: Effect) -> Effect:
    EFFECTS[function.__name__.strip("_")] = function
    return function


def answer(r, command: m.Command) -> None:
    """Answer one comment's commands: seen, done or refused with a reason, marked."""
    comment, number = command.comment, command.issue
    if not comment.eyes:
        r.before.append(m.React(comment.id, "eyes"))
    memories = r.goals if number in r.goals else r.tasks
    known = memories[number].answered.get(str(comment.id)) if number in memories else None
    if known is None:
        said, refused, first = [], False, len(r.before)
        for words in command.words:
            try:
                said.append(_one(r, number, words, command))
            except No as no:
                said.append(texts.refused(words, str(no)))
                refused = True
        known = "confused" if refused else "rocket"
        if said := [text for text in said if text]:
            # Ahead of what is done: of a run that is cancelled already nothing would be told.
            r.before.insert(first, m.Say(comment.issue, f"c{comment.id}", "\n\n".join(said)))
        if number in memories and command.may_write:
            memories[number] = _remember(memories[number], comment.id, known)
    r.after.append(m.React(comment.id, known))


def _remember(mem, comment: int, outcome: str):
    answered = {**mem.answered, str(comment): outcome}
    gone = sorted(map(int, answered))[:-KEPT]
    return mem.but(answered={k: v for k, v in answered.items() if int(k) not in gone},
                   answered_to=max([mem.answered_to, *gone]))


def _one(r, number: int, words: Command, command: m.Command) -> str:
    if words.problem:
        raise No(words.problem)
    if COMMANDS[words.name].steers and not command.may_write:
        raise No(texts.may_not(command.comment.author))
    if words.name == "help":
        return texts.HELP
    task = r.tasks.get(number)
    goal = task.goal if task else number
    if goal not in r.snap.goals or (number != goal and not task):
        return _on_closed(r, number, words)
    if goal not in r.goals and words.name != "plan":
        raise No(texts.NOT_STARTED)
    _must_apply(words, r.goals.get(goal), task)
    return EFFECTS[words.name](r, goal, number if task else None, words, command.comment.author) or ""


def _on_closed(r, number: int, words: Command) -> str:
    """The answer where no round looks any more; `No` to all that steers."""
    closed = r.snap.closed.get(number)
    if closed is None:
        raise No(texts.NO_GOAL)
    if COMMANDS[words.name].steers:
        raise No(endtexts.over(closed.memory) if closed.memory else endtexts.NEVER)
    return endtexts.answer(closed, words.name)


def _must_apply(words: Command, goal: m.GoalMemory | None, task: m.TaskMemory | None) -> None:
    """`No` if what the command steers has ended."""
    of_goal = words.name in ("plan", "approve", "budget")
    for mem in (goal, None if of_goal else task):
        if mem and mem.state in m.OVER and COMMANDS[words.name].steers:
            raise No(endtexts.over(mem))


def with_options(mem: m.GoalMemory, words: Command) -> m.GoalMemory:
    """The options of `plan` as a part of the goal's memory."""
    options = words.options
    return mem.but(mode=options.get("mode", mem.mode), model=options.get("model", mem.model),
                   budget=float(options["budget"]) if "budget" in options else mem.budget)


@effect
def plan(r, goal, task, words, who):
    if task:
        raise No("a plan is made for a goal; type it there")
    from bot.reconcile.decide import accepted

    new = accepted(r, r.snap.goals[goal], who)
    old = r.goals.get(goal)
    if old:
        if old.open_run:
            raise No("the manager is planning already")
        tasks = r.tasks_of(goal)
        if any(t.runs for t in tasks.values()):
            raise No("work on the present plan has begun; `/auton cancel` its tasks, or file a new goal")
        for number, t in tasks.items():
            r.tasks[number] = t.but(state="cancelled", reason="the goal was planned anew")
        new = old.but(state="planning", by=who, digest=new.digest, plan_key="", plan_digest="", approved_by="",
                      voided=False, stuck="", reason="", feedback=(),
                      allowed=old.attempt + r.config.workflow.max_attempts)
    else:
        r.before.append(m.MakeLabels())
    r.goals[goal] = with_options(new, words)


@effect
def approve(r, goal, task, words, who):
    mem = r.goals[goal]
    if mem.state not in ("planned", "planning") or not mem.plan_key:
        raise No(f"there is no plan to approve: the goal is {mem.state}")
    issue = r.snap.goals[goal].issue
    text = memory.digest(issue.title, issue.body)
    waits = mem.plan_digest if text == mem.digest else memory.digest(text, mem.plan_digest)
    if words.args and not waits.startswith(words.args[0]) and not words.args[0].startswith(waits):
        raise No(f"the text and plan that wait are {waits}, not {words.args[0]}; read them again")
    if not words.args and (mem.foreign or text != mem.digest):
        # Whoever may edit the text may do so while this is typed: what is approved has to be named.
        raise No(f"expected `/auton approve {waits}`, which names the text and the plan as they stand now; read them")
    r.goals[goal] = mem.but(approved_by=who, voided=False, digest=text, plan_digest=waits, reason="")


@effect
def retry(r, goal, task, words, who):
    mem = r.goals[goal]
    if task is None and mem.stuck == "plan":
        r.goals[goal] = mem.but(state="planning", stuck="", reason="", held=False,
                                allowed=mem.attempt + r.config.workflow.max_attempts)
        return
    chosen = [task] if task else [n for n, t in r.tasks_of(goal).items() if t.state in m.STUCK]
    if not chosen:
        raise No("no task of this goal waits for a person")
    for number in chosen:
        tip = r.snap.refs.get(f"refs/heads/{r.snap.tasks[number].branch}", "")
        r.tasks[number] = _retried(r, r.tasks[number], words, tip)
    r.goals[goal] = mem.but(held=False, reason="" if mem.held else mem.reason)


def _retried(r, task: m.TaskMemory, words: Command, tip: str) -> m.TaskMemory:
    """The task set going again, from its branch as it is now: a person may have pushed to it."""
    if task.state not in m.STUCK and not task.held:
        raise No(f"this task is {task.state}; it needs no retry")
    changes = {"allowed": task.attempt + r.config.workflow.max_attempts, "held": False, "reason": ""}
    if "model" in words.options:
        changes["model"] = words.options["model"]
    if "budget" in words.options:
        changes["run_budget"] = float(words.options["budget"])
    start = words.options.get("from")
    if start and not tip:
        raise No("there is nothing to start from: its branch does not exist yet")
    if start == "review" and task.verify and task.verify.state == "green" and task.verify.sha == tip:
        changes |= {"state": "review", "reviewed": "", "head": tip}
    elif start:  # what was not built green can't be reviewed
        changes |= {"state": "verify", "verify": None, "reviewed": "", "head": tip}
    elif task.state in m.STUCK:
        changes["state"] = "ready"
    return task.but(**changes)


@effect
def stop(r, goal, task, words, who):
    _hold(r, goal, task, "stopped", who)
    affected = [r.tasks[task]] if task else [r.goals[goal], *r.tasks_of(goal).values()]
    stopped = []
    for mem in affected:
        run = mem.open_run and r.snap.runs.get(mem.open_run.key)
        if run and not run.done:
            r.before.append(m.CancelRun(run.id))  # before it is remembered as done
            stopped.append(mem.open_run)
    return texts.stopping(stopped)


@effect
def hold(r, goal, task, words, who):
    _hold(r, goal, task, "held", who)


def _hold(r, goal, task, how, who):
    memories, number = (r.tasks, task) if task else (r.goals, goal)
    memories[number] = memories[number].but(held=True, held_at=r.at, reason=texts.held(how, who))


@effect
def unhold(r, goal, task, words, who):
    memories, number = (r.tasks, task) if task else (r.goals, goal)
    if not memories[number].held:
        raise No("it is not on hold")
    memories[number] = memories[number].but(held=False, reason="")


@effect
def cancel(r, goal, task, words, who):
    said = stop(r, goal, task, words, who)
    chosen = [task] if task else [n for n, t in r.tasks_of(goal).items() if t.state not in m.ENDED]
    for number in chosen:
        r.tasks[number] = r.tasks[number].but(state="cancelled", held=False, reason=f"cancelled by @{who}")
        pull = r.snap.pulls.get(r.snap.tasks[number].branch)
        if pull and pull.open:
            r.before.append(m.ClosePull(pull.number))
    if task is None:
        r.goals[goal] = r.goals[goal].but(state="cancelled", held=False, reason=f"cancelled by @{who}")
    return f"{said} {texts.CLOSES_LATER}" if said else ""


@effect
def priority(r, goal, task, words, who):
    memories, number = (r.tasks, task) if task else (r.goals, goal)
    memories[number] = memories[number].but(priority=int(words.args[0]))


@effect
def budget(r, goal, task, words, who):
    r.goals[goal] = r.goals[goal].but(budget=float(words.args[0]))


@effect
def status(r, goal, task, words, who):
    return texts.goal_report(r, goal)


@effect
def explain(r, goal, task, words, who):
    return texts.explain(r, goal, task)

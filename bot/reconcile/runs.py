"""Agent runs that have been started: how each ends, and what it is charged. A part of `decide.py`, and pure as that is.

A run ends with the record that `apply` leaves. One that leaves none is charged what its own files say it used (the
workflow uploads them even when it is cancelled), and where they say nothing, all that was set aside for it.
"""

from bot.handoff import Feedback, Usage
from bot.reconcile import model as m
from bot.reconcile import texts

FORGIVEN = 5
"""So many runs of a task that died use up none of its attempts."""


def ended(mem, run: m.Run, record: m.RunRecord):
    """The memory with this run's reservation replaced by what it really cost."""
    done = run.but(status=record.status, usage=record.usage, seconds=record.seconds, reason=record.reason[:500])
    mem = _with(mem, done)
    return _forgiven(mem) if record.status == "lost" else mem


def wait(r, mem, run: m.Run, goal: int, task: int | None):
    """A run that has not answered: start it if it never came up, charge it if it ended without a word."""
    seen = r.snap.runs.get(run.key)
    if seen is None:
        if r.late(run.at):
            r.after.append(m.StartAgent(run.key, goal, task, run.role, run.attempt))
        return mem
    if not seen.done or not r.late(seen.updated):
        return mem
    if seen.id in r.snap.resumable:
        r.after.append(m.ResumeRun(seen.id))
        return mem
    lost = _lost(r, run, seen)
    mem = _forgiven(_with(mem, lost))
    if task is None:
        return mem.but(feedback=(Feedback(kind="limit", text=lost.reason),), reason=lost.reason)
    return again(mem, Feedback(kind="limit", text=lost.reason), lost.reason)


def settle(r, mem):
    """A goal or task that has ended before its run did: all that is left to do is to account for that."""
    run = mem.open_run
    if record := r.snap.records.get(run.key):
        if record.pull and mem.state == "cancelled":
            r.before.append(m.ClosePull(record.pull))
        return ended(mem, run, record)
    seen = r.snap.runs.get(run.key)
    if seen is None:
        return _with(mem, run.but(status="lost", reason=texts.NEVER_SEEN)) if r.late(run.at) else mem
    return _with(mem, _lost(r, run, seen)) if seen.done and r.late(seen.updated) else mem


def again(mem: m.TaskMemory, why: Feedback | None, reason: str, role: str = "") -> m.TaskMemory:
    """Back to the agent with what must be mended, or to a person when the attempts are used up."""
    feedback = (why,) if why else mem.feedback
    if mem.attempt >= mem.allowed:
        return mem.but(state="failed", feedback=feedback, reason=reason, next_role=role)
    return mem.but(state="ready", feedback=feedback, reason=reason, next_role=role)


def _lost(r, run: m.Run, seen) -> m.Run:
    """A run that ended without a record, with what is known of its use."""
    used = r.snap.used.get(run.key)
    return run.but(status="lost", reason=texts.lost(seen), conclusion=seen.conclusion or "", told=used is not None,
                   usage=used or Usage())


def _with(mem, run: m.Run):
    return mem.but(runs=tuple(run if one.key == run.key else one for one in mem.runs))


def _forgiven(mem):
    """A run that died says nothing about the task, so it uses up no attempt, a few times."""
    free = sum(one.status == "lost" for one in mem.runs) <= FORGIVEN
    return mem.but(allowed=mem.allowed + 1) if free else mem

"""`auton status`: the same look at the forge that a tick takes, told to a person in a terminal."""

from datetime import datetime

from bot.config import Config
from bot.forge.client import Forge
from bot.forge.git import Git
from bot.forge.records import Issue
from bot.reconcile import budget, snapshot
from bot.reconcile import model as m
from bot.reconcile.act import describe
from bot.reconcile.decide import decide

LAST = 5
"""Closed goals that are told of."""


def look(forge: Forge, git: Git, config: Config, now: datetime) -> dict:
    """Open goals with their tasks and costs, the last that were closed, and what the next tick would do."""
    snap = snapshot.read(forge, git, config, now)
    goals = []
    for number, goal in sorted(snap.goals.items()):
        kept = goal.memory
        tasks = {n: t for n, t in snap.tasks.items() if t.goal == number and t.memory}
        goals.append({
            "goal": number, "title": goal.issue.title, "state": kept.state if kept else "new", "broken": goal.broken,
            "held": bool(kept and kept.held), "reason": kept.reason if kept else "",
            "cap_usd": budget.cap(kept, config) if kept else None,
            "cost_usd": round(sum(one.cost for one in (kept, *(t.memory for t in tasks.values())) if one), 6),
            "tasks": [_task(number, task.issue.title, task.memory) for number, task in sorted(tasks.items())]})
    decision = decide(snap, config, now)
    return {"repository": forge.repo, "main": snap.main.sha, "goals": goals,
            "closed": [_closed(issue) for issue in forge.closed_issues("auton:goal", LAST)],
            "next": [describe(action) for action in decision.actions]}


def _closed(goal: Issue) -> dict:
    """A goal that somebody closed by hand a moment ago still has the label of before."""
    state = next((state for state in m.GOAL_STATES if f"auton:{state}" in goal.labels), "closed")
    return {"goal": goal.number, "title": goal.title, "state": state, "url": goal.url}


def _task(number: int, title: str, kept: m.TaskMemory) -> dict:
    return {"task": number, "key": kept.key, "title": title, "role": kept.role, "state": kept.state,
            "attempt": kept.attempt, "pull": kept.pull or None, "reason": kept.reason,
            "run": kept.open_run.key if kept.open_run else None, "cost_usd": round(kept.cost, 6)}


def text(seen: dict) -> str:
    lines = [f"{seen['repository']} at {seen['main'][:9]}"]
    for goal in seen["goals"]:
        held = " (on hold)" if goal["held"] else ""
        cap = f" of ${goal['cap_usd']:.2f}" if goal["cap_usd"] is not None else ""
        lines.append(f"\n#{goal['goal']} {goal['state']}{held}  ${goal['cost_usd']:.4f}{cap}  {goal['title']}")
        if goal["reason"] or goal["broken"]:
            lines.append(f"    {goal['reason'] or goal['broken']}")
        for task in goal["tasks"]:
            where = f"  PR #{task['pull']}" if task["pull"] else ""
            lines.append(f"  #{task['task']} {task['key']:<4}{task['state']:<12}{task['role']:<14}"
                         f"attempt {task['attempt']}  ${task['cost_usd']:.4f}{where}  {task['title']}")
            if task["reason"] or task["run"]:
                lines.append(f"      {task['reason'] or task['run'] + ' runs'}")
    if not seen["goals"]:
        lines.append("no open goals")
    if seen["closed"]:
        lines.append("\nclosed lately:")
        lines += [f"  #{goal['goal']} {goal['state']:<10} {goal['title']}" for goal in seen["closed"]]
    lines.append(f"\nthe next tick has {len(seen['next']) or 'nothing'} to do")
    return "\n".join(lines + [f"  {line}" for line in seen["next"]])

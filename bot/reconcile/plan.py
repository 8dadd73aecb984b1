"""Is a manager's plan one that can be carried out? Pure; a plan is a model's words, and so hostile until checked."""

from bot.agents import screen
from bot.handoff import Plan

PLANNER = "manager"


def check(plan: Plan, mode: str, max_tasks: int, roles: dict[str, set[str]]) -> list[str]:
    """What is wrong with `plan`, one sentence each; empty when it may start.

    `roles` maps each known role to the modes it works in; `dual` may use every role.
    """
    problems = []
    keys = [task.key for task in plan.tasks]
    if len(keys) > max_tasks:
        problems.append(f"expected at most {max_tasks} tasks, found {len(keys)}")
    for key in sorted({key for key in keys if keys.count(key) > 1}):
        problems.append(f"the key {key} is used more than once")
    usable = {role for role, modes in roles.items() if (mode in modes or mode == "dual") and role != PLANNER}
    for task in plan.tasks:
        problems += [f"{task.key}: its title becomes a commit's subject, and {why}" for why in screen.message(task.title)]
        if task.role not in usable:
            known = ", ".join(sorted(usable))
            problems.append(f"{task.key}: no role '{task.role[:40]}' in mode {mode}; there are {known}")
        for needed in task.depends_on:
            if needed not in keys:
                problems.append(f"{task.key} depends on {needed[:10]}, which is not in the plan")
    if (cycle := _cycle({task.key: [d for d in task.depends_on if d in keys] for task in plan.tasks})):
        problems.append("the tasks wait for each other: " + " → ".join(cycle))
    return problems


def _cycle(edges: dict[str, list[str]]) -> list[str]:
    """One cycle of the graph as a closed path, or nothing."""
    done: set[str] = set()
    for start in edges:
        path: list[str] = []
        stack = [(start, iter(edges[start]))] if start not in done else []
        if stack:
            path.append(start)
        while stack:
            node, rest = stack[-1]
            for following in rest:
                if following in path:
                    return path[path.index(following):] + [following]
                if following not in done:
                    path.append(following)
                    stack.append((following, iter(edges[following])))
                    break
            else:
                stack.pop()
                path.pop()
                done.add(node)
    return []


def order(plan: Plan) -> list[str]:
    """Keys with every task after what it depends on, ties by the plan's own order. The plan must be acyclic."""
    needs = {task.key: set(task.depends_on) for task in plan.tasks}
    result: list[str] = []
    while len(result) < len(needs):
        result.append(next(key for key in needs if key not in result and needs[key] <= set(result)))
    return result

"""Money: what is spent and set aside, and whether one more run may start.

A run is paid for before it starts: its whole limit is set aside in the task's memory (see `model.Run`), and what it
really cost replaces that when it has answered. A run that never answers is charged all of it. So a crash at any
point leaves the sum too high, never too low, and the caps hold without any memory of their own.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from bot.config import Config
from bot.reconcile.model import GoalMemory, Run, TaskMemory

SMALLEST = 0.1
"""The part of a run's usual limit below which starting one is a waste: the goal stops instead."""


@dataclass
class Purse:
    """What one goal may still use. Changes only while one round of decisions is being made."""

    cap: float
    spent: float
    """By runs that have ended; `guessed` of it was set aside, and is counted because no more is known."""
    aside: float
    """For runs under way."""
    day_left: float
    guessed: float = 0.0

    @property
    def left(self) -> float:
        return min(self.cap - self.spent - self.aside, self.day_left)

    @property
    def day_is_over(self) -> bool:
        """Whether it is the day's cap for all goals, and not this goal's, that leaves so little."""
        return self.cap - self.spent > self.day_left

    def take(self, wanted: float) -> float | None:
        """Set aside up to `wanted` for a run; None if too little is left to be worth a run."""
        amount = round(min(wanted, self.left), 6)
        if amount < wanted * SMALLEST or amount <= 0:
            return None
        self.aside += amount
        self.day_left -= amount
        return amount

    def may_come_back(self) -> bool:
        """Whether runs under way hold money that could pay for another one."""
        return self.aside > 0


def runs_of(goal: GoalMemory, tasks: Iterable[TaskMemory]) -> list[Run]:
    return [*goal.runs, *(run for task in tasks for run in task.runs)]


def cap(goal: GoalMemory, config: Config) -> float:
    return goal.budget if goal.budget is not None else config.budget.goal_usd


def purse(goal: GoalMemory, tasks: Iterable[TaskMemory], config: Config, day_left: float) -> Purse:
    runs = runs_of(goal, tasks)
    return Purse(cap(goal, config), sum(r.cost for r in runs if r.status != "started"),
                 sum(r.cost for r in runs if r.status == "started"), day_left, sum(r.cost for r in runs if r.guessed))


def spent_on(day: str, runs: Iterable[Run]) -> float:
    """What runs started on that day (YYYY-MM-DD, UTC) cost or have set aside."""
    return sum(run.cost for run in runs if run.at.startswith(day))

"""Where a local run's time went: the bot's own processes, agents and their tools, builds and boots."""

import sqlite3
from dataclasses import dataclass
from pathlib import Path

OWN = ("auton tick", "auton screen", "auton apply", "auton report")


@dataclass(frozen=True)
class Shares:
    """Wall seconds of workflow steps, added up; steps that ran side by side count each."""

    bot: float
    agents: float
    verify: float

    def line(self, total: float) -> str:
        return (f"time: {total:.0f} s in all; the bot's own steps {self.bot:.1f} s, "
                f"agents with their tools {self.agents:.1f} s, verify {self.verify:.1f} s (side by side: they overlap)")


def measure(data: Path, repo: str) -> Shares | None:
    """Read what the runner recorded for `repo`; None when there is nothing to read."""
    path = data / "actions" / "runner.db"
    if not path.exists():
        return None
    with sqlite3.connect(f"file:{path}?mode=ro", uri=True) as db:
        rows = db.execute("SELECT steps.name, SUM(steps.wall) FROM steps JOIN jobs ON jobs.id = steps.job_id "
                          "JOIN runs ON runs.id = jobs.run_id WHERE runs.repo = ? GROUP BY steps.name", (repo,))
        spent = {name.removeprefix("Run "): wall for name, wall in rows}

    def total(*starts: str) -> float:
        return round(sum(wall for name, wall in spent.items() if name.startswith(starts)), 2)

    return Shares(total(*OWN), total("auton agent"), total("auton verify"))

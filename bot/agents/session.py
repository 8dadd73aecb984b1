"""The files of one agent run: trajectory.jsonl while it goes, then change.patch and result.json.

The trajectory is only ever appended to, a line at a time and flushed, so that a run that dies leaves all
that it did. `auton record` makes recordings from it. result.json says from the first call on what the run will have
cost if it dies now.
"""

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bot import sandbox
from bot.agents import secrets
from bot.agents.keys import take_keys
from bot.agents.model import Model
from bot.agents.tools import ToolError, git
from bot.agents.workplace import Workplace
from bot.config import Config
from bot.errors import AgentError
from bot.handoff import Brief, Result, write

VERSION = 1


class Trajectory:
    """`out`/trajectory.jsonl; use as a context manager."""

    def __init__(self, out: Path, brief: Brief, model: Model, role: Any):
        out.mkdir(parents=True, exist_ok=True)
        self.out = out
        self.file = (out / "trajectory.jsonl").open("w", encoding="utf-8")
        self.write("start", version=VERSION, brief=brief.model_dump(), source=model.source, tools=list(role.toolset()))

    def __enter__(self) -> "Trajectory":
        return self

    def __exit__(self, *error: object) -> None:
        self.file.close()

    def keep(self, result: Result) -> None:
        """The result that stands if the process dies before it has another."""
        write(self.out / "result.json", result)

    def write(self, kind: str, **fields: Any) -> None:
        line = {"kind": kind, "at": datetime.now(UTC).isoformat(timespec="milliseconds"), **fields}
        self.file.write(json.dumps(line, ensure_ascii=False).encode("utf-8", "replace").decode() + "\n")
        self.file.flush()


def start(brief: Brief, config: Config, checkout: Path, worktree: Path, out: Path,
          fetch: Callable[[str, Path], bool] | None = None) -> Result:
    """Make the worktree and run the agent; `fetch` gets it the models that CI has made. What keeps it from running at all
    (no model, no price, no recording) is a result of status `error`, so that the forge hears of it."""
    from bot.agents import loop, roles, workplace
    from bot.agents.model import open_model
    from bot.slm.bring import bring

    out.mkdir(parents=True, exist_ok=True)
    for old in ("result.json", "change.patch"):
        (out / old).unlink(missing_ok=True)
    write(out / "brief.json", brief)
    sandbox.probe()
    take_keys()
    began = time.monotonic()
    try:
        model = open_model(brief.model, config, brief)
        place = workplace.prepare(checkout, brief, worktree)
        if fetch and roles.load(brief.role).trains:
            bring(place, fetch)
        return loop.run(brief, place, out, model, config)
    except AgentError as error:
        result = Result(key=brief.key, role=brief.role, goal=brief.goal, task=brief.task, attempt=brief.attempt,
                        model=brief.model, status="error", reason=str(error)[:1000], head_sha=brief.head_sha,
                        seconds=round(time.monotonic() - began, 2))
        write(out / "result.json", result)
        return result


def finish(work: Workplace, out: Path, trajectory: Trajectory, result: Result) -> Result:
    """Write the patch, if the role makes one, and the result. Work of a run that reached a limit is kept too, so
    that the next attempt goes on from it."""
    if not work.read_only:
        try:
            git.commit(work, f"Unfinished: {work.brief.task_title or work.brief.goal_title}")
            patch = git.patch(work)
        except ToolError as error:
            result = result.model_copy(update={"status": "error", "reason": f"the change can't be read: {error}"[:500]})
            patch = b""
        if patch and (leaks := _leaks(patch.decode("utf-8", "replace"))):
            result = result.model_copy(update={"status": "error", "reason": f"the change was dropped: {leaks}"})
        elif patch:
            (out / "change.patch").write_bytes(patch)
            result = result.model_copy(update={"patch": True})
    if leaks := _leaks(result.model_dump_json()):
        result = result.model_copy(update={"status": "error", "reason": f"what it said was dropped: {leaks}",
                                           "summary": "", "plan": None, "review": None})
    trajectory.write("end", result=result.model_dump())
    write(out / "result.json", result)
    return result


def _leaks(text: str) -> str:
    """The secrets of this process's environment in `text`, in any dress: the one place where they are known."""
    values = list(take_keys().values.values())
    return ", ".join(kind for kind in secrets.find(text, values) if kind.startswith(secrets.KNOWN)) if values else ""

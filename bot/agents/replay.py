"""A model that plays what another one said: `replay/<name>` reads `bot/recordings/<name>.json`.

The recording holds the answers of a real run by role, task key and attempt, and says what made it. Only the
model's words are recorded; its tool calls are carried out for real each time, and what it cost then is charged
again, as a nominal price.
"""

import json
import zipfile
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from bot import hostile
from bot.agents.model import Answer, Call, Message, ModelFailed
from bot.errors import AgentError
from bot.handoff import Brief, Usage

FOLDER = Path(__file__).parent.parent / "recordings"
MOST = 256 << 20
"""Bytes that are read of one trajectory."""


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", defer_build=True)


class Said(Strict):
    """One recorded answer."""

    text: str = ""
    calls: list[dict[str, str]] = []
    """Each with `name` and `arguments` (JSON)."""
    usage: Usage = Usage()


class Recorded(Strict):
    """The answers of one agent run."""

    role: str
    task: str
    """The task's key in its plan; empty for the manager."""
    attempt: int
    answers: list[Said]


class Recording(Strict):
    version: int = Field(1, ge=1, le=1)
    goal: str
    """The title of the goal that was recorded."""
    mode: str = "kernel_build"
    source: dict[str, Any]
    """What made it: models, endpoint, when, at which prices."""
    runs: list[Recorded]

    def must_know(self, name: str, title: str) -> None:
        """AgentError if this recording, which is called `name`, was made for another goal than `title`."""
        if _plain(self.goal) != _plain(title):
            raise AgentError(f"{name} knows only the goal “{self.goal}”; found “{title}”",
                             "for another goal run a real model: `--model provider/model` (for make: MODEL=provider/model)")


def load(name: str) -> Recording:
    """The recording called `name` (a path to a .json file is taken as it is)."""
    path = Path(name) if name.endswith(".json") else FOLDER / f"{name}.json"
    try:
        return Recording.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        there = ", ".join(sorted(p.stem for p in FOLDER.glob("*.json"))) or "none"
        raise AgentError(f"expected a recording among: {there}; found 'replay/{name}'",
                         "name a litellm model, by `--model` or in auton.toml under [agents.models], such as "
                         "anthropic/claude-sonnet-4-5") from None
    except ValidationError as error:
        first = error.errors()[0]
        raise AgentError(f"{path}: {'.'.join(map(str, first['loc']))}: {first['msg']}",
                         "make the recording again with `auton record`") from None


def fitting(title: str, mode: str) -> str | None:
    """The recording that was made for this goal in this mode, else one that was made in this mode, else None."""
    there = {path.stem: load(path.stem) for path in sorted(FOLDER.glob("*.json"))}
    same = [name for name, found in there.items() if found.mode == mode]
    return next((name for name in same if _plain(there[name].goal) == _plain(title)), same[0] if same else None)


class Replay:
    """The answers of one recorded run, turn by turn."""

    def __init__(self, name: str, brief: Brief):
        self.name = name
        recording = load(name.removeprefix("replay/"))
        recording.must_know(name, brief.goal_title)
        self.source = {"model": name, "replayed": recording.source, "costs": "nominal: those of the recorded run"}
        turn = brief.attempt - brief.lost  # the recorded run was not disturbed, and had no attempts without an answer
        wanted = (brief.role, brief.task_key, turn)
        runs = {(run.role, run.task, run.attempt): run for run in recording.runs}
        if wanted not in runs:
            known = "; ".join(f"{role} {task or 'goal'} attempt {attempt}" for role, task, attempt in runs)
            raise AgentError(f"{name} has no run of {brief.role} for {brief.task_key or 'the goal'}, attempt "
                             f"{turn}; it has: {known}",
                             "a real model can go on from here: /auton retry model=provider/model")
        self.answers = runs[wanted].answers
        self.turn = 0

    def ask(self, messages: list[Message], tools: list[dict[str, Any]], *, budget: float, seconds: float) -> Answer:
        if self.turn >= len(self.answers):
            raise ModelFailed(f"{self.name} has {len(self.answers)} turns for this run, and turn {self.turn + 1} was "
                              "asked for: the tools answered otherwise than in the recorded run. A real model can "
                              "go on from here: /auton retry model=provider/model")
        said = self.answers[self.turn]
        self.turn += 1
        calls = [Call(f"replay_{self.turn}_{i}", call["name"], call["arguments"]) for i, call in enumerate(said.calls)]
        return Answer(said.text, calls, said.usage)


def trajectories(folder: Path) -> list[tuple[str, list[dict[str, Any]]]]:
    """Every trajectory.jsonl below `folder`, in the zip files there too (artifacts of the workflow), with its place."""
    found = [(str(path), path.read_bytes()) for path in folder.rglob("trajectory.jsonl")]
    for path in folder.rglob("*.zip"):
        with zipfile.ZipFile(path) as archive:
            found += [(f"{path}:{name}", archive.open(name).read(MOST)) for name in archive.namelist()
                      if name.rpartition("/")[2] == "trajectory.jsonl"]
    return [(place, [hostile.read_json(line) for line in raw.decode("utf-8").splitlines()]) for place, raw in found]


def record(runs_of_one_goal: list[tuple[str, list[dict[str, Any]]]], goal: int = 0) -> Recording:
    """Make a recording from the trajectories of one goal's runs (those of the goal with this number, if it is not 0).
    Of two runs of the same role, task and attempt the later one counts. AgentError if they don't fit together."""
    runs: dict[tuple[str, str, int], Recorded] = {}
    goals, sources, modes = {}, {}, set()
    for place, lines in sorted(runs_of_one_goal, key=lambda item: item[1][0]["at"] if item[1] else ""):
        start = next((line for line in lines if line["kind"] == "start"), None)
        if start is None:
            raise AgentError(f"{place}: expected a line of kind start, found none", "is this a trajectory.jsonl?")
        brief = Brief.model_validate(start["brief"])
        if goal and brief.goal != goal:
            continue
        if "replayed" in start["source"]:
            raise AgentError(f"{place}: this run was a replay itself", "record runs of a real model")
        goals[_plain(brief.goal_title)] = brief.goal_title
        modes.add(brief.mode)
        sources[json.dumps(start["source"], sort_keys=True)] = {**start["source"], "recorded": start["at"][:10]}
        said = [Said(text=line["message"].get("content") or "",
                     calls=[{"name": call["function"]["name"], "arguments": call["function"]["arguments"]}
                            for call in line["message"].get("tool_calls") or []],
                     usage=Usage.model_validate(line["usage"]))
                for line in lines if line["kind"] == "message" and line["message"]["role"] == "assistant"]
        run = Recorded(role=brief.role, task=brief.task_key, attempt=brief.attempt - brief.lost, answers=said)
        runs[run.role, run.task, run.attempt] = run
    if len(goals) != 1 or len(modes) != 1:
        raise AgentError(f"expected the runs of one goal in one mode, found {len(goals)} goals: "
                         f"{', '.join(goals.values()) or 'no trajectory.jsonl at all'}",
                         "name the folders of one goal's runs with --from")
    return Recording(goal=next(iter(goals.values())), mode=modes.pop(), source={"models": list(sources.values())},
                     runs=list(runs.values()))


def _plain(title: str) -> str:
    return " ".join(title.lower().split()).rstrip(".")

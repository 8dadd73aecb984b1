"""What a run that left no record has used, by its own files. Reads only.

The agent's process writes result.json before each question and after each answer, and the job uploads it in a step that
runs `always()`: also when the run is cancelled, which skips the jobs that would have handed it on. A run that was cancelled before that
process began has no files, and has used nothing. A file that can't be
had or believed says nothing, and then the run counts for all that was set aside.
"""

import zipfile
import zlib
from pathlib import Path

from bot import scratch
from bot.errors import Refused
from bot.forge.client import Forge
from bot.forge.records import WorkflowRun
from bot.forge.wire import Answered
from bot.handoff import MAX_BYTES, Brief, Result, Usage, parse
from bot.reconcile import model as m
from bot.slm import store

ARTIFACT, WORKFLOW = "agent", ".github/workflows/auton-agent.yml"
JOB, STEP = "agent", "auton agent"
MOST = 256 << 20  # bytes of the artifact, in which a trajectory and a patch lie too


def of(forge: Forge, kept: list[m.Memory], records: dict[str, m.RunRecord], runs: dict[str, WorkflowRun]) -> dict[str, Usage]:
    """By key, of the runs that were awaited and have ended without a record."""
    awaited = [run.key for one in kept for run in one.runs if run.status == "started" and run.key not in records]
    over = {key: runs[key].id for key in awaited if key in runs and runs[key].done}
    return {key: used for key, run in over.items() if (used := _used(forge, run, key)) is not None}


def _used(forge: Forge, run: int, key: str) -> Usage | None:
    found = next((one for one in forge.artifacts_of(run, ARTIFACT) if store.trusted(forge, one, WORKFLOW)), None)
    if found is None:
        steps = forge.steps(run, JOB)
        # GitHub lists all steps of a job that has begun; those that were not reached are skipped.
        return Usage() if steps == {} or (steps and steps.get(STEP) == "skipped") else None
    if found["size_in_bytes"] > MOST:
        return None
    with scratch.folder("leftover") as place:
        try:
            forge.download_artifact(found["id"], place / "it.zip", MOST)
            return usage(place / "it.zip", key)
        except Answered as error:
            if error.status not in (404, 410):
                raise
        except Refused:
            pass
    return None


def usage(archive: Path, key: str) -> Usage | None:
    """What the files of run `key` say that it used; nothing if they show that it never asked a model. None if they say
    nothing, Refused if they are malformed."""
    try:
        with zipfile.ZipFile(archive) as zipped:
            there = {item.filename: item for item in zipped.infolist()}
            name, kind = ("result.json", Result) if "result.json" in there else ("brief.json", Brief)
            if name not in there:
                return None
            with zipped.open(there[name]) as file:
                text = file.read(MAX_BYTES + 1)
    except (OSError, ValueError, NotImplementedError, RuntimeError, zipfile.BadZipFile, zlib.error, EOFError):
        return None
    told = parse(kind, text, name) if len(text) <= MAX_BYTES else None
    if told is None or told.key != key:
        return None
    return told.usage if isinstance(told, Result) else Usage()

"""What CI has made of recipes, on the forge: artifacts of `auton-verify` runs by the key in their name.

Anybody who can run a workflow can upload an artifact of any name, so one is believed only if a run of our own verify
workflow on the default branch made it. Its content was made by code that nobody may have read: it is unpacked by a list
of names, within bounds, and whoever opens it validates it first.
"""

import zipfile
from pathlib import Path

from bot import scratch
from bot.forge.client import Forge

WORKFLOW = ".github/workflows/auton-verify.yml"
FILES = {"trained": {"model.safetensors": 1 << 30, "config.json": 1 << 20, "tokenizer.json": 32 << 20,
                     "tokenizer_config.json": 1 << 20, "calibration.json": 1 << 20, "report.json": 1 << 20,
                     "metrics.jsonl": 64 << 20},
         "made": {"slm.gguf": 256 << 20, "manifest.json": 4 << 20, "tokenizer.json": 32 << 20}}
"""The files of each kind of artifact, each with the bytes that it may have."""


def fetch(forge: Forge, key: str, folder: Path) -> bool:
    """Unpack the artifact called `key` into `folder`; False if CI has made none."""
    if not key:
        return False
    allowed = FILES[key.split("-")[1]]
    for found in forge.artifacts(key):
        if not trusted(forge, found):
            continue
        with scratch.folder("artifact") as place:
            forge.download_artifact(found["id"], place / "it.zip", sum(allowed.values()))
            return unpack(place / "it.zip", allowed, folder)
    return False


def trusted(forge: Forge, artifact: dict, workflow: str = WORKFLOW) -> bool:
    """Whether a run of this workflow of ours, as it is on the default branch, has uploaded it."""
    of = artifact.get("workflow_run") or {}
    if artifact.get("expired") or of.get("head_branch") != forge.default_branch \
            or of.get("repository_id") != of.get("head_repository_id"):
        return False
    run = forge.run(of["id"])
    return bool(run) and run["event"] == "workflow_dispatch" and run["path"].partition("@")[0] == workflow


def unpack(archive: Path, allowed: dict[str, int], folder: Path) -> bool:
    """Every allowed file of the archive into `folder`; False if one is missing, too large, or the zip is none."""
    try:
        with zipfile.ZipFile(archive) as zipped:
            there = {item.filename: item for item in zipped.infolist() if item.filename in allowed}
            if set(there) != set(allowed) or any(item.file_size > allowed[name] for name, item in there.items()):
                return False
            folder.mkdir(parents=True, exist_ok=True)
            for name, item in there.items():
                with zipped.open(item) as source, (folder / name).open("wb") as target:
                    left = allowed[name]
                    while chunk := source.read(min(1 << 20, left + 1)):
                        left -= len(chunk)
                        if left < 0:
                            return False
                        target.write(chunk)
    except (OSError, zipfile.BadZipFile):
        return False
    return True

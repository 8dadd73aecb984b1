"""Artifacts: named zip files of a run, on disk beside the runner's database."""

import hashlib
import re
import secrets
import sqlite3
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

from bot.runner.store import Row, Store, now

MAX_BYTES = 1 << 30


class ArtifactError(Exception):
    """An artifact was refused; the message is for the job's log."""


class Artifacts:
    def __init__(self, store: Store, folder: Path):
        self.store, self.folder = store, folder
        folder.mkdir(parents=True, exist_ok=True)

    def path(self, artifact_id: int) -> Path:
        return self.folder / f"{artifact_id}.zip"

    def of_run(self, run_id: int) -> list[Row]:
        return self.store.query("SELECT * FROM artifacts WHERE run_id = ? ORDER BY id", run_id)

    def get(self, artifact_id: int) -> Row | None:
        return self.store.one("SELECT * FROM artifacts WHERE id = ?", artifact_id)

    def remove(self, artifact_id: int) -> None:
        self.store.execute("DELETE FROM artifacts WHERE id = ?", artifact_id)
        self.path(artifact_id).unlink(missing_ok=True)

    def newest(self, run_id: int) -> list[Row]:
        """Those of a run by name; of one that several attempts uploaded, the last."""
        return list({row["name"]: row for row in self.of_run(run_id)}.values())

    def add(self, run: Row, name: str, root: Path, files: list[Path], *, level: int = 6, days: int = 90,
            overwrite: bool = False) -> Row:
        """Zip `files`, named relative to `root`, and keep them under `name`; names are unique in a run's attempt."""
        if not name or len(name) > 255 or re.search(r'[":<>|*?\r\n\\/]', name) or name in (".", ".."):
            raise ArtifactError(f"the artifact's name {name!r} is not valid: expected no \" : < > | * ? \\ / in it")
        old = self.store.one("SELECT * FROM artifacts WHERE run_id = ? AND attempt = ? AND name = ?",
                             run["id"], run["attempt"], name)
        if old and not overwrite:
            raise ArtifactError(_conflict(name))
        if sum(file.stat().st_size for file in files if file.is_file()) > MAX_BYTES:
            raise ArtifactError(f"the artifact '{name}' holds more than {MAX_BYTES} bytes")
        partial = self.folder / f"new-{secrets.token_hex(8)}.part"
        method = zipfile.ZIP_DEFLATED if level else zipfile.ZIP_STORED
        with zipfile.ZipFile(partial, "w", method, compresslevel=level or None, strict_timestamps=False) as archive:
            for file in files:
                if file.is_file():
                    archive.write(file, file.relative_to(root))
        with partial.open("rb") as file:
            digest = "sha256:" + hashlib.file_digest(file, "sha256").hexdigest()
        expires = (datetime.now(UTC) + timedelta(days=max(1, min(days, 90)))).strftime("%Y-%m-%dT%H:%M:%SZ")
        try:
            with self.store:
                if old:
                    self.remove(old["id"])
                artifact_id = self.store.insert(
                    "artifacts", run_id=run["id"], attempt=run["attempt"], repo=run["repo"], name=name, digest=digest,
                    size=partial.stat().st_size, created_at=now(), expires_at=expires)
                partial.rename(self.path(artifact_id))
        except sqlite3.IntegrityError:  # another job of the run was faster
            partial.unlink()
            raise ArtifactError(_conflict(name)) from None
        return self.get(artifact_id)

    def extract(self, row: Row, target: Path) -> None:
        """Unpack into `target`; names were made by `add`, zipfile drops any `..`."""
        target.mkdir(parents=True, exist_ok=True)
        with zipfile.ZipFile(self.path(row["id"])) as archive:
            archive.extractall(target)


def _conflict(name: str) -> str:
    return (f"Failed to CreateArtifact: (409) Conflict: an artifact with the name '{name}' already exists on the "
            "workflow run")

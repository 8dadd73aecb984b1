"""A folder for what a command needs only while it runs."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def folder(purpose: str) -> Iterator[Path]:
    """A new, empty folder. In a workflow's job it lies in RUNNER_TEMP and is left to the runner, which empties that
    after the job; elsewhere it is gone when this ends, whatever state it is in."""
    runner = os.environ.get("RUNNER_TEMP")
    if runner and os.path.isdir(runner):
        yield Path(tempfile.mkdtemp(prefix=f"auton-{purpose}-", dir=runner))
        return
    with tempfile.TemporaryDirectory(prefix=f"auton-{purpose}-", ignore_cleanup_errors=True) as path:
        yield Path(path)

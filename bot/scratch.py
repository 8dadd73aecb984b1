"""A folder for what a command needs only while it runs."""

import itertools
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@contextmanager
def folder(purpose: str) -> Iterator[Path]:
    """A new, empty folder. In a workflow's job it lies in RUNNER_TEMP and is left to the runner, which empties that
    after the job; elsewhere it is gone when this ends, whatever state it is in."""
    runner = os.environ.get("RUNNER_TEMP")
    if runner and os.path.isdir(runner):
        yield Path(tempfile.mkdtemp(prefix=f"auton-{purpose}-", dir=runner))
        return
    path = Path(tempfile.mkdtemp(prefix=f"auton-{purpose}-"))
    try:
        yield path
    finally:
        remove(path)


def remove(path: Path) -> bool:
    """Delete the folder at `path`, however deep it is and whatever its modes are; whether it is gone.

    Each folder in it is first moved to its top, so no path is longer than a name, and nothing recurses.
    """
    with suppress(OSError):
        os.chmod(path, 0o700)
        top = os.open(path, FOLDER)
        try:
            left, mark = _emptied(top, top), f".{secrets.token_hex(8)}-"
            for count in itertools.count():
                if not left:
                    break
                name = left.pop()
                with suppress(OSError):
                    inner = os.open(name, FOLDER, dir_fd=top)
                    try:
                        left += _emptied(inner, top, f"{mark}{count}-")
                    finally:
                        os.close(inner)
                    os.rmdir(name, dir_fd=top)
        finally:
            os.close(top)
        os.rmdir(path)
    return not os.path.lexists(path)


def _emptied(folder: int, top: int, mark: str = "") -> list[str]:
    """Delete the files of an open folder, and move its folders to `top`; their names there."""
    moved = []
    for count, entry in enumerate(list(os.scandir(folder))):
        with suppress(OSError):
            if not entry.is_dir(follow_symlinks=False):
                os.unlink(entry.name, dir_fd=folder)
                continue
            os.chmod(entry.name, 0o700, dir_fd=folder)
            name = f"{mark}{count}" if mark else entry.name
            if mark:
                os.rename(entry.name, name, src_dir_fd=folder, dst_dir_fd=top)
            moved.append(name)
    return moved

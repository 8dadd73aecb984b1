"""Reading files of a folder that somebody else's code can change at the same moment: no link is followed, on no step of the
way, no device or pipe is opened for long, and nothing is read that is larger than was said."""

import contextlib
import os
import stat
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import BinaryIO


class NotPlain(OSError):
    """There is no such file, or it is not a plain one, or too large."""


@contextlib.contextmanager
def opened(root: Path, name: str | PurePath, most: int) -> Iterator[BinaryIO]:
    """The plain file `name` below `root`, of at most `most` bytes when it was opened. `root` itself is trusted."""
    *folders, last = PurePath(name).parts or ("",)
    place = os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        if PurePath(name).is_absolute() or ".." in (*folders, last):
            raise NotPlain(f"{name}: expected a path below {root}")
        for folder in folders:
            inner = os.open(folder, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=place)
            os.close(place)
            place = inner
        # Without O_NONBLOCK a pipe would be waited for until somebody writes.
        found = os.open(last, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=place)
    except NotPlain:
        raise
    except OSError as error:
        raise NotPlain(f"{name}: expected a plain file, found {error.strerror or error}") from None
    finally:
        os.close(place)
    told = os.fstat(found)
    if not stat.S_ISREG(told.st_mode):
        os.close(found)
        raise NotPlain(f"{name}: expected a plain file")
    with os.fdopen(found, "rb") as file:
        if told.st_size > most:
            raise NotPlain(f"{name}: expected at most {most} bytes, found {told.st_size}")
        yield file


def read(root: Path, name: str | PurePath, most: int) -> bytes:
    """The bytes of the plain file `name` below `root`; NotPlain if it has more than `most`, whatever it was before."""
    with opened(root, name, most) as file:
        found = file.read(most + 1)
    if len(found) > most:
        raise NotPlain(f"{name}: expected at most {most} bytes")
    return found

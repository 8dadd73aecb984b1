"""The folders of jobs that have ended, deleted once the runner has been at rest for a while.

Not at once, because that makes the next jobs slow: ext4 gives a deleted inode out again only after a minute
(recently_deleted() in Linux's fs/ext4/ialloc.c), and until then looks at each one anew for every file that is created
near it. A checkout of 600 files takes 0.05 s, and 0.2 s beside a folder that was just deleted.
"""

import os
import shutil
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from bot import scratch

REST = 20.0
"""Seconds after the last job's end at which all is deleted, if no other job runs then."""
MOST = 128
"""Folders that are kept at most."""
SPACE = 4 << 30
"""With fewer bytes free on the disk nothing is kept."""


class Trash:
    def __init__(self, folder: Path, busy: Callable[[], bool] = lambda: False, rest: float = REST, space: int = SPACE):
        self.folder, self.busy, self.rest, self.space = folder, busy, rest, space
        self._last = 0.0
        self._stop = threading.Event()

    def start(self) -> None:
        """Begin to delete, first what an earlier server has left."""
        threading.Thread(target=self._loop, name="trash", daemon=True).start()

    def stop(self) -> None:
        """What is left is deleted after the next start."""
        self._stop.set()

    def put(self, path: Path) -> None:
        """Take the folder at `path` away; it need not be there."""
        self._last = time.monotonic()
        try:
            self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with suppress(FileNotFoundError):
                path.rename(self.folder / f"{path.name}-{time.monotonic_ns()}")
            if shutil.disk_usage(self.folder).free < self.space or len(self._all()) > MOST:
                self.empty()
        except OSError:  # a full disk
            scratch.remove(path)
            self.empty()

    def empty(self) -> None:
        for path in self._all():
            if self._stop.is_set():
                return
            scratch.remove(path)

    def _all(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.exists() else []

    def _loop(self) -> None:
        with suppress(OSError):
            os.setpriority(os.PRIO_PROCESS, threading.get_native_id(), 19)
        while not self._stop.wait(min(self.rest, 1.0)):
            if not self.busy() and time.monotonic() - self._last >= self.rest:
                self.empty()

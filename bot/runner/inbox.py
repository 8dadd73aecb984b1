"""Events that were told and not yet looked at: a queue in SQLite, so that a crash loses none.

A database of its own: telling an event must never wait for the runner's other transactions, or the forge and the
runner could wait for each other.
"""

import json
import sqlite3
import threading
from pathlib import Path
from typing import Any


class Inbox:
    def __init__(self, path: Path):
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                               "CREATE TABLE IF NOT EXISTS events (id INTEGER PRIMARY KEY, event TEXT NOT NULL);")

    def put(self, event: dict[str, Any]) -> None:
        text = json.dumps(event)
        with self._lock:
            self._db.execute("INSERT INTO events (event) VALUES (?)", (text,))

    def oldest(self) -> tuple[int, dict[str, Any]] | None:
        """The oldest event, with the number to drop it by."""
        with self._lock:
            row = self._db.execute("SELECT id, event FROM events ORDER BY id LIMIT 1").fetchone()
        return (row[0], json.loads(row[1])) if row else None

    def drop(self, number: int) -> None:
        with self._lock:
            self._db.execute("DELETE FROM events WHERE id = ?", (number,))

    def empty(self) -> bool:
        with self._lock:
            return self._db.execute("SELECT 1 FROM events LIMIT 1").fetchone() is None

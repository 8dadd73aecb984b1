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

    def take(self) -> dict[str, Any] | None:
        """The oldest event, which is then gone."""
        with self._lock:
            row = self._db.execute("DELETE FROM events WHERE id = (SELECT min(id) FROM events) "
                                   "RETURNING event").fetchone()
        return json.loads(row[0]) if row else None

    def empty(self) -> bool:
        with self._lock:
            return self._db.execute("SELECT 1 FROM events LIMIT 1").fetchone() is None

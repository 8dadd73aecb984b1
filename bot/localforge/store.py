"""SQLite behind the forge: one connection, one lock, one transaction per request.

A write is committed before its answer is sent, in WAL mode, so that a killed process loses nothing it has
acknowledged. Nothing here knows GitHub; the tables are in schema.sql.
"""

import sqlite3
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from bot.errors import ForgeError

SCHEMA = Path(__file__).with_name("schema.sql")
VERSION = 3  # counts the changes of schema.sql that an older database lacks

# Where each table's ids begin, so that no id is mistaken for another or for an issue number.
FIRST_ID = {
    "repos": 700_001,
    "labels": 8_000_001,
    "issues": 2_000_000_001,
    "comments": 3_000_000_001,
    "reactions": 4_000_001,
    "issue_events": 5_000_000_001,
    "reviews": 1_500_000_001,
    "review_comments": 1_600_000_001,
    "commit_comments": 1_700_001,
    "statuses": 1_800_000_001,
    "check_suites": 6_000_001,
    "check_runs": 6_500_001,
    "hooks": 9_001,
    "deliveries": 9_500_000_001,
}
FIRST_PULL_ID = 1_000_000_001


def now() -> str:
    """The present moment as GitHub writes it: UTC, whole seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    """The forge's tables. Every use is inside `with store.transaction():`, which also serialises threads."""

    def __init__(self, path: Path):
        self.lock = threading.RLock()
        self._depth = 0
        self._after: list = []
        self.db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, cached_statements=512)
        try:
            self._open(path)
        except sqlite3.Error as error:
            self.db.close()
            raise ForgeError(f"{path}: cannot be used: {error}", "free some space, or choose another --data") from None

    def _open(self, path: Path) -> None:
        self.db.row_factory = sqlite3.Row
        self.db.execute("pragma journal_mode = wal")
        self.db.execute("pragma synchronous = normal")
        self._check_version(path)
        self.db.executescript(SCHEMA.read_text())
        for table, first in FIRST_ID.items():
            self.db.execute(
                "insert into sqlite_sequence (name, seq) select ?, ? where not exists "
                "(select 1 from sqlite_sequence where name = ?)",
                (table, first - 1, table),
            )

    def _check_version(self, path: Path) -> None:
        """Mark a new database with the schema's version; ForgeError for one of another version."""
        found = self.db.execute("pragma user_version").fetchone()[0]
        if found not in (0, VERSION):
            self.db.close()
            raise ForgeError(
                f"{path}: expected a database of version {VERSION}, found {found}",
                "it was made by another version of AUTON: choose another --data, or remove that folder",
            )
        self.db.execute(f"pragma user_version = {VERSION}")

    @contextmanager
    def transaction(self):
        """All writes inside happen together or not at all; nested uses join the outermost."""
        with self.lock:
            if self._depth == 0:
                self.db.execute("begin")
                self._after = []
            self._depth += 1
            try:
                yield self
                if self._depth == 1:
                    self.db.execute("commit")
            except BaseException:
                if self._depth == 1 and self.db.in_transaction:
                    self.db.execute("rollback")
                raise
            finally:
                self._depth -= 1
            if self._depth:
                return
            after, self._after = self._after, []
        for action in after:
            action()

    def after_commit(self, action) -> None:
        """Call `action()` once the outermost transaction is committed and its lock is free."""
        if action not in self._after:
            self._after.append(action)

    def one(self, sql: str, *args) -> sqlite3.Row | None:
        return self.db.execute(sql, args).fetchone()

    def all(self, sql: str, *args) -> list[sqlite3.Row]:
        return self.db.execute(sql, args).fetchall()

    def value(self, sql: str, *args):
        row = self.db.execute(sql, args).fetchone()
        return row[0] if row else None

    def run(self, sql: str, *args) -> int:
        """Execute a write; the number of rows it changed."""
        return self.db.execute(sql, args).rowcount

    def insert(self, table: str, **columns) -> int:
        """Insert one row; its id."""
        names, marks = ", ".join(columns), ", ".join("?" * len(columns))
        return self.db.execute(f"insert into {table} ({names}) values ({marks})", tuple(columns.values())).lastrowid

    def update(self, table: str, id: int, **columns) -> None:
        names = ", ".join(f"{name} = ?" for name in columns)
        self.db.execute(f"update {table} set {names} where id = ?", (*columns.values(), id))

    def setting(self, name: str, make) -> str:
        """The setting `name`, made by `make()` the first time."""
        found = self.value("select value from settings where name = ?", name)
        if found is None:
            found = make()
            self.run("insert into settings (name, value) values (?, ?)", name, found)
        return found

    def close(self) -> None:
        with self.lock:
            self.db.close()

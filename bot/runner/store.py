"""What the runner remembers: workflows, runs, jobs, steps, annotations, artifacts, in SQLite.

One connection behind a lock; every public method is one transaction, so that a killed server leaves a state it can
go on from. Rows are dicts. Columns that hold JSON are listed in JSON_COLUMNS and come out decoded.
"""

import json
import sqlite3
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Row = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS workflows (
    id INTEGER PRIMARY KEY, repo TEXT NOT NULL, path TEXT NOT NULL, name TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'active', created_at TEXT NOT NULL, updated_at TEXT NOT NULL, UNIQUE (repo, path));
CREATE TABLE IF NOT EXISTS runs (
    id INTEGER PRIMARY KEY, repo TEXT NOT NULL, workflow_id INTEGER NOT NULL REFERENCES workflows,
    number INTEGER NOT NULL, attempt INTEGER NOT NULL DEFAULT 1, event TEXT NOT NULL, status TEXT NOT NULL,
    conclusion TEXT, title TEXT NOT NULL, ref TEXT NOT NULL, head_branch TEXT, head_sha TEXT NOT NULL,
    sha TEXT NOT NULL,
    actor TEXT NOT NULL, triggering_actor TEXT NOT NULL, created_at TEXT NOT NULL, updated_at TEXT NOT NULL,
    started_at TEXT NOT NULL, payload TEXT NOT NULL, inputs TEXT NOT NULL, source TEXT NOT NULL,
    concurrency TEXT NOT NULL DEFAULT '', cancel INTEGER NOT NULL DEFAULT 0, depth INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS runs_by_repo ON runs (repo, id);
CREATE INDEX IF NOT EXISTS runs_open ON runs (status) WHERE status != 'completed';
CREATE TABLE IF NOT EXISTS jobs (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, attempt INTEGER NOT NULL, key TEXT NOT NULL,
    name TEXT NOT NULL, matrix TEXT NOT NULL, strategy TEXT NOT NULL, status TEXT NOT NULL, conclusion TEXT,
    result TEXT, outputs TEXT NOT NULL DEFAULT '{}', concurrency TEXT NOT NULL DEFAULT '',
    cancel INTEGER NOT NULL DEFAULT 0, short INTEGER NOT NULL DEFAULT 0, log_id INTEGER, token TEXT,
    created_at TEXT NOT NULL, started_at TEXT, completed_at TEXT, wall REAL NOT NULL DEFAULT 0,
    cpu REAL NOT NULL DEFAULT 0, overhead REAL NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS jobs_by_run ON jobs (run_id, attempt);
CREATE TABLE IF NOT EXISTS steps (
    job_id INTEGER NOT NULL REFERENCES jobs, number INTEGER NOT NULL, name TEXT NOT NULL, status TEXT NOT NULL,
    conclusion TEXT, started_at TEXT, completed_at TEXT, wall REAL NOT NULL DEFAULT 0, cpu REAL NOT NULL DEFAULT 0,
    summary TEXT NOT NULL DEFAULT '', PRIMARY KEY (job_id, number));
CREATE TABLE IF NOT EXISTS annotations (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, job_id INTEGER, level TEXT NOT NULL,
    title TEXT NOT NULL DEFAULT '', message TEXT NOT NULL, path TEXT NOT NULL DEFAULT '', line INTEGER);
CREATE INDEX IF NOT EXISTS annotations_by_run ON annotations (run_id);
CREATE TABLE IF NOT EXISTS artifacts (
    id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL REFERENCES runs, attempt INTEGER NOT NULL, repo TEXT NOT NULL,
    name TEXT NOT NULL, size INTEGER NOT NULL, digest TEXT NOT NULL, created_at TEXT NOT NULL,
    expires_at TEXT NOT NULL, UNIQUE (run_id, attempt, name));
CREATE TABLE IF NOT EXISTS cron (repo TEXT PRIMARY KEY, minute INTEGER NOT NULL);
"""
JSON_COLUMNS = {"payload", "inputs", "matrix", "strategy", "outputs"}


def now() -> str:
    """The time as GitHub writes it, in UTC with seconds."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Store:
    def __init__(self, path: Path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._lock = threading.RLock()
        self._db = sqlite3.connect(path, check_same_thread=False, isolation_level=None, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.executescript("PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL; PRAGMA foreign_keys=ON;")
        self._db.executescript(SCHEMA)

    def close(self) -> None:
        with self._lock:
            self._db.close()

    def __enter__(self) -> "Store":
        """One transaction over several calls; nests."""
        self._lock.acquire()
        if not self._db.in_transaction:
            self._db.execute("BEGIN IMMEDIATE")
            self._outer = 0
        self._outer += 1
        return self

    def __exit__(self, kind, *_) -> None:
        try:
            self._outer -= 1
            if self._outer == 0 and self._db.in_transaction:
                self._db.execute("COMMIT" if kind is None else "ROLLBACK")
        except sqlite3.OperationalError:  # a full disk
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise
        finally:
            self._lock.release()

    def query(self, sql: str, *args: Any) -> list[Row]:
        with self._lock:
            return [_row(row) for row in self._db.execute(sql, args)]

    def one(self, sql: str, *args: Any) -> Row | None:
        rows = self.query(sql, *args)
        return rows[0] if rows else None

    def insert(self, table: str, **values: Any) -> int:
        values = {key: _encoded(key, value) for key, value in values.items()}
        with self._lock:
            cursor = self._db.execute(f"INSERT INTO {table} ({', '.join(values)}) "
                                      f"VALUES ({', '.join('?' * len(values))})", tuple(values.values()))
            return cursor.lastrowid

    def update(self, table: str, row_id: int, **values: Any) -> None:
        values = {key: _encoded(key, value) for key, value in values.items()}
        with self._lock:
            self._db.execute(f"UPDATE {table} SET {', '.join(f'{key} = ?' for key in values)} WHERE id = ?",
                             (*values.values(), row_id))

    def execute(self, sql: str, *args: Any) -> int:
        """Run one statement; the number of rows it changed."""
        with self._lock:
            return self._db.execute(sql, args).rowcount

    # Workflows

    def workflow(self, repo: str, path: str, name: str | None = None) -> Row:
        """The row of this workflow file, made when it is new; `name` renames it."""
        with self:
            row = self.one("SELECT * FROM workflows WHERE repo = ? AND path = ?", repo, path)
            if row is None:
                self.insert("workflows", repo=repo, path=path, name=name or path, created_at=now(), updated_at=now())
            elif name and name != row["name"]:
                self.update("workflows", row["id"], name=name, updated_at=now())
            return self.one("SELECT * FROM workflows WHERE repo = ? AND path = ?", repo, path)

    # Runs

    def page_of_runs(self, where: str, args: list[Any], size: int, page: int) -> tuple[int, list[Row]]:
        """(how many there are, one page of them, newest first)."""
        total = self.one(f"SELECT count(*) AS n FROM runs WHERE {where}", *args)["n"]
        rows = self.query(f"SELECT * FROM runs WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?", *args, size,
                          size * (page - 1))
        return total, rows

    def run(self, run_id: int) -> Row | None:
        return self.one("SELECT * FROM runs WHERE id = ?", run_id)

    def new_run(self, **values: Any) -> int:
        with self:
            last = self.one("SELECT max(number) AS number FROM runs WHERE workflow_id = ?", values["workflow_id"])
            at = now()
            return self.insert("runs", number=(last["number"] or 0) + 1, created_at=at, updated_at=at, started_at=at,
                               **values)

    def open_runs(self) -> list[Row]:
        return self.query("SELECT * FROM runs WHERE status != 'completed' ORDER BY id")

    def jobs(self, run_id: int, attempt: int | None = None) -> list[Row]:
        if attempt is None:
            return self.query("SELECT * FROM jobs WHERE run_id = ? ORDER BY id", run_id)
        return self.query("SELECT * FROM jobs WHERE run_id = ? AND attempt = ? ORDER BY id", run_id, attempt)

    def job(self, job_id: int) -> Row | None:
        return self.one("SELECT * FROM jobs WHERE id = ?", job_id)

    def steps(self, job_id: int) -> list[Row]:
        return self.query("SELECT * FROM steps WHERE job_id = ? ORDER BY number", job_id)

    def step_started(self, job_id: int, number: int, name: str) -> None:
        self.insert("steps", job_id=job_id, number=number, name=name, status="in_progress", started_at=now())

    def step_done(self, job_id: int, number: int, conclusion: str, wall: float, cpu: float, summary: str = "") -> None:
        self.execute("UPDATE steps SET status = 'completed', conclusion = ?, completed_at = ?, wall = ?, cpu = ?, "
                     "summary = ? WHERE job_id = ? AND number = ?",
                     conclusion, now(), wall, cpu, summary, job_id, number)

    def annotate(self, run_id: int, job_id: int | None, level: str, message: str, title: str = "", path: str = "",
                 line: int | None = None) -> None:
        self.insert("annotations", run_id=run_id, job_id=job_id, level=level, message=message[:4096],
                    title=title[:255], path=path[:500], line=line)

    def annotations(self, run_id: int) -> list[Row]:
        return self.query("SELECT * FROM annotations WHERE run_id = ? ORDER BY id", run_id)

    # Schedules

    def take_minutes(self, repo: str, minute: int) -> range:
        """The minutes up to `minute` in which `repo`'s schedules were not looked at yet; they then count as looked
        at. At most a day's: what was due while the server was down is made up for."""
        with self:
            row = self.one("SELECT minute FROM cron WHERE repo = ?", repo)
            self.execute("INSERT INTO cron VALUES (?, ?) ON CONFLICT (repo) DO UPDATE SET minute = excluded.minute",
                         repo, minute)
        return range(max(row["minute"] + 1, minute - 1440) if row else minute, minute + 1)


def _row(row: sqlite3.Row) -> Row:
    return {key: json.loads(row[key]) if key in JSON_COLUMNS else row[key] for key in row.keys()}


def _encoded(key: str, value: Any) -> Any:
    return json.dumps(value) if key in JSON_COLUMNS else value


def minute_of(seconds: float | None = None) -> int:
    """Minutes since the epoch."""
    return int((time.time() if seconds is None else seconds) // 60)

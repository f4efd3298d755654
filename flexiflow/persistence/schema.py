"""The tables of a history, and how a database that 1.x wrote gets them.

A file that `record()` creates, or that holds nothing but FlexiFlow's tables, is marked with
FlexiFlow's ``application_id``, and its ``user_version`` is the schema's version. In a database
that an application's tables are in, ``user_version`` may be the application's; there the table
``flexiflow_schema`` has the version.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flexiflow.errors import PersistenceError, bounded

APPLICATION_ID = 0x464C5846  # "FLXF"
VERSION = 2
ROW_FORMAT = 2
"""What ``format`` says of a row written now: tagged JSON, this way of chaining. 1.x: NULL."""

SNAPSHOTS = "flexiflow_snapshots"
STEPS = "flexiflow_steps"
RUNS = "flexiflow_runs"
MACHINES = "flexiflow_machines"
PARTS = "flexiflow_parts"
MARKERS = "flexiflow_markers"
SCHEMA = "flexiflow_schema"

SQLITE_ERRORS = (sqlite3.Error, UnicodeDecodeError)
"""What the driver raises; the second where SQLite's own words quote bytes of a damaged file."""

# Every new column is nullable: 1.x may go on inserting into this table.
_SNAPSHOT_COLUMNS = {
    "time_us": "INTEGER",  # created_at as microseconds since 1970 UTC
    "state": "TEXT",
    "correlation_id": "TEXT",
    "step_id": "INTEGER",
    "run_id": "INTEGER",
    "fingerprint": "TEXT",
    "format": "INTEGER",
    "prev_hash": "BLOB",
    "hash": "BLOB",
}

_TABLES = f"""
CREATE TABLE IF NOT EXISTS {SNAPSHOTS} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    component_name TEXT NOT NULL,
    snapshot_json TEXT NOT NULL,
    created_at TEXT NOT NULL
);
CREATE TABLE {STEPS} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    component_name TEXT NOT NULL,
    correlation_id TEXT NOT NULL,
    run_id INTEGER NOT NULL,
    start_us INTEGER NOT NULL,
    duration_us INTEGER NOT NULL,
    message_type TEXT,
    message_json TEXT,
    from_state TEXT NOT NULL,
    to_state TEXT NOT NULL,
    outcome TEXT NOT NULL,
    span_id TEXT NOT NULL,
    parent_id TEXT,
    sender TEXT,
    tries INTEGER NOT NULL,
    guards_json TEXT,
    error_json TEXT,
    reason TEXT,
    fingerprint TEXT,
    format INTEGER NOT NULL,
    prev_hash BLOB,
    hash BLOB NOT NULL
);
CREATE TABLE {RUNS} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    uid TEXT NOT NULL UNIQUE,
    start_us INTEGER NOT NULL,
    end_us INTEGER,
    pid INTEGER NOT NULL,
    command TEXT,
    python_version TEXT NOT NULL,
    flexiflow_version TEXT NOT NULL,
    durability TEXT NOT NULL,
    log_path TEXT
);
CREATE TABLE {MACHINES} (
    fingerprint TEXT PRIMARY KEY,
    definition_json TEXT NOT NULL,
    first_us INTEGER NOT NULL
);
CREATE TABLE {SCHEMA} (
    version INTEGER NOT NULL
);
CREATE TABLE {PARTS} (
    hash TEXT PRIMARY KEY,
    json TEXT NOT NULL
);
CREATE TABLE {MARKERS} (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL,
    time_us INTEGER NOT NULL,
    run_id INTEGER,
    component_name TEXT,
    table_name TEXT,
    first_id INTEGER,
    last_id INTEGER,
    rows INTEGER,
    detail_json TEXT,
    format INTEGER NOT NULL,
    prev_hash BLOB,
    hash BLOB NOT NULL
);
"""

_INDEXES = f"""
CREATE INDEX {SNAPSHOTS}_component ON {SNAPSHOTS} (component_name, id);
CREATE INDEX {SNAPSHOTS}_correlation ON {SNAPSHOTS} (correlation_id)
    WHERE correlation_id IS NOT NULL;
CREATE INDEX {STEPS}_component ON {STEPS} (component_name, id);
CREATE INDEX {STEPS}_correlation ON {STEPS} (correlation_id);
"""

# A reference is replaced as text, which changes nothing around it: SQLite's JSON functions would
# round floats and cut strings at a NUL. No string can look like one, since its quotes are escaped.
_REF = """'{"$ref":"'"""
_REF_LENGTH = len('{"$ref":""}') + 64
_FULL_VIEW = f"""
CREATE VIEW {SNAPSHOTS}_full AS
SELECT s.*,
    CASE WHEN NOT json_valid(s.snapshot_json) THEN NULL
    WHEN s.format IS NULL OR instr(s.snapshot_json, {_REF}) = 0 THEN s.snapshot_json
    ELSE (
        WITH RECURSIVE expanded(done, rest) AS (
            SELECT '', s.snapshot_json
            UNION ALL
            SELECT done || substr(rest, 1, instr(rest, {_REF}) - 1) || coalesce(
                    (SELECT p.json FROM {PARTS} p
                     WHERE p.hash = substr(rest, instr(rest, {_REF}) + 9, 64)),
                    substr(rest, instr(rest, {_REF}), {_REF_LENGTH})),
                substr(rest, instr(rest, {_REF}) + {_REF_LENGTH})
            FROM expanded WHERE instr(rest, {_REF}) > 0
        )
        SELECT done || rest FROM expanded WHERE instr(rest, {_REF}) = 0
    ) END AS full_json
FROM {SNAPSHOTS} s
"""


def has_table(conn: sqlite3.Connection, table: str) -> bool:
    """Whether the database has that table."""
    query = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = ?"
    return cursor(conn).execute(query, (table,)).fetchone() is not None


def columns_of(conn: sqlite3.Connection, table: str) -> list[str]:
    """The table's column names; none where there is no such table."""
    rows = cursor(conn).execute("SELECT name FROM pragma_table_info(?)", (table,))
    return [_as_text(name) for (name,) in rows]


def has_column(conn: sqlite3.Connection, table: str, column: str) -> bool:
    """Whether there is such a table with such a column."""
    query = "SELECT 1 FROM pragma_table_info(?) WHERE name = ?"
    return cursor(conn).execute(query, (table, column)).fetchone() is not None


def newest_id(conn: sqlite3.Connection, table: str) -> int:
    """The highest id in a table; 0 where it has no row."""
    (found,) = cursor(conn).execute(f"SELECT max(rowid) FROM {table}").fetchone()
    return int(found or 0)


def pragma(conn: sqlite3.Connection, name: str) -> int:
    """The number that a pragma gives."""
    return int(cursor(conn).execute(f"PRAGMA {name}").fetchone()[0])


def version_of(conn: sqlite3.Connection) -> int:
    """The schema's version: 0 where nothing is there, 1 as 1.x left it, or `VERSION`.

    Raises:
        PersistenceError: where a newer FlexiFlow has written the file.
    """
    version = _stored_version(conn)
    if version > VERSION:
        raise PersistenceError(
            f"The database has schema version {version}, newer than {VERSION}.",
            why="A newer FlexiFlow has written it, and this one might misread it.",
            fix="Upgrade: pip install -U flexiflow.",
            context={"version": version, "known_version": VERSION},
        )
    return version


def _stored_version(conn: sqlite3.Connection) -> int:
    if pragma(conn, "application_id") == APPLICATION_ID:
        version = pragma(conn, "user_version")
        if version == VERSION or not _has_others_tables(conn):  # the first is the usual one
            return version
    if has_table(conn, SCHEMA):
        query = f"SELECT max(version) FROM {SCHEMA} WHERE typeof(version) = 'integer'"
        (stored,) = cursor(conn).execute(query).fetchone()
        if stored is not None:
            return int(stored)
    if has_column(conn, SNAPSHOTS, "format"):
        return VERSION
    return 1 if has_table(conn, SNAPSHOTS) else 0


def prepare_new(conn: sqlite3.Connection) -> None:
    """Let a file that has nothing in it yet be one that can be shortened; later it is too late."""
    if not conn.in_transaction and pragma(conn, "page_count") == 0:
        cursor(conn).execute("PRAGMA auto_vacuum = INCREMENTAL")


def migrate(conn: sqlite3.Connection) -> None:
    """Bring the tables to `VERSION`, all or nothing, inside the caller's transaction."""
    if version_of(conn) >= VERSION:
        return
    run = cursor(conn).execute
    owned = _is_ours_alone(conn)
    for statement in _statements(_TABLES):
        run(statement)
    present = set(columns_of(conn, SNAPSHOTS))
    for name, kind in _SNAPSHOT_COLUMNS.items():
        if name not in present:
            run(f"ALTER TABLE {SNAPSHOTS} ADD COLUMN {name} {kind}")
    for statement in (*_statements(_INDEXES), _FULL_VIEW):
        run(statement)
    run(f"INSERT INTO {SCHEMA} VALUES ({VERSION})")
    if owned:
        run(f"PRAGMA application_id = {APPLICATION_ID}")
        run(f"PRAGMA user_version = {VERSION}")


@contextmanager
def alone(conn: sqlite3.Connection) -> Iterator[None]:
    """Keep other threads from saving through the same connection meanwhile.

    A connection has one transaction: without this a thread would write into that of another one.
    """
    with _guard:  # a connection can't be referred to weakly, so its lock lives while it is used
        lock, users = _locks.get(id(conn)) or (threading.RLock(), 0)
        _locks[id(conn)] = lock, users + 1
    try:
        with lock:
            yield
    finally:
        with _guard:
            lock, users = _locks.pop(id(conn))
            if users > 1:
                _locks[id(conn)] = lock, users - 1


_guard = threading.Lock()
_locks: dict[int, tuple[Any, int]] = {}  # by the connection's id: a lock, and how many use it


@contextmanager
def transaction(conn: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    """One transaction, or a savepoint in the one that the caller has open.

    The caller's own transaction is never committed here, and a failure leaves it as it was.

    Raises:
        PersistenceError: where SQLite fails, with its reason.
    """
    with alone(conn):
        yield from _transaction(conn)


def _transaction(conn: sqlite3.Connection) -> Iterator[sqlite3.Cursor]:
    nested = conn.in_transaction
    run = cursor(conn)
    try:
        run.execute("SAVEPOINT flexiflow" if nested else "BEGIN IMMEDIATE")
        try:
            yield run
        except BaseException:
            if conn.in_transaction:  # SQLite may have rolled all of it back already
                run.execute("ROLLBACK TO flexiflow" if nested else "ROLLBACK")
                if nested:
                    run.execute("RELEASE flexiflow")
            raise
        run.execute("RELEASE flexiflow" if nested else "COMMIT")
    except SQLITE_ERRORS as exc:
        if not nested and conn.in_transaction:  # the commit itself failed
            run.execute("ROLLBACK")
        raise sqlite_failed("written", exc) from exc


@contextmanager
def reading() -> Iterator[None]:
    """Turn SQLite's errors while reading into ours."""
    try:
        yield
    except SQLITE_ERRORS as exc:
        raise sqlite_failed("read", exc) from exc


def sqlite_failed(what: str, exc: Exception) -> PersistenceError:
    """A database that can't be read or written: one of `SQLITE_ERRORS` in our words."""
    damaged = "SQLITE_CORRUPT" if isinstance(exc, UnicodeDecodeError) else None
    code = getattr(exc, "sqlite_errorname", damaged)
    return PersistenceError(
        f"The database can't be {what}.",
        why=f"SQLite says: {bounded(str(exc), 200)}.",
        fix=_FIXES.get(_kind(code), "Check the file, the folder and the free space."),
        context={"sqlite_error": code or type(exc).__name__},
    )


def _kind(code: str | None) -> str:
    """An error's name without what SQLite adds to it, as in ``SQLITE_READONLY_DIRECTORY``."""
    return "_".join((code or "").split("_")[:2])


def cursor(conn: sqlite3.Connection) -> sqlite3.Cursor:
    """A cursor that gives tuples, whatever row factory the caller's connection has."""
    found = conn.cursor()
    found.row_factory = None
    return found


def _as_text(name: str | bytes) -> str:
    """A name in the schema, whatever text factory the caller's connection has."""
    return name if isinstance(name, str) else bytes(name).decode()


def _statements(script: str) -> list[str]:
    # Not executescript: it would commit the caller's transaction.
    return [statement for statement in script.split(";") if statement.strip()]


def _is_ours_alone(conn: sqlite3.Connection) -> bool:
    if _has_others_tables(conn):
        return False
    return pragma(conn, "application_id") == pragma(conn, "user_version") == 0


def _has_others_tables(conn: sqlite3.Connection) -> bool:
    rows = cursor(conn).execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return any(not _as_text(name).startswith(("flexiflow_", "sqlite_")) for (name,) in rows)


_FIXES = {
    "SQLITE_BUSY": "Another program holds the database; close it, or wait and try again.",
    "SQLITE_FULL": "The disk is full; make room and try again.",
    "SQLITE_READONLY": "The file or its folder is read-only; copy it, or change its mode.",
    "SQLITE_CANTOPEN": "Check that the folder exists and that you may use it.",
    "SQLITE_NOTADB": "This is not a SQLite database; check the path.",
    "SQLITE_CORRUPT": "The file is damaged; restore a backup, or try `sqlite3 FILE .recover`.",
}

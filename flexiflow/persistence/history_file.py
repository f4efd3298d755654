"""The database of one recording: opened for writing, and written a batch at a time."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from flexiflow._version import __version__
from flexiflow.errors import PersistenceError, bounded
from flexiflow.persistence.mounts import network_mount
from flexiflow.persistence.place import Place
from flexiflow.persistence.rows import SNAPSHOT_COLUMNS, insert_chained, storable, store_parts
from flexiflow.persistence.schema import (
    MACHINES,
    MARKERS,
    RUNS,
    SNAPSHOTS,
    SQLITE_ERRORS,
    STEPS,
    migrate,
    prepare_new,
    reading,
    sqlite_failed,
    transaction,
    version_of,
)

BUSY_TIMEOUT_S = 5.0
_PATIENCE_AT_CLOSE_MS = 250

_STEP_ID = SNAPSHOT_COLUMNS.index("step_id")

Row = tuple[Any, ...]


class Entry(msgspec.Struct, gc=False):
    """What one step leaves behind, before it has ids.

    Attributes:
        step: values of `STEP_COLUMNS`, or None.
        snapshot: values of `SNAPSHOT_COLUMNS` (the step's id is filled in), or None.
        parts: large parts by hash, or None.
        machine: fingerprint, definition as JSON, and the time it was first seen, or None.
        marker: values of `MARKER_COLUMNS`, or None.
        source, waiter: what happened and who waits, for whoever made the entry; not written.
        step_id, snapshot_id: filled in by `HistoryFile.write`.
    """

    step: Row | None = None
    snapshot: Row | None = None
    parts: dict[str, str] | None = None
    machine: Row | None = None
    marker: Row | None = None
    source: Any = None
    waiter: Any = None
    step_id: int | None = None
    snapshot_id: int | None = None


class HistoryFile:
    """A history that is open for recording.

    Args:
        path: the database; None keeps it in memory.

    Raises:
        PersistenceError: where it can't be opened, is on a network file system, or is newer.
    """

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._lock = threading.RLock()  # a question may be asked inside another one
        self._readers: list[int] = []
        if path is not None:
            _refuse_network(path)
        self._place: Place | None = None
        self._must_reopen = False
        self._open()

    def _open(self) -> None:
        path = self.path
        fresh = path is None or _is_missing_or_empty(path)
        try:
            self._conn = sqlite3.connect(
                ":memory:" if path is None else path,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
                check_same_thread=False,
            )
        except sqlite3.Error as exc:
            raise _named(sqlite_failed("opened", exc), path) from exc
        try:
            self._prepare(fresh)
        except SQLITE_ERRORS as exc:
            self._conn.close()
            raise _named(sqlite_failed("opened", exc), path) from exc
        except PersistenceError as exc:
            self._conn.close()
            raise _named(exc, path) from exc
        self._place = None if path is None else Place(path)

    def is_in_place(self) -> bool:
        """Whether the path still leads to the file that is open; True in memory."""
        return self._place is None or self._place.is_ours()

    def begin_run(self, uid: str, durability: str, log_path: str | None, command: str) -> int:
        """Note that a recording begins, and return its row id."""
        row = (
            uid,
            time.time_ns() // 1000,
            os.getpid(),
            storable(bounded(command, 500)),
            sys.version.split()[0],
            __version__,
            durability,
            None if log_path is None else storable(log_path),
        )
        columns = (
            "uid, start_us, pid, command, python_version, flexiflow_version, durability, log_path"
        )
        with self._writing() as run:
            run.execute(f"INSERT INTO {RUNS} ({columns}) VALUES (?, ?, ?, ?, ?, ?, ?, ?)", row)
            return int(run.lastrowid or 0)

    def end_run(self, run_id: int) -> None:
        """Note that a recording ended as it should."""
        with self._writing() as run:
            now = time.time_ns() // 1000
            run.execute(f"UPDATE {RUNS} SET end_us = ? WHERE id = ?", (now, run_id))

    def write(self, entries: Sequence[Entry]) -> None:
        """Write entries in one transaction and fill in their ids.

        Raises:
            PersistenceError: where SQLite refuses; then nothing is written.
            ValueError, OverflowError: where a value can't be stored.
        """
        with self._writing() as run:
            steps = [entry for entry in entries if entry.step is not None]
            for entry in entries:
                if entry.parts:
                    store_parts(run, entry.parts)
            machines = [entry.machine for entry in entries if entry.machine is not None]
            run.executemany(f"INSERT OR IGNORE INTO {MACHINES} VALUES (?, ?, ?)", machines)
            if steps:
                ids = insert_chained(run, STEPS, [entry.step for entry in steps])  # type: ignore[misc]
                for entry, row_id in zip(steps, ids, strict=True):
                    entry.step_id = row_id
            _write_snapshots(run, [entry for entry in entries if entry.snapshot is not None])
            markers = [entry.marker for entry in entries if entry.marker is not None]
            if markers:
                insert_chained(run, MARKERS, markers)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Cursor]:
        """A transaction of its own, whose errors say which file could not be written."""
        try:
            with self._lock:
                self._stay_in_place()
                with transaction(self._conn) as run:
                    yield run
        except PersistenceError as exc:
            raise _named(exc, self.path) from exc.__cause__

    @contextmanager
    def shared(self) -> Iterator[sqlite3.Connection]:
        """The connection itself, between two batches: how a history in memory is read."""
        with self._lock:
            self._readers.append(threading.get_ident())
            try:
                yield self._conn
            finally:
                self._readers.pop()

    def is_shared_here(self) -> bool:
        """Whether this thread is inside `shared`: the writer waits for it, not the other way."""
        return threading.get_ident() in self._readers

    def close(self) -> None:
        """Bring everything into the main file, and close it."""
        with self._lock:
            try:
                if self.path is not None:
                    self._conn.execute(f"PRAGMA busy_timeout = {_PATIENCE_AT_CLOSE_MS}")
                    self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            except SQLITE_ERRORS:
                pass  # another process reads; the -wal stays, and holds what it holds
            finally:
                self._conn.close()

    def __del__(self) -> None:
        # A history in memory is kept after its recording, and ends with the last who refers to it.
        with contextlib.suppress(Exception):
            self._conn.close()

    def _stay_in_place(self) -> None:
        """Write nothing where nobody could read it.

        Where the write-ahead log alone was deleted, all that is in it is brought into the main
        file through the open connection, and another log begun.
        """
        place = self._place
        if place is None:
            return
        if not place.is_ours():
            raise place.lost(str(self.path))
        if not self._must_reopen:
            if place.has_our_wal():
                return
            self._bring_in_deleted_wal(place)
            self._conn.close()
            self._must_reopen = True
        self._open()
        self._must_reopen = False

    def _bring_in_deleted_wal(self, place: Place) -> None:
        busy = place.wal_is_taken()
        if not busy:
            with reading():
                (busy, _, _) = self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        if busy:
            raise place.lost(f"The write-ahead log of {self.path}")

    def _prepare(self, fresh: bool) -> None:
        run = self._conn.execute
        if fresh:
            prepare_new(self._conn)
        else:
            version_of(self._conn)  # a newer file is refused before anything in it is changed
        if self.path is not None:
            mode = self._set_wal()
            if mode != "wal":
                raise PersistenceError(
                    f"The database stays in journal mode {mode!r}, not 'wal'.",
                    why="Recording needs SQLite's write-ahead log, and this place refuses it.",
                    fix="Record to a local disk.",
                    context={"journal_mode": mode},
                )
            run("PRAGMA synchronous = FULL")
        with transaction(self._conn):
            migrate(self._conn)

    def _set_wal(self) -> str:
        """Ask for the write-ahead log, and return the mode that took."""
        end = time.monotonic() + BUSY_TIMEOUT_S
        while True:
            try:
                (mode,) = self._conn.execute("PRAGMA journal_mode = WAL").fetchone()
                return str(mode)
            except sqlite3.OperationalError as exc:
                # SQLite's own busy timeout does not hold for changing the mode.
                if exc.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > end:
                    raise
                time.sleep(0.005)


def _write_snapshots(run: sqlite3.Cursor, entries: list[Entry]) -> None:
    if not entries:
        return
    rows = []
    for entry in entries:
        values = entry.snapshot or ()
        rows.append((*values[:_STEP_ID], entry.step_id, *values[_STEP_ID + 1 :]))
    for entry, row_id in zip(entries, insert_chained(run, SNAPSHOTS, rows), strict=True):
        entry.snapshot_id = row_id


def _is_missing_or_empty(path: Path) -> bool:
    try:
        return path.stat().st_size == 0
    except OSError:  # where it may not even be looked at, opening it says why
        return True


def _refuse_network(path: Path) -> None:
    kind = network_mount(path)
    if kind is not None:
        raise PersistenceError(
            f"{path} is on a network file system ({kind}).",
            why="SQLite's write-ahead log needs shared memory, which does not cross a network.",
            fix="Record to a local disk, and copy the file once it is closed.",
            context={"path": str(path), "file_system": kind},
        )


def _named(error: PersistenceError, path: Path | None) -> PersistenceError:
    error.context = {"path": str(path), **error.context_items}
    return error

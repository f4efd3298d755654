"""Where a history is: files, a connection, or a recording that is under way. Reading only."""

from __future__ import annotations

import glob
import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol
from urllib.parse import quote

from flexiflow.errors import InvalidType, PersistenceError, StateFileNotFound, bounded_repr
from flexiflow.persistence.schema import cursor, has_table, sqlite_failed, version_of
from flexiflow.persistence.schema import SNAPSHOTS as SNAPSHOT_TABLE

PathLike = str | os.PathLike[str]
BUSY_TIMEOUT_S = 5.0


class Source(Protocol):
    """One database that can be asked."""

    @property
    def name(self) -> str:
        """What the ``source`` column says."""

    def connect(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection for one question."""


@dataclass(frozen=True, slots=True)
class FileSource:
    """A database file, opened read-only for each question."""

    path: Path

    @property
    def name(self) -> str:
        """The path as it was given."""
        return str(self.path)

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the file read-only; it is never changed.

        Raises:
            PersistenceError: where it is no history that can be read.
        """
        address = f"file:{quote(str(self.path.absolute()))}?mode=ro"
        try:
            conn = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        except sqlite3.Error as exc:
            raise self._failed(exc) from exc
        try:
            # Bytes that are no UTF-8 are shown as such and hide nothing around them.
            conn.text_factory = lambda raw: raw.decode("utf-8", "replace")
            if version_of(conn) == 0 or not has_table(conn, SNAPSHOT_TABLE):
                raise no_history(self.name)
            conn.execute("BEGIN")  # one state of the file for the whole question
            yield conn
        except sqlite3.Error as exc:
            raise self._failed(exc) from exc
        finally:
            conn.close()

    def _failed(self, exc: sqlite3.Error) -> PersistenceError:
        error = sqlite_failed("read", exc)
        error.context = {"path": self.name, **error.context_items}
        return error


@dataclass(frozen=True, slots=True)
class ConnectionSource:
    """A connection that the caller owns; it is neither closed nor changed."""

    conn: sqlite3.Connection
    name: str = "connection"

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """The connection itself."""
        try:
            if not has_table(self.conn, SNAPSHOT_TABLE):
                raise no_history(self.name)
            version_of(self.conn)
            yield self.conn
        except sqlite3.Error as exc:
            raise sqlite_failed("read", exc) from exc


def sources_of(
    where: PathLike | sqlite3.Connection | Iterable[PathLike],
) -> list[Source]:
    """The databases that a path, a connection, several paths or a glob pattern mean.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where a file is not there.
        InvalidType: (a TypeError) where `where` is none of these.
    """
    if isinstance(where, sqlite3.Connection):
        return [ConnectionSource(where)]
    if isinstance(where, str | os.PathLike):
        return [FileSource(path) for path in _expand(os.fspath(where))]
    if isinstance(where, Iterable):
        paths = [path for each in where for path in _expand(os.fspath(each))]
        return [FileSource(path) for path in dict.fromkeys(paths)]
    raise InvalidType(
        f"A history is a path, a connection, several paths or a glob, not {bounded_repr(where, 80)}.",
        why="It is read from SQLite databases.",
        fix='Write open_history("state.db").',
        context={"source": where},
    )


def log_path_of(conn: sqlite3.Connection) -> str | None:
    """Where the newest recording in a database that has a log wrote it."""
    if not has_table(conn, "flexiflow_runs"):
        return None
    query = "SELECT log_path FROM flexiflow_runs WHERE log_path IS NOT NULL ORDER BY id DESC LIMIT 1"
    row = cursor(conn).execute(query).fetchone()
    return None if row is None else str(row[0])


def no_history(name: str) -> PersistenceError:
    """A database without a history in it."""
    return PersistenceError(
        f"{name} holds no history.",
        why=f"It has no table {SNAPSHOT_TABLE}.",
        fix="Correct the path, or record something with record(engine, path) first.",
        context={"path": name},
    )


def _expand(pattern: str) -> list[Path]:
    if os.path.exists(pattern):
        if os.path.isdir(pattern):
            raise _not_found(pattern, "It is a folder, not a database.")
        return [Path(pattern)]
    found = [Path(each) for each in sorted(glob.glob(pattern))] if glob.has_magic(pattern) else []
    if not found:
        raise _not_found(pattern, "There is no such file, and none matches it as a pattern.")
    return found


def _not_found(pattern: str, why: str) -> StateFileNotFound:
    return StateFileNotFound(
        f"History not found: {pattern}.",
        why=why,
        fix='Record one with record(engine, "state.db"), or correct the path.',
        context={"path": pattern, "folder": os.getcwd()},
    )

"""Where a history is: files, a connection, or a recording that is under way. Reading only."""

from __future__ import annotations

import glob
import os
import sqlite3
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol, TypeVar

from flexiflow.analysis.base import words
from flexiflow.analysis.reading.tables import began_us, readable
from flexiflow.errors import InvalidType, PersistenceError, StateFileNotFound, bounded_repr
from flexiflow.file_kind import absence, inside, near, refuse_log
from flexiflow.persistence.damage import is_of_damage
from flexiflow.persistence.opening import open_read_only, reporting, require_history
from flexiflow.persistence.salvage import salvaged
from flexiflow.persistence.schema import columns_of, cursor, migrate

Answer = TypeVar("Answer")
PathLike = str | os.PathLike[str]
_BESIDE_A_DATABASE = ("-wal", "-shm", "-journal")


class Source(Protocol):
    """One database that can be asked."""

    @property
    def name(self) -> str:
        """What the ``source`` column says."""

    @property
    def path(self) -> Path | None:
        """The file, where it was opened by its path."""

    def connect(self) -> AbstractContextManager[sqlite3.Connection]:
        """A connection for one question; never inside another, for a history in memory has one."""

    def settle(self) -> None:
        """Wait for what is queued, where a recording is under way."""

    def notices(self) -> list[str]:
        """What people should know about how it is read, in sentences."""

    def salvage(self) -> bool:
        """Let the next question see what can be read of a damaged file; False where it can't."""


@dataclass(frozen=True, slots=True)
class _Salvaged:
    """What could be read of a damaged file, for one question at a time."""

    conn: sqlite3.Connection
    notice: str
    lock: threading.RLock = field(default_factory=threading.RLock)


@dataclass(frozen=True, slots=True)
class FileSource:
    """A database file, opened read-only for each question.

    Attributes:
        path: the file, absolute, so that it is found from any working directory.
        name: what the ``source`` column says: the path as it was given.
        matched: whether a pattern found it, and nobody named it: where it is not there, nothing
            is read, and a notice says so.
    """

    path: Path
    name: str
    matched: bool = False
    _salvaged: list[_Salvaged] = field(default_factory=list, compare=False, repr=False)

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """Open the file read-only; it is never changed.

        Raises:
            PersistenceError: where it is no history that can be read.
        """
        for copy in self._salvaged:
            with copy.lock, reporting(self.name), readable(copy.conn):
                yield copy.conn
            return
        with ExitStack() as opened:
            try:
                conn = opened.enter_context(open_read_only(self.path, name=self.name))
            except StateFileNotFound:
                if not self.matched:
                    raise
                conn = opened.enter_context(_nothing())
            conn.execute("BEGIN")  # one state of the file for the whole question
            with readable(conn):
                yield conn

    def settle(self) -> None:
        """A file is what it is."""

    def notices(self) -> list[str]:
        """Whether it is read as it lies there, is cut off, lacks its ``-wal``, or is not there."""
        found: list[str] = []
        try:
            with open_read_only(self.path, name=self.name, notices=found):
                return found + [each.notice for each in self._salvaged]
        except StateFileNotFound:
            if not self.matched:
                raise
            return [f"{words.name(self.name, 300)} is left out. {absence(self.path)}"]

    def salvage(self) -> bool:
        """Copy what can be read; later questions go to the copy.

        Raises:
            PersistenceError: where not even the schema can be read.
        """
        if self._salvaged:
            return False
        with open_read_only(self.path, name=self.name) as conn, readable(conn):
            found = _Salvaged(*salvaged(conn, self.path.name))
        self._salvaged.append(found)
        return True


@contextmanager
def _nothing() -> Iterator[sqlite3.Connection]:
    """A history in which nothing is recorded."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as conn:
        migrate(conn)
        yield conn


@dataclass(frozen=True, slots=True)
class ConnectionSource:
    """A connection that the caller owns; neither it nor its data is changed."""

    conn: sqlite3.Connection
    name: str = "connection"
    path: None = None

    @contextmanager
    def connect(self) -> Iterator[sqlite3.Connection]:
        """The connection itself.

        Raises:
            PersistenceError: where it is closed, or leads to no history that can be read.
        """
        with reporting(self.name):
            require_history(self.conn, self.name)
            with readable(self.conn):
                yield self.conn

    def settle(self) -> None:
        """A connection shows what its owner wrote."""

    def notices(self) -> list[str]:
        """Its owner opened it."""
        return []

    def salvage(self) -> bool:
        """Its owner knows what to do."""
        return False


@contextmanager
def reading_shared(conn: sqlite3.Connection, name: str) -> Iterator[sqlite3.Connection]:
    """Ask over a connection that a recording writes through, without a chance to write."""
    with reporting(name), readable(conn):
        cursor(conn).execute("PRAGMA query_only = ON")
        try:
            yield conn
        finally:
            cursor(conn).execute("PRAGMA query_only = OFF")


def sources_of(
    where: PathLike | sqlite3.Connection | Iterable[PathLike],
) -> Sequence[Source]:
    """The databases that a path, a connection, several paths or a glob pattern mean.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where a file is not there.
        InvalidType: (a TypeError) where `where` is none of these.
    """
    if isinstance(where, sqlite3.Connection):
        return [ConnectionSource(where)]
    found = [each for pattern in _patterns(where) for each in _expand(pattern)]
    if not found:
        raise _not_found(None, "The collection of paths is empty.")
    # The same file twice would count everything in it twice; what is named is not left out.
    found.sort(key=lambda each: each.matched)
    unique = {os.path.realpath(each.path): each for each in reversed(found)}
    return list(reversed(unique.values()))


def in_order(sources: Iterable[Source]) -> list[Source]:
    """Sources by the time at which they begin; those that don't say keep to the end.

    Raises:
        PersistenceError: where one is no history that can be read.
    """
    begun = []
    for source in sources:
        begun.append((despite_damage([source], partial(_began_us, source)), source))
    begun.sort(key=lambda each: (each[0] is None, each[0] or 0))
    return [source for _, source in begun]


def _began_us(source: Source) -> int | None:
    with source.connect() as conn:
        return began_us(conn)


def despite_damage(sources: Sequence[Source], ask: Callable[[], Answer]) -> Answer:
    """Ask; where that meets damage in a file, ask again of what can be read of that one.

    Raises:
        PersistenceError: where nothing can.
    """
    while True:  # each file is salvaged once
        try:
            return ask()
        except PersistenceError as exc:
            name = exc.context_items.get("path")
            damaged = [each for each in sources if each.name == name] if is_of_damage(exc) else []
            if not any(source.salvage() for source in damaged):
                raise


def files_of(sources: Iterable[Source]) -> dict[str, str]:
    """How sentences say which file a row is of; see `words.of_files`."""
    return words.of_files(source.name for source in sources)


def as_it_lies(source: Source) -> Source:
    """A source without what was salvaged of it; a file that is not there is an error."""
    return FileSource(source.path, source.name) if isinstance(source, FileSource) else source


def log_path_of(conn: sqlite3.Connection) -> str | None:
    """Where the newest recording in a database that has a log wrote it."""
    if "log_path" not in columns_of(conn, "flexiflow_runs"):
        return None
    query = """SELECT log_path FROM flexiflow_runs WHERE typeof(log_path) = 'text'
        ORDER BY rowid DESC LIMIT 1"""
    row = cursor(conn).execute(query).fetchone()
    return None if row is None else str(row[0])


def _patterns(where: Any) -> list[str]:
    given = [where] if isinstance(where, str | os.PathLike) else where
    if isinstance(given, Iterable) and not isinstance(given, bytes):
        patterns = [os.fspath(each) if isinstance(each, os.PathLike) else each for each in given]
        if all(isinstance(each, str) for each in patterns):
            return patterns
    raise InvalidType(
        f"A history is a path, a connection, paths or a glob, not {bounded_repr(where, 80)}.",
        why="It is read from SQLite databases.",
        fix='Write open_history("state.db").',
        context={"source": where},
    )


def _expand(pattern: str) -> list[FileSource]:
    if os.path.isdir(pattern):
        raise _not_found(pattern, "It is a folder, not a database.")
    if os.path.exists(pattern):
        refuse_log(pattern)
        return [_file(pattern)]
    found = [
        each
        for each in sorted(glob.glob(pattern))
        if not each.endswith(_BESIDE_A_DATABASE) and not os.path.isdir(each)
    ]
    if not any(map(os.path.exists, found)):
        why = "There is no such file, and none matches it as a pattern."
        raise _not_found(pattern, absence(found[0]) if found else why)
    return [_file(each, matched=True) for each in found]


def _file(path: str, *, matched: bool = False) -> FileSource:
    given = Path(path)
    return FileSource(given.absolute(), str(given), matched)


def _not_found(pattern: str | None, why: str) -> StateFileNotFound:
    named = "no path at all" if pattern is None else bounded_repr(pattern, 300)
    return StateFileNotFound(
        f"History not found: {named}.",
        why=why,
        fix=((inside(pattern) or near(pattern)) if pattern else None)
        or 'Record one with record(engine, "state.db"), or correct the path.',
        context={"path": pattern, "folder": os.getcwd()},
    )

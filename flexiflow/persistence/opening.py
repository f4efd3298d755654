"""Opening a history file that is there: to read it without changing it, or to write."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from flexiflow.arguments import checked_path
from flexiflow.errors import PersistenceError, StateFileNotFound, bounded_repr
from flexiflow.file_kind import absence, inside, near
from flexiflow.persistence.damage import is_damage
from flexiflow.persistence.schema import (
    RUNS,
    SNAPSHOTS,
    SQLITE_ERRORS,
    columns_of,
    cursor,
    has_table,
    sqlite_failed,
    version_of,
)

BUSY_TIMEOUT_S = 5.0

_PAGE_SIZE, _WRITE_VERSION, _PAGE_COUNT = slice(16, 18), 18, slice(28, 32)  # in SQLite's header
_WAL = 2
_UNWRITABLE = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY)


def existing_file(path: str | os.PathLike[str]) -> Path:
    """The absolute path of a file that is there.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where it is not.
    """
    file = Path(os.path.abspath(checked_path(path, "path")))
    if file.is_file():
        return file
    raise history_not_found(str(path), file)


def history_not_found(path: str, file: Path) -> StateFileNotFound:
    """A history that is not there, or is a folder.

    Args:
        path: what it was called.
        file: the same, absolute.
    """
    return StateFileNotFound(
        f"History not found: {bounded_repr(path, 300)}.",
        why="It is a folder, not a database." if file.is_dir() else absence(file),
        fix=inside(file)
        or near(file)
        or 'Record one with record(engine, "state.db"), or correct the path.',
        context={"path": path, "folder": os.getcwd()},
    )


@contextmanager
def open_read_only(
    file: Path, *, name: str | None = None, notices: list[str] | None = None
) -> Iterator[sqlite3.Connection]:
    """Open a database for reading; neither it nor its folder's other files are changed.

    Args:
        file: the database, absolute.
        name: what errors call it; its path unless given.
        notices: what people should know about the file is added to it.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where it is not there.
        PersistenceError: where it can't be read, or holds no history.
    """
    name = str(file) if name is None else name
    said: list[str] = []
    with reporting(name):
        conn = _connect(file, name, said)
        try:
            require_history(conn, name, file)
            if notices is not None:
                notices += [*said, *_left_behind(conn, file)]
            yield conn
        finally:
            conn.close()


@contextmanager
def open_to_write(file: Path) -> Iterator[sqlite3.Connection]:
    """Open a history for writing, with no transaction open.

    Raises:
        PersistenceError: where it can't be written, or holds no history.
    """
    address = f"{file.as_uri()}?mode=rw"
    with reporting(str(file)):
        conn = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
        try:
            require_history(conn, str(file), file)
            yield conn
        finally:
            conn.close()


@contextmanager
def reporting(name: str) -> Iterator[None]:
    """Turn SQLite's errors into ours, and let every error say which database it is about."""
    try:
        yield
    except SQLITE_ERRORS as exc:
        error = sqlite_failed("read", exc)
        error.context = {"path": name, **error.context_items}
        raise error from exc
    except PersistenceError as exc:
        exc.context = {"path": name, **exc.context_items}
        raise


def require_history(conn: sqlite3.Connection, name: str, file: Path | None = None) -> None:
    """Refuse a database without a history, and one that a newer version wrote.

    Raises:
        PersistenceError: in both cases.
    """
    if version_of(conn) == 0 or not has_table(conn, SNAPSHOTS):
        raise no_history(name, file)


def no_history(name: str, file: Path | None = None) -> PersistenceError:
    """A database without a history in it."""
    why = f"It has no table {SNAPSHOTS}."
    fix = "Correct the path, or record something with record(engine, path) first."
    if file is not None and _lacks_wal(file):
        why += f" Its newest rows may be in {file.name}-wal, and no such file is beside it."
        fix = f"Copy {file.name}-wal as well; or make one file of both: flexiflow backup DB OUT."
    return PersistenceError(f"{name} holds no history.", why=why, fix=fix, context={"path": name})


def _lacks_wal(file: Path) -> bool:
    """Whether newer rows could be in a ``-wal``, as the header says, and there is none."""
    header = _header(file)
    expected = len(header) > _WRITE_VERSION and header[_WRITE_VERSION] == _WAL
    return expected and not _has_wal(file)  # reading one leaves an empty one


def _left_behind(conn: sqlite3.Connection, file: Path) -> list[str]:
    """Say so where the newest rows may have stayed in a ``-wal`` that was not copied."""
    if not _lacks_wal(file) or not {"id", "end_us"} <= set(columns_of(conn, RUNS)):
        return []  # a recording that ends leaves no -wal
    query = f"SELECT end_us IS NULL FROM {RUNS} ORDER BY id DESC LIMIT 1"
    if cursor(conn).execute(query).fetchone() != (1,):
        return []
    return [
        f"The last recording in {file.name} was not closed, and no {file.name}-wal is beside it: "
        "if the file was copied, the newest rows may have stayed in that. Was it copied as well?"
    ]


def _missing_bytes(file: Path) -> int:
    """How much shorter a file is than its header says; 0 where that is not known."""
    header = _header(file)
    if len(header) < _PAGE_COUNT.stop or _has_wal(file):
        return 0
    size = int.from_bytes(header[_PAGE_SIZE], "big")
    pages = int.from_bytes(header[_PAGE_COUNT], "big")
    return max((65_536 if size == 1 else size) * pages - file.stat().st_size, 0)


def _connect(file: Path, name: str, notices: list[str]) -> sqlite3.Connection:
    try:
        return _opened(file, "mode=ro")
    except sqlite3.DatabaseError as exc:
        if not file.exists():
            raise history_not_found(name, file) from exc
        code = getattr(exc, "sqlite_errorcode", None) or 0
        if is_damage(exc):
            return _connect_to_damaged(file, notices)
        if code & 0xFF not in _UNWRITABLE or not os.access(file, os.R_OK):
            raise
        if _has_wal(file):
            raise _unreadable_wal(file) from exc
        conn = _opened(file, "mode=ro&immutable=1")
        notices.append(
            f"{file.name} is read as it lies there (immutable), since its folder can't be "
            "written: where another program writes it at this moment, answers may be wrong."
        )
        return conn


def _connect_to_damaged(file: Path, notices: list[str]) -> sqlite3.Connection:
    """Open a file that SQLite refuses because it is shorter than its header says."""
    conn = _opened(file, "mode=ro", "PRAGMA writable_schema = ON")
    missing = _missing_bytes(file)
    if missing:
        notices.append(
            f"{file.name} is cut off: {missing:,} bytes are missing from its end. "
            "What can still be read is shown."
        )
    else:
        notices.append(f"{file.name} is damaged. What can still be read is shown.")
    return conn


def _opened(file: Path, how: str, *first: str) -> sqlite3.Connection:
    address = f"{file.as_uri()}?{how}"
    conn = sqlite3.connect(address, uri=True, timeout=BUSY_TIMEOUT_S, isolation_level=None)
    try:
        for statement in (*first, "SELECT count(*) FROM sqlite_master"):
            cursor(conn).execute(statement).fetchall()
    except sqlite3.Error:
        conn.close()
        raise
    return conn


def _unreadable_wal(file: Path) -> PersistenceError:
    return PersistenceError(
        f"{file} can't be read where it is.",
        why=f"Its newest rows are in {file.name}-wal, and SQLite needs to write beside it to "
        "read that.",
        fix=f"Copy {file.name} and {file.name}-wal to a folder that you can write to.",
        context={"path": str(file)},
    )


def _has_wal(file: Path) -> bool:
    try:
        return os.path.getsize(f"{file}-wal") > 0
    except OSError:
        return False


def _header(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            header = opened.read(100)
    except OSError:
        return b""
    return header if header.startswith(b"SQLite format 3\0") else b""

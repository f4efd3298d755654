"""One consistent file of a history, also while somebody records to it."""

from __future__ import annotations

import contextlib
import os
import secrets
import sqlite3
from pathlib import Path

from flexiflow.errors import InvalidValue, PersistenceError
from flexiflow.persistence.json_store import replace_with
from flexiflow.persistence.opening import existing_file, open_read_only
from flexiflow.persistence.schema import SQLITE_ERRORS, cursor, sqlite_failed

_BESIDE = ("-wal", "-journal")


def backup_history(
    path: str | os.PathLike[str], out: str | os.PathLike[str], *, force: bool = False
) -> int:
    """Copy a history, with what is still in its ``-wal``, into one file.

    The copy shows one moment; whoever records goes on meanwhile. It is written beside `out`,
    synced, and takes its name only when it is whole. It needs no ``-wal``, and can be read in a
    read-only folder. Bookmarks are not copied.

    Args:
        path: the database.
        out: the file to write.
        force: replace a file that is there.

    Returns:
        the size of the copy in bytes.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no such database.
        InvalidValue: (a ValueError) where `out` is the database itself.
        PersistenceError: where `out` is there and `force` is not given, where it has a ``-wal`` of
            its own, or where something can't be read or written; then `out` is as it was.
    """
    source, target = existing_file(path), Path(os.path.realpath(out))
    _check_target(source, target, force)
    temporary = target.parent / f".{target.name[:40]}.{secrets.token_hex(8)}.tmp"
    try:
        with open_read_only(source) as conn:
            _copy(conn, temporary)
        size = temporary.stat().st_size
        replace_with(temporary, target, overwrite=force)
    except BaseException:
        for ending in ("", "-journal"):
            with contextlib.suppress(OSError):
                Path(f"{temporary}{ending}").unlink()
        raise
    return size


def _copy(conn: sqlite3.Connection, temporary: Path) -> None:
    try:
        with contextlib.closing(sqlite3.connect(temporary, isolation_level=None)) as copy:
            conn.backup(copy)
            cursor(copy).execute("PRAGMA journal_mode = DELETE").fetchall()
    except SQLITE_ERRORS as exc:
        raise sqlite_failed("copied", exc) from exc


def _check_target(source: Path, target: Path, force: bool) -> None:
    if target == Path(os.path.realpath(source)):
        raise InvalidValue(
            "A history can't be backed up into itself.",
            why=f"{target} is the database.",
            fix="Name another file.",
            context={"path": str(source), "out": str(target)},
        )
    if target.is_dir() or (target.exists() and not force):
        raise PersistenceError(
            f"{target} is there already.",
            why="It is a folder." if target.is_dir() else "A backup replaces nothing unasked.",
            fix="Name another file, or pass force=True (--force).",
            context={"out": str(target)},
        )
    beside = [f"{target}{ending}" for ending in _BESIDE if os.path.exists(f"{target}{ending}")]
    if beside:
        raise PersistenceError(
            f"{target} can't be written: {Path(beside[0]).name} is beside it.",
            why="It belongs to another database of that name, which is in use or was not closed; "
            "SQLite would take it for a part of the copy.",
            fix="Name another file.",
            context={"out": str(target), "found": beside[0]},
        )

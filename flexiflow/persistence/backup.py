"""One consistent file of a history, also while somebody records to it."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from flexiflow.arguments import checked_path
from flexiflow.errors import InvalidValue, PersistenceError
from flexiflow.persistence.atomic import replacing, taken
from flexiflow.persistence.opening import existing_file, open_read_only
from flexiflow.persistence.schema import SQLITE_ERRORS, cursor, sqlite_failed

_BESIDE = ("-wal", "-journal")


@dataclass(frozen=True, slots=True)
class Backup:
    """A copy that was made.

    Attributes:
        path: the database.
        out: the copy.
        size: the size of the copy in bytes.
        notices: what people should know about the database, in sentences.
    """

    path: str
    out: str
    size: int
    notices: tuple[str, ...] = ()


def backup_history(
    path: str | os.PathLike[str], out: str | os.PathLike[str], *, force: bool = False
) -> Backup:
    """Copy a history, with what is still in its ``-wal``, into one file.

    The copy shows one moment; whoever records goes on meanwhile. It is written beside `out`,
    synced, and takes its name only when it is whole. It needs no ``-wal``, and can be read in a
    read-only folder. Nobody may use it who may not use the database. Bookmarks are not copied.

    Args:
        path: the database.
        out: the file to write.
        force: replace a file that is there.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no such database.
        InvalidValue: (a ValueError) where `out` is the database itself.
        PersistenceError: where `out` is there and `force` is not given, where it has a ``-wal`` of
            its own, or where something can't be read or written; then `out` is as it was.
    """
    source, target = existing_file(path), Path(os.path.realpath(checked_path(out, "out")))
    _check_target(source, target, force)
    notices: list[str] = []
    with replacing(target, mode=source.stat().st_mode & 0o777, force=force) as temporary:
        with open_read_only(source, name=str(path), notices=notices) as conn:
            _copy(conn, temporary)
        size = temporary.stat().st_size
    return Backup(str(path), str(out), size, tuple(notices))


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
        raise taken(target)
    beside = [Path(f"{target}{ending}") for ending in _BESIDE]
    found = [each for each in beside if each.exists() and each.stat().st_size]
    if found:
        raise PersistenceError(
            f"{target} can't be written: {found[0].name} is beside it.",
            why="It belongs to another database of that name, which is in use or was not closed; "
            "SQLite would take it for a part of the copy.",
            fix="Name another file.",
            context={"out": str(target), "found": str(found[0])},
        )

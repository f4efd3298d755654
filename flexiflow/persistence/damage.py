"""Reading around damage: the rows of a table that can be read, where some of it can't."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from flexiflow.persistence.schema import cursor

_BEFORE_ALL = -(2**63)
_AFTER_ALL = 2**62

OnDamage = Callable[[int | None, int | None], None]
"""Told of each damaged place: the id of the last row before it, and of the first one after."""


def is_damage(error: sqlite3.Error) -> bool:
    """Whether an error says that the file itself is damaged."""
    code = getattr(error, "sqlite_errorcode", None) or 0
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_IOERR)


def damage(found: str) -> sqlite3.DatabaseError:
    """An error like SQLite's own, for damage that SQLite doesn't notice: entries out of order."""
    error = sqlite3.DatabaseError(f"database disk image is malformed: {found}")
    error.sqlite_errorcode = sqlite3.SQLITE_CORRUPT
    return error


def is_of_damage(error: BaseException) -> bool:
    """Whether an error of ours comes of one that says so."""
    return isinstance(error.__cause__, sqlite3.Error) and is_damage(error.__cause__)


def rows_despite_damage(
    conn: sqlite3.Connection, query: str, values: Sequence[Any], on_damage: OnDamage
) -> Iterator[tuple[Any, ...]]:
    """The rows that a query finds, by ascending id, without those on damaged pages.

    Args:
        conn: a connection.
        query: its first column is the row's id, its last placeholder is in ``rowid > ?``, and it
            is ordered by the id.
        values: for its other placeholders.
        on_damage: told where rows could not be read.

    Raises:
        sqlite3.Error: where SQLite fails for another reason than damage.
    """
    after, last = _BEFORE_ALL, None
    while True:
        try:
            for row in cursor(conn).execute(query, (*values, after)):
                yield row
                last = row[0]
                after = max(after, row[0])  # a damaged page may lead back
            return
        except sqlite3.DatabaseError as exc:
            if not is_damage(exc):
                raise
        found = _next_readable(conn, query, values, max(after, -1))
        on_damage(last, None if found is None else found[1])
        if found is None:
            return
        after = found[0]


def _next_readable(
    conn: sqlite3.Connection, query: str, values: Sequence[Any], after: int
) -> tuple[int, int] | None:
    """The least id after which a row can be read, and that row's id; None where there is none."""
    step, bad = 1, after
    while True:
        good = after + step
        if good > _AFTER_ALL:
            return None
        found = _first_id(conn, query, values, good)
        if found is not False:
            break
        bad, step = good, step * 2
    if found is None:
        return None
    while good - bad > 1:
        middle = (good + bad) // 2
        tried = _first_id(conn, query, values, middle)
        if tried is False:
            bad = middle
        else:
            good, found = middle, tried
    return None if found is None else (good, found)


def _first_id(
    conn: sqlite3.Connection, query: str, values: Sequence[Any], after: int
) -> int | bool | None:
    """The first row's id; None where there is no row, False where it can't be read."""
    try:
        row = cursor(conn).execute(query, (*values, after)).fetchone()
    except sqlite3.DatabaseError as exc:
        if not is_damage(exc):
            raise
        return False
    return None if row is None else int(row[0])

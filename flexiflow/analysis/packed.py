"""Many rows read as few: SQLite itself packs each column of a block of rows into one text.

A Python object for each value is what reading with `fetchall` costs most. Here a block of some
thousand rows is one row of texts that numpy and Arrow cut up. A block in which anything is not as
a recording writes it (a broken body, bytes where a text should be, a separator in a name) is
read again row by row, with the expressions of `tables`: those alone say what is shown.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flexiflow.analysis import frames
from flexiflow.analysis.columns import MISSING, SEPARATOR, Building, whole_numbers
from flexiflow.persistence.damage import damage
from flexiflow.persistence.schema import cursor

FEWEST, MOST = 256, 16_384
"""Rows in the first block, and in any: more would not stay in a processor's cache."""
_BYTES = 8 * 2**20  # what a block aims at, where rows are large
_LARGEST = 2**28  # bytes of one packed column; beyond it rows are read one by one

Pieces = dict[str, Any]

# SQLite reads -9223372036854775808 as a float.
_NO_NUMBER = f"({frames.NO_NUMBER + 1} - 1)"
_MISSING, _SEPARATOR = (f"'{each.decode()}'" for each in (MISSING, SEPARATOR))


@dataclass(frozen=True, slots=True)
class Shortcut:
    """What a packed query asks for, where a table is as a recording or 1.x made it.

    Attributes:
        wholes: columns of whole numbers by the frame's names: of type INTEGER in the file.
        texts: columns of texts; of type TEXT.
        finish: the frame's pieces from the packed texts and the number of rows; None where a row
            is not what it should be.
    """

    wholes: Mapping[str, str]
    texts: Mapping[str, str]
    finish: Callable[[Building, Mapping[str, bytes], int], Pieces | None]


@dataclass(frozen=True, slots=True)
class Query:
    """Rows of one table, and the columns of a frame.

    Attributes:
        table: the table, called ``s`` in all expressions.
        fields: an expression for each column of the frame, in its order; ``id`` among them.
        condition, values: which rows.
        component: the component that the condition asks for, or None: it has an index.
        after: only ids above this.
        last: only ids up to this.
        shortcut: how blocks are packed; None where rows must be read one by one.
        join: what each row is joined with, at most one row of another table.
    """

    table: str
    fields: Mapping[str, str]
    condition: str = "1"
    values: Sequence[Any] = field(default=())
    component: str | None = None
    after: int | None = None
    shortcut: Shortcut | None = None
    join: str = ""
    last: int | None = None


def read(conn: sqlite3.Connection, query: Query, building: Building) -> None:
    """Add the rows of a query to a frame that is being built, by id."""
    for _ in read_blocks(conn, query, building):
        pass


def read_blocks(conn: sqlite3.Connection, query: Query, building: Building) -> Iterator[int]:
    """Add the rows block by block, and say each time how many.

    Raises:
        sqlite3.DatabaseError: of damage, where an index leads back, which SQLite doesn't notice.
    """
    width, low = FEWEST, _first_id(conn, query, query.after)
    last = frames.LARGEST if query.last is None else query.last
    while low is not None and low <= last:
        high = min(_last_id(conn, query, low, width), last)
        count, length = _add_block(conn, query, building, low, high)
        yield count
        width = _next_width(width, count, length)
        following = _first_id(conn, query, high)
        if following is not None and following <= high:
            raise damage(f"{query.table} leads from row {high} back to row {following}")
        low = following


def last_of(conn: sqlite3.Connection, query: Query, number: int) -> int | None:
    """The id of the last of the first so many rows of a query; None for no row."""
    after = -frames.LARGEST - 1 if query.after is None else query.after
    ids = f"""SELECT s.rowid AS id FROM {query.table} s {query.join}
        WHERE {query.condition} AND s.rowid > ? ORDER BY s.rowid LIMIT ?"""
    select = f"SELECT max(id) FROM ({ids})"
    row = cursor(conn).execute(select, [*query.values, after, number]).fetchone()
    return None if row[0] is None else int(row[0])


def _first_id(conn: sqlite3.Connection, query: Query, after: int | None) -> int | None:
    condition, values = _of_component(query)
    if after is not None:
        condition, values = f"{condition} AND s.rowid > ?", [*values, after]
    first = f"SELECT s.rowid FROM {query.table} s WHERE {condition} ORDER BY s.rowid LIMIT 1"
    row = cursor(conn).execute(first, values).fetchone()
    return None if row is None else row[0]


def _last_id(conn: sqlite3.Connection, query: Query, low: int, width: int) -> int:
    """The id at which a block ends: so many ids, or so many rows of a component, from `low` on."""
    if query.component is None:
        return min(low + width - 1, frames.LARGEST)
    condition, values = _of_component(query)
    ids = f"""SELECT s.rowid AS id FROM {query.table} s WHERE {condition} AND s.rowid >= ?
        ORDER BY s.rowid LIMIT ?"""
    row = cursor(conn).execute(f"SELECT max(id) FROM ({ids})", [*values, low, width]).fetchone()
    last = low if row[0] is None else int(row[0])  # none: deleted since, by somebody else
    if last < low or (row[0] is None and _is_there(conn, query, low)):
        raise damage(f"an index of {query.table} leads from row {low} to {row[0]}")
    return last


def _is_there(conn: sqlite3.Connection, query: Query, row_id: int) -> bool:
    """Whether the table itself has a row."""
    select = f"SELECT 1 FROM {query.table} NOT INDEXED WHERE rowid = ?"
    return cursor(conn).execute(select, (row_id,)).fetchone() is not None


def _of_component(query: Query) -> tuple[str, list[Any]]:
    if query.component is None:
        return "1", []
    return "s.component_name = ?", [query.component]


def _next_width(width: int, count: int, length: int) -> int:
    """As wide as makes a good block of rows as those of the last one; never much wider at once."""
    rows = min(MOST, _BYTES * count // length) if length else MOST
    return max(1, min(width * 4, MOST * 64, rows * width // max(count, 1)))


def _add_block(
    conn: sqlite3.Connection, query: Query, building: Building, low: int, high: int
) -> tuple[int, int]:
    """Add the rows with ids from `low` to `high`, and return their number and their bytes."""
    if query.shortcut is not None and high - low >= FEWEST:
        found = _packed_block(conn, query, query.shortcut, building, low, high)
        if found is not None:
            pieces, count, length = found
            building.add(pieces, count)
            return count, length
    rows = _plain_rows(conn, query, low, high)
    building.add_rows(rows)
    return len(rows), sum(len(value) for row in rows for value in row if isinstance(value, str))


def _plain_rows(
    conn: sqlite3.Connection, query: Query, low: int, high: int
) -> list[tuple[Any, ...]]:
    select = f"""SELECT {", ".join(query.fields.values())} FROM {query.table} s {query.join}
        WHERE {query.condition} AND s.rowid BETWEEN ? AND ? ORDER BY s.rowid"""
    return cursor(conn).execute(select, [*query.values, low, high]).fetchall()


def _packed_block(
    conn: sqlite3.Connection,
    query: Query,
    shortcut: Shortcut,
    building: Building,
    low: int,
    high: int,
) -> tuple[Pieces, int, int] | None:
    """A block's pieces, number of rows and bytes; None where it must be read row by row."""
    packed = _packed_row(conn, query, shortcut, low, high)
    if packed is None:
        return None
    count, checks, raw = packed
    if not count:
        return {}, 0, 0
    pieces = shortcut.finish(building, raw, count) if _as_declared(checks, raw, count) else None
    if pieces is None or (ids := _ids(conn, query, count, low, high)) is None:
        return None
    return {**pieces, "id": ids}, count, sum(map(len, raw.values()))


def _packed_row(
    conn: sqlite3.Connection, query: Query, shortcut: Shortcut, low: int, high: int
) -> tuple[int, Sequence[Any], dict[str, bytes]] | None:
    """Number of rows, their checks, and the packed columns; None where they are too large."""
    wholes, texts = shortcut.wholes.values(), shortcut.texts.values()
    # SQLite compares fastest: a text is above every number, and bytes are above every text.
    checks = [f"typeof(max({each}))" for each in wholes]
    for each in texts:
        checks += [f"typeof(max({each}))", f"count({each})"]
    cells = [f"group_concat(ifnull({each}, {_NO_NUMBER}))" for each in wholes]
    cells += [f"group_concat(ifnull({each}, {_MISSING}), {_SEPARATOR})" for each in texts]
    select = f"SELECT count(*), {', '.join([*checks, *cells])} {_rows_between(query)}"
    with _packing(conn):
        try:
            row = cursor(conn).execute(select, [*query.values, low, high]).fetchone()
        except sqlite3.DataError:  # beyond the limit
            return None
    names = [*shortcut.wholes, *shortcut.texts]
    raw = dict(zip(names, row[-len(names) :], strict=True))
    return row[0], row[1 : -len(names)], raw


def _as_declared(checks: Sequence[Any], raw: Mapping[str, bytes], count: int) -> bool:
    """Whether numbers are numbers and texts are texts, and no text looks like a missing one."""
    cells = list(raw.values())
    number = len(cells) - (len(checks) - len(cells))  # of columns of whole numbers
    types = [*checks[:number], *checks[number::2]]
    if b"blob" in types or b"text" in types[:number]:
        return False
    present = checks[number + 1 :: 2]
    return all(
        # Finding none is far faster than counting.
        MISSING not in packed if there == count else packed.count(MISSING) == count - there
        for there, packed in zip(present, cells[number:], strict=True)
    )


def _rows_between(query: Query) -> str:
    # NOT INDEXED leaves the table itself, in the order of its ids; a component has an index.
    by_id = "NOT INDEXED" if query.component is None else ""
    return f"""FROM {query.table} s {by_id} {query.join}
        WHERE {query.condition} AND s.rowid BETWEEN ? AND ?"""


@contextmanager
def _packing(conn: sqlite3.Connection) -> Iterator[None]:
    """Texts as bytes, and not too long, meanwhile."""
    factory = conn.text_factory
    longest = conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LARGEST)
    conn.text_factory = bytes
    try:
        yield
    finally:
        conn.text_factory = factory
        conn.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, longest)


def _ids(conn: sqlite3.Connection, query: Query, count: int, low: int, high: int) -> Any:
    """The piece of ids; None where SQLite went through the rows in another order."""
    import numpy as np

    if count == high - low + 1:
        return np.arange(low, high + 1, dtype=np.int64)
    select = f"SELECT group_concat(s.rowid) {_rows_between(query)}"
    with _packing(conn):
        (raw,) = cursor(conn).execute(select, [*query.values, low, high]).fetchone()
    ids = whole_numbers(raw, count)
    return ids if ids is not None and (ids[1:] > ids[:-1]).all() else None

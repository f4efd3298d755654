"""Many rows read as few: SQLite itself packs each column of a block of rows into one text.

A Python object for each value is what reading with `fetchall` costs most. Here a block of some
thousand rows is one row of texts that numpy and Arrow cut up. A block in which anything is not as
a recording writes it (a broken body, bytes where a text should be, a separator in a name) is
read again row by row, with the expressions of `tables`: those alone say what is shown.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from flexiflow.analysis.base import frames
from flexiflow.analysis.reading.columns import Building
from flexiflow.analysis.reading.packing import Packed, pack, pieces_of
from flexiflow.analysis.reading.query import Pieces, Query
from flexiflow.analysis.reading.steady import Steady
from flexiflow.persistence.damage import damage
from flexiflow.persistence.schema import cursor

FEWEST, MOST = 256, 16_384
"""Rows in the first block, and in any: more would not stay in a processor's cache."""
_BYTES = 8 * 2**20  # what a block aims at, where rows are large

Answer = TypeVar("Answer")


def read(conn: sqlite3.Connection, query: Query, building: Building) -> None:
    """Add the rows of a query to a frame that is being built, by id."""
    for _ in read_blocks(conn, query, building):
        pass


def read_blocks(conn: sqlite3.Connection, query: Query, building: Building) -> Iterator[int]:
    """Add the rows block by block, and say each time how many.

    SQLite reads without the interpreter's lock: meanwhile the block before is cut up.

    Raises:
        sqlite3.DatabaseError: of damage, where an index leads back, which SQLite doesn't notice.
    """
    before: tuple[Packed | _Plain, Future[Pieces | None] | None] | None = None
    for block in _blocks(conn, query):
        if before is not None:
            yield _add(conn, query, building, *before)
        ready = None
        if query.shortcut is not None and isinstance(block, Packed):
            ready = _meanwhile(partial(pieces_of, query.shortcut, building, block))
        before = block, ready
    if before is not None:
        yield _add(conn, query, building, *before)


def _meanwhile(work: Callable[[], Answer]) -> Future[Answer]:
    """Do something in another thread, or at once where there is none to be had.

    Not in a pool, which takes no work while the interpreter ends.
    """
    done: Future[Answer] = Future()

    def run() -> None:
        try:
            done.set_result(work())
        except BaseException as exc:
            done.set_exception(exc)

    try:
        threading.Thread(target=run, name="flexiflow-reading", daemon=True).start()
    except RuntimeError:
        run()
    return done


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


@dataclass(frozen=True, slots=True)
class _Plain:
    """Rows that were read one by one.

    Attributes:
        rows: the rows.
    """

    rows: Sequence[tuple[Any, ...]]

    @property
    def count(self) -> int:
        """How many there are."""
        return len(self.rows)

    @property
    def length(self) -> int:
        """The bytes of their texts."""
        return sum(len(value) for row in self.rows for value in row if isinstance(value, str))


def _blocks(conn: sqlite3.Connection, query: Query) -> Iterator[Packed | _Plain]:
    """The rows of a query, some thousand at a time."""
    width, low = FEWEST, _first_id(conn, query, query.after)
    last = frames.LARGEST if query.last is None else query.last
    steady = Steady()
    while low is not None and low <= last:
        high = min(_last_id(conn, query, low, width), last)
        block: Packed | _Plain | None = None
        if query.shortcut is not None and high - low >= FEWEST:
            block = pack(conn, query, query.shortcut, steady, low, high)
        if block is None:
            block = _Plain(_plain_rows(conn, query, low, high))
        yield block
        width = _next_width(width, block.count, block.length)
        following = _first_id(conn, query, high)
        if following is not None and following <= high:
            raise damage(f"{query.table} leads from row {high} back to row {following}")
        low = following


def _add(
    conn: sqlite3.Connection,
    query: Query,
    building: Building,
    block: Packed | _Plain,
    ready: Future[Pieces | None] | None,
) -> int:
    """Add a block to the frame, and return its number of rows."""
    pieces = None if ready is None else ready.result()
    if pieces is not None:
        building.add(pieces, block.count)
        return block.count
    if isinstance(block, Packed):
        block = _Plain(_plain_rows(conn, query, block.low, block.high))
    building.add_rows(block.rows)
    return block.count


def _plain_rows(
    conn: sqlite3.Connection, query: Query, low: int, high: int
) -> list[tuple[Any, ...]]:
    select = f"""SELECT {", ".join(query.fields.values())} FROM {query.table} s {query.join}
        WHERE {query.condition} AND s.rowid BETWEEN ? AND ? ORDER BY s.rowid"""
    return cursor(conn).execute(select, [*query.values, low, high]).fetchall()

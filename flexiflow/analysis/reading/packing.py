"""One block of rows, packed: SQLite joins each column of it into one text.

What the texts say is checked for the whole block at once. SQLite compares fastest: a text is above
every number, and bytes are above every text, so that the highest value of a column has the type
that gives it away.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from flexiflow.analysis.base import frames
from flexiflow.analysis.reading.columns import (
    LINE_BREAK,
    MISSING,
    SEPARATOR,
    Building,
    whole_numbers,
)
from flexiflow.analysis.reading.query import Pieces, Query, Shortcut
from flexiflow.analysis.reading.steady import COMMA, Steady
from flexiflow.persistence.schema import cursor

_LARGEST = 2**28  # bytes of one packed column; beyond it rows are read one by one

# SQLite reads -9223372036854775808 as a float.
_NO_NUMBER = f"({frames.NO_NUMBER + 1} - 1)"
_MISSING = f"'{MISSING.decode()}'"
_OF_NUMBERS = frozenset({b"integer", b"null"})


@dataclass(frozen=True, slots=True)
class Packed:
    """A block that SQLite packed.

    Attributes:
        low, high: the lowest and the highest id that its rows may have.
        count: how many there are.
        types: the type of each packed column's highest value.
        raw: the packed columns.
        steady: those that are known without being packed.
        ids: their ids, packed; None where they are all from `low` to `high`.
        mistaken: whether a text is there that looks like a missing one.
    """

    low: int
    high: int
    count: int
    types: Mapping[str, bytes] = field(default_factory=dict)
    raw: Mapping[str, bytes] = field(default_factory=dict)
    steady: Mapping[str, bytes] = field(default_factory=dict)
    ids: bytes | None = None
    mistaken: bool = False

    @property
    def length(self) -> int:
        """The bytes of it."""
        return sum(map(len, self.raw.values()))


def pack(
    conn: sqlite3.Connection,
    query: Query,
    shortcut: Shortcut,
    steady: Steady,
    low: int,
    high: int,
) -> Packed | None:
    """Have SQLite pack the rows with ids from `low` to `high`; None where they are too large."""
    separators = _separators(shortcut)
    columns = {**shortcut.wholes, **shortcut.texts, **shortcut.bodies}
    expected = {name: steady.value(name, separators[name]) for name in steady.cells}
    packed = {name: each for name, each in columns.items() if name not in expected}
    counted = [name for name in packed if name in steady.sparse]
    others = " OR ".join(f"({columns[name]}) IS NOT ? COLLATE BINARY" for name in expected)
    named = ["count(*)", f"total({others or 0})"]
    named += [f"count({packed[name]})" for name in counted]
    named += [f"typeof(max({each}))" for each in packed.values()]
    named += [_joined(each, separators[name]) for name, each in packed.items()]
    rows, values = rows_between(query), [*query.values, low, high]
    select = f"SELECT {', '.join(named)} {rows}"
    with _packing(conn):
        try:
            found = cursor(conn).execute(select, [*expected.values(), *values]).fetchone()
            count, changed = found[:2]
            if changed:
                steady.doubt()
                return pack(conn, query, shortcut, steady, low, high)
            if not count:
                return Packed(low, high, 0)
            types = dict(zip(packed, found[-2 * len(packed) : -len(packed)], strict=True))
            raw = dict(zip(packed, found[-len(packed) :], strict=True))
            present = dict(zip(counted, found[2:], strict=False))
            present |= _counted(conn, rows, values, _sparse(shortcut, raw, present))
            ids = None
            if count <= high - low:
                select = f"SELECT group_concat(s.rowid) {rows}"
                (ids,) = cursor(conn).execute(select, values).fetchone()
        except sqlite3.DataError:  # beyond the limit
            return None
    steady.sparse.update(present)
    known = {name: steady.packed(name, count, separators[name]) for name in expected}
    if not known:
        steady.learn(raw, separators, count)
    # Finding none is far faster than counting.
    mistaken = any(raw[name].count(MISSING) != count - there for name, there in present.items())
    return Packed(low, high, count, types, raw, known, ids, mistaken)


def pieces_of(shortcut: Shortcut, building: Building, block: Packed) -> Pieces | None:
    """What a block says of each column; None where it must be read row by row."""
    if not block.count:
        return {}
    if block.mistaken or not _as_declared(shortcut, block.types):
        return None
    pieces = shortcut.finish(building, {**block.raw, **block.steady}, block.count)
    ids = None if pieces is None else _ids(block)
    return None if pieces is None or ids is None else {**pieces, "id": ids}


def rows_between(query: Query) -> str:
    """The rows of a query with ids from one to another."""
    # NOT INDEXED leaves the table itself, in the order of its ids; a component has an index.
    by_id = "NOT INDEXED" if query.component is None else ""
    return f"""FROM {query.table} s {by_id} {query.join}
        WHERE {query.condition} AND s.rowid BETWEEN ? AND ?"""


def _separators(shortcut: Shortcut) -> dict[str, bytes]:
    return {
        **dict.fromkeys(shortcut.wholes, COMMA),
        **dict.fromkeys(shortcut.texts, SEPARATOR),
        **dict.fromkeys(shortcut.bodies, LINE_BREAK),
    }


def _joined(expression: str, separator: bytes) -> str:
    missing = _NO_NUMBER if separator == COMMA else _MISSING
    return f"group_concat(ifnull({expression}, {missing}), '{separator.decode()}')"


def _sparse(
    shortcut: Shortcut, raw: Mapping[str, bytes], present: Mapping[str, int]
) -> dict[str, str]:
    """The texts that some rows don't have, as it looks, and that are not counted yet."""
    return {
        name: each
        for name, each in shortcut.texts.items()
        if name in raw and name not in present and MISSING in raw[name]
    }


def _counted(
    conn: sqlite3.Connection, rows: str, values: list[Any], columns: Mapping[str, str]
) -> dict[str, int]:
    """How many rows have each column."""
    if not columns:
        return {}
    counts = ", ".join(f"count({each})" for each in columns.values())
    found = cursor(conn).execute(f"SELECT {counts} {rows}", values).fetchone()
    return dict(zip(columns, found, strict=True))


def _as_declared(shortcut: Shortcut, types: Mapping[str, bytes]) -> bool:
    """Whether numbers are numbers, and texts are texts."""
    return all(
        kind in _OF_NUMBERS if name in shortcut.wholes else kind != b"blob"
        for name, kind in types.items()
    )


def _ids(block: Packed) -> Any:
    """The piece of ids; None where SQLite went through the rows in another order."""
    import numpy as np

    if block.ids is None:
        return np.arange(block.low, block.high + 1, dtype=np.int64)
    ids = whole_numbers(block.ids, block.count)
    return ids if ids is not None and (ids[1:] > ids[:-1]).all() else None


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

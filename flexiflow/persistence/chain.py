"""Checking the hash chains of a history, row by row.

Each table that `CHAINED_COLUMNS` names has a chain. A row is right when the hash that it stores
is that of its values and of the hash before it; the chain is right when each row's ``prev_hash``
is the hash of the chained row before it, or when markers say that the rows between were pruned.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from flexiflow.persistence.damage import rows_despite_damage
from flexiflow.persistence.head import Head
from flexiflow.persistence.pruned import PrunedIds, Run
from flexiflow.persistence.rows import CHAINED_COLUMNS, link
from flexiflow.persistence.schema import (
    ROW_FORMAT,
    SNAPSHOTS,
    columns_of,
    cursor,
    newest_id,
)

Kind = Literal["edited", "deleted", "inserted", "replaced", "foreign", "unreadable"]

MOST_FINDINGS = 10_000
"""Findings that are kept; the others are counted."""

_CHAIN_COLUMNS = ("format", "prev_hash", "hash")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is not as it was written.

    Attributes:
        table: the table's name.
        kind: edited, deleted, inserted, replaced (written anew with a hash that the next row does
            not know), foreign (without a hash, as 1.x code and people insert), or unreadable.
        first_id, last_id: the rows it is about; None for large parts and damage without an end.
        what: a sentence.
    """

    table: str
    kind: Kind
    first_id: int | None
    last_id: int | None
    what: str


@dataclass(slots=True)
class Findings:
    """Findings so far, at most `MOST_FINDINGS`, and how many there are of each kind."""

    kept: list[Finding] = field(default_factory=list)
    counts: dict[Kind, int] = field(default_factory=dict)

    def add(self, table: str, kind: Kind, run: tuple[int | None, int | None], what: str) -> None:
        """Note one."""
        self.counts[kind] = self.counts.get(kind, 0) + 1
        if len(self.kept) < MOST_FINDINGS:
            self.kept.append(Finding(table, kind, *run, what))


@dataclass(slots=True)
class TableCheck:
    """What came of one table.

    Attributes:
        table: its name.
        rows: how many chained rows were checked.
        pruned: how many rows the markers say are gone.
        unverified_up_to: rows up to this id were there before the chain; None for none.
        last_id: the id of the last chained row; 0 for none.
        last_hash: its stored hash, 64 hex digits; empty for none.
    """

    table: str
    rows: int = 0
    pruned: int = 0
    unverified_up_to: int | None = None
    last_id: int = 0
    last_hash: str = ""


def check_chains(
    conn: sqlite3.Connection, findings: Findings, head: Head | None = None
) -> list[TableCheck]:
    """Check the chain of each table, in bounded memory.

    Args:
        conn: a connection; it should show one state of the file all the time.
        findings: what is wrong is added to it.
        head: what was the end of each chain once, kept elsewhere; the rows up to there must be
            there, or pruned.

    Raises:
        sqlite3.Error: where the database can't be read at all.
    """
    before = conn.text_factory
    # Bytes that are no UTF-8 must not pass for what was written.
    conn.text_factory = lambda raw: raw.decode("utf-8", "surrogateescape")
    try:
        return [_Walk(conn, table, findings, head).check() for table in CHAINED_COLUMNS]
    finally:
        conn.text_factory = before


class _Walk:
    """The way along one table."""

    def __init__(
        self, conn: sqlite3.Connection, table: str, findings: Findings, head: Head | None
    ) -> None:
        self._conn = conn
        self._findings = findings
        self._columns = CHAINED_COLUMNS[table]
        self._kept = (0, "") if head is None else head.of(table)
        self._result = TableCheck(table)
        self._pruned = PrunedIds(conn, table)
        self._begins = self._pruned.begins if table == SNAPSHOTS else 1
        self._seen = 0  # the last row's id, chained or not
        self._link: bytes | None = None  # the hash before, for the next row
        self._doubted = False  # whether the last chained row is named already
        self._missing: list[Run] = []  # ids without a row since the last chained one
        self._unchained: list[Run] = []  # rows without a hash since then
        self._damaged = False  # whether rows since then could not be read

    def check(self) -> TableCheck:
        """Walk along the table, and say what came of it."""
        result = self._result
        present = columns_of(self._conn, result.table)
        if not {*self._columns, *_CHAIN_COLUMNS} <= set(present):
            result.unverified_up_to = (
                newest_id(self._conn, result.table) or None if present else None
            )
            self._end(0)
            return result
        result.pruned = len(self._pruned)
        for row in self._rows():
            self._visit(row)
        self._end(_last_given(self._conn, result.table))
        return result

    def _rows(self) -> Iterator[tuple[Any, ...]]:
        columns = ", ".join((*self._columns, *_CHAIN_COLUMNS))
        query = f"""SELECT rowid, {columns} FROM {self._result.table}
            WHERE rowid > ? ORDER BY rowid"""
        return rows_despite_damage(self._conn, query, (), self._on_damage)

    def _on_damage(self, last: int | None, following: int | None) -> None:
        self._damaged = True
        first = 1 if last is None else last + 1
        end = None if following is None else following - 1
        what = f"Rows from id {first} {'on' if end is None else f'to {end}'} can't be read."
        self._findings.add(self._result.table, "unreadable", (first, end), what)

    def _visit(self, row: tuple[Any, ...]) -> None:
        row_id, *values, row_format, before, this = row
        if row_id > self._seen + 1:
            self._missing.append((self._seen + 1, row_id - 1))
        self._seen = max(row_id, 0)
        if row_id < 1 or row_id in self._pruned:
            why = "it was pruned" if row_id > 0 else "ids begin at 1"
            self._name("inserted", (row_id, row_id), f"Row {row_id} is there, though {why}.")
            self._missing.append((row_id, row_id))
        elif row_format is None and before is None and this is None and self._is_classic(values):
            _extend(self._unchained, row_id)
        else:
            self._chained(row_id, values, row_format, before, this)

    def _is_classic(self, values: Sequence[Any]) -> bool:
        """Whether a row has only what 1.x knows."""
        return self._result.table == SNAPSHOTS and not any(
            value is not None for value in values[_CLASSIC_COLUMNS:]
        )

    def _chained(
        self, row_id: int, values: Sequence[Any], row_format: Any, before: Any, this: Any
    ) -> None:
        computed = _computed(self._result.table, row_id, values, before)
        right = row_format == ROW_FORMAT and this is not None and computed == this
        if not right:
            self._name("edited", (row_id, row_id), f"Row {row_id} is not what its hash says.")
        continues = before == self._link
        self._name_missing(row_id, continues)
        if not (continues or self._missing or self._damaged or self._doubted) and right:
            self._name_predecessor(row_id)
        self._pass_unchained(before)
        # Where either may have been edited, the values or the hash, the next row is not asked.
        self._link, self._doubted, self._damaged = this, not right, False
        self._missing = []
        self._result.rows += 1
        self._result.last_id = row_id
        self._result.last_hash = this.hex() if isinstance(this, bytes) else ""
        if row_id == self._kept[0] and not self._result.last_hash.startswith(self._kept[1]):
            what = f"Row {row_id} has another hash than the head that was kept."
            self._name("replaced", (row_id, row_id), what)

    def _name_missing(self, row_id: int, continues: bool) -> None:
        """Name the rows before this one that are gone without a marker that says so."""
        first_of_all = not self._result.rows
        begins_here = continues and (self._begins is None or self._begins >= row_id)
        if self._damaged or (first_of_all and begins_here):
            return
        lowest = self._lowest(row_id) if first_of_all else 1
        gaps = [(max(first, lowest), last) for first, last in self._missing if last >= lowest]
        self._missing = gaps
        for run in [each for gap in gaps for each in self._pruned.without(*gap)]:
            self._name("deleted", run, f"{_rows(run)} {_are(run)} gone, and no pruning says so.")

    def _name_predecessor(self, row_id: int) -> None:
        """Name the row before this one, which is there, and not the one that it follows."""
        before = (row_id - 1, row_id - 1)
        if not self._unchained:
            what = f"Row {row_id - 1} is not the one that row {row_id} was written after."
            self._name("replaced", before, what)
            return
        run = self._unchained.pop()
        if not self._result.rows and run[0] < row_id - 1:  # the others may be of 1.x
            self._unchained.append((run[0], row_id - 2))
            run = before
        self._name("edited", run, f"{_rows(run)} had a hash, and {_have(run)} none now.")

    def _lowest(self, row_id: int) -> int:
        """From where on rows were chained, before the first that is left."""
        if self._begins is not None and self._begins < row_id:
            return self._begins
        return self._unchained[-1][1] + 1 if self._unchained else 1

    def _pass_unchained(self, before: Any) -> None:
        """Say what the rows without a hash since the last chained one are."""
        for run in self._unchained:
            if self._result.rows or (self._begins is not None and run[0] >= self._begins):
                what = f"{_rows(run)} {_are(run)} without a hash: not written by this version."
                self._name("foreign", run, what)
            else:
                self._result.unverified_up_to = run[1]
        if not (self._result.rows or self._unchained or self._begins) and self._missing:
            # Perhaps of 1.x, which deletes without a marker.
            self._result.unverified_up_to = self._missing[-1][1] if before is None else None
        self._unchained = []

    def _end(self, last_given: int) -> None:
        """Name what is gone from the end, and the rows without a hash there."""
        end = max(last_given, self._kept[0])
        if end > self._seen:
            self._missing.append((self._seen + 1, end))
        lowest = 0
        if not self._result.rows and self._unchained:
            lowest = self._unchained[-1][1] + 1
        for first, last in self._missing if not self._damaged else ():
            for run in self._pruned.without(max(first, lowest), last):
                what = f"{_rows(run)} {_are(run)} gone from the end."
                self._name("deleted", run, what)
        self._pass_unchained(b"")

    def _name(self, kind: Kind, run: Run, what: str) -> None:
        self._findings.add(self._result.table, kind, run, what)


_CLASSIC_COLUMNS = 3  # of CHAINED_COLUMNS[SNAPSHOTS], those that 1.x has


def _computed(table: str, row_id: int, values: Sequence[Any], before: Any) -> bytes | None:
    """What a row's hash should be, or None where nothing that we write has such values."""
    # No column holds a float, and an infinite one would be hashed as NULL is.
    if any(isinstance(value, float) for value in values):
        return None
    if before is not None and not (isinstance(before, bytes) and before):
        return None  # nothing before is NULL; no bytes at all would be hashed as that is
    try:
        return link(table, row_id, values, before)
    except UnicodeEncodeError:  # text that is no UTF-8
        return None


def _last_given(conn: sqlite3.Connection, table: str) -> int:
    """The last id that was given, also where its row is gone; 0 where that is not known."""
    query = "SELECT seq FROM sqlite_sequence WHERE name = ?"
    try:
        row = cursor(conn).execute(query, (table,)).fetchone()
    except sqlite3.OperationalError:  # no table here counts its ids
        return 0
    return row[0] if row is not None and isinstance(row[0], int) else 0


def _extend(runs: list[Run], row_id: int) -> None:
    if runs and runs[-1][1] == row_id - 1:
        runs[-1] = (runs[-1][0], row_id)
    else:
        runs.append((row_id, row_id))


def _rows(run: Run) -> str:
    return f"Row {run[0]}" if run[0] == run[1] else f"Rows {run[0]} to {run[1]}"


def _have(run: Run) -> str:
    return "has" if run[0] == run[1] else "have"


def _are(run: Run) -> str:
    return "is" if run[0] == run[1] else "are"

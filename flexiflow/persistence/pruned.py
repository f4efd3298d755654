"""Which rows were pruned: what the chained markers say of the gaps that they left.

A marker names its rows exactly, as runs of ids without a gap: pairs of "how far after the run
before" and "how many", so that the rows of one component among many take a few bytes each.
"""

from __future__ import annotations

import json
import sqlite3
from array import array
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from flexiflow.persistence.schema import MARKERS, columns_of, cursor

PRUNED = "pruned"
"""The ``kind`` of such a marker."""

Run = tuple[int, int]


def runs_of(ids: Iterable[int]) -> list[Run]:
    """Ascending ids as runs: the first and the last of each."""
    runs: list[Run] = []
    for each in ids:
        if runs and runs[-1][1] == each - 1:
            runs[-1] = (runs[-1][0], each)
        else:
            runs.append((each, each))
    return runs


def detail_of(runs: Sequence[Run], begins: int | None) -> str:
    """The ``detail_json`` of a marker.

    Args:
        runs: what was deleted, ascending.
        begins: the first id of the table's chain, which may be deleted with it.
    """
    pairs, before = [], 0
    for first, last in runs:
        pairs += [first - before, last - first + 1]
        before = last
    return json.dumps({"begins": begins, "runs": pairs}, separators=(",", ":"))


class PrunedIds:
    """The ids of one table that markers say were pruned.

    Attributes:
        begins: the first id of the table's chain, as far as a marker knows it.
    """

    def __init__(self, conn: sqlite3.Connection, table: str) -> None:
        self.begins: int | None = None
        firsts, lasts = array("q"), array("q")
        for detail in _details(conn, table):
            for first, last in _runs_in(detail.get("runs")):
                firsts.append(first)
                lasts.append(last)
            begins = detail.get("begins")
            if isinstance(begins, int):
                self.begins = begins if self.begins is None else min(begins, self.begins)
        self._firsts, self._lasts = array("q"), array("q")
        for at in sorted(range(len(firsts)), key=firsts.__getitem__):
            self._append(firsts[at], lasts[at])

    def _append(self, first: int, last: int) -> None:
        if self._lasts and first <= self._lasts[-1] + 1:
            self._lasts[-1] = max(last, self._lasts[-1])
        else:
            self._firsts.append(first)
            self._lasts.append(last)

    def __contains__(self, row_id: int) -> bool:
        at = bisect_right(self._firsts, row_id) - 1
        return at >= 0 and row_id <= self._lasts[at]

    def __len__(self) -> int:
        pairs = zip(self._firsts, self._lasts, strict=True)
        return sum(last - first + 1 for first, last in pairs)

    def without(self, first: int, last: int) -> Iterator[Run]:
        """The runs of ids from `first` to `last` that were not pruned."""
        at = max(bisect_right(self._firsts, first) - 1, 0)
        while first <= last and at < len(self._firsts) and self._firsts[at] <= last:
            if first < self._firsts[at]:
                yield first, self._firsts[at] - 1
            first = max(first, self._lasts[at] + 1)
            at += 1
        if first <= last:
            yield first, last


def _details(conn: sqlite3.Connection, table: str) -> Iterator[dict[str, Any]]:
    """What the markers say; a broken one says nothing, and the walk over the markers names it."""
    if not {"kind", "table_name", "detail_json"} <= set(columns_of(conn, MARKERS)):
        return
    query = f"SELECT detail_json FROM {MARKERS} WHERE kind = ? AND table_name = ? ORDER BY id"
    for (text,) in cursor(conn).execute(query, (PRUNED, table)):
        try:
            detail = json.loads(text)
        except (ValueError, TypeError, RecursionError):
            continue
        if isinstance(detail, dict):
            yield detail


def _runs_in(pairs: Any) -> Iterator[Run]:
    if not isinstance(pairs, list) or not all(type(each) is int for each in pairs):
        return
    before = 0
    for step, length in zip(pairs[::2], pairs[1::2], strict=False):
        first = before + step
        before = first + length - 1
        if not 0 < first <= before < 2**62:
            return
        yield first, before

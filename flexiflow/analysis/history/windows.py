"""Which part of a component's history is looked at: a window of its steps around one of them."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import has_steps, snapshot_columns, step_columns
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, cursor

Trouble = Literal["failed", "refused", "any"]

_LAST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a history.

    Attributes:
        file: which of the sources.
        kind: step or snapshot.
        id: the row's id there.
    """

    file: int
    kind: Literal["step", "snapshot"]
    id: int


@dataclass(frozen=True, slots=True)
class Part:
    """What a window shows of one file.

    Attributes:
        source: the file.
        steps: the first and the last step's id; None where the component has no steps there.
        first_snapshot: where to begin to read snapshots.
        snapshot_before: the snapshot before all that is shown, or None.
        last_snapshot: the last one that is shown, where there are no steps.
        to_the_end: whether it reaches to the end of the file.
    """

    source: Source
    steps: tuple[int, int] | None
    first_snapshot: int
    snapshot_before: int | None
    last_snapshot: int
    to_the_end: bool

    def is_after(self, snapshot_id: int, step_id: int | None) -> bool:
        """Whether a snapshot comes after what is shown."""
        if self.steps is None:
            return snapshot_id > self.last_snapshot
        return step_id is None or step_id > self.steps[1]


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a component's history.

    Attributes:
        component: whose.
        parts: file by file.
        first: how many steps are before it.
        shown: how many steps it has.
        total: how many steps there are; where a file has none of it, its snapshots count.
        trouble_before, trouble_after: how many steps outside of it were refused, failed or
            cancelled.
    """

    component: str
    parts: tuple[Part, ...]
    first: int
    shown: int
    total: int
    trouble_before: int = 0
    trouble_after: int = 0


def window_of(sources: Sequence[Source], component: str, around: Place | None, most: int) -> Window:
    """The window of at most `most` steps around a row; without one, the last of them.

    Args:
        sources: the files.
        component: one component.
        around: a row; the window begins and ends where the history does.
        most: steps.
    """
    counts = [_count(source, component) for source in sources]
    total = sum(count for _, count in counts)
    middle = total if around is None else _index(sources, component, around, counts)
    first = max(0, min(middle - most // 2, total - most))
    last = min(total, first + most)
    parts, passed = [], 0
    for source, (table, count) in zip(sources, counts, strict=True):
        low, high = max(first - passed, 0), min(last - passed, count)
        passed += count
        if low < high:
            parts.append(_part(source, component, table, low, high, count))
    before, after = _trouble_outside(sources, component, parts) if last - first < total else (0, 0)
    return Window(component, tuple(parts), first, last - first, total, before, after)


def trouble_near(
    sources: Sequence[Source],
    component: str,
    kind: Trouble,
    start: Place | None = None,
    *,
    forward: bool = False,
) -> Place | None:
    """The next step that went wrong, before or after a row; the last one without a row.

    Args:
        sources: the files.
        component: one component.
        kind: failed (cancelled, and moved by a declared exception, included), refused, or any.
        start: where to begin; a row of a step.
        forward: later ones instead of earlier ones.
    """
    files = range(len(sources)) if forward else reversed(range(len(sources)))
    for file in files:
        if start is not None and (file < start.file if forward else file > start.file):
            continue
        limit = start.id if start is not None and file == start.file else None
        with sources[file].connect() as conn:
            found = _trouble_in(conn, component, kind, limit, forward) if has_steps(conn) else None
        if found is not None:
            return Place(file, "step", found)
    return None


def _trouble_in(
    conn: sqlite3.Connection, component: str, kind: Trouble, limit: int | None, forward: bool
) -> int | None:
    bound = (0 if forward else _LAST) if limit is None else limit
    query = f"""SELECT s.rowid FROM {STEPS} s WHERE s.component_name = ?
            AND s.rowid {">" if forward else "<"} ? AND {_is_trouble(conn, kind)}
        ORDER BY s.rowid {"" if forward else "DESC"} LIMIT 1"""
    row = cursor(conn).execute(query, (component, bound)).fetchone()
    return None if row is None else int(row[0])


def _is_trouble(conn: sqlite3.Connection, kind: Trouble) -> str:
    columns = step_columns(conn)
    refused = f"{columns['outcome']} = 'refused'"
    failed = f"({columns['outcome']} IN ('failed', 'cancelled') OR {columns['error']} IS NOT NULL)"
    return {"failed": failed, "refused": refused, "any": f"({failed} OR {refused})"}[kind]


def _count(source: Source, component: str) -> tuple[str, int]:
    """Which table tells of a component in a file, and in how many rows."""
    with source.connect() as conn:
        for table in (STEPS, SNAPSHOTS):
            if table == SNAPSHOTS or has_steps(conn):
                query = f"SELECT count(*) FROM {table} WHERE component_name = ?"
                (count,) = cursor(conn).execute(query, (component,)).fetchone()
                if count:
                    return table, count
    return SNAPSHOTS, 0


def _index(
    sources: Sequence[Source], component: str, around: Place, counts: Sequence[tuple[str, int]]
) -> int:
    """How many rows are before a row."""
    table, _ = counts[around.file]
    with sources[around.file].connect() as conn:
        row_id: int = around.id
        if table == STEPS and around.kind == "snapshot":
            step = snapshot_columns(conn)["step_id"]
            query = f"""SELECT {step} FROM {SNAPSHOTS} s WHERE s.component_name = ?
                AND s.rowid <= ? AND {step} IS NOT NULL ORDER BY s.rowid DESC LIMIT 1"""
            found = cursor(conn).execute(query, (component, around.id)).fetchone()
            row_id = 0 if found is None else found[0]
        query = f"SELECT count(*) FROM {table} WHERE component_name = ? AND rowid < ?"
        (before,) = cursor(conn).execute(query, (component, row_id)).fetchone()
    return sum(count for _, count in counts[: around.file]) + int(before)


def _part(source: Source, component: str, table: str, low: int, high: int, count: int) -> Part:
    with source.connect() as conn:
        first, last = (_row_at(conn, component, table, at) for at in (low, high - 1))
        before = None
        if low:
            step = snapshot_columns(conn)["step_id"]
            is_before = f"{step} < ?" if table == STEPS else "s.rowid < ?"
            query = f"""SELECT s.rowid FROM {SNAPSHOTS} s WHERE s.component_name = ?
                AND {is_before} ORDER BY s.rowid DESC LIMIT 1"""
            found = cursor(conn).execute(query, (component, first)).fetchone()
            before = None if found is None else int(found[0])
    steps = (first, last) if table == STEPS else None
    begin = before if before is not None else (0 if steps or not low else first)
    end = last if steps is None else _LAST
    return Part(source, steps, begin, before, end, to_the_end=high == count)


def _row_at(conn: sqlite3.Connection, component: str, table: str, at: int) -> int:
    query = f"""SELECT rowid FROM {table} WHERE component_name = ?
        ORDER BY rowid LIMIT 1 OFFSET ?"""
    return int(cursor(conn).execute(query, (component, at)).fetchone()[0])


def _trouble_outside(
    sources: Sequence[Source], component: str, parts: Sequence[Part]
) -> tuple[int, int]:
    """How many steps went wrong before and after what is shown."""
    before = after = 0
    shown = {part.source.name: part for part in parts}
    names = [source.name for source in sources]
    start = min((names.index(name) for name in shown), default=0)
    for file, source in enumerate(sources):
        part = shown.get(source.name)
        low, high = (part.steps or (0, _LAST)) if part is not None else (0, -1)
        with source.connect() as conn:
            if not has_steps(conn):
                continue
            query = f"""SELECT sum(s.rowid < ?), sum(s.rowid > ?) FROM {STEPS} s
                WHERE s.component_name = ? AND {_is_trouble(conn, "any")}"""
            early, late = cursor(conn).execute(query, (low, high, component)).fetchone()
        if part is None and file < start:
            before += late or 0
        else:
            before, after = before + (early or 0), after + (late or 0)
    return before, after

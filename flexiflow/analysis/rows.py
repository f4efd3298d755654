"""Snapshots and steps as frames, filtered inside SQLite."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.components import require_component
from flexiflow.analysis.moments import moment_us
from flexiflow.analysis.source import Source
from flexiflow.analysis.tables import (
    Expressions,
    has_steps,
    newest_us,
    snapshot_columns,
    step_columns,
)
from flexiflow.errors import (
    InvalidType,
    InvalidValue,
    PersistenceError,
    StateError,
    bounded_repr,
    listed,
    suggestion,
)
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, cursor
from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import read_snapshot

if TYPE_CHECKING:
    import pandas as pd

_MOST_ROWS = 2**62
_SNAPSHOT_FIELDS = (
    "id",
    "time_us",
    "component_name",
    "state",
    "correlation_id",
    "step_id",
    "run",
    "fingerprint",
    "snapshot_json",
    "error",
)
_STEP_FIELDS = (
    "id",
    "start_us",
    "duration_us",
    "component_name",
    "message_type",
    "from_state",
    "to_state",
    "outcome",
    "reason",
    "error",
    "tries",
    "sender",
    "correlation_id",
    "span_id",
    "parent_id",
    "run",
    "fingerprint",
    "message_json",
    "guards_json",
    "error_json",
)


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are asked for.

    Attributes:
        component: one component, or None for all.
        since_us, until_us: times, microseconds since 1970, both included.
        states: states, or None for all.
        limit: at most so many, the newest.
        after: a source's name and an id: only rows with higher ids, and those of later sources.
    """

    component: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    states: tuple[str, ...] | None = None
    limit: int | None = None
    after: tuple[str, int] | None = None

    @classmethod
    def of(
        cls,
        sources: Sequence[Source],
        component: str | None,
        since: Any,
        until: Any,
        states: str | Iterable[str] | None,
        limit: int | None,
    ) -> Filter:
        """Check what a caller gave, and turn it into a filter."""
        if component is not None:
            require_component(sources, component)
        wanted = None if states is None else _states(sources, states)
        now = _newest_of(sources) if isinstance(since, str) or isinstance(until, str) else None
        return cls(
            component,
            moment_us("since", since, now),
            moment_us("until", until, now),
            wanted,
            None if limit is None else row_count(limit),
        )

    def of_sources(self, sources: Sequence[Source]) -> list[tuple[Source, int]]:
        """The sources that are asked, each with the id after which its rows are."""
        if self.after is None:
            return [(source, 0) for source in sources]
        name, row_id = self.after
        first = [source.name for source in sources].index(name)
        return [(source, row_id * (at == 0)) for at, source in enumerate(sources[first:])]

    def where(
        self, columns: Expressions, time: str, state: str, after_id: int
    ) -> tuple[str, list[Any]]:
        """The condition and its values, for a table called ``s``."""
        conditions, values = ["1"], []
        for condition, value in (
            ("s.component_name = ?", self.component),
            (f"{columns[time]} >= ?", self.since_us),
            (f"{columns[time]} <= ?", self.until_us),
            ("s.rowid > ?", after_id or None),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if self.states is not None:
            conditions.append(f"{columns[state]} IN ({', '.join('?' * len(self.states))})")
            values.extend(self.states)
        return " AND ".join(conditions), values


def snapshots_frame(
    sources: Sequence[Source], chosen: Filter, *, explode: bool = False
) -> pd.DataFrame:
    """Snapshots as a frame; see `History.snapshots`."""
    rows: list[tuple[Any, ...]] = []
    metadata: list[dict[str, Any]] = []
    for source, after_id in chosen.of_sources(sources):
        with source.connect() as conn:
            columns = snapshot_columns(conn)
            condition, values = chosen.where(columns, "time_us", "state", after_id)
            query = f"""SELECT {_listed(columns, _SNAPSHOT_FIELDS)}, ?, {columns["format"]}
                FROM {SNAPSHOTS} s WHERE {condition}"""
            found = _ordered(conn, query, [source.name, *values], chosen)
            rows.extend(row[:-1] for row in found)
            if explode:
                metadata.extend(_metadata(conn, row[0], row[8], row[-1]) for row in found)
    first = _first_shown(rows, chosen)
    frame = frames.frame(frames.SNAPSHOTS, rows[first:])
    return frames.with_fields(frame, "metadata.", metadata[first:]) if explode else frame


def steps_frame(sources: Sequence[Source], chosen: Filter) -> pd.DataFrame:
    """Steps as a frame; see `History.steps`."""
    rows: list[tuple[Any, ...]] = []
    for source, after_id in chosen.of_sources(sources):
        with source.connect() as conn:
            if has_steps(conn):
                columns = step_columns(conn)
                condition, values = chosen.where(columns, "start_us", "from_state", after_id)
                query = f"""SELECT {_listed(columns, _STEP_FIELDS)}, ? FROM {STEPS} s
                    WHERE {condition}"""
                rows.extend(_ordered(conn, query, [source.name, *values], chosen))
    return frames.frame(frames.STEPS, rows[_first_shown(rows, chosen) :])


def one_snapshot(sources: Sequence[Source], snapshot_id: int) -> ComponentSnapshot:
    """The snapshot of one row; see `History.snapshot`."""
    found = []
    row_id = _row_id(snapshot_id)
    for source in sources:
        with source.connect() as conn:
            columns = snapshot_columns(conn)
            query = f"""SELECT s.rowid, s.snapshot_json, {columns["format"]} FROM {SNAPSHOTS} s
                WHERE s.rowid = ?"""
            row = cursor(conn).execute(query, (row_id,)).fetchone()
            if row is not None:
                found.append(read_snapshot(conn, *row))
    if len(found) == 1:
        return found[0]
    raise InvalidValue(
        f"There is no one snapshot {bounded_repr(snapshot_id, 40)}.",
        why=f"{len(found)} of {len(sources)} files have a row with that id.",
        fix="Take an id from history.snapshots(), of a history of one file.",
        context={"snapshot_id": snapshot_id, "files": len(sources)},
    )


def _newest_of(sources: Sequence[Source]) -> int | None:
    """The time of the newest record: what "now" means in every answer."""
    times = []
    for source in sources:
        with source.connect() as conn:
            times.append(newest_us(conn))
    return max((time for time in times if time is not None), default=None)


def _listed(columns: Expressions, names: Iterable[str]) -> str:
    return ", ".join(columns[name] for name in names)


def _ordered(
    conn: sqlite3.Connection, query: str, values: list[Any], chosen: Filter
) -> list[tuple[Any, ...]]:
    """The rows that a query finds, by id; a limit keeps the newest."""
    order = "ORDER BY s.rowid" if chosen.limit is None else "ORDER BY s.rowid DESC LIMIT ?"
    limit = [] if chosen.limit is None else [chosen.limit]
    found = cursor(conn).execute(f"{query} {order}", [*values, *limit]).fetchall()
    return found if chosen.limit is None else found[::-1]


def _first_shown(rows: Sequence[Any], chosen: Filter) -> int:
    """Of several files each gave as many rows as are wanted in all."""
    return 0 if chosen.limit is None else max(len(rows) - chosen.limit, 0)


def _metadata(
    conn: sqlite3.Connection, row_id: int, body: str, row_format: int | None
) -> dict[str, Any]:
    try:
        return read_snapshot(conn, row_id, body, row_format).metadata
    except PersistenceError:
        return {}  # the row's error column says so


def _states(sources: Sequence[Source], given: Any) -> tuple[str, ...]:
    if not isinstance(given, Iterable):
        raise InvalidType(
            f"states must be a name or several, not {bounded_repr(given, 80)}.",
            why="Rows are chosen by the names of states.",
            fix='Pass states="Paying" or states=["Paying", "Packing"].',
            context={"states": given},
        )
    wanted: tuple[Any, ...] = (given,) if isinstance(given, str) else tuple(given)
    known = _known_states(sources)
    for name in wanted:
        if not isinstance(name, str) or name not in known:
            raise _unknown_state(name, known)
    return wanted


def _known_states(sources: Sequence[Source]) -> set[Any]:
    known: set[Any] = set()
    for source in sources:
        with source.connect() as conn:
            queries = [f"SELECT DISTINCT {snapshot_columns(conn)['state']} FROM {SNAPSHOTS} s"]
            if has_steps(conn):
                queries.append(f"SELECT DISTINCT {step_columns(conn)['from_state']} FROM {STEPS} s")
            for query in queries:
                known.update(name for (name,) in cursor(conn).execute(query))
    return known


def _unknown_state(name: Any, known: Iterable[Any]) -> StateError:
    names = sorted(each for each in known if isinstance(each, str))
    return StateError(
        f"Unknown state {bounded_repr(name, 80)}.",
        why=f"No record names it. Recorded states: {listed(names)}.",
        fix=suggestion(str(name), names) or "Correct the name, or leave states= out.",
        context={"state": name, "states": len(names)},
    )


def row_count(limit: Any) -> int:
    """A limit as SQLite takes it.

    Raises:
        InvalidValue: (a ValueError) where it is no number of rows.
    """
    try:
        number = -1 if isinstance(limit, bool) else operator.index(limit)
    except TypeError:
        number = -1
    if number >= 0:
        return min(number, _MOST_ROWS)
    raise InvalidValue(
        f"limit must be a number of rows, not {bounded_repr(limit, 40)}.",
        why="Rows are counted from 0 up.",
        fix="Leave it out for all rows, or pass limit=100.",
        context={"limit": limit},
    )


def _row_id(given: Any) -> int | None:
    """An id as SQLite takes it; None, which no row has, for what is none."""
    try:
        number = operator.index(given)
    except TypeError:
        return None
    return number if abs(number) < _MOST_ROWS else None

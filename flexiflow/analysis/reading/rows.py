"""Snapshots and steps as frames, filtered inside SQLite."""

from __future__ import annotations

import operator
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.collecting import without_collecting
from flexiflow.analysis.base.moments import moment_us
from flexiflow.analysis.reading.columns import Building
from flexiflow.analysis.reading.components import require_component
from flexiflow.analysis.reading.exploded import Exploded
from flexiflow.analysis.reading.packed import read, read_blocks
from flexiflow.analysis.reading.query import Query
from flexiflow.analysis.reading.shortcuts import snapshot_shortcut, step_shortcut
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import (
    Expressions,
    has_steps,
    newest_us,
    snapshot_columns,
    step_columns,
)
from flexiflow.arguments import require
from flexiflow.errors import (
    InvalidValue,
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
# The expressions of `tables` behind the columns of the frames; the others have the same name.
_SNAPSHOT_FIELDS = {"time": "time_us", "component": "component_name"}
_STEP_FIELDS = {
    "time": "start_us",
    "duration": "duration_us",
    "component": "component_name",
    "message": "message_type",
}


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
            component = require_component(sources, component)
        wanted = None if states is None else _states(sources, states)
        now = newest_of(sources) if isinstance(since, str) or isinstance(until, str) else None
        return cls(
            component,
            moment_us("since", since, now),
            moment_us("until", until, now),
            wanted,
            None if limit is None else row_count(limit),
        )

    def of_sources(self, sources: Sequence[Source]) -> list[tuple[Source, int | None]]:
        """The sources that are asked, each with the id after which its rows are, if any."""
        if self.after is None:
            return [(source, None) for source in sources]
        name, row_id = self.after
        first = [source.name for source in sources].index(name)
        later = sources[first + 1 :]
        return [(sources[first], row_id), *((source, None) for source in later)]

    def where(self, columns: Expressions, time: str, state: str) -> tuple[str, list[Any]]:
        """The condition and its values, for a table called ``s``."""
        conditions, values = ["1"], []
        for condition, value in (
            ("s.component_name = ?", self.component),
            (f"{columns[time]} >= ?", self.since_us),
            (f"{columns[time]} <= ?", self.until_us),
        ):
            if value is not None:
                conditions.append(condition)
                values.append(value)
        if self.states is not None:
            conditions.append(f"{columns[state]} IN ({', '.join('?' * len(self.states))})")
            values.extend(self.states)
        return " AND ".join(conditions), values


def snapshots_frame(
    sources: Sequence[Source],
    chosen: Filter,
    *,
    explode: bool = False,
    columns: str | Iterable[str] | None = None,
) -> pd.DataFrame:
    """Snapshots as a frame; see `History.snapshots`."""
    shown = _columns(shapes.SNAPSHOTS, columns)
    wanted = _read(shapes.SNAPSHOTS, shown, "time", "state", *["snapshot_json"] * explode)
    building = Building(wanted, explodes=explode)
    exploded = Exploded() if explode else None
    with without_collecting():
        for source, after_id in chosen.of_sources(sources):
            with source.connect() as conn:
                query = snapshot_query(conn, chosen, after_id, wanted)
                if query is not None:
                    building.source = source.name
                    for count in read_blocks(conn, query, building):
                        if exploded is not None:
                            exploded.add(conn, building, count)
        first = _first_shown(building.rows, chosen)
        frame = building.frame(first)
        frame = frame if columns is None else frame[shown]
        return frame if exploded is None else exploded.beside(frame, first)


def steps_frame(
    sources: Sequence[Source], chosen: Filter, columns: str | Iterable[str] | None = None
) -> pd.DataFrame:
    """Steps as a frame; see `History.steps`."""
    shown = _columns(shapes.STEPS, columns)
    wanted = _read(shapes.STEPS, shown, "time")
    building = Building(wanted)
    for source, after_id in chosen.of_sources(sources):
        with source.connect() as conn:
            query = step_query(conn, chosen, after_id, wanted) if has_steps(conn) else None
            if query is not None:
                building.source = source.name
                read(conn, query, building)
    frame = building.frame(_first_shown(building.rows, chosen))
    return frame if columns is None else frame[shown]


def one_snapshot(sources: Sequence[Source], snapshot_id: int) -> ComponentSnapshot:
    """The snapshot of one row; see `History.snapshot`."""
    found = []
    row_id = row_id_of(snapshot_id)
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


def newest_of(sources: Sequence[Source]) -> int | None:
    """The time of the newest record: what "now" means in every answer."""
    times = []
    for source in sources:
        with source.connect() as conn:
            times.append(newest_us(conn))
    return max((time for time in times if time is not None), default=None)


def query_of(
    conn: sqlite3.Connection, of: str, chosen: Filter, after_id: int | None
) -> Query | None:
    """The query for ``snapshots`` or ``steps``; None for none."""
    if of == "snapshots":
        return snapshot_query(conn, chosen, after_id)
    return step_query(conn, chosen, after_id) if has_steps(conn) else None


def snapshot_query(
    conn: sqlite3.Connection,
    chosen: Filter,
    after_id: int | None = None,
    wanted: frames.Columns = shapes.SNAPSHOTS,
) -> Query | None:
    """The query for the wanted columns of the snapshots that are asked for; None for none."""
    columns = snapshot_columns(conn)
    condition, values = chosen.where(columns, "time_us", "state")
    fields = _fields(wanted, columns, _SNAPSHOT_FIELDS)
    shortcut = snapshot_shortcut(conn, wanted)
    return _limited(
        conn,
        Query(SNAPSHOTS, fields, condition, values, chosen.component, after_id, shortcut),
        chosen.limit,
    )


def step_query(
    conn: sqlite3.Connection,
    chosen: Filter,
    after_id: int | None = None,
    wanted: frames.Columns = shapes.STEPS,
) -> Query | None:
    """The query for the wanted columns of the steps that are asked for; None for none."""
    columns = step_columns(conn)
    condition, values = chosen.where(columns, "start_us", "from_state")
    fields = _fields(wanted, columns, _STEP_FIELDS)
    shortcut = step_shortcut(conn, wanted)
    return _limited(
        conn,
        Query(STEPS, fields, condition, values, chosen.component, after_id, shortcut),
        chosen.limit,
    )


def _columns(known: frames.Columns, given: Any) -> list[str]:
    """The names of the columns that a caller wants, in that order; all unless given."""
    if given is None:
        return list(known)
    fix = 'Pass columns=["time", "state"].'
    require(isinstance(given, Iterable), "columns", given, "a name or several", fix)
    names: list[Any] = [given] if isinstance(given, str) else list(given)
    for at, name in enumerate(names):
        if isinstance(name, str) and name in known and name not in names[:at]:
            continue
        raise InvalidValue(
            f"{bounded_repr(name, 80)} is no column, or is wanted twice.",
            why=f"The columns are {', '.join(known)}.",
            fix=suggestion(name, set(known).difference(names[:at]))
            or "Name each column that you want once.",
            context={"columns": names},
        )
    return names


def _read(known: frames.Columns, shown: Sequence[str], *needed: str) -> frames.Columns:
    """What must be read to show some columns: these, the id, and by what blocks are checked."""
    wanted = {*shown, "id", *needed}
    return {name: dtype for name, dtype in known.items() if name in wanted}


def _fields(
    wanted: frames.Columns, columns: Expressions, named: Mapping[str, str]
) -> dict[str, str]:
    return {name: columns[named.get(name, name)] for name in wanted if name != "source"}


def _limited(conn: sqlite3.Connection, query: Query, limit: int | None) -> Query | None:
    """The query for the newest rows only; None for none."""
    if limit is None:
        return query
    if limit == 0:
        return None
    newest = f"""SELECT s.rowid FROM {query.table} s
        WHERE {query.condition} ORDER BY s.rowid DESC LIMIT 1 OFFSET ?"""
    row = cursor(conn).execute(newest, [*query.values, limit - 1]).fetchone()
    if row is None or (query.after is not None and query.after >= row[0]):
        return query
    return replace(query, after=row[0] - 1)


def _first_shown(rows: int, chosen: Filter) -> int:
    """Of several files each gave as many rows as are wanted in all."""
    return 0 if chosen.limit is None else max(rows - chosen.limit, 0)


def _states(sources: Sequence[Source], given: Any) -> tuple[str, ...]:
    fix = 'Pass states="Paying" or states=["Paying", "Packing"].'
    require(isinstance(given, Iterable), "states", given, "a name or several", fix)
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


def row_count(limit: Any, argument: str = "limit") -> int:
    """A limit as SQLite takes it.

    Args:
        limit: what was given.
        argument: its name, for errors.

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
        f"{argument} must be a number of rows, not {bounded_repr(limit, 40)}.",
        why="Rows are counted from 0 up.",
        fix=f"Leave it out, or pass {argument}=100.",
        context={argument: limit},
    )


def row_id_of(given: Any) -> int | None:
    """An id as SQLite takes it; None, which no row has, for what is none."""
    try:
        number = operator.index(given)
    except TypeError:
        return None
    return number if abs(number) < _MOST_ROWS else None

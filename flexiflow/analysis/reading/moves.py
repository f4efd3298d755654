"""Where components were: the state that each row of a history leaves a component in.

The snapshots tell it, which follow every step that changes a state, so that a history of 1.x can
be asked too; of what was pruned the steps tell it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.reading.columns import Building
from flexiflow.analysis.reading.packed import read
from flexiflow.analysis.reading.query import Query, Shortcut
from flexiflow.analysis.reading.shortcuts import entry_shortcut, move_shortcut, snapshot_shortcut
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import (
    end_of_step,
    has_steps,
    names_in,
    newest_us,
    snapshot_columns,
    step_columns,
)
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, cursor

if TYPE_CHECKING:
    import pandas as pd

ENTRIES: frames.Columns = {
    "time": frames.TIME,
    "component": frames.NAME,
    "state": frames.NAME,
    "fingerprint": frames.NAME,
    "message": frames.NAME,
    "sender": frames.NAME,
    "step_id": frames.OPTIONAL_ID,
    "from_state": frames.NAME,
    "source": frames.NAME,
}
"""Moves with what the steps say of them."""

_OF_STEPS = ("message", "sender", "step_id", "from_state")
_PLACES: frames.Columns = {each: ENTRIES[each] for each in ENTRIES if each not in _OF_STEPS}


def moves_frame(sources: Sequence[Source], component: str | None = None) -> pd.DataFrame:
    """Every row that says where a component is, file by file.

    Returns:
        the columns of `shapes.MOVES`, each component's rows in the order of its history; `id` is
        that of the snapshot, and missing where only a step is left to tell it.
    """
    building = Building(shapes.MOVES)
    for source in sources:
        with source.connect() as conn:
            building.source = source.name
            pruned = _pruned(conn, component)
            building.add_rows([(None, time, name, state) for time, name, state, *_ in pruned])
            read(conn, _moves_query(conn, component), building)
    return building.frame()


def read_entries(
    sources: Sequence[Source], component: str | None = None, *, with_steps: bool = True
) -> tuple[pd.DataFrame, int | None]:
    """The same with what the steps say, and the time of the newest record of all.

    Args:
        sources: where to read.
        component: one component; all unless given.
        with_steps: whether to join the steps, which takes longer than the rest.

    Returns:
        the columns of `ENTRIES`, without those of the steps where they are not wanted, and
        microseconds since 1970.
    """
    building = Building(ENTRIES if with_steps else _PLACES)
    width = len(building.columns) - 1  # less the source
    newest: list[int | None] = []
    for source in sources:
        with source.connect() as conn:
            newest.append(newest_us(conn))
            building.source = source.name
            building.add_rows([row[:width] for row in _pruned(conn, component)])
            read(conn, _entries_query(conn, component, with_steps), building)
    return building.frame(), max((each for each in newest if each is not None), default=None)


def _pruned(conn: sqlite3.Connection, component: str | None) -> list[tuple[Any, ...]]:
    """What the steps before each component's first snapshot of a step say: its were pruned."""
    if not has_steps(conn):
        return []
    columns, step_id = step_columns(conn, "t"), snapshot_columns(conn)["step_id"]
    known = names_in(conn, STEPS) if component is None else "SELECT ? AS name"
    query = f"""WITH first(name, step_id) AS (
            SELECT name, (SELECT {step_id} FROM {SNAPSHOTS} s
                WHERE s.component_name = known.name AND {step_id} IS NOT NULL
                ORDER BY s.rowid LIMIT 1) FROM ({known}) known)
        SELECT {end_of_step(columns)}, t.component_name, {columns["to_state"]},
            {columns["fingerprint"]}, {columns["message_type"]}, {columns["sender"]}, t.rowid,
            {columns["from_state"]}
        FROM first JOIN {STEPS} t ON t.component_name = first.name
            AND t.rowid < coalesce(first.step_id, {frames.LARGEST})
        WHERE {columns["outcome"]} = 'moved' ORDER BY t.rowid"""
    return cursor(conn).execute(query, [] if component is None else [component]).fetchall()


def _moves_query(conn: sqlite3.Connection, component: str | None) -> Query:
    columns = snapshot_columns(conn)
    named = {"id": "id", "time": "time_us", "component": "component_name", "state": "state"}
    fields = {name: columns[column] for name, column in named.items()}
    return _of_snapshots(fields, component, move_shortcut(conn))


def _entries_query(conn: sqlite3.Connection, component: str | None, with_steps: bool) -> Query:
    columns = snapshot_columns(conn)
    named = {"time": "time_us", "component": "component_name", "state": "state"}
    fields = {name: columns[column] for name, column in named.items()}
    fields["fingerprint"] = columns["fingerprint"]
    if not with_steps:
        return _of_snapshots(fields, component, move_shortcut(conn, "fingerprint"))
    if not has_steps(conn):
        nothing = dict.fromkeys(_OF_STEPS, "NULL")
        return _of_snapshots({**fields, **nothing}, component, snapshot_shortcut(conn))
    step = step_columns(conn, "t")
    of_step = {"message": "message_type", "sender": "sender", "step_id": "id"}
    fields |= {name: step[column] for name, column in of_step.items()}
    fields["from_state"] = step["from_state"]
    join = f"LEFT JOIN {STEPS} t ON t.rowid = {columns['step_id']}"
    query = _of_snapshots(fields, component, entry_shortcut(conn))
    return replace(query, join=join)


def _of_snapshots(
    fields: Mapping[str, str], component: str | None, shortcut: Shortcut | None
) -> Query:
    condition, values = "s.component_name IS NOT NULL", []
    if component is not None:
        condition, values = "s.component_name = ?", [component]
    return Query(SNAPSHOTS, fields, condition, values, component, None, shortcut)

"""Where components were: the state that each row of a history leaves a component in.

The snapshots tell it, which follow every step that changes a state, so that a history of 1.x can
be asked too; of what was pruned the steps tell it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.columns import Building
from flexiflow.analysis.packed import Query, read
from flexiflow.analysis.shortcuts import move_shortcut
from flexiflow.analysis.source import Source
from flexiflow.analysis.tables import (
    end_of_step,
    has_steps,
    names_in,
    snapshot_columns,
    step_columns,
)
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, cursor

if TYPE_CHECKING:
    import pandas as pd

Move = tuple[Any, ...]
"""(component, state, time_us, fingerprint, message, sender, step id, from state) after a row."""


def moves_frame(sources: Sequence[Source], component: str | None = None) -> pd.DataFrame:
    """Every row that says where a component is, file by file.

    Returns:
        the columns of `frames.MOVES`, each component's rows in the order of its history; `id` is
        that of the snapshot, and missing where only a step is left to tell it.
    """
    building = Building(frames.MOVES)
    for source in sources:
        with source.connect() as conn:
            building.source = source.name
            pruned = pruned_moves(conn, component)
            building.add_rows([(None, time, name, state) for name, state, time, *_ in pruned])
            read(conn, _moves_query(conn, component), building)
    return building.frame()


def pruned_moves(conn: sqlite3.Connection, component: str | None) -> Iterable[Move]:
    """What the steps before each component's first snapshot of a step say: its were pruned."""
    if not has_steps(conn):
        return []
    columns, step_id = step_columns(conn, "t"), snapshot_columns(conn)["step_id"]
    known = names_in(conn, STEPS) if component is None else "SELECT ? AS name"
    query = f"""WITH first(name, step_id) AS (
            SELECT name, (SELECT {step_id} FROM {SNAPSHOTS} s
                WHERE s.component_name = known.name AND {step_id} IS NOT NULL
                ORDER BY s.rowid LIMIT 1) FROM ({known}) known)
        SELECT t.component_name, {columns["to_state"]}, {end_of_step(columns)},
            {columns["fingerprint"]}, {columns["message_type"]}, {columns["sender"]}, t.rowid,
            {columns["from_state"]}
        FROM first JOIN {STEPS} t ON t.component_name = first.name
            AND t.rowid < coalesce(first.step_id, {frames.LARGEST})
        WHERE {columns["outcome"]} = 'moved' ORDER BY t.rowid"""
    return cursor(conn).execute(query, [] if component is None else [component])


def _moves_query(conn: sqlite3.Connection, component: str | None) -> Query:
    columns = snapshot_columns(conn)
    named = {"id": "id", "time": "time_us", "component": "component_name", "state": "state"}
    fields = {name: columns[column] for name, column in named.items()}
    condition, values = "s.component_name IS NOT NULL", []
    if component is not None:
        condition, values = "s.component_name = ?", [component]
    shortcut = move_shortcut(conn)
    return Query(SNAPSHOTS, fields, condition, values, component, None, shortcut)

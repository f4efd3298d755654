"""Visits: how long components stayed in their states, and what made them leave.

Read from the snapshots, which follow every step that changes a state, so that a history of 1.x
can be asked too; the steps add the message and its sender.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.rows import newest_us, state, time_us
from flexiflow.analysis.source import Source
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, columns_of, cursor, has_table

if TYPE_CHECKING:
    import pandas as pd


def visits_frame(sources: Sequence[Source], component: str | None = None) -> pd.DataFrame:
    """Every stay in a state, in the order of components and ids; see `History.visits`."""
    now = newest_us(sources)
    built = []
    for source in sources:
        with source.connect() as conn:
            rows = _visits(_moves(conn, component), now, source.name)
            built.append(frames.frame(frames.VISITS, rows))
    return frames.concat(frames.VISITS, built)


def _moves(conn: sqlite3.Connection, component: str | None) -> Iterable[tuple[Any, ...]]:
    """(component, state, time, fingerprint, message, sender) of every readable snapshot."""
    present = columns_of(conn, SNAPSHOTS)
    fingerprint = "s.fingerprint" if "fingerprint" in present else "NULL"
    step, join = "NULL, NULL", ""
    if has_table(conn, STEPS):
        step, join = "t.message_type, t.sender", f"LEFT JOIN {STEPS} t ON t.id = s.step_id"
    only = "" if component is None else "AND s.component_name = ?"
    query = f"""SELECT s.component_name, {state(conn)} AS now, {time_us(conn)}, {fingerprint}, {step}
        FROM {SNAPSHOTS} s {join} WHERE now IS NOT NULL {only} ORDER BY s.component_name, s.id"""
    return cursor(conn).execute(query, () if component is None else (component,))


def _visits(
    moves: Iterable[tuple[Any, ...]], now_us: int | None, source: str
) -> Iterator[tuple[Any, ...]]:
    open_visit: tuple[Any, ...] | None = None
    for name, state_name, time, fingerprint, message, sender in moves:
        if open_visit is not None:
            before, stayed_in, entered, print_ = open_visit
            if before == name and stayed_in == state_name:
                continue
            if before == name:
                yield _visit(open_visit, time, message, sender, source)
            else:
                yield _visit((before, stayed_in, entered, print_), None, None, None, source, now_us)
        open_visit = (name, state_name, time, fingerprint)
    if open_visit is not None:
        yield _visit(open_visit, None, None, None, source, now_us)


def _visit(
    visit: tuple[Any, ...],
    left: int | None,
    message: str | None,
    sender: str | None,
    source: str,
    now_us: int | None = None,
) -> tuple[Any, ...]:
    name, state_name, entered, fingerprint = visit
    end = now_us if left is None else left
    dwell = None if end is None or entered is None else max(end - entered, 0)
    return name, state_name, entered, left, dwell, message, sender, fingerprint, source

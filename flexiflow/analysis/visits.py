"""Visits: how long components stayed in their states, and what made them leave.

Read from the snapshots, which follow every step that changes a state, so that a history of 1.x
can be asked too; the steps add the message and its sender, and the moves whose snapshots were
pruned.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flexiflow.analysis import frames
from flexiflow.analysis.moves import Move, pruned_moves
from flexiflow.analysis.source import Source
from flexiflow.analysis.tables import (
    has_steps,
    newest_us,
    snapshot_columns,
    step_columns,
)
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, cursor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Visit:
    """A stay of a component in a state.

    Attributes:
        component, state: whose, and where.
        entered_us, left_us: microseconds since 1970; None where the rows don't say.
        dwell_us: from entering to leaving, or to the newest record where the stay lasts.
        left_by, sender: the message that ended it, and the component that sent that.
        fingerprint: the machine, as it was last in this stay.
        source: the file in which it began.
        step_id: the newest step before or at its beginning, in that file; 0 where there is none.
        entered_by, entered_from: the message that began it, and the component that sent that.
        lasts: whether the component is still there.
        cut: whether it began before what is recorded.
    """

    component: str
    state: str
    entered_us: int | None
    fingerprint: str | None
    source: str
    step_id: int
    entered_by: str | None = None
    entered_from: str | None = None
    cut: bool = False
    left_us: int | None = None
    dwell_us: int | None = None
    left_by: str | None = None
    sender: str | None = None
    lasts: bool = False


def visits_frame(sources: Sequence[Source], component: str | None = None) -> pd.DataFrame:
    """Every stay in a state, in the order of components and ids; see `History.visits`."""
    rows = (
        (
            visit.component,
            visit.state,
            visit.entered_us,
            visit.left_us,
            visit.dwell_us,
            visit.left_by,
            visit.sender,
            visit.fingerprint,
            visit.source,
        )
        for visit in visits_of(sources, component)
    )
    return frames.frame(frames.VISITS, rows)


def visits_of(sources: Sequence[Source], component: str | None = None) -> list[Visit]:
    """Every stay in a state, in the order of components and ids.

    A component that several files know has one history; the files are taken in their order.
    """
    stays: dict[str, list[Visit]] = {}
    now_us: int | None = None
    for source in sources:
        with source.connect() as conn:
            newest = newest_us(conn)
            now_us = newest if now_us is None else max(now_us, newest or now_us)
            for moves in (pruned_moves(conn, component), _moves(conn, component)):
                _follow(moves, stays, source.name)
    for visits in stays.values():
        visits[-1].lasts = True
        visits[-1].dwell_us = _between(visits[-1].entered_us, now_us)
    return [visit for name in sorted(stays, key=str) for visit in stays[name]]


def _moves(conn: sqlite3.Connection, component: str | None) -> Iterable[Move]:
    """What every snapshot says, by id."""
    columns = snapshot_columns(conn)
    step, join = "NULL, NULL, NULL, NULL", ""
    if has_steps(conn):
        of_step = step_columns(conn, "t")
        names = ("message_type", "sender", "id", "from_state")
        step = ", ".join(of_step[name] for name in names)
        join = f"LEFT JOIN {STEPS} t ON t.rowid = {columns['step_id']}"
    query = f"""SELECT s.component_name, {columns["state"]}, {columns["time_us"]},
            {columns["fingerprint"]}, {step}
        FROM {SNAPSHOTS} s {join} WHERE {_of("s", component)} ORDER BY s.rowid"""
    return cursor(conn).execute(query, [] if component is None else [component])


def _of(row: str, component: str | None) -> str:
    return f"{row}.component_name " + ("IS NOT NULL" if component is None else "= ?")


def _follow(moves: Iterable[Move], stays: dict[str, list[Visit]], source: str) -> None:
    """Go on with each component's stays from row to row."""
    for name, state, time_us, fingerprint, message, sender, step_id, from_state in moves:
        if state is None:
            continue  # a row that can't be read says nothing about where the component was
        visits = stays.get(name)
        if visits is None:
            visits = stays[name] = []
        else:
            last = visits[-1]
            if last.state == state:
                last.fingerprint = fingerprint or last.fingerprint
                continue
            last.left_us, last.left_by, last.sender = time_us, message, sender
            last.dwell_us = _between(last.entered_us, time_us)
        known = step_id or (visits[-1].step_id if visits and visits[-1].source == source else 0)
        cut = not visits and step_id is not None and from_state == state
        visit = Visit(name, state, time_us, fingerprint, source, known, message, sender, cut)
        visits.append(visit)


def _between(start_us: int | None, end_us: int | None) -> int | None:
    """A duration; none where clocks went back."""
    return None if start_us is None or end_us is None else max(end_us - start_us, 0)

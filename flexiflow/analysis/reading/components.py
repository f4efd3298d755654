"""One row a component."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.reading.machines import finals_of
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import (
    end_of_step,
    extents_in,
    has_steps,
    names_in,
    snapshot_columns,
    step_columns,
)
from flexiflow.errors import component_not_found
from flexiflow.persistence.rows import storable
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, cursor

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class _Component:
    """What the files say of one component, the newest last."""

    name: str | None
    state: Any = None
    fingerprint: Any = None
    outcome: Any = None
    snapshots: int = 0
    steps: int = 0
    first_us: int | None = None
    last_us: int | None = None
    source: str = ""

    def seen(self, first_us: int | None, last_us: int | None, source: str) -> None:
        times = [self.first_us, self.last_us, first_us, last_us]
        known = [time for time in times if time is not None]
        self.first_us, self.last_us = min(known, default=None), max(known, default=None)
        self.source = source


def components_frame(sources: Sequence[Source]) -> pd.DataFrame:
    """Every component of every source; see `History.components`."""
    found: dict[str | None, _Component] = {}
    finals: dict[str, frozenset[str]] = {}
    for source in sources:
        with source.connect() as conn:
            finals.update(finals_of(conn))
            _add_steps(found, conn, source.name)
            _add_snapshots(found, conn, source.name)
    by_name = sorted(found.values(), key=lambda each: (each.name is None, each.name or ""))
    return frames.frame(shapes.COMPONENTS, (_row(each, finals) for each in by_name))


def component_names(sources: Sequence[Source]) -> list[str]:
    """The names of all components of all sources, sorted."""
    found: set[str] = set()
    for source in sources:
        with source.connect() as conn:
            for table in _tables(conn):
                rows = cursor(conn).execute(names_in(conn, table))
                found.update(str(name) for (name,) in rows)
    return sorted(found)


def require_component(sources: Sequence[Source], name: Any) -> str:
    """The name under which a component is stored; `ComponentNotFound` where no source knows it."""
    stored = storable(name) if isinstance(name, str) else None
    if stored is not None and any(_knows(source, stored) for source in sources):
        return stored
    raise component_not_found(name, component_names(sources))


def _knows(source: Source, name: str) -> bool:
    with source.connect() as conn:
        try:
            return any(
                cursor(conn)
                .execute(f"SELECT 1 FROM {table} WHERE component_name = ? LIMIT 1", (name,))
                .fetchone()
                for table in _tables(conn)
            )
        except UnicodeEncodeError:  # a lone surrogate, which no stored name has
            return False


def _tables(conn: sqlite3.Connection) -> Iterator[str]:
    yield SNAPSHOTS
    if has_steps(conn):
        yield STEPS


def _add_steps(found: dict[str | None, _Component], conn: sqlite3.Connection, source: str) -> None:
    if not has_steps(conn):
        return
    first, last = step_columns(conn, "f"), step_columns(conn, "l")
    wanted = ("to_state", "fingerprint", "outcome")
    query = _ends(
        conn, STEPS, first["start_us"], end_of_step(last), [last[name] for name in wanted]
    )
    for name, count, first_us, last_us, state, fingerprint, outcome in cursor(conn).execute(query):
        component = found.setdefault(frames.text_of(name), _Component(frames.text_of(name)))
        component.steps += count
        component.outcome = outcome
        component.state, component.fingerprint = state, fingerprint
        component.seen(first_us, last_us, source)


def _add_snapshots(
    found: dict[str | None, _Component], conn: sqlite3.Connection, source: str
) -> None:
    first, last = snapshot_columns(conn, "f"), snapshot_columns(conn, "l")
    wanted = ("state", "fingerprint")
    query = _ends(
        conn, SNAPSHOTS, first["time_us"], last["time_us"], [last[name] for name in wanted]
    )
    for name, count, first_us, last_us, state, fingerprint in cursor(conn).execute(query):
        component = found.setdefault(frames.text_of(name), _Component(frames.text_of(name)))
        component.snapshots += count
        # Saves by hand, and the newest step with nothing to save, know less than the other.
        component.state = state or component.state
        component.fingerprint = fingerprint or component.fingerprint
        component.seen(first_us, last_us, source)


def _ends(
    conn: sqlite3.Connection, table: str, first_us: str, last_us: str, of_last: Sequence[str]
) -> str:
    """A query for each component's number of rows, and what its first and last row say."""
    return f"""SELECT g.name, g.number, {first_us}, {last_us}, {", ".join(of_last)}
        FROM ({extents_in(conn, table)}) g
        JOIN {table} f ON f.rowid = g.low JOIN {table} l ON l.rowid = g.high"""


def _row(component: _Component, finals: dict[str, frozenset[str]]) -> tuple[Any, ...]:
    machine = finals.get(component.fingerprint)
    return (
        component.name,
        component.state,
        None if machine is None else component.state in machine,
        component.outcome,
        component.snapshots,
        component.steps,
        component.first_us,
        component.last_us,
        component.source,
    )

"""One row a component."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.machines import finals_of
from flexiflow.analysis.rows import state, time_us
from flexiflow.analysis.source import Source
from flexiflow.errors import component_not_found
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, columns_of, cursor, has_table

if TYPE_CHECKING:
    import pandas as pd


def components_frame(sources: Sequence[Source]) -> pd.DataFrame:
    """Every component of every source; see `History.components`."""
    built = []
    for source in sources:
        with source.connect() as conn:
            finals = finals_of(conn)
            rows = [_row(conn, name, finals, source.name) for name in _names(conn)]
            built.append(frames.frame(frames.COMPONENTS, rows))
    return frames.concat(frames.COMPONENTS, built)


def component_names(sources: Sequence[Source]) -> list[str]:
    """The names of all components of all sources, sorted."""
    found: set[str] = set()
    for source in sources:
        with source.connect() as conn:
            found.update(_names(conn))
    return sorted(found)


def require_component(sources: Sequence[Source], name: str) -> None:
    """Raise `ComponentNotFound` where no source knows the component."""
    for source in sources:
        with source.connect() as conn:
            if any(_has(conn, table, name) for table in (SNAPSHOTS, STEPS)):
                return
    raise component_not_found(name, component_names(sources))


def _names(conn: sqlite3.Connection) -> list[str]:
    found: set[str] = set()
    for table in (SNAPSHOTS, STEPS):
        if has_table(conn, table):
            # From name to name by the index: a million rows of 200 components take 200 look-ups.
            query = f"""WITH RECURSIVE n(name) AS (
                SELECT min(component_name) FROM {table} UNION ALL
                SELECT (SELECT min(component_name) FROM {table} WHERE component_name > n.name)
                FROM n WHERE n.name IS NOT NULL)
                SELECT name FROM n WHERE name IS NOT NULL"""
            found.update(str(name) for (name,) in cursor(conn).execute(query))
    return sorted(found)


def _has(conn: sqlite3.Connection, table: str, name: str) -> bool:
    if not has_table(conn, table):
        return False
    query = f"SELECT 1 FROM {table} WHERE component_name = ? LIMIT 1"
    return cursor(conn).execute(query, (name,)).fetchone() is not None


def _row(
    conn: sqlite3.Connection, name: str, finals: dict[str, frozenset[str]], source: str
) -> tuple[Any, ...]:
    run = cursor(conn).execute
    fingerprint = "s.fingerprint" if "fingerprint" in columns_of(conn, SNAPSHOTS) else "NULL"
    newest = run(
        f"""SELECT {state(conn)}, {fingerprint}, {time_us(conn)} FROM {SNAPSHOTS} s
            WHERE component_name = ? ORDER BY id DESC LIMIT 1""",
        (name,),
    ).fetchone() or (None, None, None)
    count, first_us = run(
        f"""SELECT count(*), (SELECT {time_us(conn)} FROM {SNAPSHOTS} s
            WHERE component_name = ?1 ORDER BY id LIMIT 1) FROM {SNAPSHOTS}
            WHERE component_name = ?1""",
        (name,),
    ).fetchone()
    steps, step_first, step = 0, None, (None, None, None, None)
    if has_table(conn, STEPS):
        (steps,) = run(f"SELECT count(*) FROM {STEPS} WHERE component_name = ?", (name,)).fetchone()
    if steps:
        (step_first,) = run(
            f"SELECT start_us FROM {STEPS} WHERE component_name = ? ORDER BY id LIMIT 1", (name,)
        ).fetchone()
        step = run(
            f"""SELECT outcome, to_state, fingerprint, start_us + duration_us FROM {STEPS}
                WHERE component_name = ? ORDER BY id DESC LIMIT 1""",
            (name,),
        ).fetchone()
    now, print_ = newest[0] or step[1], newest[1] or step[2]
    final = now in finals[print_] if print_ in finals else None
    first = min((t for t in (first_us, step_first) if t is not None), default=None)
    last = max((t for t in (newest[2], step[3]) if t is not None), default=None)
    return name, now, final, step[0], count, steps, first, last, source

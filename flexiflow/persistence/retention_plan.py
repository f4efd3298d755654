"""Choosing which rows of a history go: read only, so that a dry run tells what a real one does."""

from __future__ import annotations

import sqlite3
import time
from array import array
from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import timedelta

from flexiflow.errors import PersistenceError, component_not_found
from flexiflow.persistence.parts import unused_parts
from flexiflow.persistence.rows import iso_time
from flexiflow.persistence.schema import (
    SNAPSHOTS,
    STEPS,
    columns_of,
    cursor,
    has_table,
    newest_id,
    reading,
)
from flexiflow.persistence.sql_times import is_time, time_of_text

_AHEAD_US = 24 * 3600 * 1_000_000  # how far a clock may be ahead before "now" is doubted
_FAILED = "(outcome = 'failed' OR error_json IS NOT NULL)"

Cuts = dict[object, int]
"""By component: the id below which its rows go."""


@dataclass(frozen=True, slots=True)
class Pruned:
    """What goes, or went, of one component's rows in one table.

    Attributes:
        component: its name.
        table: the table's name.
        rows: how many.
        first_id, last_id: the first and the last of them.
    """

    component: str
    table: str
    rows: int
    first_id: int
    last_id: int


@dataclass(slots=True)
class Plan:
    """What is to go.

    Attributes:
        ids: by table the ids of the rows.
        pruned: the same by component.
        spared: how many rows stay only because they were spared.
        parts: large parts that nothing will refer to.
        last_id: the newest snapshot that was looked at.
        before_us: what is older goes, microseconds since 1970; None where rows are counted.
    """

    ids: dict[str, array[int]]
    pruned: list[Pruned]
    spared: int
    parts: list[str]
    last_id: int
    before_us: int | None


@dataclass(frozen=True, slots=True)
class Policy:
    """What may go; see `prune_history`.

    Attributes:
        keep, older_than, component, spare_errors: as they were given.
        spared: by table the ids of the rows that have bookmarks.
    """

    keep: int | None
    older_than: timedelta | None
    component: str | None
    spare_errors: bool
    spared: dict[str, frozenset[int]] = field(default_factory=dict)


def planned(conn: sqlite3.Connection, policy: Policy) -> Plan:
    """What goes; a dry run and a real one have the same."""
    with reading():
        tables = [table for table in (SNAPSHOTS, STEPS) if has_table(conn, table)]
        _require_component(conn, tables, policy.component)
        before_us = None if policy.older_than is None else _before(conn, tables, policy.older_than)
        plan = Plan({}, [], 0, [], newest_id(conn, SNAPSHOTS), before_us)
        for table in tables:
            if policy.keep is not None:
                cuts = _cuts_by_count(conn, table, policy.keep)
            else:
                cuts = _cuts_by_age(conn, table, before_us)
            if policy.component is not None:
                cuts = {name: at for name, at in cuts.items() if name == policy.component}
            _choose(conn, table, cuts, policy, plan)
        plan.parts = unused_parts(conn, plan.ids.get(SNAPSHOTS, ()))
    return plan


def _require_component(conn: sqlite3.Connection, tables: list[str], component: str | None) -> None:
    queries = [f"SELECT component_name FROM {table}" for table in tables]
    found = cursor(conn).execute(" UNION ".join(queries)) if component is not None else ()
    names = [str(name) for (name,) in found]
    if component is not None and component not in names:
        raise component_not_found(component, names)


def _choose(conn: sqlite3.Connection, table: str, cuts: Cuts, policy: Policy, plan: Plan) -> None:
    """Add the ids below the cuts to the plan, besides those that are spared."""
    ids = plan.ids[table] = array("q")
    found: dict[object, list[int]] = {}
    if not cuts:
        return
    highest = max(cuts.values())
    query = f"""SELECT id, component_name, {_spared_in(conn, table, policy)} FROM {table}
        WHERE id < ? ORDER BY id"""
    marked = _marked(conn, table, policy)
    for row_id, name, spared in cursor(conn).execute(query, (highest,)):
        if row_id >= cuts.get(name, 0):
            continue
        if spared or row_id in marked:
            plan.spared += 1
            continue
        ids.append(row_id)
        counted = found.get(name)
        if counted is None:
            found[name] = [1, row_id, row_id]
        else:
            counted[0] += 1
            counted[2] = row_id
    plan.pruned += [Pruned(str(name), table, *found[name]) for name in sorted(found, key=str)]


def _cuts_by_count(conn: sqlite3.Connection, table: str, keep: int) -> Cuts:
    """The ids of each component's oldest rows that stay."""
    query = f"""SELECT component_name, id FROM (
            SELECT component_name, id, row_number() OVER (
                PARTITION BY component_name ORDER BY id DESC) AS place FROM {table})
        WHERE place = ?"""
    return dict(cursor(conn).execute(query, (keep,)).fetchall())


def _cuts_by_age(conn: sqlite3.Connection, table: str, before_us: int | None) -> Cuts:
    """The ids of each component's first rows that are not old.

    A row whose time can't be read stays: whether it is old is not known.
    """
    newest = f"SELECT component_name, max(id) FROM {table} GROUP BY component_name"
    cuts: Cuts = dict(cursor(conn).execute(newest).fetchall())
    if table == STEPS:
        cuts = {name: row_id + 1 for name, row_id in cuts.items()}
    young = f"""SELECT component_name, min(id) FROM {table}
        WHERE coalesce({_time_in(conn, table)} >= ?, 1) GROUP BY component_name"""
    for name, row_id in cursor(conn).execute(young, (before_us,)):
        cuts[name] = min(cuts[name], row_id)
    return cuts


def _before(conn: sqlite3.Connection, tables: list[str], older_than: timedelta) -> int | None:
    """The time before which rows are old; None where no row has a time."""
    queries = [f"SELECT max({_time_in(conn, table)}) FROM {table}" for table in tables]
    times = [cursor(conn).execute(query).fetchone()[0] for query in queries]
    newest = max((each for each in times if each is not None), default=None)
    if newest is None:
        return None
    if newest > time.time_ns() // 1000 + _AHEAD_US:
        raise PersistenceError(
            f"The newest record lies in the future: {iso_time(newest)}.",
            why="Ages are counted from the newest record, and a wrong clock wrote that one.",
            fix="Prune by count: keep=50.",
            context={"newest": iso_time(newest)},
        )
    return int(newest) - older_than // timedelta(microseconds=1)


def _time_in(conn: sqlite3.Connection, table: str) -> str:
    if table == STEPS:
        return f"CASE WHEN {is_time('start_us')} THEN start_us END"
    text = time_of_text("created_at")
    if "time_us" not in columns_of(conn, table):
        return f"({text})"
    return f"CASE WHEN {is_time('time_us')} THEN time_us ELSE {text} END"


def _spared_in(conn: sqlite3.Connection, table: str, policy: Policy) -> str:
    if not policy.spare_errors or not has_table(conn, STEPS):
        return "0"
    if table == STEPS:
        return _FAILED
    return f"""EXISTS (SELECT 1 FROM {STEPS} s WHERE s.id = {table}.step_id AND {_FAILED})"""


def _marked(conn: sqlite3.Connection, table: str, policy: Policy) -> Collection[int]:
    """The ids that have bookmarks, and those of the rows that belong to them."""
    steps, snapshots = policy.spared.get(STEPS, ()), policy.spared.get(SNAPSHOTS, ())
    if not (steps or snapshots) or "step_id" not in columns_of(conn, SNAPSHOTS):
        return policy.spared.get(table, frozenset())
    if table == STEPS:
        query, ids = f"SELECT step_id FROM {SNAPSHOTS} WHERE id = ?", snapshots
        rows = [row for each in ids for row in cursor(conn).execute(query, (each,))]
        return {*steps, *(row_id for (row_id,) in rows)}
    query = f"SELECT id, step_id FROM {SNAPSHOTS} WHERE step_id IS NOT NULL"
    rows = cursor(conn).execute(query).fetchall() if steps else []
    return {*snapshots, *(row_id for row_id, step_id in rows if step_id in steps)}

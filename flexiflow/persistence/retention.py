"""Retention: which rows of a history may go, by count or by age, and letting them go.

Rows are chosen and deleted by the same key, the id: clocks that went back lose nothing.
"""

from __future__ import annotations

import os
import sqlite3
import time
from array import array
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from flexiflow.arguments import require
from flexiflow.errors import (
    InvalidType,
    InvalidValue,
    PersistenceError,
    bounded_repr,
    component_not_found,
)
from flexiflow.persistence.bookmarks import Bookmarks
from flexiflow.persistence.deleting import delete_rows, drop_parts, give_space_back
from flexiflow.persistence.opening import existing_file, open_read_only, open_to_write
from flexiflow.persistence.parts import unused_parts
from flexiflow.persistence.rows import iso_time, storable
from flexiflow.persistence.schema import (
    SNAPSHOTS,
    STEPS,
    columns_of,
    cursor,
    has_table,
    migrate,
    newest_id,
    pragma,
    reading,
    transaction,
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


@dataclass(frozen=True, slots=True)
class Pruning:
    """What a pruning did, or would do.

    Attributes:
        path: the database.
        dry_run: whether nothing was done.
        pruned: what goes, by table and component.
        spared: how many rows stay only because they were spared.
        parts: how many large parts go, because nothing refers to them any more.
        before_us: what is older goes, microseconds since 1970; None where rows are counted.
        bytes_before, bytes_after: the size of the file; the same in a dry run.
        notes: what people should know.
    """

    path: str
    dry_run: bool
    pruned: tuple[Pruned, ...]
    spared: int
    parts: int
    before_us: int | None
    bytes_before: int
    bytes_after: int
    notes: tuple[str, ...] = ()

    @property
    def rows(self) -> int:
        """How many rows go in all."""
        return sum(each.rows for each in self.pruned)


@dataclass(slots=True)
class _Plan:
    ids: dict[str, array[int]]
    pruned: list[Pruned]
    spared: int
    parts: list[str]
    last_id: int  # the newest snapshot that was looked at
    before_us: int | None


@dataclass(frozen=True, slots=True)
class _Policy:
    keep: int | None
    older_than: timedelta | None
    component: str | None
    spare_errors: bool
    spared: dict[str, frozenset[int]] = field(default_factory=dict)


def prune_history(
    path: str | os.PathLike[str],
    *,
    keep: int | None = None,
    older_than: timedelta | None = None,
    component: str | None = None,
    spare_errors: bool = False,
    spare_bookmarks: bool = True,
    dry_run: bool = False,
    vacuum: bool = False,
) -> Pruning:
    """Delete old snapshots and steps of a history, beside whoever is recording to it.

    The newest snapshot of a component always stays. Each step holds the file for about 50 ms,
    and a chained marker says which rows are gone, so that `History.verify` knows.

    Args:
        path: the database.
        keep: how many snapshots and how many steps each component keeps, those with the highest
            ids; or
        older_than: how much older than the newest record a row must be to go. What comes after the
            first row that is not that old stays, whatever its clock said.
        component: only this component's rows.
        spare_errors: keep steps with an error, and the snapshots after them.
        spare_bookmarks: keep the rows that have bookmarks.
        dry_run: only say what would go.
        vacuum: write the whole file anew afterwards, which holds it all the while. Without it a
            file that `record` made is shortened bit by bit, and others reuse their free pages.

    Returns:
        what went, or would go.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no such file.
        ComponentNotFound: (a KeyError) for an unknown component.
        InvalidValue: (a ValueError) where not exactly one of `keep` and `older_than` is given, or
            one makes no sense.
        InvalidType: (a TypeError) where an argument is of the wrong type.
        PersistenceError: where the file can't be read or written, or where its newest record
            lies in the future, so that nothing can be said of ages.
    """
    _check(keep, older_than)
    if component is not None:
        require(isinstance(component, str), "component", component, "a name", "Name a component.")
        component = storable(component)
    file = existing_file(path)
    marked = _bookmarked(file) if spare_bookmarks else {}
    policy = _Policy(keep, older_than, component, spare_errors, marked)
    before = file.stat().st_size
    with open_read_only(file) if dry_run else _writing(file) as conn:
        plan = _plan(conn, policy)
        notes = _notes(conn, vacuum)
        if not dry_run:
            for table, ids in plan.ids.items():
                delete_rows(conn, table, ids, component)
            drop_parts(conn, plan.parts, plan.last_id)
            _give_back(conn, vacuum)
    return Pruning(
        str(path),
        dry_run,
        tuple(plan.pruned),
        plan.spared,
        len(plan.parts),
        plan.before_us,
        before,
        file.stat().st_size,
        notes,
    )


def ids_below_newest(conn: sqlite3.Connection, name: str, keep: int) -> list[int]:
    """The ids of a component's snapshots besides the newest `keep`, ascending."""
    query = f"""SELECT id FROM {SNAPSHOTS} WHERE component_name = ? ORDER BY id DESC
        LIMIT -1 OFFSET ?"""
    return [row_id for (row_id,) in cursor(conn).execute(query, (name, keep))][::-1]


def check_count(argument: str, value: object) -> None:
    """Refuse what is no number of rows.

    Raises:
        InvalidValue: (a ValueError).
    """
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidValue(
            f"{argument} must be a number of rows, not {bounded_repr(value, 80)}.",
            why="Rows are counted from 0 up.",
            fix=f"Pass {argument}=10, or 0 for none.",
            context={argument: value},
        )


def _check(keep: object, older_than: object) -> None:
    if (keep is None) == (older_than is None):
        raise InvalidValue(
            "Pruning needs either keep or older_than.",
            why="Rows go by count or by age, and neither is a default.",
            fix="Pass keep=50, or older_than=timedelta(days=30).",
            context={"keep": keep, "older_than": older_than},
        )
    if keep is not None:
        check_count("keep", keep)
    elif not isinstance(older_than, timedelta):
        raise InvalidType(
            f"older_than must be a timedelta, not {bounded_repr(older_than, 40)}.",
            why="It is compared with ages.",
            fix="Pass older_than=timedelta(days=30).",
            context={"older_than": older_than},
        )
    elif older_than < timedelta(0):
        raise InvalidValue(
            f"older_than must not be negative: {older_than}.",
            why="No row is younger than the newest one.",
            fix="Pass older_than=timedelta(days=30).",
            context={"older_than": older_than},
        )


@contextmanager
def _writing(file: Path) -> Iterator[sqlite3.Connection]:
    with open_to_write(file) as conn:
        cursor(conn).execute("PRAGMA cache_size = -65536")
        with transaction(conn):
            migrate(conn)
        (mode,) = cursor(conn).execute("PRAGMA journal_mode").fetchone()
        if mode == "wal":  # what a power cut undoes is deleted again next time
            cursor(conn).execute("PRAGMA synchronous = NORMAL")
        yield conn


def _bookmarked(file: Path) -> dict[str, frozenset[int]]:
    marked = Bookmarks(file).all()
    tables = {"step": STEPS, "snapshot": SNAPSHOTS}
    return {
        table: frozenset(each.id for each in marked if each.kind == kind)
        for kind, table in tables.items()
    }


# -- choosing -----------------------------------------------------------------------------


def _plan(conn: sqlite3.Connection, policy: _Policy) -> _Plan:
    """What goes; a dry run and a real one have the same."""
    with reading():
        tables = [table for table in (SNAPSHOTS, STEPS) if has_table(conn, table)]
        _require_component(conn, tables, policy.component)
        before_us = None if policy.older_than is None else _before(conn, tables, policy.older_than)
        plan = _Plan({}, [], 0, [], newest_id(conn, SNAPSHOTS), before_us)
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


def _choose(conn: sqlite3.Connection, table: str, cuts: Cuts, policy: _Policy, plan: _Plan) -> None:
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
    if keep == 0 and table == STEPS:
        query = f"SELECT component_name, max(id) + 1 FROM {table} GROUP BY component_name"
        return dict(cursor(conn).execute(query).fetchall())
    query = f"""SELECT component_name, id FROM (
            SELECT component_name, id, row_number() OVER (
                PARTITION BY component_name ORDER BY id DESC) AS place FROM {table})
        WHERE place = ?"""
    return dict(cursor(conn).execute(query, (max(keep, 1),)).fetchall())


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


def _spared_in(conn: sqlite3.Connection, table: str, policy: _Policy) -> str:
    if not policy.spare_errors or not has_table(conn, STEPS):
        return "0"
    if table == STEPS:
        return _FAILED
    return f"""EXISTS (SELECT 1 FROM {STEPS} s WHERE s.id = {table}.step_id AND {_FAILED})"""


def _marked(conn: sqlite3.Connection, table: str, policy: _Policy) -> Collection[int]:
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


# -- space --------------------------------------------------------------------------------


def _notes(conn: sqlite3.Connection, vacuum: bool) -> tuple[str, ...]:
    if vacuum or pragma(conn, "auto_vacuum"):
        return ()
    return (
        "The file keeps its size, and reuses the free pages: it was made without auto_vacuum. "
        "vacuum=True (--vacuum) writes it anew once, while nobody else can use it.",
    )


def _give_back(conn: sqlite3.Connection, vacuum: bool) -> None:
    if not vacuum:
        give_space_back(conn)
        return
    with reading():
        cursor(conn).execute("PRAGMA auto_vacuum = INCREMENTAL")  # takes with the next VACUUM
        cursor(conn).execute("VACUUM")
        cursor(conn).execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()

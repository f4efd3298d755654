"""Retention: which rows of a history may go, by count or by age, and letting them go.

Rows are chosen, in `retention_plan`, and deleted by the same key, the id: clocks that went back
lose nothing.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from flexiflow.arguments import require
from flexiflow.errors import InvalidType, InvalidValue, bounded_repr
from flexiflow.persistence.bookmarks import Bookmarks
from flexiflow.persistence.deleting import delete_rows, drop_parts, give_space_back
from flexiflow.persistence.opening import existing_file, open_read_only, open_to_write
from flexiflow.persistence.retention_plan import Policy, Pruned, planned
from flexiflow.persistence.rows import storable
from flexiflow.persistence.schema import (
    SNAPSHOTS,
    STEPS,
    cursor,
    migrate,
    pragma,
    reading,
    transaction,
)


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
            ids, at least 1; or
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
    policy = Policy(keep, older_than, component, spare_errors, marked)
    before = file.stat().st_size
    with open_read_only(file) if dry_run else _writing(file) as conn:
        plan = planned(conn, policy)
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
        if keep == 0:
            raise InvalidValue(
                "keep=0 would leave nothing to go on from.",
                why="The newest snapshot of a component always stays.",
                fix="Pass keep=1, or delete all of a component with prune_snapshots_sqlite.",
                context={"keep": keep},
            )
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

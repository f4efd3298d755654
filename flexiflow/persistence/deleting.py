"""Deleting rows and giving space back in small steps, so that nobody waits long to write.

Each step is a transaction of its own, with a chained marker that names its rows exactly, so that
the gap that it leaves in the chain is explained.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Sequence
from typing import TypeVar

from flexiflow.persistence.parts import parts_in_use, referring_rows
from flexiflow.persistence.pruned import PRUNED, detail_of, runs_of
from flexiflow.persistence.rows import insert_chained
from flexiflow.persistence.schema import MARKERS, PARTS, cursor, pragma, reading, transaction

# A writer that waits tries again after 1, 3, 8, 18, 33, 53, 78, 103 ms (SQLite's busy handler).
# So whoever comes while the file is held for 50 ms tries within 25 ms of its release.
HOLD_S = 0.05
"""How long one step should hold the database."""

PAUSE_S = 0.025
"""How long others have it after each step."""

_FEWEST, _MOST = 20, 50_000

Key = TypeVar("Key", int, str)


class Pace:
    """How much is done in one step: as much as fits into `HOLD_S`, going by the step before."""

    def __init__(self, size: int) -> None:
        self.size = size

    def step(self, work: Callable[[int], bool]) -> bool:
        """Do one step, leave the database to others for a while, and say whether there is more.

        Args:
            work: takes how much to do; says whether there is more.
        """
        began = time.perf_counter()
        more = work(self.size)
        took = max(time.perf_counter() - began, 1e-6)
        factor = min(max(HOLD_S / took, 0.3), 1.5)
        self.size = min(max(int(self.size * factor), _FEWEST), _MOST)
        if more:
            time.sleep(PAUSE_S)
        return more


def delete_rows(
    conn: sqlite3.Connection, table: str, ids: Sequence[int], component: str | None = None
) -> int:
    """Delete rows, and return how many were still there.

    Args:
        conn: a connection. In its open transaction all is one step, else there are many.
        table: a chained table.
        ids: which, ascending.
        component: whose they all are; None for several.

    Raises:
        PersistenceError: where SQLite refuses; what was deleted until then is marked.
    """
    with reading():
        begins = _begin_of_chain(conn, table)
    deleted = 0

    def delete(run: sqlite3.Cursor, chosen: Sequence[int]) -> None:
        nonlocal deleted
        deleted += _delete(run, table, chosen, begins, component)

    _in_steps(conn, ids, Pace(500), delete)
    return deleted


def drop_parts(conn: sqlite3.Connection, digests: Sequence[str], after_id: int) -> None:
    """Delete large parts that no row refers to any more.

    Args:
        conn: a connection.
        digests: the parts, which no row up to `after_id` refers to.
        after_id: later rows are asked, in the same transaction that deletes.
    """

    def drop(run: sqlite3.Cursor, chosen: Sequence[str]) -> None:
        # What was written since may refer to a part that was there already.
        used = parts_in_use(referring_rows(conn, after_id))
        gone = [(each,) for each in chosen if each not in used]
        run.executemany(f"DELETE FROM {PARTS} WHERE hash = ?", gone)

    _in_steps(conn, digests, Pace(100), drop)


def _in_steps(
    conn: sqlite3.Connection,
    keys: Sequence[Key],
    pace: Pace,
    delete: Callable[[sqlite3.Cursor, Sequence[Key]], None],
) -> None:
    """Delete what has these keys: step by step, or all at once in an open transaction."""
    at = 0

    def work(size: int) -> bool:
        nonlocal at
        chosen = keys[at : at + size]
        at += len(chosen)
        with transaction(conn) as run:
            delete(run, chosen)
        return at < len(keys)

    if conn.in_transaction:
        work(len(keys))
        return
    while keys and pace.step(work):
        pass


def give_space_back(conn: sqlite3.Connection) -> None:
    """Shorten the file by its free pages, a few at a time, where it was made for that."""
    with reading():
        free = pragma(conn, "freelist_count") if pragma(conn, "auto_vacuum") else 0

    def work(size: int) -> bool:
        nonlocal free
        # A script, since Python would end a statement without columns after its first page.
        cursor(conn).executescript(f"PRAGMA incremental_vacuum({size})")
        before, free = free, pragma(conn, "freelist_count")
        return 0 < free < before  # where others free pages as fast, the next pruning goes on

    pace = Pace(100)
    with reading():
        while free and pace.step(work):
            pass
        # Without waiting for readers: the file is then shortened at the next checkpoint.
        cursor(conn).execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _delete(
    run: sqlite3.Cursor, table: str, ids: Sequence[int], begins: int | None, component: str | None
) -> int:
    runs = runs_of(ids)
    run.executemany(f"DELETE FROM {table} WHERE id BETWEEN ? AND ?", runs)
    count = run.rowcount  # fewer where somebody else pruned them meanwhile
    if count > 0:
        now = time.time_ns() // 1000
        ends = (runs[0][0], runs[-1][1])
        marker = (PRUNED, now, None, component, table, *ends, count, detail_of(runs, begins))
        insert_chained(run, MARKERS, [marker])
    return count


def _begin_of_chain(conn: sqlite3.Connection, table: str) -> int | None:
    query = f"SELECT id FROM {table} WHERE hash IS NOT NULL ORDER BY id LIMIT 1"
    row = cursor(conn).execute(query).fetchone()
    return None if row is None else int(row[0])

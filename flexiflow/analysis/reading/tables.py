"""The stored rows as every question sees them, whatever wrote them and whatever is broken in them.

A question is put together from the SQL expressions given here. A column that the file lacks, or
a value that can't be what the column says, is NULL: it is shown as missing and hides nothing
around it.
"""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Any

from flexiflow.errors import PersistenceError
from flexiflow.persistence import tagged
from flexiflow.persistence.schema import (
    MARKERS,
    RUNS,
    SNAPSHOTS,
    STEPS,
    columns_of,
    cursor,
    has_table,
)
from flexiflow.persistence.snapshot import snapshot_from
from flexiflow.persistence.sql_times import LATEST, is_time, time_of_text

_STEP_TEXTS = (
    "component_name",
    "correlation_id",
    "message_type",
    "message_json",
    "from_state",
    "to_state",
    "outcome",
    "span_id",
    "parent_id",
    "sender",
    "guards_json",
    "error_json",
    "reason",
    "fingerprint",
)

_LARGEST = 2**63 - 1

Expressions = dict[str, str]


@contextlib.contextmanager
def readable(conn: sqlite3.Connection) -> Iterator[sqlite3.Connection]:
    """Let a connection read what is broken too: it gets two functions and, meanwhile, a decoder."""
    before = conn.text_factory
    # Bytes that are no UTF-8 are shown as such.
    conn.text_factory = lambda raw: raw.decode("utf-8", "replace")
    # SQLite refuses to set a function again while somebody reads; then it is there already.
    with contextlib.suppress(sqlite3.OperationalError):
        conn.create_function("flexiflow_state", 1, _state_in, deterministic=True)
        conn.create_function("flexiflow_fault", 1, _fault_in, deterministic=True)
    try:
        yield conn
    finally:
        conn.text_factory = before


def snapshot_columns(conn: sqlite3.Connection, row: str = "s") -> Expressions:
    """Expressions for the snapshots' columns, by name.

    Args:
        conn: which columns there are depends on who wrote the file.
        row: what the query calls a row of the table.
    """
    column = _Columns(conn, SNAPSHOTS, row)
    body, state, time_us = column("snapshot_json"), column("state"), column("time_us")
    is_json = f"typeof({body}) = 'text' AND json_valid({body})"
    # A row of 1.x has its state and its time only inside. SQLite refuses the NaN that 1.x may
    # have written; where it can't read a row, Python tries.
    state = f"""CASE WHEN typeof({state}) = 'text' THEN {state}
        WHEN {is_json} THEN CASE json_type({body}, '$.current_state')
            WHEN 'text' THEN json_extract({body}, '$.current_state') END
        ELSE flexiflow_state(CAST({body} AS BLOB)) END"""
    text = time_of_text(column("created_at"))
    time = f"CASE WHEN {is_time(time_us)} THEN {time_us} ELSE {text} END"
    error = f"""CASE WHEN NOT ({is_json}) AND flexiflow_fault(CAST({body} AS BLOB)) IS NOT NULL
            THEN flexiflow_fault(CAST({body} AS BLOB))
        WHEN {is_json} AND json_type({body}) <> 'object'
            THEN 'the snapshot is not a JSON object'
        WHEN ({state}) IS NULL THEN 'the snapshot names no state'
        WHEN ({time}) IS NULL THEN 'its time can''t be read' END"""
    return {
        "id": f"{row}.rowid",
        "component_name": column("component_name"),
        "time_us": time,
        "state": state,
        "correlation_id": column("correlation_id"),
        "step_id": column.whole("step_id"),
        "run": _run_of(conn, column("run_id")),
        "fingerprint": column("fingerprint"),
        "snapshot_json": body,
        "error": error,
        "format": column("format"),
    }


def step_columns(conn: sqlite3.Connection, row: str = "s") -> Expressions:
    """Expressions for the steps' columns, by name; arguments as for `snapshot_columns`."""
    column = _Columns(conn, STEPS, row)
    start, error = column("start_us"), column("error_json")
    return {
        **{name: column(name) for name in _STEP_TEXTS},
        "id": f"{row}.rowid",
        "start_us": f"CASE WHEN {is_time(start)} THEN {start} END",
        "duration_us": column.whole("duration_us"),
        "tries": f"coalesce({column.whole('tries')}, 0)",
        "run": _run_of(conn, column("run_id")),
        "error": f"""CASE WHEN {error} IS NOT NULL THEN coalesce(
            CASE WHEN typeof({error}) = 'text' AND json_valid({error}) THEN coalesce(
                json_extract({error}, '$.type') || ': ' || json_extract({error}, '$.message'),
                json_extract({error}, '$.type'), json_extract({error}, '$.message')) END,
            'the error can''t be read') END""",
    }


def end_of_step(columns: Expressions) -> str:
    """An expression for the time at which a step ended; NULL where that is out of range."""
    end = f"({columns['start_us']} + max(coalesce({columns['duration_us']}, 0), 0))"
    # Whole as both are, or a float that is larger.
    return f"(CASE WHEN {end} <= {LATEST} THEN {end} END)"


def has_steps(conn: sqlite3.Connection) -> bool:
    """Whether messages were recorded: 1.x stored snapshots only."""
    return has_table(conn, STEPS)


def most_steps(conn: sqlite3.Connection) -> int:
    """At most how many steps there are, by the highest id: known without counting.

    Of a file of 1.x, which has none, snapshots.
    """
    query = f"SELECT max(rowid) FROM {STEPS if has_steps(conn) else SNAPSHOTS}"
    return int(cursor(conn).execute(query).fetchone()[0] or 0)


def snapshots_up_to(conn: sqlite3.Connection, most: int) -> int:
    """How many snapshots there are, counted no further than to `most`."""
    query = f"SELECT count(*) FROM (SELECT 1 FROM {SNAPSHOTS} LIMIT ?)"
    return int(cursor(conn).execute(query, (most,)).fetchone()[0])


def names_in(conn: sqlite3.Connection, table: str) -> str:
    """A query for the names of a table's components, each once, in a column ``name``."""
    if not _has_component_index(conn, table):
        return f"SELECT DISTINCT component_name AS name FROM {table} WHERE component_name NOT NULL"
    # From name to name over the index: as many seeks as names, however many rows there are.
    after = f"SELECT min(component_name) FROM {table} WHERE component_name > found.name"
    return f"""WITH RECURSIVE found(name) AS (
            SELECT min(component_name) FROM {table}
            UNION ALL SELECT ({after}) FROM found WHERE found.name IS NOT NULL)
        SELECT name FROM found WHERE name IS NOT NULL"""


def extents_in(conn: sqlite3.Connection, table: str) -> str:
    """A query for each component's ``name``, ``number`` of rows, and ``low`` and ``high`` id."""
    extent = "count(*) AS number, min(rowid) AS low, max(rowid) AS high"
    if not _has_component_index(conn, table):
        return f"SELECT component_name AS name, {extent} FROM {table} GROUP BY component_name"
    # One by one, since grouping does not see that an index's entries are in the order of ids.
    rows = f"FROM {table} t WHERE t.component_name = n.name"
    return f"""SELECT n.name, (SELECT count(*) {rows}) AS number,
            (SELECT min(t.rowid) {rows}) AS low, (SELECT max(t.rowid) {rows}) AS high
        FROM ({names_in(conn, table)}) n
        UNION ALL SELECT NULL, {extent} FROM {table} WHERE component_name IS NULL
            HAVING count(*) > 0"""


def newest_us(conn: sqlite3.Connection) -> int | None:
    """The time of the newest record, microseconds since 1970.

    That is the latest of what each component did last, in the order of ids: so a clock that ran
    ahead for a while is no "now" for ever, and no table is read as a whole where it has an index.
    """
    times = [(SNAPSHOTS, snapshot_columns(conn)["time_us"])]
    if has_steps(conn):
        times.append((STEPS, end_of_step(step_columns(conn))))
    found = [_newest_in(conn, *each) for each in times]
    newest = max((time for time in found if time is not None), default=None)
    # Of a damaged duration SQLite makes a float that no 64 bits hold.
    return None if newest is None else min(int(newest), _LARGEST)


def began_us(conn: sqlite3.Connection) -> int | None:
    """The time at which a file begins: its first row or its first run, whichever is earlier."""
    columns = snapshot_columns(conn)
    queries = [f"SELECT {columns['time_us']} FROM {SNAPSHOTS} s ORDER BY s.rowid LIMIT 1"]
    if "start_us" in columns_of(conn, RUNS):
        queries.append(f"SELECT min(start_us) FROM {RUNS} WHERE {is_time('start_us')}")
    found = [cursor(conn).execute(query).fetchone() for query in queries]
    return min((row[0] for row in found if row and row[0] is not None), default=None)


def ended_us(conn: sqlite3.Connection) -> int | None:
    """The time at which a file ends: its last snapshot or the end of its last step."""
    tables = [(SNAPSHOTS, snapshot_columns(conn)["time_us"])]
    if has_steps(conn):
        tables.append((STEPS, end_of_step(step_columns(conn))))
    queries = [
        f"SELECT {time} FROM {table} s ORDER BY s.rowid DESC LIMIT 1" for table, time in tables
    ]
    found = [cursor(conn).execute(query).fetchone() for query in queries]
    return max((row[0] for row in found if row and row[0] is not None), default=None)


def lost_rows(conn: sqlite3.Connection, since_us: int | None) -> int:
    """How many rows a failing writer dropped since then; since ever where no time is given."""
    if not {"kind", "time_us", "rows"} <= set(columns_of(conn, MARKERS)):
        return 0
    query = f"SELECT sum(rows) FROM {MARKERS} WHERE kind = 'gap' AND time_us >= ?"
    (lost,) = cursor(conn).execute(query, (-LATEST if since_us is None else since_us,)).fetchone()
    return int(lost or 0)


def unreadable_snapshots(conn: sqlite3.Connection, component: str) -> int:
    """How many of a component's snapshots don't say in which state it was."""
    query = f"""SELECT count(*) FROM {SNAPSHOTS} s
        WHERE s.component_name = ? AND ({snapshot_columns(conn)["state"]}) IS NULL"""
    (number,) = cursor(conn).execute(query, (component,)).fetchone()
    return int(number)


def _newest_in(conn: sqlite3.Connection, table: str, time: str) -> int | float | None:
    """The latest of the times of each component's last row that has one, and of the last of all.

    `time` is the expression for it, of a row ``s``.
    """
    has_time = f"({time}) IS NOT NULL"
    if _has_component_index(conn, table):
        rows, last = f"FROM {table} s WHERE {has_time}", "ORDER BY s.rowid DESC LIMIT 1"
        query = f"""SELECT max(time) FROM (
            SELECT (SELECT {time} {rows} AND s.component_name = n.name {last}) AS time
                FROM ({names_in(conn, table)}) n
            UNION ALL SELECT (SELECT {time} {rows} {last}))"""
        return cursor(conn).execute(query).fetchone()[0]  # type: ignore[no-any-return]
    # What it takes to read a time from text is spent on each row only where a last one has none.
    for condition in ("1", has_time):
        last = f"SELECT max(s.rowid) FROM {table} s WHERE {condition} GROUP BY s.component_name"
        query = f"""SELECT max(time), count(*) > count(time) FROM
            (SELECT {time} AS time FROM {table} s WHERE s.rowid IN ({last}))"""
        newest, some_have_none = cursor(conn).execute(query).fetchone()
        if not some_have_none:
            break
    return newest  # type: ignore[no-any-return]


def _has_component_index(conn: sqlite3.Connection, table: str) -> bool:
    query = """SELECT 1 FROM pragma_index_list(?) l, pragma_index_xinfo(l.name) c
        WHERE l.partial = 0 AND c.seqno = 0 AND c.name = 'component_name'
            AND c.desc = 0 AND c.coll = 'BINARY'"""
    return cursor(conn).execute(query, (table,)).fetchone() is not None


class _Columns:
    """A table's columns as expressions; NULL for those that it lacks."""

    def __init__(self, conn: sqlite3.Connection, table: str, row: str) -> None:
        self._present = set(columns_of(conn, table))
        self._row = row

    def __call__(self, name: str) -> str:
        return f"{self._row}.{name}" if name in self._present else "NULL"

    def whole(self, name: str) -> str:
        """A column of whole numbers."""
        column = self(name)
        return f"CASE typeof({column}) WHEN 'integer' THEN {column} END"


def _run_of(conn: sqlite3.Connection, run_id: str) -> str:
    known = {"id", "uid"} <= set(columns_of(conn, RUNS))
    return f"(SELECT r.uid FROM {RUNS} r WHERE r.id = {run_id})" if known else "NULL"


def _state_in(body: Any) -> str | None:
    try:
        state = tagged.parse(body)["current_state"]
    except (ValueError, TypeError, KeyError, IndexError):
        return None
    return state if isinstance(state, str) else None


def _fault_in(body: Any) -> str | None:
    try:
        snapshot_from(tagged.parse(body), "the row")
    except (ValueError, TypeError):
        return "the snapshot is not JSON"
    except PersistenceError as exc:
        return exc.what
    return None

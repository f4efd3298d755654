"""Snapshots in a SQLite database, through a connection that the caller owns.

Saving migrates a database that 1.x wrote; reading never changes one. With no transaction open a
save commits; in the caller's open transaction it is a savepoint, and the caller commits. The log's
``snapshot.saved`` is then written before the caller's commit, which nobody tells us of.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from flexiflow.arguments import require
from flexiflow.correlation import current_correlation_id
from flexiflow.errors import (
    InvalidType,
    InvalidValue,
    PersistenceError,
    bounded,
    bounded_repr,
    persistence_invalid_json,
)
from flexiflow.hooks import snapshot_saved
from flexiflow.persistence import tagged
from flexiflow.persistence.deleting import delete_rows, drop_parts
from flexiflow.persistence.parts import parts_only_in
from flexiflow.persistence.retention import check_count, ids_below_newest
from flexiflow.persistence.rows import (
    insert_chained,
    iso_time,
    snapshot_json,
    storable,
    store_parts,
)
from flexiflow.persistence.schema import (
    PARTS,
    SCHEMA,
    SNAPSHOTS,
    VERSION,
    alone,
    columns_of,
    cursor,
    has_column,
    has_table,
    migrate,
    newest_id,
    prepare_new,
    reading,
    transaction,
    version_of,
)
from flexiflow.persistence.snapshot import ComponentSnapshot, check_snapshot, snapshot_from

_MOST_ROWS = 2**63 - 1

_NEWEST = f"""SELECT id, snapshot_json, {{}} FROM {SNAPSHOTS}
    WHERE component_name = ? ORDER BY id DESC LIMIT 1"""
# One query says both of most files: to ask `version_of` alone costs three times as much. Whoever
# a file belongs to, one of the two numbers is its version.
_NEWEST_AND_VERSION = _NEWEST.format(
    f"format, (SELECT max(version) FROM {SCHEMA}), (SELECT user_version FROM pragma_user_version)"
)

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def save_snapshot(
    conn: sqlite3.Connection,
    snapshot: ComponentSnapshot,
    *,
    created_at: datetime | str | None = None,
) -> int:
    """Append a snapshot to the history, and return its row id.

    Args:
        conn: an open connection.
        snapshot: what to save.
        created_at: when it was taken, a datetime or ISO 8601 text; now unless given. A time
            without a zone is UTC.

    Raises:
        PersistenceError: where SQLite refuses, or the data is nested too deeply.
        InvalidValue: (a ValueError) where `created_at` is not a time.
    """
    check_snapshot(snapshot)
    _check_connection(conn, snapshot.name)
    time_us, text = _moment(created_at)
    body, parts = snapshot_json(
        snapshot.name, snapshot.current_state, snapshot.rules, snapshot.metadata, strict=True
    )
    correlation_id = current_correlation_id()
    row = (
        storable(snapshot.name),
        body,
        text,
        time_us,
        storable(snapshot.current_state),
        correlation_id,
        None,
        None,
        None,
    )
    with alone(conn):
        with reading():
            prepare_new(conn)
        with transaction(conn) as run:
            migrate(conn)
            store_parts(run, parts)
            (row_id,) = insert_chained(run, SNAPSHOTS, [row])
    snapshot_saved(snapshot.name, snapshot_id=row_id, state=snapshot.current_state)
    return row_id


def load_latest_snapshot(conn: sqlite3.Connection, name: str) -> ComponentSnapshot | None:
    """A component's newest snapshot, or None where it has none.

    Raises:
        PersistenceError: where the row or the database can't be read.
    """
    _check_connection(conn, name)
    with reading():
        row = _newest_row(conn, storable(name))
        return None if row is None else read_snapshot(conn, *row)


def _newest_row(conn: sqlite3.Connection, name: str) -> tuple[int, str, int | None] | None:
    """Id, body and format of a component's newest snapshot; None where it has none."""
    run = cursor(conn).execute
    try:
        row = run(_NEWEST_AND_VERSION, (name,)).fetchone()
    except sqlite3.OperationalError:  # there is no such table or column
        row = None
    if row is not None and row[3] == row[4] == VERSION:
        return row[0], row[1], row[2]
    if version_of(conn) == 0:
        return None
    query = _NEWEST.format(_format_column(conn))
    found: tuple[int, str, int | None] | None = run(query, (name,)).fetchone()
    return found


def read_snapshot(
    conn: sqlite3.Connection,
    row_id: int,
    body: str,
    row_format: int | None,
    part: Callable[[str], Any] | None = None,
) -> ComponentSnapshot:
    """The snapshot in a row.

    Args:
        conn: for large parts.
        row_id: the row's id, for errors.
        body: its JSON.
        row_format: its format; None for a row of 1.x, in which nothing is a tag.
        part: looks large parts up; for many rows in turn one that remembers, see `part_reader`.

    Raises:
        PersistenceError: where it is not a snapshot.
    """
    source = f"row {row_id} of {SNAPSHOTS}"
    try:
        if row_format is None:
            value = tagged.parse(body)
        else:
            value = tagged.decode(body, part or part_reader(conn))
    except (ValueError, TypeError) as exc:
        raise persistence_invalid_json(source, exc) from exc
    return snapshot_from(value, source)


def part_reader(conn: sqlite3.Connection) -> Callable[[str], Any]:
    """Gives large parts by their hash; raises KeyError for one that is missing."""

    def part(digest: str) -> Any:
        query = f"SELECT json FROM {PARTS} WHERE hash = ?"
        found = cursor(conn).execute(query, (digest,)).fetchone()
        if found is None:
            raise KeyError(digest)
        return tagged.decode(found[0])

    return part


def list_snapshots(conn: sqlite3.Connection, name: str, *, limit: int = 10) -> list[dict[str, Any]]:
    """A component's snapshots, newest first.

    Returns:
        dicts with ``id created_at current_state correlation_id step_id error``; a row that can't
        be read has its reason in ``error`` and None for the state.

    Raises:
        PersistenceError: where the database can't be read.
        InvalidValue: (a ValueError) where the limit is negative.
    """
    _check_connection(conn, name)
    check_count("limit", limit)
    with reading():
        if version_of(conn) == 0:
            return []
        present = columns_of(conn, SNAPSHOTS)
        extra = [c if c in present else "NULL" for c in ("state", "correlation_id", "step_id")]
        query = f"""SELECT id, created_at, snapshot_json, json_valid(snapshot_json),
                {", ".join(extra)} FROM {SNAPSHOTS}
            WHERE component_name = ? ORDER BY id DESC LIMIT ?"""
        rows = cursor(conn).execute(query, (storable(name), min(limit, _MOST_ROWS))).fetchall()
    return [_listed(*row) for row in rows]


def prune_snapshots(
    conn: sqlite3.Connection,
    name: str,
    *,
    keep: int | None = None,
    keep_last: int | None = None,
) -> int:
    """Delete all but a component's newest snapshots, and return how many were deleted.

    Newest means the highest ids, whatever the clocks said. Chained markers say which are gone, and
    large parts that nothing refers to any more go with them. Many rows are deleted in small
    transactions, so that nobody waits long to write; in the caller's open transaction in that one.

    Args:
        conn: an open connection.
        name: the component.
        keep: how many stay; 10 unless given.
        keep_last: the older spelling of `keep`.

    Raises:
        InvalidType: (a TypeError) where both spellings are given.
        InvalidValue: (a ValueError) where the number is negative.
        PersistenceError: where SQLite refuses.
    """
    if keep is not None and keep_last is not None:
        raise InvalidType(
            "keep and keep_last are the same argument.",
            why="keep_last is its older spelling, and both were given.",
            fix="Pass keep= only.",
            context={"keep": keep, "keep_last": keep_last},
        )
    count = next((each for each in (keep, keep_last) if each is not None), 10)
    _check_connection(conn, name)
    check_count("keep", count)
    with reading():
        if not has_table(conn, SNAPSHOTS):
            return 0
    name = storable(name)
    with transaction(conn):
        migrate(conn)
    with reading():
        ids = ids_below_newest(conn, name, count)
        parts = parts_only_in(conn, name, frozenset(ids))
        last_id = newest_id(conn, SNAPSHOTS)
    deleted = delete_rows(conn, SNAPSHOTS, ids, name)
    drop_parts(conn, parts, last_id)
    return deleted


def _listed(
    row_id: int,
    created_at: str,
    body: str,
    valid: int,
    state: str | None,
    correlation_id: str | None,
    step_id: int | None,
) -> dict[str, Any]:
    error = None
    if state is None or not valid:
        try:
            state = snapshot_from(tagged.parse(body), f"row {row_id}").current_state
        except (ValueError, TypeError, PersistenceError) as exc:
            state, error = None, str(exc).splitlines()[0]
    return {
        "id": row_id,
        "created_at": created_at,
        "current_state": state,
        "correlation_id": correlation_id,
        "step_id": step_id,
        "error": error,
    }


def _format_column(conn: sqlite3.Connection) -> str:
    return "format" if has_column(conn, SNAPSHOTS, "format") else "NULL"


def _moment(created_at: datetime | str | None) -> tuple[int, str]:
    """Microseconds since 1970 and the text that is stored."""
    if created_at is None:
        created_at = datetime.now(UTC)
    try:
        moment = (
            created_at if isinstance(created_at, datetime) else datetime.fromisoformat(created_at)
        )
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        delta = aware - _EPOCH
        time_us = delta // timedelta(microseconds=1)
    except (ValueError, TypeError, OverflowError) as exc:
        raise InvalidValue(
            f"created_at is not a time: {bounded_repr(created_at, 80)}.",
            why=f"{bounded(str(exc), 200)}.",
            fix="Pass a datetime, or ISO 8601 text such as 2026-01-31T12:00:00+00:00.",
            context={"created_at": created_at},
        ) from exc
    return time_us, created_at if isinstance(created_at, str) else iso_time(time_us)


def _check_connection(conn: object, name: object) -> None:
    require(
        isinstance(conn, sqlite3.Connection),
        "conn",
        conn,
        "a sqlite3.Connection",
        'Open one with sqlite3.connect("state.db").',
    )
    require(isinstance(name, str), "name", name, "a component's name", "Pass component.name.")

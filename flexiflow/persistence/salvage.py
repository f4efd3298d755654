"""What can be read of a damaged history, as a database that vanishes with its connection."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence

from flexiflow.persistence.damage import rows_despite_damage
from flexiflow.persistence.schema import (
    MACHINES,
    MARKERS,
    PARTS,
    RUNS,
    SCHEMA,
    SNAPSHOTS,
    STEPS,
    columns_of,
    cursor,
    has_table,
    pragma,
)

_TABLES = (SNAPSHOTS, STEPS, RUNS, MACHINES, PARTS, MARKERS, SCHEMA)
_PLACES_SHOWN = 3


def salvaged(conn: sqlite3.Connection, name: str) -> tuple[sqlite3.Connection, str]:
    """Copy the rows that can be read; values keep their types, and nothing in the file is run.

    Args:
        conn: the damaged database.
        name: what the sentence calls it.

    Returns:
        a connection to the copy, and a sentence that says what is missing.

    Raises:
        sqlite3.Error: where not even the schema can be read.
    """
    # A file without a name: SQLite keeps it in memory while it is small, and deletes it at the end.
    copy = sqlite3.connect("", isolation_level=None, check_same_thread=False)
    lost: list[str] = []
    try:
        for number in ("application_id", "user_version"):
            cursor(copy).execute(f"PRAGMA {number} = {pragma(conn, number)}")
        copy.execute("BEGIN")
        for table in _TABLES:
            if has_table(conn, table):
                lost += _copied(conn, copy, table)
        copy.execute("COMMIT")
    except BaseException:
        copy.close()
        raise
    missing = f": {'; '.join(lost)} can't be read" if lost else ""
    return copy, f"{name} is damaged{missing}. What can be read is shown."


def _copied(conn: sqlite3.Connection, copy: sqlite3.Connection, table: str) -> list[str]:
    """Copy one table, and name the places where rows are missing."""
    names = columns_of(conn, table)
    quoted = ['"' + name.replace('"', '""') + '"' for name in names]
    kinds = [" INTEGER PRIMARY KEY" if name == "id" else "" for name in names]
    columns = ", ".join(f"{name}{kind}" for name, kind in zip(quoted, kinds, strict=True))
    cursor(copy).execute(f"CREATE TABLE {table} ({columns})")
    if {"component_name", "id"} <= set(names):
        index = f"CREATE INDEX {table}_component ON {table} (component_name, id)"
        cursor(copy).execute(index)
    places: list[tuple[int | None, int | None]] = []
    query = f"SELECT rowid, {', '.join(quoted)} FROM {table} WHERE rowid > ? ORDER BY rowid"
    rows = rows_despite_damage(conn, query, (), lambda *place: places.append(place))
    insert = f"INSERT OR IGNORE INTO {table} VALUES ({', '.join('?' * len(names))})"
    cursor(copy).executemany(insert, (row[1:] for row in rows))
    return _told(table, places)


def _told(table: str, places: Sequence[tuple[int | None, int | None]]) -> list[str]:
    kind = table.removeprefix("flexiflow_")
    told = [f"{kind} {_between(*place)}" for place in places[:_PLACES_SHOWN]]
    if len(places) > _PLACES_SHOWN:
        told.append(f"{kind} in {len(places) - _PLACES_SHOWN:,} more places")
    return told


def _between(before: int | None, after: int | None) -> str:
    ends = [f"after id {before}"] if before is not None else []
    ends += [f"before id {after}"] if after is not None else []
    return " and ".join(ends) or "of any id"

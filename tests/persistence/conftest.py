"""Databases and files as FlexiFlow 1.x wrote them, and connections that are closed."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

TABLE_OF_1_X = """
CREATE TABLE flexiflow_snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    component_name TEXT,
    snapshot_json TEXT,
    created_at TEXT
)
"""


@pytest.fixture
def connect(tmp_path: Path) -> Iterator[Callable[..., sqlite3.Connection]]:
    """Open a database in the test's folder (or in memory), and close it afterwards."""
    opened: list[sqlite3.Connection] = []

    def connect(name: str | None = "state.db", **options: object) -> sqlite3.Connection:
        conn = sqlite3.connect(":memory:" if name is None else tmp_path / name, **options)
        opened.append(conn)
        return conn

    yield connect
    for conn in opened:
        conn.close()


@pytest.fixture
def conn(connect: Callable[..., sqlite3.Connection]) -> sqlite3.Connection:
    """A connection to an empty file, opened as Python does by default."""
    return connect()


@pytest.fixture
def insert_1_x() -> Callable[..., int]:
    """Insert a snapshot as 1.x did."""

    def insert(
        conn: sqlite3.Connection,
        name: str = "order",
        state: str = "Paying",
        created_at: str = "2025-01-31T12:00:00+00:00",
        rules: object = (),
        **metadata: object,
    ) -> int:
        snapshot = {
            "name": name,
            "current_state": state,
            "rules": list(rules),
            "metadata": metadata,
        }
        found = conn.execute(
            "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at)"
            " VALUES (?, ?, ?)",
            (name, json.dumps(snapshot), created_at),
        )
        conn.commit()
        return int(found.lastrowid)

    return insert


@pytest.fixture
def old(
    connect: Callable[..., sqlite3.Connection], insert_1_x: Callable[..., int]
) -> sqlite3.Connection:
    """A database of 1.x with a few rows in it."""
    conn = connect("old.db")
    conn.execute(TABLE_OF_1_X)
    insert_1_x(conn, attempts=1)
    insert_1_x(conn, state="Paid", attempts=2, ratio=float("nan"))
    insert_1_x(conn, name="other", state="Open", rules=["r"])
    return conn

"""A history of a million snapshots, as a recording leaves it and as 1.x did; made once, then kept.

The components are chained machines that walk through one order's life at random; each snapshot
is about 320 bytes of JSON. Hashes are made up: nothing here reads them.
"""

from __future__ import annotations

import json
import os
import random
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

from flexiflow.persistence.rows import iso_time
from flexiflow.persistence.schema import MACHINES, RUNS, SNAPSHOTS, STEPS, migrate, transaction

ROWS = 1_000_000
COMPONENTS = 200
_START_US = 1_700_000_000_000_000
_FINGERPRINT = "0" * 64
_NEXT = {
    "Draft": (("submit", "Paying"),),
    "Paying": (("paid", "Packing"), ("pay", "Failed")),
    "Packing": (("ship", "Shipped"), ("lost", "Failed")),
    "Failed": (("retry", "Paying"),),
    "Shipped": (("again", "Draft"),),
}

# (component, message, before, after, time_us, correlation id, body)
_Move = tuple[str, str, str, str, int, str, str]


def recorded() -> Path:
    """A file with our schema: a step and a snapshot each time."""
    return _made("recorded", _write_recorded)


def snapshots_only() -> Path:
    """The same snapshots without the steps."""
    return _made("snapshots", _write_snapshots)


def classic() -> Path:
    """A file as 1.x wrote it, of the same snapshots."""
    return _made("classic", _write_classic)


def _made(name: str, write: object) -> Path:
    folder = Path(os.environ.get("FLEXIFLOW_BENCH_DIR", tempfile.gettempdir()))
    path = folder / f"flexiflow-bench-{name}-{ROWS}x{COMPONENTS}.db"
    if not path.exists():
        being_made = path.with_suffix(".part")
        being_made.unlink(missing_ok=True)
        conn = sqlite3.connect(being_made, isolation_level=None)
        conn.execute("PRAGMA synchronous = OFF")
        write(conn)  # type: ignore[operator]
        conn.close()
        being_made.rename(path)
    return path


def _moves() -> Iterator[_Move]:
    chance = random.Random(7)
    states = ["Draft"] * COMPONENTS
    time_us = _START_US
    for number in range(ROWS):
        which = chance.randrange(COMPONENTS)
        time_us += chance.randrange(20_000)
        before = states[which]
        message, after = chance.choice(_NEXT[before])
        states[which] = after
        name = f"order-{which:04}"
        metadata = {
            "total": chance.randrange(100_000) / 100,
            "items": chance.randrange(9),
            "attempts": number % 4,
            "paid": after == "Shipped",
            "customer": f"customer-{chance.randrange(5_000):05}",
            "address": {"street": f"{chance.randrange(300)} Long Street", "city": "Springfield"},
            "note": "left at the door of the neighbour",
        }
        rules = [{"name": "limit", "most": 1000}]
        body = {"name": name, "current_state": after, "rules": rules, "metadata": metadata}
        yield (
            name,
            message,
            before,
            after,
            time_us,
            f"{number // 3:032x}",
            json.dumps(body, separators=(",", ":")),
        )


def _write_recorded(conn: sqlite3.Connection) -> None:
    with transaction(conn) as run:
        migrate(conn)
        run.execute(
            f"INSERT INTO {RUNS} (uid, start_us, pid, python_version, flexiflow_version,"
            f" durability) VALUES ('run-1', {_START_US}, 1, '3', '2', 'grouped')"
        )
        edges = [
            {"source": source, "message": message, "target": target}
            for source, ways in _NEXT.items()
            for message, target in ways
        ]
        definition = {
            "format": 1,
            "start": "Draft",
            "states": list(_NEXT),
            "final": [],
            "edges": edges,
        }
        run.execute(
            f"INSERT INTO {MACHINES} VALUES (?, ?, ?)",
            (_FINGERPRINT, json.dumps(definition), _START_US),
        )
        for step_id, move in enumerate(_moves(), 1):
            name, message, before, after, time_us, cid, body = move
            run.execute(
                f"INSERT INTO {STEPS} VALUES (?, ?, ?, 1, ?, 900, ?, '{{}}', ?, ?, 'moved', ?,"
                " NULL, NULL, 1, NULL, NULL, NULL, ?, 2, zeroblob(32), zeroblob(32))",
                (step_id, name, cid, time_us - 900, message, before, after, cid[16:], _FINGERPRINT),
            )
            run.execute(
                f"INSERT INTO {SNAPSHOTS} VALUES (?, ?, ?, ?, ?, ?, ?, ?, 1, ?, 2, zeroblob(32),"
                " zeroblob(32))",
                (
                    step_id,
                    name,
                    body,
                    iso_time(time_us),
                    time_us,
                    after,
                    cid,
                    step_id,
                    _FINGERPRINT,
                ),
            )


def _write_snapshots(conn: sqlite3.Connection) -> None:
    with transaction(conn):
        migrate(conn)
    conn.execute("ATTACH ? AS recorded", (str(recorded()),))
    with transaction(conn) as run:
        run.execute(f"INSERT INTO main.{SNAPSHOTS} SELECT * FROM recorded.{SNAPSHOTS}")


def _write_classic(conn: sqlite3.Connection) -> None:
    with transaction(conn) as run:
        run.execute(
            f"CREATE TABLE {SNAPSHOTS} (id INTEGER PRIMARY KEY AUTOINCREMENT, component_name TEXT"
            " NOT NULL, snapshot_json TEXT NOT NULL, created_at TEXT NOT NULL)"
        )
        for name, _, _, _, time_us, _, body in _moves():
            run.execute(
                f"INSERT INTO {SNAPSHOTS} (component_name, snapshot_json, created_at)"
                " VALUES (?, ?, ?)",
                (name, body, iso_time(time_us)),
            )

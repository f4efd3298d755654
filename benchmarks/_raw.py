"""The least that a recorded message costs: the same lines and rows, written down directly.

One message leads to five lines (received, handler started and finished, snapshot saved, state
changed), a row for the step and a row for the snapshot. Here a plain loop makes them with msgspec.
"""

from __future__ import annotations

import hashlib
import sqlite3
import time
from contextvars import ContextVar
from itertools import count
from pathlib import Path
from typing import Any

import msgspec

from benchmarks._machine import MESSAGES, STATES
from flexiflow.persistence.rows import SNAPSHOT_COLUMNS, STEP_COLUMNS
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, migrate

TABLE = {
    (state, kind): following
    for state, kind, following in zip(STATES, MESSAGES, STATES[1:] + STATES[:1], strict=True)
}

current: ContextVar[Any] = ContextVar("current", default=None)
encode = msgspec.json.Encoder().encode


class Line(msgspec.Struct, omit_defaults=True):
    """The fields of a log line that these events have."""

    ts: str
    level: str
    event: str
    correlation_id: str
    span_id: str
    parent_id: str | None = None
    component: str | None = None
    handler: str | None = None
    message_type: str | None = None
    from_state: str | None = None
    to_state: str | None = None
    outcome: str | None = None
    duration_us: int | None = None
    step_id: int | None = None
    snapshot_id: int | None = None
    run_id: str | None = None
    data: Any = None


async def handler(message: dict[str, Any], data: dict[str, int]) -> None:
    data["handled"] += 1


_second = (-1, "")


def utc_text(time_us: int) -> str:
    """ISO 8601 with microseconds; the part that changes once a second is kept."""
    global _second
    second, rest = divmod(time_us, 1_000_000)
    if second != _second[0]:
        _second = second, time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
    return f"{_second[1]}.{rest:06d}"


async def messages(rounds: int, keep: Any) -> None:
    """Handle four messages a round, and pass `keep` each one's lines and rows."""
    ids = count(1)
    state, data = "Draft", {"items": 3, "handled": 0}
    for number in range(rounds):
        for kind in MESSAGES:
            message = {"type": kind, "number": number}
            trace_id, span_id, inner = f"{next(ids):032x}", f"{next(ids):016x}", f"{next(ids):016x}"
            token = current.set((trace_id, span_id))
            began = time.time_ns() // 1000
            start = utc_text(began) + "Z"
            fields = encode({"number": number})
            received = encode(
                Line(start, "INFO", "message.received", trace_id, span_id, None, "order-1042",
                     message_type=kind, from_state=state, run_id="00f067aa0ba902b7",
                     data=msgspec.Raw(fields))
            )  # fmt: skip
            ts = utc_text(time.time_ns() // 1000) + "Z"
            started = encode(
                Line(ts, "INFO", "handler.started", trace_id, inner, span_id, "order-1042",
                     handler=kind, run_id="00f067aa0ba902b7")
            )  # fmt: skip
            await handler(message, data)
            end = time.time_ns() // 1000
            ts, took = utc_text(end) + "Z", end - began
            finished = encode(
                Line(ts, "INFO", "handler.finished", trace_id, inner, span_id, "order-1042",
                     handler=kind, duration_us=took, run_id="00f067aa0ba902b7")
            )  # fmt: skip
            before, state = state, TABLE[state, kind]
            changed = encode(
                Line(ts, "INFO", "state.changed", trace_id, span_id, None, "order-1042",
                     message_type=kind, from_state=before, to_state=state, outcome="moved",
                     duration_us=took, run_id="00f067aa0ba902b7")
            )  # fmt: skip
            saved = encode(
                Line(ts, "INFO", "snapshot.saved", trace_id, span_id, None, "order-1042",
                     to_state=state, step_id=number, snapshot_id=number, run_id="00f067aa0ba902b7")
            )  # fmt: skip
            step = ("order-1042", trace_id, 1, began, took, kind, fields.decode(), before, state,
                    "moved", span_id, None, None, 1, None, None, None, "fingerprint")  # fmt: skip
            body = encode(
                {"name": "order-1042", "current_state": state, "rules": [], "metadata": data}
            ).decode()
            snapshot = ("order-1042", body, start[:-1] + "+00:00", began, state, trace_id, None, 1,
                        "fingerprint")  # fmt: skip
            keep((received, started, finished, changed, saved, step, snapshot))
            current.reset(token)


class Files:
    """A log and a database that take what `messages` makes, 2,000 messages at a time."""

    def __init__(self, folder: Path) -> None:
        self._waiting: list[Any] = []
        self._log = (folder / "raw.jsonl").open("ab", buffering=0)
        self._conn = sqlite3.connect(folder / "raw.db", isolation_level=None)
        self._conn.execute("PRAGMA journal_mode = WAL")
        self._conn.execute("PRAGMA synchronous = FULL")
        self._conn.execute("BEGIN")
        migrate(self._conn)
        self._conn.execute("COMMIT")
        self._last = {STEPS: (0, b""), SNAPSHOTS: (0, b"")}

    def keep(self, made: Any) -> None:
        """Take one message's lines and rows."""
        self._waiting.append(made)
        if len(self._waiting) >= 2_000:
            self.write()

    def write(self) -> None:
        """Put what waits on disk."""
        made, self._waiting = self._waiting, []
        self._log.write(b"".join([b"\n".join(each[:5]) + b"\n" for each in made]))
        self._conn.execute("BEGIN IMMEDIATE")
        self._insert(STEPS, STEP_COLUMNS, [each[5] for each in made])
        self._insert(SNAPSHOTS, SNAPSHOT_COLUMNS, [each[6] for each in made])
        self._conn.execute("COMMIT")

    def _insert(self, table: str, columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
        row_id, before = self._last[table]
        complete = []
        for values in rows:
            row_id += 1
            content = encode([2, table, row_id, *values])
            this = hashlib.sha256(before + content).digest()
            complete.append((row_id, *values, 2, before, this))
            before = this
        self._last[table] = row_id, before
        names = ", ".join(("id", *columns, "format", "prev_hash", "hash"))
        places = ", ".join("?" * (len(columns) + 4))
        self._conn.executemany(f"INSERT INTO {table} ({names}) VALUES ({places})", complete)

    def close(self) -> None:
        """Write the rest, and have all of it in the main file."""
        self.write()
        self._conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self._conn.close()
        self._log.close()

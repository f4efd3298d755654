"""Histories made row by row, as a recording or FlexiFlow 1.x would have written them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from flexiflow.analysis.history import History, open_history
from flexiflow.persistence import tagged
from flexiflow.persistence.rows import insert_chained, iso_time, snapshot_json, store_parts
from flexiflow.persistence.schema import (
    MACHINES,
    MARKERS,
    RUNS,
    SNAPSHOTS,
    STEPS,
    migrate,
    transaction,
)

NOON = 1_700_000_000_000_000
SECOND = 1_000_000

opened: list[sqlite3.Connection] = []
"""Every connection made here; closed after each test."""

TABLE_1X = """CREATE TABLE flexiflow_snapshots (
    id INTEGER PRIMARY KEY AUTOINCREMENT, component_name TEXT NOT NULL,
    snapshot_json TEXT NOT NULL, created_at TEXT NOT NULL)"""


class Written:
    """A history that is being written, in memory unless a path is given."""

    def __init__(self, path: Path | None = None, start_us: int = NOON) -> None:
        self.path = path
        self.conn = _connect(path)
        with transaction(self.conn) as run:
            migrate(self.conn)
            run.execute(
                f"INSERT INTO {RUNS} (uid, start_us, pid, python_version, flexiflow_version,"
                " durability) VALUES ('run-1', ?, 1, '3', '2', 'grouped')",
                (start_us,),
            )

    @property
    def history(self) -> History:
        return open_history(self.conn if self.path is None else self.path)

    def machine(
        self,
        fingerprint: str = "m",
        states: tuple[str, ...] = ("A", "B"),
        final: tuple[str, ...] = (),
        resting: tuple[str, ...] = (),
        edges: tuple[tuple[str, str, str], ...] = (),
    ) -> None:
        definition = {
            "format": 1,
            "start": states[0],
            "states": list(states),
            "final": list(final),
            "resting": list(resting),
            "edges": [{"source": s, "message": m, "target": t} for s, m, t in edges],
        }
        row = (fingerprint, json.dumps(definition), NOON)
        self.conn.execute(f"INSERT INTO {MACHINES} VALUES (?, ?, ?)", row)

    def snapshot(
        self,
        component: str,
        state: str,
        time_us: int = NOON,
        *,
        step_id: int | None = None,
        fingerprint: str | None = "m",
        correlation_id: str | None = None,
        data: dict[str, Any] | None = None,
    ) -> int:
        text, parts = snapshot_json(component, state, [], data or {})
        row = (
            component,
            text,
            iso_time(time_us),
            time_us,
            state,
            correlation_id,
            step_id,
            1,
            fingerprint,
        )
        with transaction(self.conn) as run:
            store_parts(run, parts)
            return insert_chained(run, SNAPSHOTS, [row])[0]

    def step(
        self,
        component: str,
        message: str | None,
        before: str,
        after: str | None = None,
        time_us: int = NOON,
        *,
        outcome: str | None = None,
        duration_us: int = 0,
        sender: str | None = None,
        tries: int = 1,
        error: dict[str, Any] | str | None = None,
        reason: str | None = None,
        fingerprint: str | None = "m",
        correlation_id: str = "c",
        data: dict[str, Any] | None = None,
        snapshot: bool | None = None,
    ) -> int:
        """A step, with the snapshot that follows where the state changes or `snapshot` says so."""
        after = before if after is None else after
        outcome = outcome or ("stayed" if after == before else "moved")
        error_json = error if error is None or isinstance(error, str) else json.dumps(error)
        row = (
            component,
            correlation_id,
            1,
            time_us,
            duration_us,
            message,
            tagged.encode(data or {}).decode(),
            before,
            after,
            outcome,
            "span",
            None,
            sender,
            tries,
            None,
            error_json,
            reason,
            fingerprint,
        )
        with transaction(self.conn) as run:
            (step_id,) = insert_chained(run, STEPS, [row])
        if outcome == "moved" if snapshot is None else snapshot:
            self.snapshot(
                component,
                after,
                time_us + duration_us,
                step_id=step_id,
                fingerprint=fingerprint,
                correlation_id=correlation_id,
                data=data,
            )
        return step_id

    def stays(
        self,
        component: str,
        dwells_us: list[int],
        state: str = "A",
        to: str = "B",
        message: str = "go",
        sender: str | None = None,
        time_us: int = NOON,
        fingerprint: str = "m",
    ) -> None:
        """Stays in `state` of these lengths, each begun and ended by a step."""
        self.snapshot(component, to, time_us, fingerprint=fingerprint)
        for dwell in dwells_us:
            self.step(component, "come", to, state, time_us, fingerprint=fingerprint)
            time_us += dwell
            self.step(
                component, message, state, to, time_us, sender=sender, fingerprint=fingerprint
            )

    def gap(self, rows: int, time_us: int = NOON) -> None:
        with transaction(self.conn) as run:
            row = ("gap", time_us, 1, None, None, None, None, rows, None)
            insert_chained(run, MARKERS, [row])


def written_by_1x(rows: list[tuple[str, str, str]], path: Path | None = None) -> sqlite3.Connection:
    """A database as 1.x leaves it: (component, snapshot JSON, created_at) each."""
    conn = _connect(path)
    conn.execute(TABLE_1X)
    columns = "component_name, snapshot_json, created_at"
    conn.executemany(f"INSERT INTO {SNAPSHOTS} ({columns}) VALUES (?, ?, ?)", rows)
    return conn


def body_1x(component: str, state: str, **metadata: Any) -> str:
    """What 1.x stored of a component."""
    return json.dumps(
        {"name": component, "current_state": state, "rules": [], "metadata": metadata}
    )


def _connect(path: Path | None) -> sqlite3.Connection:
    conn = sqlite3.connect(
        ":memory:" if path is None else path, isolation_level=None, check_same_thread=False
    )
    opened.append(conn)
    return conn


FIELD_VALUES = st.sampled_from([None, 0, 1, 2, 1.0, True, "x", [], [1], [1, 2], {"b": 1}, {"b": 2}])
RANDOM_STEPS = st.lists(
    st.tuples(
        st.sampled_from(["x", "y", "z"]),
        st.sampled_from(["A", "B"]),
        st.dictionaries(st.sampled_from(["n", "m", "a"]), FIELD_VALUES),
        st.integers(-1, 20),
        st.sampled_from(["step", "by hand", "broken", "no snapshot"]),
    ),
    max_size=25,
)
"""(component, state, data, pause in microseconds, how it was recorded) of one step each."""


def random_history(steps) -> Written:
    """A history of such steps."""
    written = Written()
    written.machine("m", ("A", "B"))
    now, time_us = {}, NOON
    for name, state, data, pause, how in steps:
        time_us += pause
        before = now.get(name, "A")
        if how == "by hand":
            written.snapshot(name, state, time_us, data=data)
        else:
            outcome = "refused" if how == "no snapshot" else None
            after = before if how == "no snapshot" else state
            written.step(
                name,
                "go",
                before,
                after,
                time_us,
                outcome=outcome,
                data=data,
                sender="s",
                snapshot=how != "no snapshot",
            )
        if how == "broken":
            newest = f"(SELECT max(id) FROM {SNAPSHOTS})"
            written.conn.execute(f"UPDATE {SNAPSHOTS} SET snapshot_json = '[' WHERE id = {newest}")
        now[name] = before if how == "no snapshot" else state
    return written


def readable_snapshots(history, component=None) -> list[tuple]:
    """(row, document) of every snapshot that can be read, the slow way."""
    found = []
    for row in history.snapshots(component).itertuples():
        if row.error != row.error:  # NaN: none
            body = json.loads(row.snapshot_json)
            document = {
                "state": body["current_state"],
                "rules": body["rules"],
                "metadata": body["metadata"],
            }
            found.append((row, document))
    return found

"""Saving snapshots, on disk before it counts and in groups."""

from __future__ import annotations

import asyncio
import hashlib
import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path

from benchmarks._machine import MESSAGES, Draft, send_rounds
from benchmarks._raw import encode
from benchmarks.harness import Benchmark, Measure
from flexiflow import AsyncComponent, FlexiFlowEngine, StateMachine, record
from flexiflow.extras import save_component
from flexiflow.extras.persist_sqlite import save_snapshot
from flexiflow.persistence.history_file import Entry, HistoryFile
from flexiflow.persistence.rows import SNAPSHOT_COLUMNS
from flexiflow.persistence.snapshot import ComponentSnapshot

bench = Benchmark(
    "saving",
    "Saving a snapshot",
    unit="µs a save",
    note="A snapshot of about 320 bytes of JSON. Where it says *messages*, a save is a whole "
    "message: its handling, its row among the steps and its snapshot. All files are on a disk; "
    "SQLite is in WAL mode with synchronous = FULL.",
)

_ONE_BY_ONE = 200
_CALLERS = 200
_EACH = 10
_BATCHED = 20_000
_AT_ONCE = 1_000

RAW = "limit: raw sqlite3, commit each"
RAW_BATCHES = "limit: raw sqlite3, 1,000 a transaction"
SAME = "limit: the same columns, indexes and hashes, one thread"
RAW_FILE = "limit: raw file, fsync, rename, fsync of the folder"
ALWAYS = 'FlexiFlow, durability="always", messages of one caller'
TOGETHER = 'FlexiFlow, durability="always", messages of 200 callers'
EXPLICIT = "FlexiFlow, save_snapshot_sqlite, one by one"
BATCHES = "FlexiFlow, the writer's rows, 1,000 a transaction"
FILE = "FlexiFlow, save_component"

_DATA = {"handled": 0, "customer": "c-20931", "items": [1, 2, 3], "total": 99.5, "note": "x" * 150}
_SNAPSHOT = ComponentSnapshot("order-1042", "Submitted", [{"limit": 100}], _DATA)
_BODY = (
    '{"name":"order-1042","current_state":"Submitted","rules":[{"limit":100}],"metadata":'
    '{"handled":0,"customer":"c-20931","items":[1,2,3],"total":99.5,"note":"' + "x" * 150 + '"}}'
)


def _folder() -> tempfile.TemporaryDirectory[str]:
    # Beside the project, since the system's folder for temporary files may be no disk at all.
    return tempfile.TemporaryDirectory(dir=Path(__file__).parent, prefix=".saving-")


def _raw(folder: str) -> sqlite3.Connection:
    conn = sqlite3.connect(os.path.join(folder, "raw.db"), isolation_level=None)
    conn.execute("PRAGMA journal_mode = WAL")
    conn.execute("PRAGMA synchronous = FULL")
    conn.execute(
        "CREATE TABLE flexiflow_snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT, "
        "component_name TEXT, snapshot_json TEXT, created_at TEXT)"
    )
    return conn


_INSERT = "INSERT INTO flexiflow_snapshots VALUES (NULL, ?, ?, ?)"
_ROW = ("order-1042", _BODY, "2026-01-31T12:00:00.000000+00:00")
_VALUES = (*_ROW, 0, "Submitted", "a" * 32, None, 1, "fingerprint")


@bench.candidate(RAW, per=_ONE_BY_ONE)
def raw(measure: Measure) -> None:
    with _folder() as folder, closing(_raw(folder)) as conn, measure:
        for _ in range(_ONE_BY_ONE):
            conn.execute(_INSERT, _ROW)


@bench.candidate(ALWAYS, per=_ONE_BY_ONE)
def always(measure: Measure) -> None:
    async def run(folder: Path) -> None:
        engine = FlexiFlowEngine()
        order = engine.add("order-1042", Draft, data=dict(_DATA))
        async with record(engine, folder / "s.db", durability="always"):
            with measure:
                await send_rounds(order, _ONE_BY_ONE // 4)

    with _folder() as folder:
        asyncio.run(run(Path(folder)))


@bench.candidate(TOGETHER, per=_CALLERS * _EACH)
def together(measure: Measure) -> None:
    async def caller(order: AsyncComponent) -> None:
        for number in range(_EACH):
            await order.send(MESSAGES[number % 4], number=number)

    async def run(folder: Path) -> None:
        engine = FlexiFlowEngine()
        orders = [
            engine.add(f"order-{number}", Draft, data=dict(_DATA)) for number in range(_CALLERS)
        ]
        async with record(engine, folder / "s.db", durability="always") as recording:
            await recording.flush()
            with measure:
                await asyncio.gather(*map(caller, orders))

    with _folder() as folder:
        asyncio.run(run(Path(folder)))


@bench.candidate(EXPLICIT, per=_ONE_BY_ONE)
def explicit(measure: Measure) -> None:
    with _folder() as folder, closing(_raw(folder)) as conn:
        save_snapshot(conn, _SNAPSHOT)  # brings the table to today's schema
        with measure:
            for _ in range(_ONE_BY_ONE):
                save_snapshot(conn, _SNAPSHOT)


@bench.candidate(RAW_BATCHES, per=_BATCHED)
def raw_batches(measure: Measure) -> None:
    with _folder() as folder, closing(_raw(folder)) as conn, measure:
        for _ in range(_BATCHED // _AT_ONCE):
            conn.execute("BEGIN IMMEDIATE")
            conn.executemany(_INSERT, [_ROW] * _AT_ONCE)
            conn.execute("COMMIT")


@bench.candidate(SAME, per=_BATCHED)
def same(measure: Measure) -> None:
    with _folder() as folder:
        HistoryFile(Path(folder) / "raw.db").close()  # the tables
        with closing(sqlite3.connect(os.path.join(folder, "raw.db"), isolation_level=None)) as conn:
            conn.execute("PRAGMA synchronous = FULL")
            places = ", ".join("?" * (len(_VALUES) + 4))
            names = ", ".join(("id", *SNAPSHOT_COLUMNS, "format", "prev_hash", "hash"))
            insert = f"INSERT INTO flexiflow_snapshots ({names}) VALUES ({places})"
            with measure:
                before, row_id = b"", 0
                for _ in range(_BATCHED // _AT_ONCE):
                    rows = []
                    for _ in range(_AT_ONCE):
                        row_id += 1
                        this = hashlib.sha256(before + encode([row_id, *_VALUES])).digest()
                        rows.append((row_id, *_VALUES, 2, before, this))
                        before = this
                    conn.execute("BEGIN IMMEDIATE")
                    conn.executemany(insert, rows)
                    conn.execute("COMMIT")


@bench.candidate(BATCHES, per=_BATCHED)
def batches(measure: Measure) -> None:
    with _folder() as folder:
        history = HistoryFile(Path(folder) / "s.db")
        with measure:
            for _ in range(_BATCHED // _AT_ONCE):
                history.write([Entry(snapshot=_VALUES) for _ in range(_AT_ONCE)])
        history.close()


@bench.candidate(RAW_FILE, per=_ONE_BY_ONE)
def raw_file(measure: Measure) -> None:
    with _folder() as folder, measure:
        path = os.path.join(folder, "order.json")
        for _ in range(_ONE_BY_ONE):
            with open(path + ".tmp", "wb") as file:
                file.write(_BODY.encode())
                file.flush()
                os.fsync(file.fileno())
            os.replace(path + ".tmp", path)
            opened = os.open(folder, os.O_RDONLY)
            os.fsync(opened)
            os.close(opened)


@bench.candidate(FILE, per=_ONE_BY_ONE)
def file(measure: Measure) -> None:
    machine = StateMachine.from_name("InitialState")
    order = AsyncComponent("order-1042", [{"limit": 100}], machine, data=dict(_DATA))
    with _folder() as folder, measure:
        path = os.path.join(folder, "order.json")
        for _ in range(_ONE_BY_ONE):
            save_component(order, path)


bench.compare(ALWAYS, RAW, target=1.5)
bench.compare(TOGETHER, RAW, target=0.0676)
bench.compare(EXPLICIT, RAW, target=1.5)
bench.compare(BATCHES, RAW_BATCHES, target=1.6)
bench.compare(BATCHES, SAME)
bench.compare(FILE, RAW_FILE, target=1.3)

if __name__ == "__main__":
    bench.main()

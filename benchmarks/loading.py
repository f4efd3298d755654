"""What it costs to load a history of a million snapshots, as a recording and as 1.x wrote it."""

from __future__ import annotations

import json
import sqlite3
import time
from collections.abc import Callable

from benchmarks import _large_history
from benchmarks.harness import Benchmark, Measure, in_child
from flexiflow import open_history
from flexiflow.extras import load_latest_snapshot_sqlite
from flexiflow.persistence.schema import SNAPSHOTS, STEPS

ROWS, COMPONENTS = _large_history.ROWS, _large_history.COMPONENTS
RECORDED, CLASSIC = _large_history.recorded(), _large_history.classic()
SNAPSHOTS_ONLY = _large_history.snapshots_only()
_PLAIN_ROWS = 100_000  # the slowest way is measured on a part, and said of the whole

bench = Benchmark(
    "loading",
    "Loading a history",
    unit="s a million snapshots",
    note=f"{ROWS:,} snapshots of {COMPONENTS} components, 323 bytes of JSON each. Ours gives a "
    "DataFrame of eleven columns, or of those that are asked for, ADBC an Arrow table of five, "
    "or of nine. `read_sql` with "
    f"`json.loads` is measured on {_PLAIN_ROWS:,} of the rows. What asks for less is given as it "
    "is, in seconds.",
)


@bench.candidate("read_sql, json.loads, to_datetime; 1.x file", per=_PLAIN_ROWS / ROWS)
def plain_pandas(measure: Measure) -> None:
    import pandas as pd

    with measure, sqlite3.connect(CLASSIC) as conn:
        frame = pd.read_sql(f"SELECT * FROM {SNAPSHOTS} LIMIT {_PLAIN_ROWS}", conn)
        bodies = frame["snapshot_json"].map(json.loads)
        frame["state"] = bodies.map(lambda body: body["current_state"])
        fields = pd.json_normalize(bodies.map(lambda body: body["metadata"]).tolist())
        frame = pd.concat([frame, fields], axis=1)
        frame["time"] = pd.to_datetime(frame["created_at"], format="ISO8601")


def _adbc(path: str, columns: str, measure: Measure) -> None:
    import adbc_driver_sqlite.dbapi as adbc

    with measure, adbc.connect(path) as conn, conn.cursor() as cursor:
        cursor.execute(f"SELECT {columns} FROM {SNAPSHOTS} ORDER BY id")
        cursor.fetch_arrow_table()


@bench.candidate("limit: ADBC, state and time as columns")
def limit_recorded(measure: Measure) -> None:
    _adbc(str(RECORDED), "id, component_name, state, time_us, snapshot_json", measure)


@bench.candidate("ADBC, as many columns as ours")
def as_many_columns(measure: Measure) -> None:
    columns = (
        "id, time_us, component_name, state, correlation_id, step_id, run_id, fingerprint, "
        "snapshot_json"
    )
    _adbc(str(RECORDED), columns, measure)


@bench.candidate("limit: ADBC, json_extract; 1.x file")
def limit_classic(measure: Measure) -> None:
    state = "json_extract(snapshot_json, '$.current_state')"
    _adbc(str(CLASSIC), f"id, component_name, {state}, created_at, snapshot_json", measure)


@bench.candidate("polars, the same columns")
def with_polars(measure: Measure) -> None:
    import polars

    query = f"SELECT id, component_name, state, time_us, snapshot_json FROM {SNAPSHOTS} ORDER BY id"
    with measure:
        polars.read_database_uri(query, f"sqlite:///{RECORDED}", engine="adbc")


@bench.candidate("history.snapshots()")
def ours(measure: Measure) -> None:
    with measure:
        open_history(RECORDED).snapshots()


@bench.candidate("history.snapshots(columns=…), the five of the limit")
def ours_five(measure: Measure) -> None:
    five = ["id", "component", "state", "time", "snapshot_json"]
    with measure:
        open_history(RECORDED).snapshots(columns=five)


@bench.candidate("history.snapshots(columns=…), without snapshot_json and error")
def ours_light(measure: Measure) -> None:
    with measure:
        open_history(RECORDED).snapshots(columns=["id", "component", "state", "time"])


@bench.candidate("history.snapshots(); 1.x file")
def ours_classic(measure: Measure) -> None:
    with measure:
        open_history(CLASSIC).snapshots()


@bench.candidate("history.snapshots(explode=True)")
def ours_exploded(measure: Measure) -> None:
    with measure:
        open_history(RECORDED).snapshots(explode=True)


@bench.candidate("history.snapshots() without the extra large; 1.x file")
def ours_small(measure: Measure) -> None:
    measure.value = in_child(
        f"""
import sys, time
sys.modules["pyarrow"] = None
import pandas
from flexiflow import open_history
history = open_history({str(CLASSIC)!r})
history.snapshots(limit=1)
began = time.perf_counter()
history.snapshots()
print(time.perf_counter() - began)
"""
    )


@bench.candidate("history.visits()")
def ours_visits(measure: Measure) -> None:
    with measure:
        open_history(RECORDED).visits()


@bench.candidate("history.snapshots() of one component of 200", per=1 / COMPONENTS)
def ours_one(measure: Measure) -> None:
    with measure:
        open_history(RECORDED).snapshots("order-0007")


@bench.candidate("history.components(), in s")
def ours_components(measure: Measure) -> None:
    with measure:
        open_history(SNAPSHOTS_ONLY).components()


@bench.candidate("history.components(), a million steps beside, in s")
def ours_components_of_steps(measure: Measure) -> None:
    with measure:
        open_history(RECORDED).components()


@bench.candidate("each component's rows of both counted by the index, in s")
def counted(measure: Measure) -> None:
    names = open_history(RECORDED).names()
    conn = sqlite3.connect(RECORDED)
    with measure:
        for table in (SNAPSHOTS, STEPS):
            query = f"SELECT count(*) FROM {table} WHERE component_name = ?"
            for name in names:
                conn.execute(query, (name,)).fetchone()
    conn.close()


@bench.candidate("limit: 50 ms, in s")
def limit_components(measure: Measure) -> None:
    measure.value = 0.05


def _newest_of_each(measure: Measure, newest: Callable[[sqlite3.Connection, str], object]) -> None:
    names = open_history(RECORDED).names()
    conn = sqlite3.connect(RECORDED)
    newest(conn, names[0])
    began = time.perf_counter()
    for name in names:
        newest(conn, name)
    measure.value = time.perf_counter() - began
    conn.close()


@bench.candidate("newest snapshot of each of 200 components, in s")
def ours_latest(measure: Measure) -> None:
    _newest_of_each(measure, load_latest_snapshot_sqlite)


@bench.candidate("limit: the index alone, nothing parsed, in s")
def seek_latest(measure: Measure) -> None:
    query = (
        f"SELECT snapshot_json FROM {SNAPSHOTS} WHERE component_name = ? ORDER BY id DESC LIMIT 1"
    )
    _newest_of_each(measure, lambda conn, name: conn.execute(query, (name,)).fetchone())


PLAIN = "read_sql, json.loads, to_datetime; 1.x file"
SMALL = "history.snapshots() without the extra large; 1.x file"
bench.compare(
    "history.snapshots(columns=…), the five of the limit",
    "limit: ADBC, state and time as columns",
    1.5,
)
bench.compare("history.snapshots()", "limit: ADBC, state and time as columns")
bench.compare("history.snapshots(); 1.x file", "limit: ADBC, json_extract; 1.x file", 1.5)
bench.compare("history.snapshots()", "ADBC, as many columns as ours")
bench.compare("history.snapshots()", "polars, the same columns")
bench.compare(SMALL, PLAIN, 0.2)
bench.compare("history.snapshots(explode=True)", PLAIN, 0.2)
bench.compare("history.snapshots() of one component of 200", "history.snapshots()")
bench.compare("history.components(), in s", "limit: 50 ms, in s", 1)
bench.compare(
    "history.components(), a million steps beside, in s",
    "each component's rows of both counted by the index, in s",
)
SEEK = "limit: the index alone, nothing parsed, in s"
bench.compare("newest snapshot of each of 200 components, in s", SEEK, 2.8)

if __name__ == "__main__":
    bench.main()

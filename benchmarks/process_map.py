"""What a process map of a million rows costs, from the database and from a frame."""

from __future__ import annotations

from functools import cache
from typing import Any

from benchmarks import _large_history
from benchmarks.harness import Benchmark, Measure
from flexiflow import open_history
from flexiflow.analysis.questions.process_map import map_of
from flexiflow.persistence.schema import SNAPSHOTS

RECORDED = _large_history.recorded()

bench = Benchmark(
    "process_map",
    "Process map",
    unit="s a million rows",
    note=f"{_large_history.ROWS:,} snapshots of {_large_history.COMPONENTS} components: how often "
    "one state directly followed another, and the 95th percentile of the stays before it (ours "
    "also the median, the longest, and the rows behind each).",
)


@cache
def _moves() -> Any:
    return open_history(RECORDED).process_map().moves


def _counted(component: Any, state: Any, time_us: Any, states: int) -> None:
    """Counts, means and 95th percentiles in numpy alone, from codes."""
    import numpy as np

    order = np.argsort(component, kind="stable")
    component, state, time_us = component[order], state[order], time_us[order]
    follows = component[1:] == component[:-1]
    ways = (state[:-1].astype(np.int64) * states + state[1:])[follows].astype(np.uint16)
    took = (time_us[1:] - time_us[:-1])[follows]
    counts = np.bincount(ways, minlength=states**2)
    np.bincount(ways, weights=took, minlength=states**2)
    by_way = np.argsort(ways, kind="stable")
    took = took[by_way]
    for start, count in zip(np.cumsum(counts) - counts, counts, strict=True):
        if count:
            part, place = took[start : start + count], (95 * count + 99) // 100 - 1
            np.partition(part, place)[place]


@bench.candidate("limit: numpy, from a frame's codes")
def limit_frame(measure: Measure) -> None:
    moves = _moves()
    with measure:
        component, state = (moves[name].cat.codes.to_numpy() for name in ("component", "state"))
        states = len(moves["state"].cat.categories)
        _counted(component, state, moves["time"].array.asi8, states)


@bench.candidate("map_of(frame)")
def ours_frame(measure: Measure) -> None:
    moves = _moves()
    with measure:
        map_of(moves)


@bench.candidate("pandas, groupby and shift, from a frame")
def pandas_frame(measure: Measure) -> None:
    moves = _moves()
    with measure:
        ordered = moves.sort_values("component", kind="stable")
        after = ordered.groupby("component", observed=True).shift(-1)
        took = (after["time"] - ordered["time"]).dt.total_seconds()
        ways = took.groupby([ordered["state"], after["state"]], observed=True)
        ways.agg(["count", "mean"])
        ways.quantile(0.95)


@bench.candidate("duckdb, from a frame")
def duckdb_frame(measure: Measure) -> None:
    import duckdb

    moves = _moves()[["id", "component", "state", "time"]]
    with measure:
        duckdb.sql(
            """WITH followed AS (SELECT state, time,
                lead(state) OVER w AS following, lead(time) OVER w AS ended
                FROM moves WINDOW w AS (PARTITION BY component ORDER BY id))
            SELECT state, following, count(*), avg(epoch_us(ended) - epoch_us(time)),
                quantile_disc(epoch_us(ended) - epoch_us(time), 0.95)
            FROM followed WHERE following IS NOT NULL GROUP BY ALL"""
        ).fetchall()
    del moves


@bench.candidate("polars, from a frame")
def polars_frame(measure: Measure) -> None:
    import polars

    moves = polars.from_pandas(_moves()[["component", "state", "time"]])
    with measure:
        after = moves.with_columns(
            polars.col("state").shift(-1).over("component").alias("following"),
            (polars.col("time").shift(-1).over("component") - polars.col("time")).alias("took"),
        )
        after.drop_nulls("following").group_by("state", "following").agg(
            polars.len(), polars.col("took").mean(), polars.col("took").quantile(0.95).alias("p95")
        )


@bench.candidate("limit: ADBC and numpy, from the database")
def limit_database(measure: Measure) -> None:
    import adbc_driver_sqlite.dbapi as adbc

    query = f"SELECT component_name, state, time_us FROM {SNAPSHOTS} ORDER BY id"
    with measure:
        with adbc.connect(str(RECORDED)) as conn, conn.cursor() as cursor:
            cursor.execute(query)
            table = cursor.fetch_arrow_table()
        component, state = (
            table[name].combine_chunks().dictionary_encode() for name in ("component_name", "state")
        )
        _counted(
            component.indices.to_numpy(),
            state.indices.to_numpy(),
            table["time_us"].to_numpy(),
            len(state.dictionary),
        )


@bench.candidate("history.process_map()")
def ours_database(measure: Measure) -> None:
    with measure:
        open_history(RECORDED).process_map()


bench.compare("map_of(frame)", "limit: numpy, from a frame's codes", 1.5)
bench.compare("map_of(frame)", "pandas, groupby and shift, from a frame")
bench.compare("map_of(frame)", "duckdb, from a frame")
bench.compare("map_of(frame)", "polars, from a frame")
bench.compare("history.process_map()", "limit: ADBC and numpy, from the database", 1.3)

if __name__ == "__main__":
    bench.main()

"""One row a trace, of 400,000 traces in a log of a gigabyte."""

from __future__ import annotations

import os

from benchmarks._large_log import large_log, more_lines
from benchmarks.harness import Benchmark, Measure
from flexiflow import open_log

bench = Benchmark(
    "summarise_log",
    "Summarising a log",
    unit="s a summary",
    note="First, last, counts, components and the first message of each of 400,000 traces, from "
    "four million lines. `pandas` is not run: it needs ten gigabytes.",
)

_QUERY = """
SELECT correlation_id, min(ts), max(ts), count(*), count(DISTINCT component),
    count(*) FILTER (event = 'state.changed'), count(*) FILTER (event = 'message.refused'),
    count(*) FILTER (event = 'message.failed'),
    arg_min(component, ts) FILTER (event = 'message.received'),
    arg_min(message_type, ts) FILTER (event = 'message.received'),
    arg_min(error.type || ': ' || error.message, ts)
FROM read_json(?, format='newline_delimited', columns={
    ts: 'TIMESTAMP', event: 'VARCHAR', correlation_id: 'VARCHAR', component: 'VARCHAR',
    message_type: 'VARCHAR', error: 'STRUCT(type VARCHAR, message VARCHAR)'})
GROUP BY correlation_id ORDER BY 2
"""


@bench.candidate("log.traces(), the first time")
def ours(measure: Measure) -> None:
    with measure:
        assert len(open_log(large_log()).traces()) >= 400_000


@bench.candidate("log.traces(), 1,000 lines later")
def later(measure: Measure) -> None:
    log = open_log(large_log())
    log.traces()
    size = large_log().stat().st_size
    with large_log().open("ab") as file:
        file.write(more_lines(1_000))
    with measure:
        log.traces()
    os.truncate(large_log(), size)


@bench.candidate("duckdb")
def duckdb(measure: Measure) -> None:
    import duckdb

    with measure:
        assert len(duckdb.execute(_QUERY, [str(large_log())]).df()) >= 400_000


@bench.candidate("polars")
def polars(measure: Measure) -> None:
    import polars

    col, of = polars.col, polars.col("event")
    with measure:
        received = of == "message.received"
        lines = polars.scan_ndjson(large_log())
        found = lines.group_by("correlation_id").agg(
            col("ts").min().alias("first"),
            col("ts").max().alias("last"),
            polars.len(),
            col("component").n_unique().alias("components"),
            (of == "state.changed").sum().alias("moved"),
            (of == "message.refused").sum().alias("refused"),
            (of == "message.failed").sum().alias("failed"),
            col("component").filter(received).first().alias("first_component"),
            col("message_type").filter(received).first().alias("first_message"),
        )
        assert len(found.sort("first").collect()) >= 400_000


bench.compare("log.traces(), the first time", "duckdb", target=1.3)
bench.compare("log.traces(), the first time", "polars")
bench.compare("log.traces(), 1,000 lines later", "duckdb", target=0.1)

if __name__ == "__main__":
    bench.main()

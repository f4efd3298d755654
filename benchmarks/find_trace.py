"""Finding one trace of ten lines in a log of a gigabyte."""

from __future__ import annotations

import mmap
import subprocess

from benchmarks._large_log import large_log, wanted_id
from benchmarks.harness import Benchmark, Measure
from flexiflow import open_log

bench = Benchmark(
    "find_trace",
    "Finding a trace",
    unit="s a search",
    note="Ten lines among four million, from the middle on; the file is in the system's cache. "
    "Ours give the records; the limits only lines.",
)


@bench.candidate("open_log(…).trace(id)")
def ours(measure: Measure) -> None:
    with measure:
        assert len(open_log(large_log()).trace(wanted_id())) == 10


@bench.candidate("open_log(…, index=True).trace(id)")
def indexed(measure: Measure) -> None:
    log = open_log(large_log(), index=True)
    log.trace(wanted_id())
    with measure:
        assert len(open_log(large_log(), index=True).trace(wanted_id())) == 10


@bench.candidate("limit: grep -F")
def grep(measure: Measure) -> None:
    with measure:
        found = subprocess.run(["grep", "-F", wanted_id(), str(large_log())], capture_output=True)
    assert found.stdout.count(b"\n") == 10


@bench.candidate("limit: mmap.find")
def mapped(measure: Measure) -> None:
    needle, lines = wanted_id().encode(), 0
    with (
        measure,
        large_log().open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text,
    ):
        at = text.find(needle)
        while at >= 0:
            lines += 1
            at = text.find(needle, text.find(b"\n", at))
    assert lines == 10


@bench.candidate("duckdb read_json")
def duckdb(measure: Measure) -> None:
    import duckdb

    query = "SELECT * FROM read_json(?, format='newline_delimited') WHERE correlation_id = ?"
    with measure:
        assert len(duckdb.execute(query, [str(large_log()), wanted_id()]).fetchall()) == 10


@bench.candidate("polars scan_ndjson")
def polars(measure: Measure) -> None:
    import polars

    with measure:
        lines = polars.scan_ndjson(large_log())
        assert len(lines.filter(polars.col("correlation_id") == wanted_id()).collect()) == 10


bench.compare("open_log(…).trace(id)", "limit: grep -F", target=1.3)
bench.compare("open_log(…).trace(id)", "limit: mmap.find", target=1.3)
bench.compare("open_log(…).trace(id)", "duckdb read_json")
bench.compare("open_log(…).trace(id)", "polars scan_ndjson")
bench.compare("open_log(…, index=True).trace(id)", "limit: grep -F", target=0.02)

if __name__ == "__main__":
    bench.main()

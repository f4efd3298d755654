"""What a million snapshots take of memory while they are loaded; a process each."""

from __future__ import annotations

from benchmarks import _large_history
from benchmarks.harness import Benchmark, Measure, in_child

RECORDED, CLASSIC = _large_history.recorded(), _large_history.classic()

bench = Benchmark(
    "loading_memory",
    "Memory while a history is loaded",
    unit="MB at the peak",
    note=f"{_large_history.ROWS:,} snapshots of 323 bytes of JSON; the whole process, pandas and "
    "pyarrow included.",
)

_OURS = """
from benchmarks.harness import peak_bytes
from flexiflow import open_history
frame = open_history({path!r}).{question}
print(peak_bytes() / 1e6)
"""
_ADBC = """
import adbc_driver_sqlite.dbapi as adbc
from benchmarks.harness import peak_bytes
query = "SELECT id, component_name, state, time_us, snapshot_json FROM flexiflow_snapshots"
with adbc.connect({path!r}) as conn, conn.cursor() as cursor:
    cursor.execute(query)
    table = cursor.fetch_arrow_table()
print(peak_bytes() / 1e6)
"""


@bench.candidate("history.snapshots()")
def recorded(measure: Measure) -> None:
    measure.value = in_child(_OURS.format(path=str(RECORDED), question="snapshots()"))


@bench.candidate("history.snapshots(); 1.x file")
def classic(measure: Measure) -> None:
    measure.value = in_child(_OURS.format(path=str(CLASSIC), question="snapshots()"))


@bench.candidate("history.process_map()")
def process_map(measure: Measure) -> None:
    measure.value = in_child(_OURS.format(path=str(RECORDED), question="process_map()"))


@bench.candidate("ADBC, five columns, to Arrow")
def adbc(measure: Measure) -> None:
    measure.value = in_child(_ADBC.format(path=str(RECORDED)))


@bench.candidate("limit: 600 MB")
def limit(measure: Measure) -> None:
    measure.value = 600


bench.compare("history.snapshots()", "limit: 600 MB", 1)
bench.compare("history.snapshots(); 1.x file", "limit: 600 MB", 1)
bench.compare("history.process_map()", "limit: 600 MB", 1)

if __name__ == "__main__":
    bench.main()

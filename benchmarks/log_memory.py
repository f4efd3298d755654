"""What a log of a gigabyte takes of memory while it is summarised, and while a trace is found."""

from __future__ import annotations

from benchmarks._large_log import large_log, wanted_id
from benchmarks.harness import Benchmark, Measure, in_child

bench = Benchmark(
    "log_memory",
    "Memory while a log is read",
    unit="MB at the peak",
    note="Four million lines, 400,000 traces of as many components; the whole process with what it "
    "imports, and the processes that it starts.",
)

_OURS = """
import resource
from benchmarks.harness import peak_bytes
from flexiflow import open_log
found = open_log({path!r}).{question}
children = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024
print((peak_bytes() + children * {processes}) / 1e6)
"""
_DUCKDB = """
import duckdb
from benchmarks.harness import peak_bytes
from benchmarks.summarise_log import _QUERY
frame = duckdb.execute(_QUERY, [{path!r}]).df()
print(peak_bytes() / 1e6)
"""


@bench.candidate("log.traces()")
def summary(measure: Measure) -> None:
    from flexiflow.analysis.traces.shares import shares_of
    from flexiflow.tracing.line_formats import LineFormat

    path = large_log()
    started = max(len(shares_of(path, 0, path.stat().st_size, LineFormat())) - 1, 0)
    measure.value = in_child(_OURS.format(path=str(path), question="traces()", processes=started))


@bench.candidate("duckdb, the same columns")
def duckdb(measure: Measure) -> None:
    import duckdb

    assert duckdb
    measure.value = in_child(_DUCKDB.format(path=str(large_log())))


@bench.candidate("log.trace(id)")
def found(measure: Measure) -> None:
    question = f"trace({wanted_id()!r})"
    measure.value = in_child(_OURS.format(path=str(large_log()), question=question, processes=0))


@bench.candidate("limit: 100 MB")
def limit(measure: Measure) -> None:
    measure.value = 100


bench.compare("log.traces()", "duckdb, the same columns")
bench.compare("log.trace(id)", "limit: 100 MB", target=1)

if __name__ == "__main__":
    bench.main()

"""How long another writer waits at most while a million steps and snapshots are pruned."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

from benchmarks import _large_history
from benchmarks.harness import Benchmark, Measure
from flexiflow import prune_history

_KEEP = 50
_EVERY_S = 0.005
RECORDED = _large_history.recorded()

bench = Benchmark(
    "prune_waits",
    "Writing while a history is pruned",
    unit="ms, the longest wait of a writer",
    note=f"A writer of one row every {_EVERY_S * 1000:.0f} ms, in the write-ahead log, with and "
    f"without `prune_history(keep={_KEEP})` of a recorded history of "
    f"{_large_history.ROWS:,} steps and as many snapshots.",
)


def _longest_wait(path: Path, ended: threading.Event) -> float:
    longest = 0.0
    with closing(sqlite3.connect(path, timeout=60, isolation_level=None)) as conn:
        conn.execute("PRAGMA synchronous = NORMAL")
        while not ended.wait(_EVERY_S):
            began = time.perf_counter()
            conn.execute("INSERT INTO waits VALUES (1)")
            longest = max(longest, time.perf_counter() - began)
    return longest * 1000


def _measured(measure: Measure, prune: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(shutil.copy(RECORDED, folder))
        with closing(sqlite3.connect(path)) as conn:
            conn.execute("PRAGMA journal_mode = WAL")
            conn.execute("CREATE TABLE waits (x)")
        ended, waits = threading.Event(), []
        writer = threading.Thread(target=lambda: waits.append(_longest_wait(path, ended)))
        writer.start()
        if prune:
            prune_history(path, keep=_KEEP)
        else:
            time.sleep(5)
        ended.set()
        writer.join()
    measure.value = waits[0]


@bench.candidate("beside prune_history(keep=50)")
def beside(measure: Measure) -> None:
    _measured(measure, prune=True)


@bench.candidate("beside nobody")
def alone(measure: Measure) -> None:
    _measured(measure, prune=False)


if __name__ == "__main__":
    bench.main()

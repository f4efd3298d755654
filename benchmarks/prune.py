"""What it costs to prune a million snapshots to fifty a component."""

from __future__ import annotations

import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks import _large_history
from benchmarks.harness import Benchmark, Measure
from flexiflow import prune_history
from flexiflow.persistence.schema import SNAPSHOTS

_KEEP = 50
CLASSIC = _large_history.classic()

bench = Benchmark(
    "prune",
    "Pruning",
    unit=f"s a million snapshots, {_KEEP} kept of each component",
    note=f"A file of 1.x with {_large_history.ROWS:,} snapshots of {_large_history.COMPONENTS} "
    "components; a fresh copy each time. Ours takes many small transactions, with pauses in which "
    "others write, adds the columns and indexes of this version first, and notes what is gone.",
)


@contextmanager
def _copied() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(shutil.copy(CLASSIC, folder))


@bench.candidate("prune_history(keep=50)")
def ours(measure: Measure) -> None:
    with _copied() as path, measure:
        prune_history(path, keep=_KEEP)


@bench.candidate("a loop over the components, a DELETE and a commit each")
def loop(measure: Measure) -> None:
    with _copied() as path, closing(sqlite3.connect(path)) as conn, measure:
        names = conn.execute(f"SELECT DISTINCT component_name FROM {SNAPSHOTS}").fetchall()
        for (name,) in names:
            conn.execute(
                f"DELETE FROM {SNAPSHOTS} WHERE component_name = ? AND id NOT IN (SELECT id FROM"
                f" {SNAPSHOTS} WHERE component_name = ? ORDER BY id DESC LIMIT {_KEEP})",
                (name, name),
            )
            conn.commit()


@bench.candidate("limit: one DELETE, which nobody can write beside")
def at_once(measure: Measure) -> None:
    with _copied() as path, closing(sqlite3.connect(path)) as conn, measure:
        conn.execute(
            f"""DELETE FROM {SNAPSHOTS} WHERE id IN (SELECT id FROM (SELECT id, row_number() OVER
                (PARTITION BY component_name ORDER BY id DESC) AS place FROM {SNAPSHOTS})
                WHERE place > {_KEEP})"""
        )
        conn.commit()


bench.compare(
    "prune_history(keep=50)", "a loop over the components, a DELETE and a commit each", target=0.25
)
bench.compare("prune_history(keep=50)", "limit: one DELETE, which nobody can write beside")

if __name__ == "__main__":
    bench.main()

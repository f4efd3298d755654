"""Messages one after the other, until all of their lines and rows are on disk.

``MESSAGES=1000000 python -m benchmarks.sustained --rounds 1`` is the long run.
"""

from __future__ import annotations

import asyncio
import gc
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks import _raw
from benchmarks._machine import an_order, send_rounds
from benchmarks.harness import Benchmark, Measure
from flexiflow import record

_MESSAGES = int(os.environ.get("MESSAGES", "40000"))

bench = Benchmark(
    "sustained",
    "Messages without a pause, until they are on disk",
    unit="µs a message",
    note=f"{_MESSAGES:,} messages to a machine of four states, five log lines and two rows each; "
    "measured is the processor time of all threads until the recording is closed and all of it is "
    "in the files. It is checked that nothing was dropped. The *limit* writes the same lines and "
    "rows, hashes included, from one thread.",
)


@contextmanager
def working(measure: Measure) -> Iterator[None]:
    """Measure this process's processor time."""
    gc.collect()
    began = time.process_time()
    yield
    measure.value = (time.process_time() - began) * 1e6


LIMIT = "limit: a script that writes the same lines and rows"
OURS = "FlexiFlow, logged and recorded"


@bench.candidate(LIMIT, per=_MESSAGES)
def limit(measure: Measure) -> None:
    with tempfile.TemporaryDirectory() as folder:
        files = _raw.Files(Path(folder))
        with working(measure):
            asyncio.run(_raw.messages(_MESSAGES // 4, files.keep))
            files.close()


@bench.candidate(OURS, per=_MESSAGES)
def ours(measure: Measure) -> None:
    async def run(folder: Path) -> None:
        engine, order = an_order()
        with working(measure):
            async with record(engine, folder / "s.db", log=folder / "l.jsonl"):
                await send_rounds(order, _MESSAGES // 4)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))
        _check(Path(folder))


def _check(folder: Path) -> None:
    """Nothing is missing: a step a message, and a line for each of five events."""
    with closing(sqlite3.connect(folder / "s.db")) as conn:
        steps = conn.execute("SELECT count(*) FROM flexiflow_steps").fetchone()[0]
    with (folder / "l.jsonl").open("rb") as log:
        received = sum(b'"event":"message.received"' in line for line in log)
    if (steps, received) != (_MESSAGES, _MESSAGES):
        raise RuntimeError(f"of {_MESSAGES} messages, {steps} steps and {received} lines are there")


bench.compare(OURS, LIMIT, target=1.5)

if __name__ == "__main__":
    bench.main()

"""Memory while messages are sent without a pause."""

from __future__ import annotations

from benchmarks.harness import Benchmark, Measure, in_child

bench = Benchmark(
    "sustained_memory",
    "Memory of messages without a pause",
    unit="MB at the peak",
    note="A new process sends messages to a machine of four states, logged and recorded, and never "
    "pauses by itself; the figure is the most that it holds beyond what it held when it began to "
    "send. What waits to be written is bounded, however many follow.",
)

_CODE = """
import asyncio, tempfile
from pathlib import Path
from benchmarks._machine import an_order, send_rounds
from benchmarks.harness import peak_bytes
from flexiflow import record

async def run(folder):
    engine, order = an_order()
    async with record(engine, folder / "s.db", log=folder / "l.jsonl") as recording:
        await send_rounds(order, 10)
        await recording.flush()
        before = peak_bytes()
        await send_rounds(order, {messages} // 4)
        print((peak_bytes() - before) / 1e6)

with tempfile.TemporaryDirectory() as folder:
    asyncio.run(run(Path(folder)))
"""

FEW = "20,000 messages"
MANY = "200,000 messages"
LIMIT = "limit: 32 MB"


@bench.candidate(FEW)
def few(measure: Measure) -> None:
    measure.value = in_child(_CODE.format(messages=20_000))


@bench.candidate(MANY)
def many(measure: Measure) -> None:
    measure.value = in_child(_CODE.format(messages=200_000))


@bench.candidate(LIMIT)
def limit(measure: Measure) -> None:
    measure.value = 32.0


bench.compare(MANY, LIMIT, target=1)
bench.compare(MANY, FEW)

if __name__ == "__main__":
    bench.main()

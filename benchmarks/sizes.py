"""What a history takes on disk."""

from __future__ import annotations

import asyncio
import os
import tempfile
from pathlib import Path

from benchmarks._machine import Draft, send_rounds
from benchmarks.harness import Benchmark, Measure
from flexiflow import FlexiFlowEngine, record

bench = Benchmark(
    "sizes",
    "A history on disk",
    unit="MB",
    note="10,000 messages to one component, a snapshot and a step each, where the component has "
    "100 kB of rules that stay the same.",
)

_SNAPSHOTS = 10_000

LIMIT = "limit: 20 MB"
OURS = "FlexiFlow, 10,000 snapshots and steps"


@bench.candidate(LIMIT)
def limit(measure: Measure) -> None:
    measure.value = 20


@bench.candidate(OURS)
def ours(measure: Measure) -> None:
    async def run(path: Path) -> None:
        engine = FlexiFlowEngine()
        rules = [{"id": number, "when": "total > 100", "then": "x" * 60} for number in range(1_000)]
        order = engine.add("order-1042", Draft, rules=rules, data={"items": 3, "handled": 0})
        async with record(engine, path):
            await send_rounds(order, _SNAPSHOTS // 4)

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.db"
        asyncio.run(run(path))
        measure.value = os.path.getsize(path) / 1e6


@bench.candidate("10,000 snapshots, each with its rules")
def whole(measure: Measure) -> None:
    measure.value = _SNAPSHOTS * 100_000 / 1e6


bench.compare(OURS, LIMIT, target=1)
bench.compare(OURS, "10,000 snapshots, each with its rules")

if __name__ == "__main__":
    bench.main()

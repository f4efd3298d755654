"""Whether a message costs the same among 100 components and among 100,000."""

from __future__ import annotations

import asyncio
import gc
import time

from benchmarks._machine import MESSAGES, Draft
from benchmarks.harness import Benchmark, Measure
from flexiflow import FlexiFlowEngine

bench = Benchmark(
    "many",
    "A message among many components",
    unit="µs a message",
    note="Processor time of 40,000 messages, one component after the other, among all that the "
    "engine has. Among many, each meets objects that the processor's cache has long forgotten.",
)

_MESSAGES = 40_000


def _among(count: int) -> str:
    @bench.candidate(f"FlexiFlow, {count:,} components", per=_MESSAGES)
    def run(measure: Measure) -> None:
        engine = FlexiFlowEngine()
        names = [f"order-{number:06d}" for number in range(count)]
        for name in names:
            engine.add(name, Draft, data={"handled": 0})

        async def send_all() -> None:
            send, sent, kinds = engine.handle_message, 0, 0
            while sent < _MESSAGES:
                kind = MESSAGES[kinds % 4]
                chosen = names[: _MESSAGES - sent]
                for name in chosen:
                    await send(name, kind)
                sent, kinds = sent + len(chosen), kinds + 1

        gc.collect()
        began = time.process_time()
        asyncio.run(send_all())
        measure.value = (time.process_time() - began) * 1e6

    return f"FlexiFlow, {count:,} components"


few, some, many = _among(100), _among(10_000), _among(100_000)
bench.compare(some, few, target=1.5)
bench.compare(many, few, target=1.5)

if __name__ == "__main__":
    bench.main()

"""What an idle component takes of memory."""

from __future__ import annotations

from pathlib import Path

from benchmarks.harness import Benchmark, Measure, in_child

bench = Benchmark(
    "idle",
    "Idle components",
    unit="bytes a component",
    note="Memory that a new process holds after 100,000 components are added to an engine, beyond "
    "what it held before; each with its name, its state and a field of data.",
)

_COMPONENTS = 100_000

IDLE = "FlexiFlow, added to an engine"
USED = "FlexiFlow, after a message each"
RECORDED = "FlexiFlow, recorded, after a message each"
LIMIT = "limit: 2 kB"

_CODE = f"""
import asyncio, contextlib, gc, os, tempfile
from benchmarks._machine import Draft
from benchmarks.idle import held_bytes
from flexiflow import FlexiFlowEngine, record

async def main(messages, recorded):
    engine = FlexiFlowEngine()
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        if recorded:
            stack.enter_context(record(engine, os.path.join(folder, "s.db")))
        engine.add("first", Draft, data={{"handled": 0}})
        await engine.handle_message("first", "submit")
        gc.collect()
        before = held_bytes()
        for number in range({_COMPONENTS}):
            name = f"order-{{number:06d}}"
            engine.add(name, Draft, data={{"handled": 0}})
            if messages:
                await engine.handle_message(name, "submit")
        gc.collect()
        print((held_bytes() - before) / {_COMPONENTS})

asyncio.run(main"""


def held_bytes() -> int:
    """The memory that this process holds now. Linux only."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.split("VmRSS:")[1].split()[0]) * 1024


@bench.candidate(LIMIT)
def limit(measure: Measure) -> None:
    measure.value = 2_000


@bench.candidate(IDLE)
def idle(measure: Measure) -> None:
    measure.value = in_child(f"{_CODE}(False, False))")


@bench.candidate(USED)
def used(measure: Measure) -> None:
    measure.value = in_child(f"{_CODE}(True, False))")


@bench.candidate(RECORDED)
def recorded(measure: Measure) -> None:
    measure.value = in_child(f"{_CODE}(True, True))")


@bench.candidate("transitions AsyncMachine")
def transitions(measure: Measure) -> None:
    import transitions.extensions.asyncio  # noqa: F401 - is it there?

    measure.value = in_child(
        """
import gc
from transitions.extensions.asyncio import AsyncMachine
from benchmarks.idle import held_bytes

class Order:
    handled = 0

STATES = ["Draft", "Submitted", "Paid", "Shipped"]
PATHS = [
    ["submit", "Draft", "Submitted"], ["pay", "Submitted", "Paid"],
    ["ship", "Paid", "Shipped"], ["close", "Shipped", "Draft"],
]
orders = [Order()]
AsyncMachine(orders[0], states=STATES, transitions=PATHS, initial="Draft")
gc.collect()
before = held_bytes()
for number in range(1_000):
    orders.append(Order())
    AsyncMachine(orders[-1], states=STATES, transitions=PATHS, initial="Draft")
gc.collect()
print((held_bytes() - before) / 1_000)
"""
    )


bench.compare(IDLE, LIMIT, target=1)
bench.compare(USED, LIMIT, target=1)
bench.compare(RECORDED, LIMIT)
bench.compare(IDLE, "transitions AsyncMachine")

if __name__ == "__main__":
    bench.main()

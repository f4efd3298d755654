from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass

import pytest

from flexiflow import FlexiFlowEngine, record
from flexiflow.analysis.history import History, open_history
from flexiflow.lessons.demo import DemoResult, run_demo
from flexiflow.lessons.machines.service import broken_sensor


@dataclass(frozen=True)
class FullRun:
    result: DemoResult
    history: History
    progress: list[tuple[int, int]]


@pytest.fixture(scope="session")
def full_run(tmp_path_factory: pytest.TempPathFactory) -> FullRun:
    """One run of the demo with all its orders, for every test that only looks."""
    calls: list[tuple[int, int]] = []
    folder = tmp_path_factory.mktemp("demo")
    result = run_demo(folder, progress=lambda done, total: calls.append((done, total)))
    return FullRun(result, open_history(result.database), calls)


@pytest.fixture(scope="session")
def service(tmp_path_factory: pytest.TempPathFactory) -> History:
    """A recording in which six sensors were read and one hangs."""
    folder = tmp_path_factory.mktemp("service")

    async def serve() -> None:
        engine, longest = FlexiFlowEngine(), 0.0
        async with record(engine, folder / "state.db"):
            for number in range(1, 7):
                device = "dead" if number == 4 else "fine"
                each = engine.add(f"sensor-{number}", broken_sensor.start, data={"device": device})
                began = time.perf_counter()
                await each.send("read")
                if device == "fine":
                    await each.send("measure")
                longest = max(longest, time.perf_counter() - began)
            # What "now" is: long after the others had been read, on a busy machine too.
            await asyncio.sleep(max(0.15, 6 * longest))
            await engine.components["sensor-1"].send("read")
            await engine.components["sensor-1"].send("measure")

    asyncio.run(serve())
    return open_history(folder / "state.db")

"""How busy a live view keeps a real kernel at 1,000 steps a second."""

from __future__ import annotations

import queue
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.harness import ROOT, Benchmark, Measure

bench = Benchmark(
    "live_views",
    "A live view at 1,000 steps a second",
    unit="% of a core",
    note="CPU time of a Jupyter kernel, in which a task sends a component 2,000 messages, two "
    "each 2 ms; the view sends its updates through the kernel's own comm.",
)

_BUSY = """
import asyncio, time
from flexiflow import FlexiFlowEngine, State, on, watch

class Here(State):
    @on("go", to="There")
    async def go(self, message, component): ...
class There(State):
    @on("back", to="Here")
    async def back(self, message, component): ...

component = FlexiFlowEngine().add("c", Here)
views = [watch(component) for _ in range({views})]
began, used = time.perf_counter(), time.process_time()
for turn in range(1000):
    await component.send("go")
    await component.send("back")
    await asyncio.sleep(max(0, began + (turn + 1) / 500 - time.perf_counter()))
print(100 * (time.process_time() - used) / (time.perf_counter() - began))
"""


@contextmanager
def kernel() -> Iterator[Any]:
    """A kernel of its own, and a client for it."""
    from jupyter_client.manager import KernelManager

    with tempfile.TemporaryDirectory() as folder:
        manager = KernelManager(transport="ipc", ip=str(Path(folder) / "kernel"))
        manager.start_kernel(cwd=str(ROOT))
        client = manager.blocking_client()
        client.start_channels()
        try:
            client.wait_for_ready(timeout=60)
            yield client
        finally:
            client.stop_channels()
            manager.shutdown_kernel(now=True)


def printed(client: Any, code: str) -> str:
    """Run a cell, and return what it prints."""
    asked = client.execute(code)
    text = ""
    while True:
        try:
            message = client.get_iopub_msg(timeout=60)
        except queue.Empty as exc:
            raise RuntimeError("the kernel does not answer") from exc
        if message["parent_header"].get("msg_id") != asked:
            continue
        content = message["content"]
        if message["msg_type"] == "error":
            raise RuntimeError("\n".join(content["traceback"]))
        if message["msg_type"] == "stream":
            text += content["text"]
        if content.get("execution_state") == "idle":
            return text


def _busy(views: int) -> float:
    with kernel() as client:
        return float(printed(client, _BUSY.format(views=views)))


@bench.candidate("watched")
def watched(measure: Measure) -> None:
    measure.value = _busy(1)


@bench.candidate("not watched")
def unwatched(measure: Measure) -> None:
    measure.value = _busy(0)


@bench.candidate("limit: a tenth of a core")
def tenth(measure: Measure) -> None:
    measure.value = 10.0


bench.compare("watched", "limit: a tenth of a core", target=1.0)
bench.compare("watched", "not watched")

if __name__ == "__main__":
    bench.main()

"""One message, end to end."""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

from benchmarks import _raw
from benchmarks._machine import MESSAGES, STATES, an_order, send_rounds
from benchmarks.harness import Benchmark, Measure
from flexiflow import record

bench = Benchmark(
    "messages",
    "One message, end to end",
    unit="µs a message",
    note="A machine of four states whose handlers change its data, so that each message leads to "
    "five log lines, a row for the step and one for the snapshot. Measured is the processor time "
    "of the thread that sends, whatever the writer thread does meanwhile. *Peers record nothing.*",
)

_MESSAGES = 20_000
_ROUNDS = _MESSAGES // 4
_PEER_MESSAGES = 2_000


@contextmanager
def sending(measure: Measure) -> Iterator[None]:
    """Measure this thread's processor time."""
    gc.collect()
    began = time.thread_time()
    yield
    measure.value = (time.thread_time() - began) * 1e6


TRACED_LIMIT = "limit, traced: context variable, id, one subscriber"
TRACED = "FlexiFlow, traced, one subscriber"
QUEUED_LIMIT = "limit: encodes five events, queues the rows"
QUEUED = "FlexiFlow, logged and recorded"
LOGGED = "FlexiFlow, recorded, no log"
PLAIN = "FlexiFlow, no subscriber, no recording"


@bench.candidate("limit: await and a lookup", per=_MESSAGES)
def awaited(measure: Measure) -> None:
    async def run() -> None:
        state, data = "Draft", {"handled": 0}
        for number in range(_ROUNDS):
            for kind in MESSAGES:
                await _raw.handler({"type": kind, "number": number}, data)
                state = _raw.TABLE[state, kind]

    with sending(measure):
        asyncio.run(run())


@bench.candidate(TRACED_LIMIT, per=_MESSAGES)
def traced_limit(measure: Measure) -> None:
    async def subscriber(event: dict[str, Any]) -> None:
        pass

    async def run() -> None:
        ids = count()
        state, data = "Draft", {"handled": 0}
        for number in range(_ROUNDS):
            for kind in MESSAGES:
                trace_id = f"{next(ids):032x}"
                token = _raw.current.set(trace_id)
                await _raw.handler({"type": kind, "number": number}, data)
                before, state = state, _raw.TABLE[state, kind]
                await subscriber(
                    {"component": "order-1042", "from_state": before, "to_state": state,
                     "correlation_id": trace_id}
                )  # fmt: skip
                _raw.current.reset(token)

    with sending(measure):
        asyncio.run(run())


@bench.candidate(PLAIN, per=_MESSAGES)
def plain(measure: Measure) -> None:
    _, order = an_order()
    with sending(measure):
        asyncio.run(send_rounds(order, _ROUNDS))


@bench.candidate(TRACED, per=_MESSAGES)
def traced(measure: Measure) -> None:
    async def subscriber(event: dict[str, Any]) -> None:
        pass

    async def run() -> None:
        engine, order = an_order()
        await engine.event_bus.subscribe("state.changed", "monitor", subscriber)
        with sending(measure):
            await send_rounds(order, _ROUNDS)

    asyncio.run(run())


@bench.candidate(QUEUED_LIMIT, per=_MESSAGES)
def queued_limit(measure: Measure) -> None:
    queue: deque[Any] = deque()
    with sending(measure):
        asyncio.run(_raw.messages(_ROUNDS, queue.append))


@bench.candidate(QUEUED, per=_MESSAGES)
def queued(measure: Measure) -> None:
    _send_recorded(measure, log=True)


@bench.candidate(LOGGED, per=_MESSAGES)
def recorded(measure: Measure) -> None:
    _send_recorded(measure, log=False)


def _send_recorded(measure: Measure, *, log: bool) -> None:
    async def run(folder: Path) -> None:
        engine, order = an_order()
        async with record(engine, folder / "s.db", log=folder / "l.jsonl" if log else None):
            with sending(measure):
                await send_rounds(order, _ROUNDS)

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(run(Path(folder)))


@bench.candidate("transitions AsyncMachine", per=_PEER_MESSAGES)
def transitions(measure: Measure) -> None:
    from transitions.extensions.asyncio import AsyncMachine

    class Order:
        handled = 0

        async def count(self, number: int) -> None:
            self.handled += 1

    async def run() -> None:
        order = Order()
        machine = AsyncMachine(order, states=list(STATES), initial="Draft")
        for (state, kind), following in _raw.TABLE.items():
            machine.add_transition(kind, state, following, before="count")
        with sending(measure):
            for number in range(_PEER_MESSAGES // 4):
                for kind in MESSAGES:
                    await getattr(order, kind)(number=number)

    asyncio.run(run())


@bench.candidate("python-statemachine, async", per=_PEER_MESSAGES)
def statemachine(measure: Measure) -> None:
    from statemachine import State, StateMachine

    class Order(StateMachine):
        draft = State(initial=True)
        submitted = State()
        paid = State()
        shipped = State()
        submit = draft.to(submitted)
        pay = submitted.to(paid)
        ship = paid.to(shipped)
        close = shipped.to(draft)
        handled = 0

        async def on_transition(self, number: int) -> None:
            self.handled += 1

    async def run() -> None:
        order = Order()
        await order.activate_initial_state()
        with sending(measure):
            for number in range(_PEER_MESSAGES // 4):
                for kind in MESSAGES:
                    await order.send(kind, number=number)

    asyncio.run(run())


bench.compare(TRACED, TRACED_LIMIT, target=2)
bench.compare(QUEUED, QUEUED_LIMIT, target=1.5)
bench.compare(QUEUED, "transitions AsyncMachine")
bench.compare(QUEUED, "python-statemachine, async")

if __name__ == "__main__":
    bench.main()

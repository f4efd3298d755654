"""A trace log of 4,000,000 lines and 400,000 traces, about a gigabyte; deleted at the end.

The traces are two messages each, and 200 of them are under way at once, so that the lines of one
stand apart.
"""

from __future__ import annotations

import atexit
import random
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from flexiflow.tracing.records import ErrorRecord, LogRecord, encode_record, utc_text

LINES = 4_000_000
_LINES_A_TRACE = 10
_AT_ONCE = 200
_START_US = 1_780_000_000_000_000


@cache
def large_log() -> Path:
    """The log's path; it is written when it is first asked for."""
    folder = tempfile.mkdtemp()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    path = Path(folder) / "run.jsonl"
    with path.open("wb") as file:
        file.writelines(_lines())
    return path


@cache
def wanted_id() -> str:
    """A correlation id that stands in the middle of the log."""
    with large_log().open("rb") as file:
        file.seek(large_log().stat().st_size // 2)
        file.readline()
        return file.readline().split(b'"correlation_id":"')[1][:32].decode()


def more_lines(number: int) -> bytes:
    """Lines of new traces, to be written to the end of the log."""
    chance = random.Random(2)
    return b"".join(
        line
        for at in range(number // _LINES_A_TRACE)
        for _ in range(2)
        for line in _message(chance, chance.randbytes(16).hex(), f"new-{at}", _START_US)
    )


def _lines() -> Iterator[bytes]:
    chance = random.Random(1)
    traces = LINES // _LINES_A_TRACE
    waiting = [(chance.randbytes(16).hex(), f"order-{at}") for at in range(traces)]
    open_traces = [[waiting.pop(), 2] for _ in range(_AT_ONCE)]
    time_us = _START_US
    while open_traces:
        place = chance.randrange(len(open_traces))
        (correlation_id, component), left = open_traces[place]
        time_us += chance.randrange(1, 400)
        yield from _message(chance, correlation_id, component, time_us)
        open_traces[place][1] = left - 1
        if left == 1 and waiting:
            open_traces[place] = [waiting.pop(), 2]
        elif left == 1:
            del open_traces[place]


def _message(
    chance: random.Random, correlation_id: str, component: str, time_us: int
) -> Iterator[bytes]:
    """The five lines of one message."""
    step, handler = chance.randbytes(8).hex(), chance.randbytes(8).hex()
    failed = chance.random() < 0.01
    data = {"amount": chance.randrange(10_000), "note": "x" * chance.randrange(60)}
    shared = {"correlation_id": correlation_id, "component": component, "run_id": "0" * 16}
    on_step = {**shared, "span_id": step, "message_type": "pay", "from_state": "Paying"}
    on_handler = {**shared, "span_id": handler, "parent_id": step, "handler": "Paying.pay"}
    saved = {**shared, "span_id": step, "to_state": "Paid", "snapshot_id": time_us}
    ending = {"outcome": "failed", "error": ErrorRecord("PaymentError", "declined")}
    moved = {"outcome": "moved", "to_state": "Paid", "step_id": time_us}
    for delay, level, event, fields in (
        (0, "INFO", "message.received", {**on_step, "data": data}),
        (20, "INFO", "handler.started", on_handler),
        (400, "INFO", "handler.finished", {**on_handler, "duration_us": 380}),
        (420, "ERROR", "message.failed", {**on_step, **ending})
        if failed
        else (420, "INFO", "state.changed", {**on_step, **moved, "duration_us": 420}),
        (900, "INFO", "snapshot.saved", saved),
    ):
        yield encode_record(LogRecord(utc_text(time_us + delay), level, event, **fields))

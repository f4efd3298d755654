"""A trace in Chrome's Trace Event Format, which Perfetto and ``chrome://tracing`` show.

Spans are complete events (``X``), one thread a component. What a thread holds must nest, so a
component that does several things at once has more threads than one. Causes are flows (``s``,
``f``). See "Trace Event Format" of the Chromium project; times are in microseconds.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from flexiflow.analysis.traces.span_tree import SpanNode
from flexiflow.analysis.traces.spans import Interval, Spans
from flexiflow.tracing.records import LogRecord, encode_valid, time_us_of

_PROCESS = 1

# Lines that a span stands for already.
_TOLD = (
    "message.received",
    "message.refused",
    "message.failed",
    "handler.started",
    "handler.finished",
    "handler.failed",
    "state.changed",
)


def chrome_trace(correlation_id: str, spans: Spans) -> str:
    """A trace as one JSON document.

    Args:
        correlation_id: the trace; the name of the process.
        spans: its spans; those without any time are left out.
    """
    threads = _threads(spans)
    names: dict[int, str] = {}
    events: list[dict[str, Any]] = [_named("process_name", 0, f"trace {correlation_id}")]
    for row, (thread, name) in threads.items():
        names[thread] = name
        events.extend(_span_events(spans, row, thread))
        parent = spans.parents[row]
        if parent in threads and threads[parent][0] != thread:
            events.extend(_flow(spans, row, threads[parent][0], thread))
    events += [_named("thread_name", thread, name) for thread, name in sorted(names.items())]
    document = {
        "traceEvents": events,
        "displayTimeUnit": "ms",
        "otherData": {"correlation_id": correlation_id},
    }
    return encode_valid(document).decode()


def _threads(spans: Spans) -> dict[int, tuple[int, str]]:
    """The thread of each row, and its name, so that on each what is shown nests."""
    timed = [(own, row) for row, own in enumerate(spans.lasts) if own is not None]
    timed.sort(key=lambda each: (each[0][0], -each[0][1], each[1]))
    lanes: dict[str, list[list[Interval]]] = {}  # what is open on each, by component
    numbers: dict[tuple[str, int], int] = {}
    threads: dict[int, tuple[int, str]] = {}
    for own, row in timed:
        component = spans.nodes[row].component or "(no component)"
        lane = _lane(lanes.setdefault(component, []), own)
        number = numbers.setdefault((component, lane), len(numbers) + 1)
        threads[row] = number, component if not lane else f"{component} ({lane + 1})"
    return threads


def _lane(lanes: list[list[Interval]], own: Interval) -> int:
    """The first lane in which a span nests; noted there."""
    for number, lane in enumerate(lanes):
        while lane and lane[-1][1] <= own[0]:
            lane.pop()
        if not lane or own[1] <= lane[-1][1]:
            lane.append(own)
            return number
    lanes.append([own])
    return len(lanes) - 1


def _span_events(spans: Spans, row: int, thread: int) -> Iterator[dict[str, Any]]:
    node, own = spans.nodes[row], spans.lasts[row]
    assert own is not None
    yield {
        "name": node.label or node.kind,
        "cat": node.kind,
        "ph": "X",
        "ts": own[0],
        "dur": own[1] - own[0],
        "pid": _PROCESS,
        "tid": thread,
        "args": _facts(node),
    }
    for record in node.records:
        time_us = time_us_of(record)
        if record.event not in _TOLD and time_us is not None:
            yield _instant(record, time_us, thread)


def _instant(record: LogRecord, time_us: int, thread: int) -> dict[str, Any]:
    facts = {"snapshot_id": record.snapshot_id, "data": record.data}
    return {
        "name": record.event,
        "cat": "event",
        "ph": "i",
        "s": "t",
        "ts": time_us,
        "pid": _PROCESS,
        "tid": thread,
        "args": {name: value for name, value in facts.items() if value is not None},
    }


def _flow(spans: Spans, row: int, source: int, target: int) -> Iterator[dict[str, Any]]:
    """The arrow from a span's cause, from within it, to its beginning."""
    cause, own = spans.lasts[spans.parents[row]], spans.lasts[row]
    assert cause is not None
    assert own is not None
    shared = {"name": "causes", "cat": "cause", "id": row, "pid": _PROCESS}
    leaves = min(max(own[0], cause[0]), cause[1], own[0])
    yield {**shared, "ph": "s", "ts": leaves, "tid": source}
    yield {**shared, "ph": "f", "bp": "e", "ts": own[0], "tid": target}


def _facts(node: SpanNode) -> dict[str, Any]:
    facts = {
        "span_id": node.span_id,
        "outcome": node.outcome,
        "from_state": node.from_state,
        "to_state": node.to_state,
        "detail": node.detail,
        "snapshots": node.snapshots or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _named(kind: str, thread: int, name: str) -> dict[str, Any]:
    return {"name": kind, "ph": "M", "pid": _PROCESS, "tid": thread, "args": {"name": name}}

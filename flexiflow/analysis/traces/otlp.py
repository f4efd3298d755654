"""Traces as OTLP JSON, which OpenTelemetry's collector and many viewers read.

A file holds one ``TracesData`` a line; see https://opentelemetry.io/docs/specs/otel/protocol/ and
its file exporter. Ids are hex, 64-bit numbers are texts, enumerations are numbers.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from typing import Any

from flexiflow._version import __version__
from flexiflow.analysis.traces.span_tree import SpanNode
from flexiflow.analysis.traces.spans import Spans
from flexiflow.tracing.records import LogRecord, encode_valid, time_us_of

_TRACE_ID = re.compile(r"(?!0{32})[0-9a-f]{32}")
_SPAN_ID = re.compile(r"(?!0{16})[0-9a-f]{16}")
_INTERNAL, _UNSET, _ERROR = 1, 0, 2  # SpanKind and StatusCode
_TROUBLE = ("failed", "cancelled")
_DEEPEST = 20
_LARGEST = 2**63

# Lines that only say when a span begins and ends; the others are events in it.
_EDGES = (
    "message.received",
    "handler.started",
    "handler.finished",
    "state.changed",
    "message.refused",
)


def otlp_line(correlation_id: str, spans: Spans, service: str) -> str:
    """One trace as a line of OTLP JSON.

    Args:
        correlation_id: the trace; what is no W3C trace id is hashed to one.
        spans: its spans; those without any time, and those without a record, are left out.
        service: what ``service.name`` says.
    """
    trace_id = _w3c(correlation_id, _TRACE_ID, correlation_id)
    scope = {"name": "flexiflow", "version": __version__}
    resource = {"attributes": _attributes({"service.name": service})}
    shown = list(_spans(correlation_id, trace_id, spans))
    scoped = [{"scope": scope, "spans": shown}]
    return encode_valid({"resourceSpans": [{"resource": resource, "scopeSpans": scoped}]}).decode()


def _spans(correlation_id: str, trace_id: str, spans: Spans) -> Iterator[dict[str, Any]]:
    for row, node in enumerate(spans.nodes):
        own, parent = spans.lasts[row], spans.parents[row]
        if own is None or node.kind == "missing":
            continue
        span = {
            "traceId": trace_id,
            "spanId": _w3c(node.span_id or "", _SPAN_ID, correlation_id),
            "name": node.label or node.records[0].event,
            "kind": _INTERNAL,
            "startTimeUnixNano": _nanoseconds(own[0]),
            "endTimeUnixNano": _nanoseconds(own[1]),
            "attributes": _attributes(_facts(correlation_id, node)),
            "events": list(_events(node)),
            "status": _status(node),
        }
        if parent >= 0:
            cause = spans.nodes[parent].span_id or ""
            span["parentSpanId"] = _w3c(cause, _SPAN_ID, correlation_id)
        yield span


def _w3c(name: str, pattern: re.Pattern[str], correlation_id: str) -> str:
    """An id as W3C has it: as it is where it is one, else a hash of it."""
    if pattern.fullmatch(name):
        return name
    length = 32 if pattern is _TRACE_ID else 16
    raw = f"{correlation_id}\n{name}".encode("utf-8", "backslashreplace")
    return hashlib.sha256(raw).hexdigest()[:length]


def _facts(correlation_id: str, node: SpanNode) -> dict[str, Any]:
    facts = {
        "flexiflow.correlation_id": correlation_id,
        "flexiflow.component": node.component,
        "flexiflow.kind": node.kind,
        "flexiflow.outcome": node.outcome,
        "flexiflow.from_state": node.from_state,
        "flexiflow.to_state": node.to_state,
        "flexiflow.attempt": node.attempt,
        "flexiflow.snapshots": node.snapshots or None,
    }
    return {name: value for name, value in facts.items() if value is not None}


def _status(node: SpanNode) -> dict[str, Any]:
    if node.outcome not in _TROUBLE:
        return {"code": _UNSET}
    return {"code": _ERROR, "message": node.detail or node.outcome}


def _events(node: SpanNode) -> Iterator[dict[str, Any]]:
    for record in node.records:
        time_us = time_us_of(record)
        if time_us is None or (record.event in _EDGES and record.error is None):
            continue
        name, facts = _event(record)
        yield {
            "timeUnixNano": _nanoseconds(time_us),
            "name": name,
            "attributes": _attributes(facts),
        }


def _event(record: LogRecord) -> tuple[str, dict[str, Any]]:
    if record.error is not None:
        error = record.error
        return "exception", {"exception.type": error.type, "exception.message": error.message}
    facts = record.data if isinstance(record.data, dict) else {"data": record.data}
    if record.snapshot_id is not None:
        facts = {"flexiflow.snapshot_id": record.snapshot_id}
    return record.event, {name: value for name, value in facts.items() if value is not None}


def _attributes(facts: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"key": key, "value": _value(value, 0)} for key, value in facts.items()]


def _value(value: Any, depth: int) -> dict[str, Any]:
    """A value as ``AnyValue``."""
    match value:
        case bool():
            return {"boolValue": value}
        case int() if -_LARGEST <= value < _LARGEST:
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case str():
            return {"stringValue": value}
        case list() if depth < _DEEPEST:
            return {"arrayValue": {"values": [_value(each, depth + 1) for each in value]}}
        case dict() if depth < _DEEPEST:
            pairs = [{"key": k, "value": _value(v, depth + 1)} for k, v in value.items()]
            return {"kvlistValue": {"values": pairs}}
        case None:
            return {}
    return {"stringValue": encode_valid(value).decode()}


def _nanoseconds(time_us: int) -> str:
    return str(max(time_us, 0) * 1000)  # unsigned

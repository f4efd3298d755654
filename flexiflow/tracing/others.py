"""What other people's lines call things: names of fields, levels, times, ids and errors.

Names that several tools share, or that one writes by default, are known; what a tool is, is never
asked. Whatever else a line says is data.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from flexiflow.tracing.records import ErrorRecord, utc_text

ALIASES: Mapping[str, tuple[str, ...]] = {
    "ts": (
        "timestamp",
        "time",
        "@timestamp",
        "@t",
        "asctime",
        "created",
        "timeUnixNano",
        "time_iso8601",
        "__REALTIME_TIMESTAMP",
        "record.time.timestamp",
    ),
    "level": (
        "levelname",
        "severity",
        "log.level",
        "severityText",
        "severity_text",
        "@l",
        "record.level.name",
        "levelno",
        "PRIORITY",
        "severityNumber",
    ),
    "event": (
        "message",
        "msg",
        "MESSAGE",
        "@m",
        "@mt",
        "record.message",
        "jsonPayload.message",
        "textPayload",
        "body.stringValue",
        "body",
        "log",
        "request",
    ),
    "correlation_id": (
        "trace_id",
        "traceId",
        "trace.id",
        "logging.googleapis.com/trace",
        "trace",
        "@tr",
        "otelTraceID",
        "record.extra.correlation_id",
        "record.extra.trace_id",
        "record.extra.request_id",
        "request_id",
        "requestId",
        "reqId",
        "req_id",
        "cid",
    ),
    "span_id": (
        "spanId",
        "span.id",
        "logging.googleapis.com/spanId",
        "@sp",
        "otelSpanID",
        "record.extra.span_id",
    ),
    "parent_id": ("parent_span_id", "parentSpanId"),
    "error": ("exception", "exc_info", "err", "@x", "record.exception", "stack_trace", "stack"),
}
"""A record's fields, each with where it may stand; a dot leads into an object."""

WHOLE_LINES = ("log", "MESSAGE")
"""Where Docker and the journal keep a line as a program wrote it."""

ERROR_PARTS = (
    ("error.type", "error.message"),
    ("exception.type", "exception.message"),
    ("errorType", "errorMessage"),
)
"""Where an error's class and text stand side by side."""

_EPOCH = re.compile(r"[0-9]{9,19}(\.[0-9]{1,9})?")  # as text: no year has so many digits
_LEVELS = {
    **dict.fromkeys(("TRACE", "VERBOSE", "FINE"), "DEBUG"),
    **dict.fromkeys(("NOTICE", "SUCCESS", "INFORMATION", "DEFAULT"), "INFO"),
    "WARN": "WARNING",
    **dict.fromkeys(("ERR", "SEVERE"), "ERROR"),
    **dict.fromkeys(
        ("FATAL", "CRIT", "ALERT", "EMERG", "EMERGENCY", "PANIC", "DPANIC"), "CRITICAL"
    ),
}
LEVEL_NAMES = frozenset((*_LEVELS, *_LEVELS.values()))
"""Every name that is known, in capitals."""

_SYSLOG = ("CRITICAL", "CRITICAL", "CRITICAL", "ERROR", "WARNING", "INFO", "INFO", "DEBUG")
_SCALE = ("DEBUG", "DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")  # of everybody else


def text_of(value: Any) -> str:
    """A value as text, one that is none as JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def journal_text(message: Any) -> Any:
    """A journal's message: one with colours or other unprintable characters is a list of bytes."""
    try:
        return bytes(message).decode("utf-8", "replace") if isinstance(message, list) else message
    except (TypeError, ValueError):
        return message


def level_text(value: Any, place: str = "level") -> str:
    """A level by the names of `logging`; INFO where nothing is said.

    Args:
        value: a name in whatever spelling, or a number.
        place: where it stood. Numbers of ``PRIORITY``, and others up to 7, are syslog's; those of
            ``levelno`` are logging's, of ``severityNumber`` OpenTelemetry's, others pino's.
    """
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:4])
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _level_of_number(int(value), place)
    name = "INFO" if value is None else text_of(value).strip().upper() or "INFO"
    name = re.sub(r"[+-]\d+$", "", name)  # ERROR+2 lies between two levels of Go's slog
    return _LEVELS.get(name, name)


def _level_of_number(number: int, place: str) -> str:
    scale: tuple[str, ...] = _SCALE
    if place == "PRIORITY" or (place not in ("severityNumber", "levelno") and 0 <= number <= 7):
        scale, step = _SYSLOG, number
    elif place == "severityNumber":
        step = (number - 1) // 4  # OpenTelemetry's begin with 1
    else:
        step = number // 10 - (place != "levelno")  # pino's and bunyan's with 10
    return scale[min(max(step, 0), len(scale) - 1)]


def time_text(value: Any) -> str | None:
    """A time as ISO 8601; numbers are seconds, milli-, micro- or nanoseconds since 1970."""
    if isinstance(value, str):
        if not _EPOCH.fullmatch(value):
            # A comma before the milliseconds is written by logging, whose times are local.
            return local_time(value) if "," in value else value
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for limit, factor in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3)):
        if abs(value) < limit:
            return utc_text(round(value * factor))
    return None


def local_time(text: str | None) -> str:
    """A time of `logging`, which is local and names no zone, in UTC."""
    try:
        moment = datetime.fromisoformat((text or "").replace(",", "."))
        return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return text or ""


def id_text(value: Any) -> str | None:
    """An id of another tool as the others write it; None where it says that there is none."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        return None
    text = str(value).rpartition("/traces/")[2].removeprefix("0x")  # Google's path, Python's hex
    return text if text.strip("0") else None


def error_of(value: Any) -> ErrorRecord | None:
    """An error that is an object, a list of them (the first is the one raised), or a text."""
    if isinstance(value, list) and value:
        value = value[0]
    if isinstance(value, dict):
        kind = next((value[key] for key in ("type", "name", "exc_type") if value.get(key)), "Error")
        said = (value[key] for key in ("message", "value", "exc_value") if value.get(key))
        return ErrorRecord(text_of(kind), text_of(next(said, "")))
    if not isinstance(value, str) or not value.strip() or value == "NoneType: None":
        return None
    lines = value.strip().splitlines()
    # Python's traceback ends with the error, other stacks begin with it.
    last = "Traceback" in lines[0]
    kind, colon, message = lines[-1 if last else 0].strip().partition(": ")
    return ErrorRecord(kind, message) if colon else ErrorRecord("Error", kind)

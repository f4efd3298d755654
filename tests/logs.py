"""Trace logs made record by record."""

from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

from flexiflow.analysis.log import Log, open_log
from flexiflow.tracing.records import ErrorRecord, LogRecord, encode_record, utc_text

NOON = 1_700_000_000_000_000


def line(
    event: str,
    at_us: int = 0,
    span: str | None = "s1",
    parent: str | None = None,
    component: str | None = "order",
    correlation_id: str | None = "trace-1",
    error: tuple[str, str] | None = None,
    **fields: Any,
) -> LogRecord:
    """A record at so many microseconds after noon."""
    return LogRecord(
        utc_text(NOON + at_us),
        "INFO",
        event,
        correlation_id,
        span,
        parent,
        component,
        error=None if error is None else ErrorRecord(*error),
        **fields,
    )


def received(at_us: int, span: str, parent: str | None = None, **fields: Any) -> LogRecord:
    return line("message.received", at_us, span, parent, **{"message_type": "go"} | fields)


def changed(at_us: int, span: str, parent: str | None = None, **fields: Any) -> LogRecord:
    told = {"message_type": "go", "from_state": "A", "to_state": "B", "outcome": "moved"}
    return line("state.changed", at_us, span, parent, **told | fields)


def started(at_us: int, span: str, parent: str | None = None, **fields: Any) -> LogRecord:
    return line("handler.started", at_us, span, parent, **{"handler": "A.go"} | fields)


def finished(at_us: int, span: str, parent: str | None = None, **fields: Any) -> LogRecord:
    return line("handler.finished", at_us, span, parent, **{"handler": "A.go"} | fields)


def write(path: Path, *records: LogRecord | bytes) -> Path:
    """A file of these records, and of lines that are none."""
    raw = b"".join(each if isinstance(each, bytes) else encode_record(each) for each in records)
    path.write_bytes(gzip.compress(raw) if path.suffix == ".gz" else raw)
    return path


def log_of(folder: Path, *records: LogRecord | bytes) -> Log:
    """A log of one file with these records."""
    return open_log(write(folder / "run.jsonl", *records))

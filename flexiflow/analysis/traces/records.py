"""Records of a trace log as a frame."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.records import LogRecord, time_us_of

if TYPE_CHECKING:
    import pandas as pd

BROKEN = "(broken line)"
"""The event of a line that is no record."""


def records_frame(records: Iterable[LogRecord | BrokenLine]) -> pd.DataFrame:
    """Records as a frame with the columns of `shapes.RECORDS`."""
    return frames.frame(shapes.RECORDS, map(_row, records))


def _row(record: LogRecord | BrokenLine) -> tuple[Any, ...]:
    if isinstance(record, BrokenLine):
        where = {"path": record.path, "offset": record.offset, "text": record.text}
        told = {"level": "ERROR", "event": BROKEN, "reason": record.why, "data": where}
        return tuple(map(told.get, shapes.RECORDS))
    error = record.error
    return (
        time_us_of(record),
        record.level,
        record.event,
        record.component,
        record.handler,
        record.message_type,
        record.from_state,
        record.to_state,
        record.outcome,
        record.reason,
        record.duration_us,
        None if error is None else f"{error.type}: {error.message}",
        record.correlation_id,
        record.span_id,
        record.parent_id,
        record.step_id,
        record.snapshot_id,
        record.run_id,
        record.data,
    )

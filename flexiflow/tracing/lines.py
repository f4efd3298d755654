"""The records that every step leads to, made in the writer thread of what the step left behind."""

from __future__ import annotations

from typing import Protocol

import msgspec

from flexiflow.tracing.records import LogRecord, utc_text


class Place(Protocol):
    """Where in a trace something happens: a span or a step."""

    correlation_id: str
    span_id: str | None
    parent_id: str | None


class StepFacts(Place, Protocol):
    """What lines say of a step."""

    component: str
    message_type: str | None
    from_state: str
    to_state: str
    outcome: str
    duration_us: int


class LineMaker:
    """Makes the records of one recording.

    Args:
        run_uid: the recording's id.
    """

    def __init__(self, run_uid: str) -> None:
        self._run = run_uid

    # A record's fields are passed by their place: by name they would cost twice as much.

    def received(self, time_us: int, step: StepFacts, data: bytes | None) -> LogRecord:
        """``message.received``; `data` is the message's fields as JSON, or None."""
        return LogRecord(
            utc_text(time_us), "INFO", "message.received",
            step.correlation_id, step.span_id, step.parent_id, step.component,
            None, step.message_type, step.from_state, None, None, None, None, None, None,
            self._run, None, None if data is None else msgspec.Raw(data),
        )  # fmt: skip

    def handler_started(self, time_us: int, span: Place, component: str, handler: str) -> LogRecord:
        """``handler.started``."""
        return LogRecord(
            utc_text(time_us), "INFO", "handler.started",
            span.correlation_id, span.span_id, span.parent_id, component,
            handler, None, None, None, None, None, None, None, None, self._run,
        )  # fmt: skip

    def handler_finished(
        self, time_us: int, span: Place, component: str, handler: str, duration_us: int
    ) -> LogRecord:
        """``handler.finished``."""
        return LogRecord(
            utc_text(time_us), "INFO", "handler.finished",
            span.correlation_id, span.span_id, span.parent_id, component,
            handler, None, None, None, None, None, duration_us, None, None, self._run,
        )  # fmt: skip

    def changed(self, time_us: int, step: StepFacts, step_id: int | None) -> LogRecord:
        """``state.changed``; `step_id` is its row, where that is known already."""
        return LogRecord(
            utc_text(time_us), "INFO", "state.changed",
            step.correlation_id, step.span_id, step.parent_id, step.component,
            None, step.message_type, step.from_state, step.to_state, step.outcome, None,
            step.duration_us, step_id, None, self._run,
        )  # fmt: skip

    def saved(
        self,
        time_us: int,
        place: Place | None,
        component: str,
        state: str,
        step_id: int | None,
        snapshot_id: int | None,
    ) -> LogRecord:
        """``snapshot.saved``; the ids are the rows'."""
        trace, span, parent = (
            (None, None, None)
            if place is None
            else (place.correlation_id, place.span_id, place.parent_id)
        )
        return LogRecord(
            utc_text(time_us), "INFO", "snapshot.saved", trace, span, parent, component,
            None, None, None, state, None, None, None, step_id, snapshot_id, self._run,
        )  # fmt: skip

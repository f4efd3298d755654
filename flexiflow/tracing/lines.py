"""What is known of a line where something happens, and the record that is made of it later.

The event loop notes no more than this, and the writer thread makes the record. None of it is
tracked by the garbage collector, which would look again and again at what waits to be written.
"""

from __future__ import annotations

from typing import Protocol

import msgspec

from flexiflow.tracing.records import LogRecord, utc_text


class Run(Protocol):
    """The recording that lines belong to."""

    run_uid: str


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
    duration_us: int

    @property
    def outcome(self) -> str:
        """One of `flexiflow.step.Outcome`."""


# A record's fields are passed by their place: by name they would cost twice as much.


class Received(msgspec.Struct, gc=False):
    """``message.received``; `data` is the message's fields as JSON, or None."""

    time_us: int
    step: StepFacts
    data: bytes | None

    def made(self, run: Run) -> LogRecord:
        """The record."""
        step, data = self.step, self.data
        return LogRecord(
            utc_text(self.time_us), "INFO", "message.received",
            step.correlation_id, step.span_id, step.parent_id, step.component,
            None, step.message_type, step.from_state, None, None, None, None, None, None,
            run.run_uid, None, None if data is None else msgspec.Raw(data),
        )  # fmt: skip


class HandlerStarted(msgspec.Struct, gc=False):
    """``handler.started``."""

    time_us: int
    correlation_id: str
    span_id: str | None
    parent_id: str | None
    component: str
    handler: str

    def made(self, run: Run) -> LogRecord:
        """The record."""
        return LogRecord(
            utc_text(self.time_us), "INFO", "handler.started",
            self.correlation_id, self.span_id, self.parent_id, self.component,
            self.handler, None, None, None, None, None, None, None, None, run.run_uid,
        )  # fmt: skip


class HandlerFinished(msgspec.Struct, gc=False):
    """``handler.finished``."""

    time_us: int
    correlation_id: str
    span_id: str | None
    parent_id: str | None
    component: str
    handler: str
    duration_us: int

    def made(self, run: Run) -> LogRecord:
        """The record."""
        return LogRecord(
            utc_text(self.time_us), "INFO", "handler.finished",
            self.correlation_id, self.span_id, self.parent_id, self.component,
            self.handler, None, None, None, None, None, self.duration_us, None, None, run.run_uid,
        )  # fmt: skip


class Changed(msgspec.Struct, gc=False):
    """``state.changed``; `step_id` is the step's row, where that is known already."""

    time_us: int
    step: StepFacts
    step_id: int | None

    def made(self, run: Run) -> LogRecord:
        """The record."""
        step = self.step
        return LogRecord(
            utc_text(self.time_us), "INFO", "state.changed",
            step.correlation_id, step.span_id, step.parent_id, step.component,
            None, step.message_type, step.from_state, step.to_state, step.outcome, None,
            step.duration_us, self.step_id, None, run.run_uid,
        )  # fmt: skip


class Saved(msgspec.Struct, gc=False):
    """``snapshot.saved``; the ids are the rows'."""

    time_us: int
    place: Place | None
    component: str
    state: str
    step_id: int | None
    snapshot_id: int | None

    def made(self, run: Run) -> LogRecord:
        """The record."""
        place = self.place
        trace, span, parent = (
            (None, None, None)
            if place is None
            else (place.correlation_id, place.span_id, place.parent_id)
        )
        return LogRecord(
            utc_text(self.time_us), "INFO", "snapshot.saved", trace, span, parent, self.component,
            None, None, None, self.state, None, None, None, self.step_id, self.snapshot_id,
            run.run_uid,
        )  # fmt: skip

"""The log's half of what a recording writes: a line for each thing that happens.

Here stands what makes no row. A line whose parts can't change any more is handed over as parts,
and put together in the writer thread; one that holds the user's data or an error is encoded where
it happens.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

import msgspec

from flexiflow.correlation import Span, current_span
from flexiflow.persistence import tagged
from flexiflow.persistence.history_file import Entry
from flexiflow.recording.entries import EntryMaker
from flexiflow.recording.pipeline import Pipeline
from flexiflow.redaction import Redaction
from flexiflow.step import Step
from flexiflow.tracing.lines import Changed, HandlerFinished, HandlerStarted, Received, Saved
from flexiflow.tracing.records import (
    LONGEST_DATA,
    LONGEST_OWN_DATA,
    LogRecord,
    error_record,
    utc_text,
)

Durability = Literal["grouped", "always"]
Line = Received | HandlerStarted | HandlerFinished | Changed


class LineObserver:
    """Turns what the core tells into log lines. Arguments as for `RecordingObserver`."""

    def __init__(
        self,
        run_uid: str,
        run_id: int,
        durability: Durability,
        *,
        lines: bool,
        redaction: Redaction | None,
    ) -> None:
        self.run_uid = run_uid
        self.redaction = redaction
        self._always = durability == "always"
        self._lines = lines
        self.maker = EntryMaker(run_uid, run_id)
        self.pipeline: Pipeline
        self._say: Callable[[Line], None]

    def attach(self, pipeline: Pipeline) -> None:
        """Hand everything to this writer thread from now on."""
        self.pipeline = pipeline
        self._say = self._write_now if self._always else pipeline.put

    def _write_now(self, line: Line) -> None:
        self.pipeline.write_now(line.made(self.maker))

    # -- what the core calls --------------------------------------------------------------

    def handler_started(self, span: Span, component: str, handler: str, data: Any = None) -> None:
        """Log it."""
        if not self._lines:
            return
        now = time.time_ns() // 1000
        if data is None:
            trace = span.correlation_id
            self._say(HandlerStarted(now, trace, span.span_id, span.parent_id, component, handler))
        else:
            self._log("handler.started", now, span, component, handler=handler, data=data)

    def handler_finished(
        self, span: Span, component: str, handler: str, duration_us: int, data: Any = None
    ) -> None:
        """Log it."""
        if not self._lines:
            return
        now = time.time_ns() // 1000
        if data is None:
            trace = span.correlation_id
            self._say(
                HandlerFinished(
                    now, trace, span.span_id, span.parent_id, component, handler, duration_us
                )
            )
        else:
            self._log(
                "handler.finished",
                now,
                span,
                component,
                handler=handler,
                duration_us=duration_us,
                data=data,
            )

    def handler_failed(
        self,
        span: Span,
        component: str,
        handler: str,
        duration_us: int,
        error: BaseException,
        data: Any = None,
    ) -> None:
        """Log it, with the error's parts."""
        if self._lines:
            turn = span.turn
            if self.redaction is not None and turn is not None:
                self._remember(turn.component)
            self._log(
                "handler.failed",
                time.time_ns() // 1000,
                span,
                component,
                level="ERROR",
                handler=handler,
                duration_us=duration_us,
                error=error_record(error, self.redaction),
                data=data,
            )

    def uncommitted(self, step: Step) -> None:
        """Log that a step failed because it could not be committed."""
        self._log_trouble(step)

    def settled(self, step: Step) -> None:
        """Log the transition, now that it has happened."""
        if step.outcome != "moved" or not self._lines:
            return
        now = time.time_ns() // 1000
        if step.error is None:
            self._say(Changed(now, step, step.id))
            return
        self._log(
            "state.changed",
            now,
            step,
            step.component,
            message_type=step.message_type,
            from_state=step.from_state,
            to_state=step.to_state,
            outcome=step.outcome,
            duration_us=step.duration_us,
            step_id=step.id,
            # Made here: its text is the user's code.
            error=error_record(step.error, self.redaction),
        )

    # -- what others tell -----------------------------------------------------------------

    def own_event(self, name: str, component: str | None, fields: dict[str, Any]) -> bool:
        """Log an event of the application's own, and say whether there is a log for it."""
        if not self._lines or self.pipeline.closed:
            return False
        span = current_span.get()
        if component is None and span is not None:
            component = span.owner
        data = tagged.encode(fields, redaction=self.redaction) if fields else None
        self._log(
            name,
            time.time_ns() // 1000,
            span,
            component,
            data=None if data is None else msgspec.Raw(log_data(data, LONGEST_OWN_DATA)),
        )
        return True

    def explicit_save(self, component: str, facts: dict[str, Any]) -> None:
        """Log a snapshot that was saved by hand."""
        span = current_span.get()
        self._log(
            "snapshot.saved",
            time.time_ns() // 1000,
            span,
            component,
            to_state=facts.get("state"),
            snapshot_id=facts.get("snapshot_id"),
            data={"path": facts["path"]} if "path" in facts else None,
        )

    def _log_trouble(self, step: Step) -> None:
        if not self._lines:
            return
        refused = step.outcome == "refused"
        self._log(
            "message.refused" if refused else "message.failed",
            time.time_ns() // 1000,
            step,
            step.component,
            level="WARNING" if refused else "ERROR",
            message_type=step.message_type,
            from_state=step.from_state,
            outcome=step.outcome,
            reason=self._shown(step.reason),
            duration_us=step.duration_us,
            error=None if step.error is None else error_record(step.error, self.redaction),
        )

    # -- what the writer thread calls ------------------------------------------------------

    def written(self, entry: Entry) -> LogRecord | None:
        """An entry is committed: its step knows its row now, and the log is to say so."""
        source = entry.source
        if isinstance(source, Step):
            source.id = entry.step_id
        if entry.snapshot is None or not self._lines:
            return None
        component, state = entry.snapshot[0], entry.snapshot[4]
        now = time.time_ns() // 1000
        line = Saved(now, source, component, state, entry.step_id, entry.snapshot_id)
        return line.made(self.maker)

    # -- lines ----------------------------------------------------------------------------

    def _log(
        self,
        event: str,
        time_us: int,
        span: Span | Step | None,
        component: str | None,
        **fields: Any,
    ) -> None:
        if not self._lines:
            return
        record = self._record(event, time_us, span, component, **fields)
        if self._always:
            self.pipeline.write_now(record)
        else:
            self.pipeline.put(record)

    def _record(
        self,
        event: str,
        time_us: int,
        span: Span | Step | None,
        component: str | None,
        level: str = "INFO",
        **fields: Any,
    ) -> LogRecord:
        return LogRecord(
            utc_text(time_us),
            level,
            event,
            None if span is None else span.correlation_id,
            None if span is None else span.span_id,
            None if span is None else span.parent_id,
            component,
            run_id=self.run_uid,
            **fields,
        )

    def _remember(self, component: Any) -> None:
        """Note the values of a component's hidden fields before a text that may hold them."""
        tagged.encode([component.data, component.rules], redaction=self.redaction)

    def _shown(self, text: str | None) -> str | None:
        return text if text is None or self.redaction is None else self.redaction.mask(text)


def log_data(fields: bytes, longest: int = LONGEST_DATA) -> bytes:
    """Encoded fields as a line shows them, or how long they are where that is too long."""
    return fields if len(fields) <= longest else b'{"left_out_bytes":%d}' % len(fields)

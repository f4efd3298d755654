"""What a recording writes for each thing that happens: log lines and rows."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal

import msgspec

from flexiflow.component import AsyncComponent
from flexiflow.correlation import Span, current_span
from flexiflow.errors import bounded, bounded_repr
from flexiflow.graph.declared import declared_graph
from flexiflow.graph.definition import fingerprint, to_definition
from flexiflow.hooks import Hooks
from flexiflow.persistence import tagged
from flexiflow.persistence.history_file import Entry
from flexiflow.persistence.rows import snapshot_document
from flexiflow.recording.entries import EntryMaker
from flexiflow.recording.items import Gap, Item, Line, as_persistence_error, line_of, size_of
from flexiflow.recording.pipeline import Pipeline
from flexiflow.recording.step_rows import step_row
from flexiflow.redaction import Redaction
from flexiflow.step import Step, name_text
from flexiflow.tracing.lines import LineMaker
from flexiflow.tracing.records import (
    LONGEST_DATA,
    LONGEST_OWN_DATA,
    LogRecord,
    encode_record,
    encode_valid,
    error_record,
    utc_text,
)

_logger = logging.getLogger("flexiflow")

Durability = Literal["grouped", "always"]
_Machine = tuple[str, tuple[str, str]]
Metadata = Callable[[AsyncComponent], Mapping[str, Any]]

_RESERVED = ("type", "correlation_id", "traceparent")


class RecordingObserver:
    """Turns what the core tells into log lines and rows, and hands them to the writer thread.

    Args:
        run_uid: the recording's id, as log lines carry it.
        durability: ``"grouped"`` or ``"always"``.
        metadata: gives a component's data; its ``data`` unless given.
        lines: whether a log is written.
        redaction: which fields are kept out, or None.

    Attributes:
        pipeline: the writer thread; attached before anything is observed.
    """

    def __init__(
        self,
        run_uid: str,
        durability: Durability,
        metadata: Metadata | None,
        *,
        lines: bool,
        redaction: Redaction | None = None,
    ) -> None:
        self.run_uid = run_uid
        self.redaction = redaction
        self.metadata = metadata
        self._always = durability == "always"
        self._lines = lines
        self._warned = False
        self._fingerprints: dict[str, str | None] = {}
        self._machines: dict[tuple[Any, int], tuple[Any, _Machine | None]] = {}
        self._entries = EntryMaker()
        self._done, self._lost = self._written, self._entries.forget  # bound once, not once a step
        self._make = LineMaker(run_uid)
        self.pipeline: Pipeline
        self._say: Callable[[Line], None]

    @property
    def run_id(self) -> int:
        """The recording's row in the history."""
        return self._entries.run_id

    @run_id.setter
    def run_id(self, run_id: int) -> None:
        self._entries.run_id = run_id

    def attach(self, pipeline: Pipeline) -> None:
        """Hand everything to this writer thread from now on."""
        self.pipeline = pipeline
        self._say = self._write_now if self._always else pipeline.put_line

    def _write_now(self, line: Line) -> None:
        self.pipeline.write_line(line_of(line))

    # -- what the core calls --------------------------------------------------------------

    def registered(self, component: Any) -> None:
        """Log it, store its machine once, and take the snapshot that its history begins with."""
        now = time.time_ns() // 1000
        name = name_text(component.name)
        machine = self._machine_of(component)
        self._fingerprints[name] = None if machine is None else machine[0]
        span = current_span.get()
        state = component.state_machine.state_name
        self._log("component.registered", now, span, name, to_state=state)
        document = self._document(component, name, state)
        definition = None if machine is None else machine[1]
        self._queue(self._entries.of_registration, (name, state, document, now, span, definition))

    def received(self, step: Step, message: dict[str, Any]) -> None:
        """Log that a message's turn has come, and keep it as it came in."""
        # Now, since a handler may change it.
        fields = {key: value for key, value in dict.items(message) if key not in _RESERVED}
        redaction = self.redaction
        step.message_json = tagged.encode(fields, redaction=redaction).decode() if fields else "{}"
        data = _log_data(step.message_json) if fields and self._lines else None
        if self._lines:
            self._say((self._make.received, step.started_us, step, data))

    def handler_started(self, span: Span, component: str, handler: str, data: Any = None) -> None:
        """Log it."""
        if not self._lines:
            return
        now = time.time_ns() // 1000
        if data is None:
            self._say((self._make.handler_started, now, span, component, handler))
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
            make = self._make.handler_finished
            self._say((make, now, span, component, handler, duration_us))
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

    def commit(
        self, step: Step, message: dict[str, Any], component: Any | None
    ) -> Awaitable[None] | None:
        """Queue the step's row and, where anything changed, a snapshot."""
        if self.pipeline.closed:
            return None  # the recording ended while the handler ran
        if self.redaction is not None and component is not None:
            self._remember(component)
        if step.outcome in ("refused", "failed", "cancelled"):
            self._log_trouble(step)
        waiter = asyncio.get_running_loop().create_future() if self._always else None
        if waiter is not None and self.pipeline.log_error is not None:
            # Its lines are not in the log, so it must not count either.
            waiter.set_exception(as_persistence_error(self.pipeline.log_error))
            return waiter
        name = step.component
        digest, row, document = self._fingerprints.get(name), None, None
        if step.guards or step.error is not None or self.redaction is not None:
            row = step_row(step, self._entries.run_id, digest, self.redaction)
        if component is not None:
            document = self._document(component, name, step.to_state)
        self._queue(self._entries.of_step, (step, row, document, digest), waiter)
        return waiter or self.pipeline.room(size_of(step.message_json, document, row))

    def uncommitted(self, step: Step) -> None:
        """Log that a step failed because it could not be committed."""
        self._log_trouble(step)

    def settled(self, step: Step) -> None:
        """Log the transition, now that it has happened."""
        if step.outcome != "moved" or not self._lines:
            return
        now = time.time_ns() // 1000
        if step.error is None:
            self._say((self._make.changed, now, step, step.id))
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
        data = tagged.encode(fields, redaction=self.redaction).decode() if fields else None
        self._log(
            name,
            time.time_ns() // 1000,
            span,
            component,
            data=None if data is None else msgspec.Raw(_log_data(data, LONGEST_OWN_DATA).encode()),
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

    def gap_item(self, gap: Gap) -> Item:
        """The row and the line that tell what a failing writer dropped."""
        detail = {"lines": gap.lines, "first_us": gap.first_us, "why": bounded(gap.why, 500)}
        marker = (
            "gap",
            gap.last_us,
            self.run_id,
            None,
            None,
            None,
            None,
            gap.rows,
            encode_valid(detail).decode(),
        )
        record = self._record(
            "recording.gap",
            gap.last_us,
            None,
            None,
            level="ERROR",
            reason=gap.why,
            data={"rows": gap.rows, **detail},
        )
        return Item(line=encode_record(record), entry=Entry(marker=marker))

    # -- rows -----------------------------------------------------------------------------

    def _document(self, component: Any, name: str, state: str) -> bytes:
        data = self._data(component)
        return snapshot_document(name, state, component.rules, data, redaction=self.redaction)

    def _data(self, component: Any) -> Mapping[Any, Any]:
        own: Mapping[Any, Any] = component.data
        if type(own) is not dict and not isinstance(own, Mapping):
            own = {}  # a subclass written for 1.x may use the name for something else
        if self.metadata is None:
            return own
        try:
            return dict(self.metadata(component))
        except Exception as exc:  # the user's function must not break the machine
            if not self._warned:
                self._warned = True
                _logger.warning(
                    "record(metadata=…) failed for %s: %s; its data is recorded instead",
                    bounded_repr(component.name, 80),
                    bounded_repr(exc, 200),
                )
            return own

    def _remember(self, component: Any) -> None:
        """Note the values of a component's hidden fields before a text that may hold them."""
        tagged.encode([component.data, component.rules], redaction=self.redaction)

    def _shown(self, text: str | None) -> str | None:
        return text if text is None or self.redaction is None else self.redaction.mask(text)

    def _queue(
        self,
        make: Callable[..., Entry],
        facts: tuple[Any, ...],
        waiter: asyncio.Future[None] | None = None,
    ) -> None:
        self.pipeline.put(Item(None, None, make, facts, self._done, self._lost, waiter))

    def _machine_of(self, component: Any) -> _Machine | None:
        """The fingerprint of a component's machine, and the row that stores its definition."""
        machine = component.state_machine
        key = (machine.start, id(machine.registry))
        if key not in self._machines:
            try:
                definition = self._without_hidden(to_definition(declared_graph(component)))
                digest = fingerprint(definition)
                found = digest, (digest, encode_valid(definition).decode())
            except Exception:  # its declarations can't be read; the steps will say so
                found = None
            # The registry is kept, so that its id is nobody else's.
            self._machines[key] = machine.registry, found
        return self._machines[key][1]

    def _without_hidden(self, definition: dict[str, Any]) -> dict[str, Any]:
        """A machine's definition whose guards name no value that is kept out."""
        if self.redaction is None:
            return definition
        mask = self._shown
        edges = [{**edge, "guard": mask(edge["guard"])} for edge in definition["edges"]]
        return {**definition, "guards": list(map(mask, definition["guards"])), "edges": edges}

    # -- lines ----------------------------------------------------------------------------

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

    def _written(self, entry: Entry) -> bytes:
        """What the writer thread does once an entry is committed; gives a line for the log."""
        source = entry.source
        if isinstance(source, Step):
            source.id = entry.step_id
        if entry.snapshot is None or not self._lines:
            return b""
        component, state = entry.snapshot[0], entry.snapshot[4]
        now = time.time_ns() // 1000
        return self._make.saved(now, source, component, state, entry.step_id, entry.snapshot_id)

    def _log(
        self,
        event: str,
        time_us: int,
        span: Span | Step | None,
        component: str | None,
        **fields: Any,
    ) -> None:
        if self._lines:
            self._write(encode_record(self._record(event, time_us, span, component, **fields)))

    def _write(self, line: bytes) -> None:
        if self._always:
            self.pipeline.write_line(line)
        else:
            self.pipeline.put(Item(line=line))

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


def attached(hooks: Hooks) -> RecordingObserver | None:
    """The recorder that observes through these hooks, if one does."""
    return next((each for each in hooks.observers if isinstance(each, RecordingObserver)), None)


def _log_data(fields: str, longest: int = LONGEST_DATA) -> str:
    return fields if len(fields) <= longest else f'{{"left_out_bytes":{len(fields.encode())}}}'

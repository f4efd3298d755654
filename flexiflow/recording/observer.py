"""What a recording writes for each thing that happens: rows here, lines in `observer_lines`."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.correlation import current_span
from flexiflow.errors import bounded, bounded_repr
from flexiflow.hooks import Hooks
from flexiflow.persistence import tagged
from flexiflow.persistence.history_file import Entry
from flexiflow.persistence.rows import snapshot_document
from flexiflow.recording.entries import RegistrationParts, StepParts
from flexiflow.recording.items import Gap, as_persistence_error, size_of
from flexiflow.recording.machines import Machines
from flexiflow.recording.observer_lines import Durability, LineObserver, log_data
from flexiflow.recording.step_rows import step_row
from flexiflow.redaction import Redaction
from flexiflow.step import Step, name_text
from flexiflow.tracing.lines import Received
from flexiflow.tracing.records import LogRecord, encode_valid

__all__ = ["Durability", "Metadata", "RecordingObserver", "attached"]

_logger = logging.getLogger("flexiflow")

Metadata = Callable[[AsyncComponent], Mapping[str, Any]]


class RecordingObserver(LineObserver):
    """Turns what the core tells into log lines and rows, and hands them to the writer thread.

    Args:
        run_uid: the recording's id, as log lines carry it.
        run_id: its row in the history.
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
        run_id: int,
        durability: Durability,
        metadata: Metadata | None,
        *,
        lines: bool,
        redaction: Redaction | None = None,
    ) -> None:
        super().__init__(run_uid, run_id, durability, lines=lines, redaction=redaction)
        self.metadata = metadata
        self._warned = False
        self._fingerprints: dict[str, str | None] = {}
        self._machines = Machines(redaction)

    # -- what the core calls --------------------------------------------------------------

    def registered(self, component: Any) -> None:
        """Log it, store its machine once, and take the snapshot that its history begins with."""
        now = time.time_ns() // 1000
        name = name_text(component.name)
        machine = self._machines.of(component)
        self._fingerprints[name] = None if machine is None else machine[0]
        span = current_span.get()
        state = component.state_machine.state_name
        self._log("component.registered", now, span, name, to_state=state)
        document = self._document(component, name, state)
        definition = None if machine is None else machine[1]
        self.pipeline.put(RegistrationParts(name, state, document, now, span, definition))

    def received(self, step: Step, message: dict[str, Any]) -> None:
        """Log that a message's turn has come, and keep it as it came in."""
        # Now, since a handler may change it.
        fields = message.copy() if type(message) is dict else dict(dict.items(message))
        fields.pop("type", None)
        if "correlation_id" in fields:
            del fields["correlation_id"]
        if "traceparent" in fields:
            del fields["traceparent"]
        raw = tagged.encode(fields, redaction=self.redaction) if fields else b"{}"
        step.message_json = raw.decode()
        if self._lines:
            data = log_data(raw) if fields else None
            self._say(Received(step.started_us, step, data))

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
            row = step_row(step, self.maker.run_id, digest, self.redaction)
        if component is not None:
            document = self._document(component, name, step.to_state)
        self.pipeline.put(StepParts(step, row, document, digest, waiter))
        if waiter is not None:
            self.pipeline.hurry()
            return waiter
        return self.pipeline.room(size_of(step.message_json, document, row), step.started_us)

    # -- what the writer thread calls -----------------------------------------------------

    def lost(self, entry: Entry) -> None:
        """An entry can't be committed: the component's next step stores what it could not."""
        self.maker.forget(entry)

    def gap(self, gap: Gap) -> tuple[Entry, LogRecord]:
        """The row and the line that tell what a failing writer dropped."""
        detail = {"lines": gap.lines, "first_us": gap.first_us, "why": bounded(gap.why, 500)}
        marker = (
            "gap",
            gap.last_us,
            self.maker.run_id,
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
        return Entry(marker=marker), record

    # -- rows -----------------------------------------------------------------------------

    def _document(self, component: Any, name: str, state: str) -> bytes:
        data = component.data
        if type(data) is not dict or self.metadata is not None:
            data = self._data(component)
        return snapshot_document(name, state, component.rules, data, redaction=self.redaction)

    def _data(self, component: Any) -> Mapping[Any, Any]:
        own: Mapping[Any, Any] = component.data
        if not isinstance(own, Mapping):
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


def attached(hooks: Hooks) -> RecordingObserver | None:
    """The recorder that observes through these hooks, if one does."""
    return next((each for each in hooks.observers if isinstance(each, RecordingObserver)), None)

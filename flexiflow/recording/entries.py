"""Rows made in the writer thread, so that the event loop is spared what can wait.

What may change meanwhile (a component's data, a guard's values, an error's text) is encoded where
the step happens. The rest is put together here: a step is not written to any more once its
outcome is known.
"""

from __future__ import annotations

import asyncio
import hashlib

import msgspec

from flexiflow.correlation import Span
from flexiflow.persistence.history_file import Entry, Row
from flexiflow.persistence.rows import iso_time, with_parts
from flexiflow.recording.step_rows import step_row
from flexiflow.step import Step

_LONGEST_KEPT = 1024


class StepParts(msgspec.Struct, gc=False):
    """A step whose rows are to be made; see `EntryMaker.of_step`."""

    step: Step
    row: Row | None
    document: bytes | None
    fingerprint: str | None
    waiter: asyncio.Future[None] | None = None

    def made(self, maker: EntryMaker) -> Entry:
        """Its rows."""
        return maker.of_step(self.step, self.row, self.document, self.fingerprint, self.waiter)


class RegistrationParts(msgspec.Struct, gc=False):
    """A registration whose rows are to be made; see `EntryMaker.of_registration`."""

    name: str
    state: str
    document: bytes
    time_us: int
    span: Span | None
    machine: tuple[str, str] | None

    def made(self, maker: EntryMaker) -> Entry:
        """Its rows."""
        return maker.of_registration(
            self.name, self.state, self.document, self.time_us, self.span, self.machine
        )


class EntryMaker:
    """Makes the entries of one recording, in the order in which they were queued.

    Args:
        run_uid: the recording's id, as log lines carry it.
        run_id: its row in the history.
    """

    def __init__(self, run_uid: str, run_id: int) -> None:
        self.run_uid = run_uid
        self.run_id = run_id
        self._last: dict[str, bytes] = {}  # what each component's newest snapshot says

    def of_step(
        self,
        step: Step,
        row: Row | None,
        document: bytes | None,
        fingerprint: str | None,
        waiter: asyncio.Future[None] | None = None,
    ) -> Entry:
        """A step's row and, where anything changed, a snapshot.

        Args:
            step: what happened.
            row: its row, where that could not wait.
            document: the component as `snapshot_document` encodes it, or None for no snapshot.
            fingerprint: its machine's.
            waiter: who waits until it is committed, or None.
        """
        entry = Entry(row or step_row(step, self.run_id, fingerprint))
        entry.source, entry.waiter = step, waiter
        if document is not None and self._is_new(step.component, document):
            self._snapshot(
                entry,
                step.component,
                step.to_state,
                document,
                step.started_us + step.duration_us,
                step.correlation_id,
                fingerprint,
            )
        return entry

    def of_registration(
        self,
        name: str,
        state: str,
        document: bytes,
        time_us: int,
        span: Span | None,
        machine: tuple[str, str] | None,
    ) -> Entry:
        """The snapshot that a component's history begins with, and its machine's definition."""
        entry = Entry(machine=None if machine is None else (*machine, time_us))
        entry.source = span
        self._last.pop(name, None)
        self._is_new(name, document)
        correlation_id = None if span is None else span.correlation_id
        fingerprint = None if machine is None else machine[0]
        self._snapshot(entry, name, state, document, time_us, correlation_id, fingerprint)
        return entry

    def forget(self, entry: Entry) -> None:
        """An entry can't be committed: the component's next step stores what it could not."""
        if entry.snapshot is not None:
            self._last.pop(entry.snapshot[0], None)

    def _is_new(self, name: str, document: bytes) -> bool:
        """Whether a component's newest snapshot says something else; this one is the newest now."""
        short = len(document) <= _LONGEST_KEPT
        key = document if short else hashlib.sha256(document).digest()
        if self._last.get(name) == key:
            return False
        self._last[name] = key
        return True

    def _snapshot(
        self,
        entry: Entry,
        name: str,
        state: str,
        document: bytes,
        time_us: int,
        correlation_id: str | None,
        fingerprint: str | None,
    ) -> None:
        text, parts = with_parts(document)
        entry.parts = parts or None
        entry.snapshot = (
            name,
            text,
            iso_time(time_us),
            time_us,
            state,
            correlation_id,
            None,
            self.run_id,
            fingerprint,
        )

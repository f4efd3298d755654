"""A recording that is under way: what it joins, and how it ends, in a forked child too."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import sys
import warnings
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.correlation import new_span_id
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError, PersistenceError, StateError
from flexiflow.events import check_event_component, check_event_name
from flexiflow.hooks import snapshot_listeners
from flexiflow.persistence.history_file import HistoryFile
from flexiflow.recording.observer import Durability, Metadata, RecordingObserver, attached
from flexiflow.recording.pipeline import Pipeline
from flexiflow.redaction import Redaction
from flexiflow.tracing.rotation import Rotation
from flexiflow.tracing.writer import LogWriter

if TYPE_CHECKING:
    from flexiflow.analysis.history import History
    from flexiflow.analysis.log import Log

_open_recordings: set[Recording] = set()

# What a forked child must leave alone: SQLite's locks do not follow into it, and neither using
# nor closing the parent's connections is safe there. See https://www.sqlite.org/howtocorrupt.html
of_parent: list[Recording] = []


class Recording:
    """A recording that is under way; made by `record`.

    Attributes:
        engine: what is recorded.
        path: the database, or None for memory.
        log_path: the trace log, or None.
        run_id: the id of this recording, as in the log and in the history.
        durability: ``"grouped"`` or ``"always"``.
        redaction: which fields are kept out, or None.
        rotation: when the log begins a new file, or None.
        observer: what the engine tells of its steps.
    """

    def __init__(
        self,
        engine: FlexiFlowEngine,
        path: Path | None,
        log_path: Path | None,
        durability: Durability,
        metadata: Metadata | None,
        redaction: Redaction | None,
        rotation: Rotation | None,
    ) -> None:
        self.engine = engine
        self.path = path
        self.log_path = log_path
        self.durability = durability
        self.redaction = redaction
        self.rotation = rotation
        self.run_id = new_span_id()
        self.closed = False
        self._file = HistoryFile(path)
        self._log: LogWriter | None = None
        try:
            self._log = None if log_path is None else LogWriter(log_path, rotation)
            log_text = None if log_path is None else str(log_path)
            command = " ".join(sys.argv) if redaction is None else redaction.command(sys.argv)
            self._row = self._file.begin_run(self.run_id, durability, log_text, command)
        except FlexiFlowError:
            self._file.close()
            if self._log is not None:
                self._log.close()
            raise
        self.observer = RecordingObserver(
            self.run_id,
            self._row,
            durability,
            metadata,
            lines=log_path is not None,
            redaction=redaction,
        )
        self._pipeline = Pipeline(self._file, self._log, self.observer, keep=durability == "always")
        self.observer.attach(self._pipeline)
        engine._hooks.redaction = redaction
        engine.adopt()
        for component in engine.components.values():
            self.observer.registered(component)
        engine._hooks.join(self.observer)
        snapshot_listeners.append(self._on_explicit_save)
        _open_recordings.add(self)

    @property
    def history(self) -> History:
        """The history so far; every question waits for what is queued."""
        from flexiflow.analysis.history import History
        from flexiflow.recording.live import LiveSource

        return History([LiveSource(self.path, self._settle, self._file.shared)], self.log_path)

    @cached_property
    def log(self) -> Log:
        """The trace log so far; every question waits for what is queued, and reads what is new.

        Raises:
            StateError: where no log is written.
        """
        from flexiflow.analysis.log import Log

        if self.log_path is None:
            raise StateError(
                "This recording writes no log.",
                why="record() was called without log=.",
                fix='Record with record(engine, "state.db", log="run.jsonl").',
                context={"path": self.path},
            )
        return Log([self.log_path], self._settle)

    async def flush(self) -> None:
        """Wait, without blocking the loop, until everything so far is on disk.

        Raises:
            PersistenceError: where something was dropped since the last flush, or can't be
                written yet.
        """
        if not self.closed:
            await asyncio.to_thread(self._pipeline.flush)

    def flush_now(self) -> None:
        """As `flush`, blocking: for code outside an event loop and for questions in a notebook."""
        if not self.closed:
            self._pipeline.flush()

    def event(self, name: str, /, *, component: str | None = None, **fields: Any) -> bool:
        """Write an event of the application's own to the log, with the current correlation id.

        Inside a handler `flexiflow.log_event` does the same without a recording at hand.

        Args:
            name: what happened, as ``"payment.quoted"``; a name of the log's own is refused.
            component: whose event it is; inside a handler the handler's, unless given.
            **fields: anything; stands under ``data``.

        Returns:
            whether it was written: False where there is no log, or the recording is closed.

        Raises:
            InvalidValue: (a ValueError) for a name that can't be used.
        """
        check_event_name(name)
        check_event_component(component)
        return not self.closed and self.observer.own_event(name, component, fields)

    def close(self) -> None:
        """Detach from the engine, write what is queued, and close the files.

        A second call does nothing. A history in memory is kept, and can still be asked.

        Raises:
            PersistenceError: where something was dropped since the last flush; all is closed then.
        """
        if self.closed:
            return
        self._detach()
        lost = self._pipeline.close()
        with contextlib.suppress(FlexiFlowError):  # a full disk: the run's end is not essential
            self._file.end_run(self._row)
        if self.path is not None:
            self._file.close()
        if self._log is not None:
            self._log.close()
        if lost is not None:
            raise lost

    def is_in_place(self) -> bool:
        """Whether its database is still the file that the path leads to; True in memory."""
        return self._file.is_in_place()

    def _settle(self) -> None:
        """Wait until what is queued is written or given up: what is there can be read."""
        if not self.closed and not self._file.is_shared_here():
            self._pipeline.settle()

    def _detach(self) -> None:
        self.closed = True
        _open_recordings.discard(self)
        self.engine._hooks.leave(self.observer)
        if self._on_explicit_save in snapshot_listeners:
            snapshot_listeners.remove(self._on_explicit_save)

    def _on_explicit_save(self, component: str, facts: dict[str, Any]) -> None:
        if component in self.engine.components:
            self.observer.explicit_save(component, facts)

    def __enter__(self) -> Recording:
        return self

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        try:
            self.close()
        except PersistenceError as lost:
            if error is None:
                raise
            error.add_note(str(lost))  # what went wrong first is what people must see

    async def __aenter__(self) -> Recording:
        return self

    async def __aexit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        await asyncio.to_thread(self.__exit__, kind, error, trace)

    def __repr__(self) -> str:
        where = "in memory" if self.path is None else f"to {self.path}"
        return f"<Recording {self.run_id} {where}{', closed' if self.closed else ''}>"


def recording_of(engine: FlexiFlowEngine) -> Recording | None:
    """The recording that an engine's steps go to, or None."""
    observer = attached(engine._hooks)
    if observer is None:
        return None
    return next((each for each in _open_recordings if each.observer is observer), None)


def _close_all() -> None:
    for recording in list(_open_recordings):
        with contextlib.suppress(FlexiFlowError):
            recording.close()


def _detach_in_child() -> None:
    """A forked child has the files but not the thread: it must not write, and says so once."""
    forked = list(_open_recordings)
    for recording in forked:
        recording._detach()
    of_parent.extend(forked)
    if forked:
        warnings.warn(
            "A recording does not follow into a forked process; call record() there, "
            "with a file of its own.",
            RuntimeWarning,
            stacklevel=2,
        )


atexit.register(_close_all)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_detach_in_child)

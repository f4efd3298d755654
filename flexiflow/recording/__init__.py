"""Recording an engine: `record` joins a history and a trace log to it.

The rooms: `observer` says what is written for each thing that happens (`step_rows`: of a step),
`pipeline` is the thread that writes it (`items`: what it is given), `live` reads it meanwhile, and
this module starts and ends a `Recording`.
"""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import re
import sys
import warnings
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.arguments import checked_path, require
from flexiflow.correlation import new_span_id
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import (
    FlexiFlowError,
    InvalidValue,
    PersistenceError,
    StateError,
    bounded_repr,
)
from flexiflow.events import check_event_component, check_event_name
from flexiflow.hooks import Hooks, snapshot_listeners
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
_of_parent: list[Recording] = []


def record(
    engine: FlexiFlowEngine,
    path: str | os.PathLike[str] | None = None,
    *,
    log: str | os.PathLike[str] | None = None,
    durability: Durability = "grouped",
    metadata: Metadata | None = None,
    redact: str | Iterable[str | re.Pattern[str]] | None = None,
    rotate: int | str | None = None,
) -> Recording:
    """Record every step of an engine's components from now on.

    Args:
        engine: whose components, those it has and those it gets.
        path: the SQLite database; None keeps the history in memory.
        log: the trace log, one JSON object a line; None writes none.
        durability: ``"grouped"`` writes what arrives together together, within 100 ms where the
            event loop pauses; where it does not, senders wait once a step is a quarter of a
            second old and not on disk. ``"always"`` has each step on disk before its state
            changes.
        metadata: ``(component) -> dict`` to record in place of ``component.data``.
        redact: names of fields that are kept out of everything written, at any depth, without
            regard to case; ``card*`` and compiled patterns too. Their values are masked in
            texts. What is restored has `Redacted` in their place.
        rotate: when the log begins a new file: bytes, ``"64 MB"``, or ``"day"`` (in UTC). The
            old one is renamed to ``run.jsonl.<time>``, and none is ever deleted.

    Returns:
        the recording. Leaving its ``with`` or ``async with`` block, or `Recording.close`, ends
        it. Calling `record` again with the same engine and files goes on with the same one, and
        takes the newest `metadata`.

    Raises:
        PersistenceError: where a file can't be opened or written.
        StateError: where the engine is being recorded to other files, or in another way.
        InvalidValue: (a ValueError) for an unknown durability or rotation, or an empty name to
            redact.
        InvalidType: (a TypeError) for a rotation or a name to redact that is none.
    """
    require(
        isinstance(getattr(engine, "hooks", None), Hooks),
        "engine",
        engine,
        "a FlexiFlowEngine",
        'Write record(engine, "state.db"); a component is recorded with its engine.',
    )
    require(
        metadata is None or callable(metadata),
        "metadata",
        metadata,
        "a function (component) -> dict",
        "Leave it out to record component.data.",
    )
    if not isinstance(durability, str) or durability not in ("grouped", "always"):
        raise InvalidValue(
            f"durability must be 'grouped' or 'always', not {bounded_repr(durability, 40)}.",
            why="Either steps are written in groups, or each before it counts.",
            fix='Leave it out, or pass durability="always".',
            context={"durability": durability},
        )
    database = None if path is None else Path(os.path.abspath(checked_path(path, "path")))
    log_path = None if log is None else Path(os.path.abspath(checked_path(log, "log")))
    if database is not None and log_path is not None:
        _refuse_one_file(database, log_path)
    redaction = None if redact is None else Redaction(redact)
    rotation = None if rotate is None else Rotation.of(rotate)
    running = _running(engine)
    if running is not None:
        same = (running.path, running.log_path, running.durability, running.rotation)
        asked = (database, log_path, durability, rotation)
        if same != asked or _names(running.redaction) != _names(redaction):
            raise _recorded_already(running)
        running.observer.metadata = metadata
        return running
    _refuse_file_of_parent(database)
    recording = Recording(engine, database, log_path, durability, metadata, redaction, rotation)
    if durability == "always":  # so is the state in which each component begins
        try:
            recording.flush_now()
        except FlexiFlowError:
            with contextlib.suppress(FlexiFlowError):
                recording.close()
            raise
    return recording


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
        engine.hooks.redaction = redaction
        engine.adopt()
        for component in engine.components.values():
            self.observer.registered(component)
        engine.hooks.join(self.observer)
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
        self.engine.hooks.leave(self.observer)
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


def _running(engine: FlexiFlowEngine) -> Recording | None:
    """The engine's recording; one whose file was taken away is ended, and is none."""
    running = recording_of(engine)
    if running is None or running.is_in_place():
        return running
    with contextlib.suppress(PersistenceError):  # of what its file lacks, it has told
        running.close()
    return None


def _recorded_already(running: Recording) -> StateError:
    return StateError(
        "The engine is already being recorded.",
        why=f"Its steps go to {running.path or 'memory'} and {running.log_path or 'no log'}, "
        f"with durability={running.durability!r}, rotate={running.rotation} and "
        f"redact={running.redaction and running.redaction.asked}.",
        fix="Close that recording first, or use it.",
        context={"path": running.path, "log": running.log_path},
    )


def _names(redaction: Redaction | None) -> tuple[str, ...] | None:
    return None if redaction is None else redaction.names


def _refuse_one_file(database: Path, log: Path) -> None:
    """A log that is the database, or one of SQLite's files beside it, would destroy it."""
    endings = ("", "-wal", "-shm", "-journal")
    taken = [database.with_name(database.name + ending) for ending in endings]
    if log in taken or _is_one_file(log, database):
        raise InvalidValue(
            "The log can't be written into the database.",
            why=f"{log} is the database itself, or one of the files that SQLite keeps beside it.",
            fix='Give the log a file of its own: record(engine, "state.db", log="run.jsonl").',
            context={"path": str(database), "log": str(log)},
        )


def _is_one_file(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except OSError:  # one is not there, or may not be looked at: opening it says so
        return False


def recording_of(engine: FlexiFlowEngine) -> Recording | None:
    """The recording that an engine's steps go to, or None."""
    observer = attached(engine.hooks)
    if observer is None:
        return None
    return next((each for each in _open_recordings if each.observer is observer), None)


def _refuse_file_of_parent(path: Path | None) -> None:
    if path is None or not any(each.path == path for each in _of_parent):
        return
    raise PersistenceError(
        f"{path} was being recorded when this process was forked.",
        why="SQLite's locks do not follow into a forked process: what it writes could be lost.",
        fix="Record to a file of its own, or start the process with the method 'spawn'.",
        context={"path": str(path)},
    )


def _close_all() -> None:
    for recording in list(_open_recordings):
        with contextlib.suppress(FlexiFlowError):
            recording.close()


def _detach_in_child() -> None:
    """A forked child has the files but not the thread: it must not write, and says so once."""
    forked = list(_open_recordings)
    for recording in forked:
        recording._detach()
    _of_parent.extend(forked)
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

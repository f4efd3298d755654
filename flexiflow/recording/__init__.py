"""Recording an engine: `record` joins a history and a trace log to it.

The rooms: `running` is a recording, from its start to its end; `observer` says what is written for
each thing that happens (`step_rows`: of a step), `pipeline` is the thread that writes it (`items`:
what it is given), `live` reads it meanwhile.
"""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Iterable
from pathlib import Path

from flexiflow.arguments import checked_path, require
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import (
    FlexiFlowError,
    InvalidValue,
    PersistenceError,
    StateError,
    bounded_repr,
)
from flexiflow.hooks import Hooks
from flexiflow.recording.observer import Durability, Metadata
from flexiflow.recording.running import Recording, of_parent, recording_of
from flexiflow.redaction import Redaction
from flexiflow.tracing.rotation import Rotation

__all__ = ["Recording", "record", "recording_of"]


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
        isinstance(getattr(engine, "_hooks", None), Hooks),
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


def _refuse_file_of_parent(path: Path | None) -> None:
    if path is None or not any(each.path == path for each in of_parent):
        return
    raise PersistenceError(
        f"{path} was being recorded when this process was forked.",
        why="SQLite's locks do not follow into a forked process: what it writes could be lost.",
        fix="Record to a file of its own, or start the process with the method 'spawn'.",
        context={"path": str(path)},
    )

"""What people should know about how a history is read, before they trust an answer."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from flexiflow.analysis.base import words
from flexiflow.analysis.reading.overlaps import overlaps
from flexiflow.analysis.reading.source import Source
from flexiflow.errors import FlexiFlowError, listed
from flexiflow.persistence.pruned import PrunedIds
from flexiflow.persistence.schema import RUNS, SNAPSHOTS, columns_of, cursor, newest_id
from flexiflow.tracing.reader import records_backwards
from flexiflow.tracing.rotation import by_log

_ASK = "If the database was copied, was its -wal copied with it?"


def notices(sources: Sequence[Source], logs: Iterable[Path]) -> list[str]:
    """What there is to say of the files, in sentences; nothing where all is as usual.

    Args:
        sources: the databases.
        logs: the files of the log that belongs to them.
    """
    # The log first: what is recorded meanwhile is then newer in the database, not in the log.
    saved = _newest_saved(logs)
    told: list[str] = []
    for source in sources:
        told += source.notices()
        with source.connect() as conn:
            told += _newer_in_log(source.name, conn, saved)
    if saved:
        runs = listed([run[:8] for run in sorted(saved)])
        told.append(
            f"The log holds a recording that the database does not know ({runs}). Does it belong "
            f"to it? {_ASK}"
        )
    return list(dict.fromkeys(told + overlaps(sources)))


def _newest_saved(paths: Iterable[Path]) -> dict[str, int]:
    """By recording: the snapshot that the end of each log names."""
    found: dict[str, int] = {}
    for files in by_log(paths):
        saved = (each for path in reversed(files) for each in _saved_backwards(path))
        run, snapshot_id = next(saved, ("", 0))
        found[run] = max(snapshot_id, found.get(run, 0))
    found.pop("", None)
    return found


def _saved_backwards(path: Path) -> Iterator[tuple[str, int]]:
    try:
        for record in records_backwards(path):
            # What was saved by hand, without a step, may be in another database.
            if record.event == "snapshot.saved" and record.step_id and record.snapshot_id:
                yield record.run_id or "", record.snapshot_id
    except FlexiFlowError:
        return  # who asks for the log itself is told


def _newer_in_log(name: str, conn: sqlite3.Connection, saved: dict[str, int]) -> list[str]:
    """Take the recordings that a database knows out of `saved`, and compare them."""
    if not saved or "uid" not in columns_of(conn, RUNS):
        return []
    query = f"SELECT 1 FROM {RUNS} WHERE uid = ?"
    known = [run for run in saved if cursor(conn).execute(query, (run,)).fetchone()]
    if not known:
        return []
    newest = max(saved.pop(run) for run in known)
    stored = newest_id(conn, SNAPSHOTS)
    if newest <= stored or newest in PrunedIds(conn, SNAPSHOTS):
        return []
    return [
        f"The log names snapshots up to {newest}, and {words.name(name)} has none after {stored}. "
        f"{_ASK}"
    ]

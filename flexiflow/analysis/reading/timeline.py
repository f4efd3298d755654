"""A component's recorded moments, one a snapshot, in the order of the history.

What every question about fields is asked of. They come one by one, so that a long history need not
be in memory at once.
"""

from __future__ import annotations

import functools
import sqlite3
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from flexiflow.analysis.base.fields import Document, names_in
from flexiflow.analysis.base.frames import text_of
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import (
    has_steps,
    snapshot_columns,
    step_columns,
)
from flexiflow.errors import PersistenceError
from flexiflow.persistence.schema import MARKERS, SNAPSHOTS, STEPS, columns_of, cursor
from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import part_reader, read_snapshot

_MOST_NAMES = 2000
_PARTS_KEPT = 64
_OF_STEP = ("message_type", "sender", "outcome", "correlation_id")


class Moment(NamedTuple):
    """A component after one step, as its snapshot has it.

    Attributes:
        component: whose.
        source: the file.
        snapshot_id: the row's id there.
        step_id: the step that it follows; None for the first, and for those saved by hand.
        time_us: microseconds since 1970; None where the row doesn't say.
        document: its state, rules and metadata; None where the row can't be read.
        message, sender, outcome, correlation_id: of that step; None where there is none.
        unsure: whether rows between it and the component's moment before were lost.
    """

    component: str
    source: str
    snapshot_id: int
    step_id: int | None
    time_us: int | None
    document: Document | None
    message: str | None = None
    sender: str | None = None
    outcome: str | None = None
    correlation_id: str | None = None
    unsure: bool = False


def moments_of(
    sources: Sequence[Source], component: str | None = None, *, steps: bool = True
) -> Iterator[Moment]:
    """Every snapshot as a moment, file by file and by id; those that can't be read too.

    Args:
        sources: the files.
        component: one component, or None for all.
        steps: whether to look up what is known of each one's step, besides its id.
    """
    last_us: dict[str, int | None] = {}
    for source in sources:
        with source.connect() as conn:
            gaps = _gaps(conn)
            rows = _rows(conn, component, steps=steps)
            for moment in _moments_in(conn, source.name, rows, gaps, last_us):
                last_us[moment.component] = moment.time_us
                yield moment


def moments_from(source: Source, component: str, first_id: int) -> Iterator[Moment]:
    """A component's moments in one file, beginning with the row of that id."""
    with source.connect() as conn:
        rows = _rows(conn, component, steps=False, first_id=first_id)
        yield from _moments_in(conn, source.name, rows, (), {})


class Save(NamedTuple):
    """A snapshot that follows no step: one saved by hand, or a component's first of a recording.

    Attributes:
        source: the file.
        snapshot_id: the row's id there.
        after_step: the last step with a snapshot before it in this file, 0 for none.
        time_us: microseconds since 1970; None where the row doesn't say.
    """

    source: str
    snapshot_id: int
    after_step: int
    time_us: int | None


def saves_of(sources: Sequence[Source], component: str) -> Iterator[Save]:
    """A component's snapshots that follow no step, but for its very first; none is looked into."""
    first = True
    for source in sources:
        with source.connect() as conn:
            columns = snapshot_columns(conn)
            query = f"""SELECT s.rowid, {columns["step_id"]}, {columns["time_us"]}
                FROM {SNAPSHOTS} s WHERE s.component_name = ? ORDER BY s.rowid"""
            after_step = 0
            for row_id, step_id, time_us in cursor(conn).execute(query, (component,)):
                if step_id is not None:
                    after_step = max(after_step, step_id)
                elif not first:
                    yield Save(source.name, row_id, after_step, time_us)
                first = False


def last_moment(
    sources: Sequence[Source], component: str, last_id: int | None = None
) -> Moment | None:
    """A component's newest moment that can be read, or None; of one file up to a row's id."""
    for source in reversed(sources):
        with source.connect() as conn:
            rows = _rows(conn, component, steps=False, newest_first=True, last_id=last_id)
            moments = _moments_in(conn, source.name, rows, (), {})
            found = next((each for each in moments if each.document is not None), None)
        if found is not None:
            return found
    return None


def document_of(snapshot: ComponentSnapshot) -> Document:
    """A snapshot's state, rules and metadata."""
    return {
        "state": snapshot.current_state,
        "rules": snapshot.rules,
        "metadata": snapshot.metadata,
    }


def known_fields(sources: Sequence[Source], component: str | None = None) -> set[str]:
    """The names of recorded fields, with those inside them; for errors, so not more than 2,000."""
    names: set[str] = set()
    for moment in moments_of(sources, component, steps=False):
        if moment.document is not None:
            names |= names_in(moment.document, _MOST_NAMES)
        if len(names) >= _MOST_NAMES:
            break
    return names


def _moments_in(
    conn: sqlite3.Connection,
    source: str,
    rows: Iterable[tuple[Any, ...]],
    gaps: Sequence[int],
    last_us: dict[str, int | None],
) -> Iterator[Moment]:
    part = functools.lru_cache(_PARTS_KEPT)(part_reader(conn))
    for row in rows:
        name, row_id, step_id, time_us, body, row_format, correlation_id, *of_step = row
        message, sender, outcome, of_trace = map(text_of, of_step)
        known = str(name)
        yield Moment(
            known,
            source,
            row_id,
            step_id,
            time_us,
            _document(conn, row_id, body, row_format, part),
            message,
            sender,
            outcome,
            of_trace or text_of(correlation_id),
            _has_between(gaps, last_us.get(known), time_us),
        )


def _rows(
    conn: sqlite3.Connection,
    component: str | None,
    *,
    steps: bool,
    newest_first: bool = False,
    first_id: int | None = None,
    last_id: int | None = None,
) -> Iterator[tuple[Any, ...]]:
    columns = snapshot_columns(conn)
    step, join = ", ".join(["NULL"] * len(_OF_STEP)), ""
    if steps and has_steps(conn):
        of_step = step_columns(conn, "t")
        step = ", ".join(of_step[name] for name in _OF_STEP)
        join = f"LEFT JOIN {STEPS} t ON t.rowid = {columns['step_id']}"
    named = ("component_name", "id", "step_id", "time_us", "snapshot_json", "format")
    query = f"""SELECT {", ".join(columns[name] for name in named)}, {columns["correlation_id"]},
            {step} FROM {SNAPSHOTS} s {join}
        WHERE s.component_name {"IS NOT NULL" if component is None else "= ?"}
            {"" if first_id is None else "AND s.rowid >= ?"}
            {"" if last_id is None else "AND s.rowid <= ?"}
        ORDER BY s.rowid {"DESC" if newest_first else ""}"""
    values = [each for each in (component, first_id, last_id) if each is not None]
    return cursor(conn).execute(query, values)


def _document(
    conn: sqlite3.Connection, row_id: int, body: Any, row_format: int | None, part: Any
) -> Document | None:
    try:
        return document_of(read_snapshot(conn, row_id, body, row_format, part))
    except PersistenceError:
        return None


def _gaps(conn: sqlite3.Connection) -> list[int]:
    """When a failing writer dropped rows, ascending."""
    if not {"kind", "time_us"} <= set(columns_of(conn, MARKERS)):
        return []
    query = f"""SELECT time_us FROM {MARKERS} WHERE kind = 'gap' AND typeof(time_us) = 'integer'
        ORDER BY time_us"""
    return [time for (time,) in cursor(conn).execute(query)]


def _has_between(gaps: Sequence[int], first_us: int | None, last_us: int | None) -> bool:
    if not gaps or first_us is None or last_us is None:
        return False
    at = bisect_left(gaps, first_us)
    return at < len(gaps) and gaps[at] <= last_us

"""Outliers: stays and steps that took far longer than is usual for their kind."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.quantiles import nearest_rank
from flexiflow.analysis.questions.stuck import check_numbers, waiting
from flexiflow.analysis.reading.machines import states_in
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import has_steps, step_columns
from flexiflow.analysis.reading.visits import read_visits
from flexiflow.errors import InvalidValue, bounded_repr
from flexiflow.persistence.schema import STEPS, cursor

if TYPE_CHECKING:
    import pandas as pd

FACTOR = 3.0
MIN_SIBLINGS = 5


class _Timed(NamedTuple):
    """A stay or a step, with its kind: what it is compared with."""

    kind: tuple[Any, ...]
    component: str
    what: str | None
    start_us: int | None
    took_us: int
    lasts: bool
    step_id: int | None
    correlation_id: str | None
    source: str


def outliers_frame(
    sources: Sequence[Source], of: str, factor: float, min_siblings: int, min_took_us: int
) -> pd.DataFrame:
    """What took far longer than its siblings, the most time lost first; see `History.outliers`."""
    if of not in ("stays", "steps"):
        raise InvalidValue(
            f"There are no outliers of {bounded_repr(of, 40)}.",
            why="What can be timed are the stays in states, and the steps.",
            fix='Pass of="stays" or of="steps".',
            context={"of": of},
        )
    usual_numbers = f"{FACTOR} and {MIN_SIBLINGS}"
    check_numbers("outliers", factor, ("min_siblings", min_siblings), usual_numbers)
    timed = _stays(sources) if of == "stays" else _steps(sources)
    usual = _usual(timed)
    rows = []
    for each in timed:
        median, siblings = usual.get(each.kind, (0, 0))
        ratio = each.took_us / max(median, 1)
        if siblings >= min_siblings and ratio > factor and each.took_us >= min_took_us:
            rows.append((each.took_us - median, (*_shown(each, median, ratio, siblings),)))
    rows.sort(key=lambda row: -row[0])
    return frames.frame(shapes.OUTLIERS, (row for _, row in rows))


def _stays(sources: Sequence[Source]) -> list[_Timed]:
    found = read_visits(sources)
    open_ends = set(waiting(found, sources))
    resting = states_in(sources, lambda state: state.resting)
    return [
        _Timed(
            (visit.state, visit.fingerprint),
            visit.component,
            visit.state,
            visit.entered_us,
            visit.dwell_us,
            visit.lasts,
            visit.step_id or None,
            None,
            visit.source,
        )
        for place, visit in enumerate(found.all())
        if visit.dwell_us is not None
        and (not visit.lasts or place in open_ends)
        and visit.state not in resting.get(visit.fingerprint, ())
    ]


def _steps(sources: Sequence[Source]) -> list[_Timed]:
    timed: list[_Timed] = []
    for source in sources:
        with source.connect() as conn:
            if has_steps(conn):
                timed.extend(_steps_in(conn, source.name))
    return timed


def _steps_in(conn: sqlite3.Connection, source: str) -> Iterator[_Timed]:
    columns = step_columns(conn)
    named = (
        "component_name",
        "message_type",
        "from_state",
        "fingerprint",
        "start_us",
        "duration_us",
    )
    query = f"""SELECT {", ".join(columns[name] for name in named)}, {columns["id"]},
            {columns["correlation_id"]} FROM {STEPS} s
        WHERE {columns["duration_us"]} IS NOT NULL ORDER BY s.rowid"""
    for row in cursor(conn).execute(query):
        name, message, state, fingerprint, start_us, duration_us, step_id, correlation_id = row
        kind = (message, state, fingerprint)
        took_us = max(duration_us, 0)
        yield _Timed(kind, name, message, start_us, took_us, False, step_id, correlation_id, source)


def _usual(timed: Iterable[_Timed]) -> dict[tuple[Any, ...], tuple[int, int]]:
    """The median of what has ended, by nearest rank, and how many that are; by kind."""
    ended: dict[tuple[Any, ...], list[int]] = {}
    for each in timed:
        if not each.lasts:
            ended.setdefault(each.kind, []).append(each.took_us)
    return {
        kind: (sorted(took)[nearest_rank(50, len(took))], len(took)) for kind, took in ended.items()
    }


def _shown(each: _Timed, median: int, ratio: float, siblings: int) -> tuple[Any, ...]:
    return (
        each.component,
        each.what,
        each.start_us,
        each.took_us,
        median,
        ratio,
        siblings,
        each.lasts,
        each.step_id,
        each.correlation_id,
        each.source,
    )

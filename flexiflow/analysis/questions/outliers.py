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


_Usual = dict[tuple[Any, ...], tuple[int, int]]
"""The median of what has ended, by nearest rank, and how many that are; by kind."""


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
    timed, usual = _stays(sources, factor) if of == "stays" else _steps(sources)
    rows = []
    for each in timed:
        median, siblings = usual.get(each.kind, (0, 0))
        ratio = each.took_us / max(median, 1)
        if siblings >= min_siblings and ratio > factor and each.took_us >= min_took_us:
            rows.append((each.took_us - median, (*_shown(each, median, ratio, siblings),)))
    rows.sort(key=lambda row: -row[0])
    return frames.frame(shapes.OUTLIERS, (row for _, row in rows))


def _stays(sources: Sequence[Source], factor: float) -> tuple[list[_Timed], _Usual]:
    """The stays that took so many times what is usual; of a million all others stay numbers."""
    import numpy as np

    found = read_visits(sources)
    stays, dwell_us = found.stays, found.dwell_us
    judged = stays.goes_on.copy()
    judged[waiting(found, sources)] = True
    (places,) = (judged & (dwell_us != frames.NO_NUMBER)).nonzero()
    resting = states_in(sources, lambda state: state.resting)
    kinds, of_kind = np.unique(found.kinds()[places], return_inverse=True)
    usual: _Usual = {}
    longer: list[Any] = []
    for number in range(len(kinds)):
        alike = places[of_kind == number]
        (one,) = found.at(alike[:1])
        ended_us = np.sort(dwell_us[alike[stays.goes_on[alike]]])
        if len(ended_us) and one.state not in resting.get(one.fingerprint, ()):
            median = int(ended_us[nearest_rank(50, len(ended_us))])
            usual[one.state, one.fingerprint] = median, len(ended_us)
            longer.append(alike[dwell_us[alike] / max(median, 1) > factor])
    chosen = np.sort(np.concatenate(longer)) if longer else places[:0]
    timed = [
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
        for visit in found.at(chosen)
        if visit.dwell_us is not None
    ]
    return timed, usual


def _steps(sources: Sequence[Source]) -> tuple[list[_Timed], _Usual]:
    timed: list[_Timed] = []
    for source in sources:
        with source.connect() as conn:
            if has_steps(conn):
                timed.extend(_steps_in(conn, source.name))
    return timed, _usual(timed)


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


def _usual(steps: Iterable[_Timed]) -> _Usual:
    ended: dict[tuple[Any, ...], list[int]] = {}
    for each in steps:
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

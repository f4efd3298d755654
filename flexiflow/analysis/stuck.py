"""Which components should have moved on: each one's stay beside those of its siblings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.machines import finals_of
from flexiflow.analysis.rows import Filter, steps_frame
from flexiflow.analysis.source import Source
from flexiflow.analysis.visits import visits_frame
from flexiflow.errors import InvalidValue

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Siblings:
    """What others did in a state that one component is in.

    Attributes:
        departures: how many stays of other components ended.
        p95_us: the 95th percentile of those stays, microseconds; None without any.
        left_by: (message, sender) pairs by which they left, with counts, the most frequent first.
    """

    departures: int
    p95_us: int | None
    left_by: tuple[tuple[str | None, str | None, int], ...]


def stuck_frame(sources: Sequence[Source], factor: float, min_departures: int) -> pd.DataFrame:
    """Components that are stuck or may be, the worst first; see `History.stuck`."""
    if not factor > 0 or min_departures < 1:
        raise InvalidValue(
            f"stuck(factor={factor!r}, min_departures={min_departures!r}) can't be answered.",
            why="The factor must be above 0, and at least one departure is needed to compare.",
            fix="Leave them out for 3.0 and 5.",
            context={"factor": factor, "min_departures": min_departures},
        )
    visits = visits_frame(sources)
    rows = []
    for visit in waiting(visits, sources).itertuples():
        siblings = siblings_of(visits, visit)
        verdict, ratio = _judge(visit, siblings, factor, min_departures)
        if verdict is not None:
            rows.append((visit, siblings, verdict, ratio))
    rows.sort(key=lambda row: (row[2] != "stuck", -(row[3] or 0), -(frames.microseconds_of(row[0].dwell) or 0)))
    return frames.frame(frames.STUCK, (_row(sources, *row) for row in rows))


def waiting(visits: pd.DataFrame, sources: Sequence[Source]) -> pd.DataFrame:
    """The stays that last, except those in a final state."""
    import pandas as pd

    still = visits[visits["left"].isna()]
    finals: set[tuple[str, str, str]] = set()
    for source in sources:
        with source.connect() as conn:
            for fingerprint, names in finals_of(conn).items():
                finals.update((source.name, fingerprint, name) for name in names)
    ended = [
        (visit.source, visit.fingerprint, visit.state) in finals for visit in still.itertuples()
    ]
    return still[~pd.Series(ended, index=still.index, dtype=bool)]


def siblings_of(visits: pd.DataFrame, visit: Any) -> Siblings:
    """The stays of other components in the same state of the same machine that have ended."""
    import pandas as pd

    same_machine = (
        visits["fingerprint"].isna()
        if pd.isna(visit.fingerprint)
        else visits["fingerprint"] == visit.fingerprint
    )
    others = visits[
        (visits["state"] == visit.state)
        & same_machine
        & visits["left"].notna()
        & (visits["component"] != visit.component)
    ]
    if others.empty:
        return Siblings(0, None, ())
    # "lower" gives a stay that was really seen, not a mixture of two.
    p95 = others["dwell"].astype("int64").quantile(0.95, interpolation="lower")
    counts = others[["left_by", "sender"]].astype(object).value_counts(dropna=False)
    left_by = tuple((_text(m), _text(s), int(n)) for (m, s), n in counts.items())
    return Siblings(len(others), int(p95), left_by)


def _judge(
    visit: Any, siblings: Siblings, factor: float, min_departures: int
) -> tuple[str | None, float | None]:
    if siblings.departures < min_departures or siblings.p95_us is None:
        return "unknown", None
    ratio = (frames.microseconds_of(visit.dwell) or 0) / max(siblings.p95_us, 1)
    return ("stuck", ratio) if ratio > factor else (None, ratio)


def _row(
    sources: Sequence[Source], visit: Any, siblings: Siblings, verdict: str, ratio: float | None
) -> tuple[Any, ...]:
    last = steps_frame(
        [source for source in sources if source.name == visit.source],
        Filter(component=visit.component, limit=1),
    )
    step: tuple[Any, ...] = (None, None, None, None)
    if len(last):
        newest = last.iloc[0]
        step = (
            int(newest["id"]),
            _text(newest["message"]),
            newest["outcome"],
            _text(newest["error"]),
        )
    return (
        visit.component,
        visit.state,
        verdict,
        frames.microseconds(visit.entered),
        frames.microseconds_of(visit.dwell),
        siblings.departures,
        siblings.p95_us,
        ratio,
        *step,
        visit.source,
    )


def _text(value: Any) -> str | None:
    import pandas as pd

    return None if pd.isna(value) else str(value)

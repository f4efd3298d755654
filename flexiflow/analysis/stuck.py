"""Which components should have moved on: each one's stay beside those of its siblings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from flexiflow.analysis import frames
from flexiflow.analysis.machines import finals_of
from flexiflow.analysis.quantiles import nearest_rank
from flexiflow.analysis.source import Source
from flexiflow.analysis.tables import has_steps, step_columns
from flexiflow.analysis.visits import Visit, visits_of
from flexiflow.errors import InvalidValue, bounded_repr
from flexiflow.persistence.schema import STEPS, cursor

if TYPE_CHECKING:
    import pandas as pd

FACTOR = 3.0
MIN_DEPARTURES = 5
MIN_DWELL_US = 100_000
"""A tenth of a second: what a busy machine, a slow disk or a pause of the interpreter adds to a
stay is less. In a run of milliseconds these would make anybody look stuck."""

Judgement = Literal["stuck", "unknown", "usual"]


@dataclass(frozen=True, slots=True)
class Siblings:
    """What others did in a state that one component is in.

    Attributes:
        departures: how many stays of other components ended.
        p95_us: the 95th percentile of those stays, microseconds: the shortest of them that at
            least 95 % do not exceed (nearest rank); None without any.
    """

    departures: int
    p95_us: int | None


class Departures:
    """The stays that have ended, by state and machine."""

    def __init__(self, visits: Iterable[Visit]) -> None:
        self._ended: dict[tuple[str, str | None], _Stays] = {}
        for visit in visits:
            if not visit.lasts and visit.dwell_us is not None:
                key = visit.state, visit.fingerprint
                stays = self._ended.get(key)
                if stays is None:
                    stays = self._ended[key] = _Stays()
                stays.visits.append(visit)

    def siblings_of(self, visit: Visit) -> Siblings:
        """The stays of other components in the same state of the same machine, as numbers."""
        stays = self._ended.get((visit.state, visit.fingerprint))
        return Siblings(0, None) if stays is None else stays.without(visit.component)

    def of_others(self, visit: Visit) -> list[Visit]:
        """Those stays themselves."""
        stays = self._ended.get((visit.state, visit.fingerprint))
        ended = [] if stays is None else stays.visits
        return [each for each in ended if each.component != visit.component]


class _Stays:
    """Stays in one state: sorted once, then asked for each component that is still there."""

    def __init__(self) -> None:
        self.visits: list[Visit] = []
        self._dwells: list[int] = []
        self._places: dict[str, list[int]] = {}

    def without(self, component: str) -> Siblings:
        if not self._dwells:
            self._sort()
        own = self._places.get(component, [])
        count = len(self._dwells) - len(own)
        if not count:
            return Siblings(0, None)
        place = nearest_rank(95, count)
        for skipped in own:  # ascending: each one before the place moves it on by one
            place += skipped <= place
        return Siblings(count, self._dwells[place])

    def _sort(self) -> None:
        ordered = sorted(self.visits, key=lambda visit: visit.dwell_us or 0)
        self._dwells = [visit.dwell_us or 0 for visit in ordered]
        for place, visit in enumerate(ordered):
            self._places.setdefault(visit.component, []).append(place)


def stuck_frame(
    sources: Sequence[Source], factor: float, min_departures: int, min_dwell_us: int
) -> pd.DataFrame:
    """Components that are stuck or may be, the worst first; see `History.stuck`."""
    usual = f"{FACTOR} and {MIN_DEPARTURES}"
    check_numbers("stuck", factor, ("min_departures", min_departures), usual)
    visits = visits_of(sources)
    departures = Departures(visits)
    found = []
    for visit in waiting(visits, sources):
        siblings = departures.siblings_of(visit)
        verdict, ratio = judge(visit, siblings, factor, min_departures, min_dwell_us)
        if verdict != "usual":
            found.append((verdict, ratio, visit, siblings))
    found.sort(key=lambda each: (each[0] != "stuck", -(each[1] or 0), -(each[2].dwell_us or 0)))
    last = _last_steps(sources) if found else {}
    rows = (
        (
            visit.component,
            visit.state,
            verdict,
            visit.entered_us,
            visit.dwell_us,
            siblings.departures,
            siblings.p95_us,
            ratio,
            *last.get(visit.component, (None, None, None, None)),
            visit.source,
        )
        for verdict, ratio, visit, siblings in found
    )
    return frames.frame(frames.STUCK, rows)


def waiting(visits: Iterable[Visit], sources: Sequence[Source]) -> list[Visit]:
    """The stays that last, except those in a final state."""
    finals: dict[str, frozenset[str]] = {}
    for source in sources:
        with source.connect() as conn:
            finals.update(finals_of(conn))
    return [
        visit
        for visit in visits
        if visit.lasts and visit.state not in finals.get(visit.fingerprint or "", ())
    ]


def judge(
    visit: Visit,
    siblings: Siblings,
    factor: float = FACTOR,
    min_departures: int = MIN_DEPARTURES,
    min_dwell_us: int = MIN_DWELL_US,
) -> tuple[Judgement, float | None]:
    """Whether a stay that lasts is too long, and how many times the siblings' p95 it is."""
    if siblings.departures < min_departures or siblings.p95_us is None or visit.dwell_us is None:
        return "unknown", None
    ratio = visit.dwell_us / max(siblings.p95_us, 1)
    long = ratio > factor and visit.dwell_us >= min_dwell_us
    return "stuck" if long else "usual", ratio


def check_numbers(question: str, factor: Any, count: tuple[str, Any], usual: str) -> None:
    """Refuse a factor and a number of siblings to compare with that make no sense.

    Args:
        question: what was asked.
        factor: how many times what is usual.
        count: the number's argument and its value.
        usual: what they are where they are left out.

    Raises:
        InvalidValue: (a ValueError) where one of them makes none.
    """
    name, number = count
    makes_sense = (
        isinstance(factor, int | float) and isinstance(number, int) and factor > 0 and number >= 1
    )
    if not makes_sense:
        raise InvalidValue(
            f"{question}(factor={bounded_repr(factor, 40)}, {name}={bounded_repr(number, 40)}) "
            "can't be answered.",
            why="The factor must be above 0, and at least one departure is needed to compare.",
            fix=f"Leave them out for {usual}.",
            context={"factor": factor, name: number},
        )


def _last_steps(sources: Sequence[Source]) -> dict[str, tuple[Any, ...]]:
    """(id, message, outcome, error) of each component's last step."""
    found: dict[str, tuple[Any, ...]] = {}
    for source in sources:
        with source.connect() as conn:
            if has_steps(conn):
                columns = step_columns(conn)
                named = ", ".join(columns[n] for n in ("id", "message_type", "outcome", "error"))
                query = f"""SELECT s.component_name, {named} FROM {STEPS} s WHERE s.rowid IN
                    (SELECT max(rowid) FROM {STEPS} GROUP BY component_name)"""
                found.update((name, tuple(rest)) for name, *rest in cursor(conn).execute(query))
    return found

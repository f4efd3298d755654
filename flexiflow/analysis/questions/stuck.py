"""Which components should have moved on: each one's stay beside those of its siblings."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.quantiles import nearest_rank
from flexiflow.analysis.reading.machines import states_in
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import has_steps, step_columns
from flexiflow.analysis.reading.visits import Visits, read_visits
from flexiflow.errors import InvalidValue, bounded_repr
from flexiflow.graph.model import StateNode
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
    """The stays that have ended, by kind: state and machine.

    Sorted once, then asked for each component that is still there.

    Args:
        component, kind: one whole number a stay.
        dwell_us: of those that ended; `frames.NO_NUMBER` of the others.
    """

    def __init__(self, component: Any, kind: Any, dwell_us: Any) -> None:
        import numpy as np

        (ended,) = np.nonzero(dwell_us != frames.NO_NUMBER)
        self._stays = ended[np.lexsort((dwell_us[ended], kind[ended]))]
        self._kind, self._dwell_us = kind[self._stays], dwell_us[self._stays]
        self._component = component[self._stays]
        # By owner too, so that leaving a component's own out takes no look at all the others.
        self._owners = int(component.max(initial=0)) + 1
        pairs = self._kind * self._owners + self._component
        self._by_owner = np.argsort(pairs, kind="stable")
        self._pairs = pairs[self._by_owner]

    def siblings_of(self, component: int, kind: int) -> Siblings:
        """The stays of other components of a kind, as numbers."""
        first, end = _range_of(self._kind, kind)
        own = self._by_owner[slice(*_range_of(self._pairs, kind * self._owners + component))]
        count = end - first - len(own)
        if not count:
            return Siblings(0, None)
        place = first + nearest_rank(95, count)
        for skipped in own:  # ascending: each one before the place moves it on by one
            place += bool(skipped <= place)
        return Siblings(count, int(self._dwell_us[place]))

    def of_others(self, component: int, kind: int) -> list[int]:
        """Which stays those are, in their order."""
        chosen = slice(*_range_of(self._kind, kind))
        found = self._stays[chosen][self._component[chosen] != component]
        return sorted(found.tolist())


def _range_of(ordered: Any, value: int) -> tuple[int, int]:
    """The first and the end of the places that have a value."""
    return int(ordered.searchsorted(value)), int(ordered.searchsorted(value, "right"))


def departures_of(found: Visits) -> Departures:
    """The stays of a history that have ended."""
    stays = found.stays
    return Departures(stays.component, found.kinds(), stays.dwell_us)


def stuck_frame(
    sources: Sequence[Source], factor: float, min_departures: int, min_dwell_us: int
) -> pd.DataFrame:
    """Components that are stuck or may be, the worst first; see `History.stuck`."""
    usual = f"{FACTOR} and {MIN_DEPARTURES}"
    check_numbers("stuck", factor, ("min_departures", min_departures), usual)
    found = read_visits(sources, with_steps=False)
    departures, kinds = departures_of(found), found.kinds()
    judged = []
    for place in waiting(found, sources):
        dwell_us = found.dwell_of(place)
        siblings = departures.siblings_of(found.stays.component[place], kinds[place])
        verdict, ratio = judge(dwell_us, siblings, factor, min_departures, min_dwell_us)
        if verdict != "usual":
            judged.append((verdict, ratio, dwell_us, siblings, place))
    judged.sort(key=lambda each: (each[0] != "stuck", -(each[1] or 0), -(each[2] or 0)))
    return frames.frame(shapes.STUCK, _rows(sources, found, judged))


def _rows(
    sources: Sequence[Source], found: Visits, judged: Sequence[tuple[Any, ...]]
) -> Iterator[tuple[Any, ...]]:
    stays = found.stays
    names = [stays.components[stays.component[place]] for *_, place in judged]
    last = _last_steps(sources, names)
    for component, judgement in zip(names, judged, strict=True):
        verdict, ratio, dwell_us, siblings, place = judgement
        (source,) = found.names("source", stays.row[[place]])
        yield (
            component,
            stays.states[stays.state[place]],
            verdict,
            int(stays.entered_us[place]),
            dwell_us,
            siblings.departures,
            siblings.p95_us,
            ratio,
            *last.get(component, (None, None, None, None)),
            source,
        )


def waiting(found: Visits, sources: Sequence[Source]) -> list[int]:
    """The places of the stays that last, except in states that are ends or meant for it."""
    quiet = lasting_in(found, sources, lambda state: state.final or state.resting)
    return [place for place in _lasting(found) if place not in quiet]


def lasting_in(
    found: Visits, sources: Sequence[Source], wanted: Callable[[StateNode], bool]
) -> set[int]:
    """The places of the stays that last in some states, as the files' machines have them."""
    named = states_in(sources, wanted)
    last = _lasting(found)
    states = [found.stays.states[each] for each in found.stays.state[last]]
    machines = found.names("fingerprint", found.machine[last])
    return {
        place
        for place, state, machine in zip(last, states, machines, strict=True)
        if state in named.get(machine, ())
    }


def _lasting(found: Visits) -> list[int]:
    import numpy as np

    (last,) = np.nonzero(~found.stays.goes_on)
    return list(last.tolist())


def judge(
    dwell_us: int | None,
    siblings: Siblings,
    factor: float = FACTOR,
    min_departures: int = MIN_DEPARTURES,
    min_dwell_us: int = MIN_DWELL_US,
) -> tuple[Judgement, float | None]:
    """Whether a stay that lasts is too long, and how many times the siblings' p95 it is."""
    if siblings.departures < min_departures or siblings.p95_us is None or dwell_us is None:
        return "unknown", None
    ratio = dwell_us / max(siblings.p95_us, 1)
    long = ratio > factor and dwell_us >= min_dwell_us
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


def _last_steps(sources: Sequence[Source], components: Iterable[str]) -> dict[str, Any]:
    """(id, message, outcome, error) of some components' last steps."""
    found: dict[str, Any] = {}
    for source in sources:
        with source.connect() as conn:
            if has_steps(conn):
                columns = step_columns(conn)
                named = ", ".join(columns[n] for n in ("id", "message_type", "outcome", "error"))
                query = f"""SELECT {named} FROM {STEPS} s WHERE s.component_name = ?
                    ORDER BY s.rowid DESC LIMIT 1"""
                for name in components:
                    row = cursor(conn).execute(query, (name,)).fetchone()
                    found.update({} if row is None else {name: row})
    return found

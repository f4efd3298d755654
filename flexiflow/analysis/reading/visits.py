"""Visits: how long components stayed in their states, and what made them leave.

Read from the snapshots, which follow every step that changes a state, so that a history of 1.x
can be asked too; the steps add the message and its sender, and the moves whose snapshots were
pruned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames
from flexiflow.analysis.reading.moves import read_entries
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.stays import Stays, stays_of

if TYPE_CHECKING:
    import pandas as pd


@dataclass(slots=True)
class Visit:
    """A stay of a component in a state.

    Attributes:
        component, state: whose, and where.
        entered_us, left_us: microseconds since 1970; None where the rows don't say.
        dwell_us: from entering to leaving, or to the newest record where the stay lasts.
        left_by, sender: the message that ended it, and the component that sent that.
        fingerprint: the machine, as it was last in this stay.
        source: the file in which it began.
        step_id: the newest step before or at its beginning, in that file; 0 where there is none.
        entered_by, entered_from: the message that began it, and the component that sent that.
        lasts: whether the component is still there.
        cut: whether it began before what is recorded.
    """

    component: str
    state: str
    entered_us: int | None
    fingerprint: str | None
    source: str
    step_id: int
    entered_by: str | None = None
    entered_from: str | None = None
    cut: bool = False
    left_us: int | None = None
    dwell_us: int | None = None
    left_by: str | None = None
    sender: str | None = None
    lasts: bool = False


def visits_frame(sources: Sequence[Source], component: str | None = None) -> pd.DataFrame:
    """Every stay in a state, in the order of components and ids; see `History.visits`."""
    return read_visits(sources, component).frame()


def visits_of(sources: Sequence[Source], component: str | None = None) -> list[Visit]:
    """Every stay in a state, in the order of components and ids.

    A component that several files know has one history; the files are taken in their order.
    """
    return read_visits(sources, component).all()


def read_visits(
    sources: Sequence[Source], component: str | None = None, *, with_steps: bool = True
) -> Visits:
    """The same, many at once.

    Args:
        sources: where to read.
        component: one component; all unless given.
        with_steps: whether to read what the steps add: messages, senders and step ids. Without
            them there are no `Visits.all` and `Visits.frame`, and it takes half the time.
    """
    entries, now_us = read_entries(sources, component, with_steps=with_steps)
    stays = stays_of(entries)
    return Visits(entries, stays, _dwells(stays, now_us), _machines(stays, entries))


@dataclass(frozen=True, slots=True)
class Visits:
    """Stays as arrays, and which rows tell more of them: their places there, -1 for none.

    Attributes:
        entries: what the stays were read from; the columns of `moves.ENTRIES`.
        stays: the stays.
        dwell_us: up to the newest record where a stay lasts.
        machine: the newest row in each that names one.
    """

    entries: pd.DataFrame
    stays: Stays
    dwell_us: Any
    machine: Any

    def all(self) -> list[Visit]:
        """Each of them."""
        return self.at(slice(None))

    def at(self, places: Any) -> list[Visit]:
        """Some of them: a slice of places, or an array or a list of these."""
        stays = self.stays
        row, ended_by = stays.row[places], _next_rows(stays)[places]
        columns = (
            self.names("component", row),
            self.names("state", row),
            _wholes(stays.entered_us[places]),
            self.names("fingerprint", self.machine[places]),
            self.names("source", row),
            _step_ids(stays, self.entries)[places].tolist(),
            self.names("message", row),
            self.names("sender", row),
            self._cut()[places].tolist(),
            _wholes(stays.left_us[places]),
            _wholes(self.dwell_us[places]),
            self.names("message", ended_by),
            self.names("sender", ended_by),
            (~stays.goes_on[places]).tolist(),
        )
        return list(map(Visit, *columns))

    def lasting(self, component: str) -> int | None:
        """The place of the stay in which a component still is; None where no row says."""
        stays = self.stays
        if component not in stays.components:
            return None
        own = stays.component == stays.components.index(component)
        (last,) = (own & ~stays.goes_on).nonzero()
        return int(last[0]) if len(last) else None

    def entered(self, fingerprint: str | None = None) -> dict[str, int]:
        """How many there are in each state: all, or those of one machine."""
        import numpy as np

        state = self.stays.state
        if fingerprint is not None:
            codes, names = frames.codes_of(self.entries["fingerprint"])
            wanted = names.index(fingerprint) if fingerprint in names else len(names)
            state = state[frames.codes_at(codes, self.machine) == wanted]
        counts = np.bincount(state, minlength=len(self.stays.states)).tolist()
        return {name: count for name, count in zip(self.stays.states, counts, strict=True) if count}

    def frame(self) -> pd.DataFrame:
        """One row a stay."""
        import pandas as pd

        stays, ended_by = self.stays, _next_rows(self.stays)
        columns = {
            "component": frames.names_at(self.entries["component"], stays.row),
            "state": frames.names_at(self.entries["state"], stays.row),
            "entered": frames.wholes_series(stays.entered_us, frames.TIME),
            "left": frames.wholes_series(stays.left_us, frames.TIME),
            "dwell": frames.wholes_series(self.dwell_us, frames.DURATION),
            "left_by": frames.names_at(self.entries["message"], ended_by),
            "sender": frames.names_at(self.entries["sender"], ended_by),
            "fingerprint": frames.names_at(self.entries["fingerprint"], self.machine),
            "source": frames.names_at(self.entries["source"], stays.row),
        }
        return pd.DataFrame(columns)

    def names(self, column: str, rows: Any) -> list[str | None]:
        """What some rows of the entries say in a column of names."""
        codes, names = frames.codes_of(self.entries[column])
        named: list[str | None] = [*names, None]  # the last one is for -1
        return [named[code] for code in frames.codes_at(codes, rows).tolist()]

    def dwell_of(self, place: int) -> int | None:
        """How long one took, or has lasted; None where its rows don't say."""
        return _whole(int(self.dwell_us[place]))

    def kinds(self) -> Any:
        """Of each stay a number that those in the same state of the same machine have, too."""
        codes, names = frames.codes_of(self.entries["fingerprint"])
        machine = frames.codes_at(codes, self.machine).astype("int64")
        return self.stays.state * (len(names) + 1) + machine + 1

    def _cut(self) -> Any:
        """Of each stay whether it began before what is recorded."""
        import numpy as np

        stays = self.stays
        codes, names = frames.codes_of(self.entries["from_state"])
        places = {name: place for place, name in enumerate(stays.states)}
        state_of = np.array([*(places.get(name, -1) for name in names), -1])  # the last: for none
        before = state_of[frames.codes_at(codes, stays.row)]
        return _first_ones(stays.component) & (before == stays.state)


def _dwells(stays: Stays, now_us: int | None) -> Any:
    import numpy as np

    if now_us is None:
        return stays.dwell_us
    lasts = ~stays.goes_on & (stays.entered_us != frames.NO_NUMBER)
    dwell_us = stays.dwell_us.copy()
    dwell_us[lasts] = np.maximum(now_us - stays.entered_us[lasts], 0)
    return dwell_us


def _next_rows(stays: Stays) -> Any:
    """The row that ended each."""
    import numpy as np

    return np.where(stays.goes_on, np.append(stays.row[1:], -1), -1)


def _machines(stays: Stays, entries: pd.DataFrame) -> Any:
    import numpy as np

    codes, _ = frames.codes_of(entries["fingerprint"])
    named = _last_where(codes[stays.order] >= 0)[stays.end - 1]
    return np.where(named >= stays.begin, stays.order[named], -1)


def _step_ids(stays: Stays, entries: pd.DataFrame) -> Any:
    """The newest step before or at the beginning of each, in its file; 0 for none."""
    import numpy as np

    own = frames.optional_wholes(entries["step_id"])[stays.row]
    sources, _ = frames.codes_of(entries["source"])
    first = _first_ones(stays.component) | _first_ones(sources[stays.row])
    known = _last_where(own != frames.NO_NUMBER)
    return np.where(known >= _last_where(first), own[known], 0)


def _first_ones(values: Any) -> Any:
    """Of each value whether the one before is another."""
    import numpy as np

    first = np.ones(len(values), dtype=bool)
    first[1:] = values[1:] != values[:-1]
    return first


def _last_where(condition: Any) -> Any:
    """The newest place at or before each at which a condition holds; -1 for none."""
    import numpy as np

    return np.maximum.accumulate(np.where(condition, np.arange(len(condition)), -1))


def _wholes(values: Any) -> list[int | None]:
    return [_whole(value) for value in values.tolist()]


def _whole(value: int) -> int | None:
    return None if value == frames.NO_NUMBER else value

"""Visits: how long components stayed in their states, and what made them leave.

Read from the snapshots, which follow every step that changes a state, so that a history of 1.x
can be asked too; the steps add the message and its sender, and the moves whose snapshots were
pruned.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.moves import read_entries
from flexiflow.analysis.source import Source
from flexiflow.analysis.stays import Stays, stays_of

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
    import pandas as pd

    found = _Found.read(sources, component)
    stays = found.stays
    columns = {
        "component": frames.names_at(found.entries["component"], stays.row),
        "state": frames.names_at(found.entries["state"], stays.row),
        "entered": frames.wholes_series(stays.entered_us, frames.TIME),
        "left": frames.wholes_series(stays.left_us, frames.TIME),
        "dwell": frames.wholes_series(found.dwell_us, frames.DURATION),
        "left_by": frames.names_at(found.entries["message"], found.ended_by),
        "sender": frames.names_at(found.entries["sender"], found.ended_by),
        "fingerprint": frames.names_at(found.entries["fingerprint"], found.machine),
        "source": frames.names_at(found.entries["source"], stays.row),
    }
    return pd.DataFrame(columns)


def visits_of(sources: Sequence[Source], component: str | None = None) -> list[Visit]:
    """Every stay in a state, in the order of components and ids.

    A component that several files know has one history; the files are taken in their order.
    """
    found = _Found.read(sources, component)
    stays = found.stays
    columns = (
        found.names("component", stays.row),
        found.names("state", stays.row),
        _wholes(stays.entered_us),
        found.names("fingerprint", found.machine),
        found.names("source", stays.row),
        found.step_id.tolist(),
        found.names("message", stays.row),
        found.names("sender", stays.row),
        found.cut(),
        _wholes(stays.left_us),
        _wholes(found.dwell_us),
        found.names("message", found.ended_by),
        found.names("sender", found.ended_by),
        (~stays.goes_on).tolist(),
    )
    return list(map(Visit, *columns))


@dataclass(frozen=True, slots=True)
class _Found:
    """Stays, and which rows tell more of them: their places among the entries, -1 for none.

    Attributes:
        entries: what the stays were read from; the columns of `moves.ENTRIES`.
        stays: the stays.
        dwell_us: up to the newest record where a stay lasts.
        ended_by: the row that ended each.
        machine: the newest row in each that names one.
        step_id: the newest step before or at its beginning, in its file; 0 for none.
    """

    entries: pd.DataFrame
    stays: Stays
    dwell_us: Any
    ended_by: Any
    machine: Any
    step_id: Any

    @classmethod
    def read(cls, sources: Sequence[Source], component: str | None) -> _Found:
        entries, now_us = read_entries(sources, component)
        stays = stays_of(entries)
        return cls(
            entries,
            stays,
            _dwells(stays, now_us),
            _next_rows(stays),
            _machines(stays, entries),
            _step_ids(stays, entries),
        )

    def names(self, column: str, places: Any) -> list[str | None]:
        codes, names = frames.codes_of(self.entries[column])
        named: list[str | None] = [*names, None]  # the last one is for -1
        return [named[code] for code in frames.codes_at(codes, places).tolist()]

    def cut(self) -> list[bool]:
        """Of each stay whether it began before what is recorded."""
        stays = self.stays
        before = self.names("from_state", stays.row)
        firsts = _first_ones(stays.component).tolist()
        return [
            first and stays.states[state] == name
            for first, state, name in zip(firsts, stays.state.tolist(), before, strict=True)
        ]


def _dwells(stays: Stays, now_us: int | None) -> Any:
    import numpy as np

    if now_us is None:
        return stays.dwell_us
    lasts = ~stays.goes_on & (stays.entered_us != frames.NO_NUMBER)
    dwell_us = stays.dwell_us.copy()
    dwell_us[lasts] = np.maximum(now_us - stays.entered_us[lasts], 0)
    return dwell_us


def _next_rows(stays: Stays) -> Any:
    import numpy as np

    return np.where(stays.goes_on, np.append(stays.row[1:], -1), -1)


def _machines(stays: Stays, entries: pd.DataFrame) -> Any:
    import numpy as np

    codes, _ = frames.codes_of(entries["fingerprint"])
    named = _last_where(codes[stays.order] >= 0)[stays.end - 1]
    return np.where(named >= stays.begin, stays.order[named], -1)


def _step_ids(stays: Stays, entries: pd.DataFrame) -> Any:
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
    return [None if value == frames.NO_NUMBER else value for value in values.tolist()]

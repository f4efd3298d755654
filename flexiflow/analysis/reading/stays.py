"""Stays in states as arrays: a million of them at once.

`visits` tells more of each stay; this is what counting and timing them takes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Stays:
    """Stays one after the other, component by component, each one's in the order of its history.

    Attributes:
        component, state: places in `components` and `states`.
        row: the place of the row with which it began among those that they were read from.
        entered_us: microseconds since 1970; `frames.NO_NUMBER` where the row does not say.
        goes_on: whether the next stay is the same component's, so that this one ended.
        dwell_us: from entering to leaving, never below 0; `frames.NO_NUMBER` where a time is
            missing, and where the stay lasts.
        components, states: names.
        order: the rows that say where components were, component by component.
        begin: the first of those that is each stay's.
    """

    component: Any
    state: Any
    row: Any
    entered_us: Any
    goes_on: Any
    dwell_us: Any
    components: list[str]
    states: list[str]
    order: Any
    begin: Any

    @property
    def end(self) -> Any:
        """The first row in `order` behind each stay's."""
        import numpy as np

        return np.append(self.begin[1:], len(self.order))[: len(self.begin)]

    @property
    def left_us(self) -> Any:
        """When each ended; `frames.NO_NUMBER` where it lasts, or the row does not say."""
        import numpy as np

        left = np.full(len(self.row), frames.NO_NUMBER, dtype=np.int64)
        left[:-1][self.goes_on[:-1]] = self.entered_us[1:][self.goes_on[:-1]]
        return left


def stays_of(moves: pd.DataFrame) -> Stays:
    """The stays that rows tell of.

    Args:
        moves: ``component``, ``state`` and ``time``, such as `shapes.MOVES` or snapshots; each
            component's rows in the order of its history. A row without a component or a state
            says nothing.
    """
    import numpy as np

    component, components = frames.codes_of(moves["component"])
    state, states = frames.codes_of(moves["state"])
    time_us = frames.whole_microseconds(moves["time"])
    order = np.argsort(component, kind="stable")
    if len(state) and min(state.min(), component.min()) < 0:
        order = order[(state[order] >= 0) & (component[order] >= 0)]
    component, state = component[order], state[order]
    begins = np.ones(len(order), dtype=bool)
    begins[1:] = (component[1:] != component[:-1]) | (state[1:] != state[:-1])
    (begin,) = np.nonzero(begins)
    # Where each row begins a stay, as with one snapshot a transition, nothing needs to be copied.
    chosen = slice(None) if len(begin) == len(order) else begin
    row, component = order[chosen], component[chosen]
    entered_us = time_us[row]
    goes_on = np.zeros(len(row), dtype=bool)
    goes_on[:-1] = component[1:] == component[:-1]
    return Stays(
        component,
        state[chosen],
        row,
        entered_us,
        goes_on,
        _dwells(entered_us, goes_on),
        components,
        states,
        order,
        begin,
    )


def _dwells(entered_us: Any, goes_on: Any) -> Any:
    import numpy as np

    dwell_us = np.empty(len(entered_us), dtype=np.int64)
    if len(entered_us):
        # Clocks may go back.
        np.subtract(entered_us[1:], entered_us[:-1], out=dwell_us[:-1])
        np.maximum(dwell_us, 0, out=dwell_us)
        dwell_us[~goes_on] = frames.NO_NUMBER
        unknown = entered_us == frames.NO_NUMBER
        if unknown.any():
            dwell_us[unknown] = frames.NO_NUMBER
            dwell_us[:-1][unknown[1:]] = frames.NO_NUMBER
    return dwell_us

"""Limits on how long a stay in a state may take, as people write them: ``"Paying<5s"``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from flexiflow.analysis.base.moments import UNITS
from flexiflow.errors import InvalidValue, bounded_repr

_UNITS = {**UNITS, "µs": 1, "min": 60e6}
_LIMIT = re.compile(
    r"\s*(?P<state>.+?)\s*(?P<than><=?)\s*(?P<number>\d{1,12}(?:\.\d{1,12})?)\s*(?P<unit>[a-zµ]+)\s*",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class DwellLimit:
    """One limit.

    Attributes:
        text: as it was written.
        state: the state that it is on.
        most_us: microseconds.
        inclusive: whether a stay may take exactly that long.
    """

    text: str
    state: str
    most_us: float
    inclusive: bool = False

    def holds(self, dwell_us: int) -> bool:
        """Whether a stay of so many microseconds keeps to it."""
        return dwell_us <= self.most_us if self.inclusive else dwell_us < self.most_us


def dwell_limit(text: str) -> DwellLimit:
    """Read a limit.

    Args:
        text: a state, ``<`` or ``<=``, and a duration in us, ms, s, m or min, h, d or w.

    Raises:
        InvalidValue: (a ValueError) where it is none.
    """
    read = _LIMIT.fullmatch(text) if isinstance(text, str) else None
    if read is None or read["unit"] not in _UNITS:
        raise InvalidValue(
            f"{bounded_repr(text, 80)} is not a limit on a stay.",
            why="A limit is a state, < or <=, and a duration in us, ms, s, m, h, d or w.",
            fix="Write e.g. 'Paying<5s', in quotes so that the shell does not take the <.",
            context={"max_dwell": text},
        )
    most_us = float(read["number"]) * _UNITS[read["unit"]]
    return DwellLimit(text.strip(), read["state"], most_us, read["than"] == "<=")

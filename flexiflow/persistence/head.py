"""The head of a history: where its chains end, short enough to be kept elsewhere.

``h1:17-9f86d0….40-5feceb….2-6b86b2…``: for snapshots, steps and markers the id of the last
chained row and the first 128 bits of its hash; ``0-`` where there is none.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from flexiflow.errors import InvalidValue, bounded_repr
from flexiflow.persistence.rows import CHAINED_COLUMNS

HASH_DIGITS = 32
_END = rf"(\d{{1,18}})-((?:[0-9a-f]{{{HASH_DIGITS}}})?)"
_HEAD = re.compile(r"h1:" + r"\.".join([_END] * len(CHAINED_COLUMNS)))


@dataclass(frozen=True, slots=True)
class Head:
    """Where each chain ends, in the order of `CHAINED_COLUMNS`: an id and the begin of a hash."""

    ends: tuple[tuple[int, str], ...]

    @classmethod
    def parse(cls, text: object) -> Head:
        """The head that `str` wrote.

        Raises:
            InvalidValue: (a ValueError) where it is none.
        """
        found = _HEAD.fullmatch(text.strip()) if isinstance(text, str) else None
        if found is None:
            raise InvalidValue(
                f"This is no head of a history: {bounded_repr(text, 80)}.",
                why="A head is one word that begins with h1: and has three ends.",
                fix="Pass the head that `flexiflow verify DB`, or history.verify().head, gave.",
                context={"head": text},
            )
        groups = found.groups()
        return cls(tuple((int(groups[at]), groups[at + 1]) for at in range(0, len(groups), 2)))

    def of(self, table: str) -> tuple[int, str]:
        """The end of one table's chain."""
        return self.ends[list(CHAINED_COLUMNS).index(table)]

    def __str__(self) -> str:
        return "h1:" + ".".join(f"{row_id}-{digits[:HASH_DIGITS]}" for row_id, digits in self.ends)

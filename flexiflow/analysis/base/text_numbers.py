"""Numbers in place of texts that come again and again, so that numpy can count them."""

from __future__ import annotations

from bisect import insort
from collections import defaultdict
from collections.abc import Iterable
from itertools import count, islice
from typing import Any

import numpy as np

from flexiflow.analysis.base import frames

Array = Any

_FEW = 2_000  # texts that are put into the order one by one


class TextNumbers:
    """Numbers of texts, in the order in which these are met; -1 for None.

    Args:
        texts: those that are known already, each once.
    """

    def __init__(self, texts: Iterable[str] = ()) -> None:
        known: dict[str | None, int] = {None: -1}
        known.update(zip(texts, count(), strict=False))
        self._numbers = _counting(known)
        self._held: Any = None
        self._order: list[int] = []  # numbers by their texts, as far as these have a place

    def __len__(self) -> int:
        return len(self._numbers) - 1

    def of(self, texts: Iterable[str | None]) -> Array:
        """The numbers of texts, int64; those that are new get the next."""
        return np.fromiter(map(self._numbers.__getitem__, texts), np.int64)

    def get(self, text: str) -> int | None:
        """The number of a text, where it was met."""
        return self._numbers.get(text)

    def new(self, known: int = 0) -> list[str]:
        """The texts by their numbers, from one number on."""
        return list(islice(self._numbers, known + 1, None))  # type: ignore[arg-type]

    def __deepcopy__(self, memo: object) -> TextNumbers:
        other = TextNumbers()
        other._numbers = _counting(self._numbers)
        other._held = self._held
        other._order = list(self._order)
        return other

    def __reduce__(self) -> tuple[Any, ...]:
        return TextNumbers, (self.new(),)

    def texts(self) -> Any:
        """All texts by their numbers, as pandas holds them; what was converted once is kept."""
        held = 0 if self._held is None else len(self._held)
        if held < len(self) or self._held is None:
            new = frames.texts_array(self.new(held))
            self._held = new if not held else new._concat_same_type([self._held, new])
        return self._held

    def series(self, numbers: Array) -> Any:
        """Numbers as a column of categories, which are those of the texts that it has."""
        used = np.zeros(len(self) + 1, dtype=bool)  # the last one is for -1
        used[numbers] = True
        order = self._in_order()
        order = order[used[order]]
        codes = np.full(len(self) + 1, -1, dtype=np.int32)
        codes[order] = np.arange(len(order))
        return frames.names_series(codes[numbers], self.texts()[order])

    def _in_order(self) -> Array:
        """The numbers of all texts, by the texts."""
        texts, placed = self.new(), len(self._order)
        if len(texts) - placed > _FEW:
            self._order = [self._numbers[each] for each in sorted(texts)]
        else:
            for number in range(placed, len(texts)):
                insort(self._order, number, key=texts.__getitem__)
        return np.array(self._order, dtype=np.int64)


def _counting(known: dict[str | None, int]) -> defaultdict[str | None, int]:
    """A dict that gives what is new the next number, without a step of Python."""
    return defaultdict(count(len(known) - 1).__next__, known)

"""Columns that have had one value in every row so far: SQLite is asked whether they still have.

Packing a million equal fingerprints, and cutting them up again, takes longer than comparing them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flexiflow.analysis.base import frames
from flexiflow.analysis.reading.columns import MISSING, only_cell

COMMA = b","
"""Between whole numbers."""


class Steady:
    """What is known of the columns of one table, while its rows are read block by block.

    Attributes:
        cells: the packed cell of each column that has been steady.
        sparse: the columns of texts that some rows don't have.
    """

    def __init__(self) -> None:
        self.cells: dict[str, bytes] = {}
        self.sparse: set[str] = set()
        self._doubted: dict[str, bytes] = {}
        self._varied: set[str] = set()

    def doubt(self) -> None:
        """A row had something else: the block is to be read again, with every column packed."""
        self._doubted, self.cells = self.cells, {}

    def learn(self, raw: Mapping[str, bytes], separators: Mapping[str, bytes], count: int) -> None:
        """Note what a block says in which every column was packed."""
        for name, packed in raw.items():
            cell = only_cell(packed, count, separators[name])
            if cell is not None and not _can_be_asked_for(cell, whole=separators[name] == COMMA):
                cell = None
            if cell is None or cell != self._doubted.get(name, cell):
                self._varied.add(name)  # it may vary again, and to ask in vain costs a reading
            elif name not in self._varied:
                self.cells[name] = cell

    def value(self, name: str, separator: bytes) -> Any:
        """What SQLite must find in each row of a steady column."""
        cell = self.cells[name]
        if separator != COMMA:
            return None if cell == MISSING else cell.decode()
        number = int(cell)
        return None if number == frames.NO_NUMBER else number

    def packed(self, name: str, count: int, separator: bytes) -> bytes:
        """A steady column as SQLite would have packed it."""
        return separator.join([self.cells[name]] * count)


def _can_be_asked_for(cell: bytes, *, whole: bool) -> bool:
    """Whether a cell is a value as it looks: a number, or UTF-8."""
    if whole:
        return cell.lstrip(b"-").isdigit()
    try:
        cell.decode()
    except UnicodeDecodeError:
        return False
    return True

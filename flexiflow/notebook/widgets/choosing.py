"""The names that a view offers to choose a component from."""

from __future__ import annotations

from collections.abc import Collection
from itertools import islice

MOST_NAMES = 500
"""In one list: nobody looks further, and a page must hold them."""


def offered(names: Collection[str], chosen: str) -> tuple[list[str], int]:
    """The first names, the chosen one among them, and how many are left out."""
    shown = list(islice(names, MOST_NAMES))
    if chosen not in shown and chosen in names:
        shown[-1:] = [chosen]
    return shown, len(names) - len(shown)

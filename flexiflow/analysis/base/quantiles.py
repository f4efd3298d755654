"""Quantiles by nearest rank: values that were really seen, never ones between them."""

from __future__ import annotations

from typing import Any

from flexiflow.analysis.base import frames


def nearest_rank(percent: int, count: int) -> int:
    """The place, from 0, of the smallest of so many values that `percent` % do not exceed."""
    return (percent * count + 99) // 100 - 1


def quantiles(values: Any) -> tuple[int, int, int] | None:
    """The 50th and the 95th percentile, and the largest value.

    Args:
        values: whole numbers, an int64 array; `frames.NO_NUMBER` is none.

    Returns:
        None where there are no values.
    """
    import numpy as np

    there = values != frames.NO_NUMBER
    known = values if there.all() else values[there]
    if not len(known):
        return None
    half, most = (nearest_rank(percent, len(known)) for percent in (50, 95))
    # Not sorted: two places are all that is wanted. One after the other, for which numpy is faster.
    ranked = np.partition(known, most)
    lower = np.partition(ranked[: most + 1], half)
    return int(lower[half]), int(ranked[most]), int(ranked[most:].max())

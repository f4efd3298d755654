"""What a waterfall shows: spans on an axis of time from which long idle gaps are folded away."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.traces.spans import Interval, Spans

if TYPE_CHECKING:
    import pandas as pd

FOLD = 0.1
"""The part of the whole trace that a gap must take to be folded."""

_FOLDED_WIDTH = 0.03  # of the axis, that a folded gap still takes
_MOST_FOLDED = 0.3  # of the axis, that all of them take


@dataclass(frozen=True, slots=True, eq=False)
class Waterfall:
    """The plain model of a trace's picture.

    Attributes:
        correlation_id: the trace.
        spans: one row a span, depth first, with the columns of `shapes.SPANS`.
        path: the critical path, with the columns of `shapes.CRITICAL_PATH`.
        gaps: the idle gaps that are folded, with the columns of `shapes.GAPS`.
        axis: from times to places.
        missing: what the log does not say, in words.
    """

    correlation_id: str
    spans: pd.DataFrame
    path: pd.DataFrame
    gaps: pd.DataFrame
    axis: Axis
    missing: tuple[str, ...]

    def places(self, rows: pd.DataFrame) -> tuple[Any, Any]:
        """Where rows of `spans`, `path` or `gaps` begin and end on the axis.

        Returns:
            two float64 arrays of 0 to 1; NaN where a row has no time.
        """
        start = _whole(rows["start"])
        known = start != frames.NO_NUMBER
        end = start + _whole(rows["duration"]) * known
        return self.axis.places(start, known), self.axis.places(end, known)


@dataclass(frozen=True, slots=True, eq=False)
class Axis:
    """Time as places from 0 to 1: even, except that a folded gap takes little room.

    Attributes:
        times_us: int64, rising: the beginning, both ends of each folded gap, the end;
            microseconds since 1970.
        at: float64: their places.
    """

    times_us: Any
    at: Any

    @classmethod
    def over(cls, extent: Interval | None, gaps: Sequence[Interval]) -> Axis:
        """The axis of a trace, with these gaps, in order, folded."""
        import numpy as np

        start, end = extent or (0, 0)
        times = np.array([start, *(edge for gap in gaps for edge in gap), end], dtype=np.int64)
        took = np.diff(times).astype(float)
        folded = np.arange(len(took)) % 2 == 1
        each = min(_FOLDED_WIDTH, _MOST_FOLDED / max(len(gaps), 1))
        shown = took[~folded].sum()
        room = 1 - each * len(gaps)
        widths = np.where(folded, each, took * (room / shown if shown else 0.0))
        return cls(times, np.concatenate([[0.0], np.cumsum(widths)]))

    def places(self, times_us: Any, known: Any = True) -> Any:
        """The places of times; NaN where `known` is False."""
        import numpy as np

        return np.where(known, np.interp(times_us, self.times_us, self.at), np.nan)


def idle_gaps(spans: Spans, moments_us: Iterable[int], share: float = FOLD) -> list[Interval]:
    """The stretches in which nothing is known to have happened, by time.

    In them no record was written, no span began or ended, and none was at work that caused
    nothing itself: those that were open only waited.

    Args:
        spans: the trace.
        moments_us: when its records were written, microseconds since 1970.
        share: the part of the whole trace that a gap must take.
    """
    import numpy as np

    if spans.extent is None:
        return []
    edges = [edge for own in spans.lasts if own is not None for edge in own]
    moments = np.unique(np.array([*edges, *moments_us], dtype=np.int64))
    moments = moments[(moments >= spans.extent[0]) & (moments <= spans.extent[1])]
    at_work = np.zeros(len(moments), dtype=np.int64)
    leaves = np.array(list(_at_work(spans)), dtype=np.int64).reshape(-1, 2)
    np.add.at(at_work, np.searchsorted(moments, leaves[:, 0]), 1)
    np.add.at(at_work, np.searchsorted(moments, leaves[:, 1]), -1)
    least = share * (spans.extent[1] - spans.extent[0])
    idle = (np.cumsum(at_work)[:-1] == 0) & (np.diff(moments) >= max(least, 1))
    return [(int(moments[at]), int(moments[at + 1])) for at in np.flatnonzero(idle)]


def gaps_frame(spans: Spans, gaps: Iterable[Interval]) -> pd.DataFrame:
    """Gaps as a frame with the columns of `shapes.GAPS`."""
    first, last = spans.extent or (0, 0)
    rows = [(start, end - start, (end - start) / (last - first)) for start, end in gaps]
    return frames.frame(shapes.GAPS, rows)


def _at_work(spans: Spans) -> Iterable[Interval]:
    """When the spans that caused nothing lasted."""
    for row, own in enumerate(spans.lasts):
        if own is not None and not spans.children[row]:
            yield own


def _whole(times: pd.Series[Any]) -> Any:
    """Microseconds as int64; `frames.NO_NUMBER` where there are none."""
    naive = times.dt.tz_localize(None) if times.dtype.kind == "M" else times
    return naive.to_numpy().astype("int64")

"""Two traces side by side: how long they go together, and where they first part."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.traces.spans import Spans
from flexiflow.analysis.traces.trouble import alike

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.traces.span_tree import SpanNode


@dataclass(frozen=True, slots=True, eq=False)
class TraceDifference:
    """The answer to `Trace.compare`.

    Attributes:
        one, other: the correlation ids.
        together: how many spans, depth first, are alike before the first that is not.
        frame: one row a pair of spans, with the columns of `shapes.TRACE_DIFFERENCE`.
    """

    one: str
    other: str
    together: int
    frame: pd.DataFrame

    @property
    def same(self) -> bool:
        """Whether the traces do the same from beginning to end."""
        return self.together == len(self.frame)

    @property
    def text(self) -> str:
        """Where they part, and whose spans took how much longer, in words."""
        one, other = (words.name(each, 128) for each in (self.one, self.other))
        if self.same:
            same = words.plural(self.together, "span")
            return f"{one} and {other} do the same: {same}.{self._slower()}"
        row = self.frame.iloc[self.together]
        left, right = (frames.cell_text(row[at]) or "nothing more" for at in ("one", "other"))
        return (
            f"{one} and {other} go together for {words.plural(self.together, 'span')}; "
            f"then {left} in the one, {right} in the other.{self._slower()}"
        )

    def _slower(self) -> str:
        """The span in common that took the most longer, if any did."""
        shared = self.frame.head(self.together)
        gap = (shared["other_duration"] - shared["one_duration"]).abs().fillna(timedelta(0))
        if gap.empty or not gap.max():
            return ""
        row = shared.iloc[int(gap.to_numpy().argmax())]
        took = [
            words.duration(frames.microseconds_of(row[side]))
            for side in ("one_duration", "other_duration")
        ]
        return f" The most unlike time: {row['one']}, {took[0]} and {took[1]}."

    def __repr__(self) -> str:
        return self.text


def compare_traces(one: str, one_spans: Spans, other: str, other_spans: Spans) -> TraceDifference:
    """Compare the spans of two traces, depth first; see `Trace.compare`."""
    rows: list[tuple[Any, ...]] = []
    together, parted = 0, False
    places = zip_longest(range(len(one_spans.nodes)), range(len(other_spans.nodes)))
    for left, right in places:
        same = (
            left is not None
            and right is not None
            and _likeness(one_spans, left) == _likeness(other_spans, right)
        )
        parted = parted or not same
        together += not parted
        sides = ((one_spans, left), (other_spans, right))
        told = [None if row is None else _told(spans.nodes[row]) for spans, row in sides]
        took = [None if row is None else _took(spans, row) for spans, row in sides]
        rows.append((*told, same, *took))
    return TraceDifference(one, other, together, frames.frame(shapes.TRACE_DIFFERENCE, rows))


def _likeness(spans: Spans, row: int) -> tuple[Any, ...]:
    """What two spans have in common that do the same, for whomever."""
    node = spans.nodes[row]
    return (
        spans.depths[row],
        node.kind,
        alike(node.component or ""),
        node.label,
        node.outcome,
        node.from_state,
        node.to_state,
    )


def _told(node: SpanNode) -> str:
    what = f"{words.name(node.component or '?')}: {words.name(node.label or node.kind)}"
    if node.outcome == "moved":
        return f"{what} {words.name(node.from_state or '?')} → {words.name(node.to_state or '?')}"
    return what if node.outcome == "ok" else f"{what} {words.name(node.outcome)}"


def _took(spans: Spans, row: int) -> int | None:
    own = spans.lasts[row]
    return None if own is None else own[1] - own[0]

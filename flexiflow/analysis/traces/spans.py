"""A trace's spans in rows, with the times that they, and what they caused, lasted."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.traces.span_tree import SpanNode, TraceTree, plausible

if TYPE_CHECKING:
    import pandas as pd

Interval = tuple[int, int]
"""A beginning and an end, microseconds since 1970."""


@dataclass(eq=False)
class Spans:
    """The spans of a trace, depth first, as lists in parallel; no recursion, however deep it is.

    A span *lasts* from its beginning to its end, where these are known from its own records;
    without a closing line it lasts until the last that was seen of it, or of what it waited for.
    It *reaches* from the first to the last moment of itself, of its recording and of all that it
    caused, which may outlive it. Where no time can be read there is None.

    Attributes:
        nodes: the spans.
        parents: the row of the span that caused each; -1 where none did.
        depths: how many causes are above each.
        children: the rows of what each caused, by time.
        roots: the rows without a cause, by time.
        lasts: (beginning, end) of each.
        reaches: (beginning, end) of each with all that it caused.
    """

    nodes: list[SpanNode] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    children: list[list[int]] = field(default_factory=list)
    roots: list[int] = field(default_factory=list)
    lasts: list[Interval | None] = field(default_factory=list)
    reaches: list[Interval | None] = field(default_factory=list)

    @classmethod
    def of(cls, tree: TraceTree) -> Spans:
        """The spans of a tree."""
        spans = cls()
        above: list[int] = []
        for row, (depth, node) in enumerate(tree.walk()):
            del above[depth:]
            parent = above[-1] if above else -1
            above.append(row)
            spans.nodes.append(node)
            spans.parents.append(parent)
            spans.depths.append(depth)
            spans.children.append([])
            (spans.roots if parent < 0 else spans.children[parent]).append(row)
        spans._measure()
        return spans

    @cached_property
    def extent(self) -> Interval | None:
        """From the first to the last moment of the trace; None where no time can be read.

        These are its records', as in the list of traces.
        """
        reaches = [reach for row in self.roots if (reach := self.reaches[row]) is not None]
        told = [
            (node.first_us, node.last_us)
            for node in self.nodes
            if node.first_us is not None and node.last_us is not None
        ]
        return _around([*reaches, *told])

    @cached_property
    def self_times(self) -> list[int | None]:
        """How long each lasted, less the time that what it caused took meanwhile; microseconds.

        None of a span without a record: nobody knows what it did.
        """
        return [
            None
            if own is None or self.nodes[row].kind == "missing"
            else own[1] - own[0] - self._covered(row, own)
            for row, own in enumerate(self.lasts)
        ]

    def recorded(self, row: int) -> int:
        """When the line was written that closes a span whose own records say how long it lasted.

        That comes after its handling, and waits for its commit where each step is committed.
        """
        own, closed = self.lasts[row], self.nodes[row].closed_us
        assert own is not None
        return own[1] if closed is None else max(closed, own[1])

    def frame(self, critical: dict[int, int]) -> pd.DataFrame:
        """One row a span, with the columns of `shapes.SPANS`.

        Args:
            critical: how many microseconds of the critical path each row holds.
        """
        return frames.frame(
            shapes.SPANS,
            (self._shown(row, critical.get(row, 0)) for row in range(len(self.nodes))),
        )

    def _shown(self, row: int, critical_us: int) -> tuple[Any, ...]:
        node, own, parent = self.nodes[row], self.lasts[row], self.parents[row]
        return (
            node.span_id,
            None if parent < 0 else self.nodes[parent].span_id,
            self.depths[row],
            node.kind,
            node.component,
            node.title if node.kind == "other" else node.label,
            None if own is None else own[0],
            None if own is None else own[1] - own[0],
            self.self_times[row],
            critical_us,
            node.outcome != "unknown",
            node.outcome,
            node.from_state,
            node.to_state,
            node.detail,
            ", ".join(node.snapshots) or None,
            len(node.records),
        )

    def _measure(self) -> None:
        self.lasts = [None] * len(self.nodes)
        self.reaches = [None] * len(self.nodes)
        for row in reversed(range(len(self.nodes))):  # what was caused comes before its cause
            below = self.children[row]
            own = _lasted(self.nodes[row], [each for c in below if (each := self.lasts[c])])
            self.lasts[row] = own
            reaches = [each for c in below if (each := self.reaches[c])]
            if own is not None:
                reaches += [own, (own[1], self.recorded(row))]
            self.reaches[row] = _around(reaches)

    def _covered(self, row: int, own: Interval) -> int:
        """How much of a span the spans that it caused cover, microseconds."""
        covered, until = 0, own[0]
        for start, end in sorted(each for c in self.children[row] if (each := self.lasts[c])):
            start, end = max(start, until), min(end, own[1])
            if end > start:
                covered += end - start
                until = end
        return covered


def _lasted(node: SpanNode, caused: list[Interval]) -> Interval | None:
    """From when to when a span lasted, as far as its records and what it caused say."""
    start = node.first_us if node.start_us is None else node.start_us
    if start is None:
        return _around(caused)
    if node.span_id is None:  # records that have nothing in common but the trace
        return start, start
    took = plausible(node.duration_us)
    if took is not None:
        return start, start + took
    seen = [start, *(end for _, end in caused)]
    return start, max(seen if node.last_us is None else [*seen, node.last_us])


def _around(intervals: list[Interval]) -> Interval | None:
    if not intervals:
        return None
    return min(start for start, _ in intervals), max(end for _, end in intervals)

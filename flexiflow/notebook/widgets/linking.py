"""Two explorers that show the same moment."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol


@dataclass(frozen=True, slots=True)
class Cursor:
    """Where an explorer is.

    Attributes:
        time_us: microseconds since 1970; None where that is not known.
        component: whose step or span it is.
        correlation_id: of the trace that it belongs to.
        in_trace: whether it stands in a trace, which leads from component to component; an
            explorer of histories follows it to its component.
    """

    time_us: int | None
    component: str | None
    correlation_id: str | None
    in_trace: bool


class Linked(Protocol):
    """An explorer with a cursor: `HistoryExplorer`, `TraceExplorer`."""

    @property
    def cursor(self) -> Cursor:
        """Where it is."""

    def go_to(self, cursor: Cursor) -> None:
        """Move to the same moment, as far as it is there."""

    def observe(self, handler: Any, names: str) -> None:
        """As every widget has it."""

    def unobserve(self, handler: Any, names: str) -> None:
        """As every widget has it."""


class Link:
    """What `link` made; it lasts until `unlink`."""

    def __init__(self, one: Linked, other: Linked) -> None:
        self._pair = (one, other)
        self._following = False
        for each in self._pair:
            each.observe(self._moved, "selection")

    def unlink(self) -> None:
        """Let them go their own ways."""
        for each in self._pair:
            each.unobserve(self._moved, "selection")

    def _moved(self, change: Any) -> None:
        one, other = self._pair
        leader, follower = (one, other) if change["owner"] is one else (other, one)
        if self._following:
            return
        self._following = True
        try:
            follower.go_to(leader.cursor)
        finally:
            self._following = False


def link(one: Linked, other: Linked) -> Link:
    """Let two explorers show the same moment: where one goes, the other goes too.

    Two explorers of histories share the time, each with its own component. With an explorer of
    traces, the history goes to the span's component and step, and the traces to the step's trace.

    Args:
        one, other: explorers, of the same recording or of two; their clocks are compared as they
            are.
    """
    return Link(one, other)

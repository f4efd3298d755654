"""Two explorers that show the same time."""

from __future__ import annotations

from typing import Any, Protocol


class Timed(Protocol):
    """A widget with a cursor in time, such as `HistoryExplorer`."""

    @property
    def time_us(self) -> int | None:
        """Where its cursor is, microseconds since 1970; None where that is not known."""

    def go_to_time(self, time_us: int) -> None:
        """Move its cursor to what was then."""

    def observe(self, handler: Any, names: str) -> None:
        """As every widget has it."""

    def unobserve(self, handler: Any, names: str) -> None:
        """As every widget has it."""


class Link:
    """What `link` made; it lasts until `unlink`."""

    def __init__(self, one: Timed, other: Timed) -> None:
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
        if self._following or leader.time_us is None:
            return
        self._following = True
        try:
            follower.go_to_time(leader.time_us)
        finally:
            self._following = False


def link(one: Timed, other: Timed) -> Link:
    """Let two explorers show the same time: where one goes, the other goes to what was then.

    Args:
        one, other: explorers, of the same history or of two; their clocks are compared as they are.
    """
    return Link(one, other)

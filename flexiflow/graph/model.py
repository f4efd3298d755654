"""The plain model of a machine's graph. It knows nothing of drawing, and nothing of an engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Source = Literal["declared", "inferred", "observed"]

ANY_MESSAGE = "*"
"""The message of an edge that was read from code and that any message, or any other, takes."""

_OBSERVED_ONLY = frozenset({"observed"})


@dataclass(frozen=True, slots=True)
class StateNode:
    """One state.

    Attributes:
        name: its identity.
        final: whether it is an end.
        known: False where an edge leads to it but nobody defines it.
        group: the state pack that provides it, or None.
        classic: whether a classic ``handle_message`` takes further messages, which are not known
            unless its code was `read`.
        description: one line for people, or None.
        visits: how often it was entered, as observed; None where nothing was observed.
        sources: where it is known from; only ``observed`` where history names a state that no
            declaration does.
        read: whether the whole classic handler could be read, so that its messages are known.
        unread: what of it could not be read, and where.
        resting: whether components are meant to wait there, however long.
    """

    name: str
    final: bool = False
    known: bool = True
    group: str | None = None
    classic: bool = False
    description: str | None = None
    visits: int | None = None
    sources: frozenset[Source] = frozenset({"declared"})
    read: bool = False
    unread: tuple[str, ...] = ()
    resting: bool = False

    @property
    def undeclared(self) -> bool:
        """Whether only history knows it."""
        return self.sources == _OBSERVED_ONLY


@dataclass(frozen=True, slots=True)
class Edge:
    """One transition.

    Attributes:
        source, target: names of states.
        message: the message type that leads over it.
        guard: the guard's name, or None.
        error: the name of the declared exception that leads over it, or None.
        sources: where it is known from: declared, inferred, observed.
        count: how often it was taken, as observed; None where nothing was observed.
        description: one line for people, or None.
        measure: what a picture says in place of the count, such as ``p95 1.8 s``, or None.
        failed, refused: how often its message came in the state it leads from and, as observed,
            led nowhere.
    """

    source: str
    target: str
    message: str
    guard: str | None = None
    error: str | None = None
    sources: frozenset[Source] = frozenset({"declared"})
    count: int | None = None
    description: str | None = None
    measure: str | None = None
    failed: int = 0
    refused: int = 0

    @property
    def label(self) -> str:
        """``message [guard]``, with the exception where one leads here."""
        text = self.message + (f" [{self.guard}]" if self.guard else "")
        return f"{text} ✕ {self.error}" if self.error else text

    @property
    def stays(self) -> bool:
        """Whether it leads back to the state it comes from."""
        return self.source == self.target

    @property
    def stopped(self) -> bool:
        """Whether its message failed, and nothing ever went over it."""
        return bool(self.failed) and not self.count

    @property
    def undeclared(self) -> bool:
        """Whether only history knows it."""
        return self.sources == _OBSERVED_ONLY

    @property
    def inferred(self) -> bool:
        """Whether it was read from the code of a handler, and not declared."""
        return "inferred" in self.sources and "declared" not in self.sources


@dataclass(frozen=True, slots=True)
class Graph:
    """A machine as data.

    Attributes:
        name: whose machine it is.
        states: in the order in which they are found from the start.
        edges: in the order of the declarations.
        start: the state in which it begins, or None.
        current: the state in which it is now, or None.
        notes: what people should know about this picture, e.g. what it leaves out.
    """

    name: str
    states: tuple[StateNode, ...] = ()
    edges: tuple[Edge, ...] = ()
    start: str | None = None
    current: str | None = None
    notes: tuple[str, ...] = ()

    def state(self, name: str) -> StateNode | None:
        """The state of that name, or None."""
        return next((each for each in self.states if each.name == name), None)

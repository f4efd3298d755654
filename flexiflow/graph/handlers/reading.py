"""What was read of a handler: its transitions, every way to its end, and what stayed unread."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Literal

from flexiflow.graph.handlers.paths import Path, merged
from flexiflow.graph.model import ANY_MESSAGE, Edge
from flexiflow.states import State


@dataclass(frozen=True, slots=True)
class Outcome:
    """Where one way through a handler ends.

    Attributes:
        path: the messages that take it, and its conditions.
        target: the state that it leads to; None where the message is refused or fails.
    """

    path: Path
    target: str | None


@dataclass(frozen=True, slots=True)
class Reading:
    """What the code of a classic handler says.

    Attributes:
        edges: in the order in which the code tries them; the first whose guard holds wins. An
            edge for `ANY_MESSAGE` is taken by any message that no other edge is for.
        messages: the types that are taken, in the same order.
        notes: what could not be read and where, e.g. ``line 14: the next state is computed``.
        complete: whether all of it could be read.
        classes: the class of each target; None where nobody has such a state.
        outcomes: every way to the end of the handler.
    """

    edges: tuple[Edge, ...] = ()
    messages: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    complete: bool = True
    classes: dict[str, type[State] | None] = field(default_factory=dict)
    outcomes: tuple[Outcome, ...] = ()

    @property
    def named(self) -> tuple[str, ...]:
        """The message types that the code names and takes."""
        return tuple(each for each in self.messages if each != ANY_MESSAGE)

    @property
    def takes_any(self) -> bool:
        """Whether messages are taken that the code does not name."""
        return ANY_MESSAGE in self.messages

    def takes(self, message_type: str) -> bool | Literal["unknown"]:
        """Whether a message of that type is taken; unknown where that depends on more than it.

        That an exception may be raised is not counted.
        """
        if not self.complete:
            return "unknown"
        here = [each for each in self.outcomes if each.path.only([message_type]) is not None]
        taken = [each.path for each in here if each.target is not None]
        if not taken:
            return False
        # Ways that together hold in any case are joined to one without conditions.
        plain = [Path(guards=path.guards) for path in taken]
        always = not any(path.guards for path in merged(plain))
        return True if always and len(taken) == len(here) else "unknown"

    def conditions(self, message_type: str) -> tuple[str, ...]:
        """The conditions under which a message of that type is taken, one a way."""
        here = [each for each in self.outcomes if each.path.only([message_type]) is not None]
        texts = (replace(e.path, excluded=()).guard for e in here if e.target is not None)
        return tuple(dict.fromkeys(text for text in texts if text is not None))

    def targets(self, message_type: str) -> tuple[str, ...]:
        """The states that a message of that type can lead to."""
        here = [each for each in self.outcomes if each.path.only([message_type]) is not None]
        return tuple(dict.fromkeys(e.target for e in here if e.target is not None))

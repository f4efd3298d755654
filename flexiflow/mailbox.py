"""One message at a time: turns, the order of arrival, and sends that would wait for themselves.

A component handles a message during a `Turn`. While a turn lasts, sends made under it (in its
handler, in child tasks, in bus subscribers) are waits: an edge from its component to the one that
is sent to. A send whose edge would close a cycle can't be waited for, so it is queued: it gets
its place in the mailbox at once and runs in a task of its own. The outermost turn returns when
everything queued under it is done.
"""

from __future__ import annotations

import asyncio
from collections import deque
from typing import Any

from flexiflow.correlation import Span, current_span
from flexiflow.step import Step


class Turn(Span):
    """One component's handling of one message; also the step's span.

    Attributes:
        component: whose turn it is.
        step: what comes of it.
        root: the outermost turn of the chain of sends that led here; itself, if it is that one.
        waits: the mailboxes of the components that sends under this turn wait for.
        over: whether the turn has ended; what outlives it is an ordinary sender.
        caused: tasks for the messages queued under this turn, if it is a root.
    """

    __slots__ = ("caused", "component", "over", "root", "step", "waits")

    def __init__(self, component: Any, step: Step, root: Turn | None) -> None:
        self.correlation_id = step.correlation_id
        self.span_id = step.span_id
        self.parent_id = step.parent_id
        self.turn = self
        self.owner = step.component
        self.component = component
        self.step = step
        self.root: Turn = self if root is None else root
        self.waits: list[Mailbox] | None = None
        self.over = False
        self.caused: list[asyncio.Task[BaseException | None]] | None = None


def enclosing_turn() -> Turn | None:
    """The turn under which the running code sends, or None for an ordinary sender."""
    span = current_span.get()
    turn: Turn | None = None if span is None else span.turn
    return None if turn is None or turn.over else turn


class Mailbox:
    """A component's present turn and those that wait for it, in order of arrival."""

    __slots__ = ("_waiting", "turn")

    def __init__(self) -> None:
        self.turn: Turn | None = None
        self._waiting: deque[tuple[asyncio.Future[None], Turn]] | None = None

    def take(self, turn: Turn) -> asyncio.Future[None] | None:
        """Begin `turn` now (None), or get its place in the queue (a future to wait for)."""
        if self.turn is None:
            self.turn = turn
            return None
        place = asyncio.get_running_loop().create_future()
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((place, turn))
        return place

    async def wait(self, place: asyncio.Future[None], turn: Turn) -> None:
        """Wait for a place in the queue; a cancelled wait gives the place up."""
        try:
            await place
        except asyncio.CancelledError:
            if self.turn is turn:  # handed over in the same moment: hand it on
                self.leave()
            raise

    def leave(self) -> None:
        """End the present turn and hand over to the next that still waits."""
        self.turn = None
        while self._waiting:
            place, turn = self._waiting.popleft()
            if place.done():
                continue
            try:
                place.set_result(None)
            except RuntimeError:  # its loop was closed; nobody waits there any more
                continue
            self.turn = turn  # from now on, so that no newcomer slips in between
            return

    def would_wait_for(self, turn: Turn) -> bool:
        """Whether waiting here under `turn` would wait for `turn` itself."""
        own: Mailbox = turn.component.mailbox
        seen: set[Mailbox] = set()
        waiting = [self]
        while waiting:
            mailbox = waiting.pop()
            if mailbox is own:
                return True
            if mailbox not in seen:
                seen.add(mailbox)
                if mailbox.turn is not None and mailbox.turn.waits:
                    waiting.extend(mailbox.turn.waits)
        return False

    @property
    def depth(self) -> int:
        """How many messages wait."""
        return sum(not place.done() for place, _ in self._waiting or ())

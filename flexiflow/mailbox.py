"""One message at a time: turns, the order of arrival, and sends that would wait for themselves.

A component handles a message during a `Turn`. While a turn lasts, sends made under it (in its
handler, in child tasks, in bus subscribers) are waits: an edge from its component to the one that
is sent to. A send whose edge would close a cycle can't be waited for, so it is queued: it gets
its place in the mailbox at once and runs in a task of its own. The outermost send returns when
everything queued under it is done.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from typing import Any

from flexiflow.correlation import Span
from flexiflow.errors import StateError
from flexiflow.step import Step


class Turn(Span):
    """One component's handling of one message; also the step's span.

    Attributes:
        component: whose turn it is.
        step: what comes of it.
        sender: the turn under which the message was sent, or None.
        waits: the mailboxes of the components that sends under this turn wait for.
        over: whether the turn has ended; what outlives it is an ordinary sender.
        returned: whether the send that this turn is for has returned.
        caused: tasks for messages queued under this turn, while it is the outermost.
    """

    __slots__ = ("caused", "component", "over", "returned", "sender", "step", "waits")

    def __init__(self, component: Any, step: Step, sender: Turn | None) -> None:
        self.correlation_id = step.correlation_id
        self.span_id = step.span_id
        self.parent_id = step.parent_id
        self.owner = step.component
        self.component = component
        self.step = step
        self.sender = sender
        self.waits: list[Mailbox] | None = None
        self.over = False
        self.returned = False
        self.caused: list[asyncio.Task[Step]] | None = None

    @property
    def turn(self) -> Turn:
        """Itself; never stored, since what refers to itself is left to the garbage collector."""
        return self

    @property
    def outermost(self) -> Turn:
        """The first of the sends that led here, among those that have not returned."""
        turn = self
        while turn.sender is not None and not turn.sender.returned:
            turn = turn.sender
        return turn


class Mailbox:
    """A component's present turn and those that wait for it, in order of arrival."""

    __slots__ = ("_loop", "_waiting", "turn")

    def __reduce__(self) -> tuple[Any, ...]:
        return Mailbox, ()  # nobody waits for a copy of a component

    def __init__(self) -> None:
        self.turn: Turn | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._waiting: deque[tuple[asyncio.Future[None], Turn]] | None = None

    def take(self, turn: Turn) -> asyncio.Future[None] | None:
        """Begin `turn` now (None), or get its place in the queue (a future to wait for).

        Raises:
            StateError: where the present turn belongs to another event loop that is still open.
        """
        loop = asyncio.get_running_loop()
        if self.turn is not None and self._loop is not loop:
            self._abandon(turn.step)
        if self.turn is None:
            self.turn = turn
            self._loop = loop
            return None
        place = loop.create_future()
        if self._waiting is None:
            self._waiting = deque()
        self._waiting.append((place, turn))
        return place

    async def wait(self, place: asyncio.Future[None], turn: Turn) -> None:
        """Wait for a place in the queue; a cancelled wait gives the place up."""
        try:
            await place
        except BaseException:
            self.give_up(place, turn)
            raise

    def give_up(self, place: asyncio.Future[None], turn: Turn) -> None:
        """Take a place back from the queue; a turn that it has become meanwhile is handed on."""
        with contextlib.suppress(RuntimeError):  # its loop was closed; nobody waits there any more
            place.cancel()
        self.leave(turn)

    def leave(self, turn: Turn) -> None:
        """End `turn` and hand over to the next that still waits."""
        if self.turn is not turn:
            return  # it was abandoned with its loop
        self.turn = None
        while self._waiting:
            place, following = self._waiting.popleft()
            if place.done():
                continue
            try:
                place.set_result(None)
            except RuntimeError:  # its loop was closed; nobody waits there any more
                continue
            self.turn = following  # from now on, so that no newcomer slips in between
            return

    def _abandon(self, step: Step) -> None:
        """Forget turns of a loop that was closed before they ended: nobody will end them."""
        if self._loop is not None and not self._loop.is_closed():
            raise StateError(
                f"{step.component} is handling a message in another event loop.",
                why="A component belongs to one event loop at a time; nothing is shared between.",
                fix="Send from that loop, or with asyncio.run_coroutine_threadsafe(…, loop).",
                context={"component": step.component, "message_type": step.message_type},
            )
        self.turn = None
        self._waiting = None

    def would_wait_for(self, turn: Turn) -> bool:
        """Whether waiting here under `turn` would wait for `turn` itself."""
        own: Mailbox = turn.component._mailbox
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


async def all_caused(turn: Turn) -> BaseException | None:
    """Wait for every message queued under a turn; the first error of them, or None.

    A queued message that was cancelled is no error: its step says so, and nobody has cancelled
    the one who waits here.
    """
    first: BaseException | None = None
    while turn.caused:
        task = turn.caused.pop(0)
        await asyncio.wait([task])  # not `await task`, which a cancellation would pass on to it
        error = None if task.cancelled() else task.exception()
        first = error if first is None else first
    return first

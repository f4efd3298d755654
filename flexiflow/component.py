"""A component: a name, rules, data, and a state machine that handles one message at a time."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Coroutine, Iterable, Mapping
from contextvars import ContextVar
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flexiflow.arguments import require
from flexiflow.correlation import Span, current_span, entry_ids, leave_span, new_span_id
from flexiflow.dispatch import Decision, decide_by_override, raised
from flexiflow.errors import InvalidType, bounded, bounded_repr
from flexiflow.event_manager import AsyncEventManager
from flexiflow.hooks import (
    NO_HOOKS,
    Hooks,
    Observer,
    StepWatcher,
    newcomers,
    shielded,
    shown,
    tell,
)
from flexiflow.mailbox import Mailbox, Turn, all_caused
from flexiflow.state_machine import StateMachine
from flexiflow.states import identity, registry_of
from flexiflow.step import Step, name_text

if TYPE_CHECKING:
    from flexiflow.answers import Accepted, Answer, WhyNot

MESSAGE_RECEIVED = "component.message.received"
STATE_CHANGED = "state.changed"


class _Report:
    """What an overridden handle_message led to, on its way back to `send`."""

    __slots__ = ("reached", "steps")

    def __init__(self) -> None:
        self.reached: set[str] = set()  # components whose own handling has begun
        self.steps: list[Step] = []  # in the order in which they ended, failed ones too


_report: ContextVar[_Report | None] = ContextVar("flexiflow_report", default=None)

# The event loop refers to its tasks weakly. A queued message must be handled even where the send
# that would have waited for it was cancelled.
_queued_tasks: set[asyncio.Task[None]] = set()


class _StateName:
    """The name of the current state.

    Not a property: a subclass written for 1.x may have a ``state`` of its own, and may set it.
    """

    def __get__(self, component: AsyncComponent | None, owner: type) -> str:
        if component is None:
            return self  # type: ignore[return-value]
        return component.state_machine.state_name


class AsyncComponent:
    """A named state machine with rules and data.

    Args:
        name: unique in an engine.
        rules: a list of JSON-able rules; kept as given.
        state_machine: where it starts; `InitialState` unless given.
        logger: for text lines; the engine's where it is registered without one.
        event_bus: for events; the engine's where it is registered without one.
        data: a JSON-able dict, saved and restored as the snapshot's metadata.
    """

    # For subclasses written for 1.x that do not call __init__.
    _hooks: Hooks = NO_HOOKS
    _watchers: tuple[StepWatcher, ...] = ()
    logger: logging.Logger | None = None
    event_bus: AsyncEventManager | None = None
    state = _StateName()

    def __init__(
        self,
        name: str,
        rules: list[Any] | None = None,
        state_machine: StateMachine | None = None,
        logger: logging.Logger | None = None,
        event_bus: AsyncEventManager | None = None,
        *,
        data: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.rules = [] if rules is None else rules
        self.state_machine = (
            StateMachine.from_name("InitialState") if state_machine is None else state_machine
        )
        self.logger = logger
        self.event_bus = event_bus
        self.data = {} if data is None else data

    @cached_property
    def data(self) -> dict[str, Any]:
        """A JSON-able dict, saved and restored as the snapshot's metadata."""
        return {}

    @cached_property
    def rules(self) -> list[Any]:
        """A list of JSON-able rules."""
        return []

    @cached_property
    def _mailbox(self) -> Mailbox:
        """The present turn and what waits for it."""
        return Mailbox()

    async def add_rule(self, rule: Any) -> None:
        """Append one rule."""
        self.rules.append(rule)

    async def update_rules(self, rules: list[Any]) -> None:
        """Append several rules."""
        require(
            isinstance(rules, Iterable) and not isinstance(rules, str | bytes | Mapping),
            "rules",
            rules,
            "a list of rules",
            "Use add_rule for a single one.",
        )
        self.rules.extend(rules)

    async def send(self, /, type: str, **fields: Any) -> Step:
        """Send this component a message, and wait until it is handled.

        Args:
            type: the message's type.
            **fields: its fields. ``correlation_id`` and ``traceparent`` say which trace it
                belongs to; without them it joins the running one or begins a new one.

        Returns:
            what came of it. A send that would wait for itself is queued and says so.

        Raises:
            InvalidValue: where an id can't be used.
            Exception: what the handler raised, unless the transition declares it.
        """
        return await self._deliver({"type": type, **fields})

    async def handle_message(self, message: dict[str, Any]) -> None:
        """Handle one message. Everything that enters comes through here."""
        report = _report.get()
        if report is None:
            await self._receive(message)
            return
        report.reached.add(self.name)
        begun: list[Step] = []
        try:
            await self._receive(message, begun)
        finally:
            report.steps += begun

    def _deliver(self, message: dict[str, Any]) -> Coroutine[Any, Any, Step]:
        """Pass a message to `handle_message`; the step that it led to is to be awaited."""
        if type(self).handle_message is AsyncComponent.handle_message:
            return self._receive(message)
        return self._deliver_to_override(message)

    async def _deliver_to_override(self, message: dict[str, Any]) -> Step:
        report = _Report()
        token = _report.set(report)
        own = self._new_step(message, current_span.get())
        own.started_us, began = time.time_ns() // 1000, time.perf_counter_ns()
        decision = Decision("stayed", None, (), self._kept_to_itself())
        try:
            await self.handle_message(message)
        except GeneratorExit:
            raise
        except BaseException as exc:
            if self.name in report.reached:  # the machine had it, and its step is recorded
                raise
            decision = raised(exc)
        finally:
            with contextlib.suppress(ValueError):  # closed from outside, in another context
                _report.reset(token)
        for step in reversed(report.steps):
            if step.component == own.component:
                return step
        own.duration_us = (time.perf_counter_ns() - began) // 1000
        return await self._record_own(own, message, decision)

    def can(self, /, type: str, **fields: Any) -> Answer:
        """Whether the current state would take this message now.

        Returns:
            True or False; ``"unknown"`` where the code of a classic handler asks for more than
            the type, or could not be read, and where a guard needs a field that is not given.
        """
        from flexiflow.answers import can

        return can(self, {"type": type, **fields})

    def accepts(self) -> Accepted:
        """The message types that the current state takes; guards are not asked.

        A classic ``handle_message`` is not run: its code is read for the types that it names.
        """
        from flexiflow.answers import accepted

        return accepted(self.state_machine.current_state, registry_of(self))

    def why_not(self, /, type: str, **fields: Any) -> WhyNot:
        """What stands between this message and a transition: the guards' answers as a tree."""
        from flexiflow.answers import why_not

        return why_not(self, {"type": type, **fields})

    # -- one step -------------------------------------------------------------------------

    async def _receive(self, message: dict[str, Any], begun: list[Step] | None = None) -> Step:
        if not isinstance(message, dict):
            raise InvalidType(
                f"A message must be a dict, not {type(message).__name__}.",
                why="Handlers read message['type'] and the message's fields.",
                fix='Send {"type": "start"}, or call component.send("start").',
                context={"component": self.name, "message": bounded_repr(message, 200)},
            )
        sender = current_span.get()
        step = self._new_step(message, sender)
        if begun is not None:
            begun.append(step)
        outer: Turn | None = None
        if sender is not None and sender.turn is not None and not sender.turn.over:
            outer = sender.turn  # what outlives its turn is an ordinary sender
        turn = Turn(self, step, outer)
        mailbox = self._mailbox
        if outer is None:
            await self._run(turn, mailbox.take(turn), message)
            return step
        if mailbox.turn is not None and mailbox.would_wait_for(outer):
            self._queue(turn, message)
            return step
        if outer.waits is None:
            outer.waits = []
        outer.waits.append(mailbox)
        try:
            await self._run(turn, mailbox.take(turn), message)
        finally:
            outer.waits.remove(mailbox)
        return step

    def _new_step(self, message: dict[str, Any], sender: Span | None) -> Step:
        correlation_id, parent_id = entry_ids(message, sender)
        state = self.state_machine.state_name
        name = name_text(self.name)
        step = Step(name, _type_of(message), state, correlation_id, new_span_id(), parent_id)
        if sender is not None and sender.turn is not None:
            step.sender, step.sender_span = sender.owner, sender.turn.span_id
        return step

    def _kept_to_itself(self) -> str:
        return f"{type(self).__name__}.handle_message did not pass it to the machine"

    async def _record_own(self, step: Step, message: dict[str, Any], decision: Decision) -> Step:
        """Record the step of a message that an overridden ``handle_message`` kept to itself."""
        if self.state_machine.state_name != step.from_state:  # it assigned the state itself
            decision.next_state = self.state_machine.current_state
            decision.outcome = "moved" if decision.error is None else decision.outcome
        observer = self._hooks.observer
        if observer is not None:
            observer.received(step, message)
        self._conclude(step, decision)
        cancelled = None
        if observer is not None:
            pending = observer.commit(step, message, self)
            if pending is not None:
                cancelled = await self._committed(pending, step, decision, observer)
        self._tell(step)
        if decision.error is not None:
            raise cancelled or decision.error
        if cancelled is not None:
            raise cancelled
        if observer is not None:
            observer.settled(step)
        return step

    def _queue(self, turn: Turn, message: dict[str, Any]) -> None:
        """Give a message its place, and a task that handles it when its turn comes."""
        mailbox = self._mailbox
        place = mailbox.take(turn)
        outermost = turn.sender = turn.outermost
        task = asyncio.create_task(self._run(turn, place, message))
        _queued_tasks.add(task)
        task.add_done_callback(_queued_tasks.discard)
        assert place is not None  # there is a present turn: it is part of the cycle
        # A task that is cancelled before it begins gives nothing up itself.
        task.add_done_callback(lambda _: mailbox.give_up(place, turn))
        if outermost.caused is None:
            outermost.caused = []
        outermost.caused.append(task)

    async def _run(
        self, turn: Turn, place: asyncio.Future[None] | None, message: dict[str, Any]
    ) -> None:
        """Take a turn, then wait for the messages queued under it, if it is the outermost."""
        try:
            try:
                if place is not None:
                    await self._wait_for_turn(turn, place, message)
                token = current_span.set(turn)
                try:
                    await self._handle(turn.step, message)
                finally:
                    turn.over = True
                    self._mailbox.leave(turn)
                    leave_span(token)
            except Exception:
                await all_caused(turn)
                raise
            if turn.caused:
                error = await all_caused(turn)
                if error is not None:
                    raise error
        finally:
            turn.returned = True

    async def _wait_for_turn(
        self, turn: Turn, place: asyncio.Future[None], message: dict[str, Any]
    ) -> None:
        step = turn.step
        try:
            await self._mailbox.wait(place, turn)
        except asyncio.CancelledError as exc:
            await self._record_unhandled(step, message, exc)
            raise
        step.from_state = step.to_state = self.state_machine.state_name

    async def _handle(self, step: Step, message: dict[str, Any]) -> None:
        step.started_us = time.time_ns() // 1000
        began = time.perf_counter_ns()
        observer, bus = self._hooks.observer, self.event_bus
        if observer is not None:
            observer.received(step, message)
        decision = await self._decide(message)
        step.duration_us = (time.perf_counter_ns() - began) // 1000
        now = self._hooks.observer
        if now is not observer and now is not None:
            for each in newcomers(now, observer):  # who began meanwhile gets the whole step
                each.received(step, message)
            observer = now
        self._conclude(step, decision)
        cancelled = None
        if observer is not None:
            pending = observer.commit(step, message, self)
            if pending is not None:
                cancelled = await self._committed(pending, step, decision, observer)
        if decision.error is not None and not decision.proceeds:
            self._tell(step)
            if cancelled is not None:  # a caller that catches errors must not miss it
                raise cancelled from decision.error
            raise decision.error
        if decision.next_state is not None:
            self.state_machine.current_state = decision.next_state
        self._tell(step)
        if observer is not None:
            observer.settled(step)
        if bus is not None and step.outcome == "moved" and bus.has_subscribers(STATE_CHANGED):
            await bus.publish(
                STATE_CHANGED,
                {
                    "component": self.name,
                    "from_state": step.from_state,
                    "to_state": step.to_state,
                    "correlation_id": step.correlation_id,
                },
            )
        if cancelled is not None:
            raise cancelled

    async def _decide(self, message: dict[str, Any]) -> Decision:
        bus, machine = self.event_bus, self.state_machine
        try:
            if bus is not None and bus.has_subscribers(MESSAGE_RECEIVED):
                await bus.publish(MESSAGE_RECEIVED, {"component": self.name, "message": message})
        except asyncio.CancelledError as exc:
            return Decision("cancelled", None, (), "cancelled before it was handled", exc)
        before = machine.current_state
        if type(machine).handle_message is StateMachine.handle_message:
            decision = await machine.decide(message, self)
        else:
            decision = await decide_by_override(machine, message, self)
        after = machine.current_state
        if after is before:
            return decision
        # A handler in the style of 1.x assigned the state itself: it counts once it is committed.
        machine.current_state = before
        if decision.outcome == "stayed" and decision.next_state is None:
            return Decision("moved", after, decision.guards)
        return decision

    async def _record_unhandled(
        self, step: Step, message: dict[str, Any], exc: asyncio.CancelledError
    ) -> None:
        """Record a message whose wait for its turn was cancelled."""
        present = self._mailbox.turn
        if present is not None and present.step.started_us:
            state = present.step.to_state  # it may be committing a move that is not assigned yet
        else:
            state = self.state_machine.state_name
        step.from_state = step.to_state = state
        step.started_us = time.time_ns() // 1000
        observer = self._hooks.observer
        if observer is not None:
            observer.received(step, message)
        decision = Decision("cancelled", None, (), "cancelled while it waited", exc)
        self._conclude(step, decision)
        if observer is not None:
            pending = observer.commit(step, message, None)
            if pending is not None:
                await self._committed(pending, step, decision, observer)
        if self._watchers:
            tell(self._watchers, step)

    def _conclude(self, step: Step, decision: Decision) -> None:
        """Fill in what came of a step."""
        step.guards, step.error, step.reason = decision.guards, decision.error, decision.reason
        step.outcome = decision.outcome
        if decision.next_state is not None:
            step.to_state = identity(decision.next_state, self.state_machine.registry)
            if step.to_state == step.from_state and decision.error is None:
                step.outcome = "stayed"

    async def _committed(
        self, pending: Awaitable[None], step: Step, decision: Decision, observer: Observer
    ) -> asyncio.CancelledError | None:
        """Wait until a step is committed; a cancellation that arrives meanwhile is returned."""
        error, cancelled = await shielded(pending)
        if error is None:
            return cancelled
        if decision.error is not None and not decision.proceeds:
            decision.error.add_note(f"The failed step could not be recorded: {error}")
            return cancelled
        step.outcome, step.to_state, step.error = "failed", step.from_state, error
        observer.uncommitted(step)
        self._tell(step)
        if cancelled is not None:
            raise cancelled from error
        raise error

    def _tell(self, step: Step) -> None:
        """Tell whoever watches and the text log that a step has ended."""
        if self._watchers:
            tell(self._watchers, step)
        logger = self.logger
        if logger is None:
            return
        # Never louder than INFO: failures reach the caller, and a refusal is no failure.
        if logger.isEnabledFor(logging.INFO):
            logger.info("%s", bounded(shown(self._hooks, repr(step)), 500))

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} in {self.state_machine.state_name}>"


def _type_of(message: Mapping[str, Any]) -> str | None:
    kind = message.get("type")
    if kind is None or isinstance(kind, str):
        return kind
    return bounded_repr(kind, 80)

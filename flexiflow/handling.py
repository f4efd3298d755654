"""One message, from its arrival at a component to what came of it.

The order of one step: the message's turn, guards and handler, the commit of step and snapshot,
the new state, ``state.changed``. Every message comes through here: what need not wait is no
coroutine, since one costs as much as ten calls.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Coroutine
from typing import Any

from flexiflow.correlation import Span, current_span, entry_ids, leave_span, new_span_id
from flexiflow.dispatch import Decision, decide, decide_by_override
from flexiflow.errors import InvalidType, bounded, bounded_repr
from flexiflow.event_manager import is_heard
from flexiflow.hooks import Observer, newcomers, shielded, shown, tell
from flexiflow.mailbox import Turn, all_caused
from flexiflow.state_machine import OWN_HANDLE_MESSAGE
from flexiflow.states import State, identity
from flexiflow.step import Step, name_text

MESSAGE_RECEIVED = "component.message.received"
STATE_CHANGED = "state.changed"

# The event loop refers to its tasks weakly. A queued message must be handled even where the send
# that would have waited for it was cancelled.
_queued_tasks: set[asyncio.Task[Step]] = set()


def receive(
    component: Any, message: dict[str, Any], begun: list[Step] | None = None
) -> Coroutine[Any, Any, Step]:
    """Handle a message when its turn comes; one that would wait for itself is queued.

    Args:
        component: who receives it.
        message: what it is sent.
        begun: is given the step as soon as there is one, whatever becomes of it.

    Returns:
        what came of it, to be awaited at once.

    Raises:
        InvalidType: (a TypeError) where the message is no dict.
        InvalidValue: (a ValueError) where its ids can't be used.
    """
    if not isinstance(message, dict):
        raise InvalidType(
            f"A message must be a dict, not {type(message).__name__}.",
            why="Handlers read message['type'] and the message's fields.",
            fix='Send {"type": "start"}, or call component.send("start").',
            context={"component": component.name, "message": message},
        )
    sender = current_span.get()
    step = new_step(component, message, sender)
    if begun is not None:
        begun.append(step)
    outer: Turn | None = None
    if sender is not None and sender.turn is not None and not sender.turn.over:
        outer = sender.turn  # what outlives its turn is an ordinary sender
    turn = Turn(component, step, outer)
    if outer is None:
        return _run(turn, message)
    mailbox = component._mailbox
    if mailbox.turn is not None and mailbox.would_wait_for(outer):
        return _queued(turn, message)
    return _run_under(outer, turn, message)


def new_step(component: Any, message: dict[str, Any], sender: Span | None) -> Step:
    """The step of a message that has arrived, with its ids; it has not been handled yet."""
    correlation_id, parent_id = entry_ids(message, sender)
    kind = message.get("type")
    step = Step(
        name_text(component.name),
        kind if kind is None or isinstance(kind, str) else bounded_repr(kind, 80),
        component.state_machine.state_name,
        correlation_id,
        new_span_id(),
        parent_id,
    )
    if sender is not None and sender.turn is not None:
        step.sender, step.sender_span = sender.owner, sender.turn.span_id
    return step


async def _queued(turn: Turn, message: dict[str, Any]) -> Step:
    """Give a message its place, and a task that handles it when its turn comes."""
    mailbox = turn.component._mailbox
    place = mailbox.take(turn)
    assert place is not None  # there is a present turn: it is part of the cycle
    outermost = turn.sender = turn.outermost
    task = asyncio.create_task(_run(turn, message, place))
    _queued_tasks.add(task)
    task.add_done_callback(_queued_tasks.discard)
    # A task that is cancelled before it begins gives nothing up itself.
    task.add_done_callback(lambda _: mailbox.give_up(place, turn))
    if outermost.caused is None:
        outermost.caused = []
    outermost.caused.append(task)
    return turn.step


async def _run_under(outer: Turn, turn: Turn, message: dict[str, Any]) -> Step:
    """Take a turn, for which another one waits."""
    mailbox = turn.component._mailbox
    if outer.waits is None:
        outer.waits = []
    outer.waits.append(mailbox)
    try:
        return await _run(turn, message)
    finally:
        outer.waits.remove(mailbox)


async def _run(
    turn: Turn, message: dict[str, Any], place: asyncio.Future[None] | None = None
) -> Step:
    """Take a turn, then wait for the messages queued under it, if it is the outermost."""
    component = turn.component
    mailbox = component._mailbox
    if place is None:
        place = mailbox.take(turn)
    try:
        try:
            if place is not None:
                await _wait_for_turn(turn, place, message)
            token = current_span.set(turn)
            try:
                await _handle(component, turn.step, message)
            finally:
                turn.over = True
                mailbox.leave(turn)
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
    return turn.step


async def _wait_for_turn(turn: Turn, place: asyncio.Future[None], message: dict[str, Any]) -> None:
    step = turn.step
    try:
        await turn.component._mailbox.wait(place, turn)
    except asyncio.CancelledError as exc:
        await _record_unhandled(turn.component, step, message, exc)
        raise
    step.from_state = step.to_state = turn.component.state_machine.state_name


async def _handle(component: Any, step: Step, message: dict[str, Any]) -> None:
    bus, machine, observer = component.event_bus, component.state_machine, component._hooks.observer
    step.started_us = time.time_ns() // 1000
    began = time.perf_counter_ns()
    if observer is not None:
        observer.received(step, message)
    decision = None
    if bus is not None and is_heard(bus, MESSAGE_RECEIVED):
        decision = await _announced(bus, component, message)
    if decision is None:
        before = machine.current_state
        if getattr(machine.handle_message, "__func__", None) is OWN_HANDLE_MESSAGE:
            decision = await decide(before, message, component)
        else:
            decision = await decide_by_override(machine, message, component)
        if machine.current_state is not before:
            decision = _unassigned(machine, before, decision)
    step.duration_us = (time.perf_counter_ns() - began) // 1000
    now = component._hooks.observer
    if now is not observer and now is not None:
        for each in newcomers(now, observer):  # who began meanwhile gets the whole step
            each.received(step, message)
        observer = now
    pending = conclude(component, step, message, decision, observer)
    cancelled = None
    if pending is not None and observer is not None:
        cancelled = await committed(component, step, decision, observer, pending)
    if decision.error is not None and not decision.proceeds:
        tell_of(component, step)
        if cancelled is not None:  # a caller that catches errors must not miss it
            raise cancelled from decision.error
        raise decision.error
    if decision.next_state is not None:
        machine._enter(decision.next_state, step.to_state)
    tell_of(component, step)
    if observer is not None:
        observer.settled(step)
    if bus is not None and step.outcome == "moved" and is_heard(bus, STATE_CHANGED):
        await bus.publish(
            STATE_CHANGED,
            {
                "component": component.name,
                "from_state": step.from_state,
                "to_state": step.to_state,
                "correlation_id": step.correlation_id,
            },
        )
    if cancelled is not None:
        raise cancelled


async def _announced(bus: Any, component: Any, message: dict[str, Any]) -> Decision | None:
    """Tell the bus of a message; a decision where that was cancelled."""
    try:
        await bus.publish(MESSAGE_RECEIVED, {"component": component.name, "message": message})
    except asyncio.CancelledError as exc:
        return Decision("cancelled", None, (), "cancelled before it was handled", exc)
    return None


def _unassigned(machine: Any, before: State, decision: Decision) -> Decision:
    """A handler in the style of 1.x assigned the state itself: it counts once it is committed."""
    after = machine.current_state
    machine.current_state = before
    if decision.outcome == "stayed" and decision.next_state is None:
        return Decision("moved", after, decision.guards)
    return decision


async def _record_unhandled(
    component: Any, step: Step, message: dict[str, Any], exc: asyncio.CancelledError
) -> None:
    """Record a message whose wait for its turn was cancelled."""
    present = component._mailbox.turn
    if present is not None and present.step.started_us:
        state = present.step.to_state  # it may be committing a move that is not assigned yet
    else:
        state = component.state_machine.state_name
    step.from_state = step.to_state = state
    step.started_us = time.time_ns() // 1000
    observer = component._hooks.observer
    if observer is not None:
        observer.received(step, message)
    decision = Decision("cancelled", None, (), "cancelled while it waited", exc)
    await recorded(component, step, message, decision, observer, handled=False)
    if component._watchers:
        tell(component._watchers, step)


def conclude(
    component: Any,
    step: Step,
    message: dict[str, Any],
    decision: Decision,
    observer: Observer | None,
    *,
    handled: bool = True,
) -> Awaitable[None] | None:
    """Fill in what came of a step, and have it recorded.

    Returns:
        what must be waited for before the state changes, or None.
    """
    step.guards, step.error, step.reason = decision.guards, decision.error, decision.reason
    step.outcome = decision.outcome
    if decision.next_state is not None:
        step.to_state = identity(decision.next_state, component.state_machine.registry)
        if step.to_state == step.from_state and decision.error is None:
            step.outcome = "stayed"
    if observer is None:
        return None
    return observer.commit(step, message, component if handled else None)


async def committed(
    component: Any, step: Step, decision: Decision, observer: Observer, pending: Awaitable[None]
) -> asyncio.CancelledError | None:
    """Wait until a step is committed, whatever happens.

    Returns:
        a cancellation that arrived meanwhile.

    Raises:
        PersistenceError: where it could not be committed; the step has failed.
    """
    error, cancelled = await shielded(pending)
    if error is None:
        return cancelled
    if decision.error is not None and not decision.proceeds:
        decision.error.add_note(f"The failed step could not be recorded: {error}")
        return cancelled
    step.outcome, step.to_state, step.error = "failed", step.from_state, error
    observer.uncommitted(step)
    tell_of(component, step)
    if cancelled is not None:
        raise cancelled from error
    raise error


async def recorded(
    component: Any,
    step: Step,
    message: dict[str, Any],
    decision: Decision,
    observer: Observer | None,
    *,
    handled: bool = True,
) -> asyncio.CancelledError | None:
    """`conclude`, and `committed` where there is something to wait for."""
    pending = conclude(component, step, message, decision, observer, handled=handled)
    if pending is None or observer is None:
        return None
    return await committed(component, step, decision, observer, pending)


def tell_of(component: Any, step: Step) -> None:
    """Tell whoever watches a component, and the text log, that a step has ended."""
    if component._watchers:
        tell(component._watchers, step)
    logger = component.logger
    if logger is None:
        return
    # Never louder than INFO: failures reach the caller, and a refusal is no failure.
    enabled = getattr(logger, "isEnabledFor", None)  # loggers of other libraries have none
    if enabled is None or enabled(logging.INFO):
        logger.info(bounded(shown(component._hooks, repr(step)), 500))

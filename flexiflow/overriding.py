"""Components of subclasses, written for 1.x, that override ``handle_message``.

Such a method may pass a message to the machine (``super().handle_message``), to another
component, or keep it to itself; what came of it finds its way back to `send` all the same.
"""

from __future__ import annotations

import contextlib
import time
from contextvars import ContextVar
from typing import Any

from flexiflow.correlation import current_span
from flexiflow.dispatch import Decision, raised
from flexiflow.handling import new_step, receive, recorded, tell_of
from flexiflow.step import Step


class _Report:
    """What an overridden handle_message led to, on its way back to `send`."""

    __slots__ = ("reached", "steps")

    def __init__(self) -> None:
        self.reached: set[str] = set()  # components whose own handling has begun
        self.steps: list[Step] = []


_report: ContextVar[_Report | None] = ContextVar("flexiflow_report", default=None)


async def handle(component: Any, message: dict[str, Any]) -> None:
    """Handle a message, and report its step to the `send` that waits for it, if one does."""
    report = _report.get()
    if report is None:
        await receive(component, message)
        return
    report.reached.add(component.name)
    begun: list[Step] = []
    try:
        await receive(component, message, begun)
    finally:
        report.steps += begun


async def deliver_to_override(component: Any, message: dict[str, Any]) -> Step:
    """Pass a message to an overridden ``handle_message``, and return the step that it led to."""
    report = _Report()
    token = _report.set(report)
    own = new_step(component, message, current_span.get())
    own.started_us, began = time.time_ns() // 1000, time.perf_counter_ns()
    decision = Decision("stayed", None, (), _kept_to_itself(component))
    try:
        await component.handle_message(message)
    except GeneratorExit:
        raise
    except BaseException as exc:
        if component.name in report.reached:  # the machine had it, and its step is recorded
            raise
        decision = raised(exc)
    finally:
        with contextlib.suppress(ValueError):  # closed from outside, in another context
            _report.reset(token)
    for step in reversed(report.steps):
        if step.component == own.component:
            return step
    own.duration_us = (time.perf_counter_ns() - began) // 1000
    return await _record_own(component, own, message, decision)


def _kept_to_itself(component: Any) -> str:
    return f"{type(component).__name__}.handle_message did not pass it to the machine"


async def _record_own(
    component: Any, step: Step, message: dict[str, Any], decision: Decision
) -> Step:
    """Record the step of a message that an overridden ``handle_message`` kept to itself."""
    machine = component.state_machine
    if machine.state_name != step.from_state:  # it assigned the state itself
        decision.next_state = machine.current_state
        decision.outcome = "moved" if decision.error is None else decision.outcome
    observer = component._hooks.observer
    if observer is not None:
        observer.received(step, message)
    cancelled = await recorded(component, step, message, decision, observer)
    tell_of(component, step)
    if decision.error is not None:
        raise cancelled or decision.error
    if cancelled is not None:
        raise cancelled
    if observer is not None:
        observer.settled(step)
    return step

"""Trying a machine out: send it messages, and note the steps."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import bounded_repr
from flexiflow.hooks import watch_steps
from flexiflow.lessons.exercise import error_words
from flexiflow.state_machine import DEFAULT_REGISTRY, State, StateRegistry
from flexiflow.states import reachable
from flexiflow.step import Step

Message = str | Mapping[str, Any]
"""A message's type alone, or the whole message."""


@dataclass(frozen=True, slots=True)
class Course:
    """Messages to a new machine, and the state that it should be in after each.

    Attributes:
        says: what it is about, as in "an order of two items".
        expected: messages and states.
        data: what the machine's data is at the beginning.
        data_after: fields that the data should have in the end.
    """

    says: str
    expected: tuple[tuple[Message, str], ...]
    data: Mapping[str, Any] = field(default_factory=dict)
    data_after: Mapping[str, Any] = field(default_factory=dict)


def as_message(message: Message) -> dict[str, Any]:
    """The whole message."""
    return {"type": message} if isinstance(message, str) else dict(message)


def in_words(message: Message) -> str:
    """A message as code: ``pay`` or ``pay(amount=3)``."""
    whole = as_message(message)
    kind = whole.pop("type", None)
    fields = ", ".join(f"{key}={bounded_repr(value, 40)}" for key, value in whole.items())
    return f"{kind}({fields})" if fields else f"{kind}"


def newly(start: type[State] | State, name: str, data: Mapping[str, Any]) -> AsyncComponent:
    """A component of its own engine. The names of its states are known to nobody else."""
    registry = StateRegistry(DEFAULT_REGISTRY)
    return FlexiFlowEngine().add(name, start, data=copy.deepcopy(dict(data)), registry=registry)


def scope_of(start: type[State]) -> StateRegistry:
    """A registry with the states that can be reached from a start, known to nobody else."""
    registry = StateRegistry(DEFAULT_REGISTRY)
    for name, cls in reachable(start, registry).items():
        registry.register(name, cls)
    return registry


async def sent(component: AsyncComponent, message: Message) -> list[Step]:
    """Send a message, and return the steps that it led to; a failed one too, raising nothing."""
    steps: list[Step] = []
    end = watch_steps(component, steps.append)
    try:
        await component.send(**as_message(message))
    except Exception as exc:
        if not any(step.error is exc for step in steps):
            raise
    finally:
        end()
    return steps


async def first_deviation(start: type[State], courses: Iterable[Course]) -> str | None:
    """Where a machine first does something else than it should, in words; None where nowhere."""
    for course in courses:
        component = newly(start, "machine", course.data)
        for message, expected in course.expected:
            before = component.state
            steps = await sent(component, message)
            if component.state != expected:
                return _deviation(course, message, before, expected, component, steps)
        for key, value in course.data_after.items():
            if component.data.get(key) != value:
                return (
                    f"Tried with {course.says}: in the end `data[{key!r}]` should be "
                    f"`{value!r}`, and is `{bounded_repr(component.data.get(key), 80)}`."
                )
    return None


def _deviation(
    course: Course,
    message: Message,
    before: str,
    expected: str,
    component: AsyncComponent,
    steps: list[Step],
) -> str:
    text = (
        f"Tried with {course.says}: in {before} it got `{in_words(message)}`, "
        f"should be in {expected} then, and is in {component.state}."
    )
    return f"{text}\n\n{step_words(steps)}" if steps else text


def step_words(steps: Iterable[Step]) -> str:
    """Steps and what their guards answered, as an indented block."""
    lines: list[str] = []
    for step in steps:
        lines += _one_line(step)
        lines += [f"  {line}" for check in step.guards for line in check.lines()]
    return "\n".join(f"    {line}" for line in lines)


def _one_line(step: Step) -> list[str]:
    what = f"{step.component}: {step.message_type}"
    if step.error is not None and step.outcome == "failed":
        return [f"✕ {what} failed: {error_words(step.error)}"]
    if step.outcome == "refused":
        return [f"◇ {what} was refused: {step.reason}"]
    if step.outcome == "moved":
        by = f" by {type(step.error).__name__}" if step.error is not None else ""
        return [f"● {what} moved {step.from_state} → {step.to_state}{by}"]
    return [f"· {what} {step.outcome} in {step.to_state}"]

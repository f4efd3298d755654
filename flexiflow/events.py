"""The names of the events in a trace log, and `log_event` for an application's own."""

from __future__ import annotations

from typing import Any, Literal

from flexiflow.arguments import require
from flexiflow.correlation import current_span
from flexiflow.errors import InvalidType, InvalidValue, bounded_repr
from flexiflow.hooks import NO_HOOKS

Event = Literal[
    "component.registered",
    "message.received",
    "message.refused",
    "message.failed",
    "handler.started",
    "handler.finished",
    "handler.failed",
    "state.changed",
    "snapshot.saved",
    "recording.gap",
]

EVENTS: tuple[str, ...] = Event.__args__  # type: ignore[attr-defined]

LONGEST_NAME = 128


def log_event(name: str, /, *, component: str | None = None, **fields: Any) -> bool:
    """Write an event to the log of whoever records the handler that runs.

    Call it in a handler, or in what a handler calls or starts; the event belongs to the same trace
    and span. Where nothing is recorded it does nothing, so that handlers need not know.

    Args:
        name: what happened, as ``"payment.quoted"``.
        component: whose event it is; the handler's unless given.
        **fields: anything; stands under ``data``.

    Returns:
        whether it was written.

    Raises:
        InvalidValue: (a ValueError) for a name that can't be used.
        InvalidType: (a TypeError) for a name that is no string.
    """
    check_event_name(name)
    check_event_component(component)
    span = current_span.get()
    turn = None if span is None else span.turn
    hooks = NO_HOOKS if turn is None else turn.component._hooks
    return hooks.observer is not None and hooks.observer.own_event(name, component, fields)


def check_event_component(component: object) -> None:
    """Refuse what is no component's name."""
    require(
        component is None or isinstance(component, str),
        "component",
        component,
        "a component's name",
        "Pass component.name, or leave it out.",
    )


def check_event_name(name: object) -> None:
    """Refuse a name that would forge a line of the recording, or that can't be searched for."""
    if not isinstance(name, str):
        raise InvalidType(
            f"An event can't be called {bounded_repr(name, 80)}.",
            why=f"Its name is of type {type(name).__name__}, and a name is a string.",
            fix='Write log_event("payment.quoted", amount=12).',
            context={"name": name},
        )
    if not (0 < len(name) <= LONGEST_NAME and name.isprintable()):
        raise InvalidValue(
            f"An event can't be called {bounded_repr(name, 80)}.",
            why=f"A name is printable and has 1 to {LONGEST_NAME} characters.",
            fix="Put what varies into fields, and keep the name short.",
            context={"name": name},
        )
    if name in EVENTS:
        raise InvalidValue(
            f"{name!r} is an event of the recording itself.",
            why="It says what the engine did; a line by somebody else would be taken for it.",
            fix="Call it after your own subject, as in 'payment.quoted'.",
            context={"name": name},
        )

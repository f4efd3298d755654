"""Declared transitions: `on` marks a state's method, and the rest reads the marks back.

A declaration says which message a state takes, under which guard, and where it leads, so that a
machine can be drawn, checked and explained without being run. Declaring registers nothing.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

from flexiflow.arguments import require
from flexiflow.errors import InvalidType, InvalidValue, bounded_repr
from flexiflow.guards import Guard, GuardFunction, as_guard

_MARK = "_flexiflow_declarations"
_DEFAULT = "_flexiflow_default_handler"
# What was read of a class is kept on the class, and goes when it goes (a cell is run again).
_ALL = "_flexiflow_all"
_BEFORE = "_flexiflow_before_classic"

Method = TypeVar("Method", bound=Callable[..., Any])
Target = str | type


@dataclass(frozen=True, slots=True)
class Declaration:
    """One transition as it was written down.

    Attributes:
        message_type: the message it is for.
        to: a state name or class; None stays in the state.
        guard: asked before the method runs, or None.
        raises: exception classes that lead to a state instead of to the caller.
        method: the name of the method that handles the message.
    """

    message_type: str
    to: Target | None = None
    guard: Guard | None = None
    raises: Mapping[type[BaseException], Target] = field(default_factory=dict)
    method: str = ""

    def targets(self) -> list[Target]:
        """Every state that this declaration can lead to."""
        return ([] if self.to is None else [self.to]) + list(self.raises.values())

    def target_of(self, error: BaseException) -> Target | None:
        """Where `error` leads, or None where it was not declared."""
        for kind, target in self.raises.items():
            if isinstance(error, kind):
                return target
        return None


def on(
    message_type: str,
    *,
    to: Target | None = None,
    guard: GuardFunction | None = None,
    raises: Mapping[type[BaseException], Target] | None = None,
) -> Callable[[Method], Method]:
    """Declare that a state's method ``(self, message, component)`` handles a message.

    The method may be ``async`` or plain. A method may carry several declarations; they are tried
    from the top down, and the first whose guard passes wins.

    Args:
        message_type: the ``type`` of the messages it is for.
        to: the state that follows, by name or class; None stays.
        guard: a synchronous ``(message, component) -> bool``.
        raises: ``{PaymentError: "Failed"}``: exceptions that lead to a state. Such a step moved,
            keeps its error, and does not raise.
    """
    if not isinstance(message_type, str):
        raise InvalidType(
            f"@on needs a message type, not {bounded_repr(message_type, 80)}.",
            why="A declaration is for the messages whose 'type' is that string.",
            fix='Write @on("submit", to="Submitted").',
            context={"message_type": message_type},
        )
    require(
        raises is None or isinstance(raises, Mapping),
        "raises",
        raises,
        "a dict of exceptions and states",
        'Write raises={PaymentError: "Failed"}.',
    )
    for target in ([] if to is None else [to]) + list((raises or {}).values()):
        _check_target(message_type, target)
    for kind in raises or {}:
        _check_exception(message_type, kind)

    def declare(method: Method) -> Method:
        require(
            callable(method) and hasattr(method, "__dict__") and not isinstance(method, type),
            "what @on decorates",
            method,
            "a method (self, message, component)",
            "Write @on(…) above a def or async def.",
        )
        declaration = Declaration(
            message_type,
            to,
            None if guard is None else as_guard(guard),
            dict(raises or {}),
            getattr(method, "__name__", ""),
        )
        # Decorators run from the bottom up, and people read from the top down.
        setattr(method, _MARK, (declaration, *getattr(method, _MARK, ())))
        return method

    return declare


def _check_target(message_type: str, target: object) -> None:
    if not isinstance(target, str | type):
        raise InvalidType(
            f"@on({message_type!r}) leads to {bounded_repr(target, 80)}, which is not a state.",
            why="A transition leads to a state's name or class.",
            fix='Write to="Submitted", or to=Submitted where the class is defined above.',
            context={"message_type": message_type, "to": target},
        )


def _check_exception(message_type: str, kind: object) -> None:
    if not (isinstance(kind, type) and issubclass(kind, Exception)):
        raise InvalidValue(
            f"@on({message_type!r}) declares {bounded_repr(kind, 80)}, which is no exception.",
            why="The keys of raises= are exception classes; a cancellation can't be declared.",
            fix='Write raises={PaymentError: "Failed"}.',
            context={"message_type": message_type, "raises": kind},
        )


def declarations_of(state_class: type) -> tuple[Declaration, ...]:
    """All declarations of a state class, the subclass's before its bases'.

    A method that is overridden without a mark keeps its base's declarations, as it keeps its
    name; one that is marked anew replaces them.
    """
    known: tuple[Declaration, ...] | None = vars(state_class).get(_ALL)
    if known is None:
        found: list[Declaration] = []
        for cls in state_class.__mro__:
            found.extend(_own(cls, {each.method for each in found}))
        known = tuple(found)
        setattr(state_class, _ALL, known)
    return known


def runs_declarations(handler: Method) -> Method:
    """Mark a ``handle_message`` that only runs the declarations, so that it is no classic one."""
    setattr(handler, _DEFAULT, True)
    return handler


def before_classic(state_class: type) -> tuple[tuple[Declaration, ...], bool]:
    """The declarations that come before a classic ``handle_message``, and whether there is one.

    A class that overrides ``handle_message`` hides its bases' declarations, as any override hides
    what it overrides; they are reached by ``super().handle_message``.
    """
    known: tuple[tuple[Declaration, ...], bool] | None = state_class.__dict__.get(_BEFORE)
    if known is None:
        known = _read_before_classic(state_class)
        setattr(state_class, _BEFORE, known)
    return known


def _read_before_classic(state_class: type) -> tuple[tuple[Declaration, ...], bool]:
    found: list[Declaration] = []
    for cls in state_class.__mro__:
        found.extend(_own(cls, {each.method for each in found}))
        handler = vars(cls).get("handle_message")
        if handler is not None:
            return tuple(found), not getattr(handler, _DEFAULT, False)
    return tuple(found), False


def _own(cls: type, taken: set[str]) -> list[Declaration]:
    return [
        replace(declaration, method=name)  # a wrapped function may be called anything
        for name, member in vars(cls).items()
        if name not in taken and (inspect.isfunction(member) or callable(member))
        for declaration in getattr(member, _MARK, ())
    ]

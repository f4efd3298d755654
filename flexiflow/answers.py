"""What a component can tell about a message before it is sent: `can`, `accepts`, `why_not`."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, Literal, cast

from flexiflow.declarations import Declaration, before_classic
from flexiflow.dispatch import refusal
from flexiflow.errors import bounded_repr, listed
from flexiflow.guards import GuardCheck
from flexiflow.states import State, StateRegistry, identity, registry_of, resolve

if TYPE_CHECKING:
    from flexiflow.graph.handlers.reading import Reading

Answer = bool | Literal["unknown"]


class Accepted(list[str]):
    """Message types that a state takes: those that it declares, then those that its code names.

    Attributes:
        complete: False where a classic ``handle_message`` may take others too, since not all of
            its code could be read, or since it takes any.
    """

    def __init__(self, types: list[str], complete: bool) -> None:
        super().__init__(types)
        self.complete = complete

    def __repr__(self) -> str:
        return list.__repr__(self) + ("" if self.complete else " and what handle_message takes")


@dataclass(frozen=True, slots=True)
class Option:
    """One declared transition, and whether it is open now.

    Attributes:
        to: the state it leads to; the present one where it stays.
        check: the guard's answer, or None without a guard.
        error: what the guard raised, in words; then `open` is "unknown".
    """

    to: str
    check: GuardCheck | None
    error: str | None = None

    @property
    def open(self) -> Answer:
        """Whether the guard lets the message pass."""
        if self.error is not None:
            return "unknown"
        return self.check is None or bool(self.check.passed)


@dataclass(frozen=True, slots=True)
class WhyNot:
    """Why a message would not be taken, or that it would.

    Attributes:
        component, state, message_type: what was asked.
        answer: True, False or "unknown", as `can` says it.
        reason: the answer in one sentence.
        options: the declared transitions for this message, in the order in which they are tried.
    """

    component: str
    state: str
    message_type: str
    answer: Answer
    reason: str
    options: tuple[Option, ...] = ()

    def __str__(self) -> str:
        message = bounded_repr(self.message_type, 80)
        lines = [f"{message} to {self.component} in {self.state}: {self.reason}"]
        for option in self.options:
            mark = {True: "✓", False: "✗", "unknown": "?"}[option.open]
            lines.append(
                f"  {mark} → {option.to}" + (f"  ({option.error})" if option.error else "")
            )
            lines.extend(option.check.lines("    ") if option.check else ())
        return "\n".join(lines)

    __repr__ = __str__


def accepted(state: State, registry: StateRegistry) -> Accepted:
    """The message types that a state declares, and those that its classic handler names."""
    declarations, has_classic = before_classic(type(state))
    types = [each.message_type for each in declarations]
    if not has_classic:
        return Accepted(list(dict.fromkeys(types)), complete=True)
    reading = _read(state, registry)
    complete = reading.complete and not reading.takes_any
    return Accepted(list(dict.fromkeys([*types, *reading.named])), complete)


def _read(state: State, registry: StateRegistry) -> Reading:
    """What the code of a state's classic handler says."""
    # Reading stands above the core. It is looked up when somebody asks about a classic state, so
    # that a program that never asks does not load it.
    read_state = import_module("flexiflow.graph.inferred").read_state
    return cast("Reading", read_state(state, registry=registry))


def can(component: Any, message: dict[str, Any]) -> Answer:
    """Whether the component's current state would take the message."""
    return why_not(component, message).answer


def why_not(component: Any, message: dict[str, Any]) -> WhyNot:
    """Ask every guard that stands before the message."""
    state = component.state_machine.current_state
    declarations, has_classic = before_classic(type(state))
    matching = [each for each in declarations if each.message_type == message["type"]]
    options = tuple(_option(each, state, message, component) for each in matching)
    answer, reason = _of_declarations(options)
    if answer is None and has_classic:
        answer, reason = _of_code(_read(state, registry_of(component)), state, message["type"])
    if answer is None or (answer is False and options):
        checks = tuple(option.check for option in options if option.check is not None)
        answer, reason = False, refusal(state, message["type"], declarations, checks)
    name = component.state_machine.state_name
    return WhyNot(component.name, name, message["type"], answer, reason, options)


def _option(
    declaration: Declaration, state: State, message: dict[str, Any], component: Any
) -> Option:
    to = identity(state, registry_of(component))
    if declaration.to is not None:
        to, _ = resolve(declaration.to, type(state), registry_of(component))
    if declaration.guard is None:
        return Option(to, None)
    try:
        return Option(to, declaration.guard.check(message, component))
    except Exception as exc:  # a field that was not given; the answer says so
        return Option(to, None, f"guard {declaration.guard.name} raised {bounded_repr(exc)}")


def _of_declarations(options: tuple[Option, ...]) -> tuple[Answer | None, str]:
    """What the declared transitions say; None where none of them takes the message."""
    for option in options:
        if option.open is True:
            return True, f"it would lead to {option.to}"
        if option.open == "unknown":
            return "unknown", option.error or ""
    return None, ""


def _of_code(reading: Reading, state: State, message_type: str) -> tuple[Answer, str]:
    """What the code of the classic handler says, as far as it could be read."""
    handler = f"{type(state).__name__}.handle_message"
    answer = reading.takes(message_type)
    if not reading.complete:
        return answer, f"{handler} decides, and not all of it could be read ({reading.notes[0]})"
    if answer is True:
        return True, f"it would lead to {' or '.join(reading.targets(message_type))}"
    if answer is False:
        only = f", only {listed(list(reading.named))}" if reading.named else ""
        return False, f"{handler} does not take {bounded_repr(message_type, 80)}{only}"
    asked = " or ".join(reading.conditions(message_type))
    return answer, f"{handler} decides" + (f", and asks for: {asked}" if asked else "")

"""What a component can tell about a message before it is sent: `can`, `accepts`, `why_not`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from flexiflow.declarations import Declaration, before_classic
from flexiflow.dispatch import refusal
from flexiflow.guards import GuardCheck
from flexiflow.states import State, identity, registry_of, resolve

Answer = bool | Literal["unknown"]


class Accepted(list[str]):
    """Message types that a state declares, in the order of the declarations.

    Attributes:
        complete: False where a classic ``handle_message`` may take others too.
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
        lines = [f"{self.message_type!r} to {self.component} in {self.state}: {self.reason}"]
        for option in self.options:
            mark = {True: "✓", False: "✗", "unknown": "?"}[option.open]
            lines.append(
                f"  {mark} → {option.to}" + (f"  ({option.error})" if option.error else "")
            )
            lines.extend(option.check.lines("    ") if option.check else ())
        return "\n".join(lines)

    __repr__ = __str__


def accepted(state: State) -> Accepted:
    """The message types that a state declares."""
    declarations, has_classic = before_classic(type(state))
    return Accepted(
        list(dict.fromkeys(each.message_type for each in declarations)), not has_classic
    )


def can(component: Any, message: dict[str, Any]) -> Answer:
    """Whether the component's current state would take the message."""
    return why_not(component, message).answer


def why_not(component: Any, message: dict[str, Any]) -> WhyNot:
    """Ask every guard that stands before the message."""
    state = component.state_machine.current_state
    declarations, has_classic = before_classic(type(state))
    matching = [each for each in declarations if each.message_type == message["type"]]
    options = tuple(_option(each, state, message, component) for each in matching)
    answer, reason = _verdict(options, state, declarations, has_classic, message["type"])
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
        return Option(to, None, f"guard {declaration.guard.name} raised {exc!r}")


def _verdict(
    options: tuple[Option, ...],
    state: State,
    declarations: tuple[Declaration, ...],
    has_classic: bool,
    message_type: str,
) -> tuple[Answer, str]:
    for option in options:
        if option.open is True:
            return True, f"it would lead to {option.to}"
        if option.open == "unknown":
            return "unknown", option.error or ""
    if has_classic:
        name = type(state).__name__
        return "unknown", f"{name}.handle_message decides, and its code is not read"
    checks = tuple(option.check for option in options if option.check is not None)
    return False, refusal(state, message_type, declarations, checks)

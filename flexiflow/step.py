"""A step: one message handled by one component, and what came of it."""

from __future__ import annotations

from typing import Any, Literal

from flexiflow.errors import bounded, bounded_repr, error_text, on_one_line
from flexiflow.guards import GuardCheck

Outcome = Literal["moved", "stayed", "refused", "failed", "cancelled", "queued"]

_MARKS = {"refused": "◇ ", "failed": "✕ ", "cancelled": "✕ "}
_LONGEST_DETAIL = 300


class Step:
    """What came of one message.

    Attributes:
        component: the component's name.
        message_type: the message's ``type``, or None where it had none.
        from_state, to_state: identities of the states before and after.
        outcome: moved, stayed, refused, failed, cancelled; queued until it is known.
        correlation_id, span_id, parent_id: where the step stands in its trace.
        sender: the component that sent the message, or None where it came from outside.
        sender_span: the span of the step that sent it, or None.
        started_us: when its turn came, microseconds since 1970 UTC; 0 while it waits.
        duration_us: how long it took, microseconds.
        guards: what the guards that were asked answered.
        error: the exception, also where a declared one moved the machine.
        reason: why it was refused or cancelled, in words.
        tries: how often the most retried call in it was tried; 1 without a retry.
        id: its row in the history, once committed; None before, and where nothing is recorded.
        message_json: the message's fields as they came in; None where nothing is recorded.
    """

    __slots__ = (
        "component",
        "correlation_id",
        "duration_us",
        "error",
        "from_state",
        "guards",
        "id",
        "message_json",
        "message_type",
        "outcome",
        "parent_id",
        "reason",
        "sender",
        "sender_span",
        "span_id",
        "started_us",
        "to_state",
        "tries",
    )

    def __init__(
        self,
        component: str,
        message_type: str | None,
        from_state: str,
        correlation_id: str,
        span_id: str | None,
        parent_id: str | None,
        started_us: int = 0,
    ) -> None:
        self.component = component
        self.message_type = message_type
        self.from_state = from_state
        self.to_state = from_state
        self.outcome: Outcome = "queued"
        self.correlation_id = correlation_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.sender: str | None = None
        self.sender_span: str | None = None
        self.started_us = started_us
        self.duration_us = 0
        self.guards: tuple[GuardCheck, ...] = ()
        self.error: BaseException | None = None
        self.reason: str | None = None
        self.tries = 1
        self.id: int | None = None
        self.message_json: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """All attributes by name."""
        return {name: getattr(self, name) for name in self.__slots__}

    def __repr__(self) -> str:
        what = repr(self.message_type) if self.message_type is not None else "a message"
        sentence = f"{_MARKS.get(self.outcome, '')}{self.component}: {what} {self._ending()}"
        return on_one_line(sentence)

    def _ending(self) -> str:
        us = self.duration_us
        took = f"in {us} µs" if us < 1_000 else f"in {us / 1_000:.1f} ms"
        by = "" if self.error is None else f" by {type(self.error).__name__}"
        tries = f" after {self.tries} tries" if self.tries > 1 else ""
        match self.outcome:
            case "moved":
                return f"moved {self.from_state} → {self.to_state}{by}{tries} {took}"
            case "stayed":
                return f"stayed in {self.from_state}{by}{tries} {took}"
            case "refused":
                return f"was refused in {self.from_state}: {self.reason}"
            case "failed":
                detail = "" if self.error is None else f": {first_line(self.error)}"
                return f"failed in {self.from_state}{tries}{by}{detail}"
            case "cancelled":
                return f"was cancelled in {self.from_state}"
            case _:
                return f"is queued behind what {self.component} is handling"


def name_text(name: object) -> str:
    """A component's name as it is recorded: code written for 1.x may use numbers, or an Enum."""
    if type(name) is str:
        return name
    if isinstance(name, str):
        return str.__str__(name)  # the value of an Enum's member that is a string as well
    try:
        return str(name)
    except Exception:  # a broken __str__ must not hide the step
        return bounded_repr(name, 200)


def first_line(error: BaseException) -> str:
    """What an error says, on one line and bounded; never an exception of its own."""
    lines = error_text(error).splitlines()
    return bounded(lines[0], _LONGEST_DETAIL) if lines else "without a text"

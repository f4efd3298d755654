"""The correlation id: one for each message that enters, inherited by everything it causes.

A context variable carries the current `Span`, so that tasks, `asyncio.gather` and
`asyncio.to_thread` inherit it without being asked. New ids are W3C trace ids (32 lower-case hex
digits), new span ids are W3C span ids (16); see https://www.w3.org/TR/trace-context/.
"""

from __future__ import annotations

import os
import re
import sys
from contextvars import ContextVar, Token
from typing import Any

from flexiflow.errors import InvalidValue, bounded_repr

LONGEST_ID = 128

_TRACEPARENT = re.compile(r"[0-9a-f]{2}-([0-9a-f]{32})-([0-9a-f]{16})-[0-9a-f]{2}")
_POOL_BYTES = 4096


class Span:
    """Where in a trace the running code is.

    Attributes:
        correlation_id: the id of the message that entered.
        span_id: this step or handler call, 16 hex digits; None outside both.
        parent_id: the span that caused this one, if known.
        owner: the component on whose behalf the code runs, if known.
        turn: the step that encloses this span, or None; the engine finds cycles of waits by it.
    """

    __slots__ = ("correlation_id", "owner", "parent_id", "span_id", "turn")

    def __init__(
        self,
        correlation_id: str,
        span_id: str | None = None,
        parent_id: str | None = None,
        turn: Any = None,
        owner: str | None = None,
    ) -> None:
        self.correlation_id = correlation_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.turn = turn
        self.owner = owner

    def __repr__(self) -> str:
        return f"Span({self.correlation_id!r}, {self.span_id!r}, parent={self.parent_id!r})"


current_span: ContextVar[Span | None] = ContextVar("flexiflow_span", default=None)


def leave_span(token: Token[Span | None]) -> None:
    """Let the span before be the current one again.

    A coroutine that is closed from outside ends in another context, where there is none to leave.
    """
    try:  # noqa: SIM105 - contextlib.suppress costs more than all the rest
        current_span.reset(token)
    except ValueError:
        pass


# Random hex ids are read from the system 4 kB at a time: ten times faster than `uuid4`. Threads
# share what is left; `list.pop` hands an id to one of them only.
_trace_ids: list[str] = []
_span_ids: list[str] = []
if hasattr(os, "register_at_fork"):  # a forked child must not hand out its parent's ids
    os.register_at_fork(after_in_child=_trace_ids.clear)
    os.register_at_fork(after_in_child=_span_ids.clear)


def new_correlation_id() -> str:
    """A new W3C trace id: 32 lower-case hex digits."""
    try:
        return _trace_ids.pop()
    except IndexError:
        return _first_of_new(_trace_ids, 32)


def new_span_id() -> str:
    """A new W3C span id: 16 lower-case hex digits."""
    try:
        return _span_ids.pop()
    except IndexError:
        return _first_of_new(_span_ids, 16)


def _first_of_new(ids: list[str], digits: int) -> str:
    text = os.urandom(_POOL_BYTES).hex()
    first, *rest = (text[at : at + digits] for at in range(0, len(text), digits))
    ids.extend(rest)
    return first


def current_correlation_id() -> str | None:
    """The id that code running here belongs to, or None."""
    span = current_span.get()
    return None if span is None else span.correlation_id


def set_correlation_id(value: str | None = None) -> str:
    """Make `value` (or a new id) the current one in this context, and return it.

    Args:
        value: any printable string of 1 to 128 characters.

    Raises:
        InvalidValue: (a ValueError) for anything else.
    """
    correlation_id = new_correlation_id() if value is None else checked_correlation_id(value)
    outer = current_span.get()
    if outer is None:
        current_span.set(Span(correlation_id))
    else:
        current_span.set(Span(correlation_id, turn=outer.turn, owner=outer.owner))
    return correlation_id


def checked_correlation_id(value: Any) -> str:
    """`value` itself where it can serve as an id, else `InvalidValue`."""
    if isinstance(value, str) and 0 < len(value) <= LONGEST_ID and value.isprintable():
        return value
    mend = "shorten it and drop control characters" if isinstance(value, str) else "pass its str()"
    raise InvalidValue(
        f"Invalid correlation id {bounded_repr(value, 60)}.",
        why=f"An id is a printable string of 1 to {LONGEST_ID} characters.",
        fix=f"Leave it out to get a new one, or {mend}.",
        context={"correlation_id": value},
    )


def parse_traceparent(value: Any) -> tuple[str, str]:
    """The trace id and the parent's span id in a W3C ``traceparent`` header.

    Raises:
        InvalidValue: (a ValueError) where the header is not well-formed.
    """
    match = _TRACEPARENT.fullmatch(value) if isinstance(value, str) else None
    if match is None or value[:2] == "ff" or {"0"} in (set(match[1]), set(match[2])):
        raise InvalidValue(
            f"Invalid traceparent {bounded_repr(value, 80)}.",
            why="A traceparent is '00-<32 hex digits>-<16 hex digits>-<2 hex digits>', "
            "and neither of its ids is all zeros.",
            fix="Pass the header as it came in, or leave it out.",
            context={"traceparent": value},
        )
    return match[1], match[2]


def entry_ids(message: dict[str, Any], sender: Span | None) -> tuple[str, str | None]:
    """The correlation id and the parent's span id of a message that enters.

    The first that is there: the message's ``correlation_id``, its ``traceparent``, the sender's
    span, OpenTelemetry's active span, a new id.
    """
    if "correlation_id" in message and message["correlation_id"] is not None:
        parent = None if sender is None else sender.span_id
        return checked_correlation_id(message["correlation_id"]), parent
    if "traceparent" in message and message["traceparent"] is not None:
        return parse_traceparent(message["traceparent"])
    if sender is not None:
        return sender.correlation_id, sender.span_id
    # Looked up, never imported: a program that uses OpenTelemetry has imported it already.
    api = sys.modules.get("opentelemetry.trace")
    ids = None if api is None else _ids_of_active_span(api)
    return ids or (new_correlation_id(), None)


def _ids_of_active_span(api: Any) -> tuple[str, str] | None:
    context = api.get_current_span().get_span_context()
    if not context.is_valid:
        return None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"

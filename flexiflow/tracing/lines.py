"""The lines that every step leads to, put together from pieces that are kept.

They are what `encode_record` makes of the same record, byte for byte; only faster, because a
component's name or a state's need not be escaped anew for each line.
"""

from __future__ import annotations

from typing import Protocol

from flexiflow.errors import bounded_repr
from flexiflow.tracing.records import encode_valid, escape_unsafe, utc_text

_MOST_KEPT = 10_000
_LONGEST_KEPT = 200

_quoted: dict[str, str] = {}


class Place(Protocol):
    """Where in a trace something happens: a span or a step."""

    correlation_id: str
    span_id: str | None
    parent_id: str | None


class StepFacts(Place, Protocol):
    """What lines say of a step."""

    component: str
    message_type: str | None
    from_state: str
    to_state: str
    outcome: str
    duration_us: int


class LineMaker:
    """Makes the lines of one recording.

    Args:
        run_uid: the recording's id.
    """

    def __init__(self, run_uid: str) -> None:
        self._run = f'"run_id":{quoted(run_uid)}'

    def received(self, time_us: int, step: StepFacts, data: str | None) -> bytes:
        """``message.received``; `data` is the message's fields as JSON, or None."""
        fields = "" if data is None else f',"data":{escape_unsafe(data)}'
        return (
            f"{_head('message.received', time_us, step, step.component)}{_type(step)}"
            f'"from_state":{quoted(step.from_state)},{self._run}{fields}}}\n'
        ).encode()

    def handler_started(self, time_us: int, span: Place, component: str, handler: str) -> bytes:
        """``handler.started``."""
        return (
            f"{_head('handler.started', time_us, span, component)}"
            f'"handler":{quoted(handler)},{self._run}}}\n'
        ).encode()

    def handler_finished(
        self, time_us: int, span: Place, component: str, handler: str, duration_us: int
    ) -> bytes:
        """``handler.finished``."""
        return (
            f"{_head('handler.finished', time_us, span, component)}"
            f'"handler":{quoted(handler)},"duration_us":{duration_us},{self._run}}}\n'
        ).encode()

    def changed(self, time_us: int, step: StepFacts, step_id: int | None) -> bytes:
        """``state.changed``; `step_id` is its row, where that is known already."""
        row = "" if step_id is None else f'"step_id":{step_id},'
        return (
            f"{_head('state.changed', time_us, step, step.component)}{_type(step)}"
            f'"from_state":{quoted(step.from_state)},"to_state":{quoted(step.to_state)},'
            f'"outcome":"{step.outcome}","duration_us":{step.duration_us},{row}{self._run}}}\n'
        ).encode()

    def saved(
        self,
        time_us: int,
        place: Place | None,
        component: str,
        state: str,
        step_id: int | None,
        snapshot_id: int | None,
    ) -> bytes:
        """``snapshot.saved``; the ids are the rows'."""
        step = "" if step_id is None else f'"step_id":{step_id},'
        snapshot = "" if snapshot_id is None else f'"snapshot_id":{snapshot_id},'
        return (
            f"{_head('snapshot.saved', time_us, place, component)}"
            f'"to_state":{quoted(state)},{step}{snapshot}{self._run}}}\n'
        ).encode()


def quoted(text: str) -> str:
    """A text as JSON, safe to print and to split into lines; that of short ones is kept.

    1.x let anything be a name: what JSON has no word for is named by its repr, since no line may
    end the thread that writes them.
    """
    if type(text) is not str:
        try:
            return encode_valid(text).decode()
        except (TypeError, ValueError, OverflowError):
            return encode_valid(bounded_repr(text, _LONGEST_KEPT)).decode()
    known = _quoted.get(text)
    if known is None:
        known = encode_valid(text).decode()
        if len(text) <= _LONGEST_KEPT:
            if len(_quoted) >= _MOST_KEPT:  # names that are made up for each message, say
                _quoted.clear()
            _quoted[text] = known
    return known


def _head(event: str, time_us: int, place: Place | None, component: str) -> str:
    where = ""
    if place is not None:
        where = f'"correlation_id":{_id(place.correlation_id)},'
        if place.span_id is not None:
            where += f'"span_id":{_id(place.span_id)},'
        if place.parent_id is not None:
            where += f'"parent_id":{_id(place.parent_id)},'
    return (
        f'{{"ts":"{utc_text(time_us)}","level":"INFO","event":"{event}",{where}'
        f'"component":{quoted(component)},'
    )


def _id(value: str) -> str:
    # Most ids are hex digits and used for one message only: they need no escaping, and no keeping.
    return f'"{value}"' if value.isalnum() and value.isascii() else quoted(value)


def _type(step: StepFacts) -> str:
    kind = step.message_type
    return "" if kind is None else f'"message_type":{quoted(kind)},'

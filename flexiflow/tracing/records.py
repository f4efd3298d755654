"""One line of the trace log.

Every record has a time, an event and, inside a trace, the correlation id and a span, so that one
``grep`` for the id finds a message's whole path. Fields that have nothing to say are left out.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from flexiflow.errors import FlexiFlowError, bounded, bounded_repr
from flexiflow.redaction import MASK, Redaction
from flexiflow.utc import to_the_microsecond

LONGEST_DATA = 4096
"""Bytes of a message's fields that a log line keeps; the history keeps them all."""

LONGEST_OWN_DATA = 65_536
"""Bytes of the fields of an application's own event, which stand in no history."""


class ErrorRecord(msgspec.Struct, omit_defaults=True):
    """An exception as it is stored.

    Attributes:
        type: the class's name.
        message: ``str(error)`` without the four parts, bounded.
        what, why, fix: the parts of a `FlexiFlowError`.
        context: its values, as reprs.
    """

    type: str
    message: str
    what: str | None = None
    why: str | None = None
    fix: str | None = None
    context: dict[str, str] | None = None


class LogRecord(msgspec.Struct, omit_defaults=True, gc=False, forbid_unknown_fields=True):
    """One line of the trace log.

    Attributes:
        ts: ISO 8601, UTC, microseconds.
        level: INFO, WARNING or ERROR.
        event: one of `flexiflow.events.EVENTS`, or an application's own.
        correlation_id, span_id, parent_id: where it stands in its trace.
        component: the component's name.
        handler: the method, subscriber or retried function.
        message_type: the message's type.
        from_state, to_state: states before and after.
        outcome: the step's outcome.
        reason: why a message was refused or cancelled.
        duration_us: microseconds.
        step_id, snapshot_id: rows of the history; a step's is known once it is committed.
        run_id: which recording.
        error: what was raised.
        data: the message's fields, or the user's own.
    """

    ts: str
    level: str
    event: str
    correlation_id: str | None = None
    span_id: str | None = None
    parent_id: str | None = None
    component: str | None = None
    handler: str | None = None
    message_type: str | None = None
    from_state: str | None = None
    to_state: str | None = None
    outcome: str | None = None
    reason: str | None = None
    duration_us: int | None = None
    step_id: int | None = None
    snapshot_id: int | None = None
    run_id: str | None = None
    error: ErrorRecord | None = None
    data: Any = None


# U+0080 to U+009F, U+2028 to U+202E, U+2066 to U+2069, as UTF-8.
_UNSAFE = re.compile(rb"\xc2[\x80-\x9f]|\xe2\x80[\xa8-\xae]|\xe2\x81[\xa6-\xa9]")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONGEST_TEXT = 2000
_encoder = msgspec.json.Encoder()
_encode = _encoder.encode


def encode_record(record: LogRecord) -> bytes:
    """The record as one line with its newline. A newline in a name can't make a second line."""
    try:
        return encode_valid(record) + b"\n"
    except (TypeError, ValueError, OverflowError):
        return encode_valid(_tellable(record)) + b"\n"


def encode_records(records: Sequence[LogRecord]) -> bytes:
    """What `encode_record` makes of each, one after the other, in one go where that works."""
    try:
        raw = _encoder.encode_lines(records)
    except (TypeError, ValueError, OverflowError):  # UnicodeEncodeError is a ValueError
        return b"".join(map(encode_record, records))
    return raw if raw.isascii() else _UNSAFE.sub(_escaped, raw)


def encode_valid(value: Any) -> bytes:
    """Compact JSON of records and builtins, safe to print and to split into lines.

    JSON leaves C1 controls, Unicode's line breaks and bidi overrides as they are. Some readers
    split lines at them and terminals obey them, so they are escaped; the values stay the same.
    Lone surrogates are spelt out.
    """
    try:
        raw = _encode(value)
    except UnicodeEncodeError:
        raw = _encode(_without_surrogates(value))
    return raw if raw.isascii() else _UNSAFE.sub(_escaped, raw)


def _escaped(match: re.Match[bytes]) -> bytes:
    return b"\\u%04x" % ord(match[0].decode())


def error_record(error: BaseException, redaction: Redaction | None = None) -> ErrorRecord:
    """An exception as a record; every part is bounded, and without what is to be kept out."""
    kind = type(error).__name__
    if not isinstance(error, FlexiFlowError):
        return ErrorRecord(kind, _shown(error, redaction))
    context = {
        bounded(_text(key), 80): _context_value(key, value, redaction)
        for key, value in error.context_items.items()
    }
    what, why, fix = (
        None if part is None else _shown(part, redaction)
        for part in (error.what, error.why, error.fix)
    )
    return ErrorRecord(kind, what or "", what, why, fix, context or None)


def _context_value(key: Any, value: Any, redaction: Redaction | None) -> str:
    if redaction is None:
        return bounded_repr(value)
    if redaction.hides(key):
        redaction.remember(key, value)
        return MASK
    return redaction.mask(bounded_repr(value))


def _shown(value: Any, redaction: Redaction | None) -> str:
    text = _text(value)
    return text if redaction is None else redaction.mask(text)


def utc_text(time_us: int) -> str:
    """Microseconds since 1970 as ``2026-01-31T12:00:00.000000Z``."""
    try:
        return to_the_microsecond(time_us) + "Z"
    except (OverflowError, ValueError, OSError):
        return f"{time_us}us"


def time_us_of(record: LogRecord) -> int | None:
    """A record's time in microseconds since 1970, or None where it is no time."""
    return time_us(record.ts)


def time_us(text: str) -> int | None:
    """A time in ISO 8601, UTC where it names no zone, in microseconds since 1970, or None."""
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return (aware - _EPOCH) // timedelta(microseconds=1)


def _text(value: Any) -> str:
    try:
        return bounded(str(value), _LONGEST_TEXT)
    except Exception as exc:  # a broken __str__ must not break the recording
        return f"its text can't be read: {type(exc).__name__}"


def _tellable(record: LogRecord) -> dict[str, Any]:
    """A record whose names JSON has no word for: 1.x let anything be a name. Each by its repr."""
    fields = {name: getattr(record, name) for name in record.__struct_fields__}
    for name, value in fields.items():
        try:
            encode_valid(value)
        except (TypeError, ValueError, OverflowError):
            fields[name] = bounded_repr(value, 200)
    return {name: value for name, value in fields.items() if value is not None}


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {_without_surrogates(k): _without_surrogates(v) for k, v in value.items()}
    if isinstance(value, list | tuple):
        return [_without_surrogates(each) for each in value]
    if isinstance(value, msgspec.Struct):
        fields = {name: getattr(value, name) for name in value.__struct_fields__}
        return {k: _without_surrogates(v) for k, v in fields.items() if v is not None}
    return value

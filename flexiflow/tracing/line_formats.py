"""What a line may be: a record of ours, other people's JSON, or a text line with ``cid=``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Generic, Literal, TypeVar

import msgspec

from flexiflow.errors import InvalidType, InvalidValue, bounded_repr
from flexiflow.events import Event
from flexiflow.tracing.blocks import Block
from flexiflow.tracing.records import ErrorRecord, LogRecord, utc_text

LINE_EVENT = "log.line"
"""The event of a line that names none."""

_ALIASES: Mapping[str, tuple[str, ...]] = {
    "ts": ("timestamp", "time", "@timestamp"),
    "level": ("levelname", "severity"),
    "event": ("message", "msg"),
    "error": ("exception",),
}
_WHOLES = ("duration_us", "step_id", "snapshot_id")
_FIELDS = LogRecord.__struct_fields__
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_Level = TypeVar("_Level", bound=str)
_Event = TypeVar("_Event", bound=str)
_OurLevel = Literal["INFO", "WARNING", "ERROR"]

_decoder = msgspec.json.Decoder(LogRecord)
_decode, _decode_lines = _decoder.decode, _decoder.decode_lines
_CLASSIC = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?)?\s*"
    r"(?P<before>.*?)(?:^|\s)cid=(?P<id>\S+)(?:\s(?P<message>.*))?",
    re.DOTALL,
)
_EPOCH = re.compile(r"[0-9]{9,19}(\.[0-9]{1,9})?")  # as text: no year has so many digits
_LEVELS = {"WARN": "WARNING"}
_LEVEL = re.compile(r"\b(DEBUG|INFO|WARNING|WARN|ERROR|CRITICAL)\b")


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is not a record.

    Attributes:
        path: its file.
        offset: its first byte, counted from 0; in a ``.gz`` file in the unpacked text.
        text: its bounded beginning; empty where a packed file can't be read on.
        why: what is wrong with it.
    """

    path: str
    offset: int
    text: str
    why: str


class _BriefError(msgspec.Struct, gc=False):
    type: str
    message: str


class Brief(msgspec.Struct, Generic[_Level, _Event], gc=False):
    """What a summary needs of a record; see `LogRecord`."""

    ts: str
    level: _Level
    event: _Event
    correlation_id: str | None = None
    component: str | None = None
    message_type: str | None = None
    error: _BriefError | None = None


BriefRecord = Brief[Any, Any] | LogRecord

# Of names that are known no text is made anew, which is a quarter faster.
_decode_our_briefs = msgspec.json.Decoder(Brief[_OurLevel, Event]).decode_lines
_decode_briefs = msgspec.json.Decoder(Brief[str, str]).decode_lines


class LineFormat:
    """How the lines of a log are read.

    Args:
        fields: names of a record's fields, each with where it stands in other people's lines, as
            ``{"ts": "timestamp", "correlation_id": "trace.id"}``; a dot leads into an object.

    Raises:
        InvalidType: (a TypeError) where it is no mapping of names.
        InvalidValue: (a ValueError) for a name that no record has.
    """

    def __init__(self, fields: Mapping[str, str] | None = None) -> None:
        self.fields = None if fields is None else _checked(fields)

    def parse(self, line: bytes, path: str, offset: int) -> LogRecord | BrokenLine:
        """One line as a record, or as what is wrong with it."""
        try:
            if self.fields is None:
                return _decode(line)
            why = "it is no JSON object"
        except _UNREADABLE as exc:
            why = str(exc) or type(exc).__name__
        found = self._foreign(line) if line.lstrip()[:1] == b"{" else _classic(line)
        if found is not None:
            return found
        if b"\0" in line:
            why = "it has NUL bytes, as UTF-16 has, or a file that was cut off and written on"
        return BrokenLine(path, offset, line[:200].decode("utf-8", "replace").rstrip(), why)

    def records(self, block: Block, path: str) -> Sequence[LogRecord | BrokenLine]:
        """A block's lines, each a record or what is wrong with it; empty ones are left out."""
        found: Sequence[LogRecord] | None = self._at_once(block, _decode_lines)
        if found is not None:
            return found
        return [
            self.parse(line, path, block.offset + at) for at, line in block.lines() if line.strip()
        ]

    def briefs(self, block: Block, path: str) -> tuple[Sequence[BriefRecord], int]:
        """A block's records, and how many of its lines are none; empty ones are not counted."""
        for decode in (_decode_our_briefs, _decode_briefs):
            if (found := self._at_once(block, decode)) is not None:
                return found, 0
        lines = self.records(block, path)
        records = [each for each in lines if isinstance(each, LogRecord)]
        return records, len(lines) - len(records)

    def _at_once(self, block: Block, decode: Callable[[memoryview], Any]) -> Any:
        """All records of a block; None where one of its lines is something else."""
        if self.fields is not None:
            return None
        try:
            found = decode(memoryview(block.buffer)[: block.size])
        except _UNREADABLE:
            return None
        return found if block.has_one_a_line(len(found)) else None

    def _foreign(self, line: bytes) -> LogRecord | None:
        """An object that is none of ours as a record; None where it has no time."""
        try:
            found = msgspec.json.decode(line)
        except _UNREADABLE:
            return None
        if self.fields is None and "ts" in found:
            return None  # one of ours, and damaged
        used: set[str] = set()
        values = {name: self._value(found, name, used) for name in _FIELDS if name != "data"}
        ts = _time_text(values["ts"])
        if ts is None or (self.fields is None and values["event"] is None):
            return None
        texts: dict[str, Any] = {
            name: None if value is None else _text(value)
            for name, value in values.items()
            if name not in ("ts", "error", *_WHOLES)
        }
        texts["level"] = (texts["level"] or "INFO").upper()
        texts["event"] = texts["event"] or LINE_EVENT
        wholes: dict[str, Any] = {
            name: value if type(value := values[name]) is int else None for name in _WHOLES
        }
        rest = {key: value for key, value in found.items() if key not in used}
        data = rest["data"] if list(rest) == ["data"] else rest
        return LogRecord(ts=ts, **texts, **wholes, error=_error(values["error"]), data=data or None)

    def _value(self, found: dict[str, Any], name: str, used: set[str]) -> Any:
        """What an object says of a field, where it says something."""
        mapped = () if self.fields is None else (self.fields.get(name),)
        for place in (*mapped, name, *_ALIASES.get(name, ())):
            if place is None:
                continue
            if place in found:
                used.add(place)
                return found[place]
            value = _inside(found, place.split("."))
            if value is not None:
                return value
        return None


def _checked(fields: Any) -> dict[str, str]:
    if not isinstance(fields, Mapping) or not all(
        isinstance(each, str) for pair in fields.items() for each in pair
    ):
        raise InvalidType(
            f"fields must say where each field stands, not {bounded_repr(fields, 80)}.",
            why="Other people's lines are read by the names of their fields.",
            fix='Pass fields={"ts": "timestamp", "correlation_id": "trace_id"}.',
            context={"fields": fields},
        )
    unknown = [name for name in fields if name not in _FIELDS]
    if unknown:
        raise InvalidValue(
            f"A record has no field {bounded_repr(unknown[0], 80)}.",
            why=f"Its fields are {', '.join(_FIELDS)}.",
            fix='Write the record\'s name first: fields={"correlation_id": "trace_id"}.',
            context={"fields": dict(fields)},
        )
    return dict(fields)


def _inside(found: Any, path: list[str]) -> Any:
    for key in path:
        if not isinstance(found, dict) or key not in found:
            return None
        found = found[key]
    return found


def _time_text(value: Any) -> str | None:
    """A time as ISO 8601; numbers are seconds, milli-, micro- or nanoseconds since 1970."""
    if isinstance(value, str):
        if not _EPOCH.fullmatch(value):
            return value
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    for limit, factor in ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (1e20, 1e-3)):
        if abs(value) < limit:
            return utc_text(round(value * factor))
    return None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def _error(value: Any) -> ErrorRecord | None:
    if isinstance(value, dict):
        kind, message = value.get("type", "Error"), value.get("message", "")
        return ErrorRecord(_text(kind), _text(message))
    if not isinstance(value, str) or not value.strip():
        return None
    kind, colon, message = value.strip().splitlines()[-1].partition(": ")  # of a traceback
    return ErrorRecord(kind, message) if colon else ErrorRecord("Error", kind)


def _classic(line: bytes) -> LogRecord | None:
    """A text line that `get_logger` wrote, or another with ``cid=`` in it, as a record."""
    match = _CLASSIC.match(line.decode("utf-8", "replace").strip())
    if match is None:
        return None
    level = _LEVEL.search(match["before"])
    logger = match["before"][level.end() :].strip() if level else match["before"].strip()
    return LogRecord(
        ts=_local_time(match["time"]),
        level=_LEVELS.get(level[1], level[1]) if level else "INFO",
        event=LINE_EVENT,
        correlation_id=None if match["id"] == "-" else match["id"],
        data={"logger": logger, "message": match["message"] or ""},
    )


def _local_time(text: str | None) -> str:
    """A time of `logging`, which is local and names no zone, in UTC."""
    try:
        moment = datetime.fromisoformat((text or "").replace(",", "."))
        return moment.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    except (ValueError, OverflowError):
        return text or ""

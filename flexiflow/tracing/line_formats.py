"""What a line may be: a record of ours, other people's JSON, or a text line with ``cid=``."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar, get_args

import msgspec

from flexiflow.errors import InvalidType, InvalidValue, bounded, bounded_repr, listed
from flexiflow.events import Event
from flexiflow.tracing.blocks import Block
from flexiflow.tracing.others import (
    ALIASES,
    ERROR_PARTS,
    LEVEL_NAMES,
    WHOLE_LINES,
    error_of,
    id_text,
    journal_text,
    level_text,
    local_time,
    text_of,
    time_text,
)
from flexiflow.tracing.records import ErrorRecord, LogRecord

LINE_EVENT = "log.line"
"""The event of a line that names none."""

_WHOLES = ("duration_us", "step_id", "snapshot_id")
_SAID = tuple(name for name in LogRecord.__struct_fields__ if name != "data")
_IDS = ("correlation_id", "span_id", "parent_id")
_FIELDS = LogRecord.__struct_fields__
_NAMES = frozenset(_FIELDS)
_UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)

_Level = TypeVar("_Level", bound=str)
_Event = TypeVar("_Event", bound=str)
_OurLevel = Literal["INFO", "WARNING", "ERROR"]
_OUR_LEVELS: tuple[str, ...] = get_args(_OurLevel)

_decoder = msgspec.json.Decoder(LogRecord)
_decode, _decode_lines = _decoder.decode, _decoder.decode_lines
_CLASSIC = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d(?:[.,]\d{1,6})?(?:Z|[+-]\d\d:?\d\d)?)?\s*"
    r"(?P<before>.*?)(?:^|\s)cid=(?P<id>\S+)(?:\s(?P<message>.*))?",
    re.DOTALL,
)
_CONTAINER = re.compile(
    r"(?P<time>\d{4}-\d\d-\d\dT\S+) (?P<stream>stdout|stderr) [FP] ?(?P<log>.*)", re.DOTALL
)
_PAIR = re.compile(r'(?P<key>[^\s="]+)=(?P<value>"(?:[^"\\]|\\.)*"|[^\s"]*)(?:\s+|$)')
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
_decode_briefs = msgspec.json.Decoder(Brief[_OurLevel, str]).decode_lines


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
        own: dict[str, str] = {} if self.fields is None else self.fields
        self._own = {name: _places(name, own.get(name)) for name in _SAID}
        self._all = {name: _places(name, own.get(name), ALIASES) for name in _SAID}

    def parse(self, line: bytes, path: str, offset: int) -> LogRecord | BrokenLine:
        """One line as a record, or as what is wrong with it."""
        why = "it is no JSON object"
        if self.fields is None:
            try:
                record = _decode(line)
            except _UNREADABLE as exc:
                why = str(exc) or type(exc).__name__
            else:
                if record.level.islower() and record.level.upper() in LEVEL_NAMES:
                    record.level = level_text(record.level)  # structlog's
                return record
        found = _object(line)
        record_or_why = _classic(line) if found is None else self._foreign(found)
        if isinstance(record_or_why, LogRecord):
            return record_or_why
        why = record_or_why or why
        if b"\0" in line:
            why = "it has NUL bytes, as UTF-16 has, or a file that was cut off and written on"
        return BrokenLine(path, offset, line[:200].decode("utf-8", "replace").rstrip(), why)

    def records(self, block: Block, path: str) -> Sequence[LogRecord | BrokenLine]:
        """A block's lines, each a record or what is wrong with it; empty ones are left out."""
        found: Sequence[LogRecord] | None = self._at_once(block, _decode_lines)
        if found is not None and not any(map(str.islower, {each.level for each in found})):
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

    def _foreign(self, found: dict[str, Any], time: str | None = None) -> LogRecord | str | None:
        """An object that is none of ours as a record, or what it lacks.

        Args:
            found: the object.
            time: that of the line it is in, for one that has none itself.
        """
        if self.fields is None and found.keys() >= {"ts", "event"} and found.keys() <= _NAMES:
            return None  # one of ours, and damaged
        # What a summary takes for one of ours, unread, has no other names here either.
        known = self._own if self.fields is None and _has_our_names(found) else self._all
        places: dict[str, str] = {}
        said = {name: _value(found, name, known[name], places) for name in _SAID}
        ts = time_text(said["ts"]) or time
        if ts is None:
            return _lacks(found, "ts", "time")
        if self.fields is None and said["event"] is None:
            return _lacks(found, "event", "event")
        if places.get("event") == "MESSAGE":
            said["event"] = journal_text(said["event"])
        inner = self._inner(said, places.get("event"), ts)
        if inner is not None:
            return inner
        texts: dict[str, Any] = {
            name: None if value is None else text_of(value)
            for name, value in said.items()
            if name not in ("ts", "level", "error", *_WHOLES)
        }
        texts["event"] = (texts["event"] or LINE_EVENT).rstrip("\r\n")
        wholes: dict[str, Any] = {
            name: value if type(value := said[name]) is int else None for name in _WHOLES
        }
        error = error_of(said["error"]) or _error_in_parts(found)
        used = set(places.values())
        rest = {key: value for key, value in found.items() if key not in used}
        data = rest["data"] if list(rest) == ["data"] else rest
        level = level_text(said["level"], places.get("level", "level"))
        return LogRecord(ts=ts, level=level, **texts, **wholes, error=error, data=data or None)

    def _inner(self, said: dict[str, Any], place: str | None, time: str) -> LogRecord | None:
        """The record that a line of a container's log, or of a journal, was made of."""
        text, whole = said["event"], place in WHOLE_LINES
        # A message that looks like a record may be a payload: who has a level is a record already.
        if not isinstance(text, str) or said["correlation_id"] is not None:
            return None
        if not whole and (said["level"] is not None or text[:1] != "{"):
            return None
        line = text.encode("utf-8", "replace")
        try:
            return _decode(line)
        except _UNREADABLE:
            found = _object(line)
        record = _classic(line) if found is None else self._foreign(found, time)
        if not isinstance(record, LogRecord):
            return None
        record.ts = record.ts or time
        return record


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a field may stand.

    Attributes:
        key: as it is written.
        path: the keys that a dot leads through; None without one.
        theirs: whether it is a name that we gave nobody.
    """

    key: str
    path: list[str] | None
    theirs: bool


def _places(
    name: str, mapped: str | None, aliases: Mapping[str, tuple[str, ...]] | None = None
) -> tuple[_Place, ...]:
    own = (name,) if mapped is None else (mapped, name)
    theirs = () if aliases is None else aliases.get(name, ())
    return tuple(
        _Place(key, key.split(".") if "." in key else None, key not in own)
        for key in (*own, *theirs)
    )


def _value(
    found: dict[str, Any], name: str, where: tuple[_Place, ...], places: dict[str, str]
) -> Any:
    """What an object says of a field, where it says something; its place is put among `places`."""
    for place in where:
        value = found.get(place.key)
        if value is None and place.path is not None:
            value = _inside(found, place.path)
        if value is not None and place.theirs and name in _IDS:
            value = id_text(value)
        if value is not None:
            places[name] = place.key
            return value
    return None


def _error_in_parts(found: dict[str, Any]) -> ErrorRecord | None:
    for place, text in ERROR_PARTS:
        message = _at(found, text)
        if isinstance(message, str):
            return ErrorRecord(text_of(_at(found, place) or "Error"), message)
    return None


def _has_our_names(found: dict[str, Any]) -> bool:
    names = isinstance(found.get("ts"), str) and isinstance(found.get("event"), str)
    return names and found.get("level") in _OUR_LEVELS


def _object(line: bytes) -> dict[str, Any] | None:
    """A line that is an object, in JSON or logfmt, or that a container's runtime wrote."""
    if line.lstrip()[:1] == b"{":
        try:
            found = msgspec.json.decode(line)
        except _UNREADABLE:
            return None
        return found if isinstance(found, dict) else None
    text = line.decode("utf-8", "replace").strip()
    container = _CONTAINER.fullmatch(text)
    if container is not None:
        return container.groupdict()
    return _pairs(text)


def _pairs(text: str) -> dict[str, Any] | None:
    """A line of logfmt, ``key=value key="a value"``, that has a time."""
    found: dict[str, Any] = {}
    at = 0
    while at < len(text):
        match = _PAIR.match(text, at)
        if match is None:
            return None
        value = match["value"]
        if value[:1] == '"':
            try:
                value = msgspec.json.decode(value)
            except _UNREADABLE:
                value = value[1:-1]
        found[match["key"]] = value
        at = match.end()
    return found if any(name in found for name in ("ts", *ALIASES["ts"])) else None


def _lacks(found: dict[str, Any], name: str, what: str) -> str:
    """What is said of an object that is no record."""
    lists = [key for key, value in found.items() if _holds_objects(value)]
    if lists:
        place = bounded_repr(lists[0], 80)
        return f"it has no {what}, and a list under {place}: write its records one a line"
    keys = bounded(listed(list(found)), 200)
    return f'it has no {what}; fields={{"{name}": …}} says where it stands among {keys}'


def _holds_objects(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict)


def _at(found: dict[str, Any], place: str) -> Any:
    """What stands at a place: a key as it is, or one inside objects."""
    if place in found:
        return found[place]
    return _inside(found, place.split(".")) if "." in place else None


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


def _classic(line: bytes) -> LogRecord | None:
    """A text line that `get_logger` wrote, or another with ``cid=`` in it, as a record."""
    match = _CLASSIC.match(line.decode("utf-8", "replace").strip())
    if match is None:
        return None
    level = _LEVEL.search(match["before"])
    logger = match["before"][level.end() :].strip() if level else match["before"].strip()
    return LogRecord(
        ts=local_time(match["time"]),
        level=level_text(level and level[1]),
        event=LINE_EVENT,
        correlation_id=None if match["id"] == "-" else match["id"],
        data={"logger": logger, "message": match["message"] or ""},
    )

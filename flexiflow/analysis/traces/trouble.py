"""Trouble in a log: errors in groups, the slowest spans, records that have lost their trace."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes
from flexiflow.events import EVENTS
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.records import LogRecord, time_us_of

if TYPE_CHECKING:
    import pandas as pd

Lines = Iterable[LogRecord | BrokenLine]

_LONGEST_MESSAGE = 200
# Numbers, and ids in hex: what differs between two errors of one kind.
_VARYING = re.compile(r"\b(?:0x)?[0-9a-f]*\d[0-9a-f]*\b", re.IGNORECASE)
_CLOSING = {
    "state.changed": "step",
    "message.refused": "step",
    "message.failed": "step",
    "handler.finished": "handler",
    "handler.failed": "handler",
}


def alike(text: str) -> str:
    """A text with what varies left out: two of one kind are the same then."""
    return _VARYING.sub("#", text[:_LONGEST_MESSAGE])


# -- errors -----------------------------------------------------------------------------------


@dataclass(slots=True)
class _ErrorGroup:
    message: str
    failures: int = 0
    tries: int = 0
    traces: set[str | None] = field(default_factory=set)
    components: set[str | None] = field(default_factory=set)
    first_us: int | None = None
    last_us: int | None = None
    newest: str | None = None


def errors_frame(lines: Lines) -> pd.DataFrame:
    """Errors in groups of one class and message, the most failures first; see `Log.errors`."""
    groups: dict[tuple[str, str], _ErrorGroup] = {}
    for record in lines:
        if isinstance(record, BrokenLine) or record.error is None:
            continue
        key = record.error.type, alike(record.error.message)
        group = groups.setdefault(key, _ErrorGroup(record.error.message))
        is_try = record.event == "handler.failed"
        group.tries += is_try
        group.failures += not is_try
        group.traces.add(record.correlation_id)
        group.components.add(record.component)
        time_us = time_us_of(record)
        if time_us is not None:
            group.first_us = min(time_us, group.first_us or time_us)
            if group.last_us is None or time_us >= group.last_us:
                group.last_us, group.newest = time_us, record.correlation_id
    ranked = sorted(groups.items(), key=lambda each: (-each[1].failures, -each[1].tries))
    return frames.frame(
        shapes.ERRORS,
        (
            (
                kind,
                group.message,
                group.failures,
                group.tries,
                len(group.traces - {None}),
                len(group.components - {None}),
                group.first_us,
                group.last_us,
                group.newest,
            )
            for (kind, _), group in ranked
        ),
    )


# -- the slowest spans ------------------------------------------------------------------------


def slowest_frame(lines: Lines, most: int) -> pd.DataFrame:
    """The spans that took longest, beside what is usual for their kind; see `Log.slowest`."""
    durations: dict[tuple[str, str | None], list[int]] = {}
    longest: list[tuple[int, int, LogRecord]] = []
    for number, record in enumerate(lines):
        if isinstance(record, BrokenLine) or record.event not in _CLOSING:
            continue
        took = record.duration_us
        if took is None or not frames.is_whole(took) or took < 0:
            continue
        durations.setdefault(_kind(record), []).append(took)
        heapq.heappush(longest, (took, -number, record))
        if len(longest) > most:
            heapq.heappop(longest)
    usual = {kind: sorted(all_)[(len(all_) - 1) // 2] for kind, all_ in durations.items()}
    rows = [_slow(record, usual[_kind(record)]) for *_, record in sorted(longest, reverse=True)]
    return frames.frame(shapes.SLOWEST, rows)


def _kind(record: LogRecord) -> tuple[str, str | None]:
    kind = _CLOSING[record.event]
    return kind, record.message_type if kind == "step" else record.handler


def _slow(record: LogRecord, usual_us: int) -> tuple[Any, ...]:
    ended_us, took = time_us_of(record), record.duration_us or 0
    kind, label = _kind(record)
    outcome = record.outcome or ("failed" if record.event.endswith("failed") else "ok")
    return (
        None if ended_us is None else ended_us - took,
        took,
        usual_us,
        took / max(usual_us, 1),
        kind,
        record.component,
        label,
        outcome,
        record.correlation_id,
        record.span_id,
    )


# -- lost context -----------------------------------------------------------------------------


@dataclass(slots=True)
class _Life:
    """What is open of a trace.

    Attributes:
        at_work: the spans that have begun and not ended.
        ended_us: when the last of them ended; None while one is at work, or before the first.
    """

    at_work: set[str | None] = field(default_factory=set)
    ended_us: int | None = None


@dataclass(slots=True)
class _Site:
    records: int = 0
    traces: set[str] = field(default_factory=set)
    first_us: int | None = None
    last_us: int | None = None
    newest: str | None = None


_SiteKey = tuple[str, str, str | None, str | None]


def lost_context_frame(lines: Lines) -> pd.DataFrame:
    """Records without a trace, or of one that had ended, by call site; see `Log.lost_context`."""
    lives: dict[str, _Life] = {}
    sites: dict[_SiteKey, _Site] = {}
    own: list[tuple[int, str, LogRecord]] = []  # may stand in another file than the trace itself
    for record in lines:
        if isinstance(record, BrokenLine):
            continue
        time_us, name = time_us_of(record), record.correlation_id
        if name is None:
            if record.event not in EVENTS:  # those of the engine without one need none
                _note(sites, "no id", record, time_us)
        elif record.event not in EVENTS:
            if time_us is not None:
                own.append((time_us, name, record))
        elif _is_stray(lives.setdefault(name, _Life()), record, time_us):
            _note(sites, "after the end", record, time_us)
    for time_us, name, record in own:
        life = lives.get(name)
        if life is not None and life.ended_us is not None and time_us > life.ended_us:
            _note(sites, "after the end", record, time_us)
    ranked = sorted(sites.items(), key=lambda each: -each[1].records)
    return frames.frame(
        shapes.LOST_CONTEXT,
        (
            (*key, site.records, len(site.traces), site.first_us, site.last_us, site.newest)
            for key, site in ranked
        ),
    )


def _is_stray(life: _Life, record: LogRecord, time_us: int | None) -> bool:
    """Go on with a trace, and say whether a record came that nothing at work has caused."""
    match record.event:
        case "message.received" | "handler.started":
            is_try = record.event == "handler.started" and record.data is not None
            caused = record.event == "message.received" and record.parent_id is not None
            if life.ended_us is not None and (is_try or caused):
                return True  # what follows it is not looked at: one leak is told once
            life.at_work.add(record.span_id)
            life.ended_us = None
        case "handler.finished" | "handler.failed":
            # A step that stayed has no closing line: its own handler's is the last.
            _end(life, {record.span_id, record.parent_id}, time_us)
        case "state.changed" | "message.refused" | "message.failed":
            _end(life, {record.span_id}, time_us)
    return False


def _end(life: _Life, spans: set[str | None], time_us: int | None) -> None:
    if life.at_work and life.at_work <= spans:
        life.ended_us = time_us
    elif life.ended_us is not None and time_us is not None and not life.at_work:
        life.ended_us = max(life.ended_us, time_us)
    life.at_work -= spans


def _note(sites: dict[_SiteKey, _Site], kind: str, record: LogRecord, time_us: int | None) -> None:
    component = None if record.component is None else alike(record.component)
    site = sites.setdefault((kind, record.event, component, _site(record)), _Site())
    site.records += 1
    if record.correlation_id is not None:
        site.traces.add(record.correlation_id)
    if time_us is not None:
        site.first_us = min(time_us, site.first_us or time_us)
        if site.last_us is None or time_us >= site.last_us:
            site.last_us, site.newest = time_us, record.correlation_id


def _site(record: LogRecord) -> str | None:
    """Where in the code a record was written, as far as it says."""
    if record.handler is not None:
        return record.handler
    logger = record.data.get("logger") if isinstance(record.data, dict) else None
    return logger if isinstance(logger, str) and logger else record.message_type

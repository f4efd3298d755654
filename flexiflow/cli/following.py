"""A log as it grows, a record a line: ``trace --follow``."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from flexiflow.analysis.base import words
from flexiflow.cli.output import FAILED, FAINT, REFUSED, say
from flexiflow.cli.text import write_line
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.records import LogRecord, encode_valid

if TYPE_CHECKING:
    from flexiflow.analysis.log import Log

_PAUSE_S = 0.2
_TROUBLE = {
    "message.failed": FAILED,
    "handler.failed": FAILED,
    "recording.gap": FAILED,
    "message.refused": REFUSED,
}
_MARKS = {FAILED: "✕", REFUSED: "◇", "": "·"}


def follow_log(log: Log, correlation_id: str | None, *, errors: bool, as_json: bool) -> None:
    """Print what comes to a log, until the user interrupts.

    Args:
        log: the log.
        correlation_id: only this trace's, or those whose ids begin so; None for all.
        errors: only what failed or was refused, and lines that can't be read.
        as_json: one JSON object a line.
    """
    follower = log.follow()
    while True:
        for record in follower.new():
            if _is_wanted(record, correlation_id, errors):
                _print(record, as_json)
        sys.stdout.flush()
        time.sleep(_PAUSE_S)


def _is_wanted(record: LogRecord | BrokenLine, correlation_id: str | None, errors: bool) -> bool:
    if isinstance(record, BrokenLine):
        return correlation_id is None
    if correlation_id is not None and not (record.correlation_id or "").startswith(correlation_id):
        return False
    return not errors or record.error is not None or record.event in _TROUBLE


def _print(record: LogRecord | BrokenLine, as_json: bool) -> None:
    if as_json:
        document = _broken(record) if isinstance(record, BrokenLine) else record
        write_line(encode_valid(document).decode())
    elif isinstance(record, BrokenLine):
        say(f"! {words.name(record.path)} at byte {record.offset}: {words.name(record.why)}", FAINT)
    else:
        say(_told(record), _style(record), wrap=False)


def _broken(line: BrokenLine) -> dict[str, object]:
    return {"broken": line.why, "path": line.path, "offset": line.offset, "text": line.text}


def _style(record: LogRecord) -> str:
    return FAILED if record.error is not None else _TROUBLE.get(record.event, "")


def _told(record: LogRecord) -> str:
    """A record in one line."""
    what = record.handler or record.message_type
    parts = [
        record.ts[11:23] or "?",
        _MARKS[_style(record)],
        words.short_id(record.correlation_id or "no id"),
        f"{record.component}:" if record.component else "",
        record.event,
        f"`{what}`" if what else "",
        f"{record.from_state} → {record.to_state}" if record.event == "state.changed" else "",
        f"({record.error.type}: {record.error.message})" if record.error else record.reason or "",
        "" if record.duration_us is None else words.duration(record.duration_us),
    ]
    return words.name("  ".join(part for part in parts if part), 400)

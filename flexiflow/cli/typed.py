"""Errors as they are said in a terminal: what is typed there, and not what Python takes."""

from __future__ import annotations

import re

from flexiflow.errors import FlexiFlowError

SAID: dict[str, str] = {
    # times and durations
    "since is not a time": "--since is not a time",
    "until is not a time": "--until is not a time",
    'Pass a datetime, ISO 8601 text, or "-1h" (us, ms, s, m, h, d, w).': (
        "Type how long before the newest record, such as -1h (us, ms, s, m, h, d, w), or ISO 8601 "
        "text, such as 2026-01-31T12:00."
    ),
    "A duration is a timedelta, or a number and its unit.": "It is no number with a unit.",
    'Pass --older-than="100ms" (us, ms, s, m, h, d, w), or 0.': (
        "Type e.g. --older-than 30d (us, ms, s, m, h, d, w)."
    ),
    # questions
    "history.blame(component) lists all fields.": "--blame '*' lists all fields.",
    "or leave states= out": "or leave --state out",
    "conditions are for history.when()": "conditions are for --when",
    "log.traces()": "`flexiflow trace LOG`",
    "`flexiflow verify DB`, or history.verify().head, gave": "`flexiflow verify DB` gave",
    ", or open_log with that path": "",
    ", or open_history with that path": "",
    # options
    "min_coverage is not": "--min-coverage is not",
    "Pass e.g. min_coverage=80.": "Type e.g. --min-coverage 80.",
    "Pruning needs either keep or older_than.": "Pruning needs either --keep or --older-than.",
    "Pass keep=50, or older_than=timedelta(days=30).": "Type --keep 50, or --older-than 30d.",
    "keep=0 would": "--keep 0 would",
    "keep must be": "--keep must be",
    "Pass keep=10, or 0 for none.": "Type --keep 10.",
    "Pass keep=1, or delete all of a component with prune_snapshots_sqlite.": (
        "Type --keep 1 to keep the newest alone."
    ),
    "Prune by count: keep=50.": "Prune by count: --keep 50.",
    'fields={"correlation_id": "trace_id"}': "--field correlation_id=trace_id",
    'open_log(…, fields={"correlation_id": "trace.id"})': "--field correlation_id=trace.id",
    "in which Python was started": "in which the command is typed",
}
"""What errors of the library say, and what stands in its place."""

_SAID = re.compile("|".join(re.escape(each) for each in sorted(SAID, key=len, reverse=True)))


def as_typed(error: FlexiFlowError) -> FlexiFlowError:
    """The error itself, with its words put as they are typed."""
    error.what = _put(error.what)
    error.why = error.why and _put(error.why)
    error.fix = error.fix and _put(error.fix)
    return error


def _put(text: str) -> str:
    return _SAID.sub(lambda found: SAID[found[0]], text)

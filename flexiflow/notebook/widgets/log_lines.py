"""The lines of the trace log that belong to a playback."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames
from flexiflow.analysis.history.playback import Playback
from flexiflow.errors import FlexiFlowError, bounded
from flexiflow.notebook.widgets.moment import clock

if TYPE_CHECKING:
    from flexiflow.analysis.history import History

LARGEST = 32_000_000
"""Bytes of a log that are read when an explorer opens."""

MOST_LINES = 10_000
_LONGEST = 400


def log_lines(history: History, playback: Playback) -> dict[str, Any]:
    """The component's lines in the log, with the place of the step that each belongs to.

    Returns:
        ``lines``: [place, clock, level, event, text, correlation id] each; ``note``: what is
        missing, and how to see it.
    """
    component = playback.window.component
    code = f"history.log.records(component={component!r})"
    try:
        log = history.log
    except FlexiFlowError as exc:
        return {"lines": [], "note": str(exc)}
    if log is None:
        return {"lines": [], "note": 'No log was recorded with it: record(…, log="run.jsonl").'}
    size = sum(path.stat().st_size for path in log.paths if path.exists())
    if size > LARGEST:
        note = f"The log has {size // 1_000_000:,} MB and is not read here. {code} reads it."
        return {"lines": [], "note": note}
    rows = log.records(component=component)
    found = _placed(rows.itertuples(), playback)
    left_out = len(rows) - len(found)
    note = f"{left_out:,} lines from outside of what is shown are left out." if left_out else ""
    return {"lines": found[-MOST_LINES:], "note": note}


def _placed(rows: Any, playback: Playback) -> list[list[Any]]:
    """The lines that belong to an entry: by the step's id, else by their time."""
    places = {
        entry.step_id: at for at, entry in enumerate(playback.entries) if entry.step_id is not None
    }
    known = [(entry.time_us, at) for at, entry in enumerate(playback.entries) if entry.time_us]
    known.sort()
    times = [time for time, _ in known]
    whole = playback.window.shown == playback.window.total
    found = []
    for row in rows:
        time_us = frames.microseconds(row.time)
        step = row.step_id if isinstance(row.step_id, int) else None
        place = places.get(step) if step is not None else None
        if place is None and time_us is not None and step is None:
            at = bisect_right(times, time_us) - 1
            inside = whole or (at >= 0 and time_us <= times[-1])
            place = known[max(at, 0)][1] if known and inside else None
        if place is not None:
            found.append(
                [place, clock(time_us), row.level, row.event, _text(row), row.correlation_id]
            )
    found.sort(key=lambda line: line[0])
    return [[None if cell != cell else cell for cell in line] for line in found]


def _text(row: Any) -> str:
    parts = [row.message, row.handler, row.reason, row.error]
    texts = [text for text in map(frames.cell_text, parts) if text]
    if isinstance(row.data, dict) and row.data:
        texts.append(str(row.data))
    return bounded(" · ".join(texts), _LONGEST)

"""Moments as text: the last three digits are looked up, and the rest is formatted once a while."""

from __future__ import annotations

import time

_ENDS = [f"{number:03d}" for number in range(1000)]
_newest = (-1, "")  # one object, so that two threads never mix a moment with another's text


def to_the_microsecond(time_us: int) -> str:
    """Microseconds since 1970 as ``2026-01-31T12:00:00.000000`` in UTC.

    Formatting a date costs more than all the rest of a line or a row; what follows each other is
    mostly in the same millisecond, so the newest text is kept.

    Raises:
        OverflowError, ValueError, OSError: where the system knows no such date.
    """
    global _newest
    known, text = _newest
    millisecond = time_us // 1000
    if millisecond != known:
        second = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(millisecond // 1000))
        text = f"{second}.{millisecond % 1000:03d}"
        _newest = millisecond, text
    return text + _ENDS[time_us % 1000]

"""Moments as text: the part of a second is formatted anew, the second itself only once."""

from __future__ import annotations

import time

_newest = (-1, "")  # one object, so that two threads never mix a second with another's text


def to_the_second(second: int) -> str:
    """Seconds since 1970 as ``2026-01-31T12:00:00`` in UTC.

    Formatting a date costs more than all the rest of a line or a row; what follows each other is
    mostly in the same second, so the newest text is kept.

    Raises:
        OverflowError, ValueError, OSError: where the system knows no such date.
    """
    global _newest
    known, text = _newest
    if second != known:
        text = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second))
        _newest = second, text
    return text

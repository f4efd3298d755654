"""Numbers, durations and times as people write them; used by every answer in words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def duration(us: int | None) -> str:
    """Microseconds as ``850 µs``, ``12 ms``, ``1.8 s``, ``4 min 10 s``, ``3 h 12 min``, ``2 d 5 h``."""
    if us is None:
        return "unknown"
    if us < 1_000:
        return f"{us} µs"
    if us < 1_000_000:
        return f"{us / 1e3:.1f} ms" if us < 10_000 else f"{us / 1e3:.0f} ms"
    seconds = us / 1e6
    if seconds < 60:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{days} d {hours} h"


def count(number: int) -> str:
    """A number with thousands separated: ``18,233``."""
    return f"{number:,}"


def clock(time_us: int) -> str:
    """The time of day in UTC: ``14:02:11.482``."""
    return (_EPOCH + timedelta(microseconds=time_us)).strftime("%H:%M:%S.%f")[:-3]

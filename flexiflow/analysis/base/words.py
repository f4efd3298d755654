"""Numbers, durations, times and names as people write them; used by every answer in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import PurePath

from flexiflow.graph.labels import visible

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def duration(us: int | None) -> str:
    """Microseconds as ``850 µs``, ``12 ms``, ``1.8 s``, ``4 min 10 s`` or ``3 h 12 min``.

    Args:
        us: microseconds; None where they are not known.
    """
    if us is None:
        return "unknown"
    if us < 0:
        return f"-{duration(-us)}"
    if us < 1_000:
        return f"{us} µs"
    # Each limit is where rounding would reach the next unit.
    if us < 9_950:
        return f"{us / 1e3:.1f} ms"
    if us < 999_500:
        return f"{us / 1e3:.0f} ms"
    if us < 59_950_000:
        return f"{us / 1e6:.1f} s"
    minutes, seconds = divmod((us + 500_000) // 1_000_000, 60)
    if minutes < 60:
        return f"{minutes} min {seconds} s"
    hours, minutes = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {minutes} min"
    days, hours = divmod(hours, 24)
    return f"{count(days)} d {hours} h"


def count(number: int) -> str:
    """A number with thousands separated: ``18,233``."""
    return f"{number:,}"


def plural(number: int, noun: str) -> str:
    """``1 step``, ``18,233 steps``."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def times(number: int) -> str:
    """``once``, ``twice``, or ``3 times``."""
    return {1: "once", 2: "twice"}.get(number, f"{count(number)} times")


def clock(time_us: int | None) -> str:
    """A time in UTC: ``2026-01-31 14:02:11``."""
    if time_us is None:
        return "an unknown time"
    try:
        return f"{_EPOCH + timedelta(microseconds=time_us):%Y-%m-%d %H:%M:%S}"
    except OverflowError:
        return "an unknown time"


def name(text: object, longest: int = 80) -> str:
    """A name on one line, harmless to terminals and bounded."""
    return visible(str(text), longest)


def file_names(names: Iterable[str]) -> dict[str, str]:
    """What tables call a history's files, by the rows' ``source``; nothing where there is one.

    The last part of the path, or the whole path where two files are called the same.
    """
    files = dict.fromkeys(names)
    if len(files) < 2:
        return {}
    short = {each: PurePath(each).name for each in files}
    called = Counter(short.values())
    return {each: name(each if called[last] > 1 else last, 200) for each, last in short.items()}


def of_files(names: Iterable[str]) -> dict[str, str]:
    """What follows a row's id in a sentence, by the row's ``source``: `` of monday.db``."""
    files = list(names)
    return dict.fromkeys(files, "") | {
        each: f" of {called}" for each, called in file_names(files).items()
    }


def short_id(correlation_id: str) -> str:
    """A correlation id that is read, not typed: of a long one the beginning, a short one whole."""
    return name(correlation_id if len(correlation_id) <= 16 else correlation_id[:8])


def sentence(text: object, longest: int) -> str:
    """Somebody else's text as part of a sentence: on one line, bounded, without its full stop."""
    return name(" ".join(str(text).split()).rstrip("."), longest)

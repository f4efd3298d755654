"""Times as people give them: a datetime, ISO 8601 text, or ``"-1h"`` before the newest record."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

from flexiflow.errors import InvalidValue, bounded_repr

UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6, "d": 86400e6, "w": 604800e6}
_AGO = re.compile(r"([-+]?)\s*(\d{1,12}(?:\.\d{1,12})?)\s*([a-zµ]+)", re.IGNORECASE)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FURTHEST = 2**62  # microseconds; what SQLite can compare with


def moment_us(argument: str, value: Any, now_us: int | None) -> int | None:
    """A time in microseconds since 1970, or None where none was given.

    Args:
        argument: the argument's name, for errors.
        value: a datetime, ISO 8601 text, ``"-1h"`` (us, ms, s, m, h, d, w), or None. Without a zone
            it is UTC.
        now_us: the newest record; None where there are no records.

    Raises:
        InvalidValue: (a ValueError) where it is no time.
    """
    if value is None:
        return None
    if isinstance(value, str) and (ago := _AGO.fullmatch(value.strip())):
        sign, number, unit = ago.groups()
        if sign != "-" or unit not in UNITS:
            raise _no_time(argument, value, "It is no ISO 8601 text.", _meant(number, unit))
        before_us = min(round(float(number) * UNITS[unit]), _FURTHEST)
        return None if now_us is None else now_us - before_us
    try:
        moment = datetime.fromisoformat(value.strip()) if isinstance(value, str) else value
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int((aware - _EPOCH) // timedelta(microseconds=1))
    except (ValueError, TypeError, AttributeError, OverflowError) as exc:
        text = isinstance(value, str)
        why = "It is no ISO 8601 text." if text else f"It is a {type(value).__name__}."
        raise _no_time(argument, value, why, None) from exc


def duration_us(argument: str, value: Any) -> int:
    """A duration in microseconds.

    Args:
        argument: the argument's name, for errors.
        value: a timedelta, text such as ``"100ms"`` (us, ms, s, m, h, d, w), or 0.

    Raises:
        InvalidValue: (a ValueError) where it is none, or negative.
    """
    if type(value) is int and value == 0:
        return 0
    if isinstance(value, timedelta) and value >= timedelta(0):
        return value // timedelta(microseconds=1)
    if isinstance(value, str) and (read := _AGO.fullmatch(value.strip())):
        sign, number, unit = read.groups()
        if not sign and unit in UNITS:
            return min(round(float(number) * UNITS[unit]), _FURTHEST)
    raise InvalidValue(
        f"{argument} is not a duration: {bounded_repr(value, 80)}.",
        why="A duration is a timedelta, or a number and its unit.",
        fix=f'Pass {argument}="100ms" (us, ms, s, m, h, d, w), or 0.',
        context={argument: value},
    )


def _meant(number: str, unit: str) -> str | None:
    """What somebody who wrote "1h" or "-1hour" probably meant."""
    known = {"us": "us", "ms": "ms", "mi": "m"}
    near = unit if unit in UNITS else known.get(unit[:2].lower(), unit[0].lower())
    return f"Did you mean '-{number}{near}'?" if near in UNITS else None


def _no_time(argument: str, value: Any, why: str, meant: str | None) -> InvalidValue:
    return InvalidValue(
        f"{argument} is not a time: {bounded_repr(value, 80)}.",
        why=why,
        fix=meant or 'Pass a datetime, ISO 8601 text, or "-1h" (us, ms, s, m, h, d, w).',
        context={argument: value},
    )

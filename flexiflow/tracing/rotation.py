"""Rotated logs: when a log begins a new file, what the old one is called, and their order.

``run.jsonl`` becomes ``run.jsonl.20260131T120000.000000Z``: the time of the rotation, in UTC. A
name is never changed again, so that who follows or copies a rotated file is not disturbed.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from flexiflow.errors import FlexiFlowError, InvalidType, InvalidValue, bounded_repr

_UNITS = {
    "": 1,
    "b": 1,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "kib": 2**10,
    "mib": 2**20,
    "gib": 2**30,
}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([a-z]*)", re.IGNORECASE)
_STAMP = "%Y%m%dT%H%M%S.%fZ"
_TIMED = re.compile(r"\.(\d{8}T\d{6}\.\d{6}Z)(?:\.gz)?\Z")
_NUMBERED = re.compile(r"\.(\d{1,9})(?:\.gz)?\Z")
_DAY_S = 86_400


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a log begins a new file.

    Attributes:
        size: bytes that a file holds at most (a longer line has a file to itself), or None.
        daily: whether each day in UTC has files of its own.
    """

    size: int | None = None
    daily: bool = False

    @classmethod
    def of(cls, value: object) -> Rotation:
        """The rotation that ``rotate=`` asks for: a number of bytes, ``"64 MB"`` or ``"day"``.

        Raises:
            InvalidType: (a TypeError) for anything but an int or a string.
            InvalidValue: (a ValueError) where it says neither a size nor ``"day"``.
        """
        if isinstance(value, bool) or not isinstance(value, int | str):
            raise _refused(InvalidType, value)
        if value == "day":
            return cls(daily=True)
        size = value if isinstance(value, int) else _bytes_in(value)
        if size is None or size < 1:
            raise _refused(InvalidValue, value)
        return cls(size)

    def is_over(self, written_s: float, now_s: float) -> bool:
        """Whether the file's day has ended.

        Args:
            written_s: when the file was last written, seconds since 1970.
            now_s: the time, seconds since 1970.
        """
        return self.daily and written_s // _DAY_S < now_s // _DAY_S

    def room(self, size: int) -> int | None:
        """How many bytes a file of that size still takes; None for as many as you like."""
        return None if self.size is None else max(self.size - size, 0)


def rotated_files(path: Path) -> list[Path]:
    """The rotated files of a log, the oldest first; without the log itself.

    Besides our own names, those of ``logrotate``: ``run.jsonl.2`` is older than ``run.jsonl.1``.
    Both may end in ``.gz``.
    """
    return in_order(each for each in _beside(path) if _age(each)[0] == str(path))


def in_order(paths: Iterable[Path]) -> list[Path]:
    """Files by the name of their log, and within a log from the oldest to the present one."""
    return sorted(paths, key=_age)


def by_log(paths: Iterable[Path]) -> list[list[Path]]:
    """The files of each log, from the oldest to the present one."""
    logs = groupby(in_order(paths), key=lambda path: _age(path)[0])
    return [list(files) for _, files in logs]


def _age(path: Path) -> tuple[str, int, int, str]:
    """The log that a file belongs to, and what orders it there."""
    if match := _TIMED.search(path.name):
        return str(path.with_name(path.name[: match.start()])), 1, 0, match[1]
    if (match := _NUMBERED.search(path.name)) and match.start() > 0:
        return str(path.with_name(path.name[: match.start()])), 0, -int(match[1]), ""
    return str(path), 2, 0, ""


def next_name(path: Path, now: datetime) -> Path:
    """What a log is called once it is rotated: later than every file that was, by its name.

    Args:
        path: the log.
        now: the time, in UTC; clocks may have been set back since the last rotation.
    """
    taken = [match[1] for each in _beside(path) if (match := _TIMED.search(each.name))]
    if taken and max(taken) >= now.strftime(_STAMP):
        now = _moment(max(taken), now) + timedelta(microseconds=1)
    return path.with_name(f"{path.name}.{now.strftime(_STAMP)}")


def _moment(stamp: str, otherwise: datetime) -> datetime:
    try:
        return datetime.strptime(stamp, _STAMP).replace(tzinfo=UTC)
    except ValueError:  # a name that only looks like one of ours
        return otherwise


def _beside(path: Path) -> list[Path]:
    try:
        names = os.listdir(path.parent)
    except OSError:  # it may be opened, and its folder not be listed
        return []
    return [path.with_name(name) for name in names if name.startswith(f"{path.name}.")]


def _bytes_in(text: str) -> int | None:
    match = _SIZE.fullmatch(text.strip())
    unit = None if match is None else _UNITS.get(match[2].lower())
    return None if match is None or unit is None else int(float(match[1]) * unit)


def _refused(kind: type[FlexiFlowError], value: object) -> FlexiFlowError:
    return kind(
        f"rotate must be a size or 'day', not {bounded_repr(value, 40)}.",
        why="A log begins a new file by its size, or each day.",
        fix='Write rotate="64 MB", a number of bytes, or rotate="day".',
        context={"rotate": value},
    )

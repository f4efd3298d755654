"""Recorded values: whether two are the same, where they differ, and how they are shown.

They may be anything that a file holds: huge, deep, not a number. Nothing here recurses with the
depth of a value without a bound, and nothing shown is longer than asked for.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flexiflow.analysis.base import words
from flexiflow.errors import bounded_repr

Path = tuple[Any, ...]
"""The keys and indexes that lead to a value."""

MOST_CHANGES_IN_A_LIST = 20
"""A list in which more elements differ is one change."""

_LONGEST_SHOWN_INT = 4096  # bits; Python refuses to write very long ones
_DEEPEST_SHOWN = 8
_SHORTEST_TEXT = 8
_PLAIN = frozenset({str, int, float, bool, type(None)})
_LONGEST_NUMBER = 32  # characters of a float, and of an int that is plainly not long


class _Missing:
    """Where there is no value; unlike None, which JSON has."""

    def __repr__(self) -> str:
        return "nothing"

    def __bool__(self) -> bool:
        return False


MISSING: Any = _Missing()


@dataclass(frozen=True, slots=True)
class Change:
    """One difference between two values.

    Attributes:
        path: where.
        old, new: the values there; `MISSING` where there is none.
    """

    path: Path
    old: Any
    new: Any

    @property
    def kind(self) -> str:
        """Added, removed or changed."""
        if self.old is MISSING:
            return "added"
        return "removed" if self.new is MISSING else "changed"


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same: of the same types, NaN being the same as NaN."""
    pairs = [(one, other)]
    while pairs:
        a, b = pairs.pop()
        if a is b:
            continue
        if type(a) is not type(b):
            return False
        if isinstance(a, dict):
            if a.keys() != b.keys():
                return False
            pairs.extend((value, b[key]) for key, value in a.items())
        elif isinstance(a, list | tuple):
            if len(a) != len(b):
                return False
            pairs.extend(zip(a, b, strict=True))
        elif not _same_leaf(a, b):
            return False
    return True


def differences(old: Any, new: Any, path: Path = ()) -> Iterator[Change]:
    """What differs between two values, field by field.

    Dicts are compared key by key. Lists are compared element by element where they differ only in
    some elements or in what was added or removed at the end; any other list is one change.
    """
    pairs = [(path, old, new)]
    while pairs:
        path, old, new = pairs.pop()
        parts = _parts(old, new)
        if parts is None:
            if not same(old, new):
                yield Change(path, old, new)
        else:
            pairs.extend(((*path, key), a, b) for key, a, b in reversed(parts))


def value_at(value: Any, path: Path) -> Any:
    """What a path leads to in a value, or `MISSING`."""
    for key in path:
        try:
            is_index = isinstance(value, list | tuple) and type(key) is int
            if not isinstance(value, dict) and not is_index:
                return MISSING
            value = value[key]
        except (LookupError, TypeError):
            return MISSING
    return value


def shown(value: Any, longest: int = 80) -> str:
    """A value on one line, as Python writes it, cut to about `longest` characters.

    What is cut is said: ``'aaaa…' (1,000,000 characters)``.
    """
    if _is_short(value, longest):
        return repr(value)
    pieces: list[str] = []
    _show(value, pieces, [longest], 0)
    return "".join(pieces)


def _same_leaf(a: Any, b: Any) -> bool:
    try:
        if a == b:
            return True
        return isinstance(a, float) and math.isnan(a) and math.isnan(b)
    except (ArithmeticError, RecursionError):  # a signalling NaN
        return bounded_repr(a) == bounded_repr(b)


def _plainly_same(a: Any, b: Any) -> bool:
    """Whether two values are the same at first sight, as most are from step to step."""
    kind = type(a)
    return a is b or (kind is type(b) and kind in _PLAIN and a == b)


def _parts(old: Any, new: Any) -> list[tuple[Any, Any, Any]] | None:
    """(key, old, new) where two containers may differ; None where they are to be compared whole."""
    if isinstance(old, dict) and isinstance(new, dict):
        keys = [*old, *(key for key in new if key not in old)]
        parts = ((key, old.get(key, MISSING), new.get(key, MISSING)) for key in keys)
        return [part for part in parts if not _plainly_same(part[1], part[2])]
    if isinstance(old, list) and isinstance(new, list):
        return _parts_of_lists(old, new)
    return None


def _parts_of_lists(old: list[Any], new: list[Any]) -> list[tuple[Any, Any, Any]] | None:
    both = min(len(old), len(new))
    longer = max(len(old), len(new))
    if longer - both > MOST_CHANGES_IN_A_LIST:
        return None
    parts = []
    for at, (a, b) in enumerate(zip(old, new, strict=False)):
        if not same(a, b):
            parts.append((at, a, b))
            if both < longer or len(parts) > MOST_CHANGES_IN_A_LIST:
                return None  # something was taken out or put in, and the rest moved
    for at in range(both, longer):
        pair = (old[at], MISSING) if len(old) > both else (MISSING, new[at])
        parts.append((at, *pair))
    return parts


def _is_short(value: Any, longest: int) -> bool:
    """Whether a value is shown as its whole repr, at first sight."""
    kind = type(value)
    if kind is str:
        return len(value) <= longest
    if longest < _LONGEST_NUMBER or kind not in _PLAIN:
        return False
    return kind is not int or value.bit_length() < 2 * _LONGEST_NUMBER


def _show(value: Any, pieces: list[str], room: list[int], depth: int) -> None:
    """Add a value's text to the pieces, while there is room."""
    if isinstance(value, str):
        longest = max(room[0], _SHORTEST_TEXT)
        text = repr(value[:longest])
        if len(value) > longest:
            text = f"{text[:-1]}…{text[-1]} ({words.count(len(value))} characters)"
    elif isinstance(value, dict | list | tuple) and value:
        _show_parts(value, pieces, room, depth)
        return
    elif isinstance(value, int) and value.bit_length() > _LONGEST_SHOWN_INT:
        text = f"<int of {words.count(value.bit_length())} bits>"
    else:
        text = bounded_repr(value, max(room[0], 20))
    room[0] = max(room[0] - len(text), 0)
    pieces.append(text)


def _show_parts(
    value: dict[Any, Any] | list[Any] | tuple[Any, ...],
    pieces: list[str],
    room: list[int],
    depth: int,
) -> None:
    brackets = {dict: "{}", list: "[]"}.get(type(value), "()")
    pieces.append(brackets[0])
    items = value.items() if isinstance(value, dict) else ((None, each) for each in value)
    for at, (key, each) in enumerate(items):
        if room[0] <= 0 or depth >= _DEEPEST_SHOWN:
            left = len(value) - at
            pieces.append(f"… ({words.count(left)} more)" if depth < _DEEPEST_SHOWN else "…")
            break
        if at:
            pieces.append(", ")
        if isinstance(value, dict):
            _show(key, pieces, room, depth + 1)
            pieces.append(": ")
        _show(each, pieces, room, depth + 1)
        room[0] -= 2
    pieces.append(brackets[1])

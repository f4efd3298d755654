"""The repr of a value, a piece at a time: who shows only its beginning need not make the rest."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

_DEEPEST = 50
_BRACKETS: dict[type, tuple[str, str]] = {
    list: ("[", "]"),
    tuple: ("(", ")"),
    dict: ("{", "}"),
    set: ("{", "}"),
    frozenset: ("frozenset({", "})"),
}


def beginning_of_repr(value: Any, longest: int) -> tuple[str, int | None]:
    """The first characters of ``repr(value)``, and how many there are in all.

    Only strings and Python's own containers are read in part; another object's repr is asked for
    whole, and what it raises is raised.

    Args:
        value: anything.
        longest: how many characters are wanted.

    Returns:
        at least `longest` characters, or the whole repr; the number is None where it is only
        known that there are more.
    """
    if type(value) is str and len(value) > longest:
        return repr(value[: longest + 1])[:-1], len(value) + 2
    text = ""
    for piece in _pieces(value, longest, ()):
        text += piece
        if len(text) > longest and type(value) in _BRACKETS:
            return text, None
    return text, len(text)


def _pieces(value: Any, longest: int, outer: tuple[int, ...]) -> Iterator[str]:
    kind = type(value)
    if kind is str and len(value) > longest:
        yield repr(value[: longest + 1])
    elif kind not in _BRACKETS or not value:
        yield repr(value)
    elif id(value) in outer or len(outer) >= _DEEPEST:
        yield "...".join(_BRACKETS[kind])
    else:
        yield from _parts(value, longest, (*outer, id(value)))


def _parts(value: Any, longest: int, outer: tuple[int, ...]) -> Iterator[str]:
    kind = type(value)
    opening, closing = _BRACKETS[kind]
    between = opening
    for each in value.items() if kind is dict else value:
        yield between
        if kind is dict:
            yield from _pieces(each[0], longest, outer)
            yield ": "
        yield from _pieces(each[1] if kind is dict else each, longest, outer)
        between = ", "
    yield f",{closing}" if kind is tuple and len(value) == 1 else closing

"""Refusing an argument of the wrong type in four parts, before it fails somewhere deep inside."""

from __future__ import annotations

import os
from typing import Any

from flexiflow.errors import FlexiFlowError, InvalidType, InvalidValue, bounded_repr

_LONGEST_PATH = 32_767  # characters; no system takes more


def require(fits: bool, argument: str, value: Any, expected: str, fix: str) -> None:
    """Raise `InvalidType` (a TypeError) unless `fits`.

    Args:
        fits: whether the argument can be used.
        argument: its name.
        value: what was given.
        expected: what belongs there, in words: ``"a list of rules"``.
        fix: what to write instead.
    """
    if not fits:
        raise wrong_type(argument, value, expected, fix)


def wrong_type(argument: str, value: Any, expected: str, fix: str) -> InvalidType:
    """An argument of the wrong type."""
    return InvalidType(
        f"{argument} must be {expected}, not {bounded_repr(value, 80)}.",
        why=f"It is of type {type(value).__name__}.",
        fix=fix,
        context={"argument": argument, "got": type(value).__name__},
    )


def checked_path(value: Any, argument: str) -> str:
    """A path as text.

    Raises:
        InvalidType: (a TypeError) where it is no path.
        InvalidValue: (a ValueError) where no file can be called so.
    """
    fix = f"Pass a string or a pathlib.Path for {argument}."
    try:
        path = os.fsdecode(value)
    except Exception as exc:  # a TypeError, or what its own __fspath__ raises
        raise wrong_type(argument, value, "a path", fix) from exc
    if "\0" in path or not path or len(path) > _LONGEST_PATH or not _is_encodable(path):
        raise _no_name(argument, path, fix)
    return path


def _is_encodable(path: str) -> bool:
    try:
        os.fsencode(path)
    except UnicodeEncodeError:
        return False
    return True


def _no_name(argument: str, path: str, fix: str) -> FlexiFlowError:
    return InvalidValue(
        f"{argument} can't be {bounded_repr(path, 80)}.",
        why="No file can be called so: a path is a text of bounded length without a null "
        "character, which the file system's encoding can say.",
        fix=fix,
        context={"argument": argument, "path": path[:200]},
    )

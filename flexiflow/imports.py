"""Dotted paths: ``module:Symbol``, the way a configuration names code.

Loading a dotted path imports its module, and importing a module runs it. Whoever can write a
configuration can therefore run code: load only configurations that you trust like code, or say
with an `AllowList` which modules they may name.
"""

from __future__ import annotations

import importlib
import os
import re
import sys
from collections.abc import Iterable, Mapping
from types import ModuleType
from typing import Any

from flexiflow.errors import (
    FlexiFlowError,
    InvalidType,
    InvalidValue,
    bounded,
    bounded_repr,
    import_invalid_format,
    import_module_failed,
    import_module_not_found,
    import_not_allowed,
    import_not_state_subclass,
    import_symbol_not_found,
)
from flexiflow.states import State

_DOTTED_PATH = re.compile(r"([^:.\s]+(?:\.[^:.\s]+)*):([^:\s]+)")

# A script that was meant to be run, not imported, may call sys.exit() at its top level.
USER_CODE_FAILURES = (Exception, SystemExit)


ALLOW_VARIABLE = "FLEXIFLOW_ALLOW"

_MODULE = re.compile(r"\w+(?:\.\w+)*")


class AllowList:
    """The modules and symbols that a configuration may name.

    Args:
        entries: ``"shop"`` allows that module and what is beneath it (``shop.states:Draft``),
            ``"shop.states:Draft"`` that symbol only. No entries allow nothing.

    Raises:
        InvalidType: (a TypeError) where an entry is no string.
        InvalidValue: (a ValueError) where one names neither a module nor a symbol.
    """

    def __init__(self, entries: Iterable[str]) -> None:
        self.entries = tuple(_checked_entry(each) for each in entries)

    @classmethod
    def of(cls, entries: str | Iterable[str] | None) -> AllowList | None:
        """The list that is asked for.

        Args:
            entries: a string holds several entries with commas between; None means what the
                environment variable ``FLEXIFLOW_ALLOW`` holds.

        Returns:
            the list, or None where everything is allowed: there is neither.
        """
        if entries is None:
            entries = os.environ.get(ALLOW_VARIABLE)
            if entries is None:
                return None
        if isinstance(entries, str):
            entries = [each.strip() for each in entries.split(",") if each.strip()]
        if isinstance(entries, bytes | Mapping) or not isinstance(entries, Iterable):
            raise _bad_entry(InvalidType, entries)
        return cls(entries)

    def permits(self, module: str, symbol: str) -> bool:
        """Whether a configuration may name that symbol of that module."""
        return any(
            entry == f"{module}:{symbol}" or f"{module}.".startswith(f"{entry}.")
            for entry in self.entries
        )


def load_symbol(dotted_path: str, allow: AllowList | None = None) -> Any:
    """Import the module of a ``module:Symbol`` path, and return the symbol.

    This runs the module's code.

    Args:
        dotted_path: ``"package.module:Symbol"``; the symbol stands at the module's top level.
        allow: what may be named; anything unless given.

    Raises:
        ImportError_: where the path is malformed or not allowed (then nothing is imported), the
            module or the symbol does not exist, or the module failed while it was imported; then
            ``__cause__`` is what it raised.
    """
    parts = split_dotted_path(dotted_path)
    if parts is None:
        raise import_invalid_format(dotted_path)
    module_name, symbol = parts
    if allow is not None and not allow.permits(module_name, symbol):
        raise import_not_allowed(dotted_path, allow.entries)
    module = _import(module_name, dotted_path)
    try:
        return getattr(module, symbol)
    except AttributeError as exc:
        raise import_symbol_not_found(module_name, symbol, dotted_path) from exc
    except USER_CODE_FAILURES as exc:  # a module may have a __getattr__ of its own
        raise import_module_failed(module_name, dotted_path, exc) from exc


def load_state_class(dotted_path: str, allow: AllowList | None = None) -> type[State]:
    """Import a ``module:Class`` path that leads to a state.

    This runs the module's code.

    Raises:
        ImportError_: as `load_symbol`, and where the symbol is not a State subclass.
    """
    return as_state_class(load_symbol(dotted_path, allow), dotted_path)


def as_state_class(symbol: object, dotted_path: str) -> type[State]:
    """`symbol` itself where it is a State subclass.

    Raises:
        ImportError_: for anything else.
    """
    if isinstance(symbol, type):
        if issubclass(symbol, State):
            return symbol
        raise import_not_state_subclass(dotted_path, f"the class {bounded(symbol.__name__, 80)}")
    raise import_not_state_subclass(dotted_path, f"an object of type {type(symbol).__name__}")


def split_dotted_path(value: object) -> tuple[str, str] | None:
    """The module and the symbol of a ``module:Symbol`` path; None where it is malformed."""
    match = _DOTTED_PATH.fullmatch(value) if isinstance(value, str) else None
    return None if match is None else (match[1], match[2])


def dotted_path_of(cls: type) -> str:
    """The path that leads to a class: ``module:QualifiedName``."""
    return f"{cls.__module__}:{cls.__qualname__}"


def _checked_entry(entry: object) -> str:
    if not isinstance(entry, str):
        raise _bad_entry(InvalidType, entry)
    if split_dotted_path(entry) is None and _MODULE.fullmatch(entry) is None:
        raise _bad_entry(InvalidValue, entry)
    return entry


def _bad_entry(kind: type[FlexiFlowError], entry: object) -> FlexiFlowError:
    return kind(
        f"allow can't hold {bounded_repr(entry, 80)}.",
        why="It lists modules ('shop' with all beneath it) and symbols ('shop.states:Draft').",
        fix=f'Write allow=["shop.states"], or {ALLOW_VARIABLE}=shop.states,shop.packs.',
        context={"entry": entry, "variable": ALLOW_VARIABLE},
    )


def _import(name: str, dotted_path: str) -> ModuleType:
    if name not in sys.modules:
        importlib.invalidate_caches()  # the file may have been written a moment ago, by a notebook
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as exc:
        # Another module's name means: this one was found, and what it imports was not.
        if exc.name is not None and f"{name}.".startswith(f"{exc.name}."):
            raise import_module_not_found(name, dotted_path) from exc
        raise import_module_failed(name, dotted_path, exc) from exc
    except USER_CODE_FAILURES as exc:
        raise import_module_failed(name, dotted_path, exc) from exc

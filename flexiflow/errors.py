"""What FlexiFlow raises: errors that say what, why, how to mend it, and with which values.

::

    FlexiFlowError
    ├── ConfigError              a configuration can't be used
    │   └── ConfigFileNotFound       also a FileNotFoundError
    ├── StateError               a state or a machine is wrong
    ├── PersistenceError         a snapshot, a database or a log can't be read or written
    │   └── StateFileNotFound        also a FileNotFoundError
    ├── ImportError_             a dotted path can't be imported
    ├── ComponentNotFound        no component of that name; also a KeyError
    ├── TraceNotFound            no trace of that correlation id; also a KeyError
    ├── InvalidValue             an argument's value is out of range; also a ValueError
    └── InvalidType              an argument's type is wrong; also a TypeError

The functions below make one exception for one cause, and return it, so that a caller writes
``raise state_not_found(name, valid) from exc``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import SequenceMatcher, get_close_matches  # now: without descriptors none can be
from itertools import takewhile
from typing import Any

from flexiflow.reprs import beginning_of_repr

_LONGEST_VALUE = 500  # characters of one context value; a 1 MB field must not fill a terminal
_VALID_SHOWN = 5


class ErrorContext:
    """Key/value pairs that are printed under an error.

    Args:
        items: the first pairs; copied.
    """

    def __init__(self, items: Mapping[str, Any] | None = None) -> None:
        self.items: dict[str, Any] = dict(items or {})

    def add(self, key: str, value: Any) -> ErrorContext:
        """Add one pair and return this object, so that calls can be chained."""
        self.items[key] = value
        return self

    def format(self) -> str:
        """One ``  key=repr(value)`` line a pair."""
        return "\n".join(f"  {key}={bounded_repr(value)}" for key, value in self.items.items())

    def __repr__(self) -> str:
        return f"ErrorContext({self.items!r})"


class FlexiFlowError(Exception):
    """The base of everything FlexiFlow raises.

    Args:
        what: one sentence: what went wrong.
        why: the cause.
        fix: what the reader can do about it.
        context: the values involved, a mapping or an `ErrorContext`.
    """

    def __init__(
        self,
        what: str,
        *,
        why: str | None = None,
        fix: str | None = None,
        context: Mapping[str, Any] | ErrorContext | None = None,
    ) -> None:
        super().__init__(what)
        self.what = what
        self.why = why
        self.fix = fix
        self.context: Mapping[str, Any] | ErrorContext = {} if context is None else context

    @property
    def context_items(self) -> dict[str, Any]:
        """The context as a plain dict, whichever form it was given in."""
        context = self.context
        return dict(context.items if isinstance(context, ErrorContext) else context)

    def __str__(self) -> str:
        parts = [self.what]
        if self.why:
            parts.append(f"Why: {self.why}")
        if self.fix:
            parts.append(f"Fix: {self.fix}")
        items = self.context_items
        if items:
            parts.append("Context:\n" + ErrorContext(items).format())
        return "\n".join(parts)


class ConfigError(FlexiFlowError):
    """A configuration can't be used."""


class ConfigFileNotFound(ConfigError, FileNotFoundError):
    """A configuration file does not exist."""


class StateError(FlexiFlowError):
    """A state, a registry or a machine is wrong."""


class PersistenceError(FlexiFlowError):
    """A snapshot, a database or a log can't be read or written."""


class StateFileNotFound(PersistenceError, FileNotFoundError):
    """A file that should hold state does not exist."""


class ImportError_(FlexiFlowError):
    """A dotted path can't be imported. (The underscore keeps the built-in name free.)"""


class ComponentNotFound(FlexiFlowError, KeyError):
    """No component has that name."""


class TraceNotFound(FlexiFlowError, KeyError):
    """No record has that correlation id."""


class InvalidValue(FlexiFlowError, ValueError):
    """An argument's value is out of range."""


class InvalidType(FlexiFlowError, TypeError):
    """An argument's type is wrong."""


def page_of(error: FlexiFlowError) -> str:
    """The name of the page about an error: of its class, or of the nearest that is FlexiFlow's."""
    return next(each.__name__ for each in type(error).__mro__ if each.__module__ == __name__)


def config_missing_field(field: str, path: str | None = None) -> ConfigError:
    """A required key is absent from a configuration."""
    return ConfigError(
        f"Config is missing required field {bounded_repr(field, 80)}.",
        why=f"Every component config needs '{field}'.",
        fix=f"Add '{field}: …' to the config.",
        context={"field": field, "path": path},
    )


def config_wrong_type(field: str, expected: str, got: Any, path: str | None = None) -> ConfigError:
    """A configuration key holds a value of the wrong type.

    Args:
        field: the key.
        expected: the type that belongs there, in words.
        got: the value found, or the name of its type.
        path: the configuration file.
    """
    found = got if isinstance(got, str) else type(got).__name__
    return ConfigError(
        f"Config field {bounded_repr(field, 80)} has the wrong type.",
        why=f"'{field}' must be {expected}, not {found}.",
        fix=f"Write {expected} for '{field}'.",
        context={"field": field, "expected": expected, "got": got, "path": path},
    )


def state_not_found(name: str, valid_states: Iterable[str]) -> StateError:
    """A state name that nobody registered."""
    valid = sorted(valid_states)
    return StateError(
        f"Unknown state {bounded_repr(name, 80)}.",
        why=f"No state is registered under that name. Valid states: {listed(valid)}.",
        fix=suggestion(name, valid) or "Register the state's class first, or correct the name.",
        context={"state": name, "valid_states": valid[:_VALID_SHOWN]},
    )


def persistence_invalid_json(path: str, error: Exception) -> PersistenceError:
    """A file or column that should hold JSON does not."""
    return PersistenceError(
        f"Invalid JSON in {path}.",
        why=f"The text can't be parsed: {bounded(str(error), 200)}.",
        fix="Restore it from a backup, or delete it to start afresh.",
        context={"path": path, "error": str(error)},
    )


def persistence_missing_field(path: str, field: str) -> PersistenceError:
    """A snapshot lacks one of its required keys."""
    return PersistenceError(
        f"Snapshot is missing required field '{field}'.",
        why=f"A snapshot needs 'name', 'current_state' and 'rules'; {path} has no '{field}'.",
        fix="Save the component again, or add the field by hand.",
        context={"path": path, "field": field},
    )


def import_invalid_format(dotted: str) -> ImportError_:
    """A dotted path that is not of the form ``module:Symbol``."""
    return ImportError_(
        f"Invalid dotted path {bounded_repr(dotted, 200)}.",
        why="A dotted path names a module and a symbol in it, separated by one colon.",
        fix="Write it as 'package.module:Symbol'.",
        context={"dotted_path": dotted},
    )


def import_module_not_found(module: str, dotted: str) -> ImportError_:
    """The module half of a dotted path does not exist."""
    return ImportError_(
        f"Module not found: {bounded_repr(module, 200)}.",
        why="Python can't find a module of that name on its path.",
        fix="Install the package, correct the spelling, or start Python in the project's folder.",
        context={"module": module, "dotted_path": dotted},
    )


def import_module_failed(module: str, dotted: str, error: BaseException) -> ImportError_:
    """The module exists, and raised while it was being imported."""
    return ImportError_(
        f"Module {bounded_repr(module, 200)} failed to import.",
        why=f"It exists, but running it raised {class_and_text(error, 200)}.",
        fix=f"Mend the module; `python -c 'import {bounded(module, 200)}'` shows the same error.",
        context={"module": module, "dotted_path": dotted, "error": type(error).__name__},
    )


def import_not_allowed(dotted: str, allowed: Iterable[str]) -> ImportError_:
    """A dotted path that the list of what a configuration may name does not have."""
    entries = list(allowed)
    return ImportError_(
        f"Dotted path {bounded_repr(dotted, 200)} is not allowed.",
        why=f"Configurations may name: {listed(entries)}. Nothing was imported.",
        fix="If you trust it, add its module to allow= (or --allow, or FLEXIFLOW_ALLOW).",
        context={"dotted_path": dotted, "allowed": entries[:_VALID_SHOWN]},
    )


def import_symbol_not_found(module: str, symbol: str, dotted: str) -> ImportError_:
    """The module exists, the symbol in it does not."""
    return ImportError_(
        f"Symbol {bounded_repr(symbol, 200)} not found in module {bounded_repr(module, 200)}.",
        why="The module was imported, but it has no attribute of that name.",
        fix="Correct the spelling, or define the symbol at the module's top level.",
        context={"module": module, "symbol": symbol, "dotted_path": dotted},
    )


def import_not_state_subclass(dotted: str, got_type: str) -> ImportError_:
    """A dotted path leads to something that is not a state."""
    return ImportError_(
        f"Not a State subclass: {bounded_repr(dotted, 200)}.",
        why=f"The path leads to {got_type}, and a state must be a class derived from State.",
        fix="Point the path at a class that derives from flexiflow.State.",
        context={"dotted_path": dotted, "got_type": got_type},
    )


def component_not_found(name: str, known: Iterable[str]) -> ComponentNotFound:
    """A component name that nobody knows."""
    names = sorted(map(str, known))
    return ComponentNotFound(
        f"Unknown component {bounded_repr(name)}.",
        why=f"Known components: {listed(names)}." if names else "There are no components at all.",
        fix=suggestion(name, names)
        or "Correct the name: a component is known once it was added, or recorded.",
        context={"component": name, "components": len(names)},
    )


def listed(names: list[str]) -> str:
    """Up to five names, then how many more there are."""
    if not names:
        return "none"
    more = f" (+{len(names) - _VALID_SHOWN} more)" if len(names) > _VALID_SHOWN else ""
    return ", ".join(map(_shown, names[:_VALID_SHOWN])) + more


def _shown(name: str) -> str:
    """A name as it can be printed: an empty one, and one with control characters, as its repr."""
    return bounded(name, 80) if name.isprintable() and name else bounded(ascii(name), 80)


def suggestion(name: object, known: Iterable[str]) -> str | None:
    """A sentence with the nearest three names, or None where nothing is near.

    Names longer than 80 characters are not compared, nor more than 2,000 of them: the search is
    quadratic, and an error must come at once.
    """
    if not isinstance(name, str):
        return None
    short = sorted(candidate for candidate in known if len(candidate) <= 80)[:2000]
    near = get_close_matches(name, short, n=len(short) or 1) if len(name) <= 80 else []
    near.sort(key=lambda each: _distance(name, each))
    near = near[:3]
    return f"Did you mean {' or '.join(map(repr, near))}?" if near else None


def _distance(name: str, candidate: str) -> tuple[float, int, str]:
    """The nearest first; among those as near, the one that begins alike, then by name."""
    matcher = SequenceMatcher(None, candidate, name)
    pairs = zip(name.lower(), candidate.lower(), strict=False)
    begins = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return -matcher.ratio(), -begins, candidate


def bounded(text: str, longest: int) -> str:
    """`text`, cut to `longest` characters with a note of how many are left out."""
    return (
        text if len(text) <= longest else f"{text[:longest]}… (+{len(text) - longest} characters)"
    )


def on_one_line(text: str) -> str:
    """`text` with what can't be printed spelt out, so that a name can't forge a line of a log."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else repr(each)[1:-1] for each in text)


def error_text(error: BaseException) -> str:
    """What an error says; never an exception of its own."""
    try:
        return str(error)
    except Exception as exc:  # a broken __str__ must not hide the error being reported
        return f"its text can't be read: {type(exc).__name__}"


def class_and_text(error: BaseException, longest: int) -> str:
    """An error as the last line of a traceback has it, bounded: ``KeyError: 'total'``."""
    return f"{type(error).__name__}: {bounded(error_text(error), longest)}"


def bounded_repr(value: Any, longest: int = _LONGEST_VALUE) -> str:
    """``repr(value)``, bounded, and never an exception of its own.

    Of strings and containers no more is read than is shown.
    """
    try:
        text, length = beginning_of_repr(value, longest)
        if length is None:
            return f"{text[:longest]}… (+more)"
        left_out = length - longest
        return text if left_out <= 0 else f"{text[:longest]}… (+{left_out} characters)"
    except Exception as exc:  # a broken __repr__ must not hide the error being reported
        return f"<{type(value).__name__} whose repr raised {type(exc).__name__}>"

"""What a configuration's ``states`` and ``packs`` contain, read one entry at a time.

Every error goes to a `Report`: those who load raise it, `flexiflow.explain` collects it. Reading
imports and runs the code that the paths name; see `flexiflow.imports`.
"""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from flexiflow.errors import (
    ConfigError,
    FlexiFlowError,
    ImportError_,
    bounded_repr,
    config_wrong_type,
)
from flexiflow.imports import (
    USER_CODE_FAILURES,
    AllowList,
    as_state_class,
    dotted_path_of,
    load_symbol,
    split_dotted_path,
)
from flexiflow.statepack import MappingPack, StatePack, TransitionSpec
from flexiflow.states import State

Report = Callable[[FlexiFlowError], None]

_PACK_METHODS = ("provides", "transitions", "depends_on")


class PackPathError(ConfigError, ImportError_):
    """A path in a configuration's ``packs`` does not lead to a pack."""


@dataclass(frozen=True, slots=True)
class StateEntry:
    """One state of a configuration, as far as it could be loaded.

    Attributes:
        key: what the configuration calls it.
        dotted_path: where its class is.
        state_class: the class, or None where there is an error.
        found: whether the path leads to anything, if only to something that is not a state.
        error: what went wrong, or None.
    """

    key: str
    dotted_path: str
    state_class: type[State] | None
    found: bool = True
    error: FlexiFlowError | None = None


@dataclass(frozen=True, slots=True)
class PackContents:
    """A pack, and what its methods answered when they were asked once.

    Attributes:
        pack: the pack itself.
        name: its name.
        states: its states; of a mapping also those that could not be loaded.
        transitions: the transitions it describes.
        depends_on: keys that others must provide.
    """

    pack: StatePack
    name: str
    states: tuple[StateEntry, ...]
    transitions: tuple[TransitionSpec, ...] = ()
    depends_on: frozenset[str] = frozenset()

    @property
    def keys(self) -> list[str]:
        """The keys of its states."""
        return [each.key for each in self.states]


def read_mapping(states: Any, report: Report, allow: AllowList | None) -> list[PackContents]:
    """The one pack that the ``states`` of a configuration become; none where there are none."""
    if states is None:
        return []
    if not isinstance(states, Mapping):
        report(config_wrong_type("states", "a mapping of keys to paths", type(states).__name__))
        return []
    read = [_read_entry(key, value, report, allow) for key, value in states.items()]
    entries = [entry for entry in read if entry is not None]
    if not entries:
        return []
    pack = MappingPack({e.key: e.state_class for e in entries if e.state_class is not None})
    return [PackContents(pack, pack.name, tuple(entries))]


def _read_entry(
    key: object, value: object, report: Report, allow: AllowList | None
) -> StateEntry | None:
    if not isinstance(key, str) or not isinstance(value, str | type):
        report(_invalid_states_entry(key, value))
        return None
    path = value if isinstance(value, str) else dotted_path_of(value)
    found = False
    try:
        symbol = load_symbol(value, allow) if isinstance(value, str) else value
        found = True
        return StateEntry(key, path, as_state_class(symbol, path))
    except FlexiFlowError as exc:
        report(exc)
        return StateEntry(key, path, None, found, exc)


def read_list(packs: Any, report: Report, allow: AllowList | None) -> list[PackContents]:
    """The packs that can be read of the ``packs`` of a configuration."""
    if packs is None:
        return []
    if isinstance(packs, str | bytes | Mapping) or not isinstance(packs, Iterable):
        report(config_wrong_type("packs", "a list of 'module:Pack'", type(packs).__name__))
        return []
    contents = []
    for position, entry in enumerate(packs):
        try:
            contents.append(_contents_of(_pack_of(entry, position, allow)))
        except FlexiFlowError as exc:
            report(exc)
    return contents


def _pack_of(entry: Any, position: int, allow: AllowList | None) -> StatePack:
    """The pack that an entry names, makes or is."""
    symbol, label = entry, bounded_repr(entry, 80)
    if isinstance(entry, str):
        if split_dotted_path(entry) is None:
            raise _invalid_pack_path(entry)
        symbol = load_symbol(entry, allow)
    elif not callable(entry) and not _is_pack(entry):
        raise _invalid_pack_entry(entry, position)
    made = symbol
    if isinstance(symbol, type) or not _is_pack(symbol):
        made = _made_by(symbol, label)
    if isinstance(made, type) or not _is_pack(made):
        raise _not_a_pack(label, made)
    pack: StatePack = made
    return pack


def _made_by(factory: Any, label: str) -> object:
    """What a class or function makes; nothing is called that can't make a pack."""
    can_make = _has_methods if isinstance(factory, type) else _takes_nothing
    if not can_make(factory):
        raise _not_a_pack(label, factory)
    try:
        return factory()
    except USER_CODE_FAILURES as exc:
        raise _pack_failed(label, "It could not be made", exc) from exc


def _takes_nothing(candidate: Any) -> bool:
    if _is_pythons_own(candidate):  # a config that names os:abort must not end the process
        return False
    try:
        inspect.signature(candidate).bind()
    except (TypeError, ValueError):
        return False
    return True


def _is_pythons_own(candidate: Any) -> bool:
    """Whether a function is Python's own: none makes a pack, and some do harm."""
    if inspect.isbuiltin(candidate):
        return True
    module = getattr(candidate, "__module__", None)
    root = module.partition(".")[0] if isinstance(module, str) else ""
    return inspect.isfunction(candidate) and root in sys.stdlib_module_names


def _has_methods(candidate: object) -> bool:
    return all(callable(getattr(candidate, method, None)) for method in _PACK_METHODS)


def _is_pack(candidate: object) -> bool:
    try:
        return isinstance(candidate, StatePack)
    except USER_CODE_FAILURES:  # the check reads the name, and that may be code
        return False


def _contents_of(pack: StatePack) -> PackContents:
    """Ask each of a pack's methods once, and check the answers."""
    label = type(pack).__name__
    try:
        answers = _Answers(pack)
    except USER_CODE_FAILURES as exc:
        raise _pack_failed(label, "Asking what it contains failed", exc) from exc
    if not isinstance(answers.name, str) or not answers.name:
        raise _bad_pack(label, "its name is not a string", answers.name)
    for each in answers.transitions:
        if not _is_transition(each):
            raise _bad_pack(answers.name, "a transition is not a TransitionSpec", each)
    for key in (*answers.provided, *answers.depends_on):
        if not isinstance(key, str):
            raise _bad_pack(answers.name, "a key is not a string", key)
    states = tuple(_provided_state(answers.name, *item) for item in answers.provided.items())
    return PackContents(pack, answers.name, states, answers.transitions, answers.depends_on)


class _Answers:
    """What a pack says, before it is checked; None counts as nothing."""

    def __init__(self, pack: Any) -> None:
        needed = pack.depends_on() or ()
        self.name: Any = pack.name
        self.provided: dict[Any, Any] = dict(pack.provides() or {})
        self.transitions: tuple[Any, ...] = tuple(pack.transitions() or ())
        self.depends_on = frozenset({needed} if isinstance(needed, str) else needed)


def _is_transition(candidate: object) -> bool:
    return isinstance(candidate, TransitionSpec) and all(
        isinstance(each, str)
        for each in (candidate.from_state, candidate.on_message, candidate.to_state)
    )


def _provided_state(pack: str, key: str, spec: object) -> StateEntry:
    cls = getattr(spec, "state_class", spec)
    if isinstance(cls, type) and issubclass(cls, State):
        return StateEntry(key, dotted_path_of(cls), cls)
    raise ConfigError(
        f"Not a State subclass: key {bounded_repr(key, 80)} of pack {bounded_repr(pack, 80)}.",
        why=f"The pack provides {bounded_repr(cls, 80)} for it, and a state must be a class "
        "derived from State.",
        fix="Write StateSpec(MyState) with a class that derives from flexiflow.State.",
        context={"pack": pack, "key": key, "got": cls},
    )


def _invalid_states_entry(key: object, value: object) -> ConfigError:
    return ConfigError(
        f"Invalid states entry {bounded_repr(key, 80)}.",
        why="An entry of 'states' is a string that leads to a string 'module:Class', not "
        f"{type(key).__name__} and {type(value).__name__}.",
        fix="Write it as Key: 'package.module:Class', and quote keys such as on, off, yes and no.",
        context={"key": key, "value": value},
    )


def _invalid_pack_entry(entry: object, position: int) -> ConfigError:
    return ConfigError(
        f"Invalid pack entry {bounded_repr(entry, 80)}.",
        why=f"Each entry of 'packs' is a string 'module:Pack', not {type(entry).__name__}.",
        fix="Write it as 'package.module:Pack'.",
        context={"entry": entry, "position": position},
    )


def _invalid_pack_path(entry: str) -> PackPathError:
    return PackPathError(
        f"Invalid pack path format {bounded_repr(entry, 80)}.",
        why="A pack's path names a module and a symbol in it, separated by one colon.",
        fix="Write it as 'package.module:Pack'.",
        context={"pack": entry},
    )


def _not_a_pack(label: str, got: object) -> PackPathError:
    return PackPathError(
        f"Not a StatePack: {label}.",
        why=f"It leads to {bounded_repr(got, 80)}; a pack has a name and the methods provides, "
        "transitions and depends_on.",
        fix="Give the class these members, or point the path at a pack.",
        context={"pack": label, "got": got},
    )


def _pack_failed(label: str, what: str, error: BaseException) -> ConfigError:
    return ConfigError(
        f"Pack {label} failed.",
        why=f"{what}: {type(error).__name__}: {bounded_repr(error, 200)}.",
        fix="Mend the pack; the original error is the cause of this one.",
        context={"pack": label, "error": type(error).__name__},
    )


def _bad_pack(label: str, why: str, got: object) -> ConfigError:
    return ConfigError(
        f"Pack {bounded_repr(label, 80)} has the wrong contents.",
        why=f"In it, {why}: {bounded_repr(got, 80)}.",
        fix="Give it a name, and keys and transitions of strings; see StatePack.",
        context={"pack": label, "got": got},
    )

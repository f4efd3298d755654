"""Explaining a configuration: what it means, and everything that is wrong with it, at once.

`explain` reads a configuration exactly as `flexiflow.config_loader` does, but collects the errors
instead of raising them, and registers nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from os import PathLike
from typing import Any

from flexiflow.config_loader import (
    BUILTIN_KEYS,
    FIELDS,
    ConfigLoader,
    ConfigReading,
    checked_fields,
    read_config,
)
from flexiflow.errors import FlexiFlowError, bounded_repr, state_not_found
from flexiflow.explanation import (
    ByKey,
    ConfigExplanation,
    Diagnostic,
    PackInfo,
    StateResolution,
)
from flexiflow.imports import AllowList
from flexiflow.pack_contents import PackContents, StateEntry
from flexiflow.pack_loader import shadows_builtin
from flexiflow.states import DEFAULT_REGISTRY, State

__all__ = [
    "ByKey",
    "ConfigExplanation",
    "Diagnostic",
    "PackInfo",
    "StateResolution",
    "explain",
]


def explain(
    source: str | PathLike[str] | Mapping[str, Any], allow: str | Iterable[str] | None = None
) -> ConfigExplanation:
    """Say what a configuration means, and everything that is wrong with it.

    This registers nothing, and never raises for a bad configuration: what is wrong becomes an
    entry of `errors`, what only looks wrong one of `warnings`. It does import the modules that
    the configuration names, and so runs their code: whether a path leads to a state can't be known
    otherwise. (A module that registers states when it is imported does so here too.)

    Args:
        source: a YAML file, or the configuration itself as a mapping.
        allow: what it may name, as `ConfigLoader.load_component_config` takes it; nothing else is
            imported.

    Returns:
        the explanation; it `is_valid` where the configuration can be loaded and its component
        created.
    """
    path = None if isinstance(source, Mapping) else _text_of(source)
    allowed = AllowList.of(allow)
    try:
        if isinstance(source, Mapping):
            data = checked_fields(source, None)
        else:
            data = ConfigLoader.load_yaml(source)
    except FlexiFlowError as exc:
        return ConfigExplanation(
            path,
            initial_state=None,
            builtin_states=list(BUILTIN_KEYS),
            errors=[Diagnostic.of(exc)],
        )
    errors: list[FlexiFlowError] = []
    reading = read_config(data, path, errors.append, allowed)
    errors.extend(_unknown_initial(reading))
    explanation = _described(path, reading)
    explanation.errors = [Diagnostic.of(each) for each in errors]
    explanation.warnings = [*_misspelt(data), *_warnings(reading)]
    return explanation


def _described(path: str | None, reading: ConfigReading) -> ConfigExplanation:
    packs = reading.packs.packs
    states = reading.packs.states
    return ConfigExplanation(
        config_path=path,
        name=reading.name,
        initial_state=reading.initial_state,
        rules_count=len(reading.rules),
        states=ByKey(_resolution(each) for each in states.values()),
        builtin_states=list(BUILTIN_KEYS),
        packs=ByKey(_info(each) for each in packs),
        state_providers=_providers(packs),
        pack_order=[each.name for each in packs],
        initial_state_resolution=list(reading.resolution),
        classes=_classes(reading),
    )


def _resolution(entry: StateEntry) -> StateResolution:
    error = None if entry.error is None else entry.error.what
    is_state = entry.state_class is not None
    return StateResolution(entry.key, entry.dotted_path, entry.found, is_state, error)


def _info(pack: PackContents) -> PackInfo:
    return PackInfo(pack.name, pack.keys, list(pack.transitions), pack.depends_on)


def _providers(packs: tuple[PackContents, ...]) -> dict[str, str]:
    providers: dict[str, str] = {}
    for pack in packs:
        for key in pack.keys:
            providers.setdefault(key, pack.name)
    return providers


def _classes(reading: ConfigReading) -> dict[str, type[State]]:
    classes = {
        key: entry.state_class
        for key, entry in reading.packs.states.items()
        if entry.state_class is not None
    }
    initial = reading.initial_class
    if initial is not None and initial not in classes.values():
        classes.setdefault(initial.__name__, initial)
    return classes


def _unknown_initial(reading: ConfigReading) -> Iterator[FlexiFlowError]:
    """An initial state that loading leaves to the program, and that nobody has registered yet."""
    name, packs = reading.initial_state, reading.packs
    if name is None or packs.packs or not packs.complete:
        return  # reading has reported it, or has reported what may be the reason
    if ":" not in name and name not in DEFAULT_REGISTRY:
        yield state_not_found(name, DEFAULT_REGISTRY.names())


# -- warnings -----------------------------------------------------------------------------


def _warnings(reading: ConfigReading) -> Iterator[Diagnostic]:
    packs, states = reading.packs.packs, reading.packs.states
    for key, provider in _providers(packs).items():
        if key in BUILTIN_KEYS:
            yield Diagnostic.of(shadows_builtin(key, provider), "warning")
    yield from _same_names(packs)
    known = {*states, *BUILTIN_KEYS, *DEFAULT_REGISTRY.names()}
    if reading.packs.complete:
        yield from _unknown_ends(packs, known)


def _same_names(packs: tuple[PackContents, ...]) -> Iterator[Diagnostic]:
    names = [each.name for each in packs]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Diagnostic(
                "warning",
                f"{names.count(name)} packs are named {bounded_repr(name, 80)}.",
                why="Where a state comes from can't be told by the pack's name.",
                fix="Give each pack a name of its own.",
                context={"pack": name},
            )


def _unknown_ends(packs: tuple[PackContents, ...], known: set[str]) -> Iterator[Diagnostic]:
    """Transitions that lead from or to a state that nobody provides, a warning a state."""
    seen: set[str] = set()
    for pack in packs:
        for transition in pack.transitions:
            for key in (transition.from_state, transition.to_state):
                if key in known or key in seen or key in pack.depends_on:
                    continue
                seen.add(key)
                error = state_not_found(key, known)
                yield Diagnostic(
                    "warning",
                    f"Pack {bounded_repr(pack.name, 80)} has a transition with the unknown state "
                    f"{bounded_repr(key, 80)}.",
                    why=f"No pack provides it: {bounded_repr(transition, 200)}.",
                    fix=error.fix,
                    context={"pack": pack.name, "state": key},
                )


def _misspelt(data: Mapping[str, Any]) -> Iterator[Diagnostic]:
    """Fields that look like a known one. Others are left alone: people keep notes in configs."""
    for key in data:
        if key in FIELDS or len(key) > 80:
            continue
        for near in get_close_matches(key, FIELDS, n=1, cutoff=0.8):
            yield Diagnostic(
                "warning",
                f"Unknown field {key!r} is ignored.",
                why=f"It looks like {near!r}.",
                fix=f"Write {near!r}, if that is meant.",
                context={"field": key},
            )


def _text_of(source: object) -> str:
    return str(source) if isinstance(source, str | PathLike) else bounded_repr(source, 80)

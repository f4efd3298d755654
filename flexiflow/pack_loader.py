"""Loading state packs: from dotted paths to packs that fit together, in the order of their needs.

`load_packs` raises the first error; `flexiflow.explain` collects them all by `read_packs`. Loading
imports and runs the code that the paths name; see `flexiflow.imports`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from flexiflow.arguments import require
from flexiflow.errors import (
    ConfigError,
    FlexiFlowError,
    bounded,
    bounded_repr,
    listed,
    suggestion,
)
from flexiflow.imports import AllowList
from flexiflow.pack_contents import (
    PackContents,
    PackPathError,
    Report,
    StateEntry,
    read_list,
    read_mapping,
)
from flexiflow.statepack import (
    MappingPack,
    StatePack,
    StateSpec,
    TransitionSpec,
    collect_provided_keys,
    duplicate_state_key,
)
from flexiflow.states import DEFAULT_REGISTRY, State

__all__ = [
    "MappingPack",
    "PackPathError",
    "PackReading",
    "StatePack",
    "StateSpec",
    "TransitionSpec",
    "collect_provided_keys",
    "load_packs",
    "raise_error",
    "read_packs",
    "shadows_builtin",
]


@dataclass(frozen=True, slots=True)
class PackReading:
    """The packs of a configuration.

    Attributes:
        packs: those that could be read, each after the ones that it depends on.
        complete: whether all could be read, with all their states.
        is_mapping: whether they are the keys of ``states``, which are all known even where a
            class could not be loaded.
    """

    packs: tuple[PackContents, ...]
    complete: bool
    is_mapping: bool = False

    @property
    def states(self) -> dict[str, StateEntry]:
        """The states by key; the first pack that provides a key has it."""
        found: dict[str, StateEntry] = {}
        for pack in self.packs:
            for entry in pack.states:
                found.setdefault(entry.key, entry)
        return found


def load_packs(
    *,
    states: Mapping[str, str | type[State]] | None = None,
    packs: Iterable[str | StatePack | type] | None = None,
    builtin_keys: Iterable[str] | None = None,
    allow: str | Iterable[str] | None = None,
) -> list[StatePack]:
    """Load the packs of a configuration and check that they fit together.

    This imports and runs the code that the dotted paths name. Nothing is registered.

    Args:
        states: dotted paths or classes by key; they become one `MappingPack`.
        packs: dotted paths that lead to packs, or to classes or functions that make one when they
            are called without arguments; packs themselves are taken too.
        builtin_keys: keys that no pack may provide, and that packs may depend on. Without them
            packs may provide any key, and may depend on what is registered by default.
        allow: what the dotted paths may name, as `ConfigLoader.load_component_config` takes it.

    Returns:
        the packs, each after those that it depends on, else in the order given.

    Raises:
        ConfigError: where both `states` and `packs` are given, an entry is not of the right form,
            a path leads to no pack, a key is provided twice or is a built-in one, or a dependency
            is unmet or goes round in a circle.
        ImportError_: where a dotted path is not allowed, can't be imported or leads to no state.
    """
    require(
        builtin_keys is None
        or (isinstance(builtin_keys, Iterable) and not isinstance(builtin_keys, str | bytes)),
        "builtin_keys",
        builtin_keys,
        "a list of keys",
        "Leave it out, or pass BUILTIN_KEYS.",
    )
    reading = read_packs(states, packs, raise_error, builtin_keys, AllowList.of(allow))
    return [each.pack for each in reading.packs]


def raise_error(error: FlexiFlowError) -> NoReturn:
    """The `Report` of those who load."""
    raise error


def read_packs(
    states: Any,
    packs: Any,
    report: Report,
    builtin_keys: Iterable[str] | None = None,
    allow: AllowList | None = None,
) -> PackReading:
    """Load and check as `load_packs` does, but hand every error to `report`.

    After an error that `report` does not raise, reading goes on with what is left.
    """
    failures: list[FlexiFlowError] = []

    def note(error: FlexiFlowError) -> None:
        failures.append(error)
        report(error)

    if states and packs:
        report(_both_given())
    contents = read_mapping(states, note, allow) + read_list(packs, note, allow)
    complete = not failures
    _check_keys(contents, None if builtin_keys is None else set(builtin_keys), report)
    if complete:  # else a pack that is missing might have met the dependency
        _check_dependencies(contents, builtin_keys, report)
    return PackReading(tuple(_ordered(contents, report)), complete, is_mapping=not packs)


def _check_keys(contents: list[PackContents], builtin: set[str] | None, report: Report) -> None:
    providers: dict[str, str] = {}
    for pack in contents:
        for key in pack.keys:
            if key in providers:
                report(duplicate_state_key(key, providers[key], pack.name))
            elif builtin is not None and key in builtin:
                report(shadows_builtin(key, pack.name))
            providers.setdefault(key, pack.name)


def _check_dependencies(
    contents: list[PackContents], builtin_keys: Iterable[str] | None, report: Report
) -> None:
    known = set(DEFAULT_REGISTRY.names() if builtin_keys is None else builtin_keys)
    known.update(key for pack in contents for key in pack.keys)
    for pack in contents:
        for key in sorted(pack.depends_on - known):
            report(_unmet_dependency(pack.name, key, known))


def _ordered(contents: list[PackContents], report: Report) -> list[PackContents]:
    """Each pack after those whose keys it depends on; else the order is kept."""
    provider = {key: at for at, pack in reversed(list(enumerate(contents))) for key in pack.keys}
    needs = [
        {provider[key] for key in pack.depends_on if key in provider} - {at}
        for at, pack in enumerate(contents)
    ]
    placed: list[int] = []
    waiting = list(range(len(contents)))
    while waiting:
        ready = next((at for at in waiting if needs[at].issubset(placed)), None)
        if ready is None:
            report(_circular([contents[at].name for at in _circle(waiting, needs)]))
            ready = waiting[0]
        placed.append(ready)
        waiting.remove(ready)
    return [contents[at] for at in placed]


def _circle(waiting: list[int], needs: list[set[int]]) -> list[int]:
    """Follow needs that wait until one comes round again; each of `waiting` has such a need."""
    path = [waiting[0]]
    while True:
        following = min(needs[path[-1]].intersection(waiting))
        if following in path:
            return [*path[path.index(following) :], following]
        path.append(following)


def shadows_builtin(key: str, pack: str) -> ConfigError:
    """A pack provides a key that a built-in state has."""
    return ConfigError(
        f"Pack {bounded_repr(pack, 80)} shadows builtin state {bounded_repr(key, 80)}.",
        why="A built-in state has the same key, so the key alone does not say which is meant.",
        fix="Rename the pack's key, or let initial_state_resolution say which comes first.",
        context={"key": key, "pack": pack},
    )


def _both_given() -> ConfigError:
    return ConfigError(
        "Cannot specify both 'states' and 'packs'.",
        why="A config takes its states either from a mapping or from packs.",
        fix="Leave one of the two out, or move the mapping into a pack.",
        context={"fields": ["states", "packs"]},
    )


def _unmet_dependency(pack: str, key: str, known: set[str]) -> ConfigError:
    names = sorted(known)
    return ConfigError(
        f"Pack {bounded_repr(pack, 80)} depends on state key {bounded_repr(key, 80)}, "
        "which nobody provides.",
        why=f"Keys that are provided: {listed(names)}.",
        fix=suggestion(key, names) or "Add the pack that provides it to 'packs'.",
        context={"pack": pack, "key": key},
    )


def _circular(names: list[str]) -> ConfigError:
    circle = " → ".join(bounded(name, 80) for name in names[:20])
    return ConfigError(
        f"Circular depends_on between packs: {circle}.",
        why="Each of these packs has to come after another one of them.",
        fix="Move the states that they share into a pack of its own.",
        context={"packs": names[:20]},
    )

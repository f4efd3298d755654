"""State packs: states, and what is known of their transitions, that travel under one name.

A configuration takes packs in by dotted path. Their transitions are a description for people
and pictures; what really happens is what the states do.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from flexiflow.arguments import require
from flexiflow.errors import ConfigError, bounded_repr
from flexiflow.guards import GuardFunction
from flexiflow.states import State


@dataclass(frozen=True, repr=False)
class StateSpec:
    """A state that a pack provides.

    Attributes:
        state_class: a class derived from `State`.
        description: one line for people, or None.
    """

    state_class: type[State]
    description: str | None = None

    def __repr__(self) -> str:
        name = getattr(self.state_class, "__name__", None) or bounded_repr(self.state_class, 80)
        about = "" if self.description is None else f", {bounded_repr(self.description, 80)}"
        return f"StateSpec({name}{about})"


@dataclass(frozen=True, repr=False)
class TransitionSpec:
    """A transition that a pack describes.

    Attributes:
        from_state, to_state: keys of states, of this pack or of others.
        on_message: the message type that leads over it.
        guard: what has to hold, by name; a guard function stands for its name.
        description: one line for people, or None.
    """

    from_state: str
    on_message: str
    to_state: str
    guard: str | GuardFunction | None = None
    description: str | None = None

    @property
    def guard_name(self) -> str | None:
        """The guard's name, or None without a guard."""
        if self.guard is None or isinstance(self.guard, str):
            return self.guard
        for attribute in ("name", "__name__"):
            name = getattr(self.guard, attribute, None)
            if isinstance(name, str):
                return name
        return type(self.guard).__name__

    def __repr__(self) -> str:
        guard = f" [{self.guard_name}]" if self.guard_name else ""
        return f"TransitionSpec({self.from_state} --{self.on_message}{guard}--> {self.to_state})"


@runtime_checkable
class StatePack(Protocol):
    """What a pack offers; any class with these members is one, derived from this or not.

    Attributes:
        name: what it is called in configs and pictures.
    """

    name: str

    def provides(self) -> Mapping[str, StateSpec]:
        """The pack's states by key."""
        ...

    def transitions(self) -> Sequence[TransitionSpec]:
        """The transitions it knows of."""
        return []

    def depends_on(self) -> AbstractSet[str]:
        """Keys of states that other packs, or FlexiFlow itself, must provide."""
        return set()


class MappingPack:
    """The pack that the ``states`` of a configuration become.

    Args:
        states: state classes (or `StateSpec`) by key; copied.
        name: the pack's name.
    """

    def __init__(
        self, states: Mapping[str, type[State] | StateSpec], name: str = "mapping"
    ) -> None:
        require(
            isinstance(states, Mapping),
            "states",
            states,
            "a mapping of keys to state classes",
            'Write MappingPack({"Draft": Draft}).',
        )
        self.name = name
        self._specs = {
            key: each if isinstance(each, StateSpec) else StateSpec(each)
            for key, each in states.items()
        }

    def provides(self) -> dict[str, StateSpec]:
        """The states by key."""
        return dict(self._specs)

    def transitions(self) -> list[TransitionSpec]:
        """None: a mapping says nothing of transitions."""
        return []

    def depends_on(self) -> set[str]:
        """None."""
        return set()

    def __repr__(self) -> str:
        return f"MappingPack({bounded_repr(list(self._specs), 200)})"


def collect_provided_keys(packs: Iterable[StatePack]) -> dict[str, str]:
    """Which pack provides which key.

    Returns:
        pack names by key, in the order of the packs.

    Raises:
        ConfigError: where two packs provide the same key.
    """
    require(
        isinstance(packs, Iterable) and not isinstance(packs, str | bytes),
        "packs",
        packs,
        "a list of packs",
        "Pass what load_packs returns.",
    )
    providers: dict[str, str] = {}
    for pack in packs:
        require(
            hasattr(pack, "provides") and hasattr(pack, "name"),
            "packs",
            pack,
            "a list of packs",
            "Pass what load_packs returns.",
        )
        for key in pack.provides():
            if key in providers:
                raise duplicate_state_key(key, providers[key], pack.name)
            providers[key] = pack.name
    return providers


def duplicate_state_key(key: str, first: str, second: str) -> ConfigError:
    """Two packs provide a state under the same key."""
    return ConfigError(
        f"Duplicate state key {bounded_repr(key, 80)}.",
        why=f"Pack {bounded_repr(first, 80)} and pack {bounded_repr(second, 80)} both provide it.",
        fix="Rename the key in one of the packs, or leave one of them out.",
        context={"key": key, "packs": [first, second]},
    )

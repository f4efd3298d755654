"""What a configuration means: the plain model that `flexiflow.explain` fills, and its text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, SupportsIndex, TypeVar, overload

from flexiflow.errors import ErrorContext, FlexiFlowError, bounded, on_one_line
from flexiflow.statepack import TransitionSpec
from flexiflow.states import State

_MOST_LISTED = 200  # lines of one section; what is left out is said


@dataclass(frozen=True)
class Diagnostic:
    """One thing that is wrong, or looks wrong, with a configuration.

    Attributes:
        level: ``"error"`` (it can't be loaded) or ``"warning"`` (it can).
        what, why, fix, context: as in `FlexiFlowError`.
    """

    level: str
    what: str
    why: str | None = None
    fix: str | None = None
    context: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, error: FlexiFlowError, level: str = "error") -> Diagnostic:
        """An error's four parts."""
        return cls(level, error.what, error.why, error.fix, error.context_items)

    def format(self) -> str:
        """Its parts, the first line starting with ``[ERROR]`` or ``[WARNING]``."""
        lines = [f"[{self.level.upper()}] {self.what}"]
        if self.why:
            lines.append(f"  Why: {self.why}")
        if self.fix:
            lines.append(f"  Fix: {self.fix}")
        if self.context:
            lines.append("  Context:")
            lines += [f"  {line}" for line in ErrorContext(self.context).format().splitlines()]
        return "\n".join(lines)

    def __str__(self) -> str:
        return self.format()


@dataclass(frozen=True)
class StateResolution:
    """What became of one of a configuration's states.

    Attributes:
        key: what the configuration calls it.
        dotted_path: ``module:Class``.
        resolved: whether the path leads to anything.
        is_state_subclass: whether that is a state.
        error: what went wrong, or None.
    """

    key: str
    dotted_path: str
    resolved: bool = True
    is_state_subclass: bool = True
    error: str | None = None


@dataclass(frozen=True)
class PackInfo:
    """What a pack offers.

    Attributes:
        name: its name.
        provided_keys: the keys of its states.
        transitions: the transitions it describes.
        depends_on: keys that others must provide.
    """

    name: str
    provided_keys: Sequence[str] = ()
    transitions: Sequence[TransitionSpec] = ()
    depends_on: frozenset[str] = frozenset()


Item = TypeVar("Item", StateResolution, PackInfo)


class ByKey(list[Item]):
    """A list whose items can also be had by key or name: ``explanation.states["Draft"]``."""

    @overload
    def __getitem__(self, index: SupportsIndex | str) -> Item: ...
    @overload
    def __getitem__(self, index: slice) -> list[Item]: ...
    def __getitem__(self, index: Any) -> Any:
        if not isinstance(index, str):
            return super().__getitem__(index)
        for item in self:
            if _key(item) == index:
                return item
        raise KeyError(index)

    def __contains__(self, item: object) -> bool:
        return item in self.keys() if isinstance(item, str) else super().__contains__(item)

    def get(self, key: str, default: Any = None) -> Any:
        """The item of that key, or `default`."""
        return next((item for item in self if _key(item) == key), default)

    def keys(self) -> list[str]:
        """The keys, in order."""
        return [_key(item) for item in self]

    def values(self) -> list[Item]:
        """The items, in order."""
        return list(self)

    def items(self) -> list[tuple[str, Item]]:
        """Keys with their items, in order."""
        return [(_key(item), item) for item in self]


@dataclass
class ConfigExplanation:
    """A configuration, resolved without being put to use.

    Attributes:
        config_path: its file; None where it was given as a mapping.
        name: the component's name, or None.
        initial_state: as it is written, or the default; None where it is no string.
        rules_count: how many rules there are.
        states: its states, also those of its packs; a list that can be asked by key too.
        builtin_states: the keys of the built-in states, sorted.
        packs: its packs in order; a list that can be asked by name too.
        state_providers: names of packs by the keys that they provide.
        pack_order: names of packs, each after those that it depends on.
        initial_state_resolution: whose key wins where a pack and a built-in state have the same.
        warnings: what looks wrong but can be loaded.
        errors: what keeps it from being loaded.
        classes: the state classes that could be loaded, by key; the initial one too, under its
            class name where it has no key.
    """

    config_path: str | None = None
    name: str | None = None
    initial_state: str | None = "InitialState"
    rules_count: int = 0
    states: ByKey[StateResolution] = field(default_factory=ByKey)
    builtin_states: Sequence[str] = field(default_factory=list)
    packs: ByKey[PackInfo] = field(default_factory=ByKey)
    state_providers: Mapping[str, str] = field(default_factory=dict)
    pack_order: Sequence[str] = field(default_factory=list)
    initial_state_resolution: Sequence[str] = field(default_factory=lambda: ["packs", "builtin"])
    warnings: list[Diagnostic] = field(default_factory=list)
    errors: list[Diagnostic] = field(default_factory=list)
    classes: Mapping[str, type[State]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        self.states = ByKey(_values(self.states))
        self.packs = ByKey(_values(self.packs))

    @property
    def issues(self) -> list[Diagnostic]:
        """All errors, then all warnings."""
        return [*self.errors, *self.warnings]

    @property
    def is_valid(self) -> bool:
        """Whether there are no errors."""
        return not self.errors

    def format(self) -> str:
        """The whole explanation as text; sections with nothing in them are left out."""
        return "\n".join(self._lines())

    def __str__(self) -> str:
        return self.format()

    def _lines(self) -> Iterator[str]:
        yield f"Component: {_shown(self.name or '(no name)')}"
        if self.config_path is not None:
            yield f"  Config: {_shown(self.config_path, 300)}"
        yield f"  Initial state: {_shown(self.initial_state or '(none)')}"
        yield f"  Rules: {self.rules_count}"
        yield from _section("Packs", map(_pack_line, self.packs))
        if self.pack_order:
            yield f"Pack order: {_arrows(self.pack_order)}"
        yield f"Resolution policy: {_arrows(self.initial_state_resolution)}"
        yield from _section("States", map(self._state_line, self.states))
        yield from _section("Built-in", map(_shown, self.builtin_states))
        yield from _section("Warnings", (each.format() for each in self.warnings))
        yield from _section("Errors", (each.format() for each in self.errors))
        yield f"Status: {'Valid' if self.is_valid else 'Invalid'}"

    def _state_line(self, state: StateResolution) -> str:
        line = f"{_shown(state.key)}: {_shown(state.dotted_path, 200)}"
        provider = self.state_providers.get(state.key)
        if provider is not None:
            line += f" (from {_shown(provider)})"
        return line if state.error is None else f"{line} ✕ {_shown(state.error, 200)}"


def _key(item: StateResolution | PackInfo) -> str:
    return item.key if isinstance(item, StateResolution) else item.name


def _values(items: Iterable[Item] | Mapping[str, Item]) -> Iterable[Item]:
    return items.values() if isinstance(items, Mapping) else items


def _pack_line(pack: PackInfo) -> str:
    line = f"{_shown(pack.name)}: {_listed(pack.provided_keys)}"
    if pack.transitions:
        count = len(pack.transitions)
        line += f"; {count} transition{'s' if count > 1 else ''}"
    return line + (f"; needs {_listed(sorted(pack.depends_on))}" if pack.depends_on else "")


def _section(title: str, entries: Iterable[str]) -> Iterator[str]:
    for position, entry in enumerate(entries := list(entries)):
        if position == 0:
            yield f"{title}:"
        if position == _MOST_LISTED:
            yield f"  (+{len(entries) - _MOST_LISTED} more)"
            return
        yield from (f"  {line}" for line in entry.splitlines())


def _listed(names: Sequence[str]) -> str:
    more = f" (+{len(names) - 20} more)" if len(names) > 20 else ""
    return ", ".join(map(_shown, names[:20])) + more


def _arrows(names: Sequence[str]) -> str:
    more = f" → (+{len(names) - 20} more)" if len(names) > 20 else ""
    return " → ".join(map(_shown, names[:20])) + more


def _shown(text: str, longest: int = 80) -> str:
    """A user's text on one line, bounded, with control characters spelt out."""
    return on_one_line(bounded(text, longest))

"""Configurations: one component described by a YAML file or a mapping.

::

    name: order-1042                          # required
    rules: []
    states: {Draft: "shop.states:Draft"}      # or packs: ["shop.packs:OrderPack"]
    initial_state: Draft                      # a key, a registered name, or module:Class
    initial_state_resolution: [packs, builtin]

The paths name code, and loading a configuration runs it (see `flexiflow.imports`): load only
configurations that you trust like code. The YAML itself can build nothing but plain values.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from os import PathLike
from typing import Any

from flexiflow.errors import (
    ConfigError,
    FlexiFlowError,
    bounded_repr,
    config_missing_field,
    config_wrong_type,
    state_not_found,
)
from flexiflow.imports import AllowList, dotted_path_of, load_state_class
from flexiflow.pack_contents import Report
from flexiflow.pack_loader import PackReading, raise_error, read_packs
from flexiflow.state_machine import BUILTIN_STATES
from flexiflow.statepack import TransitionSpec
from flexiflow.states import DEFAULT_REGISTRY, State

__all__ = ["BUILTIN_KEYS", "ComponentConfig", "ConfigLoader", "ConfigReading", "read_config"]

FIELDS = ("name", "rules", "states", "packs", "initial_state", "initial_state_resolution")
BUILTIN_KEYS = tuple(sorted(cls.__name__ for cls in BUILTIN_STATES))
DEFAULT_RESOLUTION = ("packs", "builtin")

Source = str | PathLike[str] | Mapping[str, Any]


@dataclass
class ComponentConfig:
    """What a component is made of.

    Attributes:
        name: the component's name.
        rules: its rules.
        initial_state: the name, registered by default, of the state in which it begins.
        transitions: what its packs describe, between registered names.
    """

    name: str
    rules: list[Any] = field(default_factory=list)
    initial_state: str = "InitialState"
    transitions: tuple[TransitionSpec, ...] = ()


class ConfigLoader:
    """Reads configurations; its methods are called on the class or on an instance."""

    @staticmethod
    def load_yaml(path: str | PathLike[str]) -> dict[str, Any]:
        """The mapping in a YAML file; plain values only.

        Raises:
            ConfigError: where the file can't be read, is too large, or holds anything but one
                mapping with strings for keys.
            ConfigFileNotFound: (a FileNotFoundError) where there is no such file.
        """
        document = _document(path)
        if document is None:
            raise _empty(path)
        return checked_fields(document, str(path))

    @classmethod
    def load_component_config(
        cls, path: Source, allow: str | Iterable[str] | None = None
    ) -> ComponentConfig:
        """Load a component's configuration, and register its states under their class names.

        This imports and runs the code that its dotted paths name. Nothing is registered where
        anything is wrong.

        Args:
            path: a YAML file, or the mapping itself.
            allow: the modules (with all beneath them) and ``module:Symbol`` paths that it may
                name; what the environment variable ``FLEXIFLOW_ALLOW`` lists (with commas
                between) unless given, and anything where there is neither.

        Returns:
            the configuration; its `initial_state` is a registered name. One that names no states
            of its own may begin in a state that the program registers later.

        Raises:
            ConfigError: where the configuration is wrong.
            ConfigFileNotFound: (a FileNotFoundError) where there is no such file.
            ImportError_: where a dotted path is not allowed, can't be imported or leads to no
                state.
            StateError: where it names states, and the initial state is none of them.
        """
        allowed = AllowList.of(allow)
        if isinstance(path, Mapping):
            reading = read_config(checked_fields(path, None), None, raise_error, allowed)
        else:
            reading = read_config(cls.load_yaml(path), str(path), raise_error, allowed)
        assert reading.name is not None
        names = _register(reading)
        initial = _initial_name(reading, names)
        return ComponentConfig(reading.name, reading.rules, initial, _transitions(reading, names))

    @staticmethod
    def load_rules(path: str | PathLike[str]) -> list[Any]:
        """The rules in a YAML file: a list, or a mapping with the list under ``rules``.

        Raises:
            ConfigError: where the file can't be read or holds no rules.
            ConfigFileNotFound: (a FileNotFoundError) where there is no such file.
        """
        document = _document(path)
        if isinstance(document, dict):
            if "rules" not in document:
                raise _no_rules(path)
            document = document["rules"] or []
        if not isinstance(document, list):
            raise config_wrong_type("rules", "a list", type(document).__name__, str(path))
        return document


def _document(path: str | PathLike[str]) -> Any:
    # Most programs write their machines in Python: PyYAML is loaded for those that do not.
    from flexiflow.yaml_file import read_yaml

    return read_yaml(path)


@dataclass(frozen=True, slots=True)
class ConfigReading:
    """A configuration, as far as it could be read.

    Attributes:
        name, rules: its fields; None and empty where they are absent or wrong.
        packs: its states and packs.
        initial_state: what it says, or the default; None where that is no string.
        initial_class: the class that this leads to, by key or by dotted path; None where it is a
            name to be looked up in the registry.
        resolution: whose key wins where a pack and a built-in state have the same.
    """

    name: str | None
    rules: list[Any]
    packs: PackReading
    initial_state: str | None
    initial_class: type[State] | None
    resolution: tuple[str, ...]


def read_config(
    data: Mapping[str, Any], path: str | None, report: Report, allow: AllowList | None
) -> ConfigReading:
    """Read a configuration without registering anything; every error goes to `report`.

    This imports and runs the code that its dotted paths name.

    Args:
        data: the configuration.
        path: its file, for the errors.
        report: raises or collects.
        allow: what its dotted paths may name; None for anything.
    """

    def located(error: FlexiFlowError) -> None:
        if path is not None:
            error.context = {**error.context_items, "path": path}
        report(error)

    name = _name(data, located)
    rules = _rules(data, located)
    packs = read_packs(data.get("states"), data.get("packs"), located, allow=allow)
    resolution = _resolution(data, located)
    initial = _initial_state(data, located)
    found = None if initial is None else _initial_class(initial, packs, resolution, located, allow)
    return ConfigReading(name, rules, packs, initial, found, resolution)


def _name(data: Mapping[str, Any], report: Report) -> str | None:
    value = data.get("name")
    if isinstance(value, str) and value.strip():
        return value
    if value is None or isinstance(value, str):
        report(config_missing_field("name"))
    else:
        report(config_wrong_type("name", "a string", type(value).__name__))
    return None


def _rules(data: Mapping[str, Any], report: Report) -> list[Any]:
    value = data.get("rules")
    if isinstance(value, list | tuple):
        return list(value)
    if value is not None:
        report(config_wrong_type("rules", "a list", type(value).__name__))
    return []


def _resolution(data: Mapping[str, Any], report: Report) -> tuple[str, ...]:
    value = data.get("initial_state_resolution")
    for order in (DEFAULT_RESOLUTION, DEFAULT_RESOLUTION[::-1]):
        if isinstance(value, list | tuple) and tuple(value) == order:
            return order
    if value is not None:
        report(
            config_wrong_type(
                "initial_state_resolution",
                "a list of 'packs' and 'builtin' in the order you want",
                bounded_repr(value, 80),
            )
        )
    return DEFAULT_RESOLUTION


def _initial_state(data: Mapping[str, Any], report: Report) -> str | None:
    value = data.get("initial_state")
    if value is None:
        return "InitialState"
    if isinstance(value, str):
        return value
    report(config_wrong_type("initial_state", "a string", type(value).__name__))
    return None


def _initial_class(
    name: str,
    packs: PackReading,
    resolution: tuple[str, ...],
    report: Report,
    allow: AllowList | None,
) -> type[State] | None:
    entry = packs.states.get(name)
    if entry is not None and (resolution[0] == "packs" or name not in BUILTIN_KEYS):
        return entry.state_class
    if name in DEFAULT_REGISTRY:
        return None
    if ":" in name:
        try:
            return load_state_class(name, allow)
        except FlexiFlowError as exc:
            report(exc)
    elif packs.packs and (packs.complete or packs.is_mapping):
        report(state_not_found(name, {*packs.states, *DEFAULT_REGISTRY.names()}))
    return None


def _register(reading: ConfigReading) -> dict[type[State], str]:
    """Register what a reading found, and return the registered names."""
    classes = [each.state_class for each in reading.packs.states.values()]
    names: dict[str, type[State]] = {}
    return {
        cls: _give_name(cls, names, reading.resolution)
        for cls in (*classes, reading.initial_class)
        if cls is not None
    }


def _initial_name(reading: ConfigReading, names: Mapping[type[State], str]) -> str:
    if reading.initial_class is not None:
        return names[reading.initial_class]
    assert reading.initial_state is not None
    return reading.initial_state


def _transitions(
    reading: ConfigReading, names: Mapping[type[State], str]
) -> tuple[TransitionSpec, ...]:
    """What the packs describe, with the names that their keys are registered under."""

    def named(key: str) -> str:
        entry = reading.packs.states.get(key)
        cls = None if entry is None else entry.state_class
        return key if cls is None else names[cls]

    return tuple(
        replace(each, from_state=named(each.from_state), to_state=named(each.to_state))
        for pack in reading.packs.packs
        for each in pack.transitions
    )


def _give_name(cls: type[State], names: dict[str, type[State]], resolution: tuple[str, ...]) -> str:
    """Register a class under its name, or under its path where the name is another class's.

    A name is another's where a different class of this configuration has it already, or where
    a built-in state has it and built-in states come first.
    """
    name = cls.__name__
    kept = name in BUILTIN_KEYS and resolution[0] == "builtin" and cls not in BUILTIN_STATES
    if kept or names.setdefault(name, cls) is not cls:
        name = dotted_path_of(cls)
    DEFAULT_REGISTRY.register(name, cls)
    return name


def checked_fields(document: object, path: str | None) -> dict[str, Any]:
    if not isinstance(document, Mapping):
        raise config_wrong_type("config", "a mapping of fields", type(document).__name__, path)
    for key in document:
        if not isinstance(key, str):
            raise _not_a_string(key, path)
    return dict(document)


def _not_a_string(key: object, path: str | None) -> ConfigError:
    return ConfigError(
        f"Config field {bounded_repr(key, 80)} is not a string.",
        why=f"Names of fields are strings, and this is of type {type(key).__name__}; "
        "YAML reads a bare on, off, yes or no as true or false.",
        fix="Put the name in quotes.",
        context={"field": key, "path": path},
    )


def _empty(path: str | PathLike[str]) -> ConfigError:
    return ConfigError(
        f"Config file {bounded_repr(str(path), 200)} is empty.",
        why="There is no YAML document in it, so it is missing required field 'name'.",
        fix="Write at least 'name: my-component' into it.",
        context={"path": str(path)},
    )


def _no_rules(path: str | PathLike[str]) -> ConfigError:
    return ConfigError(
        "Rules file is missing required field 'rules'.",
        why="A rules file is a list, or a mapping with the list under 'rules'.",
        fix="Write the rules as a list, or put 'rules:' above it.",
        context={"field": "rules", "path": str(path)},
    )

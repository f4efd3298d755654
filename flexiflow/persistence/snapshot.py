"""A snapshot: a component's name, state, rules and data at one moment."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from flexiflow.arguments import require
from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import (
    PersistenceError,
    StateError,
    bounded_repr,
    listed,
    persistence_missing_field,
    state_not_found,
)
from flexiflow.redaction import redacted_fields
from flexiflow.state_machine import DEFAULT_REGISTRY, State, StateMachine, StateRegistry

_REQUIRED = {"name": str, "current_state": str, "rules": list}


@dataclass
class ComponentSnapshot:
    """A component at one moment.

    Attributes:
        name: the component's name.
        current_state: the identity of its state.
        rules: its rules.
        metadata: its data.
    """

    name: str
    current_state: str
    rules: list[Any] = field(default_factory=list)
    metadata: dict[str, Any] = field(default_factory=dict)


def take_snapshot(
    component: AsyncComponent, metadata: Mapping[str, Any] | None = None
) -> ComponentSnapshot:
    """A component as it is now.

    Args:
        component: the component.
        metadata: merged over the component's data.
    """
    require(
        all(hasattr(component, each) for each in ("data", "state_machine", "rules")),
        "component",
        component,
        "a component",
        "Pass an AsyncComponent.",
    )
    require(
        metadata is None or isinstance(metadata, Mapping),
        "metadata",
        metadata,
        "a dict",
        "Leave it out to save component.data alone.",
    )
    own = component.data
    # A subclass written for 1.x may use the name for something else, and give metadata=.
    data = {**(own if isinstance(own, Mapping) else {}), **(metadata or {})}
    state = component.state_machine.state_name
    return ComponentSnapshot(component.name, state, list(component.rules), data)


def snapshot_from(value: Any, source: str) -> ComponentSnapshot:
    """A snapshot from what was read.

    Args:
        value: a mapping with ``name current_state rules`` and perhaps ``metadata``.
        source: where it was read, for the error.

    Raises:
        PersistenceError: where a key is missing or holds the wrong type.
    """
    if not isinstance(value, dict):
        raise _wrong_type("the snapshot", "a JSON object", value, source)
    for key, kind in _REQUIRED.items():
        if key not in value:
            raise persistence_missing_field(source, key)
        if not isinstance(value[key], kind):
            raise _wrong_type(f"'{key}'", f"a {kind.__name__}", value[key], source)
    metadata = value.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        raise _wrong_type("'metadata'", "an object", metadata, source)
    return ComponentSnapshot(
        value["name"], value["current_state"], value["rules"], {} if metadata is None else metadata
    )


def restore_component(
    snapshot: ComponentSnapshot,
    engine: FlexiFlowEngine,
    registry: StateRegistry | None = None,
) -> AsyncComponent:
    """Make and register the component that a snapshot describes; it replaces one of that name.

    Without a `registry` the state's name is looked up in the registry of the component it
    replaces, then in those of the engine's other components, then in `DEFAULT_REGISTRY`.
    A warning names the fields that were kept out of the recording; `Redacted` stands for them.

    Raises:
        StateError: where the state is unknown, or its name means several classes.
    """
    component = component_from(snapshot, engine, registry)
    _say_what_is_missing(snapshot)
    return engine.register(component)


def component_from(
    snapshot: ComponentSnapshot, engine: FlexiFlowEngine, registry: StateRegistry | None
) -> AsyncComponent:
    """The component that `restore_component` registers."""
    check_snapshot(snapshot)
    require(
        hasattr(engine, "register") and hasattr(engine, "registries"),
        "engine",
        engine,
        "a FlexiFlowEngine",
        "Write restore_component(snapshot, engine).",
    )
    names = _registry_for(snapshot, engine) if registry is None else registry
    machine = StateMachine.from_name(snapshot.current_state, names)
    machine.start_class = _start(snapshot, engine, names) or machine.start_class
    former = getattr(engine.get(snapshot.name), "state_machine", machine)
    machine.described = former.described
    return AsyncComponent(
        snapshot.name, list(snapshot.rules), machine, data=dict(snapshot.metadata)
    )


def check_snapshot(snapshot: Any) -> None:
    """Refuse what is no snapshot.

    Raises:
        InvalidType: (a TypeError) for anything else.
    """
    require(
        all(hasattr(snapshot, each) for each in ("name", "current_state", "rules", "metadata")),
        "snapshot",
        snapshot,
        "a ComponentSnapshot",
        "Pass what load_snapshot or take_snapshot returns.",
    )


def _say_what_is_missing(snapshot: ComponentSnapshot) -> None:
    missing = list(redacted_fields({**snapshot.metadata, "rules": snapshot.rules}))
    if missing:
        warnings.warn(
            f"{bounded_repr(snapshot.name, 80)} is restored without {listed(missing)}: "
            "redact= kept them out of the recording. Set them before it goes on.",
            stacklevel=3,
        )


def _registry_for(snapshot: ComponentSnapshot, engine: FlexiFlowEngine) -> StateRegistry:
    name = snapshot.current_state
    replaced = engine.get(snapshot.name)
    if replaced is not None and name in replaced.state_machine.registry:
        return replaced.state_machine.registry
    found = {cls: r for r in engine.registries() if (cls := r.find_own(name)) is not None}
    if len(found) == 1:
        return next(iter(found.values()))
    if found or DEFAULT_REGISTRY.is_contested(name):
        raise StateError(
            f"State name {name!r} means several classes.",
            why="Machines with different states of that name are in use.",
            fix="Pass registry=, or add the component to the engine before restoring it.",
            context={"component": snapshot.name, "state": name},
        )
    if name not in DEFAULT_REGISTRY:
        raise state_not_found(name, DEFAULT_REGISTRY.names())
    return DEFAULT_REGISTRY


def _start(
    snapshot: ComponentSnapshot, engine: FlexiFlowEngine, names: StateRegistry
) -> type[State] | None:
    """Where machines with these names begin, if the engine knows.

    A restored component is one more of its kind, drawn from the same start and with the same
    fingerprint, although its own life begins in the middle.
    """
    replaced = engine.get(snapshot.name)
    if replaced is None and names is DEFAULT_REGISTRY:
        return None  # machines of all kinds share it
    same = [replaced] if replaced is not None else engine.components.values()
    starts = {
        each.state_machine.start_class for each in same if each.state_machine.registry is names
    }
    return starts.pop() if len(starts) == 1 else None


def _wrong_type(what: str, expected: str, got: Any, source: str) -> PersistenceError:
    return PersistenceError(
        f"Snapshot has the wrong type: {what} must be {expected}.",
        why=f"{source} holds {type(got).__name__} there.",
        fix="Save the component again, or mend the value by hand.",
        context={"path": source, "got": type(got).__name__},
    )

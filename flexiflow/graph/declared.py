"""The declared graph: what a machine's code says about itself, read without running it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.declarations import Declaration, Target, before_classic
from flexiflow.errors import InvalidType, StateError, bounded, bounded_repr
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.state_machine import StateMachine
from flexiflow.states import DEFAULT_REGISTRY, State, StateRegistry, identity, resolve

_LONGEST_DESCRIPTION = 200

Way = tuple[Edge, type[State] | None]
"""A transition, and the class of the state that it leads to where it has one."""

Further = Callable[[str, type[State], StateRegistry], Iterable[Way]]
"""Finds ways out of a state, given by name and class, that are not declared."""


def declared_graph(
    machine: AsyncComponent | StateMachine | State | type[State],
    registry: StateRegistry | None = None,
    further: Further | None = None,
) -> Graph:
    """The graph that declarations describe, from the start on.

    A target that no class has becomes a state that is not known, so that a broken machine can
    be looked at. Transitions of a classic ``handle_message`` are not known; see
    `StateNode.classic`.

    Args:
        machine: a component, a machine, or the state to start from, as class or instance. A
            component and a machine say which state is the current one, an instance is it.
        registry: names for states; the machine's own unless given. A state alone gets a scope, as
            in `FlexiFlowEngine.add`: a class beside it goes before one of another machine.
        further: asked for more ways out of each state.

    Raises:
        InvalidType: (a TypeError) where `machine` is none of these.
    """
    if isinstance(machine, type) and issubclass(machine, State):
        names = registry or _scope()
        start = names.name_of(machine)
        return _Reading(names, further=further).graph(start, start, None, {start: machine})
    if isinstance(machine, State):
        names = registry or _scope()
        start = identity(machine, names)
        return _Reading(names, further=further).graph(start, start, start, {start: type(machine)})
    if isinstance(machine, StateMachine):
        return _of_machine(machine, "machine", registry, further)
    if isinstance(machine, AsyncComponent):
        return _of_machine(machine.state_machine, machine.name, registry, further)
    raise InvalidType(
        f"There is no machine in {bounded_repr(machine, 80)}.",
        why="A declared graph is read from a component, a machine, or a state.",
        fix="Pass the component, e.g. machine_graph(order), or a State class.",
        context={"machine": machine, "got": type(machine).__name__},
    )


def graph_of_classes(
    name: str,
    classes: Mapping[str, type[State]],
    start: str | None = None,
    further: Further | None = None,
) -> Graph:
    """The graph that declarations describe among classes that go by the given names.

    Args:
        name: whose machine it is.
        classes: state classes by name, whatever the classes themselves are called.
        start: the name of the state in which it begins.
        further: asked for more ways out of each state.
    """
    keys: dict[type[State], str] = {}
    for key, cls in classes.items():
        keys.setdefault(cls, key)
    names = _scope()
    for key, cls in classes.items():
        names.register(key, cls)
    return _Reading(names, keys, further).graph(name, start, None, classes)


def graph_from_transitions(
    name: str,
    transitions: Iterable[Any],
    *,
    groups: Mapping[str, str | None],
    start: str | None = None,
    notes: Iterable[str] = (),
) -> Graph:
    """The graph that transition specs describe.

    Args:
        name: whose machine it is.
        transitions: objects with ``from_state``, ``on_message``, ``to_state`` and, where they
            have them, ``guard`` and ``description``, such as `TransitionSpec`.
        groups: every state that somebody provides, with the name of the pack that does, or None.
            States that only transitions or `start` name are not known.
        start: the state in which it begins.
        notes: what people should know about the picture.
    """
    edges = tuple(_edge_of_spec(spec) for spec in transitions)
    named = dict.fromkeys(groups)
    named.update(dict.fromkeys([] if start is None else [start]))
    named.update(dict.fromkeys(end for edge in edges for end in (edge.source, edge.target)))
    states = tuple(StateNode(each, known=each in groups, group=groups.get(each)) for each in named)
    return Graph(name, states, edges, start, notes=tuple(notes))


def _scope() -> StateRegistry:
    return StateRegistry(DEFAULT_REGISTRY)


def _of_machine(
    machine: StateMachine, name: str, registry: StateRegistry | None, further: Further | None
) -> Graph:
    names = registry or machine.registry
    current = identity(machine.current_state, names)
    in_start = type(machine.current_state) is machine.start_class
    start = current if in_start else names.name_of(machine.start_class)
    # The current state may be one that no declaration leads to: a classic handler, or a
    # restored snapshot, brought the machine there.
    roots = {start: machine.start_class}
    roots.setdefault(current, type(machine.current_state))
    described = [_edge_of_spec(spec) for spec in machine.described]
    return _Reading(names, further=further, described=described).graph(name, start, current, roots)


class _Reading:
    """States and edges as they are found, breadth first."""

    def __init__(
        self,
        registry: StateRegistry,
        keys: Mapping[type[State], str] | None = None,
        further: Further | None = None,
        described: Iterable[Edge] = (),
    ) -> None:
        self.registry = registry
        self.described = tuple(described)
        self.further = further
        self.keys = keys or {}  # names that go before those of the registry
        self.classes: dict[str, type[State] | None] = {}
        self.edges: list[Edge] = []

    def graph(
        self, name: str, start: str | None, current: str | None, roots: Mapping[str, type[State]]
    ) -> Graph:
        self.classes.update(roots)
        waiting = list(roots)
        while waiting:
            for edge, target_class in self._edges_of(waiting.pop(0)):
                self.edges.append(edge)
                if edge.target not in self.classes:
                    self.classes[edge.target] = target_class
                    waiting.append(edge.target)
        states = tuple(_node(each, cls) for each, cls in self.classes.items())
        return Graph(name, states, tuple(self.edges), start, current)

    def _edges_of(self, name: str) -> Iterator[Way]:
        """What is described, then what code declares, then what was found further; each once."""
        cls = self.classes[name]
        described = [each for each in self.described if each.source == name]
        for edge in described:
            yield edge, self.registry.find(edge.target)
        if cls is None:
            return
        known = {replace(each, description=None) for each in described}
        for edge, target_class in self._declared(name, cls):
            if replace(edge, description=None) not in known:
                yield edge, target_class
        if self.further is not None:
            # A pack's guard has a name of its own: the same transition reads otherwise in code.
            ways = {(each.source, each.target, each.message) for each in described}
            for edge, target_class in self.further(name, cls, self.registry):
                if (edge.source, edge.target, edge.message) not in ways:
                    yield edge, target_class

    def _declared(self, name: str, cls: type[State]) -> Iterator[Way]:
        for declaration in _declarations(cls)[0]:
            guard = None if declaration.guard is None else declaration.guard.name
            about = _first_line(getattr(cls, declaration.method, None))
            for error, to in _ways(declaration):
                target, target_class = (name, cls) if to is None else self._resolve(to, cls)
                message = declaration.message_type
                yield Edge(name, target, message, guard, error, description=about), target_class

    def _resolve(self, target: Target, near: type[State]) -> tuple[str, type[State] | None]:
        try:
            name, cls = resolve(target, near, self.registry)
            return self.keys.get(cls, name), cls
        except StateError:
            return target if isinstance(target, str) else target.__name__, None


def _declarations(cls: type) -> tuple[tuple[Declaration, ...], bool]:
    return before_classic(cls)


def _ways(declaration: Declaration) -> Iterator[tuple[str | None, Target | None]]:
    """Each way out of a declaration: the exception's name, if one leads there, and the target."""
    yield None, declaration.to
    for error, target in declaration.raises.items():
        yield error.__name__, target


def _node(name: str, cls: type[State] | None) -> StateNode:
    if cls is None:
        return StateNode(name, known=False)
    classic = _declarations(cls)[1]
    about = _first_line(cls)
    # A class written for 1.x may use the names for something else.
    final, resting = cls.final is True, cls.resting is True
    return StateNode(name, final, classic=classic, description=about, resting=resting)


def _edge_of_spec(spec: Any) -> Edge:
    guard = getattr(spec, "guard_name", getattr(spec, "guard", None))
    about = getattr(spec, "description", None)
    return Edge(
        str(spec.from_state),
        str(spec.to_state),
        str(spec.on_message),
        None if guard is None else str(guard),
        description=None if about is None else bounded(str(about), _LONGEST_DESCRIPTION),
    )


def _first_line(documented: Any) -> str | None:
    text = (getattr(documented, "__doc__", None) or "").strip()
    return bounded(text.splitlines()[0], _LONGEST_DESCRIPTION) if text else None

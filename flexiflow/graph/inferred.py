"""Edges read from the code of a classic ``handle_message``: from its syntax tree, never run.

What can't be read is noted and not guessed, so that a graph says where it may lack something.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from dataclasses import replace
from types import FunctionType

from flexiflow.component import AsyncComponent
from flexiflow.declarations import before_classic, declarations_of
from flexiflow.errors import StateError
from flexiflow.graph.declared import Way, declared_graph
from flexiflow.graph.handlers.expressions import MISSING
from flexiflow.graph.handlers.meaning import DECLARED, Answer
from flexiflow.graph.handlers.paths import Path
from flexiflow.graph.handlers.reading import Outcome, Reading
from flexiflow.graph.handlers.roles import COMPONENT, MESSAGE, SELF, Role, Unknown, Value
from flexiflow.graph.handlers.walker import TooManyWays, Walker
from flexiflow.graph.model import ANY_MESSAGE, Edge, Graph, Source, StateNode
from flexiflow.state_machine import StateMachine
from flexiflow.states import (
    DEFAULT_REGISTRY,
    State,
    StateRegistry,
    identity,
    is_state_class,
    resolve,
)

_INFERRED: frozenset[Source] = frozenset({"inferred"})
_MOST_NOTES = 20


class Readings:
    """What the classic handlers of a machine say, as they are met.

    An object of this class is a `Further` for the functions of `flexiflow.graph.declared`.
    """

    def __init__(self) -> None:
        self._found: dict[str, Reading] = {}

    def __call__(self, name: str, cls: type[State], names: StateRegistry) -> Iterator[Way]:
        """The ways out of a state that its code tells."""
        if _handler(cls) is not DECLARED:
            reading = self._found[name] = read_state(cls, name, names)
            for edge in reading.edges:
                yield edge, reading.classes[edge.target]

    def noted(self, graph: Graph, roots: Iterable[str] = ()) -> Graph:
        """A graph that was made with them, which says what was read and what could not be.

        Args:
            graph: the graph.
            roots: states that somebody names; so are its start and its current state.
        """
        declared = _declared(graph, roots)
        states = tuple(
            _with_reading(state, self._found.get(state.name), state.name in declared)
            for state in graph.states
        )
        notes = tuple(
            f"{name}: not all of handle_message could be read ({_first(reading.notes)})."
            for name, reading in self._found.items()
            if not reading.complete
        )
        return replace(graph, states=states, notes=graph.notes + notes)


def full_graph(
    machine: AsyncComponent | StateMachine | State | type[State],
    registry: StateRegistry | None = None,
) -> Graph:
    """What is declared and what the code of classic handlers says, from the start on.

    Arguments and exceptions are those of `declared_graph`, which gives the declared part alone.
    """
    readings = Readings()
    return readings.noted(declared_graph(machine, registry, readings))


def read_state(
    state: State | type[State], name: str | None = None, registry: StateRegistry | None = None
) -> Reading:
    """Read the classic ``handle_message`` of a state; never an exception.

    Args:
        state: a state class or one of its instances. One that has no classic handler has nothing
            to be read.
        name: what the state is called; the class's name in `registry` unless given.
        registry: names for states; `DEFAULT_REGISTRY` unless given.
    """
    names = registry or DEFAULT_REGISTRY
    cls = state if isinstance(state, type) else type(state)
    handler = _handler(cls)
    if cls is not state and "handle_message" in vars(state):
        return Reading(notes=("this one instance has a handle_message of its own",), complete=False)
    if handler is DECLARED:
        return Reading()
    if not isinstance(handler, FunctionType):
        return Reading(notes=("handle_message is not a plain function",), complete=False)
    walker = Walker(cls)
    found = _Found(cls, name or names.name_of(cls), names, walker)
    try:
        arguments: list[ast.expr] = [Role(SELF), Role(MESSAGE), Role(COMPONENT)]
        answers = walker.follow(handler, arguments, Path(excluded=_taken_before(cls)))
        if isinstance(answers, str):
            walker.notes[answers] = None
        else:
            for answer in answers:
                found.add(answer)
    except (TooManyWays, RecursionError):
        walker.notes["handle_message is too large to be followed"] = None
    except Exception as exc:  # somebody else's code may be anything; the picture must come
        walker.notes[f"handle_message can't be followed ({type(exc).__name__})"] = None
    return found.reading()


def _handler(cls: type[State]) -> object:
    return next(vars(c)["handle_message"] for c in cls.__mro__ if "handle_message" in vars(c))


def _taken_before(cls: type[State]) -> tuple[str, ...]:
    """The messages that never reach the classic handler."""
    declarations = before_classic(cls)[0]
    return tuple(dict.fromkeys(each.message_type for each in declarations if each.guard is None))


def _first(notes: tuple[str, ...]) -> str:
    more = f"; {len(notes) - 1:,} more" if len(notes) > 1 else ""
    return notes[0] + more


def _with_reading(state: StateNode, reading: Reading | None, declared: bool) -> StateNode:
    if not declared:
        state = replace(state, sources=_INFERRED)
    if reading is None:
        return state
    return replace(state, read=reading.complete, unread=() if reading.complete else reading.notes)


def _declared(graph: Graph, roots: Iterable[str]) -> set[str]:
    """The states that the declared graph has too; the others only code leads to."""
    found = {*roots, *(name for name in (graph.start, graph.current) if name is not None)}
    onward = [edge for edge in graph.edges if not edge.inferred]
    while more := {edge.target for edge in onward if edge.source in found} - found:
        found |= more
    return found


class _Found:
    """Edges as they are found in the answers of a handler."""

    def __init__(
        self, cls: type[State], name: str, registry: StateRegistry, walker: Walker
    ) -> None:
        self.cls = cls
        self.name = name
        self.registry = registry
        self.walker = walker
        self.edges: dict[Edge, None] = {}
        self.classes: dict[str, type[State] | None] = {}
        self.outcomes: list[Outcome] = []

    def reading(self) -> Reading:
        """All that was found."""
        notes = tuple(self.walker.notes)
        shown = notes[:_MOST_NOTES]
        if len(notes) > _MOST_NOTES:
            shown = (*shown, f"{len(notes) - _MOST_NOTES:,} more that could not be read")
        edges = tuple(self.edges)
        messages = tuple(dict.fromkeys(edge.message for edge in edges))
        outcomes = tuple(self.outcomes)
        return Reading(edges, messages, shown, not notes, self.classes, outcomes)

    def add(self, answer: Answer) -> None:
        """Read one ``return``."""
        value, path = answer.value, answer.path
        if isinstance(value, Value) and value.value is DECLARED:
            self._add_declared(path)
            return
        if isinstance(value, ast.Constant) and value.value is None:
            self._end(path, None)  # such a message fails; it leads nowhere
            return
        if not (isinstance(value, ast.Tuple) and len(value.elts) == 2):
            self.walker.note(answer.line, "what it returns is computed")
            return
        proceed, following = value.elts
        ways, refused = answer.divided(proceed, path)
        for way in refused:
            self._end(way, None)
        for way in ways:
            for state, final in answer.ways_of(following, way):
                self._add_state(answer, state, final)

    def _add_state(self, answer: Answer, state: ast.expr, path: Path) -> None:
        target = self._target(answer, state)
        if target is None:
            self._end(path, None)
            return
        if path.types is None and path.fuzzy is not None:
            text = f"which messages lead to {target[0]} is computed"
            self.walker.note(path.fuzzy, text)
            return
        self._end(path, target[0])
        self.classes.setdefault(*target)
        for message in (ANY_MESSAGE,) if path.types is None else path.types:
            edge = Edge(self.name, target[0], message, path.guard, path.error, _INFERRED)
            self.edges[edge] = None

    def _end(self, path: Path, target: str | None) -> None:
        self.outcomes.append(Outcome(replace(path, names={}), target))

    def _target(self, answer: Answer, state: ast.expr) -> tuple[str, type[State] | None] | None:
        """The state that an expression makes, or None where that can't be told."""
        scope = answer.scope
        match state:
            case Role(role="self"):
                return self.name, self.cls
            case ast.Attribute(
                value=ast.Attribute(value=Role(role="component"), attr="state_machine"),
                attr="current_state",
            ):
                return self.name, self.cls
            case ast.Call(func=ast.Attribute(value=owner, attr="create"), args=[key]):
                registry = self._registry(scope.value_of(owner), owner)
                named = scope.strings_of(key)
                if registry is not None and named is not None and len(named) == 1:
                    return named[0], registry.find(named[0])
            case ast.Call(func=function):
                cls = scope.value_of(function)
                if is_state_class(cls):
                    return self.registry.name_of(cls), cls
                if cls is MISSING and isinstance(function, ast.Name) and function.id[:1].isupper():
                    return self._resolved(function.id)
            case _:
                made = scope.value_of(state)
                if isinstance(made, State):
                    return identity(made, self.registry), type(made)
                if made is None or is_state_class(made):
                    return None  # not a state: such a message fails
        what = f" ({state.text})" if isinstance(state, Unknown) and state.text else ""
        self.walker.note(answer.line, f"the next state is computed{what}")
        return None

    def _resolved(self, name: str) -> tuple[str, type[State] | None]:
        try:
            return resolve(name, self.cls, self.registry)
        except StateError:
            return name, None

    def _registry(self, value: object, owner: ast.expr) -> StateRegistry | None:
        if isinstance(value, StateRegistry):
            return value
        match owner:
            case ast.Attribute(
                value=ast.Attribute(value=Role(role="component"), attr="state_machine"),
                attr="registry",
            ):
                return self.registry
            case ast.Call(func=ast.Name(id="registry_of") | Value(text="registry_of")):
                return self.registry
        return None

    def _add_declared(self, path: Path) -> None:
        """What ``super().handle_message`` does: run what the class declares."""
        self._end(path, None)  # where no declaration, or no guard, lets it pass
        for declaration in declarations_of(self.cls):
            narrowed = path.only([declaration.message_type])
            if narrowed is None:
                continue
            guard = None if declaration.guard is None else declaration.guard.name
            guards = [text for text in (narrowed.guard, guard) if text]
            ways: list[tuple[str | None, str | type | None]] = [(None, declaration.to)]
            ways += [(error.__name__, to) for error, to in declaration.raises.items()]
            for error, to in ways:
                name, cls = (self.name, self.cls) if to is None else self._declared_target(to)
                self._end(narrowed, name)
                self.classes.setdefault(name, cls)
                text = " and ".join(guards) or None
                edge = Edge(self.name, name, declaration.message_type, text, error, _INFERRED)
                self.edges[edge] = None

    def _declared_target(self, to: str | type) -> tuple[str, type[State] | None]:
        try:
            return resolve(to, self.cls, self.registry)
        except StateError:
            return to if isinstance(to, str) else to.__name__, None

"""States, the registry that names them, and how a name in ``to=`` finds its class."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Iterator
from typing import Any, ClassVar, TypeGuard

from flexiflow.arguments import require
from flexiflow.declarations import Target, declarations_of, runs_declarations
from flexiflow.dispatch import run_declared
from flexiflow.errors import InvalidType, StateError, bounded_repr, class_and_text, state_not_found


class State:
    """One state of a machine.

    Declare transitions with `flexiflow.on`, or override `handle_message` (the classic style);
    one class may do both. ``class Done(State, final=True)`` marks an end, and
    ``class Idle(State, resting=True)`` a state in which components are meant to wait, however
    long: nobody there is stuck.
    """

    final: ClassVar[bool] = False
    resting: ClassVar[bool] = False

    def __init_subclass__(
        cls, *, final: bool = False, resting: bool = False, **kwargs: Any
    ) -> None:
        super().__init_subclass__(**kwargs)
        if final or "final" not in vars(cls):  # a class body may say final = True as well
            cls.final = final
        if resting or "resting" not in vars(cls):
            cls.resting = resting

    @runs_declarations
    async def handle_message(self, message: dict[str, Any], component: Any) -> tuple[bool, State]:
        """Handle one message; the default runs the declared transitions.

        Args:
            message: a dict with ``type`` and the message's fields.
            component: the component that received it.

        Returns:
            ``(proceed, next_state)``. False refuses the message; True with this state stays.
        """
        decision = await run_declared(self, message, component, declarations_of(type(self)))
        if decision.outcome in ("failed", "cancelled") and decision.error is not None:
            raise decision.error
        return decision.proceeds, decision.next_state or self

    def follow(self, target: Target, component: Any) -> State:
        """The state that a ``to=`` of this one leads to, newly made.

        Raises:
            StateError: where the name leads nowhere, or the state can't be made.
        """
        name, cls = resolve(target, type(self), registry_of(component))
        return make_state(cls, name)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} state>"


class StateRegistry:
    """Names for state classes.

    Args:
        parent: asked for what is not registered here.
    """

    def __init__(self, parent: StateRegistry | None = None) -> None:
        self.parent = parent
        self._classes: dict[str, type[State]] = {}
        self._names: dict[type[State], str | None] = {}  # None: several names, so none of them
        self._contested: set[str] = set()

    def register(self, name: str, cls: type[State]) -> None:
        """Give a state class a name.

        Giving the name to another class warns. A class of the same module and qualified name is
        a redefinition (a cell that was run again) and takes the name silently.

        Raises:
            InvalidType: (a TypeError) where `cls` is not a State subclass.
        """
        require(isinstance(name, str), "name", name, "a string", 'Write register("Draft", Draft).')
        if not is_state_class(cls):
            raise InvalidType(
                f"Not a State subclass: {bounded_repr(cls, 80)}.",
                why=f"The name {name!r} can only be given to a class derived from State.",
                fix="Register the class itself, not an instance or a function.",
                context={"name": name, "got": type(cls).__name__},
            )
        known = self._classes.get(name)
        if known is not None and not _same_definition(known, cls):
            warnings.warn(
                f"State name {name!r} now means {_path(cls)}; it meant {_path(known)}.",
                stacklevel=2,
            )
        self._contested.discard(name)
        self._put(name, cls)

    def offer(self, name: str, cls: type[State]) -> None:
        """Give `cls` the name if it is free; else note that the name alone does not say enough."""
        known = self._classes.get(name)
        if known is None or _same_definition(known, cls):
            self._put(name, cls)
        else:
            self._contested.add(name)

    def refresh(self) -> bool:
        """Let names mean what their modules mean now, after a cell was run again.

        Returns:
            whether that changed anything.
        """
        changed = False
        for name, cls in list(self._classes.items()):
            newest = getattr(sys.modules.get(cls.__module__), cls.__qualname__, cls)
            if newest is not cls and is_state_class(newest) and _same_definition(cls, newest):
                self._put(name, newest)
                changed = True
        return changed

    def unregister(self, name: str) -> None:
        """Take a name back; an unknown one is left alone."""
        if not isinstance(name, str):
            return
        self._contested.discard(name)
        if self._classes.pop(name, None) is not None:
            self._renumber()

    def create(self, name: str) -> State:
        """A new state of that name.

        Raises:
            StateError: where nobody registered the name, or its class can't be made.
        """
        cls = self.find(name)
        if cls is None:
            raise state_not_found(name, self.names())
        return make_state(cls, name)

    def names(self) -> list[str]:
        """All names, sorted."""
        return sorted(self._classes.keys() | (self.parent.names() if self.parent else ()))

    def find(self, name: str) -> type[State] | None:
        """The class of that name, or None."""
        if not isinstance(name, str):  # what can't be hashed is no name either
            return None
        cls = self._classes.get(name)
        return self.parent.find(name) if cls is None and self.parent is not None else cls

    def find_own(self, name: str) -> type[State] | None:
        """The class of that name registered here, not in a parent, or None."""
        return self._classes.get(name)

    def is_contested(self, name: str) -> bool:
        """Whether several machines use that name for different classes."""
        return name in self._contested

    def name_of(self, cls: type[State]) -> str:
        """The one name registered for `cls`, else the class's own name."""
        name = self._names.get(cls)
        if name is not None:
            return name
        return cls.__name__ if self.parent is None else self.parent.name_of(cls)

    def _put(self, name: str, cls: type[State]) -> None:
        self._classes[name] = cls
        self._renumber()

    def _renumber(self) -> None:
        self._names = {}
        for name, cls in self._classes.items():
            self._names[cls] = None if cls in self._names else name

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and self.find(name) is not None

    def __repr__(self) -> str:
        return f"<StateRegistry of {len(self.names())} states>"


DEFAULT_REGISTRY = StateRegistry()


def registry_of(component: Any) -> StateRegistry:
    """The registry of a component's machine; the default one for anything that has none."""
    try:
        registry = component.state_machine.registry
    except AttributeError:
        return DEFAULT_REGISTRY
    return registry if isinstance(registry, StateRegistry) else DEFAULT_REGISTRY


def make_state(cls: type[State], name: str | None = None) -> State:
    """A new state of a class, which remembers the registry name that it was created by.

    Raises:
        StateError: where the class can't be made without arguments.
    """
    try:
        state = cls()
    except Exception as exc:
        raise StateError(
            f"State {name or cls.__name__!r} can't be created.",
            why=f"{_path(cls)}() raised {class_and_text(exc, 300)}.",
            fix="Give the class an __init__ without required arguments.",
            context={"state": name or cls.__name__, "class": _path(cls)},
        ) from exc
    if name is not None:
        # Past a __setattr__ of its own, and without the dict that asking for __dict__ would make.
        object.__setattr__(state, "_registry_name", name)
    return state


def identity(state: Any, registry: StateRegistry) -> str:
    """The name of a state: the one that created it, else its class's in `registry`."""
    created_by: str | None = getattr(state, "_registry_name", None)
    return created_by if created_by is not None else registry.name_of(type(state))


def resolve(target: Target, near: type[State], registry: StateRegistry) -> tuple[str, type[State]]:
    """The name and class that a ``to=`` of the class `near` means.

    A name is looked up in the registry itself, then among the State classes beside `near`, then
    in the registry's parent.

    Raises:
        StateError: where the name leads nowhere.
    """
    if isinstance(target, type):
        if issubclass(target, State):
            return registry.name_of(target), target
        raise StateError(
            f"Not a State subclass: {bounded_repr(target, 80)}.",
            why=f"A transition declared in {_path(near)} leads to it.",
            fix="Let to= name a class derived from State.",
            context={"state": _path(near), "to": target},
        )
    found = registry.find_own(target) or _beside(near, target) or registry.find(target)
    if found is None:
        raise state_not_found(target, registry.names()) from StateError(
            f"{_path(near)} declares a transition to {target!r}."
        )
    return target, found


def reachable(start: type[State], registry: StateRegistry) -> dict[str, type[State]]:
    """The declared part of a machine: `start` and every state that declarations lead to.

    Returns:
        names to classes, in the order in which they are found from the start.

    Raises:
        StateError: where a declaration leads to a name that nobody has.
    """
    found = {registry.name_of(start): start}
    waiting = [start]
    while waiting:
        cls = waiting.pop(0)
        for declaration in declarations_of(cls):
            for target in declaration.targets():
                name, target_class = resolve(target, cls, registry)
                if name not in found:
                    found[name] = target_class
                    waiting.append(target_class)
    return found


def _beside(near: type[State], name: str) -> type[State] | None:
    """A State class called `name` in the scope or module in which `near` is written."""
    for cls in near.__mro__:
        if cls is State or not issubclass(cls, State):
            continue
        scope = cls.__qualname__.rpartition(".")[0]
        if scope:
            for each in _definitions(cls.__module__, f"{scope}.{name}"):
                return each
        candidate = getattr(sys.modules.get(cls.__module__), name, None)
        if is_state_class(candidate):
            return candidate
        for each in _definitions(cls.__module__, name):
            return each  # code that was run by exec(): its names are in no module
    return None


def _definitions(module: str, qualname: str) -> list[type[State]]:
    """State classes of that module and qualified name, the newest first."""
    found = [
        cls
        for cls in _subclasses(State)
        if cls.__module__ == module and cls.__qualname__ == qualname
    ]
    return found[::-1]


def _subclasses(cls: type[State]) -> Iterator[type[State]]:
    for sub in cls.__subclasses__():
        yield sub
        yield from _subclasses(sub)


def is_state_class(value: object) -> TypeGuard[type[State]]:
    """Whether `value` is a class derived from State."""
    return isinstance(value, type) and issubclass(value, State)


def _same_definition(first: type, second: type) -> bool:
    return first is second or _path(first) == _path(second)


def _path(cls: type) -> str:
    return f"{cls.__module__}.{cls.__qualname__}"

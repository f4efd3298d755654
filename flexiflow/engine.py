"""The engine: components by name, the event bus, and the hooks that a recorder uses."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Hashable
from typing import TYPE_CHECKING, Any, cast

from flexiflow.arguments import require
from flexiflow.component import AsyncComponent
from flexiflow.errors import InvalidType, bounded_repr, component_not_found
from flexiflow.event_manager import AsyncEventManager, is_heard
from flexiflow.hooks import NO_HOOKS, Hooks, engine_listeners
from flexiflow.state_machine import DEFAULT_REGISTRY, State, StateMachine, StateRegistry
from flexiflow.states import is_state_class, make_state, reachable
from flexiflow.step import Step

if TYPE_CHECKING:
    from flexiflow.config_loader import ComponentConfig

COMPONENT_REGISTERED = "engine.component.registered"


class FlexiFlowEngine:
    """Holds components, passes messages to them, and publishes what happens.

    Building an engine adds no log handler: ``logging`` stays the application's.

    Args:
        logger: for text lines; the ``flexiflow`` logger unless given.
        components: components by name to begin with; the engine keeps this very dict.
    """

    def __init__(
        self,
        logger: logging.Logger | None = None,
        components: dict[str, AsyncComponent] | None = None,
    ) -> None:
        require(
            components is None
            or (isinstance(components, dict) and all(map(_is_component, components.values()))),
            "components",
            components,
            "a dict of components by name",
            "Leave it out, and use engine.add or engine.register.",
        )
        self.logger = logging.getLogger("flexiflow") if logger is None else logger
        self.event_bus = AsyncEventManager(self.logger)
        self._hooks = Hooks()  # not hooks: an engine of 1.x may use that name
        self.event_bus._hooks = self._hooks
        self.components = {} if components is None else components
        self._scopes: dict[tuple[type[State], StateRegistry], StateRegistry] = {}
        self._announcements: set[asyncio.Task[None]] = set()
        for component in self.components.values():
            self._equip(component)
        for listener in tuple(engine_listeners):
            listener(self)

    def add(
        self,
        name: str,
        start: type[State] | State | str,
        *,
        data: dict[str, Any] | None = None,
        rules: list[Any] | None = None,
        registry: StateRegistry | None = None,
    ) -> AsyncComponent:
        """Make a component, register it, and register the states that it can reach.

        A component of the same name is replaced. Without a `registry` the machine gets a scope of
        its own, shared by all components with the same start, so that two machines may each have
        a state called ``Done``; `DEFAULT_REGISTRY` serves what the scope does not have.

        Args:
            name: the component's name.
            start: the state to begin in: a class, an instance, or a registered name.
            data: its data, a JSON-able dict.
            rules: its rules.
            registry: names for states.

        Raises:
            StateError: where `start`, or a name that a declaration leads to, is unknown.
            InvalidType: (a TypeError) where `start` is not a state.
        """
        require(
            isinstance(name, str), "name", name, "a string", 'Write engine.add("order-1", Draft).'
        )
        require(
            registry is None or isinstance(registry, StateRegistry),
            "registry",
            registry,
            "a StateRegistry",
            "Leave it out: the machine gets a scope of its own.",
        )
        state = self._start_state(start, registry)
        names = self._scope(type(state), registry)
        machine = StateMachine(state, names)
        return self.register(AsyncComponent(name, rules, machine, data=data))

    def register(self, component: AsyncComponent) -> AsyncComponent:
        """Take a component in, give it the logger and bus that it lacks, and return it.

        Inside a running event loop ``engine.component.registered`` is published soon after;
        outside one nothing is.
        """
        self._take_in(component)
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            return component
        if is_heard(self.event_bus, COMPONENT_REGISTERED):
            task = loop.create_task(self._announce(component))
            self._announcements.add(task)
            task.add_done_callback(self._announcements.discard)
        return component

    async def register_async(self, component: AsyncComponent) -> AsyncComponent:
        """Take a component in, publish ``engine.component.registered`` once, and return it."""
        self._take_in(component)
        await self._announce(component)
        return component

    def get(self, name: str) -> AsyncComponent | None:
        """The component of that name, or None."""
        return self.components.get(name) if isinstance(name, Hashable) else None

    def create_component(self, config: ComponentConfig) -> AsyncComponent:
        """Make and register the component that a config describes.

        Raises:
            StateError: where its initial state is unknown.
        """
        require(
            all(hasattr(config, field) for field in ("name", "rules", "initial_state")),
            "config",
            config,
            "a ComponentConfig",
            "Load it first: ConfigLoader.load_component_config(path).",
        )
        machine = StateMachine.from_name(config.initial_state)
        machine.described = tuple(getattr(config, "transitions", ()))
        component = AsyncComponent(config.name, list(config.rules), machine)
        return self.register(component)

    async def handle_message(self, /, name: str, type: str, **fields: Any) -> Step:
        """Send a message to a component, and return what came of it.

        Args:
            name: the component.
            type: the message's type.
            **fields: its fields; see `AsyncComponent.send`.

        Raises:
            ComponentNotFound: (a KeyError) where there is no such component.
            Exception: what the handler raised, unless the transition declares it.
        """
        component = self.get(name)
        if component is None:
            raise component_not_found(name, self.components)
        self._adopt(component)
        message = {"type": type, **fields}
        if not isinstance(component, AsyncComponent):  # a stand-in: all it has is this method
            return cast("Step", await component.handle_message(message))
        return await component._deliver(message)

    def registries(self) -> list[StateRegistry]:
        """Every registry that a component here uses, each once."""
        return list({id(r): r for r in self._registries()}.values())

    def _registries(self) -> list[StateRegistry]:
        return [component.state_machine.registry for component in self.components.values()]

    def _take_in(self, component: AsyncComponent) -> None:
        if not _is_component(component):
            raise InvalidType(
                f"Not a component: {bounded_repr(component, 80)}.",
                why="An engine passes messages to objects that have a handle_message.",
                fix='Pass an AsyncComponent, or write engine.add("order-1", Draft).',
                context={"got": type(component).__name__},
            )
        require(
            isinstance(component.name, Hashable),
            "component.name",
            component.name,
            "a string",
            'Write AsyncComponent("order-1").',
        )
        self.components[component.name] = component
        self._equip(component)

    def adopt(self) -> None:
        """Equip components that were put into `components` by hand, as code for 1.x may do."""
        for component in self.components.values():
            self._adopt(component)

    def _adopt(self, component: AsyncComponent) -> None:
        if getattr(component, "_hooks", None) is NO_HOOKS:
            self._equip(component)

    def _equip(self, component: AsyncComponent) -> None:
        if component.logger is None:
            component.logger = self.logger
        if component.event_bus is None:
            component.event_bus = self.event_bus
        component._hooks = self._hooks
        if self._hooks.observer is not None:
            self._hooks.observer.registered(component)

    async def _announce(self, component: AsyncComponent) -> None:
        await self.event_bus.publish(COMPONENT_REGISTERED, {"component": component.name})

    def _start_state(
        self, start: type[State] | State | str, registry: StateRegistry | None
    ) -> State:
        if isinstance(start, State):
            return start
        if isinstance(start, str):
            return (registry or DEFAULT_REGISTRY).create(start)
        if is_state_class(start):
            return make_state(start)
        raise InvalidType(
            f"A component can't start in {bounded_repr(start, 80)}.",
            why="The start is a State class, a State instance, or a registered name.",
            fix='Write engine.add("order-1", Draft).',
            context={"start": start},
        )

    def _scope(self, start: type[State], registry: StateRegistry | None) -> StateRegistry:
        """The registry for machines that begin in `start`, with all they can reach in it."""
        parent = registry or DEFAULT_REGISTRY
        scope = registry or self._scopes.get((start, parent))
        if scope is None:
            scope = self._scopes[start, parent] = StateRegistry(parent)
        elif not scope.refresh() and registry is None:
            return scope  # it holds all that can be reached from this start already
        for name, cls in reachable(start, scope).items():
            if scope.find_own(name) is not cls:
                scope.register(name, cls)
            if registry is None:
                DEFAULT_REGISTRY.offer(name, cls)
        return scope


def _is_component(candidate: object) -> bool:
    return hasattr(candidate, "handle_message")

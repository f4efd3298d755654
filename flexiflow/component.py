"""A component: a name, rules, data, and a state machine that handles one message at a time."""

from __future__ import annotations

import logging
from collections.abc import Coroutine, Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flexiflow.arguments import require
from flexiflow.event_manager import AsyncEventManager
from flexiflow.handling import receive
from flexiflow.hooks import NO_HOOKS, Hooks, StepWatcher
from flexiflow.mailbox import Mailbox
from flexiflow.overriding import deliver_to_override, handle
from flexiflow.state_machine import StateMachine
from flexiflow.states import registry_of
from flexiflow.step import Step

if TYPE_CHECKING:
    from flexiflow.answers import Accepted, Answer, WhyNot


class _StateName:
    """The name of the current state.

    Not a property: a subclass written for 1.x may have a ``state`` of its own, and may set it.
    """

    def __get__(self, component: AsyncComponent | None, owner: type) -> str:
        if component is None:
            return self  # type: ignore[return-value]
        return component.state_machine.state_name


class AsyncComponent:
    """A named state machine with rules and data.

    Args:
        name: unique in an engine.
        rules: a list of JSON-able rules; kept as given.
        state_machine: where it starts; `InitialState` unless given.
        logger: for text lines; the engine's where it is registered without one.
        event_bus: for events; the engine's where it is registered without one.
        data: a JSON-able dict, saved and restored as the snapshot's metadata.
    """

    # For subclasses written for 1.x that do not call __init__.
    _hooks: Hooks = NO_HOOKS
    _watchers: tuple[StepWatcher, ...] = ()
    logger: logging.Logger | None = None
    event_bus: AsyncEventManager | None = None
    state = _StateName()

    def __init__(
        self,
        name: str,
        rules: list[Any] | None = None,
        state_machine: StateMachine | None = None,
        logger: logging.Logger | None = None,
        event_bus: AsyncEventManager | None = None,
        *,
        data: dict[str, Any] | None = None,
    ) -> None:
        self.name = name
        self.rules = [] if rules is None else rules
        self.state_machine = (
            StateMachine.from_name("InitialState") if state_machine is None else state_machine
        )
        self.logger = logger
        self.event_bus = event_bus
        if data is not None:
            self.data = data
        elif type(self).data is _OWN_DATA:  # a subclass of 1.x may have a data of its own
            self.data = {}

    @cached_property
    def data(self) -> dict[str, Any]:
        """A JSON-able dict, saved and restored as the snapshot's metadata."""
        return {}

    @cached_property
    def rules(self) -> list[Any]:
        """A list of JSON-able rules."""
        return []

    @cached_property
    def _mailbox(self) -> Mailbox:
        """The present turn and what waits for it."""
        return Mailbox()

    async def add_rule(self, rule: Any) -> None:
        """Append one rule."""
        self.rules.append(rule)

    async def update_rules(self, rules: list[Any]) -> None:
        """Append several rules."""
        require(
            isinstance(rules, Iterable) and not isinstance(rules, str | bytes | Mapping),
            "rules",
            rules,
            "a list of rules",
            "Use add_rule for a single one.",
        )
        self.rules.extend(rules)

    async def send(self, /, type: str, **fields: Any) -> Step:
        """Send this component a message, and wait until it is handled.

        Args:
            type: the message's type.
            **fields: its fields. ``correlation_id`` and ``traceparent`` say which trace it
                belongs to; without them it joins the running one or begins a new one.

        Returns:
            what came of it. A send that would wait for itself is queued and says so.

        Raises:
            InvalidValue: where an id can't be used.
            Exception: what the handler raised, unless the transition declares it.
        """
        return await self._deliver({"type": type, **fields})

    async def handle_message(self, message: dict[str, Any]) -> None:
        """Handle one message. Everything that enters comes through here."""
        await handle(self, message)

    def _deliver(self, message: dict[str, Any]) -> Coroutine[Any, Any, Step]:
        """Pass a message to `handle_message`; the step that it led to is to be awaited."""
        if getattr(self.handle_message, "__func__", None) is _OWN_ENTRY:
            return receive(self, message)
        return deliver_to_override(self, message)

    def can(self, /, type: str, **fields: Any) -> Answer:
        """Whether the current state would take this message now.

        Returns:
            True or False; ``"unknown"`` where the code of a classic handler asks for more than
            the type, or could not be read, and where a guard needs a field that is not given.
        """
        from flexiflow.answers import can

        return can(self, {"type": type, **fields})

    def accepts(self) -> Accepted:
        """The message types that the current state takes; guards are not asked.

        A classic ``handle_message`` is not run: its code is read for the types that it names.
        """
        from flexiflow.answers import accepted

        return accepted(self.state_machine.current_state, registry_of(self))

    def why_not(self, /, type: str, **fields: Any) -> WhyNot:
        """What stands between this message and a transition: the guards' answers as a tree."""
        from flexiflow.answers import why_not

        return why_not(self, {"type": type, **fields})

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r} in {self.state_machine.state_name}>"


# As they are here: code written for 1.x may replace them, in a subclass, on an instance or, as
# tests do, on the class itself.
_OWN_ENTRY = AsyncComponent.handle_message
_OWN_DATA = AsyncComponent.data

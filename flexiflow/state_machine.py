"""The state machine of a component, and the four states that are built in."""

from __future__ import annotations

from typing import Any

from flexiflow.arguments import require
from flexiflow.declarations import on
from flexiflow.dispatch import decide
from flexiflow.states import DEFAULT_REGISTRY, State, StateRegistry, identity

__all__ = [
    "DEFAULT_REGISTRY",
    "AwaitingConfirmation",
    "ErrorHandling",
    "InitialState",
    "ProcessingRequest",
    "State",
    "StateMachine",
    "StateRegistry",
]


def is_confirmed(message: dict[str, Any], component: Any) -> bool:
    """Whether the message's content says ``"confirmed"``."""
    return message.get("content") == "confirmed"


class InitialState(State):
    """Where a component starts: ``start`` leads on."""

    @on("start", to="AwaitingConfirmation")
    def start(self, message: dict[str, Any], component: Any) -> None:
        """Nothing to do but move."""


class AwaitingConfirmation(State):
    """Waits for ``confirm`` with content ``"confirmed"``, or ``cancel``."""

    @on("confirm", to="ProcessingRequest", guard=is_confirmed)
    def confirm(self, message: dict[str, Any], component: Any) -> None:
        """Nothing to do but move."""

    @on("cancel", to="InitialState")
    def cancel(self, message: dict[str, Any], component: Any) -> None:
        """Nothing to do but move."""


class ProcessingRequest(State):
    """Works until ``complete`` or ``error``."""

    @on("complete", to="InitialState")
    def complete(self, message: dict[str, Any], component: Any) -> None:
        """Nothing to do but move."""

    @on("error", to="ErrorHandling")
    def error(self, message: dict[str, Any], component: Any) -> None:
        """Nothing to do but move."""


class ErrorHandling(State):
    """Waits until somebody acknowledges the error."""

    @on("acknowledge", to="InitialState")
    def acknowledge(self, message: dict[str, Any], component: Any) -> None:
        """Nothing to do but move."""


BUILTIN_STATES: tuple[type[State], ...] = (
    InitialState,
    AwaitingConfirmation,
    ProcessingRequest,
    ErrorHandling,
)
for _cls in BUILTIN_STATES:
    DEFAULT_REGISTRY.register(_cls.__name__, _cls)


class StateMachine:
    """A current state, and the registry in which its names are looked up.

    Args:
        current_state: the state to begin in.
        registry: names for states; `DEFAULT_REGISTRY` unless given.

    Attributes:
        start_class: that of the first state.
        described: what state packs say leads where, between names of the registry, such as
            `TransitionSpec`: for pictures; what really happens is what the states do.
    """

    registry: StateRegistry = DEFAULT_REGISTRY  # also of subclasses that do not call __init__
    start_class: type[State]
    described: tuple[Any, ...] = ()
    _begun = False

    def __init__(self, current_state: State, registry: StateRegistry = DEFAULT_REGISTRY) -> None:
        self.registry = registry
        self.current_state = current_state

    @classmethod
    def from_name(cls, name: str, registry: StateRegistry = DEFAULT_REGISTRY) -> StateMachine:
        """A machine that begins in the state registered under `name`.

        Raises:
            StateError: where nobody registered the name.
        """
        require(
            isinstance(registry, StateRegistry),
            "registry",
            registry,
            "a StateRegistry",
            "Leave it out for DEFAULT_REGISTRY.",
        )
        return cls(registry.create(name), registry)

    @property
    def current_state(self) -> State:
        """The state the machine is in; may be assigned."""
        return self._current_state

    @current_state.setter
    def current_state(self, state: State) -> None:
        if not self._begun:
            self._begun = True
            self.start_class = type(state)
        self._current_state = state
        self._name: str | None = None

    @property
    def state_name(self) -> str:
        """The identity of the current state."""
        name = self._name
        if name is None:
            name = self._name = identity(self._current_state, self.registry)
        return name

    def _enter(self, state: State, name: str) -> None:
        """Assign a state whose identity is known."""
        self.current_state = state
        self._name = name

    async def handle_message(self, message: dict[str, Any], component: Any) -> bool:
        """Handle one message and move: the machine alone, with no turn, bus or recording.

        Returns:
            whether the state accepted it.

        Raises:
            Exception: what the state raised; the machine stays where it was.
        """
        decision = await decide(self.current_state, message, component)
        if decision.error is not None and not decision.proceeds:
            raise decision.error
        if decision.next_state is not None:
            self.current_state = decision.next_state
        return decision.proceeds

    def __repr__(self) -> str:
        return f"<StateMachine in {self.state_name}>"


OWN_HANDLE_MESSAGE = StateMachine.handle_message
"""As it is here: whether a machine, or code that changes the class, has one of its own."""

"""The machine alone, and the four built-in states."""

import pytest

from flexiflow.declarations import on
from flexiflow.errors import StateError
from flexiflow.state_machine import (
    BUILTIN_STATES,
    DEFAULT_REGISTRY,
    AwaitingConfirmation,
    ErrorHandling,
    InitialState,
    ProcessingRequest,
    StateMachine,
    StateRegistry,
)
from flexiflow.states import State

EDGES = [
    ("InitialState", {"type": "start"}, "AwaitingConfirmation"),
    ("AwaitingConfirmation", {"type": "confirm", "content": "confirmed"}, "ProcessingRequest"),
    ("AwaitingConfirmation", {"type": "cancel"}, "InitialState"),
    ("ProcessingRequest", {"type": "complete"}, "InitialState"),
    ("ProcessingRequest", {"type": "error"}, "ErrorHandling"),
    ("ErrorHandling", {"type": "acknowledge"}, "InitialState"),
]
MESSAGES = [message for _, message, _ in EDGES] + [
    {"type": "confirm", "content": "no"},
    {"type": "confirm"},
    {"type": "unheard of"},
    {},
]


@pytest.mark.parametrize(("source", "message", "target"), EDGES)
async def test_a_built_in_edge_leads_where_it_says(source, message, target):
    """Six edges, as 1.x had them."""
    machine = StateMachine.from_name(source)
    assert await machine.handle_message(message, None) is True
    assert machine.state_name == target


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (cls.__name__, message)
        for cls in BUILTIN_STATES
        for message in MESSAGES
        if not any((cls.__name__, message) == edge[:2] for edge in EDGES)
    ],
    ids=str,
)
async def test_everything_else_is_refused_and_stays(source, message):
    """There are no more than these six edges."""
    machine = StateMachine.from_name(source)
    assert await machine.handle_message(message, None) is False
    assert machine.state_name == source


@pytest.mark.parametrize("cls", BUILTIN_STATES)
async def test_built_in_states_answer_in_the_classic_way(cls):
    """`handle_message` of a state can be called as in 1.x."""
    state = cls()
    assert await state.handle_message({"type": "unheard of"}, None) == (False, state)


async def test_a_built_in_state_moves_in_the_classic_way():
    """True and the next state."""
    proceed, following = await InitialState().handle_message({"type": "start"}, None)
    assert proceed is True
    assert isinstance(following, AwaitingConfirmation)


def test_the_built_in_states_are_in_the_default_registry():
    """Under their class names."""
    for cls in (InitialState, AwaitingConfirmation, ProcessingRequest, ErrorHandling):
        assert DEFAULT_REGISTRY.find(cls.__name__) is cls


# -- making a machine ---------------------------------------------------------------------


def test_a_machine_takes_its_state_and_registry_by_position():
    """As in 1.x."""
    registry = StateRegistry()
    state = InitialState()
    machine = StateMachine(state, registry)
    assert machine.current_state is state
    assert machine.registry is registry


def test_the_registry_is_the_default_one_unless_given():
    """By hand and by name."""
    assert StateMachine(InitialState()).registry is DEFAULT_REGISTRY
    assert StateMachine.from_name("InitialState").registry is DEFAULT_REGISTRY


def test_from_name_uses_the_registry_that_it_is_given():
    """By position or by keyword."""
    registry = StateRegistry()
    registry.register("mine", InitialState)
    assert StateMachine.from_name("mine", registry).state_name == "mine"
    assert StateMachine.from_name("mine", registry=registry).registry is registry


def test_from_name_of_an_unknown_state_is_a_state_error():
    """With the words that existing code matches."""
    with pytest.raises(StateError, match="Unknown state"):
        StateMachine.from_name("BadState")


def test_from_name_makes_the_subclass_it_is_called_on():
    """A machine derived in 1.x stays what it is."""

    class Mine(StateMachine): ...

    assert type(Mine.from_name("InitialState")) is Mine


def test_a_subclass_that_does_not_call_init_has_a_registry_and_a_start():
    """Assigning the first state is enough."""

    class Bare(StateMachine):
        def __init__(self):
            self.current_state = InitialState()

    machine = Bare()
    assert machine.registry is DEFAULT_REGISTRY
    assert machine.start_class is InitialState


def test_the_start_stays_what_it_was():
    """Moving changes the state, not where the machine began."""
    machine = StateMachine(InitialState())
    machine.current_state = ErrorHandling()
    assert machine.start_class is InitialState
    assert machine.state_name == "ErrorHandling"


def test_the_state_name_follows_an_assignment():
    """The name is not remembered beyond it."""
    machine = StateMachine(InitialState())
    assert machine.state_name == "InitialState"
    machine.current_state = ProcessingRequest()
    assert machine.state_name == "ProcessingRequest"


def test_the_repr_says_the_state():
    """In one line."""
    assert repr(StateMachine(InitialState())) == "<StateMachine in InitialState>"


# -- handling -----------------------------------------------------------------------------


async def test_an_exception_leaves_the_machine_where_it_was():
    """And reaches the caller as it is."""

    class Breaking(State):
        @on("go", to=InitialState)
        def go(self, message, component):
            raise KeyError("broken")

    machine = StateMachine(Breaking())
    before = machine.current_state
    with pytest.raises(KeyError, match="broken"):
        await machine.handle_message({"type": "go"}, None)
    assert machine.current_state is before


async def test_a_declared_exception_moves_and_is_not_raised():
    """The machine accepted the message."""

    class Trying(State):
        @on("go", to=InitialState, raises={KeyError: ErrorHandling})
        def go(self, message, component):
            raise KeyError("expected")

    machine = StateMachine(Trying())
    assert await machine.handle_message({"type": "go"}, None) is True
    assert machine.state_name == "ErrorHandling"


async def test_a_classic_state_may_answer_with_any_state():
    """What 1.x handlers return."""

    class Classic(State):
        async def handle_message(self, message, component):
            if message["type"] == "go":
                return True, ErrorHandling()
            return message["type"] == "stay", self

    machine = StateMachine(Classic())
    state = machine.current_state
    assert await machine.handle_message({"type": "no"}, None) is False
    assert await machine.handle_message({"type": "stay"}, None) is True
    assert machine.current_state is state
    assert await machine.handle_message({"type": "go"}, None) is True
    assert machine.state_name == "ErrorHandling"

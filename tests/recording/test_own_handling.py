"""Subclasses of a component that keep messages to themselves, and moves by a declared exception."""

from __future__ import annotations

import pytest

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record
from flexiflow.state_machine import State, StateMachine


class Draft(State):
    @on("fail", raises={ValueError: "Draft"})
    async def fail(self, message, order):
        raise ValueError("no")


class Own(AsyncComponent):
    """Handles some messages itself, as code written for 1.x does."""

    async def handle_message(self, message):
        self.data["handled"] = message["type"]
        if message["type"] == "break":
            raise RuntimeError("broken")
        if message["type"] == "jump":
            self.state_machine.current_state = Done()


class Done(State, final=True):
    pass


async def outcomes(component, *types):
    """The rows that messages leave: type, outcome, states and reason."""
    engine = FlexiFlowEngine()
    engine.register(component)
    with record(engine) as recording:
        for kind in types:
            try:
                await component.send(kind)
            except RuntimeError:
                continue
        steps = recording.history.steps(component.name)
        return steps[["message", "outcome", "from_state", "to_state"]].values.tolist()


def own():
    return Own("own", state_machine=StateMachine(Draft()))


async def test_a_message_that_is_kept_from_the_machine_is_a_step():
    """Else the history would not know of it."""
    assert await outcomes(own(), "note") == [["note", "stayed", "Draft", "Draft"]]


async def test_a_state_that_such_a_component_assigns_is_a_move():
    """The snapshot says the same."""
    assert await outcomes(own(), "jump") == [["jump", "moved", "Draft", "Done"]]


async def test_an_error_of_such_a_component_is_a_failed_step():
    """And reaches the caller."""
    assert await outcomes(own(), "break") == [["break", "failed", "Draft", "Draft"]]
    with pytest.raises(RuntimeError, match="broken"):
        await own().send("break")


async def test_what_reaches_the_machine_is_one_step():
    """The one that the machine made of it."""

    class Passing(AsyncComponent):
        async def handle_message(self, message):
            await super().handle_message(message)

    component = Passing("own", state_machine=StateMachine(Draft()))
    assert len(await outcomes(component, "fail", "other")) == 2


async def test_a_declared_exception_moves_also_to_the_present_state():
    """Its error is kept, and it is counted among the failed."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Draft)
    step = await order.send("fail")
    assert (step.outcome, step.to_state, type(step.error)) == ("moved", "Draft", ValueError)

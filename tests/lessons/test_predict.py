"""An exercise made of one's own machine."""

from __future__ import annotations

import asyncio

import pytest

from flexiflow import FlexiFlowEngine, State, on
from flexiflow.errors import StateError
from flexiflow.lessons import predict, predicting
from flexiflow.lessons.apart import run_apart


class Draft(State):
    @on("submit", to="Submitted", guard=lambda message, order: order.data["items"] > 0)
    async def submit(self, message, order):
        order.data["total"] = message.get("total", 0)


class Submitted(State):
    @on("pay", to="Paid")
    def pay(self, message, order):
        raise RuntimeError("no card")


class Paid(State, final=True):
    pass


@pytest.fixture
def order():
    return FlexiFlowEngine().add("order-1", Draft, data={"items": 1})


def test_each_answer_is_what_the_machine_does(order):
    """A handler that fails leaves it where it was, and is shown."""
    exercise = predict(order, ["pay", {"type": "submit", "total": 3}, "pay"])
    assert [each.right for each in exercise.questions] == ["Draft", "Submitted", "Submitted"]
    assert "✕ order-1: pay failed: RuntimeError: no card" in exercise.questions[2].shows


def test_the_machine_itself_stays_as_it_is(order):
    """A copy gets the messages."""
    predict(order, ["submit"])
    assert (order.state, order.data) == ("Draft", {"items": 1})


async def test_it_can_be_made_in_a_running_loop(order):
    """As in a cell."""
    assert predict(order, ["submit"]).questions[0].right == "Submitted"


def test_the_guards_verdicts_are_shown(order):
    """With what they read."""
    exercise = predict(order, ["submit"], data={"items": 0})
    assert "data.items=0" in exercise.questions[0].shows
    assert exercise.answer(Draft).right


def test_a_class_will_do():
    """Of the state to begin in."""
    assert predict(Submitted, ["pay"]).questions[0].right == "Submitted"


def test_it_begins_in_the_present_state(order):
    """Not in the machine's first."""
    order.state_machine.current_state = Submitted()
    assert predict(order, ["submit"]).questions[0].right == "Submitted"


def test_a_machine_that_never_ends_is_refused_in_four_parts(monkeypatch):
    """Rather than waited for."""
    monkeypatch.setattr(predicting, "run_apart", lambda work: run_apart(work, 0.2))

    class Waiting(State):
        @on("go")
        async def go(self, message, component):
            await asyncio.Event().wait()

    with pytest.raises(StateError, match="it does not end") as caught:
        predict(Waiting, ["go"])
    assert all((caught.value.why, caught.value.fix, caught.value.context))


def test_data_that_is_none_is_refused(order):
    """With how to write it."""
    with pytest.raises(TypeError, match="data must be a dict"):
        predict(order, ["submit"], data=[1])


@pytest.mark.parametrize(
    ("machine", "messages"),
    [(None, ["a"]), (Draft, "submit"), (Draft, None), (Draft, [1]), (Draft, []), (Draft, [{}])],
)
def test_what_cannot_be_predicted_is_refused_in_four_parts(machine, messages):
    """Machines that are none, and lists of messages that are none."""
    with pytest.raises((TypeError, ValueError)) as caught:
        predict(machine, messages)
    assert all((caught.value.what, caught.value.why, caught.value.fix, caught.value.context))

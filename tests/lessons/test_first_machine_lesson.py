"""The exercises of notebook 01, with right and wrong answers."""

from __future__ import annotations

import pytest

from flexiflow import State, on
from flexiflow.lessons import lesson
from flexiflow.lessons.machines.first_machine import broken_parcel, parcel, ticket


@pytest.fixture(params=[1, 2, 3])
def exercises(request, tmp_path):
    return lesson("01", student="ana", seed=request.param, progress=tmp_path / "p.jsonl")


def test_the_gate_goes_as_a_gate_does(exercises):
    """Worked out by hand from the messages."""
    state, answers = "Locked", []
    for question in exercises[1].questions:
        message = question.asks.partition("`")[2].partition("`")[0]
        state = {"coin": "Open", "push": "Locked"}[message]
        answers.append(state)
    reply = exercises[1].answer(*answers)
    assert reply.right
    assert "5 of 5." in reply.text


def test_the_gate_is_not_always_locked(exercises):
    """A wrong answer shows what happened."""
    reply = exercises[1].answer(*["Locked"] * 5)
    assert not reply.right
    assert "● gate: coin moved Locked → Open" in reply.text


def test_the_parcel(exercises):
    """As given it is told where it stays; mended it passes."""
    assert "is in OnTheWay" in exercises[2].answer(broken_parcel.start).text
    assert exercises[2].answer(parcel.start).right


def test_the_code_of_a_machine_is_there_as_text(exercises):
    """As it is shown in the notebook; where one is to be written there is none."""
    assert exercises[2].code == broken_parcel.code
    assert exercises[2].code.startswith("class Packed(State):")
    assert exercises[3].code == ""


def test_a_parcel_whose_end_is_no_end(exercises):
    """Half of the task."""

    class Packed(parcel.start):
        @on("send", to="OnTheWay")
        def send(self, message, parcel): ...

    class OnTheWay(State):
        @on("deliver", to="Delivered")
        def deliver(self, message, parcel):
            parcel.data["signed_by"] = message["signed_by"]

    class Delivered(State):
        pass

    assert "`final=True`" in exercises[2].answer(Packed).text


def test_the_ticket(exercises):
    """A machine of one's own."""
    assert exercises[3].answer(ticket.start).right
    assert exercises[3].solved


def test_a_ticket_that_forgets_who_took_it(exercises):
    """The field is named."""

    class Open(State):
        @on("take", to="InWork")
        def take(self, message, ticket): ...

    class InWork(State):
        @on("close", to="Closed")
        def close(self, message, ticket): ...

        @on("give_back", to="Open")
        def give_back(self, message, ticket): ...

    class Closed(State, final=True):
        pass

    assert "`data['who']` should be" in exercises[3].answer(Open).text

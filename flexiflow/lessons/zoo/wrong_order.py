"""A wrong order: a message that comes before its time is refused, and comes no second time."""

from __future__ import annotations

from random import Random

from flexiflow.analysis.history import History
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheStep
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.trying import Course
from flexiflow.state_machine import State

STORY = """One order is packed and paid, and does not leave the house. The others did, on the very
same day, with the very same messages."""


@Machine
def broken():
    class Ordered(State):
        @on("paid", to="Paid")
        def paid(self, message, order):
            pass

    class Paid(State):
        @on("packed", to="Ready")
        def packed(self, message, order):
            pass

    class Ready(State, final=True):
        pass

    return Ordered, Paid, Ready


@Machine
def mended():
    class Ordered(State):
        @on("paid", to="Paid")
        def paid(self, message, order):
            pass

        @on("packed", to="Packed")
        def packed(self, message, order):
            pass

    class Paid(State):
        @on("packed", to="Ready")
        def packed(self, message, order):
            pass

    class Packed(State):
        @on("paid", to="Ready")
        def paid(self, message, order):
            pass

    class Ready(State, final=True):
        pass

    return Ordered, Paid, Packed, Ready


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """Six orders; for one of them the warehouse is faster than the bank."""
    fast = chance.randrange(2, 6)
    for number in range(1, 7):
        order = engine.add(f"order-{number}", broken.start)
        messages = ["packed", "paid"] if number == fast else ["paid", "packed"]
        for message in messages:
            await order.send(message)


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find the message that was lost, then take it in either order."""
    steps = history.steps()
    refused = steps[steps["outcome"] == "refused"]
    find = FindTheStep(
        int(refused["id"].iloc[0]),
        lambda said: "That message was taken. Refused ones are steps too: look at `outcome`.",
        title="The message that was lost",
        task="Which step should have brought that order on, and did not?",
        hints=(
            "Which order is it? `wrong_order.history.components()` has the last state of each.",
            "A refused message is a step with the outcome `refused`: "
            "`wrong_order.history.steps().query(\"outcome == 'refused'\")`.",
        ),
        solution="It came too early, was refused, and nobody sends it again.",
    )
    both = (("paid", "packed"), ("packed", "paid"))
    fix = FixTheMachine(
        broken,
        mended,
        [_ends_ready(*each) for each in (both if chance.random() < 0.5 else both[::-1])],
        title="In either order",
        task="Mend the machine: paid first and then packed, or packed first and then paid, the "
        "order gets to `Ready`. Paid alone it is in `Paid`, packed alone in `Packed`.",
        hints=(
            "A state says which messages it takes: what has happened already is part of it.",
            "There is a state missing: packed, and not yet paid.",
        ),
        solution="`Packed` is a state of its own.",
    )
    return [find, fix]


def _ends_ready(first: str, second: str) -> Course:
    expected = ((first, first.capitalize()), (second, "Ready"))
    return Course(f"an order that is {first} first", expected)

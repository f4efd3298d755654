"""Exercises of notebook 01: states, messages, transitions, ends."""

from __future__ import annotations

from random import Random

from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.fixing import FixTheMachine, WriteTheMachine
from flexiflow.lessons.machines.first_machine import broken_parcel, gate, parcel, ticket
from flexiflow.lessons.predicting import Predict, predicted
from flexiflow.lessons.trying import Course, first_deviation, scope_of
from flexiflow.state_machine import State

_NAMES = ("Ana", "Ben", "Chidi", "Dana", "Emre", "Femke")


def exercises(chance: Random) -> list[Exercise]:
    """All of them, with names and messages by chance."""
    return [_gate(chance), _parcel(chance), _ticket(chance)]


def _gate(chance: Random) -> Predict:
    # One message that is refused at the least, and both states.
    messages = ["push", "coin", *chance.choices(["coin", "push"], k=3)]
    return predicted(
        gate.start,
        "gate",
        {},
        messages,
        title="Coin, push",
        shown=gate,
        hints=(
            "Look at the state it is in, not at the one you come from.",
            "A state refuses what it does not declare, and stays as it is.",
            "`@on` without `to=` runs its method, and stays too.",
        ),
    )


def _parcel(chance: Random) -> FixTheMachine:
    name = chance.choice(_NAMES)
    courses = [
        Course(
            "a parcel that is sent and delivered",
            (("send", "OnTheWay"), ({"type": "deliver", "signed_by": name}, "Delivered")),
            data_after={"signed_by": name},
        )
    ]

    async def trial(start: type[State]) -> str | None:
        wrong = await first_deviation(start, courses)
        return wrong or _not_final(start, "Delivered")

    return FixTheMachine(
        broken_parcel,
        parcel,
        trial,
        title="The parcel that never arrives",
        task="A parcel is delivered and signed for, and is on its way ever after. "
        "Mend the machine: after `deliver` it is `Delivered`, and that is the end.",
        hints=(
            "Draw it: `machine_graph(Packed)`. Which arrow is missing?",
            '`@on("deliver")` says what runs, and not where it leads.',
            "The end of a machine is declared: `class Delivered(State, final=True)`.",
        ),
        solution="`deliver` leads on, and `Delivered` is final.",
    )


def _ticket(chance: Random) -> WriteTheMachine:
    first, second = chance.sample(_NAMES, 2)
    courses = [
        Course(
            f"a ticket that {first} takes and closes",
            (({"type": "take", "who": first}, "InWork"), ("close", "Closed")),
            data_after={"who": first},
        ),
        Course(
            f"a ticket that {first} gives back, and {second} takes",
            (
                ({"type": "take", "who": first}, "InWork"),
                ("give_back", "Open"),
                ({"type": "take", "who": second}, "InWork"),
            ),
            data_after={"who": second},
        ),
        Course("a ticket that nobody has taken", (("close", "Open"), ("give_back", "Open"))),
    ]

    async def trial(start: type[State]) -> str | None:
        wrong = await first_deviation(start, courses)
        return wrong or _not_final(start, "Closed")

    return WriteTheMachine(
        None,
        ticket,
        trial,
        title="Your own: a ticket",
        task="Write a machine for the tickets of a help desk. It begins in `Open`. Somebody "
        "takes it (`take`, with `who`): it is `InWork`, and `data['who']` says by whom. From "
        "there it can be given back (`give_back`), or closed (`close`), and `Closed` is the end.",
        hints=(
            "Three classes: `Open`, `InWork`, `Closed`. Begin with their names and `pass`.",
            'A message\'s fields are in the message: `ticket.data["who"] = message["who"]`.',
            "`InWork` has two methods, each with an `@on(…, to=…)`.",
        ),
    )


def _not_final(start: type[State], name: str) -> str | None:
    """That a state is no declared end, in words."""
    found = scope_of(start).find_own(name)
    if found is None or found.final:
        return None
    return f"{name} is left by nothing, but does not say that it is an end: `final=True`."

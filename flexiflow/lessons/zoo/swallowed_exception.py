"""A swallowed exception: the handler catches what it should have let out."""

from __future__ import annotations

from random import Random

from flexiflow.analysis.history import History
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.trying import Course
from flexiflow.state_machine import State

STORY = """The books do not add up. All orders are paid, say the machines; the bank has one payment
less. No step has failed, no line of the log says error."""


@Machine
def broken():
    class CardDeclined(Exception):
        pass

    def charge(card, total):
        if card == "expired":
            raise CardDeclined(card)
        return f"R-{card}-{total}"

    class Paying(State):
        @on("pay", to="Paid")
        def pay(self, message, order):
            order.data["receipt"] = None
            try:
                order.data["receipt"] = charge(message["card"], order.data["total"])
            except Exception:
                pass  # it must not stop the shop

    class Paid(State, final=True):
        pass

    class Failed(State, final=True):
        pass

    return Paying, Paid, Failed


@Machine
def mended():
    class CardDeclined(Exception):
        pass

    def charge(card, total):
        if card == "expired":
            raise CardDeclined(card)
        return f"R-{card}-{total}"

    class Paying(State):
        @on("pay", to="Paid", raises={CardDeclined: "Failed"})
        def pay(self, message, order):
            order.data["receipt"] = charge(message["card"], order.data["total"])

    class Paid(State, final=True):
        pass

    class Failed(State, final=True):
        pass

    return Paying, Paid, Failed


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """Eight orders, one of them with an expired card."""
    expired = chance.randrange(1, 9)
    for number in range(1, 9):
        total = chance.randrange(20, 900)
        order = engine.add(f"order-{number}", broken.start, data={"total": total})
        await order.send("pay", card="expired" if number == expired else "visa")


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find the order that was not paid, then let the error out."""
    unpaid = history.when(None, "state == 'Paid' and receipt == null").frame
    find = FindTheName(
        str(unpaid["component"].iloc[0]),
        tuple(map(str, history.components()["component"])),
        nudge=lambda said: (
            f"{said} has a receipt: `swallowed_exception.history.snapshots({said!r}, "
            'explode=True)["metadata.receipt"]`.'
        ),
        title="Paid, and yet not",
        task="Which order is in `Paid` without a receipt?",
        hints=(
            "A question about the data of all: `swallowed_exception.history.when(None, …)`.",
            "A condition has states and fields: `state == 'Paid' and receipt == null`.",
        ),
        solution="Its step has moved, as all others have: the handler caught the error.",
    )
    total = chance.randrange(20, 900)
    fix = FixTheMachine(
        broken,
        mended,
        [
            Course(
                "a good card",
                (({"type": "pay", "card": "visa"}, "Paid"),),
                {"total": total},
                {"receipt": f"R-visa-{total}"},
            ),
            Course(
                "an expired card", (({"type": "pay", "card": "expired"}, "Failed"),), {"total": 1}
            ),
        ],
        title="Let it out",
        task="Mend the machine: an order whose card is declined gets to `Failed`.",
        hints=(
            "What is caught and passed over is known to nobody: not to the step, nor to the log.",
            "Take the `try` away, and declare where `CardDeclined` leads.",
            '`@on("pay", to="Paid", raises={CardDeclined: "Failed"})`.',
        ),
        solution="The error is declared; its step says `moved … by CardDeclined`.",
    )
    return [find, fix]

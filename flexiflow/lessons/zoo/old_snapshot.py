"""An old snapshot: what an older machine has saved does not fit the new one."""

from __future__ import annotations

from random import Random

from flexiflow.analysis.history import History
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName, FindTheStep
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.trying import Course, first_deviation, scope_of, sent, step_words
from flexiflow.persistence.snapshot import ComponentSnapshot, restore_component, take_snapshot
from flexiflow.state_machine import State

STORY = """Since the new version is out, orders of last week can't be paid. New ones can. Orders
were saved before the update, and restored after it."""


@Machine
def old():
    class Draft(State):
        @on("submit", to="Submitted")
        def submit(self, message, order):
            order.data["amount"] = message["total"]

    class Submitted(State):
        @on("pay", to="Paid")
        def pay(self, message, order):
            order.data["receipt"] = f"R-{order.data['amount']}"

    class Paid(State, final=True):
        pass

    return Draft, Submitted, Paid


@Machine
def broken():
    class Draft(State):
        @on("submit", to="Submitted")
        def submit(self, message, order):
            order.data["total"] = message["total"]

    class Submitted(State):
        @on("pay", to="Paid")
        def pay(self, message, order):
            order.data["receipt"] = f"R-{order.data['total']}"

    class Paid(State, final=True):
        pass

    return Draft, Submitted, Paid


@Machine
def mended():
    class Draft(State):
        @on("submit", to="Submitted")
        def submit(self, message, order):
            order.data["total"] = message["total"]

    class Submitted(State):
        @on("pay", to="Paid")
        def pay(self, message, order):
            if "total" not in order.data:  # saved before it was called so
                order.data["total"] = order.data.pop("amount")
            order.data["receipt"] = f"R-{order.data['total']}"

    class Paid(State, final=True):
        pass

    return Draft, Submitted, Paid


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """An order of the old machine is saved, and restored into the new one; others are new."""
    number = chance.randrange(1, 5)
    saved = engine.add(f"order-{number}", old.start)
    await saved.send("submit", total=chance.randrange(20, 900))
    restore_component(take_snapshot(saved), engine, scope_of(broken.start))
    for each in range(1, 5):
        order = saved if each == number else engine.add(f"order-{each}", broken.start)
        if each != number:
            await order.send("submit", total=chance.randrange(20, 900))
        await sent(engine.components[f"order-{each}"], "pay")


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find the step that failed and the field that it missed, then take both."""
    steps = history.steps()
    failed = steps[steps["outcome"] == "failed"].iloc[0]
    step = FindTheStep(
        int(failed["id"]),
        lambda said: "That one did not fail: look at `outcome` in `old_snapshot.history.steps()`.",
        title="The payment that failed",
        task="Which step failed?",
        hints=(
            "`old_snapshot.history.steps()` has the outcome of every message.",
            "`old_snapshot.history.steps().query(\"outcome == 'failed'\")`.",
        ),
        solution="Its error is a KeyError.",
    )
    field = FindTheName(
        "amount",
        ("total", "receipt"),
        nudge=lambda said: (
            f"{said} is what the new machine calls it. What is in the old data? "
            "`old_snapshot.history.snapshots(name, explode=True)`."
        ),
        title="Under another name",
        task="Under which name does the failing order have what the new machine asks for?",
        hints=(
            "The verdict says what was missed: `old_snapshot.history.why(name)`.",
            "Its snapshots have the data: `old_snapshot.history.snapshots(name, explode=True).T`.",
        ),
        solution="The old machine wrote `amount`, the new one reads `total`. The column "
        "`fingerprint` tells the two machines apart.",
    )
    return [step, field, _fix(chance)]


def _fix(chance: Random) -> FixTheMachine:
    total = chance.randrange(20, 900)
    course = Course(
        "a new order",
        (({"type": "submit", "total": total}, "Submitted"), ("pay", "Paid")),
        data_after={"receipt": f"R-{total}"},
    )

    async def trial(start: type[State]) -> str | None:
        return await first_deviation(start, [course]) or await _restored(start, total)

    return FixTheMachine(
        broken,
        mended,
        trial,
        title="Take what was saved",
        task="Mend the machine: new orders work as they do, and one that was saved by the old "
        "machine in `Submitted`, with `amount` in its data, can be paid. "
        "The receipt is `R-` and the amount.",
        hints=(
            "Whatever was saved once comes back some day: a machine reads its own past.",
            "Where is the field read? There it may be missing, and be called `amount`.",
            'In `pay`: `if "total" not in order.data: order.data["total"] = …`.',
        ),
        solution="The old name is taken where the new one is missing.",
    )


async def _restored(start: type[State], amount: int) -> str | None:
    snapshot = ComponentSnapshot("order-1", "Submitted", [], {"amount": amount})
    order = restore_component(snapshot, FlexiFlowEngine(), scope_of(start))
    steps = await sent(order, "pay")
    if order.state == "Paid" and order.data.get("receipt") == f"R-{amount}":
        return None
    return (
        f"Tried with an order that was saved with `amount` {amount}: after `pay` it is in "
        f"{order.state}, with the receipt `{order.data.get('receipt')!r}`."
        f"\n\n{step_words(steps)}"
    )

"""A dead end: a state that nothing leads out of, and that is no declared end."""

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

STORY = """Large claims are never paid. Small ones are; of the large ones the customers hear
nothing, week after week. Nothing fails."""

_LARGE = 500


@Machine
def broken():
    def is_large(message, claim):
        return message["amount"] > 500

    class Filed(State):
        @on("assess", to="Inspection", guard=is_large)
        @on("assess", to="Paid")
        def assess(self, message, claim):
            claim.data["amount"] = message["amount"]

    class Inspection(State):
        @on("note")
        def note(self, message, claim):
            claim.data.setdefault("notes", []).append(message["text"])

    class Paid(State, final=True):
        pass

    class Rejected(State, final=True):
        pass

    return Filed, Inspection, Paid, Rejected


@Machine
def mended():
    def is_large(message, claim):
        return message["amount"] > 500

    class Filed(State):
        @on("assess", to="Inspection", guard=is_large)
        @on("assess", to="Paid")
        def assess(self, message, claim):
            claim.data["amount"] = message["amount"]

    class Inspection(State):
        @on("note")
        def note(self, message, claim):
            claim.data.setdefault("notes", []).append(message["text"])

        @on("approve", to="Paid")
        def approve(self, message, claim):
            pass

        @on("reject", to="Rejected")
        def reject(self, message, claim):
            pass

    class Paid(State, final=True):
        pass

    class Rejected(State, final=True):
        pass

    return Filed, Inspection, Paid, Rejected


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """Some claims, two of them large."""
    amounts = [chance.randrange(20, _LARGE) for _ in range(5)]
    amounts += [chance.randrange(_LARGE + 1, 9_000) for _ in range(2)]
    chance.shuffle(amounts)
    for number, amount in enumerate(amounts, start=1):
        claim = engine.add(f"claim-{number}", broken.start)
        await claim.send("assess", amount=amount)
        if amount > _LARGE:
            await claim.send("note", text="the customer has called")
            await claim.send("approve")


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find the dead end, then lead out of it."""
    find = FindTheName(
        "Inspection",
        ("Filed", "Paid", "Rejected"),
        nudge=lambda said: (
            f"{said} is left, or is an end. `dead_end.history.components()` shows where each is."
        ),
        title="Where does it end?",
        task="In which state do claims stay that are at no end?",
        hints=(
            "Where is everybody? `dead_end.history.components()`.",
            'The recorded machine: `dead_end.history.graph("claim-1")`. Which box has no arrow '
            "out, and no double border?",
            '`dead_end.history.graph("claim-1").findings()` says it.',
        ),
        solution="Nothing leads out of it: the `approve` that was sent is refused.",
    )
    large, small = chance.randrange(501, 5_000), chance.randrange(1, 500)
    to_inspection = ({"type": "assess", "amount": large}, "Inspection")
    fix = FixTheMachine(
        broken,
        mended,
        [
            Course("a small claim", (({"type": "assess", "amount": small}, "Paid"),)),
            Course("a large one that is approved", (to_inspection, ("approve", "Paid"))),
            Course("a large one that is rejected", (to_inspection, ("reject", "Rejected"))),
        ],
        title="Lead out of it",
        task="Mend the machine: from `Inspection`, `approve` leads to `Paid` and `reject` to "
        "`Rejected`.",
        hints=(
            "Two methods in `Inspection`, one for each message.",
            '`@on("approve", to="Paid")` above `def approve(self, message, claim)`.',
        ),
    )
    return [find, fix]

"""A race: work that goes on after its handler has returned."""

from __future__ import annotations

import asyncio
from random import Random

from flexiflow.analysis.history import History
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheStep
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machine import Machine
from flexiflow.lessons.trying import Course, first_deviation
from flexiflow.state_machine import State

STORY = """Money appears. Twice was withdrawn from `account-1`, and the statement that was printed
afterwards shows the balance as if one of the two had never been. Nobody has found a step that
fails, and the next day it is another sum."""


@Machine
def broken():
    class Open(State):
        @on("withdraw")
        async def withdraw(self, message, account):
            # The ledger is slow, and nobody should have to wait for it.
            self.booking = asyncio.create_task(self.book(message["amount"], account))

        async def book(self, amount, account):
            balance = account.data["balance"]
            await asyncio.sleep(0.01)  # the ledger writes it down
            account.data["balance"] = balance - amount

        @on("statement")
        def statement(self, message, account):
            account.data["printed"] = account.data["balance"]

        @on("close", to="Closed")
        def close(self, message, account):
            pass

    class Closed(State, final=True):
        pass

    return Open, Closed


@Machine
def mended():
    class Open(State):
        @on("withdraw")
        async def withdraw(self, message, account):
            await self.book(message["amount"], account)

        async def book(self, amount, account):
            balance = account.data["balance"]
            await asyncio.sleep(0.01)  # the ledger writes it down
            account.data["balance"] = balance - amount

        @on("statement")
        def statement(self, message, account):
            account.data["printed"] = account.data["balance"]

        @on("close", to="Closed")
        def close(self, message, account):
            pass

    class Closed(State, final=True):
        pass

    return Open, Closed


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """Two withdrawals at once, and a statement a little later."""
    account = engine.add("account-1", broken.start, data={"balance": 100})
    await account.send("withdraw", amount=chance.randrange(10, 40, 5))
    await account.send("withdraw", amount=chance.randrange(41, 60, 3))
    await asyncio.sleep(0.05)
    await account.send("statement")
    await account.send("close")


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find the step that history gives the blame, then mend the machine."""
    blame = history.blame("account-1", "balance")
    changed = blame[blame["change"] == "changed"]
    return [_find(int(changed["step_id"].iloc[-1])), _fix(chance)]


def _find(step: int) -> FindTheStep:
    return FindTheStep(
        step,
        lambda said: (
            "Its snapshot has the balance that was there before. Ask the history, which "
            'compares snapshots: `race.history.blame("account-1", "balance")`.'
        ),
        title="Where does the balance change?",
        task="In which step does `balance` change for the last time, as the history has it?",
        hints=(
            'One question answers it: `race.history.blame("account-1", "balance")`.',
            "The column `step_id` names the step. What does that message do to the balance?",
        ),
        solution="It is the `statement`, which only reads! So the change came in between, from "
        "something that was no step: a task that outlived its handler.",
    )


def _fix(chance: Random) -> FixTheMachine:
    first, second = chance.randrange(10, 40), chance.randrange(10, 40)
    course = Course(
        f"100, and withdrawals of {first} and {second}",
        (
            ({"type": "withdraw", "amount": first}, "Open"),
            ({"type": "withdraw", "amount": second}, "Open"),
            ("statement", "Open"),
        ),
        data={"balance": 100},
        data_after={"printed": 100 - first - second},
    )

    async def trial(start: type[State]) -> str | None:
        return await first_deviation(start, [course])

    return FixTheMachine(
        broken,
        mended,
        trial,
        title="One at a time",
        task="Mend the machine: a statement after two withdrawals shows both.",
        hints=(
            "A component handles one message at a time, until its handler returns.",
            "`create_task` goes on after that. What if the handler waited for it?",
            'In `withdraw`: `await self.book(message["amount"], account)`.',
        ),
        solution="The handler waits, so the next message finds the balance as it should be.",
    )

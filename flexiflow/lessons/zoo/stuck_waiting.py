"""Stuck waiting: an answer that never comes, and nobody who stops waiting for it."""

from __future__ import annotations

import asyncio
import time
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

STORY = """A customer calls: the answer to her quote is still outstanding. There are many quotes,
and all of them wait for a while; which of them waits in vain?"""

_IN_VAIN = 0.4  # seconds at least
_LONGER = 6  # times the longest wait of the others: on a busy machine they wait longer, too


@Machine
def broken():
    class Draft(State):
        @on("ask", to="Waiting")
        def ask(self, message, quote):
            pass

    class Waiting(State):
        @on("answer", to="Answered")
        def answer(self, message, quote):
            quote.data["price"] = message["price"]

    class Answered(State, final=True):
        pass

    return Draft, Waiting, Answered


@Machine
def mended():
    class Draft(State):
        @on("ask", to="Waiting")
        def ask(self, message, quote):
            pass

    class Waiting(State):
        @on("answer", to="Answered")
        def answer(self, message, quote):
            quote.data["price"] = message["price"]

        @on("timeout", to="Expired")
        def timeout(self, message, quote):
            pass

    class Answered(State, final=True):
        pass

    class Expired(State):
        @on("ask", to="Waiting")
        def ask(self, message, quote):
            pass

    return Draft, Waiting, Answered, Expired


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """A dozen quotes; the answer to one of them is lost."""
    lost, longest = chance.randrange(2, 8), 0.0
    for number in range(1, 13):
        quote = engine.add(f"quote-{number}", broken.start)
        began = time.perf_counter()
        await quote.send("ask")
        if number == lost:
            continue
        await asyncio.sleep(chance.uniform(0.001, 0.004))
        await quote.send("answer", price=chance.randrange(100, 900))
        longest = max(longest, time.perf_counter() - began)
    await asyncio.sleep(max(_IN_VAIN, _LONGER * longest))
    await quote.send("ask")  # the newest record is what "now" means


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find who waits in vain, then give up in time."""
    names = history.components()
    waiting = names[names["state"] == "Waiting"]["component"]
    find = FindTheName(
        str(waiting.iloc[0]),
        tuple(map(str, names["component"])),
        nudge=lambda said: (
            f"{said} has its answer. `stuck_waiting.history.stuck()` lists those who stay "
            "longer than others did."
        ),
        title="Who waits in vain?",
        task="Which quote waits for an answer that does not come?",
        hints=(
            "`stuck_waiting.history.stuck()` compares each with the others in the same state.",
            "`stuck_waiting.history.why(name)` says it in words: what brought the others on.",
        ),
        solution="The others left by `answer`; none came here.",
    )
    price = chance.randrange(100, 900)
    answer = {"type": "answer", "price": price}
    fix = FixTheMachine(
        broken,
        mended,
        [
            Course(
                "an answer", (("ask", "Waiting"), (answer, "Answered")), data_after={"price": price}
            ),
            Course(
                "no answer, and another try",
                (
                    ("ask", "Waiting"),
                    ("timeout", "Expired"),
                    ("ask", "Waiting"),
                    (answer, "Answered"),
                ),
            ),
            Course(
                "an answer that comes too late",
                (("ask", "Waiting"), ("timeout", "Expired"), (answer, "Expired")),
            ),
        ],
        title="Give up in time",
        task="Somebody sends `timeout` to a quote that has waited for a week. Mend the machine: it "
        "is `Expired` then, and can `ask` again. An answer that comes too late is refused.",
        hints=(
            "Whoever waits needs a way out that does not depend on the other side.",
            "`Waiting` takes `timeout`; there is one more state, which takes `ask`.",
        ),
        solution="Each wait has two ways out.",
    )
    return [find, fix]

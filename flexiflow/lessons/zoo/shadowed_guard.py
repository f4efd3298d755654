"""A shadowed guard: the declaration above takes every message that was meant for it."""

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

STORY = """The security team has nothing to do. Incidents are reported every day, and the help desk
gets them all, although the machine has a guard for incidents."""


@Machine
def broken():
    def is_report(message, ticket):
        return bool(message["text"])

    def is_incident(message, ticket):
        return bool(message["text"]) and message["severity"] >= 3

    class New(State):
        @on("route", to="HelpDesk", guard=is_report)
        @on("route", to="Security", guard=is_incident)
        def route(self, message, ticket):
            ticket.data["severity"] = message["severity"]

    class HelpDesk(State):
        @on("close", to="Closed")
        def close(self, message, ticket):
            pass

    class Security(State):
        @on("close", to="Closed")
        def close(self, message, ticket):
            pass

    class Closed(State, final=True):
        pass

    return New, HelpDesk, Security, Closed


@Machine
def mended():
    def is_report(message, ticket):
        return bool(message["text"])

    def is_incident(message, ticket):
        return bool(message["text"]) and message["severity"] >= 3

    class New(State):
        @on("route", to="Security", guard=is_incident)
        @on("route", to="HelpDesk", guard=is_report)
        def route(self, message, ticket):
            ticket.data["severity"] = message["severity"]

    class HelpDesk(State):
        @on("close", to="Closed")
        def close(self, message, ticket):
            pass

    class Security(State):
        @on("close", to="Closed")
        def close(self, message, ticket):
            pass

    class Closed(State, final=True):
        pass

    return New, HelpDesk, Security, Closed


async def scenario(engine: FlexiFlowEngine, chance: Random) -> None:
    """A dozen tickets of every severity."""
    severities = [1, 2, 3, 4, 5] * 2 + chance.choices([1, 3, 5], k=2)
    chance.shuffle(severities)
    for number, severity in enumerate(severities, start=1):
        ticket = engine.add(f"ticket-{number}", broken.start)
        await ticket.send("route", text="it does not work", severity=severity)
        await ticket.send("close")


def exercises(chance: Random, history: History) -> list[Exercise]:
    """Find the state that nobody gets to, then mend the order."""
    find = FindTheName(
        "Security",
        ("New", "HelpDesk", "Closed"),
        nudge=lambda said: (
            f"{said} was visited. Look at the counts in "
            '`shadowed_guard.history.graph("ticket-1").transitions`.'
        ),
        title="Where nobody gets to",
        task="Which declared state has no ticket ever been in?",
        hints=(
            "The recorded machine with what happened on it: `shadowed_guard.history.graph()`.",
            "`shadowed_guard.history.graph().states[['state', 'visits']]`.",
        ),
        solution="`route` has two declarations, and the first takes every report. The guards that "
        "were asked are in each step: the column `guards_json`.",
    )
    low, high = chance.choice([0, 1, 2]), chance.choice([3, 4, 5])
    report = {"type": "route", "text": "smoke", "severity": high}
    fix = FixTheMachine(
        broken,
        mended,
        [
            Course(f"an incident of severity {high}", ((report, "Security"),)),
            Course(f"a report of severity {low}", (({**report, "severity": low}, "HelpDesk"),)),
            Course("a report without a text", (({**report, "text": ""}, "New"),)),
        ],
        title="The narrow one first",
        task="Mend the machine: incidents go to `Security`, other reports to `HelpDesk`, and what "
        "has no text is refused, as before.",
        hints=(
            "Declarations are tried from the top down, and the first whose guard passes wins.",
            "Which of the two guards is true more often? It has to come second.",
        ),
        solution="The narrow guard stands above the wide one.",
    )
    return [find, fix]

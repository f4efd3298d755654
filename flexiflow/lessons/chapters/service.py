"""Exercises of notebook 09: who hangs in a service, and how it would not."""

from __future__ import annotations

from random import Random

from flexiflow.analysis.history import History
from flexiflow.arguments import require
from flexiflow.errors import InvalidValue
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machines.service import broken_sensor, sensor
from flexiflow.lessons.trying import Course

_FIX = 'Record the service of the notebook, then lesson("09", history=open_history(path)).'


def exercises(chance: Random, history: History | None = None) -> list[Exercise]:
    """All of them; the first is about the recorded service."""
    require(isinstance(history, History), "history", history, "the service's opened history", _FIX)
    assert history is not None
    return [_hangs(history), _timeout()]


def _hangs(history: History) -> FindTheName:
    stuck = history.stuck()
    stuck = stuck[stuck["verdict"] == "stuck"]
    if stuck.empty:
        raise InvalidValue(
            "Nothing is stuck in this history, so there is nothing to find.",
            why="No component stays in a state for much longer than others did.",
            fix=_FIX,
            context={"components": len(history.names())},
        )
    name = str(stuck["component"].iloc[0])
    return FindTheName(
        name,
        tuple(history.names()),
        nudge=lambda said: f"{said} goes on. Who stays in a state longer than the others did?",
        title="Who hangs?",
        task="One component of the service does not answer any more. Which one?",
        hints=(
            "The service's file, read from here: `history.stuck()`.",
            "`flexiflow why service/state.db` says it on a terminal, with the reason.",
        ),
        solution="It is in a handler that waits for ever; the service itself goes on.",
    )


def _timeout() -> FixTheMachine:
    return FixTheMachine(
        broken_sensor,
        sensor,
        [
            Course(
                "a device that answers",
                (("read", "Reading"), ("measure", "Idle")),
                {"device": "fine"},
                {"value": 21.5},
            ),
            Course(
                "a device that never answers",
                (("read", "Reading"), ("measure", "Broken")),
                {"device": "dead"},
            ),
        ],
        within=1.0,
        title="Wait, but not for ever",
        task="Mend the machine: a sensor whose device does not answer within a tenth of a second "
        "is `Broken`.",
        hints=(
            "Whoever waits for something outside needs a time after which it gives up.",
            "`async with asyncio.timeout(0.1):` around the wait raises TimeoutError.",
            'Declare where that leads: `raises={TimeoutError: "Broken"}`.',
        ),
        solution="The handler gives up, and the machine says where that leads.",
    )

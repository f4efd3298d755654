"""Exercises of notebook 06: one message, and all that it caused."""

from __future__ import annotations

from random import Random

from flexiflow.analysis.history import History
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName, FindTheNumber, FindTheStep
from flexiflow.lessons.given import demo_history


def exercises(chance: Random, history: History | None = None) -> list[Exercise]:
    """All of them, about orders by chance."""
    demo = demo_history("06", history)
    storm = f"order-{chance.randrange(1201, 1213)}"
    return [_cause(storm, demo), _attempts(storm, demo), _first(chance, demo)]


def _cause(order: str, history: History) -> FindTheStep:
    steps = history.steps(order)
    failed = steps[steps["outcome"] == "failed"].iloc[0]
    every = history.steps()
    trace = every[every["correlation_id"] == failed["correlation_id"]]
    deepest = trace[(trace["outcome"] == "failed") & (trace["component"] == "gateway")].iloc[0]
    return FindTheStep(
        int(deepest["id"]),
        lambda said: (
            "It failed because another step in its trace did, or did not fail first. "
            "Look at the tree: the cause is the innermost."
        ),
        title="Where it began",
        task=f"The first `pay` of `{order}` failed. Which step of the gateway was the first to "
        "fail in that trace?",
        hints=(
            f"The step has the id of its trace: `history.steps({order!r})`.",
            "`history.log.trace(correlation_id).tree()` shows what caused what.",
            "All steps of the trace: `history.steps()`, where `correlation_id` is that one; then "
            "the first with the outcome failed and the component gateway.",
        ),
        solution="The gateway turned the order away; it tried again at once, and failed too.",
    )


def _attempts(order: str, history: History) -> FindTheNumber:
    steps = history.steps("gateway")
    charges = steps[(steps["message"] == "charge") & (steps["sender"] == order)]
    failed = int((charges["outcome"] == "failed").sum())
    return FindTheNumber(
        failed,
        nudge=lambda said: (
            "Count the gateway's steps, in all traces of that order." if said < failed else None
        ),
        title="How often did it ask?",
        task=f"How many `charge` messages of `{order}` did the gateway fail, in all its traces?",
        hints=(
            'They are steps of the gateway: `history.steps("gateway")`.',
            f"Those that `{order}` sent: the column `sender`.",
        ),
        solution="Three tries in each of three `pay`, and one more: a retry that is repeated at "
        "once is a storm for whoever is overloaded.",
    )


def _first(chance: Random, history: History) -> FindTheName:
    order = f"order-{chance.randrange(1301, 1316)}"
    steps = history.steps(order)
    opening = steps[steps["outcome"] == "moved"].iloc[0]  # what is refused causes nothing
    every = history.steps()
    trace = every[every["correlation_id"] == opening["correlation_id"]]
    waits = trace[trace["component"] != order].sort_values("duration")
    longest = str(waits["component"].iloc[-1])
    return FindTheName(
        longest,
        tuple(sorted(set(map(str, trace["component"])))),
        nudge=lambda said: f"{said} took part, and another step took longer.",
        title="What takes the time?",
        task=f"The first message that moved `{order}` caused steps of other components. Which of "
        "these components has the step that took longest?",
        hints=(
            f"The step, with the id of its trace: the first of `history.steps({order!r})` whose "
            "outcome is moved.",
            "All steps of a trace, in `history.steps()`: sort those of other components by "
            "`duration`.",
        ),
        solution="`critical_path()` of the trace says how much of the whole each piece is.",
    )

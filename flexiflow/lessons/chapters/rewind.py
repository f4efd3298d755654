"""Exercises of notebook 05: which step it was."""

from __future__ import annotations

from random import Random

from flexiflow.analysis.history import History
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName, FindTheStep
from flexiflow.lessons.given import demo_history


def exercises(chance: Random, history: History | None = None) -> list[Exercise]:
    """All of them; they ask about faults that are in the demo's history."""
    demo = demo_history("05", history)
    return [_address(demo), _refused(demo), _forgotten(demo), _when(chance, demo)]


def _address(history: History) -> FindTheStep:
    blame = history.blame("order-1077", "address")
    changed = blame[blame["change"] == "changed"].iloc[-1]
    return FindTheStep(
        int(changed["step_id"]),
        lambda said: (
            'It did not write the address. Ask who did: `history.blame("order-1077", "address")`.'
        ),
        title="The parcel that went to Leiden",
        task="The customer of `order-1077` lives elsewhere, and never asked for another address. "
        "Which step wrote it?",
        hints=(
            "One question says which step last changed a field.",
            '`history.blame("order-1077", "address")`: old, new, and the `step_id`.',
        ),
        solution=f"Sent by {changed['sender']}: billing wrote its own address into the order.",
    )


def _refused(history: History) -> FindTheStep:
    steps = history.steps("order-1133")
    refused = steps[steps["outcome"] == "refused"].iloc[0]
    return FindTheStep(
        int(refused["id"]),
        lambda said: "That message was taken. What was refused is in the column `outcome`.",
        title="The return that was refused",
        task="The customer of `order-1133` wanted to send it back within a few days, and was "
        "refused. Which step was that, and what did the guard read?",
        hints=(
            'Refused messages are steps: `history.steps("order-1133")`.',
            "The column `reason` has what the guards said, with the values that they read.",
        ),
        solution=f"{refused['reason']}: a text that is not empty is true, even the text 'no'.",
    )


def _forgotten(history: History) -> FindTheStep:
    steps = history.steps("order-1098")
    picked = steps[steps["message"] == "picked"].iloc[0]
    return FindTheStep(
        int(picked["id"]),
        lambda said: (
            'Which stay was so long? `history.visits("order-1098")`; which step ended '
            'it? `history.story("order-1098")` tells it.'
        ),
        title="The box on the shelf",
        task="`order-1098` stayed in one state far longer than the others did. Which step ended "
        "that stay?",
        hints=(
            "Who stayed longer than usual: `history.outliers()`.",
            'The stay: `history.visits("order-1098")`, with `left_by` and `sender`.',
        ),
        solution="Elsewhere `picked` is sent by a picker; this one has no sender: somebody found "
        "the box.",
    )


def _when(chance: Random, history: History) -> FindTheName:
    over = chance.choice([1_500, 2_000, 2_500])
    condition = f"state == 'Paying' and total > {over}"
    frame = history.when(None, condition).frame
    while frame.empty:
        over //= 2
        condition = f"state == 'Paying' and total > {over}"
        frame = history.when(None, condition).frame
    longest = frame.sort_values("dwell").iloc[-1]
    return FindTheName(
        str(longest["component"]),
        tuple(history.names()),
        nudge=lambda said: f"`history.when({said!r}, …).longest` is not the longest of all.",
        title="Large, and waiting",
        task=f"Of the orders with a `total` over {over}: which was longest in `Paying`?",
        hints=(
            f'A condition over time, for all: `history.when(None, "{condition}")`.',
            "Its `frame` has a row for each interval, with the `dwell`.",
        ),
    )

"""Exercises of notebook 10: questions to a history that pandas answers."""

from __future__ import annotations

import math
from random import Random

import pandas as pd

from flexiflow.analysis.history import History
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName, FindTheNumber
from flexiflow.lessons.given import demo_history


def exercises(chance: Random, history: History | None = None) -> list[Exercise]:
    """All of them, about states, outcomes and currencies by chance."""
    demo = demo_history("10", history)
    return [_median(chance, demo), _refused(demo), _currency(chance, demo)]


def _median(chance: Random, history: History) -> FindTheNumber:
    state = chance.choice(["Paying", "Packing", "Reserved", "Shipping", "OnTheWay"])
    visits = history.visits()
    stays = visits[_are_orders(visits) & (visits["state"] == state)]["dwell"]
    median = pd.Timedelta(stays.median()).total_seconds()
    mean = pd.Timedelta(stays.mean()).total_seconds()
    return FindTheNumber(
        median,
        0.01,
        nudge=lambda said: (
            "That is the mean: a single order that is stuck moves it."
            if math.isclose(said, mean, rel_tol=0.05)
            else None
        ),
        title="How long do they stay?",
        task=f"What is the median of the stays of orders (`order-…`) in `{state}`, in seconds?",
        hints=(
            "A stay is a row of `history.visits()`; the column is `dwell`.",
            "Only orders: `visits['component'].str.startswith('order-')`. Only that state.",
            "`.median()` gives a Timedelta, which can be the answer as it is.",
        ),
        solution=f"""

    visits = history.visits()
    orders = visits[visits["component"].str.startswith("order-")]
    orders[orders["state"] == "{state}"]["dwell"].median()""",
    )


def _refused(history: History) -> FindTheName:
    steps = history.steps()
    counts = steps[steps["outcome"] == "refused"]["component"].value_counts()
    return FindTheName(
        str(counts.index[0]),
        tuple(history.names()),
        nudge=lambda said: f"{said} refused {int(counts.get(said, 0))}, and another one more.",
        title="Who says no?",
        task="Which component refused the most messages?",
        hints=(
            "Refused messages are steps: `history.steps()`, with the `outcome` refused.",
            "`.value_counts()` of the column `component` puts the largest first.",
        ),
        solution=f"{int(counts.iloc[0])} times: it sends one note an order and refuses a second.",
    )


def _currency(chance: Random, history: History) -> FindTheNumber:
    currency = chance.choice(["EUR", "CHF", "GBP", "SEK"])
    snapshots = history.snapshots(explode=True)
    orders = snapshots[_are_orders(snapshots)]
    newest = orders.drop_duplicates("component", keep="last")
    number = int((newest["metadata.currency"] == currency).sum())
    rows = int((orders["metadata.currency"] == currency).sum())
    return FindTheNumber(
        number,
        nudge=lambda said: (
            "That counts snapshots; an order has several." if int(said) == rows else None
        ),
        title="In which currency?",
        task=f"How many orders had the currency {currency} in the end, in their newest snapshot?",
        hints=(
            "`history.snapshots(explode=True)` has a column for each field: `metadata.currency`.",
            "The newest of each: `.drop_duplicates('component', keep='last')`.",
        ),
        solution=f"""

    snapshots = history.snapshots(explode=True)
    orders = snapshots[snapshots["component"].str.startswith("order-")]
    newest = orders.drop_duplicates("component", keep="last")
    (newest["metadata.currency"] == "{currency}").sum()""",
    )


def _are_orders(frame: pd.DataFrame) -> pd.Series[bool]:
    return frame["component"].astype(str).str.startswith("order-")

"""Exercises of notebook 04: what a snapshot holds, what comes back, and what pruning leaves."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from random import Random

from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.apart import run_apart
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machines.saving import broken_pallet, order, pallet
from flexiflow.lessons.predicting import Predict, Question
from flexiflow.lessons.trying import newly, scope_of, sent, step_words
from flexiflow.persistence.snapshot import ComponentSnapshot, restore_component, take_snapshot
from flexiflow.persistence.sqlite_store import (
    list_snapshots,
    load_latest_snapshot,
    prune_snapshots,
    save_snapshot,
)
from flexiflow.state_machine import State

_STATES = ("Draft", "Submitted", "Paid")


def exercises(chance: Random) -> list[Exercise]:
    """All of them, with numbers by chance."""
    return [_comes_back(chance), _pallet(chance)]


def _comes_back(chance: Random) -> Predict:
    first, later = chance.randrange(1, 4), chance.randrange(1, 3)
    keep = chance.choice([2, 3])
    state, items, left, oldest = run_apart(lambda: _kept(first, later, keep))
    numbers = tuple(str(number) for number in range(9))
    questions = [
        Question("In which state is the restored order?", _STATES, state, ""),
        Question(
            "How many items does the restored order have?",
            numbers,
            items,
            "A snapshot is a copy: what came after it is not in it.",
        ),
        Question("How many snapshots are left after pruning?", numbers, left, ""),
        Question(
            "In which state is the oldest snapshot that is left?",
            _STATES,
            oldest,
            "Pruning takes the oldest.",
        ),
    ]
    return Predict(
        questions,
        title="What comes back?",
        task="An order begins in `Draft` with no items, and is saved into a database after each of "
        f"these:\n\n    new\n    add × {first}  (one snapshot, after the last)\n    submit"
        f"\n\nThen it goes on in memory, unsaved: `pay`, and {later} more in `items` by hand. The "
        "program ends. Another one loads the latest snapshot and restores it. In the end "
        f"`prune_snapshots_sqlite(conn, 'order-1', keep={keep})`.",
        hints=(
            "A snapshot has the name, the state, the rules and the data at that moment.",
            "Nothing is saved by itself: what was not saved is gone.",
            f"Three snapshots were saved; the {keep} newest stay.",
        ),
    )


async def _kept(first: int, later: int, keep: int) -> tuple[str, str, str, str]:
    """What the exercise asks, found out by doing it."""
    saved = newly(order.start, "order-1", {"items": 0})
    with closing(sqlite3.connect(":memory:")) as conn:
        save_snapshot(conn, take_snapshot(saved))
        for _ in range(first):
            await saved.send("add")
        save_snapshot(conn, take_snapshot(saved))
        await saved.send("submit")
        save_snapshot(conn, take_snapshot(saved))
        await saved.send("pay")
        saved.data["items"] += later
        latest = load_latest_snapshot(conn, "order-1")
        assert latest is not None
        restored = restore_component(latest, FlexiFlowEngine(), scope_of(order.start))
        prune_snapshots(conn, "order-1", keep=keep)
        left = list_snapshots(conn, "order-1")
    return restored.state, str(restored.data["items"]), str(len(left)), left[-1]["current_state"]


def _pallet(chance: Random) -> FixTheMachine:
    before = chance.choice([1, 2])

    async def trial(start: type[State]) -> str | None:
        return await _interrupted(start, before)

    return FixTheMachine(
        broken_pallet,
        pallet,
        trial,
        title="The pallet that forgets",
        task="A pallet is sealed when it has three boxes. After a restart it has forgotten those "
        "that were on it. Mend the machine: what was loaded before a snapshot counts afterwards.",
        hints=(
            "What does a snapshot hold? Where does this machine count?",
            "A state's own attributes are not saved; a restored component has a new state object.",
            'Count in the data: `pallet.data["boxes"] = pallet.data.get("boxes", 0) + 1`.',
        ),
        solution="The number is in the data, which is saved.",
    )


async def _interrupted(start: type[State], before: int) -> str | None:
    """Load some boxes, save, restore, load the others, seal."""
    loading = newly(start, "pallet-1", {})
    for _ in range(before):
        await sent(loading, "box")
    if (await sent(loading, "seal"))[-1].outcome != "refused":
        return f"Tried with {before} of 3 boxes: `seal` should be refused."
    saved = take_snapshot(loading)
    snapshot = ComponentSnapshot(saved.name, saved.current_state, saved.rules, saved.metadata)
    restored = restore_component(snapshot, FlexiFlowEngine(), scope_of(start))
    for _ in range(3 - before):
        await sent(restored, "box")
    steps = await sent(restored, "seal")
    if restored.state == "Sealed":
        return None
    return (
        f"Tried with {before} boxes, a snapshot, a restart, and {3 - before} more: `seal` should "
        f"lead to Sealed.\n\n{step_words(steps)}"
    )

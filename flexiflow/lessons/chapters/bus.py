"""Exercises of notebook 03: who hears an event, in which order, and what a failure stops."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from random import Random
from typing import Any, Literal

from flexiflow.event_manager import AsyncEventManager
from flexiflow.lessons.apart import run_apart
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.guarding import Case, WriteTheFilter
from flexiflow.lessons.predicting import Predict, Question

_NAMES = ("audit", "billing", "notifier", "stock", "statistics")
_EVENT = "order.paid"


@dataclass(frozen=True, slots=True)
class _Listener:
    name: str
    priority: int
    least: int  # the smallest total that it wants to hear of
    fails: bool = False

    def __str__(self) -> str:
        wants = f", filter: total ≥ {self.least}" if self.least else ""
        return f"{self.name}: priority {self.priority}{wants}{', raises' if self.fails else ''}"


def exercises(chance: Random) -> list[Exercise]:
    """All of them, with priorities, totals and states by chance."""
    return [_order(chance), _filter(chance), _failure(chance)]


def _order(chance: Random) -> Predict:
    names = chance.sample(_NAMES, 4)
    total = chance.randrange(100, 300, 10)
    first, second, low = chance.sample([1, 2, 4, 5], 3)
    listeners = [
        _Listener(names[0], first, 0),
        _Listener(names[1], second, 0),
        _Listener(names[2], second, 0),  # as urgent as the one before: who came first?
        _Listener(names[3], low, total + 10),
    ]
    heard = run_apart(lambda: _published(listeners, {"total": total}, "continue"))
    choices = (*names, "nobody")
    told = _block([f"{at}. {name}" for at, name in enumerate(heard, start=1)])
    questions = [
        Question(
            f"Who hears it as number {at + 1}?",
            choices,
            heard[at] if at < len(heard) else "nobody",
            told if at == 3 else "",
        )
        for at in range(4)
    ]
    return Predict(
        questions,
        title="Who comes first?",
        task=f"They have subscribed in this order:\n\n{_block(map(str, listeners))}\n\n"
        f"Now `publish({_EVENT!r}, {{'total': {total}}})`.",
        hints=(
            "Priority 1 comes first, 5 last.",
            "Of two with the same priority, the one that subscribed first comes first.",
            "A filter that says no leaves its subscriber out of this event.",
        ),
    )


def _filter(chance: Random) -> WriteTheFilter:
    ends = ["Completed", "Refunded", "Cancelled"]
    left_out = chance.choice(ends)
    wanted = [end for end in ends if end != left_out]
    cases = [
        Case(
            name.startswith("order-") and state in wanted,
            {"component": name, "from_state": "Delivered", "to_state": state},
        )
        for name in ("order-1042", "invoice-1042", "border-7", "stock-lamp")
        for state in (*ends, "Delivered", "Draft")
    ]
    chance.shuffle(cases)
    return WriteTheFilter(
        cases,
        title="Only what concerns you",
        task="A subscriber of `state.changed` wants to hear only of components whose name begins "
        f"with `order-`, and only when they get to {wanted[0]} or {wanted[1]}. Write the filter: "
        "a function `(event_name, data) -> bool`.",
        hints=(
            "`data` has `component`, `from_state` and `to_state`.",
            'Names: `data["component"].startswith("order-")`. A border is no order.',
            f'States: `data["to_state"] in ("{wanted[0]}", "{wanted[1]}")`. Both must hold.',
        ),
        solution="    def mine(event_name, data):\n"
        '        is_order = data["component"].startswith("order-")\n'
        f'        return is_order and data["to_state"] in ("{wanted[0]}", "{wanted[1]}")',
    )


def _failure(chance: Random) -> Predict:
    names = chance.sample(_NAMES, 3)
    at = chance.choice([0, 1])
    listeners = [_Listener(name, 3, 0, fails=place == at) for place, name in enumerate(names)]
    questions = [_of_failure(listeners, on_error) for on_error in ("continue", "raise")]
    return Predict(
        questions,
        title="One of them fails",
        task=f"They have subscribed in this order:\n\n{_block(map(str, listeners))}",
        hints=(
            "The default is `on_error='continue'`: one subscriber's error is not the others'.",
            "With `on_error='raise'` the first error ends a delivery of one after the other.",
        ),
    )


def _of_failure(listeners: list[_Listener], on_error: Literal["continue", "raise"]) -> Question:
    heard = run_apart(lambda: _published(listeners, {}, on_error))
    numbers = tuple(str(number) for number in range(len(listeners) + 1))
    return Question(
        f"`publish({_EVENT!r}, on_error={on_error!r})`. How many are called?",
        numbers,
        str(len(heard)),
        _block(heard),
    )


async def _published(
    listeners: list[_Listener], data: dict[str, Any], on_error: Literal["continue", "raise"]
) -> list[str]:
    """Publish one event on a bus of its own, and return who was called, in order."""
    bus, heard = AsyncEventManager(), []

    def handler(listener: _Listener) -> Any:
        def called(data: Any) -> None:
            heard.append(listener.name)
            if listener.fails:
                raise RuntimeError(listener.name)

        return called

    for each in listeners:
        wants = _wants(each.least) if each.least else None
        await bus.subscribe(_EVENT, each.name, handler(each), each.priority, wants)
    with suppress(RuntimeError):
        await bus.publish(_EVENT, data, on_error=on_error)
    return heard


def _wants(least: int) -> Any:
    return lambda name, data: data["total"] >= least


def _block(lines: Any) -> str:
    return "\n".join(f"    {line}" for line in lines)

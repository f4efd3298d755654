"""Exercises of notebook 08: which error it is, reading one, and writing one's own."""

from __future__ import annotations

from collections.abc import Callable
from random import Random
from typing import Any

from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError
from flexiflow.explain import explain
from flexiflow.lessons.apart import run_apart
from flexiflow.lessons.exercise import Exercise
from flexiflow.lessons.finding import FindTheName
from flexiflow.lessons.fixing import FixTheMachine
from flexiflow.lessons.machines.errors import broken_stock, stock
from flexiflow.lessons.predicting import Predict, Question
from flexiflow.lessons.trying import newly, sent
from flexiflow.persistence.json_store import load_snapshot
from flexiflow.state_machine import State, StateMachine

_KINDS = (
    "StateError",
    "ComponentNotFound",
    "InvalidValue",
    "StateFileNotFound",
    "no error",
)


def exercises(chance: Random) -> list[Exercise]:
    """All of them, in an order by chance."""
    return [_which(chance), _config(chance), _own(chance)]


def _which(chance: Random) -> Predict:
    engine = FlexiFlowEngine()
    engine.add("order-1", "InitialState")
    tried: list[tuple[str, Callable[[], Any]]] = [
        (
            'StateMachine.from_name("InitalState")',
            lambda: StateMachine.from_name("InitalState"),
        ),
        (
            'await engine.handle_message("order-2", "start")',
            lambda: run_apart(lambda: engine.handle_message("order-2", "start")),
        ),
        (
            'await engine.handle_message("order-1", "nonsense")',
            lambda: run_apart(lambda: engine.handle_message("order-1", "nonsense")),
        ),
        (
            'await bus.subscribe("paid", "audit", print, priority=9)',
            lambda: run_apart(lambda: engine.event_bus.subscribe("paid", "audit", print, 9)),
        ),
        ('load_snapshot("nowhere.json")', lambda: load_snapshot("nowhere.json")),
    ]
    chance.shuffle(tried)
    questions = [_of_error(code, call) for code, call in tried]
    return Predict(
        questions,
        title="Which error?",
        task="An engine has one component: `order-1`, in `InitialState`. What comes of each?",
        hints=(
            "The class says what it is about: a state, a component, a value, a file.",
            "A message that is not taken is refused: that is an answer, and nothing is raised.",
        ),
    )


def _of_error(code: str, call: Callable[[], Any]) -> Question:
    try:
        answer = call()
    except FlexiFlowError as exc:
        text = "\n".join(f"    {line}" for line in str(exc).splitlines())
        return Question(f"`{code}`", _KINDS, type(exc).__name__, text)
    return Question(f"`{code}`", _KINDS, "no error", f"    {answer!r}")


def _config(chance: Random) -> FindTheName:
    name = chance.choice(["cart", "basket", "order"])
    config = {
        "name": name,
        "rules": [],
        "states": {"Open": "flexiflow.state_machine:InitialState"},
        "initial_state": "Ajar",
    }
    keys = tuple(config)
    # So that the exercise says what the library says today.
    found = explain(config).errors[0]
    return FindTheName(
        "initial_state",
        tuple(key for key in keys if key != "initial_state"),
        nudge=lambda said: (
            f"`{said}` is right. `print(explain(config).format())` says what is not."
        ),
        title="What is wrong with this config?",
        task=f"Which key has a wrong value?\n\n    config = {config!r}",
        hints=(
            "`from flexiflow import explain`, then `print(explain(config).format())`.",
            "Its errors have a what, a why, a fix and a context.",
        ),
        solution=f"{found.what} {found.fix}",
    )


def _own(chance: Random) -> FixTheMachine:
    left = chance.randrange(2, 9)
    wanted = left + chance.randrange(1, 5)

    async def trial(start: type[State]) -> str | None:
        return await _tried(start, left, wanted)

    return FixTheMachine(
        broken_stock,
        stock,
        trial,
        title="An error that teaches",
        task="Taking more than there is raises `ValueError: not possible`, which helps nobody. "
        "Raise a `FlexiFlowError` in its place, with a what, a `why`, a `fix`, and a `context` "
        "that has both numbers: how many were wanted, and how many are left.",
        hints=(
            "`FlexiFlowError(what, why=…, fix=…, context={…})`, from `flexiflow`.",
            "*What* went wrong, in one sentence. *Why*: the cause. *Fix*: what the reader can do.",
            'The context is a dict: `{"wanted": wanted, "left": left}`.',
        ),
        solution="Facts go in, and sentences come out.",
    )


async def _tried(start: type[State], left: int, wanted: int) -> str | None:
    shelf = newly(start, "lamp", {"left": left})
    await sent(shelf, {"type": "take", "quantity": 1})
    if shelf.data["left"] != left - 1:
        return f"Taking 1 of {left} should leave {left - 1}, and leaves {shelf.data['left']}."
    steps = await sent(shelf, {"type": "take", "quantity": wanted})
    error = steps[-1].error
    tried = f"Tried to take {wanted} where {left - 1} are left"
    if not isinstance(error, FlexiFlowError):
        return f"{tried}: it raises {type(error).__name__}, and should raise a FlexiFlowError."
    missing = [part for part in ("what", "why", "fix") if not getattr(error, part)]
    if missing:
        return f"{tried}: the error has no {' and no '.join(missing)}."
    values = list(error.context_items.values())
    if wanted not in values or left - 1 not in values:
        return f"{tried}: the context should have {wanted} and {left - 1}; it has {values}."
    return None

"""The exercises of notebook 08, with right and wrong answers."""

from __future__ import annotations

import pytest

from flexiflow import FlexiFlowError, State, on
from flexiflow.lessons import lesson
from flexiflow.lessons.machines.errors import broken_stock, stock

KINDS = {
    "from_name": "StateError",
    '"order-2"': "ComponentNotFound",
    '"nonsense"': "no error",
    "priority=9": "InvalidValue",
    "nowhere.json": "StateFileNotFound",
}


@pytest.fixture(params=[1, 2, 3])
def exercises(request, tmp_path):
    return lesson("08", student="ana", seed=request.param, progress=tmp_path / "p.jsonl")


def test_each_line_has_its_error(exercises):
    """And a refused message has none."""
    answers = [
        next(kind for part, kind in KINDS.items() if part in question.asks)
        for question in exercises[1].questions
    ]
    assert exercises[1].answer(*answers).right


def test_each_error_is_shown_with_its_parts(exercises):
    """After the answer."""
    shown = "\n".join(question.shows for question in exercises[1].questions)
    assert [part for part in ("Why: ", "Fix: ", "Context:") if part not in shown] == []


def test_the_config(exercises):
    """The solution is what the library says."""
    assert "is right" in exercises[2].answer("states").text
    reply = exercises[2].answer("initial_state")
    assert reply.right
    assert reply.text.startswith("Unknown state 'Ajar'.")


def test_an_own_error(exercises):
    """As given it is a ValueError; with four parts it passes."""
    assert "should raise a FlexiFlowError" in exercises[3].answer(broken_stock.start).text
    assert exercises[3].answer(stock.start).right


@pytest.mark.parametrize(
    ("error", "missing"),
    [
        (FlexiFlowError("no"), "no why and no fix"),
        (FlexiFlowError("no", why="w", fix="f"), "the context should have"),
    ],
)
def test_an_own_error_that_lacks_something(exercises, error, missing):
    """It is named."""

    class Open(State):
        @on("take")
        def take(self, message, stock):
            if message["quantity"] > stock.data["left"]:
                raise error
            stock.data["left"] -= message["quantity"]

    assert missing in exercises[3].answer(Open).text

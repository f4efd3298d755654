"""The exercises of notebook 02, with right and wrong answers."""

from __future__ import annotations

import re

import pytest

from flexiflow import guard
from flexiflow.lessons import lesson
from flexiflow.lessons.machines.guards import broken_payment, payment


@pytest.fixture(params=[1, 2, 3, 4])
def exercises(request, tmp_path):
    return lesson("02", student="ana", seed=request.param, progress=tmp_path / "p.jsonl")


def test_the_loan_goes_by_its_guards(exercises):
    """Worked out by hand: a large one from a stranger is refused, a small one reviewed."""
    questions = exercises[1].questions
    years = int(re.search(r"'years': (\d)", exercises[1].task)[1]) + len(questions) - 3
    end = "Approved" if years >= 2 else "Rejected"
    answers = ["Draft", "Review", *["Review"] * (len(questions) - 3), end]
    assert exercises[1].answer(*answers).right
    assert "✗ small  (message.amount=" in questions[0].shows


def test_a_guard_of_three_joined(exercises):
    """As the solution has it."""
    names = {"guard": guard}
    *definitions, joined = exercises[2].reveal().text.strip().split("\n\n")
    for each in definitions:
        exec(re.sub("^    ", "", each, flags=re.M), names)
    assert exercises[2].answer(eval(joined.strip(), names)).right


@pytest.mark.parametrize(
    ("wrong", "shown"),
    [
        (lambda m, o: True, "It should say no"),
        (lambda m, o: m["days"] <= 14 and not o.data["exchanged"], "case"),
        (lambda m, o: m["days"] < 30 or o.data["loyal"], "case"),
    ],
)
def test_a_guard_that_forgets_something_is_shown_a_case(exercises, wrong, shown):
    """The first that it gets wrong."""
    reply = exercises[2].answer(wrong)
    assert not reply.right
    assert shown in reply.text


def test_the_declared_error(exercises):
    """As given it fails and stays; declared it moves."""
    reply = exercises[3].answer(broken_payment.start)
    assert "should be in Failed then, and is in Paying." in reply.text
    assert "CardDeclined" in reply.text
    assert exercises[3].answer(payment.start).right

"""The exercises of notebook 03, with right and wrong answers."""

from __future__ import annotations

import re

import pytest

from flexiflow.lessons import lesson


@pytest.fixture(params=[1, 2, 3, 4])
def exercises(request, tmp_path):
    return lesson("03", student="ana", seed=request.param, progress=tmp_path / "p.jsonl")


def listeners(task):
    """Names and priorities as the task lists them."""
    return re.findall(r"^    (\w+): priority (\d)(, filter)?", task, re.M)


def test_the_order_is_by_priority_and_then_by_age(exercises):
    """Whose filter says no hears nothing."""
    wanting = [each for each in listeners(exercises[1].task) if not each[2]]
    order = [name for name, *_ in sorted(wanting, key=lambda each: each[1])]
    assert exercises[1].answer(*order, "nobody").right


def test_a_failure_ends_the_delivery_only_where_that_was_asked_for(exercises):
    """The third is called by default; by raise, those up to the one that raises."""
    lines = re.findall(r"^    (\w+): .*?(, raises)?$", exercises[3].task, re.M)
    failing = next(at for at, (_, raises) in enumerate(lines) if raises)
    assert exercises[3].answer("3", str(failing + 1)).right


def test_the_filter_of_the_solution(exercises):
    """It passes; a filter by state alone is shown a case that it gets wrong."""
    names = {}
    exec(re.sub("^    ", "", exercises[2].reveal().text, flags=re.M), names)
    assert exercises[2].answer(names["mine"]).right
    reply = exercises[2].answer(lambda name, data: "order-" in data["component"])
    assert "It should say no, and says yes." in reply.text

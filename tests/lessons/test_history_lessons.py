"""The exercises about the demo's history, answered from its frames."""

from __future__ import annotations

import pytest

from flexiflow import FlexiFlowEngine, open_history, record
from flexiflow.lessons import lesson
from flexiflow.lessons.machines.overlay import broken_parcel, parcel


@pytest.fixture(params=[1, 2])
def begin(request, full_run, tmp_path):
    """Begins a lesson about the demo's history."""
    history = open_history(full_run.result.database)

    def begin(name):
        file = tmp_path / "p.jsonl"
        given = {"student": "ana", "seed": request.param, "progress": file}
        return history, lesson(name, history=history, **given)

    return begin


def quoted(exercise, at=0):
    """What stands between backticks in a task."""
    return exercise.task.split("`")[1 + 2 * at]


def test_the_median_of_stays(begin):
    """A mean is told from it."""
    history, exercises = begin("10")
    visits = history.visits()
    orders = visits[visits["component"].str.startswith("order-")]
    stays = orders[orders["state"] == quoted(exercises[1], 1)]["dwell"]
    assert exercises[1].answer(stays.median()).right
    assert exercises[1].answer(stays.median().total_seconds()).right
    assert not exercises[1].answer(stays.mean() * 2).right


def test_who_refuses_the_most(begin):
    """Another one is told how many it refused."""
    history, exercises = begin("10")
    refused = history.steps().query("outcome == 'refused'")
    assert exercises[2].answer(refused["component"].value_counts().idxmax()).right
    assert "gateway refused " in exercises[2].answer("gateway").text


def test_orders_by_currency(begin):
    """In their newest snapshots; counting all snapshots is told from it."""
    history, exercises = begin("10")
    currency = exercises[3].task.split("currency ")[1][:3]
    snapshots = history.snapshots(explode=True)
    orders = snapshots[snapshots["component"].str.startswith("order-")]
    newest = orders.drop_duplicates("component", keep="last")
    assert exercises[3].answer((newest["metadata.currency"] == currency).sum()).right
    assert (
        "counts snapshots"
        in exercises[3].answer((orders["metadata.currency"] == currency).sum()).text
    )


def test_the_coverage_of_an_order(begin):
    """In per cent; as a part of one it is told so."""
    history, exercises = begin("07")
    percent = history.graph(quoted(exercises[1])).coverage().percent
    assert exercises[1].answer(percent).right
    assert "Per cent" in exercises[1].answer(percent / 100).text


def test_what_was_never_taken(begin):
    """Any of them will do; one that was taken is told so."""
    history, exercises = begin("07")
    transitions = history.graph(quoted(exercises[2])).transitions
    never = transitions.query("declared and not observed").iloc[0]
    taken = transitions.query("observed").iloc[0]
    assert exercises[2].answer(f"{never['source']}.{never['message']}").right
    assert "was taken" in exercises[2].answer(f"{taken['source']}.{taken['message']}").text
    assert exercises[2].answer("Nowhere.never").verdict == "unclear"


def test_declaring_what_happens(begin):
    """What is missing is named."""
    _, exercises = begin("07")
    assert (
        "Not declared: `AtDepot → deliver → Delivered`"
        in exercises[3].answer(broken_parcel.start).text
    )
    assert exercises[3].answer(parcel.start).right


@pytest.mark.parametrize("name", ["07", "10"])
def test_without_a_history_it_is_said_where_to_get_it(name, tmp_path):
    """As code."""
    with pytest.raises(TypeError) as caught:
        lesson(name, student="ana", progress=tmp_path / "p")
    assert f'lesson("{name}", history=open_history(files.database))' in caught.value.fix


def test_another_history_is_refused(tmp_path):
    """In four parts."""
    record(FlexiFlowEngine(), tmp_path / "state.db").close()
    with pytest.raises(ValueError, match="this is another one") as caught:
        lesson("10", student="ana", history=open_history(tmp_path / "state.db"))
    assert all((caught.value.why, caught.value.fix, caught.value.context))

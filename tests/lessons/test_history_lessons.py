"""The exercises about the demo's history, answered from its frames."""

from __future__ import annotations

from random import Random

import pytest

from flexiflow import FlexiFlowEngine, open_history, record
from flexiflow.lessons import lesson
from flexiflow.lessons.chapters import traces
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


@pytest.mark.parametrize("name", ["05", "06", "07", "10"])
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


def test_the_address_is_blamed_on_billing(begin):
    """As blame says it."""
    history, exercises = begin("05")
    blame = history.blame("order-1077", "address")
    assert exercises[1].answer(blame.query("change == 'changed'")["step_id"].iloc[-1]).right
    assert "invoice-1077" in exercises[1].reveal().text


def test_the_refused_return(begin):
    """A whole row will do."""
    history, exercises = begin("05")
    assert exercises[2].answer(history.steps("order-1133").query("outcome == 'refused'")).right
    assert "was taken" in exercises[2].answer(history.steps("order-1133").iloc[0]).text


def test_the_box_on_the_shelf(begin):
    """The longest stay, and the step that ended it."""
    history, exercises = begin("05")
    ended_by = history.visits("order-1098").query("state == 'Packing'")["left_by"].iloc[0]
    steps = history.steps("order-1098")
    assert exercises[3].answer(steps[steps["message"] == ended_by]).right


def test_large_and_waiting(begin):
    """A condition over time."""
    history, exercises = begin("05")
    over = int(exercises[4].task.split(" over ")[1].split(":")[0])
    frame = history.when(None, f"state == 'Paying' and total > {over}").frame
    assert exercises[4].answer(frame.sort_values("dwell")["component"].iloc[-1]).right


def test_where_it_began(begin):
    """The innermost failure of the trace; the outermost is told so."""
    history, exercises = begin("06")
    failed = history.steps(quoted(exercises[1], 1)).query("outcome == 'failed'").iloc[0]
    steps = history.steps()
    steps = steps[steps["correlation_id"] == failed["correlation_id"]]
    first = steps.query("outcome == 'failed' and component == 'gateway'").iloc[0]
    assert exercises[1].answer(first).right
    assert "innermost" in exercises[1].answer(failed).text


def test_how_often_it_asked(begin):
    """Ten times, as the storm was planted; the tries of one trace are too few."""
    _, exercises = begin("06")
    assert exercises[2].answer(10).right
    assert "in all traces" in exercises[2].answer(3).text


def test_what_takes_the_time(begin):
    """Of the other components in the trace."""
    history, exercises = begin("06")
    order = quoted(exercises[3])
    trace = history.steps(order).query("outcome == 'moved'")["correlation_id"].iloc[0]
    steps = history.steps()
    steps = steps[steps["correlation_id"] == trace]
    others = steps[steps["component"] != order]
    assert exercises[3].answer(others.sort_values("duration")["component"].iloc[-1]).right


class Chosen(Random):
    """Chooses the nth of what there is to choose from."""

    nth = 0

    def randrange(self, start, stop):
        return start + self.nth % (stop - start)


@pytest.mark.parametrize("nth", range(15))
def test_every_order_that_chance_may_choose_makes_an_exercise(full_run, nth):
    """Also one whose first message was refused, and caused nothing."""
    chance = Chosen(1)
    chance.nth = nth
    for exercise in traces.exercises(chance, full_run.history):
        assert exercise.reveal().text.startswith("It is ")

"""The exercises of notebook 09, with right and wrong answers."""

from __future__ import annotations

import pytest

from flexiflow import FlexiFlowEngine, open_history, record
from flexiflow.lessons import lesson
from flexiflow.lessons.machines.service import broken_sensor, sensor


def test_who_hangs(service, tmp_path):
    """The one that stays longer than others did."""
    exercises = lesson("09", student="ana", progress=tmp_path / "p", history=service)
    assert exercises[1].answer("sensor-4").right
    assert "goes on" in exercises[1].answer("sensor-1").text


def test_waiting_but_not_for_ever(service, tmp_path):
    """As given it never ends; with a timeout it gives up."""
    exercises = lesson("09", student="ana", progress=tmp_path / "p", history=service)
    assert exercises[2].answer(broken_sensor.start).text.startswith("It did not end within")
    assert exercises[2].answer(sensor.start).right


@pytest.mark.parametrize("history", [None, "state.db"])
def test_without_a_history_it_is_said_where_to_get_it(history):
    """In four parts."""
    with pytest.raises(TypeError) as caught:
        lesson("09", student="ana", history=history)
    assert all((caught.value.what, caught.value.why, caught.value.fix, caught.value.context))


def test_a_history_in_which_all_is_well_is_refused(tmp_path):
    """There would be nothing to find."""
    record(FlexiFlowEngine(), tmp_path / "state.db").close()
    with pytest.raises(ValueError, match="Nothing is stuck") as caught:
        lesson("09", student="ana", history=open_history(tmp_path / "state.db"))
    assert all((caught.value.why, caught.value.fix, caught.value.context))

"""The history explorer without a browser."""

from __future__ import annotations

import itertools
import json
import struct
import zlib
from array import array

import pytest
from watched_order import Draft

from flexiflow import FlexiFlowEngine, open_history, record
from flexiflow.analysis import frames
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue
from flexiflow.persistence.bookmarks import Bookmarks


@pytest.fixture
async def path(tmp_path):
    """order-1 was refused once and is in Submitted; order-2 has done nothing."""
    engine = FlexiFlowEngine()
    order = engine.add("order-1", Draft, data={"items": 0})
    engine.add("order-2", Draft, data={"items": 1})
    async with record(engine, tmp_path / "state.db", log=tmp_path / "run.jsonl"):
        await order.send("submit")
        order.data["items"] = 2
        await order.send("submit")
    return tmp_path / "state.db"


@pytest.fixture
def history(path):
    """What was recorded of them."""
    return open_history(path)


def unpacked(packed: bytes) -> tuple[list[dict], dict]:
    """The entries and the rest, as the script reads them."""
    raw = zlib.decompress(packed)
    count, end = struct.unpack_from("<II", raw)
    offsets = array("I", raw[8 + 8 * count : 8 + 8 * count + 4 * (count + 1)])
    bodies = raw[8 + 8 * count + 4 * (count + 1) + 10 * count :]
    entries = [json.loads(bodies[a:b]) for a, b in itertools.pairwise(offsets)]
    return entries, json.loads(bodies[offsets[-1] : offsets[-1] + end])


def asked(view, **content):
    """What is answered to the script."""
    view._handle_custom_msg({"id": 1, **content}, [])
    return view.comm.customs()[-1]


def test_it_opens_at_the_last_refusal(history):
    """What somebody looks for first."""
    view = history.explore("order-1")
    steps = history.steps("order-1")
    assert view.selection == {"step": int(steps[steps["outcome"] == "refused"]["id"].iloc[0])}


def test_it_opens_at_the_end_where_nothing_went_wrong(history):
    """Here the only snapshot."""
    view = history.explore("order-2")
    assert view.selection == {"snapshot": int(history.snapshots("order-2")["id"].iloc[-1])}


def test_without_a_name_it_opens_the_newest_component(history):
    """Others can be chosen."""
    view = history.explore()
    assert (view.component, view.names) == ("order-1", ["order-1", "order-2"])


async def test_a_component_whose_last_step_failed_comes_before_newer_ones(tmp_path):
    """Trouble is what an explorer is opened for."""
    engine = FlexiFlowEngine()
    first, second = (engine.add(name, Draft, data={"items": n}) for n, name in enumerate("ab"))
    async with record(engine, tmp_path / "state.db"):
        await first.send("submit")
        await second.send("submit")
    assert open_history(tmp_path / "state.db").explore().component == "a"


def test_what_is_sent_is_every_step_and_snapshot(history):
    """The ids are the database's."""
    entries, rest = unpacked(history.explore("order-1").packed)
    assert [each.get("step") for each in entries][1:] == list(history.steps("order-1")["id"])
    assert rest["states"] == ["Draft", "Submitted"]


def test_the_rows_are_those_of_the_cursor_or_of_the_filter(history):
    """As `steps` gives them."""
    view = history.explore("order-1")
    steps = history.steps("order-1")
    assert list(view.rows()["id"]) == [view.selection["step"]]
    view.selection = {"source": "Draft", "target": "Submitted", "message": "submit"}
    assert list(view.rows()["id"]) == list(steps[steps["outcome"] == "moved"]["id"])
    view.selection = {"state": "Draft"}
    assert list(view.rows()["id"]) == list(steps["id"])
    assert list(view.rows()) == list(frames.STEPS)


@pytest.mark.parametrize(
    "chosen", [{"step": 99}, {"snapshot": 99}, {"state": "Drift"}, {"colour": "red"}]
)
def test_a_selection_that_is_not_there_is_refused(history, chosen):
    """And the old one stays."""
    view = history.explore("order-1")
    before = view.selection
    with pytest.raises(InvalidValue, match="to select"):
        view.selection = chosen
    assert view.selection == before


def test_an_unknown_component_names_the_nearest(history):
    """As everywhere."""
    with pytest.raises(ComponentNotFound, match="order-1"):
        history.explore("order-11")


def test_a_misspelt_argument_is_refused(history):
    """With the one that was meant."""
    with pytest.raises(InvalidType, match="height"):
        history.explore("order-1", hight=300)


def test_a_condition_is_searched_in_python(history):
    """The script gets the first and last entry of each interval."""
    answer = asked(history.explore("order-1"), do="when", text="items > 1")
    assert (answer["spans"], answer["count"]) == ([[2, 2]], 1)


def test_a_condition_that_is_none_is_answered_with_the_error(history):
    """In words; the view goes on."""
    answer = asked(history.explore("order-1"), do="when", text="items >")
    assert answer["kind"] == "failed"


def test_a_request_that_is_none_is_answered_with_nothing(history):
    """A page may send anything."""
    view = history.explore("order-1")
    assert asked(view, do="__class__")["text"] == ""
    assert asked(view, do="bookmark", at="x")["kind"] == "failed"


def test_a_bookmark_is_kept_beside_the_database_and_taken_away(history, path):
    """The same request does both."""
    view = history.explore("order-1")
    asked(view, do="bookmark", at=1)
    (mark,) = Bookmarks(path).all()
    assert view.bookmarks == [["step", mark.id, str(path)]]
    asked(view, do="bookmark", at=1)
    assert (Bookmarks(path).all(), view.bookmarks) == ([], [])


def test_an_empty_history_says_what_to_do(tmp_path):
    """With the line of code."""
    record(FlexiFlowEngine(), tmp_path / "empty.db").close()
    view = open_history(tmp_path / "empty.db").explore()
    assert "record(engine" in view.told["code"]
    assert view.rows().empty
    assert "Nothing is recorded" in view.static_html()


def test_another_component_can_be_set(history):
    """Its steps replace the others."""
    view = history.explore("order-1")
    view.component = "order-2"
    assert view.selection.keys() == {"snapshot"}
    assert len(unpacked(view.packed)[0]) == 1

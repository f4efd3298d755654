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
from flexiflow.analysis.base import shapes
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
    assert list(view.rows()) == list(shapes.STEPS)


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


async def many_steps(path, monkeypatch, count):
    """An explorer of a few of so many steps, of which the first two were refused."""
    engine = FlexiFlowEngine()
    order = engine.add("order-1", Draft, data={"items": 0})
    async with record(engine, path):
        await order.send("submit")
        await order.send("submit")
        order.data["items"] = 1
        for _ in range(count // 2):
            await order.send("submit")
            await order.send("revise")
    monkeypatch.setattr("flexiflow.notebook.widgets.explorer.MOST_STEPS", 4)
    return open_history(path).explore("order-1")


async def test_a_long_history_is_shown_in_windows(tmp_path, monkeypatch):
    """Around the cursor; other parts, and trouble in them, are asked for."""
    view = await many_steps(tmp_path / "state.db", monkeypatch, 20)
    assert (view.told["first"], view.told["shown"], view.told["total"]) == (0, 4, 22)
    assert "until" not in view.told
    asked(view, do="around", part="later")
    assert (view.told["first"], view.told["before"]) == (1, 1)
    view.show(None)
    assert (view.told["first"], view.told["before"]) == (18, 2)
    newest = view.history.steps()["time"].max()
    assert view.told["until"] >= newest.timestamp() * 1000
    asked(view, do="trouble", kind="refusal", forward=False)
    assert view.selection == {"step": 2}
    assert asked(view, do="trouble", kind="failure", forward=True)["text"] == (
        "No later step failed."
    )


async def test_a_selection_outside_of_the_window_brings_its_part(tmp_path, monkeypatch):
    """By id, from Python."""
    view = await many_steps(tmp_path / "state.db", monkeypatch, 20)
    view.selection = {"step": 15}
    assert view.playback.entries[view.playback.place_of(step_id=15)].message == "submit"
    assert view.told["total"] == 22


async def test_spans_are_cut_to_the_window(tmp_path, monkeypatch):
    """An interval that begins before it begins with it."""
    view = await many_steps(tmp_path / "state.db", monkeypatch, 20)
    view.show(None)
    answer = asked(view, do="when", text="items > 0")
    last = len(view.playback.entries) - 1
    assert answer["spans"] == [[0, last]]


async def test_the_story_of_a_long_history_is_asked_for(tmp_path, monkeypatch):
    """It is not told at once."""
    monkeypatch.setattr("flexiflow.notebook.widgets.explorer._TOLD_AT_ONCE", 2)
    view = await many_steps(tmp_path / "state.db", monkeypatch, 4)
    assert "story" not in view.told
    asked(view, do="story")
    assert "submit" in " ".join(text for text, *_ in view.told["story"])


async def test_the_story_of_a_long_history_is_in_what_is_saved(tmp_path, monkeypatch):
    """Nobody can be asked for it there; and it says what it leaves out."""
    monkeypatch.setattr("flexiflow.notebook.widgets.explorer._TOLD_AT_ONCE", 2)
    view = await many_steps(tmp_path / "state.db", monkeypatch, 200)
    view.save_html(tmp_path / "explorer.html")
    told = [text for text, *_ in view.told["story"]]
    assert any(each.startswith("Here 171 steps are left out") for each in told)


async def test_what_was_recorded_since_is_read(tmp_path, monkeypatch):
    """The cursor stays where it is; at the end it goes to the new end."""
    path = tmp_path / "state.db"
    view = await many_steps(path, monkeypatch, 2)
    assert asked(view, do="refresh")["text"] == "Nothing new."
    view.show(None)
    last = view.selection
    await many_steps(path, monkeypatch, 2)
    assert asked(view, do="refresh")["text"] == "4 more steps."
    assert view.selection["step"] > last["step"]
    view.selection = here = {"step": 2}
    await many_steps(path, monkeypatch, 2)
    view.refresh()
    assert view.selection == here
    assert view.told["total"] == 12


async def test_a_component_without_a_name_is_one(tmp_path):
    """Its history is not an empty one."""
    engine = FlexiFlowEngine()
    order = engine.add("", Draft, data={"items": 1})
    async with record(engine, tmp_path / "state.db"):
        await order.send("submit")
    view = open_history(tmp_path / "state.db").explore("")
    assert len(view.rows()) == 1
    assert "empty" not in view.told
    assert "Submitted" in view.static_html()


async def test_an_empty_history_that_is_written_is_shown(tmp_path, monkeypatch):
    """Its first component is the one that is gone through."""
    path = tmp_path / "state.db"
    record(FlexiFlowEngine(), path).close()
    view = open_history(path).explore()
    assert view.component == ""
    await many_steps(path, monkeypatch, 2)
    view.refresh()
    assert (view.component, view.told["total"]) == ("order-1", 4)


def test_several_files_name_the_file_of_a_selection(tmp_path, path):
    """The same id may be in two of them."""
    other = tmp_path / "other.db"
    other.write_bytes(path.read_bytes())
    view = open_history([path, other]).explore("order-1")
    assert view.selection["file"] in (str(path), str(other))
    asked(view, do="bookmark", at=1)
    assert [len(Bookmarks(each).all()) for each in (path, other)].count(1) == 1


def test_lines_of_the_log_stand_at_their_steps(history):
    """By the step's id, or by their time."""
    view = history.explore("order-1")
    refused = [line for line in view.log["lines"] if line[3] == "message.refused"]
    assert [view.playback.entries[line[0]].outcome for line in refused] == ["refused"]
    assert [line[0] for line in view.log["lines"]] == sorted(line[0] for line in view.log["lines"])


def test_a_history_without_a_log_says_so(path):
    """And how to have one."""
    (path.parent / "run.jsonl").unlink()
    view = open_history(path).explore("order-1")
    assert view.log["lines"] == []
    assert view.log["note"]


def test_the_saved_file_holds_no_request_and_the_steps(history, tmp_path):
    """Its policy forbids all else."""
    page = history.explore("order-1").save_html(tmp_path / "x.html").read_text("utf-8")
    assert "default-src &#x27;none&#x27;" in page
    assert '"packed": {"$bytes"' in page

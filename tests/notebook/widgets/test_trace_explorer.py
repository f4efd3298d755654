"""The explorer of traces without a browser."""

from __future__ import annotations

import html
import json
import zlib

import pytest
from traced import traced

from flexiflow import FlexiFlowEngine, State, on, open_history, open_log, record
from flexiflow.errors import InvalidValue, TraceNotFound
from flexiflow.notebook import recorded_cards


class Login(State):
    @on("login", to="Login")
    async def login(self, message, component):
        component.data["password"] = message["password"]
        raise ValueError(f"{message['password']} is wrong")


def unpacked(data):
    return json.loads(zlib.decompress(data))


def answered(view, from_browser_content):
    view._handle_custom_msg(from_browser_content, [])
    return view.comm.customs()[-1]


async def test_it_opens_at_the_last_trace_in_trouble(tmp_path):
    """And says how it ended."""
    log, _, failing = await traced(tmp_path)
    view = log.explore()
    assert view.selection == {"trace": failing}
    assert view.static_text().startswith("trace fails-1: Failed in bank")


async def test_another_trace_is_shown_where_it_is_selected(tmp_path):
    """The waterfall is that trace's."""
    log, _, _ = await traced(tmp_path)
    view = log.explore()
    other = log.traces()["correlation_id"].iloc[0]
    view.selection = {"trace": other}
    assert unpacked(view.shown)["id"] == other


async def test_rows_are_the_records_of_the_selection(tmp_path):
    """Of the whole trace, or of one span."""
    log, _, failing = await traced(tmp_path)
    view = log.explore(failing)
    whole = log.trace(failing).records()
    assert view.rows()["event"].tolist() == whole["event"].tolist()
    span = unpacked(view.shown)["span"][-1]
    view.selection = {"trace": failing, "span": span}
    assert set(view.rows()["span_id"]) == {span}


async def test_what_is_not_there_can_not_be_selected(tmp_path):
    """The view stays where it was."""
    log, _, failing = await traced(tmp_path)
    view = log.explore()
    with pytest.raises(TraceNotFound):
        view.selection = {"trace": "no such trace"}
    with pytest.raises(InvalidValue, match="There is no span 'x'"):
        view.selection = {"trace": failing, "span": "x"}
    with pytest.raises(InvalidValue, match="There is no trace 'other'"):
        log.trace(failing).explore(selection={"trace": "other"})
    assert view.selection == {"trace": failing}


async def test_a_span_tells_its_records_its_error_and_its_change(tmp_path):
    """The fields come from the history."""
    log, history, failing = await traced(tmp_path)
    view = log.explore(history=history)
    spans = log.trace(failing).spans()
    failed = spans[(spans["component"] == "bank") & (spans["kind"] == "step")]["span_id"].iloc[0]
    told = answered(view, {"do": "span", "id": 1, "span": failed})["detail"]
    assert told["error"]["what"] == "card <b>declined</b>"
    assert told["records"][0][1] == "message.received"
    first = log.traces()["correlation_id"].iloc[0]
    view.selection = {"trace": first}
    root = unpacked(view.shown)["span"][0]
    change = answered(view, {"do": "span", "id": 2, "span": root})["detail"]["change"]
    assert (change["from"], change["to"]) == ("Draft", "Paying")
    assert ["total", "none", "99"] in change["fields"]


@pytest.mark.parametrize("with_history", [True, False])
async def test_the_way_of_a_component_is_drawn(tmp_path, with_history):
    """The whole machine from a history; without one, what the trace shows of it."""
    log, history, _ = await traced(tmp_path)
    first = log.traces()["correlation_id"].iloc[0]
    view = log.explore(first, history=history if with_history else None)
    way = answered(view, {"do": "way", "id": 1, "component": "order-1"})["way"]
    assert (way["visited"], way["current"], len(way["trail"])) == (["Draft", "Paying"], "Paying", 1)
    assert way["svg"].startswith("<svg")
    assert ("cancel" in way["svg"]) is with_history


async def test_nonsense_from_a_page_is_answered(tmp_path):
    """In words, and nothing is raised."""
    log, _, _ = await traced(tmp_path)
    view = log.explore()
    assert "text" in answered(view, {"do": "span", "id": 7, "span": "x"})
    before = len(view.comm.customs())
    for content in (None, 5, {"do": "no"}, {}):
        view._handle_custom_msg(content, [])
    assert len(view.comm.customs()) == before


async def test_an_empty_log_says_how_one_is_made(tmp_path):
    """With the line of code."""
    async with record(FlexiFlowEngine(), tmp_path / "s.db", log=tmp_path / "run.jsonl"):
        pass
    view = open_log(tmp_path / "run.jsonl").explore()
    assert (view.empty[0], view.cursor.time_us, len(view.rows())) == (
        view.static_text(),
        None,
        0,
    )


async def test_an_offline_file_holds_the_trace_and_its_panes(tmp_path):
    """But not the list, which only Python can open from; markup in it is text."""
    log, _, _ = await traced(tmp_path)
    view = log.explore()
    values = view._values()
    assert values["listed"] == b""
    assert set(unpacked(values["saved"])["spans"]) == set(unpacked(view.shown)["span"])
    page = view.save_html(tmp_path / "trace.html").read_text()
    assert "<b>declined" not in page


async def test_what_is_redacted_reaches_no_page(tmp_path):
    """Neither the list, the trace, a span's panes, the static picture, nor the offline file."""
    secret = "hunter2-very-secret"
    engine = FlexiFlowEngine()
    order = engine.add("order-1", Login)
    async with record(
        engine, tmp_path / "state.db", log=tmp_path / "run.jsonl", redact=["password"]
    ):
        with pytest.raises(ValueError, match=secret):
            await order.send("login", password=secret, user="ann")
    view = open_log(tmp_path / "run.jsonl").explore(history=open_history(tmp_path / "state.db"))
    saved = unpacked(view._values()["saved"])
    told = [str(unpacked(view.listed)), str(unpacked(view.shown)), str(saved), view.static_html()]
    told.append(view.save_html(tmp_path / "trace.html").read_text())
    assert not [text for text in told if secret in text]
    assert "ann" in str(saved)


@pytest.mark.parametrize(
    ("line", "why", "first"),
    [
        (
            '{"when": 1}',
            "1 line can't be read",
            ' The first: it has no time; fields={"ts": …} says where it stands among when.',
        ),
        ('{"time": 1764200000, "msg": "x"}', "1 record has no correlation id", ""),
    ],
)
def test_a_log_without_a_trace_says_why(tmp_path, line, why, first):
    """And what helps, in place of how one is recorded; its card says it, too."""
    (tmp_path / "theirs.jsonl").write_text(line + "\n")
    log = open_log(tmp_path / "theirs.jsonl")
    view = log.explore()
    assert view.static_text() == f"No trace is in this log: {why}.{first}"
    assert "fields=" in view.empty[1]
    assert "fields=" in view.static_html()
    assert why in html.unescape(str(recorded_cards.log(log)))


def test_text_lines_are_told_in_the_waterfall(tmp_path):
    """By what they say, for they have no label."""
    (tmp_path / "app.log").write_text(
        "2026-11-26 10:00:00 INFO pay cid=req-84 charged\n"
        "2026-11-26 10:00:01 ERROR pay cid=req-84 declined\n"
    )
    view = open_log(tmp_path / "app.log").explore()
    assert unpacked(view.shown)["labels"] == ["2 lines: charged; ERROR declined"]
    assert view.static_text().startswith("trace req-84: No message is in it; 2 lines.")
    view.selection = {"trace": "req-84", "span": None}
    assert len(view.rows()) == 2
    (pane,) = unpacked(view._values()["saved"])["spans"].values()
    assert "declined" in pane["records"][1][4]

"""What a script gets of traces equals the frames."""

from __future__ import annotations

import json
import zlib

import pandas as pd
from traced import traced

from flexiflow.analysis.base import frames, shapes
from flexiflow.notebook.widgets import packed_trace as module
from flexiflow.notebook.widgets.packed_trace import packed_list, packed_trace


def unpacked(data):
    return json.loads(zlib.decompress(data))


async def test_a_trace_has_a_row_a_span(tmp_path):
    """Names, outcomes, depths, times and changes are those of `Trace.spans`."""
    log, _, failing = await traced(tmp_path)
    trace = log.trace(failing)
    spans, shown = trace.spans(), unpacked(packed_trace(trace))
    assert shown["span"] == spans["span_id"].tolist()
    assert shown["depth"] == spans["depth"].tolist()
    for name in ("component", "outcome", "kind", "label"):
        assert [shown[f"{name}s"][code] for code in shown[name]] == spans[name].tolist()
    assert shown["took"] == (spans["duration"] // pd.Timedelta("1us")).tolist()
    assert shown["detail"]["0"] == "ValueError: card <b>declined</b>"


async def test_bars_are_where_the_waterfall_puts_them(tmp_path):
    """Between 0 and 1, the first span from the beginning."""
    log, _, failing = await traced(tmp_path)
    trace = log.trace(failing)
    shown, waterfall = unpacked(packed_trace(trace)), trace.waterfall()
    starts, ends = waterfall.places(waterfall.spans)
    assert shown["from"] == [round(float(each), 6) for each in starts]
    assert shown["to"] == [round(float(each), 6) for each in ends]
    assert shown["from"][0] == 0


async def test_the_critical_path_and_the_story_name_rows(tmp_path):
    """Each piece and each sentence leads to its span."""
    log, _, failing = await traced(tmp_path)
    trace = log.trace(failing)
    shown, path = unpacked(packed_trace(trace)), trace.critical_path()
    named = [None if row < 0 else shown["span"][row] for row, *_ in shown["path"]]
    assert named == path["span_id"].astype(object).where(path["span_id"].notna(), None).tolist()
    assert [text for text, _ in shown["story"]] == list(trace.story(200).sentences)


async def test_the_list_counts_what_is_in_trouble(tmp_path):
    """Failed and refused ones; each filter's number is that of its rows."""
    log, _, failing = await traced(tmp_path)
    shown = unpacked(packed_list(log.traces()))
    counts = shown["counts"]
    assert (counts["failed"], counts["refused"], counts["all"]) == (1, 1, len(shown["id"]))
    assert counts["trouble"] == sum(shown["trouble"]) == 2
    assert shown["error"][shown["id"].index(failing)] == "ValueError: card <b>declined</b>"


def test_a_long_list_keeps_trouble_and_the_newest(monkeypatch):
    """It says how many there are in all."""
    monkeypatch.setattr(module, "MOST_TRACES", 3)
    rows = [
        (f"t{at}", at, 1, 1, 1, 1, 0, int(at == 1), "order", "go", "moved", None, None)
        for at in range(10)
    ]
    shown = unpacked(packed_list(frames.frame(shapes.TRACES, rows)))
    assert shown["id"] == ["t1", "t8", "t9"]
    assert shown["counts"]["all"] == 10


def test_no_traces_are_an_empty_list():
    """With zero in every filter."""
    shown = unpacked(packed_list(frames.frame(shapes.TRACES, [])))
    assert (shown["id"], set(shown["counts"].values())) == ([], {0})

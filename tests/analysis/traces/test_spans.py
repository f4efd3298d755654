"""A trace's spans in rows: equal to a reference, whatever is lost or shuffled."""

import random

import pandas as pd
import pytest
from hypothesis import given, settings
from logs import NOON, changed, finished, line, received, started
from random_traces import everything, slow_path, slow_self_time, slow_spans, timed_traces

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.traces.trace import Trace


def spans_of(*records):
    return Trace("trace-1", list(records)).spans()


def micros(series):
    return [frames.microseconds_of(each) for each in series]


@settings(max_examples=60)
@given(timed_traces())
def test_spans_equal_a_reference(records):
    """Order, depth, cause, beginning, duration, own time and place on the critical path."""
    trace = Trace("trace-1", records)
    frame, tree = trace.spans(), trace.tree()
    roots = slow_spans(tree)
    slow = list(everything(roots))
    path = slow_path(roots)
    walked = list(tree.walk())
    text = [frames.cell_text(each) for each in frame["span_id"]]
    assert text == [node.span_id for _, node in walked]
    assert frame["depth"].tolist() == [depth for depth, _ in walked]
    starts = [frames.microseconds(each) - NOON for each in frame["start"]]
    assert starts == [span.own[0] for span in slow]
    assert micros(frame["duration"]) == [span.own[1] - span.own[0] for span in slow]
    assert micros(frame["self_time"]) == [
        slow_self_time(span) if span.known else None for span in slow
    ]
    rooted = sum(owner == (None, "idle") for owner in path)
    critical = [sum(owner == span.span_id for owner, _ in path) for span in slow]
    if None not in text:
        assert micros(frame["critical_time"]) == critical
        assert sum(critical) + rooted == len(path)
    parents = {child.span_id: span.span_id for span in slow for child in span.below}
    assert [frames.cell_text(each) for each in frame["parent_id"]] == [
        parents.get(span.span_id) for span in slow
    ]


@pytest.mark.parametrize("number", [0, 1, 3])
def test_columns_and_dtypes(number):
    """The documented ones, for no span and for several."""
    frame = spans_of(*[received(at, f"s{at}") for at in range(number)])
    assert dict(frame.dtypes.astype(str)) == shapes.SPANS
    assert len(frame) == number


def test_a_row_says_all_of_its_span():
    """Who, what, from where to where, how it ended, and what it saved."""
    frame = spans_of(
        received(0, "s1", from_state="A"),
        started(1, "h1", "s1"),
        finished(5, "h1", "s1", duration_us=4),
        changed(7, "s1", duration_us=7, error=("E", "bad")),
        line("snapshot.saved", 90, "s1", snapshot_id=7),
    )
    step, handler = frame.to_dict("records")
    assert step == {
        "span_id": "s1",
        "parent_id": step["parent_id"],
        "depth": 0,
        "kind": "step",
        "component": "order",
        "label": "go",
        "start": pd.Timestamp(NOON, unit="us", tz="UTC"),
        "duration": pd.Timedelta(microseconds=7),
        "self_time": pd.Timedelta(microseconds=3),
        "critical_time": pd.Timedelta(microseconds=3),
        "ended": True,
        "outcome": "moved",
        "from_state": "A",
        "to_state": "B",
        "detail": "E: bad",
        "snapshots": "7",
        "records": 3,
    }
    assert pd.isna(step["parent_id"])
    assert (handler["parent_id"], handler["label"]) == ("s1", "A.go")


def test_a_span_without_an_end_lasts_as_long_as_anything_is_seen_of_it():
    """And it is said that this is not its end; a late snapshot is no sign of life."""
    frame = spans_of(
        received(0, "s1"),
        started(1, "h1", "s1"),
        line("order.weighed", 4, "h1", "s1"),
        line("snapshot.saved", 90, "s1", snapshot_id=7),
    )
    assert frame["ended"].tolist() == [False, False]
    assert micros(frame["duration"]) == [4, 3]


@pytest.mark.parametrize("duration", [-5, 2**70])
def test_durations_that_can_not_be(duration):
    """Such a span lasts as long as it is seen to."""
    frame = spans_of(received(0, "s1"), changed(7, "s1", duration_us=duration))
    assert micros(frame["duration"]) == [7]


def test_times_that_can_not_be_read():
    """They are missing; the rows are there."""
    records = [received(0, "s1"), started(1, "h1", "s1")]
    for record in records:
        record.ts = "soon"
    trace = Trace("trace-1", records)
    assert trace.spans()["start"].isna().tolist() == [True, True]
    assert trace.spans()["self_time"].isna().tolist() == [True, True]
    assert len(trace.critical_path()) == 0
    assert len(trace.gaps()) == 0
    assert trace.waterfall().axis.at.tolist() == [0.0, 0.0]


def test_a_very_deep_and_a_very_wide_trace():
    """10,000 levels, and 10,000 that one caused: no recursion, nothing quadratic."""
    deep = [received(at, f"s{at}", f"s{at - 1}" if at else None) for at in range(10_000)]
    wide = [received(at, f"s{at}", "s0" if at else None) for at in range(10_000)]
    for records in (deep, wide):
        random.Random(1).shuffle(records)
        trace = Trace("trace-1", records)
        assert trace.spans()["span_id"].tolist() == [f"s{at}" for at in range(10_000)]
        assert len(trace.critical_path()) <= 20_000
        assert len(trace.story().sentences) < 60

"""What a waterfall shows: idle gaps, and an axis from which they are folded away."""

import numpy as np
import pytest
from hypothesis import given, settings
from logs import NOON, changed, finished, received, started
from random_traces import slow_gaps, slow_spans, timed_traces

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.traces.trace import Trace
from flexiflow.analysis.traces.waterfall import Axis
from flexiflow.errors import InvalidValue


def retried():
    """A trace of 1,000 µs of which 900 µs are a wait between two tries."""
    return Trace(
        "trace-1",
        [
            received(0, "s1"),
            started(0, "t1", "s1"),
            finished(50, "t1", "s1", duration_us=50),
            started(950, "t2", "s1"),
            finished(1_000, "t2", "s1", duration_us=50),
            changed(1_000, "s1", duration_us=1_000),
        ],
    )


@settings(max_examples=60)
@given(timed_traces())
def test_gaps_equal_a_reference(records):
    """With records dropped, written twice, and shuffled."""
    trace = Trace("trace-1", records)
    frame = trace.gaps(0)
    found = [
        (frames.microseconds(row.start), frames.microseconds(row.start + row.duration))
        for row in frame.itertuples()
    ]
    assert found == slow_gaps(slow_spans(trace.tree()), records)
    assert dict(frame.dtypes.astype(str)) == shapes.GAPS


def test_only_long_gaps():
    """A share of the whole trace."""
    assert retried().gaps()["share"].tolist() == [0.9]
    assert len(retried().gaps(0.95)) == 0


@pytest.mark.parametrize("share", [-0.1, 1.1, "much", None, float("nan")])
def test_what_is_no_share(share):
    """A ValueError in four parts."""
    with pytest.raises(InvalidValue, match="share must be"):
        retried().gaps(share)
    with pytest.raises(InvalidValue, match="share must be"):
        retried().waterfall(share)


def test_a_folded_gap_takes_little_room():
    """What is left of the axis is shared out evenly."""
    shown = retried().waterfall()
    start, end = shown.places(shown.spans)
    assert start.round(4).tolist() == [0, 0, 0.515]
    assert end.round(4).tolist() == [1, 0.485, 1]
    start, end = shown.places(shown.gaps)
    assert (end - start).round(4).tolist() == [0.03]
    assert shown.places(shown.path)[1].round(4).tolist() == [0.485, 0.515, 1]


def test_an_axis_without_a_fold_is_even():
    """Times are where they are."""
    axis = retried().waterfall(fold=1).axis
    assert axis.places(np.array([NOON, NOON + 250, NOON + 1_000])).tolist() == [0, 0.25, 1]


@settings(max_examples=30)
@given(timed_traces())
def test_places_keep_their_order(records):
    """Whatever is folded, what is later is further on, within 0 and 1."""
    shown = Trace("trace-1", records).waterfall(fold=0.05)
    start, end = shown.places(shown.spans)
    assert ((start >= 0) & (start <= end) & (end <= 1 + 1e-9)).all()
    assert (np.diff(shown.axis.at) >= 0).all()
    by_time = np.argsort(shown.spans["start"].to_numpy(), kind="stable")
    assert (np.diff(start[by_time]) >= -1e-12).all()


def test_many_folds_leave_room_for_the_rest():
    """All of them together take less than a third."""
    axis = Axis.over((0, 1_000), [(at, at + 9) for at in range(0, 1_000, 10)])
    assert axis.at[-1] == pytest.approx(1)
    folded = np.diff(axis.at)[1::2].sum()
    assert folded == pytest.approx(0.3)


def test_what_the_log_lacks_is_part_of_the_picture():
    """In words."""
    assert Trace("trace-1", [received(0, "s1")]).waterfall().missing == ("1 span has no end here",)

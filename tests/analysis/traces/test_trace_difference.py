"""Two traces side by side."""

import pytest
from hypothesis import given, settings
from logs import changed, finished, line, log_of, received, started
from random_traces import timed_traces

from flexiflow.analysis.base import shapes
from flexiflow.analysis.traces.trace import Trace
from flexiflow.errors import InvalidType


def order(number, *more, took=5):
    name = f"order-{number}"
    return Trace(
        f"trace-{number}",
        [
            received(0, "s1", component=name),
            started(1, "h1", "s1", component=name),
            finished(4, "h1", "s1", component=name, duration_us=3),
            changed(took, "s1", component=name, duration_us=took),
            *more,
        ],
    )


def test_traces_that_do_the_same():
    """Numbers in the names of components aside; the greatest difference in time is told."""
    found = order(1).compare(order(2, took=1_005))
    assert found.same
    assert found.text == (
        "trace-1 and trace-2 do the same: 2 spans. "
        "The most unlike time: order-1: go A → B, 5 µs and 1.0 ms."
    )
    assert repr(order(1).compare(order(2))) == "trace-1 and trace-2 do the same: 2 spans."


def test_where_they_part():
    """The first span, depth first, that is not alike."""
    failed = {"outcome": "failed", "message_type": "pay", "component": "payments"}
    one = order(1, received(9, "s2", component="payments", message_type="pay"))
    other = order(2, line("message.failed", 9, "s2", **failed))
    found = one.compare(other)
    assert (found.together, found.same) == (2, False)
    assert found.text == (
        "trace-1 and trace-2 go together for 2 spans; then payments: pay unknown in the one, "
        "payments: pay failed in the other."
    )
    assert found.frame["same"].tolist() == [True, True, False]


def test_one_that_ends_sooner():
    """Nothing more comes in it."""
    found = order(1).compare(order(2, received(9, "s2", component="payments")))
    assert "then nothing more in the one, payments: go unknown in the other" in found.text


@settings(max_examples=30)
@given(timed_traces(), timed_traces())
def test_any_two_traces(one, other):
    """The columns, each span once, and the same the other way round."""
    left, right = Trace("a", one), Trace("b", other)
    found = left.compare(right)
    assert dict(found.frame.dtypes.astype(str)) == shapes.TRACE_DIFFERENCE
    assert found.frame["one"].notna().sum() == len(left.spans())
    assert found.frame["other"].notna().sum() == len(right.spans())
    assert right.compare(left).together == found.together
    assert left.compare(left).same


def test_by_their_ids(tmp_path):
    """In a log."""
    log = log_of(tmp_path, received(0, "s1"), received(1, "s2", correlation_id="other"))
    assert log.compare("trace-1", "other").same


def test_what_is_no_trace():
    """A TypeError in four parts."""
    with pytest.raises(InvalidType, match="other must be a Trace"):
        order(1).compare("trace-2")

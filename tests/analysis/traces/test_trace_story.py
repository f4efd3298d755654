"""A trace as sentences."""

import re

import pytest
from hypothesis import given, settings
from logs import changed, finished, line, received, started
from random_traces import timed_traces

from flexiflow.analysis.base import shapes
from flexiflow.analysis.traces.trace import Trace
from flexiflow.errors import InvalidValue


def failing_payment():
    """An order whose payment was tried twice and failed."""
    tries = {"handler": "charge", "component": "payments"}
    one, two = ({"attempt": each, "max_attempts": 2} for each in (1, 2))
    failed = {"error": ("PaymentError", "declined."), "component": "payments"}
    return Trace(
        "trace-1",
        [
            received(0, "s1", message_type="submit"),
            received(1_000, "s2", "s1", message_type="pay", component="payments"),
            started(1_000, "t1", "s2", data=one, **tries),
            line("handler.failed", 3_000, "t1", "s2", duration_us=2_000, data=one, **tries),
            started(93_000, "t2", "s2", data=two, **tries),
            line("handler.failed", 95_000, "t2", "s2", duration_us=2_000, data=two, **tries),
            line(
                "message.failed", 95_000, "s2", "s1", outcome="failed", duration_us=94_000, **failed
            ),
            changed(100_000, "s1", duration_us=100_000, message_type="submit"),
        ],
    )


def test_a_failure_is_told():
    """How it ended, where the time went, and what happened by time."""
    assert failing_payment().story().text.splitlines() == [
        "Failed in payments: PaymentError: declined.",
        "It took 100 ms: 90% retry wait in payments (pay), 6% own work in order (submit).",
        "At +0 µs order got `submit` and moved A → B after 100 ms.",
        "At +1.0 ms payments got `pay` from order and failed after 94 ms: PaymentError: declined.",
        "At +1.0 ms payments tried `charge` twice; the last failed after 2.0 ms.",
    ]


def test_the_headline():
    """The answer in one line."""
    assert failing_payment().headline == (
        "Failed in payments: PaymentError: declined. "
        "It took 100 ms: 90% retry wait in payments (pay), 6% own work in order (submit)."
    )
    open_end = Trace("trace-1", [received(0, "s1")])
    assert open_end.headline == "Unfinished in order. 1 note below."


def test_a_trace_that_went_well():
    """How many messages, and whose."""
    story = Trace(
        "trace-1", [received(0, "s1"), started(1, "h1", "s1"), finished(3, "h1", "s1")]
    ).story()
    assert story.sentences[0] == "1 message handled, by 1 component."
    assert story.sentences[-1] == "At +0 µs order got `go` and stayed in ?."
    assert story.frame["outcome"].iloc[0] == "stayed"


def test_a_refusal_names_its_reason():
    """And the last of several."""
    refused = {"outcome": "refused", "reason": "has_items is not so"}
    story = Trace(
        "trace-1",
        [line("message.refused", at, f"s{at}", **refused) for at in (1, 2)],
    ).story()
    assert story.sentences[0] == "Refused in order (2 messages in all): has_items is not so."


def test_the_origin_of_a_failure():
    """Not the one that only passed it on."""
    failed = {"outcome": "failed", "error": ("E", "bad")}
    records = [
        received(0, "s1"),
        received(1, "s2", "s1", component="inner"),
        line("message.failed", 2, "s2", "s1", component="inner", **failed),
        line("message.failed", 3, "s1", **failed),
    ]
    assert (
        Trace("t", records).story().sentences[0] == "Failed in inner (2 messages in all): E: bad."
    )


def test_what_the_log_lacks_is_told_last():
    """As sentences of their own."""
    story = Trace("trace-1", [received(0, "s1")]).story()
    assert story.sentences[-1] == "Missing: 1 span has no end here."


def test_what_is_left_out_is_said():
    """And trouble is not left out."""
    records = [
        each
        for at in range(30)
        for each in (received(at * 10, f"s{at}"), changed(at * 10 + 5, f"s{at}", duration_us=5))
    ]
    records[31] = line("message.failed", 155, "s15", outcome="failed", duration_us=5)
    story = Trace("trace-1", records).story(limit=3)
    told = [each for each in story.sentences if "left out" in each]
    assert sum(int(re.search(r"Here (\d+)", each)[1]) for each in told) == story.left_out == 27
    assert any("and failed after" in each for each in story.sentences)


@pytest.mark.parametrize("limit", [-1, "3", 1.5, True])
def test_what_is_no_limit(limit):
    """A ValueError in four parts."""
    with pytest.raises(InvalidValue, match="limit must be"):
        failing_payment().story(limit)


@settings(max_examples=30)
@given(timed_traces())
def test_every_message_is_told_or_counted(records):
    """Whatever is lost or shuffled; the columns are the documented ones."""
    trace = Trace("trace-1", records)
    story = trace.story(limit=4)
    assert dict(story.frame.dtypes.astype(str)) == shapes.TRACE_STORY
    steps = sum(node.kind == "step" for _, node in trace.tree().walk())
    told = story.frame["kind"].isin(["step", "handler"]).sum()
    assert told <= 4
    assert told + story.left_out >= steps
    assert repr(story) == story.text


def test_names_can_not_forge_a_sentence():
    """Line breaks and escapes in names, states, errors and ids are spelt out."""
    nasty = "x\nForged.\x1b[31m\u202e"
    story = Trace(
        nasty,
        [
            received(0, "s1", component=nasty, message_type=nasty),
            changed(1, "s1", from_state=nasty, to_state=nasty, error=(nasty, nasty)),
            line("message.failed", 3, "s2", outcome=nasty, component=nasty),
            started(4, "s3", component=nasty, handler=nasty),
        ],
    ).story()
    assert len(story.text.splitlines()) == len(story.sentences)
    assert not re.search(r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202e]", story.text)

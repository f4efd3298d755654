"""The records of a step say what happened, and many are encoded as each is by itself."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow.step import Step
from flexiflow.tracing.lines import Changed, HandlerFinished, HandlerStarted, Received, Saved
from flexiflow.tracing.records import LogRecord, encode_record, encode_records, utc_text

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
NASTY = "a\nb\r\x00\x1b[31m\x85\x9b\u2028\u202e\u2066\"'\\ \ud800 ä"
NOW = 1_700_000_000_000_000


class Run:
    run_uid = "00ab"


@pytest.fixture
def step():
    """A step that moved."""
    step = Step("order", "pay", "Draft", "trace", "span", "parent")
    step.to_state, step.outcome, step.duration_us = "Paid", "moved", 1234
    return step


def said(line) -> dict[str, object]:
    """The fields of a line, besides those that all have here."""
    fields = json.loads(encode_record(line.made(Run)))
    fixed = {"ts": utc_text(NOW), "level": "INFO", "run_id": "00ab", "component": "order"}
    assert fields.items() >= fixed.items()
    return {key: value for key, value in fields.items() if key not in fixed}


STEP = {"correlation_id": "trace", "span_id": "span", "parent_id": "parent"}


@pytest.mark.parametrize("data", [None, {"ä": "\u202e\x85"}])
def test_received(step, data):
    """With the message's fields as they are stored, or without."""
    raw = None if data is None else msgspec.json.encode(data)
    assert said(Received(NOW, step, raw)) == {
        "event": "message.received", **STEP, "message_type": "pay", "from_state": "Draft",
    } | ({} if data is None else {"data": data})  # fmt: skip


def test_handlers():
    """Started and finished."""
    ids = {"correlation_id": "trace", "span_id": "inner", "parent_id": "span", "handler": "D.pay"}
    started = HandlerStarted(NOW, "trace", "inner", "span", "order", "D.pay")
    finished = HandlerFinished(NOW, "trace", "inner", "span", "order", "D.pay", 7)
    assert said(started) == {"event": "handler.started", **ids}
    assert said(finished) == {"event": "handler.finished", **ids, "duration_us": 7}


@pytest.mark.parametrize("row", [{}, {"step_id": 9}])
def test_changed(step, row):
    """With the step's row, where that is known."""
    assert said(Changed(NOW, step, row.get("step_id"))) == {
        "event": "state.changed", **STEP, "message_type": "pay", "from_state": "Draft",
        "to_state": "Paid", "outcome": "moved", "duration_us": 1234, **row,
    }  # fmt: skip


@pytest.mark.parametrize(("inside", "rows"), [(True, (3, 4)), (False, (None, 4))])
def test_saved(step, inside, rows):
    """Inside a trace and outside of one."""
    line = Saved(NOW, step if inside else None, "order", "Paid", *rows)
    ids = {"step_id": rows[0]} if rows[0] else {}
    assert said(line) == {
        "event": "snapshot.saved", **(STEP if inside else {}), "to_state": "Paid", **ids,
        "snapshot_id": 4,
    }  # fmt: skip


@given(st.lists(TEXT, max_size=5))
@example([NASTY, "plain", NASTY])
def test_many_records_are_what_each_is(texts):
    """One that can't be encoded as it is holds up no other."""
    records = [LogRecord("now", "INFO", "any", component=text) for text in texts]
    assert encode_records(records) == b"".join(map(encode_record, records))


@pytest.mark.parametrize(("name", "told"), [(5, 5), ({1}, [1]), (1j, "1j"), (10**30, 10**30)])
def test_any_name_can_be_told(name, told):
    """Code written for 1.x takes whatever it likes for a name; JSON knows fewer."""
    record = LogRecord("now", "INFO", "any", component=name, handler="beside it")
    plain = LogRecord("now", "INFO", "any")
    first, second = encode_records([record, plain]).splitlines()
    assert json.loads(first)["component"] == told
    assert json.loads(first)["handler"] == "beside it"
    assert second == encode_record(plain).rstrip()

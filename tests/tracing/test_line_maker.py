"""The lines that are put together from pieces are those that the encoder makes of the record."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow.correlation import Span
from flexiflow.step import Step
from flexiflow.tracing import lines
from flexiflow.tracing.lines import LineMaker, quoted
from flexiflow.tracing.records import LogRecord, encode_record, encode_valid, utc_text

TEXT = st.text(st.characters(exclude_categories=()), max_size=20)
TIMES = st.integers(-(10**16), 10**17)
ROWS = st.none() | st.integers(1, 2**63 - 1)
NASTY = "a\nb\r\x00\x1b[31m\x85\x9b\u2028\u202e\u2066\"'\\ \ud800 ä"


def expected(
    event: str, time_us: int, place: Span | Step | None, component: str, **fields
) -> bytes:
    ids = (None, None, None)
    if place is not None:
        ids = (place.correlation_id, place.span_id, place.parent_id)
    record = LogRecord(utc_text(time_us), "INFO", event, *ids, component, run_id="00ab", **fields)
    return encode_record(record)


def step_of(texts: list[str], kind: str | None, parent: str | None) -> Step:
    component, before, after, trace, span = texts
    step = Step(component, kind, before, trace, span, parent)
    step.to_state, step.outcome, step.duration_us = after, "moved", 1234
    return step


STEPS = st.builds(
    step_of, st.lists(TEXT, min_size=5, max_size=5), st.none() | TEXT, st.none() | TEXT
)
SPANS = st.builds(Span, TEXT, st.none() | TEXT, st.none() | TEXT)
make = LineMaker("00ab")


@given(time_us=TIMES, step=STEPS, data=st.none() | st.dictionaries(TEXT, TEXT, min_size=1))
@example(time_us=0, step=step_of([NASTY] * 5, NASTY, NASTY), data={"ä": "\u202e\x85"})
def test_received(time_us, step, data):
    """With the message's fields as they are stored, or without."""
    raw = None if data is None else encode_valid(data).decode()
    assert make.received(time_us, step, raw) == expected(
        "message.received", time_us, step, step.component, message_type=step.message_type,
        from_state=step.from_state, data=None if raw is None else msgspec.Raw(raw),
    )  # fmt: skip


@given(time_us=TIMES, span=SPANS, component=TEXT, handler=TEXT, took=st.integers(0, 2**63 - 1))
def test_handlers(time_us, span, component, handler, took):
    """Started and finished."""
    assert make.handler_started(time_us, span, component, handler) == expected(
        "handler.started", time_us, span, component, handler=handler
    )
    assert make.handler_finished(time_us, span, component, handler, took) == expected(
        "handler.finished", time_us, span, component, handler=handler, duration_us=took
    )


@given(time_us=TIMES, step=STEPS, row=ROWS)
@example(time_us=0, step=step_of([NASTY] * 5, NASTY, NASTY), row=1)
def test_changed(time_us, step, row):
    """With the step's row, where that is known."""
    assert make.changed(time_us, step, row) == expected(
        "state.changed", time_us, step, step.component, message_type=step.message_type,
        from_state=step.from_state, to_state=step.to_state, outcome="moved", duration_us=1234,
        step_id=row,
    )  # fmt: skip


@given(TIMES, st.none() | SPANS | STEPS, TEXT, TEXT, ROWS, ROWS)
def test_saved(time_us, place, component, state, step_id, snapshot_id):
    """Inside a trace and outside of one."""
    assert make.saved(time_us, place, component, state, step_id, snapshot_id) == expected(
        "snapshot.saved", time_us, place, component, to_state=state, step_id=step_id,
        snapshot_id=snapshot_id,
    )  # fmt: skip


def test_what_is_kept_is_bounded(monkeypatch):
    """Names that are made up for each message do not pile up, nor do long ones."""
    monkeypatch.setattr(lines, "_quoted", {})
    monkeypatch.setattr(lines, "_MOST_KEPT", 3)
    for number in range(10):
        quoted(str(number))
        quoted("x" * 1000 + str(number))
    assert sorted(lines._quoted) == ["9"]


@pytest.mark.parametrize("text", ["a", "", NASTY])
def test_a_text_that_is_kept_is_the_same_again(text):
    """The second time comes from what was kept."""
    assert quoted(text) == quoted(text) == encode_valid(text).decode()


@pytest.mark.parametrize(("name", "told"), [(5, "5"), ({1}, "[1]"), (1j, '"1j"')])
def test_any_name_can_be_told(name, told):
    """Code written for 1.x subscribes by whatever name it likes; JSON knows fewer."""
    assert quoted(name) == told

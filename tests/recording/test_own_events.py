"""An application's own events in the trace log."""

from __future__ import annotations

import asyncio
from contextvars import copy_context

import pytest
from on_disk import lines_of

from flexiflow.correlation import set_correlation_id
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidType, InvalidValue
from flexiflow.events import EVENTS, log_event
from flexiflow.recording import record
from flexiflow.state_machine import State
from flexiflow.tracing.reader import log_files
from flexiflow.tracing.records import LONGEST_OWN_DATA


def tell(written):
    written.append(log_event("payment.quoted", amount=12, card="4242"))


class Paying(State):
    @on("quote")
    async def quote(self, message, order):
        written = order.data["written"] = []
        tell(written)
        await asyncio.to_thread(tell, written)
        await asyncio.gather(asyncio.create_task(asyncio.to_thread(tell, written)))


def own(path, name="payment.quoted"):
    """The lines of one event."""
    return [each for each in lines_of(path) if each["event"] == name]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


@pytest.fixture
def order(request):
    engine = FlexiFlowEngine()
    component = engine.add("order", Paying)
    component.engine = engine
    return component


async def test_an_event_in_a_handler_belongs_to_its_trace(path, order):
    """From the handler, a thread and a task that it starts."""
    with record(order.engine, log=path):
        step = await order.send("quote")
    found = own(path)
    assert [each["correlation_id"] for each in found] == [step.correlation_id] * 3
    assert {each["component"] for each in found} == {"order"}
    assert order.data["written"] == [True] * 3
    assert found[0]["data"] == {"amount": 12, "card": "4242"}


async def test_without_a_recording_an_event_is_not_written(order):
    """A handler need not know whether somebody records."""
    await order.send("quote")
    assert order.data["written"] == [False] * 3


async def test_without_a_log_an_event_is_not_written(tmp_path, order):
    """A history has steps and snapshots only."""
    with record(order.engine, tmp_path / "state.db") as recording:
        await order.send("quote")
        assert recording.event("payment.quoted") is False
    assert order.data["written"] == [False] * 3


def test_an_event_outside_a_handler_has_the_current_id(path, order):
    """And the component that is named."""
    with record(order.engine, log=path) as recording:

        def begin():
            set_correlation_id("import-1")
            return recording.event("import.began", component="order", name="x", data=1)

        assert copy_context().run(begin) is True
    (found,) = own(path, "import.began")
    assert (found["correlation_id"], found["component"]) == ("import-1", "order")
    assert found["data"] == {"name": "x", "data": 1}


def test_an_event_after_the_end_is_not_written(path, order):
    """The file is closed."""
    recording = record(order.engine, log=path)
    recording.close()
    assert recording.event("too.late") is False


async def test_redacted_fields_of_an_event_are_kept_out(path, order):
    """As everywhere."""
    with record(order.engine, log=path, redact=["card"]):
        await order.send("quote")
    assert own(path)[0]["data"] == {"amount": 12, "card": {"$redacted": "card"}}


@pytest.mark.parametrize("value", [float("nan"), "\ud800", "a\nb", {1: 2}, [[]], object(), 2**70])
def test_any_value_is_one_line_of_json(path, order, value):
    """What JSON can't say is tagged."""
    with record(order.engine, log=path) as recording:
        recording.event("odd.value", value=value)
    assert len(own(path, "odd.value")) == 1


def test_fields_that_are_too_large_are_counted(path, order):
    """The line says how much is missing."""
    with record(order.engine, log=path) as recording:
        recording.event("large", text="x" * LONGEST_OWN_DATA)
    assert own(path, "large")[0]["data"] == {"left_out_bytes": LONGEST_OWN_DATA + 11}


@pytest.mark.parametrize("name", [*EVENTS, "", "a\nb", "x" * 129])
def test_a_name_that_would_forge_a_line_is_refused(name):
    """Also where nothing is recorded, so that it is found early."""
    with pytest.raises(InvalidValue, match="event"):
        log_event(name)


def test_a_name_that_is_no_text_is_refused():
    """With the four parts."""
    with pytest.raises(InvalidType, match="can't be called 5"):
        log_event(5)


async def test_a_recording_that_rotates_keeps_every_line(path, order):
    """Every file is within its size."""
    async with record(order.engine, log=path, rotate=2_000, durability="always"):
        steps = [await order.send("quote") for _ in range(20)]
    files = log_files(path)
    text = b"".join(file.read_bytes() for file in files).decode()
    # The first step also changes the data, and so has a snapshot.
    assert [text.count(step.correlation_id) for step in steps] == [7] + [6] * 19
    assert max(file.stat().st_size for file in files) <= 2_000

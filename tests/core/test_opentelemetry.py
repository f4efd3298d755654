"""With OpenTelemetry's own package: its active span is where a message comes from."""

import pytest
from opentelemetry import trace

from flexiflow import FlexiFlowEngine, State, on
from flexiflow.correlation import Span, current_span

TRACE, SPAN = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7


class Calm(State):
    @on("start", to="Calm")
    async def start(self, message, component):
        component.data["seen"] = current_span.get().correlation_id


@pytest.fixture
def order():
    return FlexiFlowEngine().add("order-1", Calm)


@pytest.fixture
def active_span():
    """A span of OpenTelemetry, active while the test runs."""
    context = trace.SpanContext(TRACE, SPAN, is_remote=False)
    with trace.use_span(trace.NonRecordingSpan(context)):
        yield


@pytest.mark.usefixtures("active_span")
async def test_its_trace_id_is_the_correlation_id(order):
    """And its span the cause."""
    step = await order.send("start")
    assert (step.correlation_id, step.parent_id) == (f"{TRACE:032x}", f"{SPAN:016x}")
    assert order.data["seen"] == f"{TRACE:032x}"


@pytest.mark.usefixtures("active_span")
async def test_what_is_given_comes_first(order):
    """An argument, a traceparent, the context of ours: in that order, all before it."""
    assert (await order.send("start", correlation_id="mine")).correlation_id == "mine"
    header = "00-" + "a" * 32 + "-" + "b" * 16 + "-01"
    assert (await order.send("start", traceparent=header)).correlation_id == "a" * 32
    token = current_span.set(Span("ambient"))
    try:
        assert (await order.send("start")).correlation_id == "ambient"
    finally:
        current_span.reset(token)


async def test_without_an_active_span(order):
    """A new id."""
    step = await order.send("start")
    assert step.correlation_id != f"{0:032x}"
    assert step.parent_id is None

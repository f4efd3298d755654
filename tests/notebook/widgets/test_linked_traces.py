"""A history and traces that show the same step."""

from __future__ import annotations

import pytest
from traced import traced

from flexiflow.notebook.widgets.linking import link


@pytest.fixture
async def pair(tmp_path):
    """An explorer of traces at the one that fails, and one of the history at order-2, linked."""
    log, history, failing = await traced(tmp_path)
    traces, steps = log.explore(failing), history.explore("order-2")
    return traces, steps, link(traces, steps)


def span_of(traces, component):
    spans = traces._trace.spans()
    return spans[(spans["component"] == component) & (spans["kind"] == "step")]["span_id"].iloc[0]


async def test_a_span_leads_to_its_component_and_its_step(pair):
    """In the history, which shows another component until then."""
    traces, steps, _ = pair
    traces.selection = {"trace": "fails-1", "span": span_of(traces, "bank")}
    assert steps.component == "bank"
    assert steps.rows()["correlation_id"].tolist() == ["fails-1"]


async def test_a_step_leads_to_its_trace(pair):
    """And in it to the span of the component."""
    traces, steps, _ = pair
    step = steps.history.steps("order-2").iloc[0]
    steps.selection = {"step": int(step["id"])}
    steps.selection = {}
    steps.selection = {"step": int(step["id"])}
    assert traces.selection["trace"] == step["correlation_id"]
    assert set(traces.rows()["component"]) == {"order-2"}


async def test_unlinked_they_go_their_own_ways(pair):
    """Each stays where it is."""
    traces, steps, linked = pair
    linked.unlink()
    traces.selection = {"trace": "fails-1", "span": span_of(traces, "bank")}
    assert steps.component == "order-2"


async def test_a_trace_alone_does_not_leave_itself(tmp_path):
    """A step of another trace has nothing to lead to."""
    log, history, failing = await traced(tmp_path)
    trace, steps = log.trace(failing).explore(), history.explore("order-2")
    link(trace, steps)
    steps.selection = {}
    steps.go(0)
    assert trace.selection == {"trace": failing}

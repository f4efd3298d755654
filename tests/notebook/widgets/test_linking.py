"""link(): two explorers at the same time."""

from __future__ import annotations

import pytest
from watched_order import Draft

from flexiflow import FlexiFlowEngine, open_history, record
from flexiflow.notebook.widgets.linking import link


@pytest.fixture
async def pair(tmp_path):
    """Explorers of two orders that worked by turns."""
    engine = FlexiFlowEngine()
    orders = [engine.add(name, Draft, data={"items": 1}) for name in ("a", "b")]
    async with record(engine, tmp_path / "state.db"):
        for message in ("submit", "odd", "odd"):
            for order in orders:
                await order.send(message)
    history = open_history(tmp_path / "state.db")
    return history.explore("a"), history.explore("b")


def test_each_leads_and_each_follows(pair):
    """To the last entry that had begun by then."""
    one, other = pair
    link(one, other)
    one.go(2)
    assert one.cursor.time_us >= other.cursor.time_us
    assert other.selection == {"step": other.playback.entries[1].step_id}
    other.go(3)
    assert one.selection == {"step": one.playback.entries[3].step_id}


def test_unlinked_they_go_their_own_ways(pair):
    """And it can be asked for twice."""
    one, other = pair
    linked = link(one, other)
    linked.unlink()
    before = other.selection
    one.go(0)
    assert other.selection == before

"""Watching a component's steps without recording them."""

from __future__ import annotations

import asyncio
import logging

import pytest

from flexiflow import AsyncComponent
from flexiflow.hooks import watch_steps


async def test_a_watcher_is_told_of_every_ended_step():
    """Refused ones too, after the state was assigned."""
    component = AsyncComponent("c")
    seen = []
    watch_steps(component, lambda step: seen.append((step.outcome, component.state)))
    await component.send("start")
    await component.send("nonsense")
    assert seen == [("moved", "AwaitingConfirmation"), ("refused", "AwaitingConfirmation")]


async def test_a_watcher_is_told_of_a_message_that_was_cancelled_while_it_waited(slow_component):
    """It is a step as well."""
    component, release = slow_component
    seen = []
    watch_steps(component, lambda step: seen.append((step.message_type, step.outcome)))
    first = asyncio.create_task(component.send("work"))
    second = asyncio.create_task(component.send("late"))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    second.cancel()
    with pytest.raises(asyncio.CancelledError):
        await second
    release.set()
    await first
    assert seen == [("late", "cancelled"), ("work", "stayed")]


async def test_an_ended_watch_is_told_nothing():
    """And others go on."""
    component = AsyncComponent("c")
    first, second = [], []
    end = watch_steps(component, first.append)
    watch_steps(component, second.append)
    end()
    await component.send("start")
    assert (len(first), len(second)) == (0, 1)


async def test_a_watcher_that_raises_breaks_nothing(caplog):
    """It is logged; the step and the other watchers go on."""
    component = AsyncComponent("c")
    seen = []
    watch_steps(component, lambda step: 1 / 0)
    watch_steps(component, seen.append)
    with caplog.at_level(logging.ERROR, "flexiflow"):
        step = await component.send("start")
    assert (step.outcome, len(seen)) == ("moved", 1)
    assert caplog.messages == ["A watcher of c failed"]


@pytest.fixture
def slow_component():
    """A component whose handler waits for an event."""
    from flexiflow import State, StateMachine

    release = asyncio.Event()

    class Slow(State):
        async def handle_message(self, message, component):
            await release.wait()
            return True, self

    return AsyncComponent("slow", state_machine=StateMachine(Slow())), release

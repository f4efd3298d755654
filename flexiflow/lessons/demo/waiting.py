"""Waiting until an order gets somewhere, by listening to the bus."""

from __future__ import annotations

import asyncio

from flexiflow.component import AsyncComponent
from flexiflow.lessons.demo.shop import Message, open_shop


async def reaches(order: AsyncComponent, state: str, *, within: float) -> bool:
    """Wait until an order is in a state.

    Args:
        order: the order.
        state: where it should get.
        within: the longest time to wait, seconds.

    Returns:
        whether it got there in time.
    """
    if order.state == state:
        return True
    arrived = asyncio.Event()
    bus = open_shop.get().engine.event_bus

    def is_it(name: str, event: Message) -> bool:
        return bool(event["component"] == order.name and event["to_state"] == state)

    handle = await bus.subscribe("state.changed", "customers", lambda _: arrived.set(), 4, is_it)
    try:
        await asyncio.wait_for(arrived.wait(), within)
    except TimeoutError:
        return False
    finally:
        bus.unsubscribe(handle)
    return True

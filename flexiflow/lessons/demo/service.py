"""Opening the shop, letting the customers in, and closing it."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Sequence

from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.demo.billing import bill_when_paid, open_refund_desk
from flexiflow.lessons.demo.customers import open_customer_desk, shop_with
from flexiflow.lessons.demo.fraud import open_fraud_desk
from flexiflow.lessons.demo.notices import listen_to_orders, open_notices
from flexiflow.lessons.demo.payments import open_gateway
from flexiflow.lessons.demo.plans import OrderPlan
from flexiflow.lessons.demo.shop import Shop, open_shop, tell
from flexiflow.lessons.demo.stock import CATALOGUE, open_stock, release_when_ended
from flexiflow.lessons.demo.warehouse import PICKERS, open_warehouse

AT_ONCE = 12
"""How many customers are in the shop at a time."""

_CLOSING_ORDER = (
    "customer-desk",
    "fraud-desk",
    "gateway",
    "dispatcher",
    *PICKERS,
    *(f"stock-{product}" for product in CATALOGUE),
    "refund-desk",
    "notifier",
    "audit",
)


async def open_for_business(engine: FlexiFlowEngine, seed: int) -> None:
    """Make `engine` the shop of the running context: its components and its listeners."""
    open_shop.set(Shop(engine, random.Random(seed)))
    open_customer_desk(engine)
    open_fraud_desk(engine)
    open_stock(engine)
    open_gateway(engine)
    open_warehouse(engine)
    open_refund_desk(engine)
    open_notices(engine)
    await release_when_ended(engine.event_bus)
    await bill_when_paid(engine.event_bus)
    await listen_to_orders(engine.event_bus)


async def serve(
    plans: Sequence[OrderPlan], progress: Callable[[int, int], None] | None = None
) -> dict[str, AsyncComponent]:
    """Let all customers in, a dozen at a time, and return their orders by name.

    Args:
        plans: what they will do.
        progress: called as ``progress(done, total)`` at the start and after each order.
    """
    doors = asyncio.Semaphore(AT_ONCE)
    orders: dict[str, AsyncComponent] = {}
    report = progress or (lambda done, total: None)

    async def one(plan: OrderPlan) -> None:
        async with doors:
            orders[plan.name] = await shop_with(plan)
        report(len(orders), len(plans))
        if len(orders) == len(plans) // 2:
            await _head_office_calls()

    report(0, len(plans))
    async with asyncio.TaskGroup() as customers:
        for plan in plans:
            customers.create_task(one(plan))
    return {plan.name: orders[plan.name] for plan in plans}


async def close_for_the_day() -> None:
    """Send everybody home, so that whatever is not final afterwards has been left behind."""
    for name in _CLOSING_ORDER:
        await tell(name, "close")


async def _head_office_calls() -> None:
    """At noon the fraud desk gets a rule more, for orders larger than any."""
    await tell("fraud-desk", "tighten", rule={"field": "total", "over": 5000, "points": 70})

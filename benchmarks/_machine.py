"""The machine of four states that messages are sent to: an order that goes round and round."""

from __future__ import annotations

from typing import Any

from flexiflow import AsyncComponent, FlexiFlowEngine, State, on

MESSAGES = ("submit", "pay", "ship", "close")
STATES = ("Draft", "Submitted", "Paid", "Shipped")


class Draft(State):
    @on("submit", to="Submitted")
    async def submit(self, message: dict[str, Any], order: AsyncComponent) -> None:
        order.data["handled"] += 1


class Submitted(State):
    @on("pay", to="Paid")
    async def pay(self, message: dict[str, Any], order: AsyncComponent) -> None:
        order.data["handled"] += 1


class Paid(State):
    @on("ship", to="Shipped")
    async def ship(self, message: dict[str, Any], order: AsyncComponent) -> None:
        order.data["handled"] += 1


class Shipped(State):
    @on("close", to="Draft")
    async def close(self, message: dict[str, Any], order: AsyncComponent) -> None:
        order.data["handled"] += 1


def an_order() -> tuple[FlexiFlowEngine, AsyncComponent]:
    """An engine with one order."""
    engine = FlexiFlowEngine()
    return engine, engine.add("order-1042", Draft, data={"items": 3, "handled": 0})


async def send_rounds(order: AsyncComponent, rounds: int) -> None:
    """Send four messages a round, each with one field."""
    send = order.send
    for number in range(rounds):
        for kind in MESSAGES:
            await send(kind, number=number)

"""Stock: one component a product, which reserves, hands out and reorders.

::

    InStock ──reorder──▶ Restocking ──restock──▶ InStock      reserve, take, release: in both
    InStock ──close──▶ Counted
"""

from __future__ import annotations

from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.event_manager import AsyncEventManager
from flexiflow.guards import guard
from flexiflow.lessons.demo.errors import OutOfStock
from flexiflow.lessons.demo.shop import Message, component, is_order, pause, tell
from flexiflow.state_machine import State

CATALOGUE = {
    "mug": 12.5,
    "lamp": 64.0,
    "chair": 129.0,
    "rug": 89.0,
    "desk": 349.0,
    "poster": 15.0,
    "clock": 38.0,
}
DISCONTINUED = ("poster", "clock")

_DELIVERY = 80
_REORDER_BELOW = 50  # more than all orders under way can reserve, so that no one waits


@guard
def enough(message: Message, stock: AsyncComponent) -> bool:
    """Whether so many are left that nobody has reserved."""
    free = stock.data["on_hand"] - stock.data["reserved"]
    return bool(message["quantity"] <= free)


@guard
def discontinued(message: Message, stock: AsyncComponent) -> bool:
    """Whether the product is no longer sold."""
    return bool(stock.data["discontinued"])


class Shelf(State):
    """What a product's stock does at any time; the states below add when it reorders."""

    @on("reserve", guard=enough & ~discontinued)
    async def reserve(self, message: Message, stock: AsyncComponent) -> None:
        """Put some aside for an order."""
        await pause(0.5, 1.5)
        stock.data["reserved"] += message["quantity"]

    @on("take")
    async def take(self, message: Message, stock: AsyncComponent) -> None:
        """Hand out what was put aside."""
        await pause(0.5, 1.5)
        stock.data["on_hand"] -= message["quantity"]
        stock.data["reserved"] -= message["quantity"]

    @on("release")
    def release(self, message: Message, stock: AsyncComponent) -> None:
        """Put what was put aside back."""
        stock.data["reserved"] -= message["quantity"]


class InStock(Shelf):
    """There is enough, until an order takes the last but a few."""

    @on("take")
    async def take(self, message: Message, stock: AsyncComponent) -> None:
        """Hand out what was put aside, and reorder where little is left."""
        await super().take(message, stock)
        if stock.data["on_hand"] < _REORDER_BELOW and not stock.data["reordered"]:
            stock.data["reordered"] = True
            await stock.send("reorder", quantity=_DELIVERY)

    @on("reorder", to="Restocking")
    async def reorder(self, message: Message, stock: AsyncComponent) -> None:
        """Order from the supplier."""
        await stock.send("restock", quantity=message["quantity"])

    @on("close", to="Counted")
    def close(self, message: Message, stock: AsyncComponent) -> None:
        """The day is over."""


class Restocking(Shelf):
    """A delivery is on its way. Nothing is reordered meanwhile."""

    @on("restock", to="InStock")
    async def restock(self, message: Message, stock: AsyncComponent) -> None:
        """Unload the delivery."""
        await pause(2, 4)
        stock.data["on_hand"] += message["quantity"]
        stock.data["reordered"] = False


class Counted(State, final=True):
    """Closed for the day."""


def open_stock(engine: FlexiFlowEngine) -> None:
    """Add one component a product."""
    for product in CATALOGUE:
        gone = product in DISCONTINUED
        data = {"on_hand": 12 if gone else 120, "reserved": 0, "reordered": False}
        data["discontinued"] = gone
        engine.add(f"stock-{product}", InStock, data=data)


async def reserve_lines(order: AsyncComponent) -> None:
    """Reserve what an order needs, and note in the order what has been put aside for it.

    Raises:
        OutOfStock: where a product's stock refuses.
    """
    for line in order.data["lines"]:
        step = await tell(f"stock-{line['product']}", "reserve", order=order.name, **_count(line))
        if step.outcome == "refused":
            raise OutOfStock(line["product"], line["quantity"], step.reason)
        order.data.setdefault("reserved", []).append(line)


async def take_lines(order: str, lines: list[dict[str, Any]]) -> None:
    """Take an order's products off the shelves."""
    for line in lines:
        await tell(f"stock-{line['product']}", "take", order=order, **_count(line))


async def release_when_ended(bus: AsyncEventManager) -> None:
    """Put back what was reserved for orders that end without being delivered."""
    ends = {"Cancelled", "PaymentFailed"}

    def ended_early(name: str, event: Message) -> bool:
        return is_order(event["component"]) and event["to_state"] in ends

    async def release(event: Message) -> None:
        for line in component(event["component"]).data.get("reserved", []):
            await tell(
                f"stock-{line['product']}", "release", order=event["component"], **_count(line)
            )

    await bus.subscribe("state.changed", "stock-room", release, 1, ended_early)


def _count(line: dict[str, Any]) -> dict[str, int]:
    return {"quantity": line["quantity"]}

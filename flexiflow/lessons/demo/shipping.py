"""Shipments: one component a parcel, and the carrier that moves them.

::

    Booked ──label──▶ Labelled ──collect──▶ InTransit ──deliver──▶ HandedOver
                                            InTransit ──store──▶ AtDepot ──redirect──▶ InTransit
"""

from __future__ import annotations

from flexiflow.component import AsyncComponent
from flexiflow.correlation import new_correlation_id, new_span_id
from flexiflow.declarations import on
from flexiflow.guards import guard
from flexiflow.lessons.demo.shop import Message, component, open_shop, part_of, pause, tell
from flexiflow.state_machine import State

_HUBS = ("Utrecht hub", "Köln hub")


@guard
def recipient_lives_there(message: Message, shipment: AsyncComponent) -> bool:
    """Whether the person at the door is the one who ordered."""
    return bool(shipment.data["address"]["street"] == message["street"])


class Booked(State):
    """The carrier knows of it."""

    @on("label", to="Labelled")
    async def label(self, message: Message, shipment: AsyncComponent) -> None:
        """Print the label."""
        await pause(1, 2)
        shipment.data["label"] = f"{shipment.data['address']['country']}-{shipment.name}"


class Labelled(State):
    """It stands at the door."""

    @on("collect", to="InTransit")
    async def collect(self, message: Message, shipment: AsyncComponent) -> None:
        """The carrier takes it; tell the order."""
        await tell(shipment.data["order"], "shipped", label=shipment.data["label"])


class InTransit(State):
    """On the road."""

    @on("scan")
    def scan(self, message: Message, shipment: AsyncComponent) -> None:
        """Note where it is."""
        shipment.data["last_seen"] = message["hub"]

    @on("deliver", to="HandedOver", guard=recipient_lives_there)
    async def deliver(self, message: Message, shipment: AsyncComponent) -> None:
        """Hand it over; tell the order."""
        await tell(shipment.data["order"], "delivered", signed_by=message["signed_by"])

    @on("store", to="AtDepot")
    def store(self, message: Message, shipment: AsyncComponent) -> None:
        """Nobody of that name lives there."""


class AtDepot(State):
    """Waits for a better address."""

    @on("redirect", to="InTransit")
    def redirect(self, message: Message, shipment: AsyncComponent) -> None:
        """Send it to another address."""
        shipment.data["address"] = message["address"]


class HandedOver(State, final=True):
    """At its recipient's."""


async def book_shipment(order: AsyncComponent) -> None:
    """Add an order's shipment, label it, and have it collected."""
    data = {"order": order.name, "address": order.data["address"]}
    shipment = open_shop.get().engine.add(part_of(order.name, "shipment"), Booked, data=data)
    await shipment.send("label")
    await shipment.send("collect")


async def carry(order: str, signed_by: str, street: str) -> bool:
    """What the carrier does with an order's parcel once it has it.

    Args:
        order: the order's name.
        signed_by: who opens the door, if it is the right one.
        street: where that person lives.

    Returns:
        whether it was handed over; where not, it waits at the depot.
    """
    shipment = component(part_of(order, "shipment"))
    for hub in _HUBS:
        await pause(30, 50)
        await shipment.send("scan", hub=hub, traceparent=_header())
    await pause(30, 50)
    found = {"signed_by": signed_by, "street": street}
    step = await shipment.send("deliver", **found, traceparent=_header())
    if step.outcome == "refused":
        await shipment.send("store", traceparent=_header())
    return step.outcome == "moved"


def _header() -> str:
    """The ``traceparent`` of a request from the carrier, which traces its own calls."""
    return f"00-{new_correlation_id()}-{new_span_id()}-01"

"""Billing: one invoice an order, written when it is paid, and the refund desk.

::

    invoice       Drafted ──issue──▶ Issued ──settle──▶ Settled
                                     Issued ──credit──▶ Credited
    refund-desk   Open ──close──▶ Closed      refund: stays in Open
"""

from __future__ import annotations

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.event_manager import AsyncEventManager
from flexiflow.guards import guard
from flexiflow.lessons.demo import faults
from flexiflow.lessons.demo.shop import (
    Message,
    component,
    is_order,
    open_shop,
    part_of,
    pause,
    tell,
)
from flexiflow.state_machine import State

_BILLING_ADDRESS = {"street": "1 Ledger Lane", "city": "Leiden", "country": "NL"}
_MOST_WITHOUT_MANAGER = 300.0


@guard
def small(message: Message, desk: AsyncComponent) -> bool:
    """Whether the desk may decide alone."""
    return bool(message["amount"] <= _MOST_WITHOUT_MANAGER)


@guard
def approved(message: Message, desk: AsyncComponent) -> bool:
    """Whether a manager has signed."""
    return message.get("approved_by") is not None


class Drafted(State):
    """Not sent yet."""

    @on("issue", to="Issued")
    async def issue(self, message: Message, invoice: AsyncComponent) -> None:
        """Send it."""
        await pause(0.5, 1)
        if faults.overwrites_address(invoice.data["order"]):
            await tell(invoice.data["order"], "change_address", address=_BILLING_ADDRESS)


class Issued(State):
    """Sent."""

    @on("settle", to="Settled")
    def settle(self, message: Message, invoice: AsyncComponent) -> None:
        """The customer keeps the goods."""

    @on("credit", to="Credited")
    def credit(self, message: Message, invoice: AsyncComponent) -> None:
        """The customer has the money back."""


class Settled(State, final=True):
    """In the books."""


class Credited(State, final=True):
    """Written off."""


class Open(State):
    """Pays back."""

    @on("refund", guard=small | approved)
    async def refund(self, message: Message, desk: AsyncComponent) -> None:
        """Have the gateway pay back, and tell the order."""
        await tell("gateway", "refund", order=message["order"], amount=message["amount"])
        desk.data["refunds"] += 1
        await tell(message["order"], "refunded", amount=message["amount"])

    @on("close", to="Closed")
    def close(self, message: Message, desk: AsyncComponent) -> None:
        """The day is over."""


class Closed(State, final=True):
    """Closed for the day."""


def open_refund_desk(engine: FlexiFlowEngine) -> None:
    """Add the desk."""
    engine.add("refund-desk", Open, data={"refunds": 0})


async def bill_when_paid(bus: AsyncEventManager) -> None:
    """Write an invoice for each order that is paid, and close it when the order ends."""
    steps = {"Packing": "issue", "Completed": "settle", "Refunded": "credit"}

    def concerns_billing(name: str, event: Message) -> bool:
        return is_order(event["component"]) and event["to_state"] in steps

    async def bill(event: Message) -> None:
        order, invoice = event["component"], part_of(event["component"], "invoice")
        if event["to_state"] == "Packing":
            data = {"order": order, "amount": component(order).data["total"]}
            open_shop.get().engine.add(invoice, Drafted, data=data)
        await tell(invoice, steps[event["to_state"]])

    await bus.subscribe("state.changed", "billing", bill, 2, concerns_billing)

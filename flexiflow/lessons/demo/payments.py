"""The payment gateway: one component, which holds amounts, charges and refunds them.

::

    Open ──close──▶ Settling ──settle──▶ Settled      authorise, charge, refund: stay in Open
"""

from __future__ import annotations

from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.demo import faults
from flexiflow.lessons.demo.errors import (
    CardDeclined,
    CurrencyMismatch,
    GatewayError,
    GatewayOverloaded,
    GatewayTimeout,
)
from flexiflow.lessons.demo.shop import Message, pause, tell
from flexiflow.retry import RetryConfig, retry_async
from flexiflow.state_machine import State


class Open(State):
    """Takes charges, one after the other."""

    @on("authorise")
    async def authorise(self, message: Message, gateway: AsyncComponent) -> None:
        """Hold an amount, so that it can be charged later."""
        await pause(1, 3)
        hold = {"amount": message["amount"], "currency": message["currency"]}
        gateway.data["holds"][message["order"]] = hold
        await tell(message["order"], "authorised", **hold)

    @on("charge")
    async def charge(self, message: Message, gateway: AsyncComponent) -> None:
        """Charge what was authorised, and tell the order that it is paid.

        Raises:
            GatewayError: where the charge could not be made.
            CardDeclined: where the bank refuses it.
        """
        order, amount, currency = message["order"], message["amount"], message["currency"]
        attempt = gateway.data["attempts"].get(order, 0) + 1
        gateway.data["attempts"][order] = attempt
        if faults.overloaded(order, attempt):
            raise GatewayOverloaded(order, attempt)
        slower = faults.gateway_slowness(order)
        await pause(3 * slower, 7 * slower)
        hold = gateway.data["holds"][order]
        if currency != hold["currency"]:
            raise CurrencyMismatch(order, hold, amount, currency)
        _ask_the_bank(message, attempt)
        _forget(order, gateway)
        gateway.data["taken"] = round(gateway.data["taken"] + amount, 2)
        await tell(order, "paid", receipt=f"receipt-{order.rpartition('-')[2]}")

    @on("refund")
    async def refund(self, message: Message, gateway: AsyncComponent) -> None:
        """Pay back."""
        await pause(2, 4)
        gateway.data["taken"] = round(gateway.data["taken"] - message["amount"], 2)

    @on("void")
    def void(self, message: Message, gateway: AsyncComponent) -> None:
        """Let go of an amount that will not be charged."""
        _forget(message["order"], gateway)

    @on("close", to="Settling")
    async def close(self, message: Message, gateway: AsyncComponent) -> None:
        """The day is over."""
        await gateway.send("settle")


class Settling(State):
    """Passes the day's money on."""

    @on("settle", to="Settled")
    async def settle(self, message: Message, gateway: AsyncComponent) -> None:
        """Close the books."""
        await pause(2, 4)


class Settled(State, final=True):
    """Closed for the day."""


@retry_async(RetryConfig(max_attempts=3, base_delay=0.004, retry_on=(GatewayError,)))
async def charge(order: AsyncComponent) -> None:
    """Have the gateway charge an order.

    Raises:
        GatewayError: where it could not in three tries.
        CardDeclined: at once.
    """
    await tell(
        "gateway",
        "charge",
        order=order.name,
        amount=order.data["total"],
        currency=order.data["currency"],
        card=order.data["card"],
    )


def open_gateway(engine: FlexiFlowEngine) -> None:
    """Add the gateway."""
    engine.add("gateway", Open, data={"holds": {}, "attempts": {}, "taken": 0.0})


def _ask_the_bank(message: dict[str, Any], attempt: int) -> None:
    """The bank is played by the card, which says how it behaves."""
    _, behaviour, *times = message["card"].split("-")
    if behaviour == "slow" and attempt <= int(times[0]):
        raise GatewayTimeout(message["order"], attempt)
    if behaviour == "declined":
        raise CardDeclined(message["order"], message["amount"], message["currency"])


def _forget(order: str, gateway: AsyncComponent) -> None:
    gateway.data["holds"].pop(order, None)
    gateway.data["attempts"].pop(order, None)

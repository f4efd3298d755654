"""The order, at the centre of the shop: one component an order, from draft to doorstep.

::

    Draft ─▶ Screening ─▶ Reserving ─▶ Reserved ─▶ Paying ─▶ Packing ─▶ Shipping ─▶ OnTheWay
                 │            │            │          │
                 ▼            ▼            ▼          ▼
             Rejected     Cancelled    Cancelled  PaymentFailed

    OnTheWay ─▶ Delivered ─▶ Completed
                    └──────▶ Returning ─▶ Refunded

An order that enters a state in which something has to be done sends itself a message for it. It
arrives after the transition, so that the time that the work takes is time spent in that state.
"""

from __future__ import annotations

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.guards import guard
from flexiflow.lessons.demo.errors import CardDeclined, OutOfStock
from flexiflow.lessons.demo.payments import charge
from flexiflow.lessons.demo.plans import OrderPlan
from flexiflow.lessons.demo.shipping import book_shipment
from flexiflow.lessons.demo.shop import CURRENCIES, Message, tell
from flexiflow.lessons.demo.stock import CATALOGUE, reserve_lines
from flexiflow.state_machine import State

_RATES = {"EUR": 1.0, "CHF": 0.95, "GBP": 0.85, "SEK": 11.4}
_DAYS_TO_RETURN = 30


@guard
def has_lines(message: Message, order: AsyncComponent) -> bool:
    """Whether anything is ordered."""
    return bool(order.data["lines"])


@guard
def has_address(message: Message, order: AsyncComponent) -> bool:
    """Whether it is known where to deliver."""
    return order.data["address"] is not None


@guard
def on_hold(message: Message, order: AsyncComponent) -> bool:
    """Whether the customer's account is on hold."""
    return bool(order.data["on_hold"])


@guard
def in_window(message: Message, order: AsyncComponent) -> bool:
    """Whether it comes back in time."""
    return bool(message["days"] <= _DAYS_TO_RETURN)


@guard
def loyal(message: Message, order: AsyncComponent) -> bool:
    """Whether the customer has bought here before."""
    return bool(order.data["loyal"])


@guard
def exchanged(message: Message, order: AsyncComponent) -> bool:
    """Whether the goods were exchanged already."""
    return bool(order.data.get("exchanged"))


class Draft(State):
    """The customer is still filling the basket."""

    @on("change_address")
    def change_address(self, message: Message, order: AsyncComponent) -> None:
        """Deliver elsewhere, and pay in that country's currency."""
        _move(order, message)

    @on("release_hold")
    def release_hold(self, message: Message, order: AsyncComponent) -> None:
        """The account is in order again."""
        order.data["on_hold"] = False

    @on("submit", to="Screening", guard=has_lines & has_address & ~on_hold)
    async def submit(self, message: Message, order: AsyncComponent) -> None:
        """Settle the price, and have the order looked at."""
        currency = CURRENCIES[order.data["address"]["country"]]
        price = sum(CATALOGUE[line["product"]] * line["quantity"] for line in order.data["lines"])
        order.data["currency"] = currency
        order.data["total"] = round(price * _RATES[currency], 2)
        await order.send("screen", value=price)


class Screening(State):
    """The fraud desk looks at it."""

    @on("screen")
    async def screen(self, message: Message, order: AsyncComponent) -> None:
        """Ask the fraud desk."""
        facts = {"total": message["value"], "new_customer": order.data["new_customer"]}
        await tell("fraud-desk", "screen", order=order.name, **facts)

    @on("approved", to="Reserving")
    async def approved(self, message: Message, order: AsyncComponent) -> None:
        """Go on to the stock."""
        await order.send("reserve")

    @on("rejected", to="Rejected")
    def rejected(self, message: Message, order: AsyncComponent) -> None:
        """Remember why."""
        order.data["points"] = message["points"]


class Reserving(State):
    """Goods are put aside, and the amount is held at the gateway."""

    @on("reserve", raises={OutOfStock: "Cancelled"})
    async def reserve(self, message: Message, order: AsyncComponent) -> None:
        """Reserve the goods first: nobody is to pay for what is not there."""
        await reserve_lines(order)
        amount = {"amount": order.data["total"], "currency": order.data["currency"]}
        await tell("gateway", "authorise", order=order.name, **amount)

    @on("authorised", to="Reserved")
    def authorised(self, message: Message, order: AsyncComponent) -> None:
        """Keep what the gateway holds."""
        held = {"amount": message["amount"], "currency": message["currency"]}
        order.data["authorised"] = held


class Reserved(State):
    """All is ready; the customer looks at it once more."""

    @on("change_address")
    def change_address(self, message: Message, order: AsyncComponent) -> None:
        """Deliver elsewhere, and pay in that country's currency."""
        _move(order, message)

    @on("cancel", to="Cancelled")
    async def cancel(self, message: Message, order: AsyncComponent) -> None:
        """Let go of the amount; the stock room sees to the goods."""
        await tell("gateway", "void", order=order.name)

    @on("checkout", to="Paying")
    async def checkout(self, message: Message, order: AsyncComponent) -> None:
        """Go and pay."""
        await order.send("pay")


class Paying(State):
    """The gateway is asked to charge what it holds."""

    @on("pay", raises={CardDeclined: "PaymentFailed"})
    async def pay(self, message: Message, order: AsyncComponent) -> None:
        """Ask for the charge; the gateway answers with `paid`."""
        await charge(order)

    @on("paid", to="Packing")
    async def paid(self, message: Message, order: AsyncComponent) -> None:
        """Have it packed."""
        order.data["receipt"] = message["receipt"]
        await order.send("pack")


class Packing(State):
    """The warehouse has it."""

    @on("pack")
    async def pack(self, message: Message, order: AsyncComponent) -> None:
        """Ask for a picker."""
        await tell("dispatcher", "assign", order=order.name, lines=order.data["lines"])

    @on("change_address")
    def change_address(self, message: Message, order: AsyncComponent) -> None:
        """Deliver elsewhere. It is paid, so its currency stays."""
        order.data["address"] = message["address"]

    @on("picked", to="Shipping")
    async def picked(self, message: Message, order: AsyncComponent) -> None:
        """Hand the box to the carrier."""
        order.data["reserved"] = []
        await order.send("ship")


class Shipping(State):
    """A label is printed, and the carrier comes."""

    @on("ship")
    async def ship(self, message: Message, order: AsyncComponent) -> None:
        """Book a shipment; it answers with `shipped`."""
        await book_shipment(order)

    @on("shipped", to="OnTheWay")
    def shipped(self, message: Message, order: AsyncComponent) -> None:
        """Nothing to do but wait."""


class OnTheWay(State):
    """The carrier has it."""

    @on("delivered", to="Delivered")
    def delivered(self, message: Message, order: AsyncComponent) -> None:
        """Note who took it."""
        order.data["signed_by"] = message["signed_by"]


class Delivered(State):
    """It has arrived, and may come back."""

    @on("note_exchange")
    def note_exchange(self, message: Message, order: AsyncComponent) -> None:
        """Note whether the goods were exchanged."""
        order.data["exchanged"] = message["exchanged"]

    @on("request_return", to="Returning", guard=(in_window | loyal) & ~exchanged)
    async def request_return(self, message: Message, order: AsyncComponent) -> None:
        """Take it back."""
        await order.send("pay_back")

    @on("close", to="Completed")
    def close(self, message: Message, order: AsyncComponent) -> None:
        """The customer keeps it."""


class Returning(State):
    """The goods are on their way back, and the money too."""

    @on("pay_back")
    async def pay_back(self, message: Message, order: AsyncComponent) -> None:
        """Ask the refund desk, and the manager where the desk may not decide alone."""
        request = {"order": order.name, "amount": order.data["total"]}
        step = await tell("refund-desk", "refund", **request)
        if step.outcome == "refused":
            await tell("refund-desk", "refund", **request, approved_by="manager")

    @on("refunded", to="Refunded")
    def refunded(self, message: Message, order: AsyncComponent) -> None:
        """Note the amount."""
        order.data["refunded"] = message["amount"]


class Completed(State, final=True):
    """Delivered, paid and kept."""


class Refunded(State, final=True):
    """Delivered, and paid back."""


class Cancelled(State, final=True):
    """By the customer, or for lack of stock."""


class Rejected(State, final=True):
    """By the fraud desk."""


class PaymentFailed(State, final=True):
    """The card was declined."""


def open_order(engine: FlexiFlowEngine, plan: OrderPlan) -> AsyncComponent:
    """Add the component of a new order."""
    return engine.add(plan.name, Draft, data=plan.data())


def _move(order: AsyncComponent, message: Message) -> None:
    order.data["address"] = message["address"]
    order.data["currency"] = CURRENCIES[message["address"]["country"]]

"""The customers, who are outside the shop: what they do, and the desk that they speak to.

`shop_with` follows one customer from the first message to the last. Each message that a customer
sends begins a trace of its own.

::

    customer-desk   Staffed ──close──▶ Closed      moved, release, form, dispute, redirect: stay
"""

from __future__ import annotations

import logging

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.demo import faults
from flexiflow.lessons.demo.errors import GatewayBusy, PaymentError
from flexiflow.lessons.demo.orders import open_order
from flexiflow.lessons.demo.plans import OrderPlan
from flexiflow.lessons.demo.shipping import carry
from flexiflow.lessons.demo.shop import Message, open_shop, part_of, pause, tell
from flexiflow.lessons.demo.waiting import reaches
from flexiflow.lessons.demo.warehouse import is_at_work_on
from flexiflow.state_machine import State

_logger = logging.getLogger("flexiflow.demo")

_OVERDUE = 0.6  # seconds after which somebody looks for a parcel


class Staffed(State):
    """Passes on what customers say."""

    @on("moved")
    async def moved(self, message: Message, desk: AsyncComponent) -> None:
        """The customer has a new address."""
        await tell(message["order"], "change_address", address=message["address"])

    @on("release")
    async def release(self, message: Message, desk: AsyncComponent) -> None:
        """The customer's account is in order again."""
        await tell(message["order"], "release_hold")

    @on("form")
    async def form(self, message: Message, desk: AsyncComponent) -> None:
        """An exchange form came in."""
        answer = faults.copied_from_form(message["order"], message["exchanged"])
        await tell(message["order"], "note_exchange", exchanged=answer)

    @on("dispute")
    async def dispute(self, message: Message, desk: AsyncComponent) -> None:
        """The customer says that nothing was exchanged, and is right."""
        await tell(message["order"], "note_exchange", exchanged=False)

    @on("redirect")
    async def redirect(self, message: Message, desk: AsyncComponent) -> None:
        """The customer tells where the parcel should have gone."""
        shipment = part_of(message["order"], "shipment")
        await tell(shipment, "redirect", address=message["address"])

    @on("close", to="Closed")
    def close(self, message: Message, desk: AsyncComponent) -> None:
        """The day is over."""


class Closed(State, final=True):
    """Closed for the day."""


def open_customer_desk(engine: FlexiFlowEngine) -> None:
    """Add the desk."""
    engine.add("customer-desk", Staffed)


async def shop_with(plan: OrderPlan) -> AsyncComponent:
    """Be one customer, from the first message to the last, and return the order."""
    order = open_order(open_shop.get().engine, plan)
    await _send_order(order, plan)
    if order.state == "Reserved":
        await _review(order, plan)
    if order.state == "Reserved":
        await _check_out(order)
    if order.state not in ("Paying", "PaymentFailed", "Cancelled", "Rejected"):
        await _receive(order, plan)
        await _keep_or_return(order, plan)
    return order


async def _send_order(order: AsyncComponent, plan: OrderPlan) -> None:
    if plan.moves_before is not None:
        await tell("customer-desk", "moved", order=order.name, address=plan.moves_before)
    step = await order.send("submit")
    if step.outcome == "refused":
        await pause(10, 20)
        if plan.forgets_address:
            await tell("customer-desk", "moved", order=order.name, address=plan.address)
        if plan.on_hold:
            await tell("customer-desk", "release", order=order.name)
        await order.send("submit")


async def _review(order: AsyncComponent, plan: OrderPlan) -> None:
    await pause(10, 25)
    if plan.moves_after is not None:
        await tell("customer-desk", "moved", order=order.name, address=plan.moves_after)
    if plan.cancels == "early":
        await order.send("cancel")


async def _check_out(order: AsyncComponent) -> None:
    try:
        await order.send("checkout")
    except GatewayBusy:
        await _pay_later(order)
    except PaymentError as exc:
        _logger.info("%s is left to a person: %s", order.name, exc.what)


async def _pay_later(order: AsyncComponent) -> None:
    """Try again until the gateway answers; it always does in the end."""
    while order.state == "Paying":
        await pause(40, 60)
        try:
            await order.send("pay")
        except GatewayBusy as exc:
            _logger.info("%s will be charged later: %s", order.name, exc.what)


async def _receive(order: AsyncComponent, plan: OrderPlan) -> None:
    while not await reaches(order, "OnTheWay", within=_OVERDUE):
        if order.state == "Packing" and not is_at_work_on(order.name):
            await order.send("picked", picker="supervisor")
    if plan.cancels == "late":
        await order.send("cancel")
    address = plan.moves_after or plan.moves_before or plan.address
    if not await carry(order.name, plan.customer, address["street"]):
        await pause(60, 90)
        await tell("customer-desk", "redirect", order=order.name, address=address)
        await carry(order.name, plan.customer, address["street"])


async def _keep_or_return(order: AsyncComponent, plan: OrderPlan) -> None:
    await pause(15, 30)
    if plan.form is not None:
        await tell("customer-desk", "form", order=order.name, exchanged=plan.form)
    if plan.returns_after is not None:
        step = await order.send("request_return", days=plan.returns_after)
        if step.outcome == "refused" and plan.disputes:
            await pause(15, 30)
            await tell("customer-desk", "dispute", order=order.name)
            await order.send("request_return", days=plan.returns_after)
    if order.state == "Delivered":
        await order.send("close")

"""Those who only listen: the notifier, which writes to customers, and the audit, which counts.

::

    notifier   Writing ──close──▶ Closed       notify: stays in Writing
    audit      Keeping ──close──▶ Sealed       entry: stays in Keeping
"""

from __future__ import annotations

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.event_manager import AsyncEventManager
from flexiflow.guards import guard
from flexiflow.lessons.demo.shop import Message, component, is_order, pause, tell
from flexiflow.state_machine import State

TEXTS = {
    "Screening": "We have your order.",
    "Packing": "Thank you, it is paid.",
    "OnTheWay": "It is on its way.",
    "Delivered": "It has arrived.",
    "Cancelled": "Your order is cancelled.",
    "PaymentFailed": "Your card was declined.",
    "Refunded": "Your money is on its way.",
}
_ENDS = {"Completed", "Refunded", "Cancelled", "Rejected", "PaymentFailed"}


@guard
def opted_out(message: Message, notifier: AsyncComponent) -> bool:
    """Whether the customer wants no notices."""
    return bool(message["opted_out"])


class Writing(State):
    """Writes to customers."""

    @on("notify", guard=~opted_out)
    async def notify(self, message: Message, notifier: AsyncComponent) -> None:
        """Send one notice."""
        await pause(0.3, 0.8)
        notifier.data["sent"] += 1

    @on("close", to="Closed")
    def close(self, message: Message, notifier: AsyncComponent) -> None:
        """The day is over."""


class Closed(State, final=True):
    """Closed for the day."""


class Keeping(State):
    """Counts how orders end. In the classic style, but for its end."""

    @on("close", to="Sealed")
    def close(self, message: Message, audit: AsyncComponent) -> None:
        """The day is over."""

    async def handle_message(self, message: Message, audit: AsyncComponent) -> tuple[bool, State]:
        """Make one entry."""
        if message["type"] != "entry":
            return False, self
        ends = audit.data["ends"]
        ends[message["state"]] = ends.get(message["state"], 0) + 1
        return True, self


class Sealed(State, final=True):
    """Closed for the day."""


def open_notices(engine: FlexiFlowEngine) -> None:
    """Add the notifier and the audit."""
    engine.add("notifier", Writing, data={"sent": 0})
    engine.add("audit", Keeping, data={"ends": {}})


async def listen_to_orders(bus: AsyncEventManager) -> None:
    """Have the notifier hear of what customers want to know, and the audit of every end."""

    def is_news(name: str, event: Message) -> bool:
        return is_order(event["component"]) and event["to_state"] in TEXTS

    def is_end(name: str, event: Message) -> bool:
        return is_order(event["component"]) and event["to_state"] in _ENDS

    async def write(event: Message) -> None:
        order, text = event["component"], TEXTS[event["to_state"]]
        wishes = component(order).data["opted_out"]
        await tell("notifier", "notify", order=order, text=text, opted_out=wishes)

    async def count(event: Message) -> None:
        await tell("audit", "entry", order=event["component"], state=event["to_state"])

    await bus.subscribe("state.changed", "notifier", write, 3, is_news)
    await bus.subscribe("state.changed", "audit", count, 5, is_end)

"""The fraud desk: its rules are the component's rules, and can be changed while it works.

::

    Watching ──close──▶ Closed      screen, tighten: stay in Watching
"""

from __future__ import annotations

from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.lessons.demo.shop import Message, pause, tell
from flexiflow.state_machine import State

RULES: list[dict[str, Any]] = [
    {"field": "new_customer", "is": True, "points": 40},
    {"field": "total", "over": 400, "points": 30},
    {"field": "total", "over": 800, "points": 15},
]
_TOO_MANY = 70


class Watching(State):
    """Looks at every order before anything is reserved for it."""

    @on("screen")
    async def screen(self, message: Message, desk: AsyncComponent) -> None:
        """Add up the points of an order, and answer it."""
        await pause(2, 6)
        points = sum(rule["points"] for rule in desk.rules if _applies(rule, message))
        desk.data["screened"] += 1
        if points >= _TOO_MANY:
            desk.data["rejected"] += 1
            await tell(message["order"], "rejected", points=points)
        else:
            await tell(message["order"], "approved", points=points)

    @on("tighten")
    async def tighten(self, message: Message, desk: AsyncComponent) -> None:
        """Work with one more rule from now on."""
        await desk.add_rule(message["rule"])

    @on("close", to="Closed")
    def close(self, message: Message, desk: AsyncComponent) -> None:
        """The day is over."""


class Closed(State, final=True):
    """Closed for the day."""


def open_fraud_desk(engine: FlexiFlowEngine) -> None:
    """Add the desk."""
    engine.add("fraud-desk", Watching, rules=list(RULES), data={"screened": 0, "rejected": 0})


def _applies(rule: dict[str, Any], message: Message) -> bool:
    value = message[rule["field"]]
    return bool(value == rule["is"]) if "is" in rule else bool(value > rule["over"])

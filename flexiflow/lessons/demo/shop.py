"""What every room of the shop needs: sending to another component, and taking a moment.

A handler is given a message and its own component. Whatever else is in the shop it reaches
through the context variable below, which tasks inherit, so that two demos can run side by side.
"""

from __future__ import annotations

import asyncio
import random
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.step import Step

Message = dict[str, Any]

CURRENCIES = {"NL": "EUR", "DE": "EUR", "FR": "EUR", "CH": "CHF", "GB": "GBP", "SE": "SEK"}


@dataclass(frozen=True, slots=True)
class Shop:
    """An open shop.

    Attributes:
        engine: its components.
        chance: where the small differences in how long things take come from.
    """

    engine: FlexiFlowEngine
    chance: random.Random = field(default_factory=random.Random)


open_shop: ContextVar[Shop] = ContextVar("flexiflow_demo_shop")


async def tell(name: str, type: str, /, **fields: Any) -> Step:
    """Send a message to the component of that name, and return what came of it."""
    return await open_shop.get().engine.handle_message(name, type, **fields)


def component(name: str) -> AsyncComponent:
    """The component of that name; it has to be there."""
    return open_shop.get().engine.components[name]


async def pause(shortest_ms: float, longest_ms: float) -> None:
    """Take about as long as the real thing would, a hundred times faster."""
    await asyncio.sleep(open_shop.get().chance.uniform(shortest_ms, longest_ms) / 1000)


def is_order(name: str) -> bool:
    """Whether a component's name is that of an order."""
    return name.startswith("order-")


def part_of(order: str, kind: str) -> str:
    """The name of an order's invoice or shipment: ``invoice-1042`` for ``order-1042``."""
    return order.replace("order", kind, 1)

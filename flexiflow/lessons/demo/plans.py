"""What the customers will do: everything about an order that chance decides, settled beforehand.

A plan depends on the seed and on the order's number alone, never on timing, so that the same seed
leads to the same outcomes on every machine.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any, Literal

from flexiflow.lessons.demo import faults
from flexiflow.lessons.demo.stock import CATALOGUE, DISCONTINUED

FIRST_ORDER = 1001

Address = dict[str, str]

_CITIES = {
    "NL": ("Utrecht", "Leiden", "Groningen"),
    "DE": ("Köln", "Leipzig"),
    "FR": ("Lyon", "Lille"),
    "CH": ("Zürich", "Bern"),
    "GB": ("Leeds", "Bristol"),
    "SE": ("Malmö", "Uppsala"),
}
_STREETS = ("Linden", "Station", "Mill", "Harbour", "Orchard", "Church")
_CUSTOMERS = ("Noor", "Jonas", "Amélie", "Reto", "Harriet", "Elin", "Sana", "Tomás", "Ines", "Piet")


@dataclass(frozen=True, slots=True)
class OrderPlan:
    """One order, and what its customer will do.

    Attributes:
        number: 1001 and up.
        customer: a first name.
        address: where it is to be delivered.
        lines: products and quantities.
        card: what the bank makes of it: ``card-ok``, ``card-declined``, or ``card-slow-N`` for a
            bank that does not answer the first N times.
        new_customer: has no account yet, which the fraud check counts against large orders.
        loyal, opted_out: has bought before; wants no notices.
        on_hold: the account is on hold until the desk releases it.
        forgets_address: sends the order before giving an address.
        moves_before, moves_after: a new address, before the order is sent or after.
        cancels: before paying, or too late.
        form: what the exchange form said, if one was handed in: ``"yes"`` or ``"no"``.
        returns_after: days after which it comes back, or None.
        disputes: asks the desk to look again if the return is refused.
    """

    number: int
    customer: str
    address: Address
    lines: tuple[tuple[str, int], ...]
    card: str = "card-ok"
    new_customer: bool = False
    loyal: bool = False
    opted_out: bool = False
    on_hold: bool = False
    forgets_address: bool = False
    moves_before: Address | None = None
    moves_after: Address | None = None
    cancels: Literal["early", "late"] | None = None
    form: Literal["yes", "no"] | None = None
    returns_after: int | None = None
    disputes: bool = False

    @property
    def name(self) -> str:
        """The order's component: ``order-1042``."""
        return f"order-{self.number}"

    def data(self) -> dict[str, Any]:
        """What the order's component begins with."""
        return {
            "customer": self.customer,
            "address": None if self.forgets_address else self.address,
            "currency": None,
            "lines": [{"product": name, "quantity": count} for name, count in self.lines],
            "card": self.card,
            "new_customer": self.new_customer,
            "loyal": self.loyal,
            "opted_out": self.opted_out,
            "on_hold": self.on_hold,
        }


def plans(orders: int, seed: int) -> list[OrderPlan]:
    """The plans of that many orders, the first one for order-1001."""
    return [plan(number, seed) for number in range(FIRST_ORDER, FIRST_ORDER + orders)]


def plan(number: int, seed: int) -> OrderPlan:
    """The plan of one order."""
    chance = random.Random(f"{seed}/{number}")
    ordinary = _ordinary(number, chance)
    if faults.concerns(number):
        return _as_planted(ordinary)
    return _with_a_surprise(ordinary, chance)


def _ordinary(number: int, chance: random.Random) -> OrderPlan:
    products = chance.sample([name for name in CATALOGUE if name not in DISCONTINUED], k=3)
    return OrderPlan(
        number,
        chance.choice(_CUSTOMERS),
        _address(chance, chance.choice(("NL", "NL", "NL", "DE", "DE", "FR", "CH", "GB", "SE"))),
        tuple((name, chance.randint(1, 2)) for name in products[: chance.choice((1, 2, 2, 3))]),
        loyal=chance.random() < 0.3,
        opted_out=chance.random() < 0.1,
    )


def _with_a_surprise(plan: OrderPlan, chance: random.Random) -> OrderPlan:
    """Three orders in five go through smoothly; each of the others has one thing about it."""
    country = plan.address["country"]
    elsewhere = _address(chance, chance.choice([each for each in _CITIES if each != country]))
    nearby = _address(chance, country)
    lamp = ("lamp", 3)
    surprises: list[tuple[float, dict[str, Any]]] = [
        (0.07, {"card": "card-slow-1"}),
        (0.04, {"card": "card-slow-2"}),
        (0.01, {"card": "card-slow-4"}),
        (0.04, {"card": "card-declined"}),
        (0.05, {"forgets_address": True}),
        (0.02, {"on_hold": True}),
        (0.03, {"moves_before": elsewhere}),
        (0.05, {"moves_after": nearby}),
        (0.02, {"cancels": "early"}),
        (0.02, {"cancels": "late"}),
        (0.03, {"new_customer": True, "lines": (("desk", 2), lamp)}),
        (0.015, {"lines": (*plan.lines[:1], (chance.choice(DISCONTINUED), 1))}),
        (0.02, {"form": "yes", "returns_after": chance.randint(8, 25)}),
        (0.02, {"form": "no"}),
        (0.05, {"returns_after": chance.randint(3, 28)}),
        (0.02, {"returns_after": chance.randint(40, 90), "loyal": False}),
    ]
    drawn = chance.random()
    for share, change in surprises:
        drawn -= share
        if drawn < 0:
            return replace(plan, **change)
    return plan


def _as_planted(plan: OrderPlan) -> OrderPlan:
    dutch = {"street": "14 Linden Street", "city": "Utrecht", "country": "NL"}
    swiss = {"street": "3 Station Street", "city": "Zürich", "country": "CH"}
    chairs = (("chair", 2), ("lamp", 1))
    match plan.name:
        case faults.MYSTERY:
            return replace(plan, customer="Noor", address=dutch, lines=chairs, moves_after=swiss)
        case "order-1133":
            return replace(plan, form="no", returns_after=9, disputes=True)
        case _:
            return plan


def _address(chance: random.Random, country: str) -> Address:
    return {
        "street": f"{chance.randint(1, 98)} {chance.choice(_STREETS)} Street",
        "city": chance.choice(_CITIES[country]),
        "country": country,
    }

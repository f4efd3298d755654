"""The planted faults, one function each. Spoilers: solve the lessons before you read this.

Each function is called in exactly one place, by the code that misbehaves, and each says where in
the recorded files it shows. All faults but the mystery are made good later in the run. They sit at
fixed orders, so a run with fewer orders than that has fewer faults.

THE MYSTERY is order-1042, which stays in Paying. It is no function: its customer moves from
Utrecht to Zürich after the amount was authorised and before paying, and ``Reserved.change_address``
in orders.py lets the order's currency follow the new address. `plans` makes the customer move.
Where it shows: the failed `pay` step of order-1042 after 3 tries (CurrencyMismatch), and the step
that last changed its field ``currency``, a `change_address` sent by customer-desk.
"""

from __future__ import annotations

MYSTERY = "order-1042"

_SLOW = range(1110, 1122)
_SLOWER_BY = 12.0
_STORM = range(1201, 1213)
_STORM_ATTEMPTS = 10


def gateway_slowness(order: str) -> float:
    """A slow period of the gateway: the factor by which a charge takes longer.

    Where it shows: the durations of the gateway's `charge` steps for order-1110 to order-1121, and
    the stays in Paying of these orders and of those that queued behind them. Nothing fails.
    """
    return _SLOWER_BY if _number(order) in _SLOW else 1.0


def copied_from_form(order: str, answer: str) -> bool | str:
    """A guard that refuses for the wrong reason: a form's "no" is kept as text, and text is true.

    Where it shows: the refused `request_return` step of order-1133. Its guard ``not exchanged``
    said no with ``data.exchanged='no'``; a correction by customer-desk follows.
    """
    return answer if order == "order-1133" else answer == "yes"


def loses_picked(order: str) -> bool:
    """A lost message: the picker has picked, and never tells the order.

    Where it shows: order-1098 stays in Packing far longer than the others. They leave it by
    `picked` from a picker; here the picker's `walk` step sent nothing, and the `picked` that came
    in the end has no sender: the supervisor found the box on a shelf.
    """
    return order == "order-1098"


def overwrites_address(order: str) -> bool:
    """A field overwritten by the wrong component: billing writes its address into the order.

    Where it shows: the step that last changed ``address`` in order-1077 is a `change_address` from
    invoice-1077, not from customer-desk; shipment-1077 then refuses its first `deliver`, waits in
    AtDepot, and is redirected.
    """
    return order == "order-1077"


def overloaded(order: str, attempt: int) -> bool:
    """A retry storm: the gateway turns every charge away, and every caller comes back at once.

    Where it shows: order-1201 to order-1212 have three failed `pay` steps of 3 tries each, and the
    gateway ten failed `charge` steps for each of them (GatewayOverloaded), all in a short time.
    """
    return _number(order) in _STORM and attempt <= _STORM_ATTEMPTS


def concerns(number: int) -> bool:
    """Whether a fault sits at the order of that number, which is then ordinary in all else."""
    orders = (MYSTERY, "order-1077", "order-1098", "order-1133")
    return number in _SLOW or number in _STORM or f"order-{number}" in orders


def _number(order: str) -> int:
    return int(order.rpartition("-")[2])

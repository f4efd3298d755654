"""What can go wrong in the shop.

::

    FlexiFlowError
    ├── OutOfStock              declared by orders: leads to Cancelled
    └── PaymentError
        ├── CardDeclined            declared by orders: leads to PaymentFailed
        └── GatewayError            tried again at once
            ├── CurrencyMismatch
            └── GatewayBusy             tried again later as well
                ├── GatewayTimeout
                └── GatewayOverloaded

Each takes the facts and writes its own sentences.
"""

from __future__ import annotations

from typing import Any

from flexiflow.errors import FlexiFlowError


class OutOfStock(FlexiFlowError):
    """A product can't be reserved."""

    def __init__(self, product: str, quantity: int, reason: str | None) -> None:
        super().__init__(
            f"{quantity} of {product} can't be reserved.",
            why=f"Its stock refused: {reason}.",
            fix="Offer the customer something else, or wait for the next delivery.",
            context={"product": product, "quantity": quantity},
        )


class PaymentError(FlexiFlowError):
    """An order can't be paid."""


class CardDeclined(PaymentError):
    """The bank said no. Trying again is no use."""

    def __init__(self, order: str, amount: float, currency: str) -> None:
        super().__init__(
            f"The card of {order} was declined.",
            why=f"The bank refused {amount:.2f} {currency}.",
            fix="Ask the customer for another card.",
            context={"order": order, "amount": amount, "currency": currency},
        )


class GatewayError(PaymentError):
    """The gateway did not take a charge."""


class CurrencyMismatch(GatewayError):
    """A charge is in another currency than the amount that was authorised."""

    def __init__(self, order: str, hold: dict[str, Any], amount: float, currency: str) -> None:
        super().__init__(
            f"{order} can't be charged in {currency}.",
            why=f"{hold['amount']:.2f} {hold['currency']} was authorised, "
            f"and {amount:.2f} {currency} was asked for.",
            fix=f"Charge it in {hold['currency']}, or authorise it anew in {currency}.",
            context={
                "order": order,
                "authorised": f"{hold['amount']:.2f} {hold['currency']}",
                "charged": f"{amount:.2f} {currency}",
            },
        )


class GatewayBusy(GatewayError):
    """The gateway can't answer now, and will later."""


class GatewayTimeout(GatewayBusy):
    """The bank behind the gateway did not answer in time."""

    def __init__(self, order: str, attempt: int) -> None:
        super().__init__(
            f"No answer about {order} from the bank.",
            why=f"Attempt {attempt} took longer than the gateway waits.",
            fix="Try again; nothing was charged.",
            context={"order": order, "attempt": attempt},
        )


class GatewayOverloaded(GatewayBusy):
    """The gateway has more to do than it can."""

    def __init__(self, order: str, attempt: int) -> None:
        super().__init__(
            f"The gateway turned {order} away.",
            why=f"It has too many charges at once; this was attempt {attempt}.",
            fix="Try again after a while, and each time after a longer one.",
            context={"order": order, "attempt": attempt},
        )

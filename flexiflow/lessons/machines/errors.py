"""Machines of notebook 08."""

from flexiflow.declarations import on
from flexiflow.errors import FlexiFlowError
from flexiflow.lessons.machine import Machine
from flexiflow.state_machine import State


@Machine
def broken_stock():
    class Open(State):
        @on("take")
        def take(self, message, stock):
            if message["quantity"] > stock.data["left"]:
                raise ValueError("not possible")
            stock.data["left"] -= message["quantity"]

    return (Open,)


@Machine
def stock():
    class Open(State):
        @on("take")
        def take(self, message, stock):
            wanted, left = message["quantity"], stock.data["left"]
            if wanted > left:
                raise FlexiFlowError(
                    f"{wanted} of {stock.name} can't be taken.",
                    why=f"Only {left} are left.",
                    fix="Take fewer, or wait for the next delivery.",
                    context={"wanted": wanted, "left": left},
                )
            stock.data["left"] -= wanted

    return (Open,)

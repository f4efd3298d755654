"""Machines of notebook 02."""

from flexiflow.declarations import on
from flexiflow.guards import guard
from flexiflow.lessons.machine import Machine
from flexiflow.state_machine import State


@Machine
def loan():
    @guard
    def small(message, loan):
        return message["amount"] <= 1000

    @guard
    def known(message, loan):
        return loan.data["years"] >= 2

    class Draft(State):
        @on("apply", to="Approved", guard=small & known)
        @on("apply", to="Review", guard=small | known)
        def apply(self, message, loan):
            loan.data["amount"] = message["amount"]

    class Review(State):
        @on("wait")
        def wait(self, message, loan):
            loan.data["years"] += 1

        @on("decide", to="Approved", guard=known)
        @on("decide", to="Rejected")
        def decide(self, message, loan):
            pass

    class Approved(State, final=True):
        pass

    class Rejected(State, final=True):
        pass

    return Draft, Review, Approved, Rejected


@Machine
def broken_payment():
    class CardDeclined(Exception):
        pass

    class Paying(State):
        @on("pay", to="Paid")
        def pay(self, message, order):
            if message["card"] == "declined":
                raise CardDeclined(order.name)
            order.data["receipt"] = f"R-{message['card']}"

    class Paid(State, final=True):
        pass

    class Failed(State, final=True):
        pass

    return Paying, Paid, Failed


@Machine
def payment():
    class CardDeclined(Exception):
        pass

    class Paying(State):
        @on("pay", to="Paid", raises={CardDeclined: "Failed"})
        def pay(self, message, order):
            if message["card"] == "declined":
                raise CardDeclined(order.name)
            order.data["receipt"] = f"R-{message['card']}"

    class Paid(State, final=True):
        pass

    class Failed(State, final=True):
        pass

    return Paying, Paid, Failed

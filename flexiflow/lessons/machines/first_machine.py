"""Machines of notebook 01."""

from flexiflow.declarations import on
from flexiflow.lessons.machine import Machine
from flexiflow.state_machine import State


@Machine
def gate():
    class Locked(State):
        @on("coin", to="Open")
        def coin(self, message, gate):
            gate.data["coins"] = gate.data.get("coins", 0) + 1

    class Open(State):
        @on("coin")
        def coin(self, message, gate):
            gate.data["coins"] = gate.data.get("coins", 0) + 1

        @on("push", to="Locked")
        def push(self, message, gate):
            pass

    return Locked, Open


@Machine
def broken_parcel():
    class Packed(State):
        @on("send", to="OnTheWay")
        def send(self, message, parcel):
            parcel.data["sent"] = True

    class OnTheWay(State):
        @on("deliver")
        def deliver(self, message, parcel):
            parcel.data["signed_by"] = message["signed_by"]

    class Delivered(State):
        pass

    return Packed, OnTheWay, Delivered


@Machine
def parcel():
    class Packed(State):
        @on("send", to="OnTheWay")
        def send(self, message, parcel):
            parcel.data["sent"] = True

    class OnTheWay(State):
        @on("deliver", to="Delivered")
        def deliver(self, message, parcel):
            parcel.data["signed_by"] = message["signed_by"]

    class Delivered(State, final=True):
        pass

    return Packed, OnTheWay, Delivered


@Machine
def ticket():
    class Open(State):
        @on("take", to="InWork")
        def take(self, message, ticket):
            ticket.data["who"] = message["who"]

    class InWork(State):
        @on("give_back", to="Open")
        def give_back(self, message, ticket):
            ticket.data["who"] = None

        @on("close", to="Closed")
        def close(self, message, ticket):
            pass

    class Closed(State, final=True):
        pass

    return Open, InWork, Closed

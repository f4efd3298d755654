"""Machines of notebook 07."""

from flexiflow.declarations import on
from flexiflow.lessons.machine import Machine
from flexiflow.state_machine import State


@Machine
def broken_parcel():
    class Packed(State):
        @on("send", to="OnTheWay")
        def send(self, message, parcel):
            pass

    class OnTheWay(State):
        @on("deliver", to="Delivered")
        def deliver(self, message, parcel):
            pass

    class Delivered(State, final=True):
        pass

    return Packed, OnTheWay, Delivered


@Machine
def parcel():
    class Packed(State):
        @on("send", to="OnTheWay")
        def send(self, message, parcel):
            pass

    class OnTheWay(State):
        @on("deliver", to="Delivered")
        def deliver(self, message, parcel):
            pass

        @on("fail", to="AtDepot")
        def fail(self, message, parcel):
            pass

    class AtDepot(State):
        @on("deliver", to="Delivered")
        def deliver(self, message, parcel):
            pass

        @on("give_up", to="Returned")
        def give_up(self, message, parcel):
            pass

    class Delivered(State, final=True):
        pass

    class Returned(State, final=True):
        pass

    return Packed, OnTheWay, AtDepot, Delivered, Returned

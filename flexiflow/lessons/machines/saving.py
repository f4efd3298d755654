"""Machines of notebook 04."""

from flexiflow.declarations import on
from flexiflow.lessons.machine import Machine
from flexiflow.state_machine import State


@Machine
def order():
    class Draft(State):
        @on("add")
        def add(self, message, order):
            order.data["items"] += 1

        @on("submit", to="Submitted")
        def submit(self, message, order):
            pass

    class Submitted(State):
        @on("pay", to="Paid")
        def pay(self, message, order):
            pass

    class Paid(State, final=True):
        pass

    return Draft, Submitted, Paid


@Machine
def broken_pallet():
    class Loading(State):
        def __init__(self):
            self.boxes = 0

        @on("box")
        def box(self, message, pallet):
            self.boxes += 1

        @on("seal", to="Sealed", guard=lambda message, pallet: loaded(pallet) == 3)
        def seal(self, message, pallet):
            pass

    class Sealed(State, final=True):
        pass

    def loaded(pallet):
        return pallet.state_machine.current_state.boxes

    return Loading, Sealed


@Machine
def pallet():
    class Loading(State):
        @on("box")
        def box(self, message, pallet):
            pallet.data["boxes"] = pallet.data.get("boxes", 0) + 1

        @on("seal", to="Sealed", guard=lambda message, pallet: pallet.data.get("boxes") == 3)
        def seal(self, message, pallet):
            pass

    class Sealed(State, final=True):
        pass

    return Loading, Sealed

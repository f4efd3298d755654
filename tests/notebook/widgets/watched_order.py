"""A small machine to watch."""

from __future__ import annotations

from flexiflow import State, guard, on


@guard
def has_items(message, order):
    return order.data.get("items", 0) > 0


class Draft(State):
    @on("submit", to="Submitted", guard=has_items)
    async def submit(self, message, order):
        pass


class Submitted(State):
    @on("pay", to="Paid")
    async def pay(self, message, order):
        if message.get("quote"):
            raise ValueError(f"no such card: {message['card']}")
        if message.get("card") == "declined":
            raise ValueError("card declined")

    @on("revise", to="Draft")
    async def revise(self, message, order):
        pass


class Paid(State, final=True):
    pass


def chain(length):
    """The first of `length` states, each of which goes to the next."""
    after = None
    for number in reversed(range(length)):

        class Link(State, final=after is None):
            if after is not None:

                @on("go", to=after)
                async def go(self, message, component):
                    pass

        Link.__name__ = Link.__qualname__ = f"S{number}"
        after = Link
    return after

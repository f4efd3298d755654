"""A config's states, for commands that import what a config names."""

from flexiflow.declarations import on
from flexiflow.state_machine import State

CONFIG = """\
name: order
states:
  Open: "machines:Open"
  Review: "machines:Review"
  Closed: "machines:Closed"
initial_state: Open
"""


class Open(State):
    """Where an order begins."""

    @on("submit", to="Review")
    def submit(self, message, order):
        """Leave."""


class Review(State):
    """Decided in the classic style."""

    async def handle_message(self, message, order):
        """Read from its code."""
        if message["type"] == "decide":
            return True, Closed() if message.get("content") == "yes" else Open()
        return False, self


class Closed(State, final=True):
    """An end."""

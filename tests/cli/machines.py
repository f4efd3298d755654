"""A config's states, for commands that import what a config names."""

from flexiflow.declarations import on
from flexiflow.state_machine import State
from flexiflow.statepack import StateSpec, TransitionSpec

CONFIG = """\
name: order
states:
  Open: "machines:Open"
  Review: "machines:Review"
  Closed: "machines:Closed"
initial_state: Open
"""

PACKED = """\
name: order
packs: ["machines:Reviews"]
initial_state: Review
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


class Reviews:
    """A pack of classic states, which describes what they do."""

    name = "reviews"

    def provides(self):
        """Where a decision is made, and where it leads."""
        return {"Review": StateSpec(Review), "Closed": StateSpec(Closed)}

    def transitions(self):
        """What no declaration says."""
        return [TransitionSpec("Review", "decide", "Closed", "is_yes")]

    def depends_on(self):
        """Nothing else."""
        return set()

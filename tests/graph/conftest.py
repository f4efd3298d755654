"""Machines made by hand, for everything that draws."""

import pytest

from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.overlay import with_observed


@pytest.fixture
def order():
    """Six states, one of them final, a guard, a way back, and nothing observed."""
    names = ("Draft", "Submitted", "InReview", "Approved", "Rejected", "Archived")
    states = tuple(StateNode(name, final=name == "Archived") for name in names)
    edges = (
        Edge("Draft", "Submitted", "submit", "has_items"),
        Edge("Submitted", "InReview", "assign"),
        Edge("InReview", "Approved", "approve"),
        Edge("InReview", "Rejected", "reject"),
        Edge("Approved", "Archived", "archive"),
        Edge("Rejected", "Draft", "revise"),
        Edge("Rejected", "Archived", "give up"),
    )
    return Graph("order-1042", states, edges, "Draft")


@pytest.fixture
def observed(order):
    """The order machine after a while: some transitions taken, one of them undeclared."""
    counts = {
        ("Draft", "Submitted", "submit"): 128,
        ("Submitted", "InReview", "assign"): 121,
        ("InReview", "Approved", "approve"): 84,
        ("InReview", "Draft", "reset"): 2,
    }
    return with_observed(order, counts, current="InReview")

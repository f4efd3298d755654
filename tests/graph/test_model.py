"""The plain model of a graph."""

from flexiflow.graph.model import Edge, Graph, StateNode


def test_label_holds_message_and_guard():
    """A label reads message [guard]."""
    assert Edge("A", "B", "pay", "paid").label == "pay [paid]"


def test_label_names_the_declared_exception():
    """A transition by an exception says which one."""
    assert Edge("A", "B", "pay", error="PaymentError").label == "pay ✕ PaymentError"


def test_what_only_history_knows_is_undeclared():
    """A source of observed alone means undeclared, for states and transitions."""
    only = frozenset({"observed"})
    both = frozenset({"declared", "observed"})
    assert StateNode("A", sources=only).undeclared
    assert Edge("A", "B", "m", sources=only).undeclared
    assert not StateNode("A", sources=both).undeclared
    assert not Edge("A", "B", "m", sources=both).undeclared


def test_state_is_found_by_name():
    """A graph finds its states by name, and answers None for others."""
    graph = Graph("g", (StateNode("A"),))
    assert graph.state("A") == StateNode("A")
    assert graph.state("B") is None

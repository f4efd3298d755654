"""Transitions as lines."""

from flexiflow.graph.lines import completed, lines_of
from flexiflow.graph.model import Edge, Graph, StateNode


def graph_of(*edges):
    return Graph("g", tuple(map(StateNode, "ABC")), edges)


def test_few_transitions_between_two_states_are_a_line_each():
    """Up to three can be told apart."""
    lines = lines_of(graph_of(*(Edge("A", "B", f"m{n}") for n in range(3))))
    assert [len(line.edges) for line in lines] == [1, 1, 1]


def test_many_transitions_between_two_states_are_one_line():
    """From four on their labels are stacked; the other direction is a line of its own."""
    there = [Edge("A", "B", f"m{n}") for n in range(4)]
    lines = lines_of(graph_of(*there, Edge("B", "A", "back")))
    assert [(line.source, len(line.edges)) for line in lines] == [("A", 4), ("B", 1)]


def test_transitions_that_stay_are_one_line():
    """A state has one loop."""
    (line,) = lines_of(graph_of(Edge("A", "A", "x"), Edge("A", "A", "y")))
    assert line.stays
    assert [place for place, _ in line.edges] == [0, 1]


def test_lines_stand_in_the_order_of_their_first_transitions():
    """Merging does not reorder."""
    lines = lines_of(graph_of(Edge("A", "A", "x"), Edge("A", "B", "m"), Edge("A", "A", "y")))
    assert [line.target for line in lines] == ["A", "B"]


def test_count_of_a_line_adds_messages_once():
    """Two guards of one message carry their common count, which is added once."""
    edges = (
        Edge("A", "A", "x", "small", count=5),
        Edge("A", "A", "x", "big", count=5),
        Edge("A", "A", "y", count=2),
    )
    assert lines_of(graph_of(*edges))[0].count == 7
    assert lines_of(graph_of(Edge("A", "B", "m")))[0].count is None


def test_ends_without_a_state_become_unknown_states():
    """A transition always leads from a state to a state."""
    graph = completed(graph_of(Edge("A", "Z", "m")))
    assert graph.state("Z") == StateNode("Z", known=False)
    assert completed(graph) is graph

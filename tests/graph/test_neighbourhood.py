"""Cutting large machines."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.graph.lines import lines_of
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.neighbourhood import neighbourhood


def chain(length):
    """S0 → S1 → … with its start at S0."""
    states = tuple(StateNode(f"S{n}") for n in range(length))
    edges = tuple(Edge(f"S{n}", f"S{n + 1}", "next") for n in range(length - 1))
    return Graph("chain", states, edges, "S0")


def test_small_machine_is_left_alone(order):
    """Nothing is cut that can be drawn."""
    assert neighbourhood(order) is order


def test_start_is_the_middle_without_a_current_state():
    """The first states are kept."""
    cut = neighbourhood(chain(100), most_states=3)
    assert [state.name for state in cut.states] == ["S0", "S1", "S2"]
    assert [edge.target for edge in cut.edges] == ["S1", "S2"]


def test_current_state_is_the_middle():
    """Nearness counts against the direction of transitions, too."""
    cut = neighbourhood(replace(chain(100), current="S50"), most_states=5)
    assert [state.name for state in cut.states] == ["S48", "S49", "S50", "S51", "S52"]


def test_most_visited_state_is_the_middle_without_either():
    """A graph without start and current state is cut around where most happened."""
    graph = replace(chain(100), start=None)
    states = tuple(replace(state, visits=int(state.name == "S70")) for state in graph.states)
    cut = neighbourhood(replace(graph, states=states), most_states=3)
    assert [state.name for state in cut.states] == ["S69", "S70", "S71"]


def test_more_visited_neighbours_come_first():
    """Among the equally near, what happened more often is kept."""
    states = [StateNode("M"), *(StateNode(f"S{n}", visits=n) for n in range(9))]
    edges = tuple(Edge("M", f"S{n}", "go") for n in range(9))
    cut = neighbourhood(Graph("star", tuple(states), edges, "M"), most_states=3)
    assert [state.name for state in cut.states] == ["M", "S7", "S8"]


def test_note_says_what_is_left_out():
    """Whoever looks at the part is told of the whole."""
    cut = neighbourhood(replace(chain(100), notes=("Old.",)), most_states=3)
    assert cut.notes == (
        "Shows 3 of 100 states and 2 of 99 transitions: those nearest to S0.",
        "Old.",
    )


def test_start_that_is_cut_off_is_not_drawn():
    """The start's dot leads nowhere otherwise."""
    assert neighbourhood(replace(chain(100), current="S50"), most_states=3).start is None


@given(st.integers(2, 25), st.integers(1, 60), st.integers(1, 40))
def test_dense_machine_is_cut_by_its_lines(size, most_states, most_lines):
    """Both limits hold, and the middle is always kept."""
    names = [f"S{n}" for n in range(size)]
    edges = tuple(Edge(a, b, "m") for a in names for b in names if a < b)
    graph = Graph("dense", tuple(map(StateNode, names)), edges, "S0", "S1")
    cut = neighbourhood(graph, most_states, most_lines)
    assert len(cut.states) <= most_states
    assert len(lines_of(cut)) <= most_lines
    assert cut.state("S1") is not None


@pytest.mark.parametrize("current", ["Gone", None])
def test_current_state_that_is_no_state_is_no_middle(current):
    """A current state that the graph does not have leaves the start as the middle."""
    cut = neighbourhood(replace(chain(10), current=current), most_states=1)
    assert [state.name for state in cut.states] == ["S0"]

"""Graphs as trees for terminals."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console

from flexiflow.errors import FlexiFlowError
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.tree import to_tree


def shown(graph, **options):
    """The lines that a wide terminal without colours shows."""
    console = Console(width=20_000, color_system=None, legacy_windows=False)
    with console.capture() as capture:
        console.print(to_tree(graph, **options))
    return capture.get().splitlines()


def test_a_branch_a_state(observed):
    """With what leads on, how often it was taken, and where the machine is."""
    lines = shown(observed)
    assert lines[0] == (
        "order-1042: 6 states and 8 transitions, starting in Draft, now in InReview."
    )
    assert lines[1:4] == [
        "├── Draft (start, visited 2 times)",
        "│   └── → submit [has_items] → Submitted; taken 128 times",
        "├── Submitted (visited 128 times)",
    ]
    assert "│   └── → reset → Draft; taken 2 times; undeclared: only history knows it" in lines


def test_what_is_left_out_is_counted(order):
    """States and transitions, each in a branch of its own."""
    assert shown(order, most=2)[-2:] == ["├── … and 4 states more", "└── … and 5 transitions more"]


def test_notes_stand_below():
    """What people should know about the picture."""
    assert shown(Graph("g", notes=("Only a part.",))) == [
        "g: 0 states and 0 transitions.",
        "└── Note: Only a part.",
    ]


names = st.one_of(
    st.text(min_size=1, max_size=30),
    st.sampled_from(["[bold]x[/]", "[/nothing]", "\x1b[31m", "a\nb", "\u202eabc", ":smile:"]),
)


@given(st.lists(names, min_size=1, max_size=4, unique=True), names, names)
def test_no_name_becomes_markup_or_a_line(found, message, note):
    """A line a state, a transition and a note, whatever they are called."""
    edges = tuple(Edge(found[0], name, message, note) for name in found)
    graph = Graph(message, tuple(map(StateNode, found)), edges, found[0], notes=(note,))
    lines = shown(graph)
    assert len(lines) == 1 + len(found) + len(edges) + 1
    assert all("\x1b" not in line for line in lines)


def test_without_rich_it_says_so(monkeypatch, order):
    """In four parts, with what needs nothing."""
    monkeypatch.setitem(sys.modules, "rich.text", None)
    with pytest.raises(FlexiFlowError, match="rich is not installed") as caught:
        to_tree(order)
    assert caught.value.fix == "Run pip install rich; to_text() needs nothing."

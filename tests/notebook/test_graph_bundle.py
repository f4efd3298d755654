"""A machine as a cell's output: bounded, whatever the machine."""

from __future__ import annotations

import random

import pytest

from flexiflow.analysis.machine.machine_graph import MachineGraph
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.notebook.cards import graph_bundle


def machine(states: int, transitions: int) -> MachineGraph:
    """A machine of that size, with long names, its transitions anywhere."""
    chance = random.Random(1)
    names = [f"State number {at} of a machine" for at in range(states)]
    edges = [
        Edge(chance.choice(names), chance.choice(names), f"message_{at}")
        for at in range(transitions)
    ]
    nodes = tuple(StateNode(name) for name in names)
    return MachineGraph(Graph("m", nodes, tuple(edges), start=names[0]))


@pytest.mark.parametrize(
    ("states", "transitions"), [(18, 30), (20, 40), (60, 110), (100, 400), (5, 100), (300, 2_000)]
)
def test_a_machine_of_any_size_is_a_small_output(states, transitions):
    """With its picture; 60 kB are shown at once, and kept in a notebook."""
    bundle = graph_bundle(machine(states, transitions))
    assert len(bundle["text/html"]) < 62_000
    assert bundle["image/svg+xml"].startswith("<svg")


def test_a_part_says_that_it_is_one_and_how_more_is_seen():
    """Around the state where it is."""
    bundle = graph_bundle(machine(60, 110))
    assert "of 60 states" in bundle["image/svg+xml"]
    assert "graph.save(" in bundle["text/html"]
    assert "graph.save(" not in graph_bundle(machine(18, 30))["text/html"]

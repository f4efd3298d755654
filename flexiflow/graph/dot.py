"""A graph as DOT, the language of Graphviz, for people who draw or edit it with their own tools.

Nothing that a user named can become DOT: node ids are made up, and labels are escaped for the
three things that Graphviz reads in them, which are backslashes, entities and ``<html>``.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from typing import Any, Literal

from flexiflow.graph.labels import visible
from flexiflow.graph.lines import Line, completed, lines_of
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.theme import light
from flexiflow.graph.wording import measured, troubled

Direction = Literal["LR", "TB"]
WIDEST = 6  # to 1; wider than this, a picture runs from top to bottom
# Graphviz knows the weight of these two wherever it draws; "Arial bold" is no font to its SVG.
_FONT, _BOLD = "Helvetica", "Helvetica-Bold"
NEVER_WIDE = 640  # px; a picture so small is read well as a flat one


def to_dot(graph: Graph, direction: Direction | None = None) -> str:
    """The DOT source of a graph.

    Args:
        graph: any graph; of any size, so that Graphviz may take long for a large one.
        direction: ``LR`` or ``TB``; from left to right unless the picture would be very wide.
    """
    import graphviz

    graph = completed(graph)
    lines = lines_of(graph)
    drawing = graphviz.Digraph(
        "machine",
        graph_attr={
            "rankdir": direction or _direction(graph),
            "bgcolor": "transparent",
            "nodesep": "0.35",
            "ranksep": "0.5",
            "fontname": _FONT,
            "fontsize": "11",
        },
        node_attr={
            "shape": "box",
            "style": "rounded,filled",
            "fontname": _BOLD,
            "fontsize": "12",
            "height": "0.44",
            "margin": "0.18,0.05",
            "penwidth": "1.2",
        },
        edge_attr={"fontname": _FONT, "fontsize": "10.5", "arrowsize": "0.7"},
    )
    ids = {state.name: f"n{place}" for place, state in enumerate(graph.states)}
    _add_states(drawing, graph, ids)
    if graph.start in ids:
        drawing.node("start", label="", shape="circle", width="0.13", height="0.13",
                     fixedsize="true", style="filled", color=light("line"))  # fmt: skip
        drawing.edge("start", ids[graph.start], color=light("line"))
    most = max((line.count or 0 for line in lines), default=0)
    for line in lines:
        drawing.edge(ids[line.source], ids[line.target], **_line_attributes(line, most))
    return str(drawing.source)


def pen_width(count: int | None, most: int) -> float:
    """1.2 to 3, by the logarithm of how often a line was taken."""
    if not count or most < 1:
        return 1.2
    return round(1.2 + 1.8 * math.log1p(count) / math.log1p(max(most, count)), 2)


def _add_states(drawing: Any, graph: Graph, ids: dict[str, str]) -> None:
    groups: dict[str | None, list[StateNode]] = defaultdict(list)
    for state in graph.states:
        groups[state.group].append(state)
    for place, (group, states) in enumerate(groups.items()):
        if group is None:
            _add_nodes(drawing, graph, states, ids)
            continue
        with drawing.subgraph(name=f"cluster_{place}") as cluster:
            cluster.attr(label=_escaped(f"pack: {visible(group)}"), labeljust="l",
                         style="rounded,dashed", color=light("border"),
                         fontcolor=light("muted"))  # fmt: skip
            _add_nodes(cluster, graph, states, ids)


def _add_nodes(drawing: Any, graph: Graph, states: list[StateNode], ids: dict[str, str]) -> None:
    for state in states:
        drawing.node(ids[state.name], label=_escaped(visible(state.name)), **_node(graph, state))


def _node(graph: Graph, state: StateNode) -> dict[str, Any]:
    fill, border, text = "card", "border", "fg"
    if state.visits == 0:
        text = "muted"
    elif state.visits:
        fill, border = "tint", "tint-border"
    if state.name == graph.current:
        fill, border, text = "solid", "solid", "on-solid"
    about: dict[str, Any] = {
        "fillcolor": light(fill), "color": light(border), "fontcolor": light(text)
    }  # fmt: skip
    if state.final:
        about["peripheries"] = "2"
    if not state.known or state.undeclared:
        about["style"] = "rounded,filled,dashed"
    if state.description:
        about["tooltip"] = _escaped(visible(state.description))
    return about


def _line_attributes(line: Line, most: int) -> dict[str, Any]:
    import graphviz

    edges = [edge for _, edge in line.edges]
    label = r"\n".join(_escaped(_row(edge)) for edge in edges)
    about: dict[str, Any] = {
        "label": graphviz.nohtml(label),
        "penwidth": f"{pen_width(line.count, most):g}",
    }
    if all(edge.error or edge.stopped for edge in edges):
        about |= {"color": light("failure-border"), "fontcolor": light("failure")}
    elif all(edge.undeclared for edge in edges):
        about |= {"color": light("caution"), "fontcolor": light("caution"), "style": "dashed"}
    elif line.count:
        about |= {"color": light("tint-border"), "fontcolor": light("fg")}
    else:
        text = "fg" if line.count is None else "muted"
        about |= {"color": light("line"), "fontcolor": light(text)}
    if all(edge.inferred for edge in edges):
        about["style"] = "dotted"
    return about


def _row(edge: Edge) -> str:
    undeclared = " (undeclared)" if edge.undeclared else ""
    return visible(edge.label) + measured(edge) + troubled(edge) + undeclared


def _escaped(text: str) -> Any:
    import graphviz

    return graphviz.escape(text.replace("&", "&amp;"))


def _direction(graph: Graph) -> Direction:
    """A guess at the picture's shape: how many ranks it has, and how full the fullest is."""
    onward = defaultdict(list)
    for edge in graph.edges:
        onward[edge.source].append(edge.target)
    rank = {graph.start or graph.states[0].name: 0} if graph.states else {}
    waiting = list(rank)
    while waiting:
        name = waiting.pop(0)
        for target in onward[name]:
            if target not in rank:
                rank[target] = rank[name] + 1
                waiting.append(target)
    fullest = max(Counter(rank.values()).values(), default=1)
    width = 145 * (max(rank.values(), default=0) + 1)
    height = 60 * fullest + 25 * max(len(graph.edges) - len(rank) + 1, 0)
    return "TB" if width > max(WIDEST * height, NEVER_WIDE) else "LR"

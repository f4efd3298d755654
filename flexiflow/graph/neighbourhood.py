"""Cutting a large machine to the part around one state, so that a picture of it comes at once.

Graphviz takes seconds for a hundred dense states, and nobody can read the result.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import replace

from flexiflow.graph.labels import short
from flexiflow.graph.lines import lines_of
from flexiflow.graph.model import Graph, StateNode

MOST_STATES = 60
MOST_LINES = 120


def neighbourhood(
    graph: Graph, most_states: int = MOST_STATES, most_lines: int = MOST_LINES
) -> Graph:
    """`graph` itself where it is small enough, else the states nearest to its middle.

    The middle is the current state, else the start, else the most visited one. Nearness is the
    number of transitions, in either direction; among the equally near, those visited more often
    come first. A note on the result says what is left out.

    Args:
        graph: any graph.
        most_states: how many states are kept.
        most_lines: how many lines between them, parallel transitions merged.
    """
    if len(graph.states) <= most_states and len(lines_of(graph)) <= most_lines:
        return graph
    middle = _middle(graph)
    nearest = _nearest(graph, middle.name)[:most_states]
    kept = set(_within(graph, nearest, most_lines))
    edges = tuple(edge for edge in graph.edges if edge.source in kept and edge.target in kept)
    states = tuple(state for state in graph.states if state.name in kept)
    note = (
        f"Shows {len(states):,} of {len(graph.states):,} states and {len(edges):,} of "
        f"{len(graph.edges):,} transitions: those nearest to {short(middle.name)}."
    )
    return replace(
        graph,
        states=states,
        edges=edges,
        start=graph.start if graph.start in kept else None,
        notes=(note, *graph.notes),
    )


def _middle(graph: Graph) -> StateNode:
    for name in (graph.current, graph.start):
        state = None if name is None else graph.state(name)
        if state is not None:
            return state
    return max(graph.states, key=lambda state: state.visits or 0)


def _nearest(graph: Graph, middle: str) -> list[str]:
    """All names, breadth first from `middle`; then those that it is not connected with."""
    neighbours: dict[str, set[str]] = defaultdict(set)
    for edge in graph.edges:
        neighbours[edge.source].add(edge.target)
        neighbours[edge.target].add(edge.source)
    order = {state.name: (-(state.visits or 0), place) for place, state in enumerate(graph.states)}
    found, ring = [middle], [middle]
    seen = {middle}
    while ring:
        around = {name for each in ring for name in neighbours[each]} & order.keys() - seen
        ring = sorted(around, key=order.__getitem__)
        seen |= around
        found += ring
    return found + sorted(order.keys() - seen, key=order.__getitem__)


def _within(graph: Graph, names: list[str], most_lines: int) -> list[str]:
    """As many of the first `names` as have no more than `most_lines` between them; at least one."""
    place = {name: index for index, name in enumerate(names)}
    added = [0] * len(names)
    for line in lines_of(graph):
        if line.source in place and line.target in place:
            added[max(place[line.source], place[line.target])] += 1
    lines = 0
    for index, count in enumerate(added):
        lines += count
        if lines > most_lines:
            return names[: max(index, 1)]
    return names

"""The lines of a picture: transitions grouped by what is drawn as one line with one label."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace

from flexiflow.graph.model import Edge, Graph, StateNode

MOST_PARALLEL = 3  # more lines than this between two states can't be told apart


@dataclass(frozen=True, slots=True)
class Line:
    """One line from one state to another.

    Attributes:
        source, target: names of states.
        edges: the transitions that it stands for, each with its place in `Graph.edges`.
    """

    source: str
    target: str
    edges: tuple[tuple[int, Edge], ...]

    @property
    def stays(self) -> bool:
        """Whether it leads back to where it comes from."""
        return self.source == self.target

    @property
    def count(self) -> int | None:
        """How often it was taken; None where nothing was observed.

        Transitions of one message carry their common count, so that it is added once.
        """
        counts = {edge.message: edge.count for _, edge in self.edges if edge.count is not None}
        return sum(counts.values()) if counts else None


def lines_of(graph: Graph) -> tuple[Line, ...]:
    """A graph's lines, in the order of their first transitions.

    Transitions that stay are one line a state, and so are more than `MOST_PARALLEL` of them in
    one direction; their labels are stacked.
    """
    together: dict[tuple[str, str], list[tuple[int, Edge]]] = defaultdict(list)
    for place, edge in enumerate(graph.edges):
        together[edge.source, edge.target].append((place, edge))
    lines: list[Line] = []
    for (source, target), edges in together.items():
        if source == target or len(edges) > MOST_PARALLEL:
            lines.append(Line(source, target, tuple(edges)))
        else:
            lines += [Line(source, target, (each,)) for each in edges]
    return tuple(sorted(lines, key=lambda line: line.edges[0][0]))


def completed(graph: Graph) -> Graph:
    """`graph` with a state that is not known for every end of a transition that has none."""
    names = {state.name for state in graph.states}
    ends = (end for edge in graph.edges for end in (edge.source, edge.target))
    missing = dict.fromkeys(end for end in ends if end not in names)
    added = tuple(StateNode(name, known=False) for name in missing)
    return replace(graph, states=graph.states + added) if added else graph

"""A graph for NetworkX, which has the algorithms that nobody should write again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flexiflow.errors import FlexiFlowError
from flexiflow.graph.lines import completed
from flexiflow.graph.model import Graph

if TYPE_CHECKING:
    import networkx


def to_networkx(graph: Graph) -> networkx.MultiDiGraph[Any]:
    """The graph as a directed multigraph.

    Args:
        graph: any graph.

    Returns:
        a graph with ``name``, ``start``, ``current`` and ``notes``. Nodes are names of states with
        ``final``, ``resting``, ``known``, ``classic``, ``read``, ``group``, ``description``,
        ``visits`` and ``sources``; edges have their place in `Graph.edges` as key, and
        ``message``, ``guard``, ``error``, ``label``, ``count``, ``description`` and ``sources``.
        Sources are sorted lists; what is not known is None.

    Raises:
        FlexiFlowError: where NetworkX is not installed.
    """
    try:
        import networkx
    except ImportError as exc:
        raise FlexiFlowError(
            "NetworkX is not installed.",
            why="A graph can only be handed to NetworkX where that package is there.",
            fix="Run pip install networkx, and restart Python.",
            context={"graph": graph.name, "error": str(exc)},
        ) from exc
    graph = completed(graph)
    made: networkx.MultiDiGraph[Any] = networkx.MultiDiGraph(
        name=graph.name, start=graph.start, current=graph.current, notes=list(graph.notes)
    )
    for state in graph.states:
        made.add_node(
            state.name,
            final=state.final,
            resting=state.resting,
            known=state.known,
            classic=state.classic,
            read=state.read,
            group=state.group,
            description=state.description,
            visits=state.visits,
            sources=sorted(state.sources),
        )
    for place, edge in enumerate(graph.edges):
        made.add_edge(
            edge.source,
            edge.target,
            key=place,
            message=edge.message,
            guard=edge.guard,
            error=edge.error,
            label=edge.label,
            count=edge.count,
            failed=edge.failed,
            refused=edge.refused,
            description=edge.description,
            sources=sorted(edge.sources),
        )
    return made

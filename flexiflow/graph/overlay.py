"""Laying what was observed over what was declared."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace

from flexiflow.graph.lines import completed
from flexiflow.graph.model import ANY_MESSAGE, Edge, Graph, Source, StateNode

Key = tuple[str, str, str]
Counts = Mapping[Key, int]
Unmoved = Mapping[tuple[str, str, str], int]
"""How often, by state, message, and outcome: ``failed`` or ``refused``."""


def with_observed(
    graph: Graph,
    counts: Counts,
    current: str | None = None,
    visits: Mapping[str, int] | None = None,
    unmoved: Unmoved | None = None,
) -> Graph:
    """A graph with observed counts on it.

    History does not tell transitions apart that share source, target and message, such as two
    guards for one step: each of them carries their common count. A transition or state that only
    history knows is added with ``observed`` as its one source; such a state stays `known`.

    Args:
        graph: what is declared.
        counts: how often each (source, target, message) was taken.
        current: the state in which the machine is now; the graph's own unless given.
        visits: how often each state was entered; from `counts` unless given.
        unmoved: messages that led nowhere.
    """
    graph = completed(graph)  # a target that nobody defines stays unknown, seen or not
    taken = {key: count for key, count in counts.items() if count > 0}
    current = graph.current if current is None else current
    known = {_key(edge) for edge in graph.edges}
    taken = _by_known(taken, known)
    edges = [_counted(edge, taken) for edge in graph.edges]
    edges = [*_with_unmoved(edges, unmoved or {})]
    only_seen: frozenset[Source] = frozenset({"observed"})
    edges += [
        Edge(*key, sources=only_seen, count=count)
        for key, count in taken.items()
        if key not in known
    ]
    entered = _entered(taken, current) if visits is None else visits
    states = [_visited(state, entered) for state in graph.states]
    names = {state.name for state in states}
    ends = [end for edge in edges for end in (edge.source, edge.target)]
    for name in dict.fromkeys([*ends, *entered, *([] if current is None else [current])]):
        if name not in names:
            states.append(StateNode(name, visits=entered.get(name, 0), sources=only_seen))
    return replace(graph, states=tuple(states), edges=tuple(edges), current=current)


def without_observed(graph: Graph) -> Graph:
    """A graph without what was observed, such as one whose history is of no interest."""
    seen: frozenset[Source] = frozenset({"observed"})
    edges = tuple(
        replace(edge, count=None, failed=0, refused=0, sources=edge.sources - seen)
        for edge in graph.edges
        if not edge.undeclared
    )
    states = tuple(
        replace(state, visits=None, sources=state.sources - seen)
        for state in graph.states
        if not state.undeclared
    )
    return replace(graph, states=states, edges=edges, current=None)


def _key(edge: Edge) -> tuple[str, str, str]:
    return edge.source, edge.target, edge.message


def _by_known(taken: Counts, known: Collection[Key]) -> dict[Key, int]:
    """Counts with what went over an edge for any message counted there."""
    found: Counter[Key] = Counter()
    for (source, target, message), count in taken.items():
        anyhow = (source, target, message) not in known and (source, target, ANY_MESSAGE) in known
        found[source, target, ANY_MESSAGE if anyhow else message] += count
    return dict(found)


def _counted(edge: Edge, taken: Counts) -> Edge:
    count = taken.get(_key(edge), 0)
    seen: frozenset[Source] = frozenset({"observed"} if count else ())
    return replace(edge, count=count, sources=edge.sources | seen)


def _with_unmoved(edges: Sequence[Edge], unmoved: Unmoved) -> Iterator[Edge]:
    """Edges with what led nowhere; one that a declared exception takes is not where it went."""
    named = {(edge.source, edge.message) for edge in edges}
    by_name: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
    for (source, message, outcome), count in unmoved.items():
        key = (source, message if (source, message) in named else ANY_MESSAGE)
        by_name[key][outcome] += count
    for edge in edges:
        seen = None if edge.error else by_name.get((edge.source, edge.message))
        yield replace(edge, failed=seen["failed"], refused=seen["refused"]) if seen else edge


def _visited(state: StateNode, entered: Mapping[str, int]) -> StateNode:
    visits = entered.get(state.name, 0)
    seen: frozenset[Source] = frozenset({"observed"} if visits else ())
    return replace(state, visits=visits, sources=state.sources | seen)


def _entered(taken: Counts, current: str | None) -> dict[str, int]:
    """Visits as far as moves tell them: a state that was left, or is current, was entered."""
    entered: Counter[str] = Counter()
    for (source, target, _), count in taken.items():
        if source != target:
            entered[target] += count
    for name in [source for source, _, _ in taken] + ([] if current is None else [current]):
        entered[name] = max(entered[name], 1)
    return dict(entered)

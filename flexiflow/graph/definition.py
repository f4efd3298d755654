"""A machine's definition: the declared graph as JSON, and the fingerprint that names it.

A history file stores each definition once, so that it can be drawn without the user's code. What
is read back may come from anybody: it is bounded, and what is broken is left out and noted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from flexiflow.errors import bounded_repr
from flexiflow.graph.model import Edge, Graph, StateNode

FORMAT = 1
_MOST_STATES = 2_000
_MOST_EDGES = 10_000
_LONGEST_NAME = 1_000


def to_definition(graph: Graph) -> dict[str, Any]:
    """What a graph declares, as a JSON-able dict.

    It holds neither the graph's name nor what was observed, so that all components of one
    machine share a definition.

    Returns:
        ``format``, ``start``, ``states``, ``final``, ``classic``, ``unknown``, ``messages``,
        ``guards`` (names), and ``edges``, each with ``source``, ``target``, ``message``,
        ``guard`` and ``error``; with ``resting`` where there are such states.
    """
    states = [state for state in graph.states if "declared" in state.sources]
    edges = [edge for edge in graph.edges if "declared" in edge.sources]
    resting = sorted(state.name for state in states if state.resting)
    return {
        # Left out of machines without any: their fingerprints are what they always were.
        **({"resting": resting} if resting else {}),
        "format": FORMAT,
        "start": graph.start,
        "states": [state.name for state in states],
        "final": sorted(state.name for state in states if state.final),
        "classic": sorted(state.name for state in states if state.classic),
        "unknown": sorted(state.name for state in states if not state.known),
        "messages": sorted({edge.message for edge in edges}),
        "guards": sorted({edge.guard for edge in edges if edge.guard is not None}),
        "edges": [
            {
                "source": edge.source,
                "target": edge.target,
                "message": edge.message,
                "guard": edge.guard,
                "error": edge.error,
            }
            for edge in edges
        ],
    }


def reachable(graph: Graph) -> Graph:
    """The part of a graph that declarations lead to from its start: what a recording stores."""
    edges = [edge for edge in graph.edges if "declared" in edge.sources]
    found = [] if graph.start is None else [graph.start]
    for name in found:  # grows
        onward = (edge.target for edge in edges if edge.source == name)
        found += [each for each in dict.fromkeys(onward) if each not in found]
    return replace(
        graph,
        states=tuple(state for state in graph.states if state.name in found),
        edges=tuple(edge for edge in edges if edge.source in found),
    )


def fingerprint(definition: Mapping[str, Any]) -> str:
    """The hash that names a definition.

    Two machines with the same states, transitions and guards have the same one, in whatever
    order they were found. The order of transitions that compete for a message counts: the first
    whose guard passes wins.

    Args:
        definition: as `to_definition` makes it.

    Returns:
        16 hex digits of the SHA-256 of the canonical JSON.
    """
    # Sorting is stable: competing transitions keep their order.
    edges = sorted(definition["edges"], key=lambda edge: (edge["source"], edge["message"]))
    canonical = {**definition, "states": sorted(definition["states"]), "edges": edges}
    text = json.dumps(canonical, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("ascii")).hexdigest()[:16]


def from_definition(definition: object, name: str = "machine") -> Graph:
    """The graph that a stored definition describes; never an exception.

    Args:
        definition: as `to_definition` made it, perhaps long ago, perhaps by somebody else.
        name: whose machine it is.

    Returns:
        a graph whose notes say what could not be read.
    """
    if not isinstance(definition, Mapping):
        return Graph(name, notes=("The stored definition is not an object and can't be drawn.",))
    notes: list[str] = []
    names = _names(definition, "states", _MOST_STATES, notes)
    edges = tuple(_edges(definition.get("edges"), notes))
    named = dict.fromkeys(names)
    named.update(dict.fromkeys(end for edge in edges for end in (edge.source, edge.target)))
    final, classic, unknown, resting = (
        set(_names(definition, key, _MOST_STATES, notes))
        for key in ("final", "classic", "unknown", "resting")
    )
    listed = set(names) - unknown
    states = tuple(
        StateNode(
            each,
            each in final,
            known=each in listed,
            classic=each in classic,
            resting=each in resting,
        )
        for each in named
    )
    start = definition.get("start")
    if start is not None and not (isinstance(start, str) and start in listed):
        notes.append(f"The stored start {bounded_repr(start, 80)} is not one of its states.")
        start = None
    return Graph(name, states, edges, start, notes=tuple(notes))


def _names(definition: Mapping[Any, Any], key: str, most: int, notes: list[str]) -> list[str]:
    stored = definition.get(key, [])
    if not isinstance(stored, list | tuple):
        notes.append(f"The stored {key!r} is not a list and was left out.")
        return []
    good = [each for each in stored[:most] if _is_name(each)]
    _note_left_out(f"entries of {key!r}", len(stored) - len(good), notes)
    return good


def _edges(stored: object, notes: list[str]) -> Iterator[Edge]:
    if not isinstance(stored, list | tuple):
        notes.append("The stored 'edges' is not a list and was left out.")
        return
    good = [each for each in stored[:_MOST_EDGES] if _is_edge(each)]
    _note_left_out("edges", len(stored) - len(good), notes)
    for each in good:
        yield Edge(
            each["source"], each["target"], each["message"], each.get("guard"), each.get("error")
        )


def _is_edge(stored: object) -> bool:
    return (
        isinstance(stored, Mapping)
        and _all_names(stored.get(key) for key in ("source", "target", "message"))
        and _all_names(stored[key] for key in ("guard", "error") if stored.get(key) is not None)
    )


def _all_names(stored: Iterable[object]) -> bool:
    return all(_is_name(each) for each in stored)


def _is_name(stored: object) -> bool:
    return isinstance(stored, str) and len(stored) <= _LONGEST_NAME


def _note_left_out(what: str, count: int, notes: list[str]) -> None:
    if count:
        notes.append(f"{count:,} stored {what} can't be used and were left out.")

"""What is odd about a machine, and how much of it was seen to happen."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal

from flexiflow.errors import bounded_repr
from flexiflow.graph.lines import completed
from flexiflow.graph.model import Edge, Graph, StateNode

Kind = Literal[
    "undeclared state",
    "undeclared transition",
    "unreachable state",
    "dead end",
    "no way to a final state",
    "two transitions claim a message",
    "handler not read",
    "never taken",
]
Severity = Literal["error", "warning", "info"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that somebody should look at.

    Attributes:
        kind: which sort of thing it is.
        severity: ``error`` where a message would fail or a state has no class, ``warning`` where
            it may be meant so, ``info`` where it only says something about what was seen.
        what: one sentence.
        why: how it comes about, or why it matters.
        fix: what to do about it.
        state: the state that it is about.
        edge: the transition that it is about, or None.
    """

    kind: Kind
    severity: Severity
    what: str
    why: str
    fix: str
    state: str
    edge: Edge | None = None


@dataclass(frozen=True, slots=True)
class Coverage:
    """How many of the transitions that the code knows were taken.

    Attributes:
        declared: how many there are, declared or read from code.
        taken: how many of them were seen.
        percent: 0 to 100; 100 where there are none.
        untaken: the others.
    """

    declared: int
    taken: int
    percent: float
    untaken: tuple[Edge, ...] = ()


def coverage(graph: Graph) -> Coverage:
    """The share of a graph's transitions that were taken.

    Args:
        graph: with observations on it; without any, nothing was taken. Transitions that only
            history knows do not count.
    """
    known = [edge for edge in graph.edges if not edge.undeclared]
    untaken = tuple(edge for edge in known if not edge.count)
    taken = len(known) - len(untaken)
    return Coverage(len(known), taken, 100 * taken / len(known) if known else 100.0, untaken)


def findings(graph: Graph) -> list[Finding]:
    """All that is odd about a machine, the worst first, then in the order of the graph.

    Where a classic handler could not be read, its state may have more ways out than the graph
    shows: what depends on these is not claimed.

    Args:
        graph: any graph. Only one with observations on it has findings about what happened.
    """
    graph = completed(graph)
    found = [
        *_undeclared_states(graph),
        *_undeclared_transitions(graph),
        *_unreachable(graph),
        *_dead_ends(graph),
        *_endless(graph),
        *_contested(graph),
        *_unread(graph),
        *_never_taken(graph),
    ]
    order: dict[str, int] = {"error": 0, "warning": 1, "info": 2}
    return sorted(found, key=lambda finding: order[finding.severity])


def _undeclared_states(graph: Graph) -> Iterator[Finding]:
    unread = set(_unread_names(graph))
    for state in graph.states:
        named = bounded_repr(state.name, 80)
        leading = next((edge for edge in graph.edges if edge.target == state.name), None)
        if not state.known:
            by = (
                f"{leading.source} leads to it by {leading.label}"
                if leading
                else "it is only named"
            )
            yield Finding(
                "undeclared state",
                "error",
                f"Nobody defines the state {named}.",
                f"In this machine {by}, and no class goes by that name.",
                "Define the class, register it, or correct the name.",
                state.name,
                leading,
            )
        elif state.undeclared and not (leading and leading.source in unread):
            yield Finding(
                "undeclared state",
                "warning",
                f"Only history knows the state {named}.",
                "The machine was in it, and nothing that the code says leads there.",
                "Declare the transition to it, or find out what assigned the state.",
                state.name,
                leading,
            )


def _undeclared_transitions(graph: Graph) -> Iterator[Finding]:
    unread = set(_unread_names(graph))
    for edge in graph.edges:
        if edge.undeclared and edge.source not in unread:
            yield Finding(
                "undeclared transition",
                "warning",
                f"{edge.source} went to {edge.target} by {edge.message}, which is not declared.",
                f"History has it {edge.count or 0:,} ×, and the code does not say it.",
                f'Declare it with @on("{edge.message}", to="{edge.target}"), or find its cause.',
                edge.source,
                edge,
            )


def _unreachable(graph: Graph) -> Iterator[Finding]:
    if graph.start is None or _unread_names(graph):
        return
    reached = _connected([graph.start], graph.edges)
    for state in graph.states:
        if state.name not in reached and state.known and not state.undeclared:
            yield Finding(
                "unreachable state",
                "warning",
                f"Nothing leads to {state.name}.",
                f"No transitions lead there from {graph.start}, where the machine starts.",
                "Let a transition lead to it, or remove the state.",
                state.name,
            )


def _dead_ends(graph: Graph) -> Iterator[Finding]:
    leaving = {edge.source for edge in graph.edges if not edge.stays}
    for state in graph.states:
        if state.name not in leaving and not state.final and _is_whole(state):
            yield Finding(
                "dead end",
                "warning",
                f"{state.name} has no way out, and is not final.",
                "A machine that gets there stays there.",
                f"Write class {state.name}(State, final=True), or declare a way out.",
                state.name,
            )


def _endless(graph: Graph) -> Iterator[Finding]:
    finals = [state.name for state in graph.states if state.final]
    if not finals:
        return
    turned = [(edge.target, edge.source) for edge in graph.edges]
    # Whatever can get to a state that was not read may get anywhere from there.
    ending = _connected_pairs([*finals, *_unread_names(graph)], turned)
    leaving = {edge.source for edge in graph.edges if not edge.stays}
    for state in graph.states:
        if state.name not in ending and state.name in leaving and state.known:
            yield Finding(
                "no way to a final state",
                "warning",
                f"No final state can be reached from {state.name}.",
                f"The machine has {len(finals):,} final, and every way from here misses them.",
                "Declare a transition that leads on, or mark an end with final=True.",
                state.name,
            )


def _contested(graph: Graph) -> Iterator[Finding]:
    claims: dict[tuple[str, str], Edge] = {}
    for edge in graph.edges:
        if edge.error is not None or "declared" not in edge.sources:
            continue  # what was read from code is what the code tries, one after the other
        key = edge.source, edge.message
        first = claims.get(key)
        if first is not None and first.guard is None:
            yield Finding(
                "two transitions claim a message",
                "error",
                f"{edge.source} has two transitions for {edge.message}; the second is never tried.",
                f"The one to {first.target} stands first and has no guard, so it always wins over "
                f"the one to {edge.target}.",
                "Give the first one a guard, put the guarded one first, or remove one.",
                edge.source,
                edge,
            )
        elif first is None or edge.guard is None:
            claims[key] = edge


def _unread(graph: Graph) -> Iterator[Finding]:
    for state in graph.states:
        if state.classic and not state.read:
            seen = "; ".join(state.unread[:3]) or "its code was not looked at"
            yield Finding(
                "handler not read",
                "info",
                f"{state.name}.handle_message may take messages that are not shown.",
                f"What could not be read: {seen}.",
                "Declare its transitions with @on, or return states that are written out.",
                state.name,
            )


def _never_taken(graph: Graph) -> Iterator[Finding]:
    if not any(edge.count for edge in graph.edges):
        return
    for edge in coverage(graph).untaken:
        yield Finding(
            "never taken",
            "info",
            f"{edge.source} was never left by {edge.label}."
            if not edge.stays
            else f"{edge.source} never took {edge.label}.",
            f"The history has no step over it to {edge.target}.",
            "Send it in a test, or remove the transition where it is not needed.",
            edge.source,
            edge,
        )


def _is_whole(state: StateNode) -> bool:
    """Whether all its ways out are known."""
    return state.known and not state.undeclared and (state.read or not state.classic)


def _unread_names(graph: Graph) -> list[str]:
    return [state.name for state in graph.states if state.classic and not state.read]


def _connected(roots: Iterable[str], edges: Iterable[Edge]) -> set[str]:
    return _connected_pairs(roots, [(edge.source, edge.target) for edge in edges])


def _connected_pairs(roots: Iterable[str], pairs: Iterable[tuple[str, str]]) -> set[str]:
    onward: dict[str, list[str]] = defaultdict(list)
    for source, target in pairs:
        onward[source].append(target)
    reached = set(roots)
    waiting = list(reached)
    while waiting:
        for target in onward[waiting.pop()]:
            if target not in reached:
                reached.add(target)
                waiting.append(target)
    return reached

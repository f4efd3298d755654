"""Graphs in words: the sentences behind hover texts, descriptions and listings."""

from __future__ import annotations

from flexiflow.graph.labels import count_text, visible
from flexiflow.graph.model import Edge, Graph, StateNode


def summary(graph: Graph) -> str:
    """One sentence: how large a machine is, where it starts, and where it is."""
    text = (
        f"{visible(graph.name)}: {plural(len(graph.states), 'state')} and "
        f"{plural(len(graph.edges), 'transition')}"
    )
    if graph.start is not None:
        text += f", starting in {visible(graph.start)}"
    if graph.current is not None:
        text += f", now in {visible(graph.current)}"
    return text + "."


def state_words(graph: Graph, state: StateNode) -> list[str]:
    """What is special about a state, a few words each."""
    words = [
        ("start", state.name == graph.start),
        ("current", state.name == graph.current),
        ("final", state.final),
        ("resting: components are meant to wait here", state.resting),
        ("unknown: nobody defines it", not state.known),
        ("undeclared: only history names it", state.undeclared),
        ("takes further messages in handle_message", state.classic and not state.read),
        ("handle_message read from code", state.classic and state.read),
    ]
    found = [word for word, holds in words if holds]
    if state.visits is not None:
        found.append(f"visited {times(state.visits)}" if state.visits else "never visited")
    return found


def state_sentence(graph: Graph, state: StateNode) -> str:
    """A state, what is special about it, and its description."""
    words = ", ".join(state_words(graph, state))
    about = f"\n{visible(state.description)}" if state.description else ""
    return visible(state.name) + (f" ({words})" if words else "") + about


def edge_sentence(edge: Edge) -> str:
    """A transition from end to end: ``Draft → submit [has_items] → Submitted; taken 121 times``."""
    about = f"\n{visible(edge.description)}" if edge.description else ""
    return f"{visible(edge.source)} {onward(edge)}{about}"


def onward(edge: Edge) -> str:
    """A transition without the state from which it leads, and how it is known."""
    return f"→ {visible(edge.label)} → {_target(edge)}{_history(edge)}"


def measured(edge: Edge) -> str:
    """What stands behind a transition's label in a picture: its measure, or its count."""
    if edge.measure is not None:
        return f" {visible(edge.measure)}"
    return f" {count_text(edge.count)}" if edge.count else ""


def troubled(edge: Edge) -> str:
    """What stands behind that: how often the message failed there, else how often it was refused.

    Beside a measure there is none.
    """
    if edge.measure is not None:
        return ""
    signs = {"✕": edge.failed, "◇": edge.refused}
    return next((f" {count_text(count, sign)}" for sign, count in signs.items() if count), "")


def plural(count: int, noun: str) -> str:
    """``1 state``, ``2 states``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def times(count: int) -> str:
    """``once``, or ``121 times``."""
    return "once" if count == 1 else f"{count:,} times"


def _target(edge: Edge) -> str:
    return "stays" if edge.stays else visible(edge.target)


def _history(edge: Edge) -> str:
    words = ["read from code"] if edge.inferred else []
    if edge.count is not None:
        words.append(f"taken {times(edge.count)}" if edge.count else "never taken")
    unmoved = {"failed": edge.failed, "refused": edge.refused}
    words += [f"{word} {times(count)}" for word, count in unmoved.items() if count]
    if edge.measure is not None:
        words.append(visible(edge.measure))
    if edge.undeclared:
        words.append("undeclared: only history knows it")
    return "".join(f"; {word}" for word in words)

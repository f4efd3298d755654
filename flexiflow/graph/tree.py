"""A graph as a tree for terminals: a branch a state, and on it what leads on from there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexiflow.errors import FlexiFlowError
from flexiflow.graph.labels import visible
from flexiflow.graph.lines import completed
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.table import MOST_ROWS
from flexiflow.graph.wording import onward, plural, state_words, summary

if TYPE_CHECKING:
    from rich.text import Text
    from rich.tree import Tree

_FAINT, _STRONG, _CURRENT, _FAILED, _CAUTION = "dim", "bold", "bold reverse", "red", "yellow"


def to_tree(graph: Graph, most: int = MOST_ROWS) -> Tree:
    """The graph as a `rich.tree.Tree`, for ``rich.print`` and for terminals.

    Args:
        graph: any graph.
        most: states, and transitions, shown; a last branch says how many are left out.

    Raises:
        FlexiFlowError: where rich is not installed.
    """
    try:
        from rich.text import Text
        from rich.tree import Tree
    except ImportError as exc:
        raise FlexiFlowError(
            "rich is not installed.",
            why="A tree for terminals is made of what that package draws.",
            fix="Run pip install rich; to_text() needs nothing.",
            context={"graph": graph.name, "error": str(exc)},
        ) from exc
    graph = completed(graph)
    # Text objects and not strings, in which rich would look for markup.
    tree = Tree(Text(summary(graph), _STRONG), guide_style=_FAINT)
    branches = {state.name: tree.add(_state(graph, state)) for state in graph.states[:most]}
    shown = [edge for edge in graph.edges[:most] if edge.source in branches]
    for edge in shown:
        branches[edge.source].add(_edge(edge))
    for left_out, what in (
        (len(graph.states) - len(branches), "state"),
        (len(graph.edges) - len(shown), "transition"),
    ):
        if left_out:
            tree.add(Text(f"… and {plural(left_out, what)} more", _FAINT))
    for note in graph.notes:
        tree.add(Text(f"Note: {visible(note, 400)}", _FAINT))
    return tree


def _state(graph: Graph, state: StateNode) -> Text:
    from rich.text import Text

    text = Text(visible(state.name), _CURRENT if state.name == graph.current else _STRONG)
    if not state.known or state.undeclared:
        text.stylize(_CAUTION)
    words = ", ".join(state_words(graph, state))
    return text.append(f" ({words})", _FAINT) if words else text


def _edge(edge: Edge) -> Text:
    from rich.text import Text

    style = _FAILED if edge.error or edge.stopped else _CAUTION if edge.undeclared else ""
    return Text(onward(edge), style or (_FAINT if edge.count == 0 else ""))

"""A graph as a Mermaid flowchart.

`to_mermaid` shows all that a graph knows. `config_chart` is the chart that
``flexiflow.visualize`` has always made of a configuration, in the same words.

No name can become Mermaid: ids are made of letters, digits and underscores, and labels are quoted,
with everything that Mermaid or the HTML below it reads as more than a letter written as a code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator

from flexiflow.graph.labels import visible
from flexiflow.graph.lines import completed
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.theme import light
from flexiflow.graph.wording import measured, troubled

_HEADER = "flowchart LR"
_EDGE_COMMENT = "%% Edge labels: on_message [guard]"
_UNKNOWN = "classDef unknown stroke-dasharray: 5 5, fill:none, stroke:#888888"
_NOT_ID = re.compile("[^A-Za-z0-9_]")
_CODED = re.compile(r"[^\w .,:/()×✕→+-]")
_START = "flexiflow_start"
# Words that mean something to Mermaid where an id stands, and ids that are used here.
_RESERVED = frozenset(
    "end graph flowchart subgraph style linkStyle classDef class click default direction href "
    f"call unknown {_START}".split()
)
_Node = Callable[[str, StateNode], str]


def to_mermaid(graph: Graph) -> str:
    """The Mermaid source of a graph: start, finals, current state, packs, guards and counts.

    Args:
        graph: any graph; its notes become comments.
    """
    graph = completed(graph)
    ids = _Ids(graph)
    lines = [_HEADER, _EDGE_COMMENT, *(_comment(visible(note)) for note in graph.notes)]
    if any(edge.inferred for edge in graph.edges):
        lines.append(_comment("Dotted: read from the code of handle_message, or undeclared"))
    lines += _subgraphs(graph, ids, _general_node)
    if graph.start in ids.of_state:
        lines += [f"    {_START}(( ))", f"    {_START} --> {ids.of_state[graph.start]}"]
    lines += [
        f"    {ids.of_state[edge.source]} {_arrow(edge)}|{_quoted_label(edge, counted=True)}| "
        f"{ids.of_state[edge.target]}"
        for edge in graph.edges
    ]
    if not all(state.known for state in graph.states):
        lines.append(f"    {_UNKNOWN}")
    if graph.current is not None and graph.current in ids.of_state:
        solid, text = light("solid"), light("on-solid")
        lines.append(f"    classDef current fill:{solid},stroke:{solid},color:{text}")
        lines.append(f"    class {ids.of_state[graph.current]} current")
    return "\n".join(lines)


def config_chart(
    graph: Graph, pack_order: Iterable[str], initial_state_resolution: Iterable[str]
) -> str:
    """The flowchart of a configuration: packs as subgraphs, transitions as edges.

    Args:
        graph: the states with their packs as groups; states that nobody provides are not known.
        pack_order: names of packs, each after those that it depends on.
        initial_state_resolution: whose key wins, as the configuration says it.
    """
    graph = completed(graph)
    ids = _Ids(graph)
    lines = [_HEADER, _EDGE_COMMENT]
    order = list(pack_order)
    if order:
        lines.append(_comment(f"pack_order: {', '.join(map(visible, order))}"))
    resolution = ", ".join(map(visible, initial_state_resolution))
    lines.append(_comment(f"initial_state_resolution: [{resolution}]"))
    lines += [_comment(visible(note)) for note in graph.notes]
    lines += _subgraphs(graph, ids, _plain_node)
    lines += [
        f"    {ids.of_state[edge.source]} -->|{_quoted_label(edge)}| {ids.of_state[edge.target]}"
        for edge in graph.edges
    ]
    if not all(state.known for state in graph.states):
        lines.append(f"    {_UNKNOWN}")
    return "\n".join(lines)


class _Ids:
    """Ids of states and packs, all different from each other and from Mermaid's words."""

    def __init__(self, graph: Graph) -> None:
        taken = set(_RESERVED)
        self.of_state = {state.name: _free_id(state.name, taken) for state in graph.states}
        groups = dict.fromkeys(state.group for state in graph.states if state.group is not None)
        self.of_group = {group: _free_id(f"pack_{group}", taken) for group in groups}


def _free_id(name: str, taken: set[str]) -> str:
    """An id for a name."""
    base = _NOT_ID.sub("_", name[:60]) or "_"
    number, found = 1, base
    while found in taken:
        number += 1
        found = f"{base}_{number}"
    taken.add(found)
    return found


def _subgraphs(graph: Graph, ids: _Ids, node: _Node) -> Iterator[str]:
    """All states: those of packs, those that nobody provides, then the others."""
    for group, group_id in ids.of_group.items():
        members = [state for state in graph.states if state.group == group and state.known]
        yield from _subgraph(group_id, f"pack: {visible(group)}", members, ids, node)
    unknown = [state for state in graph.states if not state.known]
    yield from _subgraph("unknown", "unknown states", unknown, ids, node)
    for state in graph.states:
        if state.group is None and state.known:
            yield f"    {node(ids.of_state[state.name], state)}"


def _subgraph(
    own_id: str, title: str, states: list[StateNode], ids: _Ids, node: _Node
) -> Iterator[str]:
    if states:
        yield f"    subgraph {own_id}[{_quoted(title)}]"
        yield from (f"        {node(ids.of_state[state.name], state)}" for state in states)
        yield "    end"


def _plain_node(own_id: str, state: StateNode) -> str:
    return f"{own_id}[{_quoted(visible(state.name))}]" + ("" if state.known else ":::unknown")


def _general_node(own_id: str, state: StateNode) -> str:
    if state.final:
        return f"{own_id}([{_quoted(visible(state.name))}])"
    return _plain_node(own_id, state)


def _arrow(edge: Edge) -> str:
    return "-.->" if edge.undeclared or edge.inferred else "-->"


def _quoted_label(edge: Edge, *, counted: bool = False) -> str:
    # The brackets around the guard are ours, and within quotes they are only letters.
    guard = f" [{_coded(visible(edge.guard))}]" if edge.guard else ""
    error = f" ✕ {_coded(visible(edge.error))}" if edge.error else ""
    count = _coded(measured(edge) + troubled(edge)) if counted else ""
    return f'"{_coded(visible(edge.message))}{guard}{error}{count}"'


def _quoted(text: str) -> str:
    return f'"{_coded(text)}"'


def _coded(text: str) -> str:
    """`text` with codes such as ``#34;`` for all but letters, digits and harmless marks."""
    return _CODED.sub(lambda found: f"#{ord(found[0])};", text)


def _comment(text: str) -> str:
    return "%% " + re.sub("[{}%]", " ", text)

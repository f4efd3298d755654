"""Drawing what a configuration describes: its packs, their states and transitions.

Pictures of components, and of machines with their history, are made by `flexiflow.machine_graph`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from os import PathLike
from typing import TYPE_CHECKING, Any

from flexiflow.errors import InvalidValue, bounded_repr, suggestion
from flexiflow.explain import ConfigExplanation, explain
from flexiflow.state_machine import BUILTIN_STATES
from flexiflow.states import DEFAULT_REGISTRY

# The graph layer is imported where it is used: `flexiflow` itself imports this module, and most
# programs draw nothing.
if TYPE_CHECKING:
    from flexiflow.graph.model import Edge, Graph, StateNode

Source = str | PathLike[str] | Mapping[str, Any] | ConfigExplanation

FORMATS = ("mermaid", "dot", "svg", "markdown", "table", "text")


def visualize(source: Source, format: str = "mermaid") -> str:
    """Draw what a configuration describes.

    Nothing is registered and nothing is run, but the modules that the configuration names are
    imported; see `explain`. A configuration with errors is drawn as far as it goes, with a note.

    Args:
        source: a YAML file, the configuration as a mapping, or its explanation.
        format: ``mermaid`` (a flowchart of the packs and what leads from and to their states),
            or, of the whole machine with the built-in states that it can reach, ``dot``, ``svg``,
            ``markdown``, ``table`` or ``text``.

    Returns:
        the drawing's source, without a newline at the end.

    Raises:
        InvalidValue: (a ValueError) where there is no such format.
        DrawingError: where an SVG is asked for and nothing can lay it out.
    """
    if not isinstance(format, str) or format not in FORMATS:
        raise InvalidValue(
            f"Unknown format {bounded_repr(format, 80)}.",
            why=f"A configuration is drawn as {', '.join(FORMATS[:-1])} or {FORMATS[-1]}.",
            fix=suggestion(format, FORMATS) or 'Write format="mermaid".',
            context={"format": format, "formats": list(FORMATS)},
        )
    explanation = _explained(source)
    if format == "mermaid":
        from flexiflow.graph.mermaid import config_chart

        chart = _chart_graph(explanation)
        order = explanation.pack_order
        return config_chart(chart, order, explanation.initial_state_resolution)
    return _drawn(graph_of(explanation), format).rstrip("\n")


def graph_of(source: Source) -> Graph:
    """The whole machine of a configuration: what packs describe, and what states declare.

    Transitions of classic handlers are read from their code, which is not run.

    Args:
        source: a YAML file, the configuration as a mapping, or its explanation.
    """
    from flexiflow.graph.declared import graph_of_classes
    from flexiflow.graph.inferred import Readings

    explanation = _explained(source)
    start = _start(explanation)
    classes = dict(explanation.classes)
    first = DEFAULT_REGISTRY.find(start) if start is not None else None
    if start is not None and first is not None:
        classes.setdefault(start, first)
    described = _described(explanation, start)
    readings = Readings()
    declared = graph_of_classes(described.name, classes, start, readings)
    return _joined(described, readings.noted(declared, classes))


def _chart_graph(explanation: ConfigExplanation) -> Graph:
    """The part for the Mermaid chart: packs, and not what the built-in states do among themselves.

    A built-in state stands in for many in packs that describe their transitions themselves.
    """
    from flexiflow.graph.declared import graph_of_classes

    described = _described(explanation, None)
    own = {key: cls for key, cls in explanation.classes.items() if cls not in BUILTIN_STATES}
    declared = graph_of_classes(described.name, own)
    builtin = {state.name for state in declared.states} - own.keys()
    edges = tuple(edge for edge in declared.edges if edge.source not in builtin)
    ends = {end for edge in edges for end in (edge.source, edge.target)}
    states = tuple(state for state in declared.states if state.name in ends)
    return _joined(described, replace(declared, states=states, edges=edges))


def _explained(source: Source) -> ConfigExplanation:
    return source if isinstance(source, ConfigExplanation) else explain(source)


def _described(explanation: ConfigExplanation, start: str | None) -> Graph:
    """What packs say."""
    from flexiflow.graph.declared import graph_from_transitions
    from flexiflow.graph.wording import plural

    groups: dict[str, str | None] = dict(explanation.state_providers)
    for pack in explanation.packs:
        groups.update({key: groups.get(key, pack.name) for key in pack.provided_keys})
    specs = [spec for pack in explanation.packs for spec in pack.transitions]
    named = [start, *(end for spec in specs for end in (spec.from_state, spec.to_state))]
    others = {*explanation.builtin_states, *DEFAULT_REGISTRY.names(), *explanation.classes}
    groups.update({key: None for key in named if key in others and key not in groups})
    name = explanation.name or "machine"
    notes = []
    if explanation.errors:
        count = plural(len(explanation.errors), "error")
        notes.append(f"The configuration has {count}: {explanation.errors[0].what}")
    return graph_from_transitions(name, specs, groups=groups, start=start, notes=notes)


def _start(explanation: ConfigExplanation) -> str | None:
    """The initial state by its key, also where the configuration writes a path."""
    initial = explanation.initial_state
    if initial is None or ":" not in initial:
        return initial
    symbol = initial.rpartition(":")[2]
    if symbol in explanation.classes:
        return symbol
    classes = explanation.classes.items()
    return next((key for key, cls in classes if cls.__name__ == symbol), symbol)


def _joined(described: Graph, declared: Graph) -> Graph:
    """Both in one graph, a transition that both know once."""
    states = {state.name: state for state in described.states}
    for state in declared.states:
        states[state.name] = _merged(states.get(state.name), state)
    edges: dict[tuple[Any, ...], Edge] = {}
    for edge in (*described.edges, *(each for each in declared.edges if not each.inferred)):
        key = (edge.source, edge.target, edge.message, edge.guard, edge.error)
        edges.setdefault(key, edge)
    # A pack's guard has a name of its own, so that the same transition reads otherwise in code.
    known = {(edge.source, edge.target, edge.message) for edge in edges.values()}
    read = [each for each in declared.edges if each.inferred]
    more = [each for each in read if (each.source, each.target, each.message) not in known]
    notes = described.notes + declared.notes
    return replace(
        described, states=tuple(states.values()), edges=(*edges.values(), *more), notes=notes
    )


def _merged(described: StateNode | None, declared: StateNode) -> StateNode:
    if described is None:
        return declared
    return replace(
        declared,
        known=described.known or declared.known,
        group=described.group,
        sources=described.sources | declared.sources,
    )


def _drawn(graph: Graph, format: str) -> str:
    from flexiflow.graph import dot, render, table

    forms: dict[str, Callable[[Graph], str]] = {
        "dot": dot.to_dot,
        "svg": render.to_svg,
        "markdown": table.to_markdown,
        "table": table.to_table,
        "text": table.to_text,
    }
    return forms[format](graph)

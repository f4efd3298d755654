"""What the panes say of one span: its records, its change, its error, and its way on the graph."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from flexiflow.analysis.base import words
from flexiflow.analysis.machine.machine_graph import MachineGraph
from flexiflow.errors import FlexiFlowError, bounded
from flexiflow.graph.model import Graph, Source, StateNode
from flexiflow.graph.overlay import with_observed

if TYPE_CHECKING:
    from flexiflow.analysis.history import History
    from flexiflow.analysis.traces.span_tree import SpanNode
    from flexiflow.tracing.records import ErrorRecord, LogRecord

_MOST_RECORDS = 100
_LONGEST_DATA = 4_000
_MOST_CHANGES = 100


def span_detail(node: SpanNode, history: History | None) -> dict[str, Any]:
    """Everything about a span that the waterfall does not show.

    Args:
        node: the span.
        history: where the fields that its step changed are looked up, if there is one.
    """
    records = node.records[:_MOST_RECORDS]
    error = next((each.error for each in reversed(node.records) if each.error is not None), None)
    return {
        "records": [_record(each) for each in records],
        "more": len(node.records) - len(records),
        "snapshots": node.snapshots,
        "change": _change(node, history),
        "error": None if error is None else _error(error),
        "component": node.component,
    }


def way_picture(
    component: str, nodes: Sequence[SpanNode], history: History | None
) -> dict[str, Any]:
    """A component's machine, with the way that it took in a trace.

    Args:
        component: which.
        nodes: the trace's spans.
        history: knows the whole machine; without one there is what the trace shows.

    Returns:
        the SVG (empty where nothing can draw), the same in words, and which edges of the picture
        were taken, in their order.
    """
    steps = [node for node in nodes if node.kind == "step" and node.component == component]
    steps.sort(key=lambda node: node.first_us or 0)
    taken = [
        (node.from_state, node.to_state, node.label or "")
        for node in steps
        if node.outcome == "moved" and node.from_state and node.to_state
    ]
    seen = [state for node in steps for state in (node.from_state, node.to_state) if state]
    graph = _machine(component, history) or _seen(component, seen, taken)
    places = {(each.source, each.target, each.message): at for at, each in enumerate(graph.edges)}
    machine = MachineGraph(graph)
    told = {
        "component": component,
        "words": machine.to_text(),
        "svg": "",
        "trail": [places[each] for each in taken if each in places],
        "visited": list(dict.fromkeys(seen)),
        "current": seen[-1] if seen else None,
        "states": len(graph.states),
    }
    try:
        told["svg"] = machine.to_svg() if graph.states else ""
    except FlexiFlowError as exc:  # nothing here can draw: the words stand in
        told["words"] = f"{told['words']}\n\n{exc}"
    return told


def _machine(component: str, history: History | None) -> Graph | None:
    if history is None:
        return None
    try:
        return history.graph(component).model
    except FlexiFlowError:
        return None


def _seen(component: str, states: Sequence[str], taken: Sequence[tuple[str, str, str]]) -> Graph:
    """What the trace alone shows of a machine."""
    observed: frozenset[Source] = frozenset({"observed"})
    nodes = tuple(StateNode(name, sources=observed) for name in dict.fromkeys(states))
    return with_observed(Graph(component, nodes), Counter(taken))


def _record(record: LogRecord) -> list[str]:
    """Its time, event, who, and whatever else it says, as texts."""
    who = " · ".join(each for each in (record.component, record.handler) if each)
    facts = {
        "message": record.message_type,
        "reason": record.reason,
        "step": record.step_id,
        "snapshot": record.snapshot_id,
    }
    said = [f"{name} {words.name(value)}" for name, value in facts.items() if value is not None]
    if record.duration_us is not None:
        said.append(f"took {words.duration(record.duration_us)}")
    data = "" if record.data is None else _json(record.data)
    return [record.ts[11:23], words.name(record.event), words.name(who), ", ".join(said), data]


def _change(node: SpanNode, history: History | None) -> dict[str, Any]:
    fields: list[list[str]] = []
    step_id = next((each.step_id for each in node.records if each.step_id is not None), None)
    if history is not None and step_id is not None and node.component is not None:
        try:
            changes = history.blame(node.component)
        except FlexiFlowError:  # a history of something else
            changes = None
        if changes is not None:
            mine = changes[changes["step_id"] == step_id].head(_MOST_CHANGES)
            fields = [
                [words.name(row.field), _shown(row.old), _shown(row.new)]
                for row in mine.itertuples()
            ]
    return {
        "from": node.from_state,
        "to": node.to_state,
        "outcome": node.outcome,
        "fields": fields,
        "known": history is not None and step_id is not None,
    }


def _shown(value: Any) -> str:
    return bounded(str(value), 200) if isinstance(value, str) else "none"


def _error(error: ErrorRecord) -> dict[str, Any]:
    return {
        "type": error.type,
        "what": error.what or error.message,
        "why": error.why,
        "fix": error.fix,
        "context": list((error.context or {}).items()),
    }


def _json(value: Any) -> str:
    return bounded(msgspec.json.encode(value).decode("utf-8", "replace"), _LONGEST_DATA)

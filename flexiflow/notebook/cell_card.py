"""What one cell did to the machines, as a card: a small graph, steps, changed fields, log, time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from flexiflow.analysis.base import words
from flexiflow.graph.inferred import full_graph
from flexiflow.graph.model import Graph
from flexiflow.graph.overlay import with_observed
from flexiflow.notebook.cards import figure
from flexiflow.notebook.cell_record import CellRecord
from flexiflow.notebook.html import card, element, escape, fitting, folded, muted, table
from flexiflow.notebook.live_cards import is_small
from flexiflow.notebook.widgets.moment import StepLine, clock

_MOST_GRAPHS = 2
_MOST_CHANGES = 20
_MARKS = {"failed": "✕ ", "refused": "◇ ", "cancelled": "✕ "}


def cell_text(record: CellRecord) -> str:
    """The card's first line alone."""
    return f"{_headline(record)}{_of_whom(record)}"


def cell_card(record: CellRecord) -> str:
    """The whole card."""
    trouble = record.outcomes["failed"] + record.outcomes["cancelled"]
    accent = "failure" if trouble else "refusal" if record.outcomes["refused"] else "accent"
    title = element("strong", escape(_headline(record))) + escape(_of_whom(record))
    parts = [*_figures(record), _steps(record), _changes(record), _log(record)]
    if not record.steps:
        accent = "neutral"
        parts.insert(0, muted("No component had a message while this cell ran."))
    return card(title, fitting(parts), accent, cell_text(record))


def _headline(record: CellRecord) -> str:
    others = [
        f"{_MARKS.get(name, '')}{words.count(number)} {name}"
        for name, number in record.outcomes.most_common()
    ]
    told = f" ({', '.join(others)})" if others else ""
    return f"{words.plural(record.steps, 'step')}{told} in {words.duration(record.took_us)}"


def _of_whom(record: CellRecord) -> str:
    names = [words.name(each.name, 40) for each in record.components]
    more = f" and {len(names) - 3} more" if len(names) > 3 else ""
    return f": {', '.join(names[:3])}{more}" if names else ""


def _figures(record: CellRecord) -> Iterator[str]:
    """One graph for each kind of machine, with what all of that kind did."""
    kinds: dict[Any, list[Any]] = {}
    for component in record.components:
        machine = component.state_machine
        kinds.setdefault((getattr(machine, "start", None), id(machine.registry)), []).append(
            component
        )
    for alike in list(kinds.values())[:_MOST_GRAPHS]:
        graph = _with_steps(full_graph(alike[0]), record, alike)
        if is_small(graph):
            yield figure(graph)
    if len(kinds) > _MOST_GRAPHS:
        yield muted(f"{words.plural(len(kinds) - _MOST_GRAPHS, 'more kind')} of machine not drawn.")


def _with_steps(graph: Graph, record: CellRecord, alike: list[Any]) -> Graph:
    taken: Counter[tuple[str, str, str]] = Counter()
    unmoved: Counter[tuple[str, str, str]] = Counter()
    for component in alike:
        taken += record.taken_by(component.name)
        unmoved += record.unmoved_by(component.name)
    name = alike[0].name if len(alike) == 1 else words.plural(len(alike), "component")
    current = graph.current if len(alike) == 1 else None
    seen = with_observed(replace(graph, current=current), taken, unmoved=unmoved)
    return replace(seen, name=name, notes=())


def _steps(record: CellRecord) -> str:
    if not record.steps:
        return ""
    columns = ("time (UTC)", "component", "message", "outcome", "state", "took", "why")
    rows = [_row(line) for line in record.last]
    left_out = record.steps - len(rows)
    label = f"The last {len(rows)} of {words.count(record.steps)} steps" if left_out else "Steps"
    return element("div", table(columns, rows, label), "overflow-x:auto;margin-top:8px")


def _row(line: StepLine) -> tuple[str, ...]:
    moved = line.from_state != line.to_state
    return (
        clock(line.time_us),
        line.component,
        line.message,
        _MARKS.get(line.outcome, "") + line.outcome,
        f"{line.from_state} → {line.to_state}" if moved else line.from_state,
        words.duration(line.duration_us),
        ": ".join(filter(None, (line.error, line.reason))),
    )


def _changes(record: CellRecord) -> str:
    rows = [
        (component.name, *change)
        for component in record.components
        for change in record.changes_of(component.name)
    ]
    if not rows:
        return ""
    shown = [(name, field, f"{old} → {new}") for name, field, old, new in rows[:_MOST_CHANGES]]
    more = len(rows) - len(shown)
    note = muted(f"{words.plural(more, 'more change')}.") if more else ""
    changed = table(("component", "field", "old → new"), shown, "Changed fields")
    return element("div", changed, "overflow-x:auto;margin-top:8px") + note


def _log(record: CellRecord) -> str:
    if not record.lines:
        return ""
    rows = [
        (
            clock(line.time_us),
            ("✕ " if line.trouble else "") + line.event,
            line.component or "",
            line.text,
        )
        for line in record.lines
    ]
    columns = ("time (UTC)", "event", "component", "what")
    lines = words.plural(record.logged, "line")
    label = (
        f"Log, {lines}" if record.logged == len(rows) else f"Log, the last {len(rows)} of {lines}"
    )
    return folded(label, element("div", table(columns, rows, label), "overflow-x:auto"))

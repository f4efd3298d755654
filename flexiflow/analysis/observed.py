"""What happened, as counts on a machine's graph."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.machine_graph import MachineGraph
from flexiflow.analysis.machines import machines_of
from flexiflow.analysis.visits import visits_frame
from flexiflow.graph.model import Graph
from flexiflow.graph.overlay import with_observed
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, columns_of, cursor, has_table

if TYPE_CHECKING:
    from flexiflow.analysis.history import History

UNKNOWN_MESSAGE = "?"
"""On an edge that only snapshots tell of: 1.x stored no messages."""

TransitionCounts = Counter[tuple[str, str, str]]


def graph_from_history(history: History, component: str | None) -> MachineGraph:
    """The stored machine with what was observed on it; see `History.graph`."""
    fingerprint, others = _machine(history, component)
    declared = Graph(component or "machine")
    for source in history.sources:
        with source.connect() as conn:
            declared = machines_of(conn).get(fingerprint or "", declared)
    notes = list(declared.notes)
    if fingerprint is None:
        notes.append("Nothing is declared in the file; the picture shows what was observed.")
    if others:
        notes.append(f"{others} more machines are in the file; name a component to see its own.")
    named = replace(declared, name=component or declared.name, notes=tuple(notes))
    return MachineGraph(observe(named, history, component, fingerprint))


def observe(
    graph: Graph, history: History, component: str | None = None, fingerprint: str | None = None
) -> Graph:
    """A graph with a history's counts on it.

    Args:
        graph: what is declared.
        history: what happened.
        component: only this one's steps.
        fingerprint: only steps of this machine.
    """
    visits = visits_frame(history.sources, component)
    if fingerprint is not None:
        visits = visits[visits["fingerprint"] == fingerprint]
    counts = transition_counts(history, component, fingerprint)
    if not counts:
        counts = _from_snapshots(visits)
    entered = {str(name): int(n) for name, n in visits["state"].value_counts().items() if n}
    current = None
    if component is not None and len(visits):
        current = str(visits.iloc[-1]["state"])
    return with_observed(graph, counts, current, entered)


def transition_counts(
    history: History, component: str | None = None, fingerprint: str | None = None
) -> TransitionCounts:
    """How often each (from, to, message) was taken; refused and failed messages are not counted."""
    conditions, values = ["outcome IN ('moved', 'stayed')"], []
    for column, value in (("component_name", component), ("fingerprint", fingerprint)):
        if value is not None:
            conditions.append(f"{column} = ?")
            values.append(value)
    query = f"""SELECT from_state, to_state, coalesce(message_type, '{UNKNOWN_MESSAGE}'), count(*)
        FROM {STEPS} WHERE {" AND ".join(conditions)} GROUP BY 1, 2, 3 ORDER BY min(id)"""
    counts: TransitionCounts = Counter()
    for source in history.sources:
        with source.connect() as conn:
            if has_table(conn, STEPS):
                for before, after, message, number in cursor(conn).execute(query, values):
                    counts[before, after, message] += number
    return counts


def _from_snapshots(visits: Any) -> TransitionCounts:
    counts: TransitionCounts = Counter()
    rows = list(visits[["component", "state", "source"]].itertuples(index=False))
    for before, after in zip(rows, rows[1:], strict=False):
        if (before.component, before.source) == (after.component, after.source):
            counts[before.state, after.state, UNKNOWN_MESSAGE] += 1
    return counts


def _machine(history: History, component: str | None) -> tuple[str | None, int]:
    """The fingerprint to draw, and how many others there are.

    A component's newest one; without a component the one that most components have.
    """
    found: Counter[str] = Counter()
    for source in history.sources:
        with source.connect() as conn:
            if "fingerprint" not in columns_of(conn, SNAPSHOTS):
                continue
            if component is None:
                query = f"""SELECT fingerprint, count(DISTINCT component_name) FROM {SNAPSHOTS}
                    WHERE fingerprint IS NOT NULL GROUP BY 1"""
                rows = cursor(conn).execute(query).fetchall()
                found.update(dict(rows))
                continue
            query = f"""SELECT fingerprint FROM {SNAPSHOTS} WHERE component_name = ?
                AND fingerprint IS NOT NULL ORDER BY id DESC LIMIT 1"""
            row = cursor(conn).execute(query, (component,)).fetchone()
            found = found if row is None else Counter({row[0]: 1})
    if not found:
        return None, 0
    (fingerprint, _), *others = found.most_common()
    return fingerprint, len(others)

"""What happened, as counts on a machine's graph."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, words
from flexiflow.analysis.reading.machines import machines_of
from flexiflow.analysis.reading.tables import has_steps, step_columns
from flexiflow.analysis.reading.visits import Visit, read_visits
from flexiflow.graph.definition import fingerprint as fingerprint_of
from flexiflow.graph.definition import reachable, to_definition
from flexiflow.graph.model import Graph
from flexiflow.graph.overlay import Unmoved, with_observed
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, columns_of, cursor

if TYPE_CHECKING:
    from flexiflow.analysis.history import History

UNKNOWN_MESSAGE = "?"
"""On an edge that only snapshots tell of: 1.x stored no messages."""

TransitionCounts = Counter[tuple[str, str, str]]


@dataclass(frozen=True, slots=True)
class Handled:
    """What came of messages.

    Attributes:
        taken: how often each (from, to, message) was taken.
        unmoved: what failed or was refused.
    """

    taken: TransitionCounts
    unmoved: Unmoved


@dataclass(frozen=True, slots=True)
class Selection:
    """Which part of a history a machine is compared with.

    Attributes:
        component: only this one's, or None.
        fingerprint: only what this machine did, or None.
        note: what people should know about that choice, or None.
    """

    component: str | None = None
    fingerprint: str | None = None
    note: str | None = None


def graph_from_history(history: History, component: str | None) -> Graph:
    """The stored machine with what was observed on it; see `History.graph`."""
    fingerprint, others = _machine(history, component)
    declared = _stored_machines(history).get(fingerprint or "")
    notes = [] if declared is None else list(declared.notes)
    if declared is None:
        notes.append("Nothing is declared in the file; the picture shows what was observed.")
    if others:
        more = words.plural(others, "more machine")
        notes.append(f"The file holds {more}; name a component to see its own.")
    named = replace(declared or Graph("machine"), notes=tuple(notes))
    named = named if component is None else replace(named, name=component)
    return observe(named, history, component, fingerprint)


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
    handled = handled_counts(history, component, fingerprint)
    # What was taken is told by the steps, where there are any: then they need not be read here.
    visits = read_visits(history.sources, component, with_steps=not handled.taken)
    counts = handled.taken or _from_visits(visits.all(), fingerprint)
    stays = visits.stays
    current = stays.states[stays.state[-1]] if component is not None and len(stays.row) else None
    entered = visits.entered(fingerprint)
    return with_observed(graph, counts, current, entered, handled.unmoved)


def selection_for(graph: Graph, history: History) -> Selection:
    """The part of a history that belongs to a machine.

    That is what the components did that have this very machine; else what the component did that
    has its name; else everything.
    """
    stored = _stored_machines(history)
    # A config lists states that no declaration leads to; what a component records has none.
    for each in (graph, reachable(graph)):
        digest = fingerprint_of(to_definition(each))
        if digest in stored:
            return Selection(fingerprint=digest)
    changed = "The history does not hold this machine as it is"
    if graph.name in history.names():
        named = words.name(graph.name)
        return Selection(graph.name, note=f"{changed}; what {named} did in it is counted.")
    return Selection(note=f"{changed}; everything in it is counted.")


def observe_selected(graph: Graph, history: History, selection: Selection) -> Graph:
    """A graph with what a part of a history says on it."""
    notes = () if selection.note is None else (selection.note,)
    noted = replace(graph, notes=(*graph.notes, *notes))
    return observe(noted, history, selection.component, selection.fingerprint)


def handled_counts(
    history: History, component: str | None = None, fingerprint: str | None = None
) -> Handled:
    """What came of all messages, by the state in which they came."""
    taken: TransitionCounts = Counter()
    unmoved: Counter[tuple[str, str, str]] = Counter()
    for source in history.sources:
        with source.connect() as conn:
            if not has_steps(conn):
                continue
            for outcome, before, after, named, number in _handled(conn, component, fingerprint):
                message = frames.text_of(named) or UNKNOWN_MESSAGE
                if outcome in ("failed", "refused") and isinstance(before, str):
                    unmoved[before, message, outcome] += number
                elif isinstance(before, str) and isinstance(after, str):
                    taken[before, after, message] += number
    return Handled(taken, unmoved)


def _stored_machines(history: History) -> dict[str, Graph]:
    found: dict[str, Graph] = {}
    for source in history.sources:
        with source.connect() as conn:
            found.update(machines_of(conn))
    return found


def _handled(
    conn: sqlite3.Connection, component: str | None, fingerprint: str | None
) -> Iterable[tuple[Any, ...]]:
    columns = step_columns(conn)
    known = "('moved', 'stayed', 'failed', 'refused')"
    conditions, values = [f"{columns['outcome']} IN {known}"], []
    for column, value in (("component_name", component), ("fingerprint", fingerprint)):
        if value is not None:
            conditions.append(f"{columns[column]} = ?")
            values.append(value)
    wanted = ("outcome", "from_state", "to_state", "message_type")
    named = ", ".join(columns[name] for name in wanted)
    query = f"""SELECT {named}, count(*) FROM {STEPS} s
        WHERE {" AND ".join(conditions)} GROUP BY 1, 2, 3, 4 ORDER BY min(s.rowid)"""
    return cursor(conn).execute(query, values)


def _from_visits(visits: Sequence[Visit], fingerprint: str | None) -> TransitionCounts:
    """What snapshots alone tell: one state came after another."""
    return Counter(
        (before.state, after.state, before.left_by or UNKNOWN_MESSAGE)
        for before, after in pairwise(visits)
        if before.component == after.component and fingerprint in (None, before.fingerprint)
    )


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
                found.update(dict(cursor(conn).execute(query).fetchall()))
                continue
            query = f"""SELECT fingerprint FROM {SNAPSHOTS} WHERE component_name = ?
                AND fingerprint IS NOT NULL ORDER BY rowid DESC LIMIT 1"""
            row = cursor(conn).execute(query, (component,)).fetchone()
            found = found if row is None else Counter({row[0]: 1})
    if not found:
        return None, 0
    (fingerprint, _), *others = found.most_common()
    return fingerprint, len(others)

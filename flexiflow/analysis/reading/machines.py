"""The machines that a history stores: definitions by fingerprint."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable

from flexiflow.analysis.reading.source import Source
from flexiflow.graph.definition import from_definition
from flexiflow.graph.model import Graph, StateNode
from flexiflow.persistence import tagged
from flexiflow.persistence.schema import MACHINES, SNAPSHOTS, columns_of, cursor, has_table


def machines_of(conn: sqlite3.Connection) -> dict[str, Graph]:
    """Every stored machine by its fingerprint; one that can't be read is an empty graph."""
    if not has_table(conn, MACHINES):
        return {}
    rows = cursor(conn).execute(f"SELECT fingerprint, definition_json FROM {MACHINES}").fetchall()
    found: dict[str, Graph] = {}
    for fingerprint, text in rows:
        try:
            found[str(fingerprint)] = from_definition(tagged.parse(text))
        except (ValueError, TypeError) as exc:
            found[str(fingerprint)] = Graph("", notes=(f"The definition can't be read: {exc}",))
    return found


def fingerprints_of(conn: sqlite3.Connection, component: str) -> set[str]:
    """The machines that a component was recorded with."""
    if "fingerprint" not in columns_of(conn, SNAPSHOTS):
        return set()
    query = f"SELECT DISTINCT fingerprint FROM {SNAPSHOTS} WHERE component_name = ?"
    return {str(found) for (found,) in cursor(conn).execute(query, (component,))}


def finals_of(conn: sqlite3.Connection) -> dict[str, frozenset[str]]:
    """The final states of every stored machine."""
    return states_of(conn, lambda state: state.final)


def states_of(
    conn: sqlite3.Connection, wanted: Callable[[StateNode], bool]
) -> dict[str, frozenset[str]]:
    """Of every stored machine the names of some of its states."""
    return {
        fingerprint: frozenset(state.name for state in graph.states if wanted(state))
        for fingerprint, graph in machines_of(conn).items()
    }


def states_in(
    sources: Iterable[Source], wanted: Callable[[StateNode], bool]
) -> dict[str | None, frozenset[str]]:
    """The same of all machines of several files."""
    found: dict[str | None, frozenset[str]] = {}
    for source in sources:
        with source.connect() as conn:
            found.update(states_of(conn, wanted))
    return found

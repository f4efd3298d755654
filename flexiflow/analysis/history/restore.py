"""Restoring a snapshot as a live component, and saying what is not as it was."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from typing import Any

from flexiflow.analysis.base import words
from flexiflow.analysis.base.fields import field_name
from flexiflow.analysis.base.values import Path
from flexiflow.analysis.reading.machines import machines_of
from flexiflow.analysis.reading.rows import one_snapshot, row_id_of
from flexiflow.analysis.reading.source import Source
from flexiflow.analysis.reading.tables import snapshot_columns
from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import listed
from flexiflow.graph.declared import declared_graph
from flexiflow.graph.definition import fingerprint, to_definition
from flexiflow.graph.model import Graph
from flexiflow.persistence.schema import SNAPSHOTS, cursor
from flexiflow.persistence.snapshot import ComponentSnapshot, component_from
from flexiflow.persistence.tagged import Placeholder
from flexiflow.redaction import Redacted
from flexiflow.state_machine import StateRegistry

_NAMED = 5
_CONTAINERS = (list, tuple, set, frozenset)


class IncompleteRestore(UserWarning):
    """A component was restored, and something about it is not as it was when it was recorded."""


def restored(
    sources: Sequence[Source],
    snapshot_id: int,
    engine: FlexiFlowEngine,
    registry: StateRegistry | None,
) -> AsyncComponent:
    """A live component from a snapshot; see `History.restore`."""
    snapshot = one_snapshot(sources, snapshot_id)
    component = component_from(snapshot, engine, registry)
    told = [*_missing_values(snapshot), *_machine_changes(sources, snapshot_id, component)]
    if told:
        text = f"{words.name(snapshot.name)} is not all that it was. {' '.join(told)}"
        # Before it is registered: who makes an error of the warning keeps the engine as it is.
        # It names the line that called `History.restore`, past the two frames that ask it.
        warnings.warn(IncompleteRestore(text), stacklevel=5)
    return engine.register(component)


def _missing_values(snapshot: ComponentSnapshot) -> list[str]:
    """Which values could not be stored, or were kept out."""
    document = {"rules": snapshot.rules, "metadata": snapshot.metadata}
    found = list(_stand_ins(document))
    if not found:
        return []
    named = ", ".join(
        f"{words.name(field_name(path))} ({_reason(each)})" for path, each in found[:_NAMED]
    )
    more = f" and {words.count(len(found) - _NAMED)} more" if len(found) > _NAMED else ""
    return [f"Not stored, so not restored: {named}{more}."]


def _reason(stand_in: Placeholder | Redacted) -> str:
    if isinstance(stand_in, Redacted):
        return "kept out by redact="
    return words.sentence(stand_in.text, 80)


def _stand_ins(document: dict[str, Any]) -> Iterator[tuple[Path, Placeholder | Redacted]]:
    waiting: list[tuple[Path, Any]] = [((), document)]
    while waiting:
        path, value = waiting.pop()
        if isinstance(value, Placeholder | Redacted):
            yield path, value
        elif isinstance(value, dict):
            waiting.extend(((*path, key), each) for key, each in reversed(value.items()))
        elif isinstance(value, _CONTAINERS):
            waiting.extend(((*path, at), each) for at, each in reversed(list(enumerate(value))))


def _machine_changes(
    sources: Sequence[Source], snapshot_id: int, component: AsyncComponent
) -> list[str]:
    """How the machine that the code declares today differs from the recorded one."""
    digest, recorded = _recorded_machine(sources, snapshot_id)
    if digest is None:
        return ["Which machine it had was not recorded with it."]
    _begin_where(recorded, component)
    today = declared_graph(component)
    if fingerprint(to_definition(today)) == digest:
        return []
    told = "Its machine is not the recorded one: the code has changed, or it began elsewhere"
    return [f"{told}{_differing(recorded, today)}."]


def _begin_where(recorded: Graph | None, component: AsyncComponent) -> None:
    """Have its machine begin where the recorded one did, though its own life begins in the middle.

    An engine that knows no other component of its kind would take where it is for its start.
    """
    machine = component.state_machine
    if recorded is not None and recorded.start is not None:
        machine.start_class = machine.registry.find(recorded.start) or machine.start_class


def _recorded_machine(
    sources: Sequence[Source], snapshot_id: int
) -> tuple[str | None, Graph | None]:
    for source in sources:
        with source.connect() as conn:
            query = f"""SELECT {snapshot_columns(conn)["fingerprint"]} FROM {SNAPSHOTS} s
                WHERE s.rowid = ?"""
            row = cursor(conn).execute(query, (row_id_of(snapshot_id),)).fetchone()
            if row is not None:
                return row[0], machines_of(conn).get(row[0])
    return None, None


def _differing(recorded: Graph | None, today: Graph) -> str:
    if recorded is None:
        return ""
    before, after = ({state.name for state in graph.states} for graph in (recorded, today))
    told = [
        f"{label} {listed(sorted(names))}"
        for label, names in (("gone:", before - after), ("new:", after - before))
        if names
    ]
    return f" ({'; '.join(told)})" if told else ", in its transitions or guards"

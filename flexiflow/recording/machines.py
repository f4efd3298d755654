"""The machines of the components that a recording has met, each stored once."""

from __future__ import annotations

from typing import Any

from flexiflow.graph.declared import declared_graph
from flexiflow.graph.definition import fingerprint, to_definition
from flexiflow.redaction import Redaction
from flexiflow.tracing.records import encode_valid

Machine = tuple[str, tuple[str, str]]
"""A machine's fingerprint, and the row that stores its definition."""


class Machines:
    """Finds each machine's fingerprint and definition, once.

    Args:
        redaction: which values no guard's text may name, or None.
    """

    def __init__(self, redaction: Redaction | None) -> None:
        self._redaction = redaction
        self._known: dict[tuple[Any, int, int], tuple[Any, Machine | None]] = {}

    def of(self, component: Any) -> Machine | None:
        """A component's machine, or None where its declarations can't be read."""
        machine = component.state_machine
        kept = machine.registry, machine.described
        key = (machine.start_class, *map(id, kept))
        if key not in self._known:
            try:
                definition = self._without_hidden(to_definition(declared_graph(component)))
                digest = fingerprint(definition)
                found = digest, (digest, encode_valid(definition).decode())
            except Exception:  # its declarations can't be read; the steps will say so
                found = None
            # Both are kept, so that their ids are nobody else's.
            self._known[key] = kept, found
        return self._known[key][1]

    def _without_hidden(self, definition: dict[str, Any]) -> dict[str, Any]:
        """A machine's definition whose guards name no value that is kept out."""
        if self._redaction is None:
            return definition
        masked = {guard: self._redaction.mask(guard) for guard in definition["guards"]}
        edges = [{**edge, "guard": masked.get(edge["guard"])} for edge in definition["edges"]]
        return {**definition, "guards": list(masked.values()), "edges": edges}

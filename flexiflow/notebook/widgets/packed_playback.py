"""A playback as bytes for the browser: arrays of codes, and the entries' texts as JSON.

All of it is one zlib stream, which the browser's own ``DecompressionStream`` inflates::

    uint32    n, the number of entries, and m, the bytes of what follows them
    float64   n times in milliseconds since 1970, NaN where not known
    uint32    n + 1 offsets into the entries' texts
    uint16    n times four: state before, state after, message, outcome (places in `names`)
    int16     n edges of the graph, -1 for none, -2 - e for a step that failed on edge e
    bytes     the entries, JSON each; then m bytes of JSON: names, the fields' values, and which
              entries went wrong
"""

from __future__ import annotations

import json
import struct
import zlib
from array import array
from collections.abc import Sequence
from typing import Any

from flexiflow.analysis.base import words
from flexiflow.analysis.history.playback import Entry, Playback
from flexiflow.errors import bounded
from flexiflow.graph.model import Graph
from flexiflow.notebook.widgets.moment import StepLine, attempted, clock, places

_LONGEST = 400
_LEVEL = 4  # of zlib: three times as fast as 6, for a twentieth more bytes
_LONGEST_DETAIL = 4_000


class Names:
    """Texts, each with a number."""

    def __init__(self) -> None:
        self._codes: dict[str, int] = {}

    def code(self, text: str | None) -> int:
        """The number of a text; 65,535 where there is none, or too many are known."""
        if text is None or (text not in self._codes and len(self._codes) >= 0xFFFF):
            return 0xFFFF
        return self._codes.setdefault(text, len(self._codes))

    @property
    def all(self) -> list[str]:
        """The texts, by their numbers."""
        return list(self._codes)


def packed(playback: Playback, graph: Graph, *, several: bool = False) -> bytes:
    """The bytes that the script reads; see the module.

    Args:
        playback: what to pack.
        graph: the machine whose edges the steps went over.
        several: whether the history has several files, so that an id alone names no row.
    """
    names = {kind: Names() for kind in ("states", "messages", "outcomes")}
    entries = playback.entries
    codes = [
        array("H", (names[kind].code(getattr(entry, value)) for entry in entries))
        for kind, value in (
            ("states", "before"),
            ("states", "after"),
            ("messages", "message"),
            ("outcomes", "outcome"),
        )
    ]
    bodies = [
        json.dumps(_body(entry, several), separators=(",", ":")).encode() for entry in entries
    ]
    tail = {kind: each.all for kind, each in names.items()} | {
        "fields": playback.fields,
        "failed": [at for at, entry in enumerate(entries) if entry.failed],
    }
    end = json.dumps(tail, separators=(",", ":")).encode()
    pieces = [
        struct.pack("<II", len(entries), len(end)),
        _little(array("d", (_milliseconds(entry) for entry in entries))),
        _little(array("I", _offsets(bodies))),
        *map(_little, codes),
        _little(array("h", (_edge(graph, entry) for entry in entries))),
        *bodies,
        end,
    ]
    return zlib.compress(b"".join(pieces), _LEVEL)


def line_of(entry: Entry) -> StepLine:
    """A step as the machine view knows it; its id is -1 where it is none."""
    error = None if entry.error is None else entry.error.partition(":")[0]
    return StepLine(
        -1 if entry.step_id is None else entry.step_id,
        entry.time_us,
        entry.duration_us,
        "",
        entry.message or "",
        entry.before or "",
        entry.after or "",
        entry.outcome,
        entry.reason,
        error,
    )


def _body(entry: Entry, several: bool) -> dict[str, Any]:
    told: dict[str, Any] = {
        "step": entry.step_id,
        "snapshot": entry.snapshot_id,
        "file": entry.source if several else None,
        "clock": clock(entry.time_us),
        "at": f"{words.clock(entry.time_us)} UTC",
        "took": None if entry.duration_us is None else words.duration(entry.duration_us),
        "from": entry.sender and bounded(entry.sender, _LONGEST),
        "tries": entry.tries if entry.tries > 1 else None,
        "reason": entry.reason and bounded(entry.reason, _LONGEST_DETAIL),
        "error": entry.error and bounded(entry.error, _LONGEST_DETAIL),
        "id": entry.correlation_id,
        "changes": [[each.field, each.old, each.new, each.set_by] for each in entry.changes],
        "more": entry.more_changes,
        "unreadable": not entry.readable,
        "guards": _stored(entry.guards_json),
        "detail": _stored(entry.error_json),
    }
    return {key: value for key, value in told.items() if value not in (None, 0, False, [])}


def _stored(text: str | None) -> Any:
    """What a column of JSON holds; as text where it is none, or very large."""
    if text is None:
        return None
    if len(text) > _LONGEST_DETAIL:
        return bounded(text, _LONGEST_DETAIL)
    try:
        return json.loads(text, parse_constant=str)
    except (ValueError, RecursionError):
        return text


def _edge(graph: Graph, entry: Entry) -> int:
    if entry.message is None and entry.outcome != "moved":
        return -1
    line = line_of(entry)
    if entry.outcome in ("moved", "stayed"):
        return next(iter(places(graph, line)), -1)
    if entry.outcome in ("failed", "cancelled"):
        return -2 - next(iter(attempted(graph, line)), -1)
    return -1


def _milliseconds(entry: Entry) -> float:
    return float("nan") if entry.time_us is None else entry.time_us / 1e3


def _offsets(bodies: Sequence[bytes]) -> list[int]:
    offsets = [0]
    for body in bodies:
        offsets.append(offsets[-1] + len(body))
    return offsets


def _little(values: array[Any]) -> bytes:
    """The bytes of an array, the lowest first."""
    if struct.pack("=H", 1) != struct.pack("<H", 1):
        values.byteswap()
    return values.tobytes()

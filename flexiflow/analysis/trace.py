"""One message's whole path: its records, and the tree of what caused what."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flexiflow.analysis import words
from flexiflow.errors import bounded
from flexiflow.tracing.reader import BrokenLine
from flexiflow.tracing.records import LogRecord, time_us_of

if TYPE_CHECKING:
    import pandas as pd

_MARKS = {"refused": "◇", "failed": "✕", "cancelled": "✕", "unknown": "?"}
_MOST_LINES = 2_000


@dataclass(slots=True)
class SpanNode:
    """A step, or a handler call inside one, with what it caused.

    Attributes:
        span_id: its id; None for records that stand outside every span.
        kind: step, handler, or missing (only children tell that it was there).
        component: on whose behalf.
        label: the message type, or the handler.
        start_us: microseconds since 1970; None where no record says.
        duration_us: microseconds; None where it did not end in the log.
        outcome: moved, stayed, refused, failed, cancelled, ok; unknown where it did not end.
        from_state, to_state: of a step.
        detail: the reason or the error, in words.
        snapshots: rows, or files, of the snapshots that were saved.
        records: its log records, by time.
        children: what it caused, by time.
    """

    span_id: str | None
    kind: str = "missing"
    component: str | None = None
    label: str | None = None
    start_us: int | None = None
    duration_us: int | None = None
    outcome: str = "unknown"
    from_state: str | None = None
    to_state: str | None = None
    detail: str | None = None
    snapshots: list[str] = field(default_factory=list)
    records: list[LogRecord] = field(default_factory=list, repr=False)
    children: list[SpanNode] = field(default_factory=list, repr=False)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, SpanNode]]:
        """This node and all below it, depth first, each with its depth."""
        waiting = [(depth, self)]
        while waiting:  # a loop: a trace may be deeper than Python's stack
            level, node = waiting.pop()
            yield level, node
            waiting.extend((level + 1, child) for child in reversed(node.children))

    @property
    def sentence(self) -> str:
        """The node in one line."""
        mark = _MARKS.get(self.outcome, "·" if self.kind == "handler" else "●")
        took = "" if self.duration_us is None else f"  {words.duration(self.duration_us)}"
        what = f"{mark} {self.component or '?'}: {self.label or self._nameless}"
        if self.kind == "step" and self.outcome == "moved":
            what += f"  {self.from_state} → {self.to_state}"
        elif self.outcome not in ("ok", "moved"):
            what += f"  {self.outcome}"
        detail = f"  ({bounded(self.detail, 160)})" if self.detail else ""
        saved = f"  [snapshot {', '.join(self.snapshots)}]" if self.snapshots else ""
        return f"{what}{detail}{saved}{took}"

    @property
    def _nameless(self) -> str:
        return self.records[0].event if self.records else "no records"


@dataclass(frozen=True, slots=True)
class TraceTree:
    """What caused what.

    Attributes:
        correlation_id: the trace.
        roots: the spans that nothing in the trace caused, by time.
        missing: what the log does not say, in words; empty for a whole trace.
    """

    correlation_id: str
    roots: tuple[SpanNode, ...]
    missing: tuple[str, ...] = ()

    def walk(self) -> Iterator[tuple[int, SpanNode]]:
        """All nodes, depth first, each with its depth."""
        for root in self.roots:
            yield from root.walk()

    def __str__(self) -> str:
        lines = [f"trace {self.correlation_id}"]
        for depth, node in self.walk():
            if len(lines) > _MOST_LINES:
                lines.append("… the rest is left out; see trace.records()")
                break
            lines.append("  " * (depth + 1) + node.sentence)
        lines.extend(f"  ! {note}" for note in self.missing)
        return "\n".join(lines)

    __repr__ = __str__


class Trace:
    """All records of one correlation id. Made by `Log.trace`.

    Args:
        correlation_id: the id.
        records: its records and broken lines, in the order of the files.
    """

    def __init__(self, correlation_id: str, records: Sequence[LogRecord | BrokenLine]) -> None:
        self.correlation_id = correlation_id
        self.broken = [record for record in records if isinstance(record, BrokenLine)]
        # A snapshot is logged after its commit, so lines are not in the order of their times.
        self._records = sorted(
            (record for record in records if isinstance(record, LogRecord)),
            key=lambda record: time_us_of(record) or 0,
        )

    def records(self) -> pd.DataFrame:
        """The records by time; the columns of `frames.RECORDS`."""
        from flexiflow.analysis.log import records_frame

        return records_frame([*self._records, *self.broken])

    def tree(self) -> TraceTree:
        """What caused what, with what is missing."""
        nodes = _nodes(self._records)
        missing = _adopt(nodes)
        for node in nodes.values():
            node.children.sort(key=_by_start)
            _conclude(node)
        children = {id(child) for node in nodes.values() for child in node.children}
        roots = [node for node in nodes.values() if id(node) not in children]
        notes = [*missing, *_unfinished(nodes.values())]
        if self.broken:
            notes.append(f"{len(self.broken)} broken lines mention this id")
        return TraceTree(self.correlation_id, tuple(sorted(roots, key=_by_start)), tuple(notes))

    def __len__(self) -> int:
        return len(self._records)

    def __repr__(self) -> str:
        components = len({record.component for record in self._records if record.component})
        return f"<Trace {self.correlation_id}: {len(self)} records of {components} components>"


def _nodes(records: Sequence[LogRecord]) -> dict[str | None, SpanNode]:
    nodes: dict[str | None, SpanNode] = {}
    for record in records:
        node = nodes.get(record.span_id)
        if node is None:
            node = nodes[record.span_id] = SpanNode(record.span_id)
        node.records.append(record)
        _fill(node, record)
    return nodes


def _fill(node: SpanNode, record: LogRecord) -> None:
    """Let one record say what it knows about its span."""
    node.component = node.component or record.component
    time_us = time_us_of(record)
    match record.event:
        case "message.received":
            node.kind, node.label, node.start_us = "step", record.message_type, time_us
            node.from_state = record.from_state
        case "handler.started":
            node.kind, node.label, node.start_us = "handler", _handler_label(record), time_us
        case "handler.finished" | "handler.failed":
            node.kind, node.label = "handler", _handler_label(record)
            node.outcome = "ok" if record.event == "handler.finished" else "failed"
            node.duration_us = record.duration_us
        case "state.changed" | "message.refused" | "message.failed":
            node.kind, node.label = "step", node.label or record.message_type
            node.outcome = record.outcome or "unknown"
            node.from_state, node.to_state = record.from_state, record.to_state
            node.duration_us = record.duration_us
        case "snapshot.saved":
            node.snapshots.append(_saved_where(record))
        case _:
            pass
    if record.error is not None:
        node.detail = f"{record.error.type}: {record.error.message}"
    elif record.reason is not None:
        node.detail = record.reason


def _handler_label(record: LogRecord) -> str | None:
    tries = record.data
    if isinstance(tries, dict) and "attempt" in tries and "max_attempts" in tries:
        return f"{record.handler} (try {tries['attempt']} of {tries['max_attempts']})"
    return record.handler


def _saved_where(record: LogRecord) -> str:
    if record.snapshot_id is not None:
        return str(record.snapshot_id)
    return str(record.data["path"]) if isinstance(record.data, dict) and "path" in record.data else "?"


def _adopt(nodes: dict[str | None, SpanNode]) -> list[str]:
    """Give every node to its parent; a parent that is not in the log is stood in for."""
    parents = {
        span_id: next((r.parent_id for r in node.records if r.parent_id), None)
        for span_id, node in nodes.items()
    }
    circular = _on_circles(parents)
    missing = 0
    for span_id, parent_id in parents.items():
        if parent_id is None or span_id in circular:
            continue
        if parent_id not in nodes:
            nodes[parent_id] = SpanNode(parent_id)
            missing += 1
        nodes[parent_id].children.append(nodes[span_id])
    notes = [f"{missing} spans are named as causes and have no records here"] if missing else []
    if circular:
        notes.append(f"{len(circular)} spans name each other as their cause, in a circle")
    return notes


def _on_circles(parents: dict[str | None, str | None]) -> set[str | None]:
    """The spans that are their own ancestors: only a damaged or forged log has them."""
    done: set[str | None] = set()
    circular: set[str | None] = set()
    for start in parents:
        path: dict[str | None, None] = {}
        current: str | None = start
        while current is not None and current not in done and current not in path:
            path[current] = None
            current = parents.get(current)
        if current in path:
            on_path = list(path)
            circular.update(on_path[on_path.index(current) :])
        done.update(path)
    return circular


def _conclude(node: SpanNode) -> None:
    """A step whose handler returned, and which has no closing record, stayed."""
    if node.kind == "step" and node.outcome == "unknown":
        handled = [each for each in node.children if each.kind == "handler"]
        if any(each.outcome == "ok" for each in handled):
            node.outcome, node.to_state = "stayed", node.from_state


def _unfinished(nodes: Iterable[SpanNode]) -> list[str]:
    count = sum(node.kind != "missing" and node.outcome == "unknown" for node in nodes)
    return [f"{count} spans began and have no end here"] if count else []


def _by_start(node: SpanNode) -> int:
    if node.start_us is not None:
        return node.start_us
    times = [time for record in node.records if (time := time_us_of(record)) is not None]
    return min(times, default=min((_by_start(c) for c in node.children), default=0))

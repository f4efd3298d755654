"""The tree of what caused what, built from the records of a trace."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from flexiflow.analysis.base import words
from flexiflow.tracing.line_formats import LINE_EVENT
from flexiflow.tracing.records import LogRecord

TimedRecord = tuple[int | None, LogRecord]
"""A record with its time, microseconds since 1970; None where it can't be read."""

_MARKS = {"refused": "◇", "failed": "✕", "cancelled": "✕", "unknown": "?"}
_MOST_LINES = 2_000
_MOST_TOLD = 5  # lines of one span that has nothing else to tell
_DEEPEST = 30  # levels that are indented; deeper ones say how deep they are

_SKEW_US = 1_000  # by which clocks of one machine may differ

_LONGEST_US = 10**17  # three thousand years: what claims to take longer is damaged


@dataclass(slots=True, eq=False)
class SpanNode:
    """A step, or a handler call inside one, with what it caused.

    Attributes:
        span_id: its id; None for records that stand outside every span.
        kind: step, handler, other (its records don't say), or missing (only children tell that
            it was there).
        component: on whose behalf.
        label: the message type, or the handler, with its try where it is tried again.
        handler: the method, subscriber or retried function; None of a step.
        attempt: which try of a retried call, counted from 1; None where it is none.
        start_us: microseconds since 1970; where its beginning is not in the log, its end less its
            duration; None where no record says.
        duration_us: microseconds; None where no record says: a span that did not end in the log,
            and a step that stayed, for which no closing line is written.
        closed_us: when the line that closes it was written; None where there is none.
        outcome: moved, stayed, refused, failed, cancelled, ok; unknown where it did not end.
        from_state, to_state: of a step.
        detail: the reason or the error, in words.
        snapshots: rows, or files, of the snapshots that were saved.
        first_us, last_us: when its records say something first and last, its snapshots aside,
            which are logged once they are committed; None where no time can be read.
        records: its log records, by time.
        children: what it caused, by time.
    """

    span_id: str | None
    kind: str = "missing"
    component: str | None = None
    label: str | None = None
    handler: str | None = None
    attempt: int | None = None
    start_us: int | None = None
    duration_us: int | None = None
    closed_us: int | None = None
    outcome: str = "unknown"
    from_state: str | None = None
    to_state: str | None = None
    detail: str | None = None
    snapshots: tuple[str, ...] = ()
    first_us: int | None = None
    last_us: int | None = None
    records: list[LogRecord] = field(default_factory=list, repr=False)
    children: list[SpanNode] = field(default_factory=list, repr=False)

    def walk(self, depth: int = 0) -> Iterator[tuple[int, SpanNode]]:
        """This node and all below it, depth first, each with its depth."""
        waiting = [(depth, self)]
        while waiting:  # a loop: a trace may be deeper than Python's stack
            level, node = waiting.pop()
            yield level, node
            for child in reversed(node.children):
                waiting.append((level + 1, child))

    @property
    def sentence(self) -> str:
        """The node in one line."""
        mark = _MARKS.get(self.outcome, "·" if self.kind == "handler" else "●")
        mark = "·" if self.kind == "other" else mark
        who = f"{words.name(self.component or '?')}: "
        if self.kind == "other" and self.component is None:
            who = ""  # nobody expects a text line to name one
        what = f"{mark} {who}{self.title}"
        if self.kind == "step" and self.outcome == "moved":
            before, after = (words.name(each or "?") for each in (self.from_state, self.to_state))
            what += f"  {before} → {after}"
        elif self.outcome not in ("ok", "moved") and self.kind in ("step", "handler"):
            what += f"  {words.name(self.outcome)}"
        detail = f"  ({words.sentence(self.detail, 160)})" if self.detail else ""
        saved = f"  [snapshot {words.name(', '.join(self.snapshots))}]" if self.snapshots else ""
        took = "" if self.duration_us is None else f"  {words.duration(self.duration_us)}"
        return f"{what}{detail}{saved}{took}"

    @property
    def title(self) -> str:
        """What it is called: its label, or what its lines say; bounded, and harmless."""
        if self.label or not self.records:
            return words.name(self.label or "no records")
        told = [_line_told(each) for each in self.records[:_MOST_TOLD]]
        if len(self.records) == 1:
            return told[0]
        more = "; …" if len(self.records) > _MOST_TOLD else ""
        return f"{words.plural(len(self.records), 'line')}: {'; '.join(told)}{more}"


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
        lines = [f"trace {words.name(self.correlation_id, 128)}"]
        left_out = 0
        for depth, node in self.walk():
            if len(lines) > _MOST_LINES:
                left_out += 1
                continue
            deep = f"(level {depth}) " if depth > _DEEPEST else ""
            lines.append("  " * (min(depth, _DEEPEST) + 1) + deep + node.sentence)
        if left_out:
            lines.append(f"… and {words.plural(left_out, 'more line')}; see trace.records()")
        lines.extend(f"  ! {note}" for note in self.missing)
        return "\n".join(lines)

    __repr__ = __str__


def build_tree(
    correlation_id: str, timed: Sequence[TimedRecord], broken: int = 0, damaged: int = 0
) -> TraceTree:
    """What caused what, with what is missing.

    Args:
        correlation_id: the trace.
        timed: its records by time, each with its microseconds since 1970.
        broken: how many lines with its id in them are no records.
        damaged: how many files can't be read to their end.
    """
    nodes = _nodes(timed)
    roots, notes = _adopt(nodes)
    starts = _starts(roots)
    for node in nodes.values():
        node.children.sort(key=lambda child: starts[id(child)])
        _conclude(node)
    roots.sort(key=lambda root: starts[id(root)])
    notes += [*_unfinished(nodes.values()), *_begun_twice(nodes), *_early(nodes.values())]
    timeless = sum(time_us is None for time_us, _ in timed)
    if timeless:
        notes.append(f"{words.plural(timeless, 'record')} without a time that can be read")
    if broken:
        notes.append(f"{words.plural(broken, 'broken line')} with this id in it")
    if damaged:
        ends = "ends" if damaged == 1 else "end"
        notes.append(f"{words.plural(damaged, 'damaged file')} that {ends} before its time")
    return TraceTree(correlation_id, tuple(roots), tuple(notes))


def _nodes(timed: Sequence[TimedRecord]) -> dict[str | None, SpanNode]:
    nodes: dict[str | None, SpanNode] = {}
    for time_us, record in timed:
        node = nodes.get(record.span_id)
        if node is None:
            node = nodes[record.span_id] = SpanNode(record.span_id)
        node.records.append(record)
        _fill(node, record, time_us)
        if time_us is not None:
            _seen(node, record, time_us)
    return nodes


def _seen(node: SpanNode, record: LogRecord, time_us: int) -> None:
    """Note when a record came; they come by time."""
    if node.first_us is None:
        node.first_us = node.last_us = time_us
    elif record.event != "snapshot.saved":
        node.last_us = time_us


def _fill(node: SpanNode, record: LogRecord, time_us: int | None) -> None:
    """Let one record say what it knows about its span."""
    node.component = node.component or record.component
    node.kind = "other" if node.kind == "missing" else node.kind
    match record.event:
        case "message.received":
            node.kind, node.label, node.start_us = "step", record.message_type, time_us
            node.from_state = record.from_state
        case "handler.started":
            node.start_us = time_us
            _fill_handler(node, record)
        case "handler.finished" | "handler.failed":
            _fill_handler(node, record)
            node.outcome = "ok" if record.event == "handler.finished" else "failed"
            _ended(node, record, time_us)
        case "state.changed" | "message.refused" | "message.failed":
            node.kind, node.label = "step", node.label or record.message_type
            node.outcome = record.outcome or "unknown"
            node.from_state, node.to_state = record.from_state, record.to_state
            _ended(node, record, time_us)
        case "snapshot.saved" if (saved := _saved_where(record)) not in node.snapshots:
            node.snapshots += (saved,)
    if record.error is not None:
        node.detail = f"{record.error.type}: {record.error.message}"
    elif record.reason is not None:
        node.detail = record.reason


def _fill_handler(node: SpanNode, record: LogRecord) -> None:
    node.kind, node.label, node.handler = "handler", record.handler, record.handler
    tries = record.data
    if isinstance(tries, dict) and "attempt" in tries and "max_attempts" in tries:
        node.label = f"{record.handler} (try {tries['attempt']} of {tries['max_attempts']})"
        node.attempt = tries["attempt"] if isinstance(tries["attempt"], int) else None


def _ended(node: SpanNode, record: LogRecord, time_us: int | None) -> None:
    node.duration_us = record.duration_us
    node.closed_us = time_us
    if node.start_us is None and time_us is not None:
        node.start_us = time_us - (plausible(record.duration_us) or 0)


def plausible(duration_us: int | None) -> int | None:
    """A duration that a span can have had, else None."""
    if duration_us is None or not 0 <= duration_us <= _LONGEST_US:
        return None
    return duration_us


def _saved_where(record: LogRecord) -> str:
    if record.snapshot_id is not None:
        return str(record.snapshot_id)
    return str(record.data.get("path", "?")) if isinstance(record.data, dict) else "?"


def _adopt(nodes: dict[str | None, SpanNode]) -> tuple[list[SpanNode], list[str]]:
    """Give every node to its parent; a parent that is not in the log is stood in for.

    Returns:
        the nodes without a parent, and what is missing, in words.
    """
    parents = {
        span_id: next((r.parent_id for r in node.records if r.parent_id), None)
        for span_id, node in nodes.items()
    }
    circular = _on_circles(parents)
    roots, missing = [], 0
    for span_id, parent_id in parents.items():
        if parent_id is None or span_id in circular:
            roots.append(nodes[span_id])
            continue
        if parent_id not in nodes:
            nodes[parent_id] = SpanNode(parent_id)
            roots.append(nodes[parent_id])
            missing += 1
        nodes[parent_id].children.append(nodes[span_id])
    notes = []
    if missing:
        spans = "1 span is" if missing == 1 else f"{words.count(missing)} spans are"
        notes.append(f"{spans} named as a cause without a record here: it is lost, or from outside")
    if circular:
        notes.append(f"{words.plural(len(circular), 'span')} caused by themselves, in a circle")
    return roots, notes


def _on_circles(parents: Mapping[str | None, str | None]) -> set[str | None]:
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


def _starts(roots: Iterable[SpanNode]) -> dict[int, tuple[bool, int]]:
    """When each node began, as far as its records or its children say; the unknown come last."""
    whole = [node for root in roots for _, node in root.walk()]
    starts: dict[int, tuple[bool, int]] = {}
    for node in reversed(whole):  # children before their parents, without recursion
        own = node.first_us if node.start_us is None else node.start_us
        if own is not None:
            starts[id(node)] = False, own
        else:
            starts[id(node)] = min((starts[id(c)] for c in node.children), default=(True, 0))
    return starts


def _conclude(node: SpanNode) -> None:
    """A step whose handler returned, and which has no closing record, stayed."""
    if node.kind == "step" and node.outcome == "unknown":
        # Not the bus's handlers of other components: they say nothing about the state's.
        own = [c for c in node.children if c.kind == "handler" and c.component == node.component]
        if own and all(each.outcome == "ok" for each in own):
            node.outcome, node.to_state = "stayed", node.from_state


def _unfinished(nodes: Iterable[SpanNode]) -> list[str]:
    kinds = ("step", "handler")
    count = sum(node.kind in kinds and node.outcome == "unknown" for node in nodes)
    ends = "has" if count == 1 else "have"
    return [f"{words.plural(count, 'span')} {ends} no end here"] if count else []


def _begun_twice(nodes: Mapping[str | None, SpanNode]) -> list[str]:
    """Spans of which only the last is told, for they cannot be told apart."""
    told = (
        [each.event for each in node.records]
        for span_id, node in nodes.items()
        if span_id is not None and len(node.records) > 1
    )
    count = sum(
        events.count("message.received") + events.count("handler.started") > 1 for events in told
    )
    if not count:
        return []
    begin, their = ("begins", "its id is") if count == 1 else ("begin", "their ids are")
    return [
        f"{words.plural(count, 'span')} {begin} more than once: {their} used again, "
        "or lines are doubled"
    ]


def _early(nodes: Iterable[SpanNode]) -> list[str]:
    """Spans that begin before what caused them does."""
    early = [
        cause.start_us - node.start_us
        for cause in nodes
        if cause.start_us is not None
        for node in cause.children
        if node.start_us is not None and cause.start_us - node.start_us > _SKEW_US
    ]
    if not early:
        return []
    begin, cause = ("begins", "its cause") if len(early) == 1 else ("begin", "their causes")
    return [
        f"{words.plural(len(early), 'span')} {begin} before {cause}, by up to "
        f"{words.duration(max(early))}: clocks differ, or one was set back"
    ]


def _line_told(record: LogRecord) -> str:
    """What a line of somebody else's says, where its event says nothing."""
    data = record.data
    said = data.get("message") if record.event == LINE_EVENT and isinstance(data, dict) else None
    text = said if isinstance(said, str) and said else record.event
    level = "" if record.level in ("DEBUG", "INFO") else f"{words.name(record.level)} "
    return f"{level}{words.sentence(text, 80)}"

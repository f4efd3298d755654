"""A trace as plain sentences, which is also what a screen reader reads."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, shapes, words
from flexiflow.analysis.reading.rows import row_count
from flexiflow.analysis.traces.critical_path import Piece
from flexiflow.analysis.traces.spans import Spans

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.traces.span_tree import SpanNode

_OPENING = 3
_CLOSING = 5
_PARTS_TOLD = 3
_SMALLEST_PART = 0.05
_Part = tuple[
    str, tuple[str, str] | None
]  # of the path: what it is, and of which component and call
_TROUBLE = ("failed", "cancelled", "refused", "unknown")


@dataclass(frozen=True, slots=True, eq=False)
class TraceStory:
    """The answer to `Trace.story`.

    Attributes:
        correlation_id: the trace.
        frame: one row a sentence, with the columns of `shapes.TRACE_STORY`. The first is how it
            ended, then where the time went, what happened by time, and what the log lacks.
        left_out: how many spans no sentence tells of, though they would have one.
    """

    correlation_id: str
    frame: pd.DataFrame
    left_out: int

    @property
    def headline(self) -> str:
        """How it ended, where its time went, and what is missing, in one line."""
        told = self.frame[self.frame["kind"].isin(["ending", "time"])]["sentence"].tolist()
        missing = self.frame["kind"].eq("missing").sum()
        return " ".join(
            [*told, f"{words.plural(int(missing), 'note')} below."] if missing else told
        )

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences, in order."""
        return tuple(self.frame["sentence"])

    @property
    def text(self) -> str:
        """The sentences, one a line."""
        return "\n".join(self.sentences)

    def __repr__(self) -> str:
        return self.text


def trace_story(
    correlation_id: str,
    spans: Spans,
    path: Sequence[Piece],
    missing: Sequence[str],
    limit: int,
) -> TraceStory:
    """A trace in sentences, about `limit` of them on spans; see `Trace.story`."""
    events = _events(spans)
    told = _chosen(events, row_count(limit))
    rows = [_ending(spans), *_times(spans, path)]
    after = -1
    for at in told:
        rows.extend(_gap(events[after + 1 : at]))
        rows.append(events[at].row(spans))
        after = at
    rows.extend(_gap(events[after + 1 :]))
    for note in missing:
        rows.append((None, None, "missing", None, f"Missing: {note}."))
    return TraceStory(
        correlation_id, frames.frame(shapes.TRACE_STORY, rows), len(events) - len(told)
    )


@dataclass(slots=True)
class _Event:
    """What one sentence tells of: a step, a handler call, or the tries of one.

    Attributes:
        nodes: the span, or those of all tries.
        by: on whose behalf what caused it ran, where that is another component.
        start_us: when it began, as far as anything says; else 0.
    """

    nodes: tuple[SpanNode, ...]
    by: str | None
    start_us: int

    @property
    def last(self) -> SpanNode:
        return self.nodes[-1]

    def row(self, spans: Spans) -> tuple[Any, ...]:
        first = self.nodes[0]
        start = first.first_us if first.start_us is None else first.start_us
        sentence = f"{_moment(start, spans)}{self._told()}."
        return start, first.span_id, first.kind, self.last.outcome, sentence

    def _told(self) -> str:
        node = self.last
        name = words.name(node.component or "?")
        took = f" after {words.duration(node.duration_us)}" if node.duration_us is not None else ""
        detail = f": {words.sentence(node.detail, 200)}" if node.detail else ""
        if node.kind == "step":
            what = f"`{words.name(node.label)}`" if node.label else "a message"
            sender = f" from {words.name(self.by)}" if self.by else ""
            return f"{name} got {what}{sender} and {_outcome(node)}{took}{detail}"
        called = f"`{words.name(node.handler or '?')}`"
        if len(self.nodes) > 1:
            times = words.times(len(self.nodes))
            ended = (
                "the last try was done" if node.outcome == "ok" else f"the last {_outcome(node)}"
            )
            return f"{name} tried {called} {times}; {ended}{took}{detail}"
        return f"{name} called {called}, which {_outcome(node)}{took}{detail}"


def _outcome(node: SpanNode) -> str:
    match node.outcome:
        case "moved":
            before, after = (words.name(each or "?") for each in (node.from_state, node.to_state))
            return f"moved {before} → {after}"
        case "stayed":
            return f"stayed in {words.name(node.from_state or '?')}"
        case "refused":
            return "refused it"
        case "ok":
            return "was done"
        case "cancelled":
            return "was cancelled"
        case "unknown":
            return "has no end here"
        case outcome:
            return words.name(outcome)


def _events(spans: Spans) -> list[_Event]:
    """What there is to tell, by time: steps, tries, and what the steps do not tell already."""
    found: list[_Event] = []
    tries, later = _tries(spans)
    for row, node in enumerate(spans.nodes):
        if node.kind not in ("step", "handler") or row in later:
            continue
        cause = spans.parents[row]
        by = None if cause < 0 else spans.nodes[cause].component
        nodes = tuple(spans.nodes[each] for each in tries.get(row, [row]))
        # What a step's own handler did, the step tells.
        if node.kind == "step" or len(nodes) > 1 or by != node.component:
            lasted = spans.lasts[row]
            sender = by if by != node.component else None
            found.append(_Event(nodes, sender, 0 if lasted is None else lasted[0]))
    return sorted(found, key=attrgetter("start_us"))


def _tries(spans: Spans) -> tuple[dict[int, list[int]], set[int]]:
    """The rows of the tries of each call, by the first of them, and the rows of the others."""
    tries: dict[int, list[int]] = {}
    later: set[int] = set()
    going_on: dict[tuple[int, str | None], list[int]] = {}
    for row, node in enumerate(spans.nodes):
        if node.attempt is None:
            continue
        call = going_on.get((spans.parents[row], node.handler))
        if call is not None and spans.nodes[call[-1]].attempt == node.attempt - 1:
            call.append(row)
            later.add(row)
        else:
            going_on[spans.parents[row], node.handler] = tries[row] = [row]
    return tries, later


def _chosen(events: Sequence[_Event], limit: int) -> list[int]:
    """Which are told: trouble first, then the first and the last, then the others."""
    number = len(events)

    def weight(at: int) -> tuple[bool, bool]:
        at_an_end = at < _OPENING or at >= number - _CLOSING
        return events[at].last.outcome not in _TROUBLE, not at_an_end

    return sorted(sorted(range(number), key=weight)[:limit])


def _gap(events: Sequence[_Event]) -> Iterator[tuple[Any, ...]]:
    if events:
        outcomes = Counter(event.last.outcome for event in events).most_common(5)
        counts = ", ".join(f"{words.count(n)} {words.name(name)}" for name, n in outcomes)
        verb = "is" if len(events) == 1 else "are"
        sentence = f"Here {words.plural(len(events), 'span')} {verb} left out: {counts}."
        yield None, None, "left out", None, sentence


def _ending(spans: Spans) -> tuple[Any, ...]:
    """How the trace ended: by its worst step, and where that came from."""
    steps = [node for node in spans.nodes if node.kind == "step"]
    components = len({node.component for node in spans.nodes if node.component})
    for outcome in _TROUBLE:
        count = sum(node.outcome == outcome for node in steps)
        if not count:
            continue
        node = _origin(spans, outcome)
        detail = f": {words.sentence(node.detail, 200)}" if node.detail else ""
        others = f" ({words.plural(count, 'message')} in all)" if count > 1 else ""
        where = words.name(node.component or "?")
        told = "Unfinished" if outcome == "unknown" else outcome.capitalize()
        return None, node.span_id, "ending", outcome, f"{told} in {where}{others}{detail}."
    outcome = steps[0].outcome if len(steps) == 1 else "ok" if steps else "unknown"
    lines = sum(len(node.records) for node in spans.nodes)
    by = words.plural(components, "component")
    sentence = (
        f"{words.plural(len(steps), 'message')} handled, by {by}."
        if steps
        else f"No message is in it; {words.plural(lines, 'line')}."
    )
    return None, None, "ending", outcome, sentence


def _origin(spans: Spans, outcome: str) -> SpanNode:
    """The last step with that outcome below which no other has it."""
    causes: set[int] = set()  # of steps with that outcome
    for row in reversed(range(len(spans.nodes))):  # what was caused comes before its cause
        parent = spans.parents[row]
        mine = spans.nodes[row].kind == "step" and spans.nodes[row].outcome == outcome
        if mine and row not in causes:
            return spans.nodes[row]
        if parent >= 0 and (mine or row in causes):
            causes.add(parent)
    raise AssertionError("a step has that outcome")


def _times(spans: Spans, path: Sequence[Piece]) -> Iterator[tuple[Any, ...]]:
    """Where the time went: the largest parts of the critical path."""
    whole = sum(piece.end_us - piece.start_us for piece in path)
    if not whole:
        return
    parts: Counter[_Part] = Counter()
    for piece in path:
        parts[_part(spans, piece)] += piece.end_us - piece.start_us
    told = [
        f"{us / whole:.0%} {_part_told(part)}"
        for part, us in parts.most_common(_PARTS_TOLD)
        if us >= _SMALLEST_PART * whole
    ]
    sentence = f"It took {words.duration(whole)}: {', '.join(told) or 'many small parts'}."
    yield None, None, "time", None, sentence


def _part(spans: Spans, piece: Piece) -> _Part:
    if piece.row < 0:
        return piece.what, None
    node = spans.nodes[piece.row]
    return piece.what, (node.component or "?", node.handler or node.label or "?")


def _part_told(part: _Part) -> str:
    what, where = part
    if where is None:
        return what
    component, called = map(words.name, where)
    return f"{what} in {component} ({called})"


def _moment(start_us: int | None, spans: Spans) -> str:
    """When, from the beginning of the trace."""
    if start_us is None or spans.extent is None:
        return ""
    return f"At +{words.duration(start_us - spans.extent[0])} "

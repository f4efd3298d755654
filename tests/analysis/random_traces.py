"""Random traces, and what is true of them, worked out the slow way: microsecond by microsecond."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

from hypothesis import strategies as st
from logs import NOON, changed, finished, line, received, started

LONGEST = 12


@st.composite
def timed_traces(draw):
    """Records of spans that begin and end anywhere, some dropped, some twice, in any order."""
    records = []
    for at in range(draw(st.integers(1, 7))):
        span = f"s{at}"
        cause = draw(st.sampled_from([None, "outside", *(f"s{each}" for each in range(at))]))
        begin = draw(st.integers(0, LONGEST))
        end = begin + draw(st.integers(0, LONGEST))
        took = draw(st.sampled_from([end - begin, end - begin, None]))
        end += draw(st.integers(0, 2))  # a step's line is written after its commit
        kind = draw(st.sampled_from(["step", "handler", "try", "refused"]))
        own = draw(st.lists(st.integers(begin, end), max_size=1))
        records += [line("order.weighed", each, span, cause) for each in own]
        if kind == "step":
            records += [received(begin, span, cause), changed(end, span, cause, duration_us=took)]
        elif kind == "refused":
            told = {"outcome": "refused", "duration_us": took}
            records += [
                received(begin, span, cause),
                line("message.refused", end, span, cause, **told),
            ]
        else:
            tries = {"attempt": draw(st.integers(1, 3)), "max_attempts": 3}
            data = tries if kind == "try" else None
            records += [
                started(begin, span, cause, data=data),
                finished(end, span, cause, duration_us=took, data=data),
            ]
    records += [line("order.left", draw(st.integers(0, LONGEST)), None)] * draw(st.integers(0, 1))
    kept = draw(st.lists(st.sampled_from(records), min_size=1, max_size=2 * len(records)))
    return draw(st.permutations(kept))


@dataclass
class Slow:
    """A span of the reference.

    Attributes:
        own: the (beginning, end) that it lasted.
        told: when its records say something first and last.
        reach: the same, with its recording and all that it caused.
        below: what it caused, by time.
        attempt: which try of a call it is.
        closed: when the line that closes it was written.
    """

    span_id: str | None
    known: bool = True
    own: tuple[int, int] | None = None
    told: tuple[int, int] | None = None
    reach: tuple[int, int] | None = None
    below: list[Slow] = field(default_factory=list)
    attempt: int | None = None
    closed: int = -1


def slow_spans(tree):
    """The spans of a tree, which has a reference of its own, with times read from their records."""
    return [_slow(root) for root in tree.roots]


def _slow(node):
    span = Slow(node.span_id, bool(node.records), below=[_slow(each) for each in node.children])
    times = [int(r.ts[-7:-1]) for r in node.records]
    opened = [int(r.ts[-7:-1]) for r in node.records if r.event in OPENING]
    closed = [r for r in node.records if r.event in CLOSING]
    durations = [r.duration_us for r in closed]
    tries = [r.data["attempt"] for r in node.records if r.event in HANDLER and r.data]
    span.told = (min(times), max(times)) if times else None
    span.attempt = tries[0] if tries else None
    lower = [each.own for each in span.below]
    if not node.records:
        span.own = min(a for a, _ in lower), max(b for _, b in lower)
    elif node.span_id is None:
        span.own = min(times), min(times)
    else:
        begin = (
            opened[0]
            if opened
            else int(closed[0].ts[-7:-1]) - (durations[0] or 0)
            if closed
            else min(times)
        )
        if closed and durations[0] is not None:
            span.own = begin, begin + durations[0]
        else:
            span.own = begin, max([begin, *times, *(b for _, b in lower)])
    span.closed = max([span.own[1], *(int(r.ts[-7:-1]) for r in closed)])
    reaches = [span.own, (span.own[1], span.closed), *(each.reach for each in span.below)]
    span.reach = min(a for a, _ in reaches), max(b for _, b in reaches)
    return span


OPENING = ("message.received", "handler.started")
HANDLER = ("handler.started", "handler.finished")
CLOSING = ("state.changed", "message.refused", "handler.finished")


def slow_path(roots):
    """(span, what) of each microsecond from the first to the last moment."""
    first, last = whole_extent(roots)
    whole = Slow(None, known=False, reach=(first, last), below=roots)
    return [_owner(whole, at) for at in range(first, last)]


def _owner(span, at):
    chain = _waited_for(span)
    for each in chain:
        if each.reach[0] <= at < each.reach[1]:
            return _owner(each, at)
    if span.known and span.own[1] <= at < span.closed:
        return span.span_id, "recording"
    if not span.known or not span.own[0] <= at < span.own[1]:
        return span.span_id, "idle"
    for later, earlier in pairwise(chain):
        tries = earlier.attempt, later.attempt
        between = earlier.reach[1] <= at < later.reach[0]
        if between and None not in tries and tries[0] + 1 == tries[1]:
            return span.span_id, "retry wait"
    return span.span_id, "own work"


def _waited_for(span):
    """What a span's end waited for, the last first."""
    chain, until, left = [], span.reach[1], list(span.below)
    while possible := [each for each in left if each.reach[1] <= until]:
        best = min(possible, key=lambda each: (-each.reach[1], each.reach[0]))
        chain.append(best)
        left.remove(best)
        until = best.reach[0]
    return chain


def whole_extent(roots):
    """From the first to the last moment in which a span lasted or a record says something."""
    known = [each for span in everything(roots) for each in (span.reach, span.told) if each]
    return min(a for a, _ in known), max(b for _, b in known)


def everything(roots):
    """All spans, depth first."""
    for root in roots:
        yield root
        yield from everything(root.below)


def slow_self_time(span):
    """The microseconds in which a span lasted and nothing that it caused did."""
    lasted = set(range(*span.own))
    for each in span.below:
        lasted -= set(range(*each.own))
    return len(lasted)


def slow_gaps(roots, records):
    """The stretches without a record, an edge, or a span at work that caused nothing."""
    spans = list(everything(roots))
    edges = {edge for span in spans for edge in span.own} | {int(r.ts[-7:-1]) for r in records}
    first, last = whole_extent(roots)
    gaps = []
    for a, b in pairwise(sorted(edge for edge in edges if first <= edge <= last)):
        busy = any(s.own[0] < b and a < s.own[1] for s in spans if not s.below)
        if not busy:
            gaps.append((NOON + a, NOON + b))
    return gaps

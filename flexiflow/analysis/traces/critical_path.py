"""The critical path: at each moment of a trace, the one span that its end was waiting for.

It is found backwards from the end. In a span, what ended last is what its own end waited for;
before that began, what had ended last by then; and so on. What ran meanwhile and ended later than
the next one began is beside the path. Between them the span itself is on the path, and where it
had ended already, nobody is. So the pieces follow one another from the first to the last moment.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.traces.spans import Interval, Spans

if TYPE_CHECKING:
    import pandas as pd

OWN = "own work"
RETRY = "retry wait"
RECORDING = "recording"
IDLE = "idle"


class Piece(NamedTuple):
    """A stretch of the critical path.

    Attributes:
        start_us, end_us: microseconds since 1970.
        row: of the span in `Spans`; -1 where no span reaches it.
        what: own work, retry wait (between two tries of a call), recording (it was handled, and
            the line that closes it was not written yet), or idle (the span had ended, or not begun,
            or has no record here, and nothing that it caused was at work).
    """

    start_us: int
    end_us: int
    row: int
    what: str


def critical_path(spans: Spans) -> list[Piece]:
    """The pieces of the path, by time; none is empty."""
    pieces: list[Piece] = []
    for piece in _backwards(spans):
        later = pieces[-1] if pieces else None
        if later is not None and (later.row, later.what) == (piece.row, piece.what):
            pieces[-1] = Piece(piece.start_us, later.end_us, piece.row, piece.what)
        else:
            pieces.append(piece)
    pieces.reverse()
    return pieces


def path_frame(spans: Spans, pieces: Sequence[Piece]) -> pd.DataFrame:
    """The path as a frame with the columns of `shapes.CRITICAL_PATH`."""
    whole = sum(piece.end_us - piece.start_us for piece in pieces)
    rows = []
    for piece in pieces:
        node = None if piece.row < 0 else spans.nodes[piece.row]
        took = piece.end_us - piece.start_us
        told = (None,) * 3 if node is None else (node.span_id, node.component, node.label)
        rows.append((piece.start_us, took, took / whole, piece.what, *told))
    return frames.frame(shapes.CRITICAL_PATH, rows)


def time_by_row(pieces: Sequence[Piece]) -> dict[int, int]:
    """How many microseconds of the path each span's own work and waits are."""
    times: dict[int, int] = {}
    for piece in pieces:
        times[piece.row] = times.get(piece.row, 0) + piece.end_us - piece.start_us
    return times


class _Visit:
    """A span on the way backwards.

    Attributes:
        row: which; -1 for the whole trace.
        until: the moment up to which all that is later is done.
        later: what it caused that was on the path last.
        waiting: what it caused, the last to end first.
    """

    __slots__ = ("later", "row", "until", "waiting")

    def __init__(self, spans: Spans, row: int, until: int) -> None:
        self.row = row
        self.until = until
        self.later = -1
        below = spans.roots if row < 0 else spans.children[row]
        timed = [(reach, c) for c in below if (reach := spans.reaches[c]) is not None]
        timed.sort(key=lambda each: (-each[0][1], each[0][0]))
        self.waiting = iter(timed)


def _backwards(spans: Spans) -> Iterator[Piece]:
    if spans.extent is None:
        return
    way = [_Visit(spans, -1, spans.extent[1])]
    while way:
        visit = way[-1]
        caused = next((each for each in visit.waiting if each[0][1] <= visit.until), None)
        begins = _reach(spans, visit.row)[0] if caused is None else caused[0][1]
        what = RETRY if caused and _is_retried(spans, caused[1], visit.later) else OWN
        if begins < visit.until:
            yield from _pieces(spans, visit.row, begins, visit.until, what)
        if caused is None:
            way.pop()
        else:
            visit.until, visit.later = caused[0][0], caused[1]
            way.append(_Visit(spans, caused[1], caused[0][1]))


def _reach(spans: Spans, row: int) -> Interval:
    reach = spans.extent if row < 0 else spans.reaches[row]
    assert reach is not None
    return reach


def _pieces(spans: Spans, row: int, start: int, end: int, what: str) -> Iterator[Piece]:
    """A stretch between what a span caused, the last first: its own, where it was there."""
    own = None if row < 0 or spans.nodes[row].kind == "missing" else spans.lasts[row]
    first, last = (end, end) if own is None else own
    began, ended = min(max(first, start), end), min(max(last, start), end)
    written = ended if own is None else min(max(spans.recorded(row), ended), end)
    if written < end:
        yield Piece(written, end, row, IDLE)
    if ended < written:
        yield Piece(ended, written, row, RECORDING)
    if began < ended:
        yield Piece(began, ended, row, what)
    if start < began:
        yield Piece(start, began, row, IDLE)


def _is_retried(spans: Spans, earlier: int, later: int) -> bool:
    """Whether two spans are one try of a call and the next."""
    if later < 0:
        return False
    one, other = spans.nodes[earlier], spans.nodes[later]
    if one.attempt is None or other.attempt is None:
        return False
    return one.handler == other.handler and one.attempt + 1 == other.attempt

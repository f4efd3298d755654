"""One message's whole path: its records, its spans, and what its end waited for."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.analysis.base.late import from_notebook
from flexiflow.analysis.base.text_file import write_text
from flexiflow.analysis.traces.chrome_trace import chrome_trace
from flexiflow.analysis.traces.critical_path import Piece, critical_path, path_frame, time_by_row
from flexiflow.analysis.traces.otlp import otlp_line
from flexiflow.analysis.traces.records import records_frame
from flexiflow.analysis.traces.span_tree import TimedRecord, TraceTree, build_tree
from flexiflow.analysis.traces.spans import Spans
from flexiflow.analysis.traces.trace_difference import TraceDifference, compare_traces
from flexiflow.analysis.traces.trace_story import TraceStory, trace_story
from flexiflow.analysis.traces.waterfall import FOLD, Axis, Waterfall, gaps_frame, idle_gaps
from flexiflow.arguments import checked_path, require
from flexiflow.errors import InvalidValue, bounded_repr
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.reader import PathLike
from flexiflow.tracing.records import LogRecord, time_us_of

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History

# What happens in one span within one microsecond happens in this order.
_ORDER = {
    "component.registered": 0,
    "message.received": 1,
    "handler.started": 2,
    "handler.finished": 4,
    "handler.failed": 4,
    "state.changed": 5,
    "message.refused": 5,
    "message.failed": 5,
    "snapshot.saved": 6,
}
_AMIDST = 3  # an application's own events


class Trace:
    """All records of one correlation id. Made by `Log.trace`.

    Args:
        correlation_id: the id.
        records: its records and broken lines, in the order of the files.
    """

    def __init__(self, correlation_id: str, records: Sequence[LogRecord | BrokenLine]) -> None:
        self.correlation_id = correlation_id
        self.broken = [record for record in records if isinstance(record, BrokenLine)]
        timed = [(time_us_of(each), each) for each in records if isinstance(each, LogRecord)]
        # A snapshot is logged after its commit, so lines are not in the order of their times.
        timed.sort(key=lambda each: (each[0] or 0, _ORDER.get(each[1].event, _AMIDST)))
        self._timed: list[TimedRecord] = timed

    def records(self) -> pd.DataFrame:
        """The records by time; the columns of `shapes.RECORDS`."""
        return records_frame([*(record for _, record in self._timed), *self.broken])

    def tree(self) -> TraceTree:
        """What caused what, with what is missing."""
        return self._tree

    def spans(self) -> pd.DataFrame:
        """One row a span, depth first, so that what a span caused follows it.

        Returns:
            a DataFrame with the columns of `shapes.SPANS`. ``duration`` is up to the last that is
            known where ``ended`` is False; ``self_time`` is without the time that what it caused
            took meanwhile; ``critical_time`` is what of the critical path is its own.
        """
        return self._spans.frame(time_by_row(self._path))

    def critical_path(self) -> pd.DataFrame:
        """At each moment, the span that the end of the trace was waiting for.

        Returns:
            a DataFrame with the columns of `shapes.CRITICAL_PATH`: stretches that follow one
            another from the first to the last moment. ``what`` is own work, retry wait, recording
            (handled, and not yet written: with ``durability="always"`` its commit) or idle.
        """
        return path_frame(self._spans, self._path)

    def gaps(self, share: float = FOLD) -> pd.DataFrame:
        """The stretches in which nothing is known to have happened.

        Args:
            share: the part of the whole trace that a gap must take, 0 to 1.

        Returns:
            a DataFrame with the columns of `shapes.GAPS`.

        Raises:
            InvalidValue: (a ValueError) for a share that is none.
        """
        return gaps_frame(self._spans, self._gaps(share))

    def waterfall(self, fold: float = FOLD) -> Waterfall:
        """The plain model of its picture: spans, critical path, and an axis with folded gaps.

        Args:
            fold: the part of the whole trace that an idle gap must take to be folded, 0 to 1.

        Raises:
            InvalidValue: (a ValueError) for a share that is none.
        """
        gaps = self._gaps(fold)
        return Waterfall(
            self.correlation_id,
            self.spans(),
            self.critical_path(),
            gaps_frame(self._spans, gaps),
            Axis.over(self._spans.extent, gaps),
            self._tree.missing,
        )

    def story(self, limit: int = 40) -> TraceStory:
        """What happened, in sentences; the first is the answer.

        Args:
            limit: about how many sentences; what goes wrong is told first.

        Raises:
            InvalidValue: (a ValueError) for a limit that is no number of rows.
        """
        return trace_story(self.correlation_id, self._spans, self._path, self._tree.missing, limit)

    def compare(self, other: Trace) -> TraceDifference:
        """This trace beside another, span by span, depth first; its ``repr`` says where they part.

        Spans are alike that are at the same depth, of the same kind, label, outcome and states, and
        of components that are called the same but for numbers: order-1 and order-2.

        Args:
            other: the other trace, of this log or of another.

        Raises:
            InvalidType: (a TypeError) where it is none.
        """
        require(
            isinstance(other, Trace),
            "other",
            other,
            "a Trace",
            "Pass log.trace(…), or write log.compare(id_a, id_b).",
        )
        return compare_traces(self.correlation_id, self._spans, other.correlation_id, other._spans)

    def to_otlp(self, path: PathLike, *, service: str = "flexiflow") -> None:
        """Write the trace as OTLP JSON, for OpenTelemetry's collector and viewers.

        Args:
            path: the file; its old content is replaced.
            service: what ``service.name`` says.

        Raises:
            PersistenceError: where it can't be written.
        """
        write_text(checked_path(path, "path"), self._otlp_line(service))

    def to_chrome(self, path: PathLike) -> None:
        """Write the trace in Chrome's Trace Event Format, for Perfetto and ``chrome://tracing``.

        Args:
            path: the file; its old content is replaced.

        Raises:
            PersistenceError: where it can't be written.
        """
        write_text(checked_path(path, "path"), chrome_trace(self.correlation_id, self._spans))

    def _otlp_line(self, service: str) -> str:
        require(isinstance(service, str), "service", service, "a string", 'Pass "shop".')
        return otlp_line(self.correlation_id, self._spans, service)

    def explore(self, *, history: History | None = None, **traits: Any) -> Any:
        """The trace in a notebook: its waterfall, and what each span says.

        Args:
            history: shows whole machines, and which fields each step changed.
            **traits: ``height`` in pixels, ``selection``.

        Returns:
            a `flexiflow.notebook.widgets.trace_explorer.TraceExplorer`.
        """
        explorer = from_notebook("widgets.trace_explorer", "TraceExplorer")
        return explorer(None, self, history, **traits)

    @property
    def headline(self) -> str:
        """How it ended, where its time went, and what is missing, in one line."""
        return self.story(0).headline

    @cached_property
    def _tree(self) -> TraceTree:
        damaged = sum(not each.text for each in self.broken)  # a file, and no line of it
        return build_tree(self.correlation_id, self._timed, len(self.broken) - damaged, damaged)

    @cached_property
    def _spans(self) -> Spans:
        return Spans.of(self._tree)

    @cached_property
    def _path(self) -> list[Piece]:
        return critical_path(self._spans)

    def _gaps(self, share: Any) -> list[tuple[int, int]]:
        if not isinstance(share, int | float) or not 0 <= share <= 1:
            raise InvalidValue(
                f"A share must be a number from 0 to 1, not {bounded_repr(share, 40)}.",
                why="It is the part of the whole trace that an idle gap must take.",
                fix=f"Leave it out for {FOLD}.",
                context={"share": share},
            )
        moments = [time_us for time_us, _ in self._timed if time_us is not None]
        return idle_gaps(self._spans, moments, share)

    def __len__(self) -> int:
        return len(self._timed)

    def __repr__(self) -> str:
        records = words.plural(len(self), "record")
        named = len({each.component for _, each in self._timed if each.component})
        name = words.name(self.correlation_id, 128)
        return f"<Trace {name}: {records} of {words.plural(named, 'component')}>"

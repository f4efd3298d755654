"""A trace log: all its records, one row a trace, and one trace whole."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.file_kind import refuse_databases
from flexiflow.analysis.late import from_notebook
from flexiflow.analysis.log_trouble import errors_frame, lost_context_frame, slowest_frame
from flexiflow.analysis.moments import moment_us
from flexiflow.analysis.outliers import FACTOR, MIN_SIBLINGS
from flexiflow.analysis.records import records_frame
from flexiflow.analysis.rows import row_count
from flexiflow.analysis.separation import separation_frame
from flexiflow.analysis.text_file import write_text
from flexiflow.analysis.trace import Trace
from flexiflow.analysis.trace_difference import TraceDifference
from flexiflow.arguments import checked_path
from flexiflow.errors import InvalidType, InvalidValue, TraceNotFound, bounded_repr, listed
from flexiflow.tracing.following import Follower
from flexiflow.tracing.index import index_path
from flexiflow.tracing.line_formats import BrokenLine, LineFormat
from flexiflow.tracing.reader import (
    PathLike,
    find_records,
    find_text,
    log_files,
    log_sources,
    read_records,
)
from flexiflow.tracing.records import LogRecord

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History
    from flexiflow.analysis.summaries import Summaries

Moment = datetime | str | None
"""A time, ISO 8601 text, or ``"-1h"`` before the newest record."""

_SHORTEST_PREFIX = 4


def open_log(
    source: PathLike | Iterable[PathLike],
    *,
    fields: Mapping[str, str] | None = None,
    index: bool | PathLike = False,
) -> Log:
    """Open a trace log for questions. Nothing is read yet, and the log is never changed.

    Lines of ``logging`` with ``cid=`` and other people's JSON lines are read too, where they have
    a time and an event, or where `fields` says how they are called.

    Args:
        source: a file, several, or a glob pattern; rotated and ``.gz`` files too.
        fields: where a record's fields stand in other people's lines, as
            ``{"ts": "timestamp", "correlation_id": "trace.id"}``.
        index: keep a small file beside each log file, or in the folder that is given, by which a
            trace is found at once. It is written when a trace is asked for, renewed where the log
            has changed, and done without where it can't be written.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is none.
        InvalidType: (a TypeError) where something given is of a wrong type.
        PersistenceError: where one is a database.
        InvalidValue: (a ValueError) for a field that no record has.
    """
    sources = log_sources(source)
    refuse_databases(log_files(sources))
    return Log(sources, fields=fields, index=index)


@dataclass(frozen=True, slots=True)
class LogSummary:
    """How much is in a log.

    Attributes:
        traces: correlation ids.
        records: lines that can be read.
        without_id: of these, those that belong to no trace.
        broken: lines that can't be read.
        failed, refused, unfinished: traces by their worst.
        slow: traces that took far longer than their like.
    """

    traces: int
    records: int
    without_id: int
    broken: int
    failed: int
    refused: int
    unfinished: int
    slow: int


class Log:
    """A trace log of one or several files. Made by `open_log`.

    Args:
        source: paths or glob patterns; their files are looked for at each question, since a log
            is rotated while it is asked.
        settle: called before each question: waits until what was recorded so far is in the files.
        fields, index: see `open_log`.
    """

    def __init__(
        self,
        source: Sequence[PathLike],
        settle: Callable[[], None] | None = None,
        fields: Mapping[str, str] | None = None,
        index: bool | PathLike = False,
    ) -> None:
        if not isinstance(index, bool):
            index = checked_path(index, "index")
        self._index = index
        self._source = [os.path.abspath(each) for each in source]
        self._settle = settle
        self._lines = LineFormat(fields)

    @property
    def paths(self) -> list[Path]:
        """The files, the oldest first, with all in them that was recorded so far."""
        if self._settle is not None:
            self._settle()
        return log_files(self._source)

    def errors(self) -> pd.DataFrame:
        """Errors in groups: of one class, with messages that differ in numbers and ids only.

        Returns:
            a DataFrame with the columns of `frames.ERRORS`, the most failures first. ``failures``
            counts messages, ``tries`` calls that may have been tried again.
        """
        return errors_frame(read_records(self.paths, self._lines))

    def slowest(self, limit: int = 20) -> pd.DataFrame:
        """The steps and handler calls that took longest, beside the median of their kind.

        Args:
            limit: at most so many.

        Returns:
            a DataFrame with the columns of `frames.SLOWEST`, the longest first.

        Raises:
            InvalidValue: (a ValueError) for a limit that is no number of rows.
        """
        return slowest_frame(read_records(self.paths, self._lines), row_count(limit))

    def lost_context(self) -> pd.DataFrame:
        """Records that belong to no trace, or to one that had ended, by where they were written.

        The first is code that runs outside every message (a thread or a task that was started
        before), the second a task that outlived its message and works on in its name.

        Returns:
            a DataFrame with the columns of `frames.LOST_CONTEXT`, the most records first. ``kind``
            is no id, or after the end; ``site`` the handler, the logger or the message type.
        """
        return lost_context_frame(read_records(self.paths, self._lines))

    def compare(self, one: str, other: str) -> TraceDifference:
        """Two traces side by side; see `Trace.compare`.

        Args:
            one, other: correlation ids, or their beginnings.

        Raises:
            TraceNotFound: (a KeyError) where there is no such trace.
        """
        return self.trace(one).compare(self.trace(other))

    def separate(
        self,
        bad: Iterable[str] | None = None,
        good: Iterable[str] | None = None,
        *,
        limit: int = 10,
    ) -> pd.DataFrame:
        """The fields that best tell bad traces from good ones.

        A field is a component (its numbers aside), a handler, a message type, a state, a run, or a
        value in the data of a record. It is tested for a value, for a limit, and for being there.

        Args:
            bad: correlation ids; unless given, those of the traces that failed.
            good: correlation ids; unless given, all others.
            limit: at most so many fields.

        Returns:
            a DataFrame with the columns of `frames.SEPARATION`, the greatest difference first.

        Raises:
            InvalidValue: (a ValueError) where either has no trace, or both have the same.
        """
        traces = self.traces()
        known = dict(zip(traces["correlation_id"], traces["failed"] > 0, strict=True))
        failed = {name for name, has_failed in known.items() if has_failed}
        bad_ids = failed if bad is None else _ids("bad", bad, known)
        good_ids = known.keys() - bad_ids if good is None else _ids("good", good, known)
        if not bad_ids or not good_ids or bad_ids & good_ids:
            both = len(bad_ids & good_ids)
            raise InvalidValue(
                "There are no bad and good traces to tell apart.",
                why=f"{len(bad_ids)} are bad, {len(good_ids)} good, {both} both.",
                fix="Pass bad=[…] and good=[…]: ids from log.traces().",
                context={"bad": len(bad_ids), "good": len(good_ids)},
            )
        lines = read_records(self.paths, self._lines)
        return separation_frame(lines, bad_ids, set(good_ids), row_count(limit))

    def to_otlp(
        self,
        path: PathLike,
        correlation_ids: Iterable[str] | None = None,
        *,
        service: str = "flexiflow",
    ) -> int:
        """Write traces as OTLP JSON, one a line; their records are held in memory meanwhile.

        Args:
            path: the file; its old content is replaced.
            correlation_ids: which; all unless given.
            service: what ``service.name`` says.

        Returns:
            how many traces were written.

        Raises:
            PersistenceError: where it can't be written.
        """
        wanted = None if correlation_ids is None else _names("correlation_ids", correlation_ids)
        found: dict[str, list[LogRecord | BrokenLine]] = {}
        for record in read_records(self.paths, self._lines):
            name = record.correlation_id if isinstance(record, LogRecord) else None
            if name is not None and (wanted is None or name in wanted):
                found.setdefault(name, []).append(record)
        lines = [Trace(name, records)._otlp_line(service) for name, records in found.items()]
        write_text(checked_path(path, "path"), "\n".join(lines))
        return len(lines)

    def follow(self, *, from_start: bool = False) -> Follower:
        """What comes to the log from now on: ``follower.new()``, again and again.

        Args:
            from_start: whether what is there already counts as new.
        """
        return Follower(lambda: self.paths, self._lines, from_start=from_start)

    def _records_of(self, correlation_id: str) -> list[LogRecord | BrokenLine]:
        folder = self._index if isinstance(self._index, str) else None

        def place(path: Path) -> Path:
            return index_path(path, None if folder is None else Path(folder))

        indexes = place if self._index else None
        return list(find_records(self.paths, correlation_id, self._lines, indexes))

    @cached_property
    def _summaries(self) -> Summaries:
        from flexiflow.analysis.summaries import Summaries

        return Summaries(self._lines)

    def records(
        self,
        correlation_id: str | None = None,
        *,
        component: str | None = None,
        event: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Records in the order of the files.

        A line that is no record is shown as what it is, whatever is asked for: nobody can say
        whose it was. Only with a `correlation_id` it must at least contain that.

        Args:
            correlation_id: only this trace's.
            component: only this component's.
            event: only this event.
            limit: at most so many, the newest.

        Returns:
            a DataFrame with the columns of `frames.RECORDS`.

        Raises:
            InvalidValue: (a ValueError) for a limit that is no number of rows.
        """
        most = None if limit is None else row_count(limit)
        found = (
            read_records(self.paths, self._lines)
            if correlation_id is None
            else self._records_of(_text("correlation_id", correlation_id))
        )
        chosen = [
            record
            for record in found
            if isinstance(record, BrokenLine)
            or (component in (None, record.component) and event in (None, record.event))
        ]
        return records_frame(chosen if most is None else chosen[max(len(chosen) - most, 0) :])

    def search(self, text: str) -> pd.DataFrame:
        """Records whose line contains `text`, in any field.

        Args:
            text: as it is written, capitals and all.

        Returns:
            a DataFrame with the columns of `frames.RECORDS`.
        """
        return records_frame(find_text(self.paths, _text("text", text), self._lines))

    def explore(
        self, trace: str | None = None, *, history: History | None = None, **traits: Any
    ) -> Any:
        """The traces in a notebook: a list, the waterfall of one, and what each span says.

        Args:
            trace: the correlation id to begin with, or its beginning; the last in
                trouble unless given.
            history: shows whole machines, and which fields each step changed.
            **traits: ``height`` in pixels, ``selection``.

        Returns:
            a `flexiflow.notebook.widgets.trace_explorer.TraceExplorer`.

        Raises:
            TraceNotFound: (a KeyError) where no record has that id.
        """
        begun = None if trace is None else self.trace(trace)
        return from_notebook("widgets.trace_explorer", "TraceExplorer")(
            self, begun, history, **traits
        )

    def traces(
        self,
        *,
        since: Moment = None,
        until: Moment = None,
        component: str | None = None,
        failed: bool | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """One row a correlation id, in the order in which they begin.

        Asked again, only what is new in the files is read.

        Args:
            since, until: only those that begin then; a datetime, ISO 8601 text, or ``"-1h"``
                before the newest record.
            component: only those whose first message this component got.
            failed: only those in which something failed, or only the others.
            limit: at most so many, the newest.

        Returns:
            a DataFrame with the columns of `frames.TRACES`. ``failed`` counts cancelled messages
            too, and those whose declared exception moved the machine. ``outcome`` is the worst of
            failed, refused, unfinished (a handler has no end here), moved and stayed; unknown
            where no message is. ``slow`` is True where it took more than three times the median of
            the traces that begin with the same message, False where not, and missing where fewer
            than five do. ``error`` is the first.

        Raises:
            InvalidValue: (a ValueError) for a time or a limit that is none.
        """
        most = None if limit is None else row_count(limit)
        table = self._summaries.update(self.paths).table.frame()
        table = table.assign(slow=slow_ones(table))
        chosen = _begun(table, since, until)
        if component is not None:
            chosen &= table["first_component"] == component
        if failed is not None:
            chosen &= (table["failed"] > 0) == failed
        table = table[chosen].reset_index(drop=True) if not chosen.all() else table
        return table if most is None else table.tail(most).reset_index(drop=True)

    def summary(self) -> LogSummary:
        """How much there is: lines, traces, what went wrong, what can't be read."""
        found = self._summaries.update(self.paths)
        table = self.traces()
        return LogSummary(
            traces=len(table),
            records=int(table["records"].sum()) + found.without_id,
            without_id=found.without_id,
            broken=found.broken,
            failed=int((table["outcome"] == "failed").sum()),
            refused=int((table["outcome"] == "refused").sum()),
            unfinished=int((table["outcome"] == "unfinished").sum()),
            slow=int(table["slow"].sum()),
        )

    def trace(self, correlation_id: str) -> Trace:
        """Everything that one message caused.

        Args:
            correlation_id: the id, or its beginning where only one id begins so.

        Raises:
            TraceNotFound: (a KeyError) where no record has it.
            InvalidValue: (a ValueError) where several ids begin so.
        """
        records = self._records_of(_text("correlation_id", correlation_id))
        if not any(isinstance(record, LogRecord) for record in records):
            correlation_id = self._complete(correlation_id)
            records = self._records_of(correlation_id)
        return Trace(correlation_id, records)

    def _complete(self, prefix: str) -> str:
        ids: list[str] = []
        if len(prefix) >= _SHORTEST_PREFIX:
            starting = (
                record.correlation_id
                for record in find_text(self.paths, prefix, self._lines)
                if isinstance(record, LogRecord) and record.correlation_id is not None
            )
            ids = list(dict.fromkeys(each for each in starting if each.startswith(prefix)))
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise InvalidValue(
                f"Several traces begin with {prefix!r}.",
                why=f"They are {listed(ids)}.",
                fix="Give more of the id.",
                context={"prefix": prefix, "traces": len(ids)},
            )
        raise TraceNotFound(
            f"No trace {bounded_repr(prefix, 140)}.",
            why=f"No record in {', '.join(map(os.path.basename, self._source[:3]))} has that id.",
            fix=f"Look at log.traces(). The beginning of an id is enough from {_SHORTEST_PREFIX} "
            "characters on.",
            context={"correlation_id": prefix, "files": len(self.paths)},
        )

    def __repr__(self) -> str:
        names = ", ".join(self._source[:3])
        more = f" and {len(self._source) - 3} more" if len(self._source) > 3 else ""
        return f"<Log of {names}{more}>"


def _begun(table: pd.DataFrame, since: Moment, until: Moment) -> Any:
    """Which traces begin between two times, as a mask."""
    import numpy as np

    chosen = np.ones(len(table), dtype=bool)
    ends = (table["start"] + table["duration"]).max()
    now_us = frames.microseconds(ends)
    for argument, moment in (("since", since), ("until", until)):
        limit_us = moment_us(argument, moment, now_us)
        if limit_us is not None:
            begins = table["start"].dt.tz_localize(None).to_numpy().astype("int64")
            known = begins != frames.NO_NUMBER
            chosen &= known & (
                (begins >= limit_us) if argument == "since" else (begins <= limit_us)
            )
    return chosen


def slow_ones(traces: pd.DataFrame) -> Any:
    """Which traces took far longer than those of their kind; missing where these are too few."""
    took: Any = traces["duration"]
    kinds = took.groupby(traces["first_message"], observed=True)
    slow = (took > kinds.transform("median") * FACTOR).astype(frames.FLAG)
    return slow.where((kinds.transform("count") >= MIN_SIBLINGS) & took.notna())


def _ids(argument: str, given: Any, known: Mapping[str, Any]) -> set[str]:
    """Correlation ids that a caller gave, and that are there."""
    wanted = _names(argument, given)
    for each in wanted:
        if each not in known:
            raise TraceNotFound(
                f"No trace {bounded_repr(each, 140)}.",
                why=f"{argument} names it, and no record has that id.",
                fix="Pass ids from log.traces(), whole.",
                context={argument: each},
            )
    return wanted


def _names(argument: str, given: Any) -> set[str]:
    if isinstance(given, str) or not isinstance(given, Iterable):
        raise InvalidType(
            f"{argument} must be correlation ids, not {bounded_repr(given, 80)}.",
            why="Traces are told apart by their ids.",
            fix="Pass a list of ids from log.traces().",
            context={argument: given},
        )
    return {_text(argument, each) for each in given}


def _text(argument: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise InvalidType(
        f"{argument} must be a text, not {bounded_repr(value, 80)}.",
        why="Lines of the log are searched for it.",
        fix="Pass a string, such as an id from log.traces().",
        context={argument: value},
    )

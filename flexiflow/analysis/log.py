"""A trace log: all its records, one row a trace, and one trace whole."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.file_kind import refuse_databases
from flexiflow.analysis.outliers import FACTOR, MIN_SIBLINGS
from flexiflow.analysis.records import records_frame
from flexiflow.analysis.rows import row_count
from flexiflow.analysis.trace import Trace
from flexiflow.errors import InvalidType, InvalidValue, TraceNotFound, bounded_repr, listed
from flexiflow.tracing.reader import (
    BrokenLine,
    PathLike,
    find_records,
    find_text,
    log_files,
    read_records,
)
from flexiflow.tracing.records import LogRecord, time_us_of

if TYPE_CHECKING:
    import pandas as pd

_SHORTEST_PREFIX = 4


def open_log(source: PathLike | Iterable[PathLike]) -> Log:
    """Open a trace log for questions. Nothing is read yet, and nothing is ever changed.

    Args:
        source: a file, several, or a glob pattern; ``.gz`` files too.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is none.
        PersistenceError: where one is a database.
    """
    paths = log_files(source)
    refuse_databases(paths)
    return Log(paths)


class Log:
    """A trace log of one or several files. Made by `open_log`.

    Args:
        paths: the files, the oldest first.
        settle: called before each question: waits until what was recorded so far is in the files.
    """

    def __init__(self, paths: Sequence[Path], settle: Callable[[], None] | None = None) -> None:
        self._paths = list(paths)
        self._settle = settle

    @property
    def paths(self) -> list[Path]:
        """The files, with all in them that was recorded so far."""
        if self._settle is not None:
            self._settle()
        return list(self._paths)

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
            read_records(self.paths)
            if correlation_id is None
            else find_records(self.paths, _text("correlation_id", correlation_id))
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
        found = find_text(self.paths, text) if _text("text", text) else read_records(self.paths)
        return records_frame(found)

    def traces(self) -> pd.DataFrame:
        """One row a correlation id, in the order in which they begin.

        Returns:
            a DataFrame with the columns of `frames.TRACES`. ``failed`` counts cancelled messages
            too, and those whose declared exception moved the machine. ``outcome`` is the worst of
            failed, refused, unfinished (a handler has no end here), moved and stayed; unknown
            where no message is. ``slow`` is True where it took more than three times the median of
            the traces that begin with the same message, False where not, and missing where fewer
            than five do. ``error`` is the first.
        """
        summaries: dict[str, _Summary] = {}
        for record in read_records(self.paths):
            if isinstance(record, LogRecord) and record.correlation_id is not None:
                summary = summaries.get(record.correlation_id)
                if summary is None:
                    summary = summaries[record.correlation_id] = _Summary()
                summary.add(record)
        rows = sorted(summaries.items(), key=lambda item: item[1].start_us or 0)
        table = frames.frame(frames.TRACES, (summary.row(key) for key, summary in rows))
        return table.assign(slow=slow_ones(table))

    def trace(self, correlation_id: str) -> Trace:
        """Everything that one message caused.

        Args:
            correlation_id: the id, or its beginning where only one id begins so.

        Raises:
            TraceNotFound: (a KeyError) where no record has it.
            InvalidValue: (a ValueError) where several ids begin so.
        """
        records = list(find_records(self.paths, _text("correlation_id", correlation_id)))
        if not any(isinstance(record, LogRecord) for record in records):
            correlation_id = self._complete(correlation_id)
            records = list(find_records(self.paths, correlation_id))
        return Trace(correlation_id, records)

    def _complete(self, prefix: str) -> str:
        ids: list[str] = []
        if len(prefix) >= _SHORTEST_PREFIX:
            starting = (
                record.correlation_id
                for record in find_text(self.paths, prefix)
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
            why=f"No record in {', '.join(path.name for path in self._paths[:3])} has that id.",
            fix=f"Look at log.traces(). The beginning of an id is enough from {_SHORTEST_PREFIX} "
            "characters on.",
            context={"correlation_id": prefix, "files": len(self._paths)},
        )

    def __repr__(self) -> str:
        names = ", ".join(str(path) for path in self._paths[:3])
        more = f" and {len(self._paths) - 3} more" if len(self._paths) > 3 else ""
        return f"<Log of {names}{more}>"


def slow_ones(traces: pd.DataFrame) -> Any:
    """Which traces took far longer than those of their kind; missing where these are too few."""
    took: Any = traces["duration"]
    kinds = took.groupby(traces["first_message"], observed=True)
    slow = (took > kinds.transform("median") * FACTOR).astype(frames.FLAG)
    return slow.where((kinds.transform("count") >= MIN_SIBLINGS) & took.notna())


class _Summary:
    """One trace, record by record."""

    def __init__(self) -> None:
        self.records = self.moved = self.refused = self.failed = 0
        self.received = self.at_work = 0
        self.error: str | None = None
        self.components: set[str] = set()
        self.first: tuple[int, str | None, str | None] | None = None
        self.start_us: int | None = None
        self.end_us: int | None = None

    def add(self, record: LogRecord) -> None:
        time_us = time_us_of(record)
        self.records += 1
        if time_us is not None:
            self.start_us = time_us if self.start_us is None else min(self.start_us, time_us)
            self.end_us = time_us if self.end_us is None else max(self.end_us, time_us)
        if record.component is not None:
            self.components.add(record.component)
        if record.error is not None and self.error is None:
            self.error = f"{record.error.type}: {record.error.message}"
        match record.event:
            case "state.changed":
                self.moved += 1
                self.failed += record.error is not None
            case "message.refused":
                self.refused += 1
            case "message.failed":
                self.failed += 1
            case "message.received":
                self.received += 1
                self._received(record, time_us or 0)
            case "handler.started":
                self.at_work += 1
            case "handler.finished" | "handler.failed":
                self.at_work -= 1

    def _received(self, record: LogRecord, time_us: int) -> None:
        # Rotated files need not be in the order of their times.
        if self.first is None or time_us < self.first[0]:
            self.first = time_us, record.component, record.message_type

    def row(self, correlation_id: str) -> tuple[Any, ...]:
        start, end = self.start_us, self.end_us
        return (
            correlation_id,
            start,
            None if start is None or end is None else end - start,
            self.records,
            len(self.components),
            self.moved,
            self.refused,
            self.failed,
            *((None, None) if self.first is None else self.first[1:]),
            self.outcome,
            None,
            self.error,
        )

    @property
    def outcome(self) -> str:
        """The worst that the records tell."""
        if self.failed or self.refused:
            return "failed" if self.failed else "refused"
        if self.at_work > 0:
            return "unfinished"
        return "moved" if self.moved else "stayed" if self.received else "unknown"


def _text(argument: str, value: Any) -> str:
    if isinstance(value, str):
        return value
    raise InvalidType(
        f"{argument} must be a text, not {bounded_repr(value, 80)}.",
        why="Lines of the log are searched for it.",
        fix="Pass a string, such as an id from log.traces().",
        context={argument: value},
    )

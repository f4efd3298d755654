"""A trace log: all its records, one row a trace, and one trace whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.trace import Trace
from flexiflow.errors import InvalidValue, TraceNotFound, bounded_repr, listed
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

BROKEN = "(broken line)"
_SHORTEST_PREFIX = 4


def open_log(source: PathLike | Iterable[PathLike]) -> Log:
    """Open a trace log for questions. Nothing is read yet, and nothing is ever changed.

    Args:
        source: a file, several, or a glob pattern; ``.gz`` files too.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is none.
    """
    return Log(log_files(source))


class Log:
    """A trace log of one or several files. Made by `open_log`.

    Args:
        paths: the files, the oldest first.
    """

    def __init__(self, paths: Sequence[Path]) -> None:
        self.paths = list(paths)

    def records(
        self,
        correlation_id: str | None = None,
        *,
        component: str | None = None,
        event: str | None = None,
        limit: int | None = None,
    ) -> pd.DataFrame:
        """Records in the order of the files; a line that is no record is shown as what it is.

        Args:
            correlation_id: only this trace's.
            component: only this component's.
            event: only this event.
            limit: at most so many, the newest.

        Returns:
            a DataFrame with the columns of `frames.RECORDS`.
        """
        found = (
            read_records(self.paths)
            if correlation_id is None
            else find_records(self.paths, correlation_id)
        )
        chosen = [
            record
            for record in found
            if isinstance(record, BrokenLine)
            or (component is None or record.component == component)
            and (event is None or record.event == event)
        ]
        if limit is not None:
            chosen = chosen[max(len(chosen) - limit, 0) :]
        return records_frame(chosen)

    def search(self, text: str) -> pd.DataFrame:
        """Records whose line contains `text`, in any field; the columns of `frames.RECORDS`."""
        return records_frame(find_text(self.paths, text))

    def traces(self) -> pd.DataFrame:
        """One row a correlation id, in the order in which they begin.

        Returns:
            a DataFrame with the columns of `frames.TRACES`.
        """
        summaries: dict[str, _Summary] = {}
        for record in read_records(self.paths):
            if isinstance(record, LogRecord) and record.correlation_id is not None:
                summary = summaries.get(record.correlation_id)
                if summary is None:
                    summary = summaries[record.correlation_id] = _Summary()
                summary.add(record)
        rows = sorted(summaries.items(), key=lambda item: item[1].start_us)
        return frames.frame(frames.TRACES, (summary.row(key) for key, summary in rows))

    def trace(self, correlation_id: str) -> Trace:
        """Everything that one message caused.

        Args:
            correlation_id: the id, or its beginning where only one id begins so.

        Raises:
            TraceNotFound: (a KeyError) where no record has it.
            InvalidValue: (a ValueError) where several ids begin so.
        """
        records = list(find_records(self.paths, correlation_id))
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
            why=f"No record in {', '.join(path.name for path in self.paths[:3])} has that id.",
            fix="Look at log.traces(), or check that this is the log of the right run.",
            context={"correlation_id": prefix, "files": len(self.paths)},
        )

    def __repr__(self) -> str:
        names = ", ".join(str(path) for path in self.paths[:3])
        more = f" and {len(self.paths) - 3} more" if len(self.paths) > 3 else ""
        return f"<Log of {names}{more}>"


def records_frame(records: Iterable[LogRecord | BrokenLine]) -> pd.DataFrame:
    """Records as a frame with the columns of `frames.RECORDS`."""
    return frames.frame(frames.RECORDS, map(_row, records))


def _row(record: LogRecord | BrokenLine) -> tuple[Any, ...]:
    if isinstance(record, BrokenLine):
        where = {"path": record.path, "offset": record.offset, "text": record.text}
        nothing = (None,) * 6
        return None, "ERROR", BROKEN, *nothing, record.why, None, None, *nothing, None, where
    error = record.error
    return (
        time_us_of(record),
        record.level,
        record.event,
        record.component,
        record.handler,
        record.message_type,
        record.from_state,
        record.to_state,
        record.outcome,
        record.reason,
        record.duration_us,
        None if error is None else f"{error.type}: {error.message}",
        record.correlation_id,
        record.span_id,
        record.parent_id,
        record.step_id,
        record.snapshot_id,
        record.run_id,
        record.data,
    )


class _Summary:
    """One trace, record by record."""

    __slots__ = ("components", "end_us", "events", "first", "records", "start_us")

    def __init__(self) -> None:
        self.records = 0
        self.components: set[str] = set()
        self.events: dict[str, int] = {}
        self.first: LogRecord | None = None
        self.start_us = 0
        self.end_us = 0

    def add(self, record: LogRecord) -> None:
        time_us = time_us_of(record)
        if time_us is not None:
            if self.records == 0 or time_us < self.start_us:
                self.start_us = time_us
            self.end_us = max(self.end_us, time_us)
        self.records += 1
        self.events[record.event] = self.events.get(record.event, 0) + 1
        if record.component is not None:
            self.components.add(record.component)
        if self.first is None and record.event == "message.received":
            self.first = record

    def row(self, correlation_id: str) -> tuple[Any, ...]:
        first, events = self.first, self.events
        return (
            correlation_id,
            self.start_us,
            self.end_us - self.start_us,
            self.records,
            len(self.components),
            events.get("state.changed", 0),
            events.get("message.refused", 0),
            events.get("message.failed", 0),
            None if first is None else first.component,
            None if first is None else first.message_type,
        )


"""A trace log: all its records, one row a trace, and one trace whole."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base.late import from_notebook
from flexiflow.analysis.base.text_file import write_text
from flexiflow.analysis.log.asked import asked_despite_deletion, ids_argument
from flexiflow.analysis.log.records import RecordQuestions
from flexiflow.analysis.log.traces import LogSummary, TraceQuestions
from flexiflow.analysis.traces.trace import Trace
from flexiflow.arguments import checked_path
from flexiflow.errors import FlexiFlowError
from flexiflow.file_kind import refuse_no_logs
from flexiflow.tracing.following import Follower
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.reader import PathLike, log_files, log_sources, read_records
from flexiflow.tracing.records import LogRecord

if TYPE_CHECKING:
    from flexiflow.analysis.history import History

__all__ = ["Log", "LogSummary", "open_log"]


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
        PersistenceError: where one is a database, or a folder.
        InvalidValue: (a ValueError) for a field that no record has.
    """
    sources = log_sources(source)
    refuse_no_logs(log_files(sources))
    return Log(sources, fields=fields, index=index)


class Log(RecordQuestions, TraceQuestions):
    """A trace log of one or several files. Made by `open_log`.

    Args:
        source: paths or glob patterns; their files are looked for at each question, since a log
            is rotated while it is asked.
        settle: called before each question: waits until what was recorded so far is in the files.
        fields, index: see `open_log`.
    """

    def explore(
        self, trace: str | None = None, *, history: History | None = None, **traits: Any
    ) -> Any:
        """The traces in a notebook: a list, the waterfall of one, and what each span says.

        Args:
            trace: the correlation id to begin with, or its beginning; the last
                that failed, or is in trouble, unless given.
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

    @asked_despite_deletion
    def follow(self, *, from_start: bool = False) -> Follower:
        """What comes to the log from now on: ``follower.new()``, again and again.

        Args:
            from_start: whether what is there already counts as new.
        """
        return Follower(lambda: self.paths, self._lines, from_start=from_start)

    @asked_despite_deletion
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
        wanted = (
            None if correlation_ids is None else ids_argument("correlation_ids", correlation_ids)
        )
        found: dict[str, list[LogRecord | BrokenLine]] = {}
        for record in read_records(self.paths, self._lines):
            name = record.correlation_id if isinstance(record, LogRecord) else None
            if name is not None and (wanted is None or name in wanted):
                found.setdefault(name, []).append(record)
        lines = [Trace(name, records)._otlp_line(service) for name, records in found.items()]
        write_text(checked_path(path, "path"), "\n".join(lines))
        return len(lines)

    def __repr__(self) -> str:
        names = ", ".join(self._source[:3])
        more = f" and {len(self._source) - 3} more" if len(self._source) > 3 else ""
        try:
            told = "".join(f"\n  {notice}" for notice in self.notices)
        except FlexiFlowError as exc:
            told = f"\n  {exc.what}"
        return f"<Log of {names}{more}>{told}"

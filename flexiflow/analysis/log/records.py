"""Questions to a log about its records: which there are, and what stands out among them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flexiflow.analysis.log.asked import AskedLog, asked_despite_deletion, text_argument
from flexiflow.analysis.reading.rows import row_count
from flexiflow.analysis.traces.records import records_frame
from flexiflow.analysis.traces.trouble import errors_frame, lost_context_frame, slowest_frame
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.reader import find_text, read_records

if TYPE_CHECKING:
    import pandas as pd


class RecordQuestions(AskedLog):
    """Records as they are, and trouble by its kind, whichever trace it happened in."""

    @asked_despite_deletion
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
            a DataFrame with the columns of `shapes.RECORDS`.

        Raises:
            InvalidValue: (a ValueError) for a limit that is no number of rows.
        """
        most = None if limit is None else row_count(limit)
        found = (
            read_records(self.paths, self._lines)
            if correlation_id is None
            else self._records_of(text_argument("correlation_id", correlation_id))
        )
        chosen = [
            record
            for record in found
            if isinstance(record, BrokenLine)
            or (component in (None, record.component) and event in (None, record.event))
        ]
        return records_frame(chosen if most is None else chosen[max(len(chosen) - most, 0) :])

    @asked_despite_deletion
    def first_broken(self) -> BrokenLine | None:
        """The first line that is no record, with its place and what is wrong; None without one."""
        lines = read_records(self.paths, self._lines)
        return next((each for each in lines if isinstance(each, BrokenLine)), None)

    @asked_despite_deletion
    def search(self, text: str) -> pd.DataFrame:
        """Records whose line contains `text`, in any field.

        Args:
            text: as it is written, capitals and all.

        Returns:
            a DataFrame with the columns of `shapes.RECORDS`.
        """
        return records_frame(find_text(self.paths, text_argument("text", text), self._lines))

    @asked_despite_deletion
    def errors(self) -> pd.DataFrame:
        """Errors in groups: of one class, with messages that differ in numbers and ids only.

        Returns:
            a DataFrame with the columns of `shapes.ERRORS`, the most failures first. ``failures``
            counts messages, ``tries`` calls that may have been tried again.
        """
        return errors_frame(read_records(self.paths, self._lines))

    @asked_despite_deletion
    def slowest(self, limit: int = 20) -> pd.DataFrame:
        """The steps and handler calls that took longest, beside the median of their kind.

        Args:
            limit: at most so many.

        Returns:
            a DataFrame with the columns of `shapes.SLOWEST`, the longest first.

        Raises:
            InvalidValue: (a ValueError) for a limit that is no number of rows.
        """
        return slowest_frame(read_records(self.paths, self._lines), row_count(limit))

    @asked_despite_deletion
    def lost_context(self) -> pd.DataFrame:
        """Records that belong to no trace, or to one that had ended, by where they were written.

        The first is code that runs outside every message (a thread or a task that was started
        before), the second a task that outlived its message and works on in its name.

        Returns:
            a DataFrame with the columns of `shapes.LOST_CONTEXT`, the most records first. ``kind``
            is no id, or after the end; ``site`` the handler, the logger or the message type.
        """
        return lost_context_frame(read_records(self.paths, self._lines))

"""Questions to a log about its traces: all of them beside each other, one whole, two compared."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, words
from flexiflow.analysis.base.moments import moment_us
from flexiflow.analysis.log.asked import (
    AskedLog,
    asked_despite_deletion,
    ids_argument,
    text_argument,
)
from flexiflow.analysis.questions.outliers import FACTOR, MIN_SIBLINGS
from flexiflow.analysis.reading.rows import row_count
from flexiflow.analysis.traces.separation import separation_frame
from flexiflow.analysis.traces.trace import Trace
from flexiflow.analysis.traces.trace_difference import TraceDifference
from flexiflow.arguments import require
from flexiflow.errors import InvalidValue, TraceNotFound, bounded_repr, listed
from flexiflow.tracing.reader import find_text, read_records
from flexiflow.tracing.records import LogRecord

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.traces.summaries import Summaries

Moment = datetime | str | None
"""A time, ISO 8601 text, or ``"-1h"`` before the newest record."""

_SHORTEST_PREFIX = 4


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

    @property
    def troubles(self) -> tuple[str, ...]:
        """What of the log no trace shows, in words; where it has traces, records may be outside."""
        found = []
        if self.broken:
            found.append(f"{words.plural(self.broken, 'line')} can't be read")
        if self.without_id and not self.traces:
            records = words.plural(self.without_id, "record")
            found.append(f"{records} {'has' if self.without_id == 1 else 'have'} no correlation id")
        return tuple(found)


class TraceQuestions(AskedLog):
    """What each message caused, from its receipt on."""

    @asked_despite_deletion
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
            a DataFrame with the columns of `shapes.TRACES`. ``failed`` counts cancelled messages
            too, and those whose declared exception moved the machine. ``outcome`` is the worst of
            failed, refused, unfinished (a handler has no end here), moved and stayed; unknown
            where no message is. ``slow`` is True where it took more than three times the median of
            the traces that begin with the same message, False where not, and missing where fewer
            than five do. ``error`` is the first.

        Raises:
            InvalidValue: (a ValueError) for a time or a limit that is none.
            InvalidType: (a TypeError) where `component` is no name, or `failed` no truth value.
        """
        most = None if limit is None else row_count(limit)
        require(
            failed is None or isinstance(failed, bool),
            "failed",
            failed,
            "a truth value",
            "Pass failed=True, or failed=False for the others.",
        )
        table = self._summaries.update(self.paths).table.frame()
        table = table.assign(slow=slow_ones(table))
        chosen = _begun(table, since, until)
        if component is not None:
            chosen &= table["first_component"] == text_argument("component", component)
        if failed is not None:
            chosen &= (table["failed"] > 0) == failed
        table = table[chosen].reset_index(drop=True) if not chosen.all() else table
        return table if most is None else table.tail(most).reset_index(drop=True)

    @asked_despite_deletion
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

    @asked_despite_deletion
    def trace(self, correlation_id: str) -> Trace:
        """Everything that one message caused.

        Args:
            correlation_id: the id, or its beginning where only one id begins so.

        Raises:
            TraceNotFound: (a KeyError) where no record has it.
            InvalidValue: (a ValueError) where several ids begin so.
        """
        records = self._records_of(text_argument("correlation_id", correlation_id))
        if not any(isinstance(record, LogRecord) for record in records):
            correlation_id = self._complete(correlation_id)
            records = self._records_of(correlation_id)
        return Trace(correlation_id, records)

    def compare(self, one: str, other: str) -> TraceDifference:
        """Two traces side by side; see `Trace.compare`.

        Args:
            one, other: correlation ids, or their beginnings.

        Raises:
            TraceNotFound: (a KeyError) where there is no such trace.
        """
        return self.trace(one).compare(self.trace(other))

    @asked_despite_deletion
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
            a DataFrame with the columns of `shapes.SEPARATION`, the greatest difference first.

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

    def _complete(self, prefix: str) -> str:
        ids: list[str] = []
        without = 0
        if len(prefix) >= _SHORTEST_PREFIX:
            records = find_text(self.paths, prefix, self._lines)
            named = [r.correlation_id for r in records if isinstance(r, LogRecord)]
            ids = list(dict.fromkeys(each for each in named if each and each.startswith(prefix)))
            without = named.count(None)
        if len(ids) == 1:
            return ids[0]
        if ids:
            raise InvalidValue(
                f"Several traces begin with {prefix!r}.",
                why=f"They are {listed(ids)}.",
                fix="Give more of the id.",
                context={"prefix": prefix, "traces": len(ids)},
            )
        files = ", ".join(map(os.path.basename, self._source[:3]))
        why = f"No record in {files} has that id."
        fix = f"Look at log.traces(); of an id {_SHORTEST_PREFIX} characters or more are enough."
        if without:
            why += f" It stands in {without:,} of them that have no id."
            fix = 'Say where the id stands: open_log(…, fields={"correlation_id": "trace.id"}).'
        raise TraceNotFound(
            f"No trace {bounded_repr(prefix, 140)}.",
            why=why,
            fix=fix,
            context={"correlation_id": prefix, "files": len(self.paths)},
        )

    @cached_property
    def _summaries(self) -> Summaries:
        from flexiflow.analysis.traces.summaries import Summaries

        return Summaries(self._lines)


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
    wanted = ids_argument(argument, given)
    for each in wanted:
        if each not in known:
            raise TraceNotFound(
                f"No trace {bounded_repr(each, 140)}.",
                why=f"{argument} names it, and no record has that id.",
                fix="Pass ids from log.traces(), whole.",
                context={argument: each},
            )
    return wanted

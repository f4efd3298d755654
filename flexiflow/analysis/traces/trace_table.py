"""One row a trace, made of records that come block by block; see `Log.traces`.

The records of a block are looked at column by column, and what they add is added to columns that
have a place for each trace. 400,000 traces of as many components take about 200 MB, and as a
DataFrame 150 more; their records take nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import compress, repeat
from operator import ne
from typing import TYPE_CHECKING, Any

import numpy as np

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.text_numbers import TextNumbers
from flexiflow.tracing.line_formats import BriefRecord
from flexiflow.tracing.records import time_us

if TYPE_CHECKING:
    import pandas as pd

Array = Any

# Of a time as we write it: the digits behind its minute, what these are worth in microseconds, and
# what stands between.
_SECONDS = [17, 18, 20, 21, 22, 23, 24, 25]
_POWERS = 10.0 ** np.arange(7, -1, -1)
_BETWEEN = tuple((at, ord(sign)) for at, sign in ((16, ":"), (19, "."), (26, "Z"), (27, "\n")))
_ZERO = np.uint8(ord("0"))

_LATE, _EARLY = np.iinfo(np.int64).max, frames.NO_NUMBER
_MOST_PAIRS = 2_000_000  # of traces and components, after which those met twice are dropped
_NAME = (1 << 32) - 1  # of a pair, where the trace stands above it
_OUTCOMES = ("failed", "moved", "refused", "stayed", "unfinished", "unknown")

_COUNTED = ("records", "components", "moved", "refused", "failed")
_ADDED_UP = ("records", "moved", "refused", "failed", "received", "at_work")
_ADDED = {  # by records of these events, beside themselves
    "state.changed": {"moved": 1},
    "message.refused": {"refused": 1},
    "message.failed": {"failed": 1},
    "message.received": {"received": 1},
    "handler.started": {"at_work": 1},
    "handler.finished": {"at_work": -1},
    "handler.failed": {"at_work": -1},
    "snapshot.saved": {},
}
_KINDS = {event: kind for kind, event in enumerate(_ADDED)}
_OTHER = len(_KINDS)
_ADDED_BY_KIND = np.array(
    [[{"records": 1, **adds}.get(name, 0) for name in _ADDED_UP] for adds in (*_ADDED.values(), {})]
)
_EMPTY = {
    **dict.fromkeys((*_ADDED_UP, "components"), 0),
    "start": _LATE,
    "end": _EARLY,
    "first_received": _LATE,
    "first_component": -1,
    "first_message": -1,
}


class TraceTable:
    """The traces of the records that were added, in the order of the log's files."""

    def __init__(self) -> None:
        self._ids = TextNumbers()
        self._components = TextNumbers()
        self._messages = TextNumbers()
        self._columns = {name: np.empty(0, dtype=np.int64) for name in _EMPTY}
        self._errors: dict[int, str] = {}
        self._pairs = np.empty(0, dtype=np.int64)
        self._new_pairs: list[Array] = []
        self._waiting = 0  # how many these are
        self._frame: pd.DataFrame | None = None  # as long as nothing is added

    def __len__(self) -> int:
        return len(self._ids)

    def extend(self, later: TraceTable) -> None:
        """Go on with what another table made of the records behind those of this one."""
        self._frame = None
        rows: Array = self._ids.of(later._ids.new())
        names = np.append(self._components.of(later._components.new()), -1)
        types = np.append(self._messages.of(later._messages.new()), -1)
        self._grow()
        columns = self._columns
        of = {name: column[: len(later)] for name, column in later._columns.items()}
        for name in _ADDED_UP:
            columns[name][rows] += of[name]
        columns["start"][rows] = np.minimum(columns["start"][rows], of["start"])
        columns["end"][rows] = np.maximum(columns["end"][rows], of["end"])
        earlier = np.flatnonzero(of["first_received"] < columns["first_received"][rows])
        changed = rows[earlier]
        columns["first_received"][changed] = of["first_received"][earlier]
        columns["first_component"][changed] = names[of["first_component"][earlier]]
        columns["first_message"][changed] = types[of["first_message"][earlier]]
        for row, text in zip(
            rows[list(later._errors)].tolist(), later._errors.values(), strict=True
        ):
            self._errors.setdefault(row, text)
        for pairs in (later._pairs, *later._new_pairs):
            self._add_pairs(rows[pairs >> 32], names[pairs & _NAME])

    def add(self, records: Sequence[BriefRecord]) -> int:
        """Go on with records, and return how many of them have no correlation id."""
        if not records:
            return 0
        ids, names = [each.correlation_id for each in records], [each.component for each in records]
        runs = _Runs(ids, names)
        rows: Array = self._ids.of(compress(ids, runs.begins))
        if rows.min() < 0:
            found = [each for each in records if each.correlation_id is not None]
            self.add(found)
            return len(records) - len(found)
        self._frame = None
        self._add(records, runs, rows, self._components.of(compress(names, runs.begins)))
        return 0

    def _add(
        self, records: Sequence[BriefRecord], runs: _Runs, rows: Array, of_names: Array
    ) -> None:
        self._add_pairs(rows, of_names)
        self._grow()
        kinds = np.fromiter(
            map(_KINDS.get, [each.event for each in records], repeat(_OTHER)), np.int64
        )
        columns = self._columns
        added = runs.numbers_of(kinds, _OTHER + 1) @ _ADDED_BY_KIND
        for name, numbers in zip(_ADDED_UP, added.T, strict=True):
            np.add.at(columns[name], rows, numbers)
        times, timed = _times(records)
        # As in the tree: a trace has ended before its snapshots are committed.
        told = timed & (kinds != _KINDS["snapshot.saved"])
        np.minimum.at(columns["start"], rows, runs.least(np.where(timed, times, _LATE)))
        np.maximum.at(columns["end"], rows, runs.greatest(np.where(told, times, _EARLY)))
        self._add_errors(records, runs, rows)
        received = np.flatnonzero(kinds == _KINDS["message.received"])
        if len(received):
            within = runs.of(received)
            self._add_received(
                [records[each] for each in received.tolist()],
                rows[within],
                of_names[within],
                times[received],
            )

    def frame(self) -> pd.DataFrame:
        """The traces in the order in which they begin, with the columns of `shapes.TRACES`.

        Whether one is slow is still missing.
        """
        if self._frame is None:
            self._frame = self._built()
        return self._frame

    def _built(self) -> pd.DataFrame:
        import pandas as pd

        self._merge_pairs()
        of = {name: column[: len(self)] for name, column in self._columns.items()}
        timed = of["start"] != _LATE
        start = np.where(timed, of["start"], 0)
        order: Array = np.argsort(start, kind="stable")
        start = np.where(timed, start, frames.NO_NUMBER)
        took = np.where(timed, np.maximum(of["end"], start) - start, frames.NO_NUMBER)
        if (order == np.arange(len(order))).all():  # as in a log that was written in order
            order = slice(None)
        shown = {
            "correlation_id": pd.Series(self._ids.texts()[order]),
            "start": frames.wholes_series(start[order], frames.TIME),
            "duration": frames.wholes_series(took[order], frames.DURATION),
            "outcome": frames.names_series(*_outcomes(of, order)),
            "slow": pd.Series(pd.NA, index=range(len(self)), dtype=frames.FLAG),
            "error": self._error_texts(order),
            **{name: pd.Series(of[name][order]) for name in _COUNTED},
            "first_component": self._components.series(of["first_component"][order]),
            "first_message": self._messages.series(of["first_message"][order]),
        }
        return pd.DataFrame({name: shown[name] for name in shapes.TRACES})

    def _grow(self) -> None:
        """Give every trace a place in the columns."""
        held = len(self._columns["start"])
        if len(self) > held:
            more = max(len(self), 2 * held) - held
            self._columns = {
                name: np.concatenate([column, np.full(more, _EMPTY[name], dtype=np.int64)])
                for name, column in self._columns.items()
            }

    def _add_errors(self, records: Sequence[BriefRecord], runs: _Runs, rows: Array) -> None:
        """Note the first error of each trace; a declared one is a failure too."""
        errors = [each.error for each in records]
        for at in compress(range(len(errors)), errors):
            row, record, error = int(rows[runs.of(at)]), records[at], errors[at]
            assert error is not None
            self._errors.setdefault(row, f"{error.type}: {error.message}")
            self._columns["failed"][row] += record.event == "state.changed"

    def _add_pairs(self, rows: Array, names: Array) -> None:
        """Note which components the traces have."""
        named = names >= 0
        pairs = rows[named] << 32 | names[named]
        self._new_pairs.append(pairs)
        self._waiting += len(pairs)
        if self._waiting > _MOST_PAIRS:
            self._merge_pairs()

    def _merge_pairs(self) -> None:
        """Count for each trace the components that it did not have before."""
        if not self._new_pairs:
            return
        pairs = _first_of_each(np.sort(np.concatenate(self._new_pairs)))
        at: Array = np.searchsorted(self._pairs, pairs)
        known = np.zeros(len(pairs), dtype=bool)
        within = at < len(self._pairs)
        known[within] = self._pairs[at[within]] == pairs[within]
        np.add.at(self._columns["components"], pairs[~known] >> 32, 1)
        self._pairs = np.insert(self._pairs, at[~known], pairs[~known])
        self._new_pairs, self._waiting = [], 0

    def _add_received(
        self, records: Sequence[BriefRecord], rows: Array, names: Array, times: Array
    ) -> None:
        """Note who got the first message of each trace; files need not be in order of time."""
        order = np.lexsort((times, rows))  # stable: of two at one time the one that came first
        firsts = order[np.append(True, np.diff(rows[order]) != 0)] if len(order) else order
        columns = self._columns
        firsts = firsts[times[firsts] < columns["first_received"][rows[firsts]]]
        changed = rows[firsts]
        columns["first_received"][changed] = times[firsts]
        columns["first_component"][changed] = names[firsts]
        types = self._messages.of([records[each].message_type for each in firsts.tolist()])
        columns["first_message"][changed] = types

    def _error_texts(self, order: Array) -> Any:
        import pandas as pd

        texts = frames.texts_array([None, *self._errors.values()])
        places = np.zeros(len(self), dtype=np.int64)
        places[list(self._errors)] = np.arange(1, len(texts))
        return pd.Series(texts[places[order]])


class _Runs:
    """Records with the same id and component that stand together, as those of a message do.

    What is the same in a run is looked up once, and what is counted is counted in the run first.
    """

    def __init__(self, ids: list[str | None], names: list[str | None]) -> None:
        begins = np.ones(len(ids), dtype=bool)
        begins[1:] = np.fromiter(map(ne, ids[1:], ids), bool, len(ids) - 1)
        begins[1:] |= np.fromiter(map(ne, names[1:], names), bool, len(ids) - 1)
        self.begins: list[bool] = begins.tolist()
        self._first: Array = np.flatnonzero(begins)
        self._run: Array = np.cumsum(begins) - 1

    def of(self, at: Array) -> Array:
        """The runs in which some records are."""
        return self._run[at]

    def numbers_of(self, kinds: Array, most: int) -> Array:
        """How many records of each kind are in each run: a row a run, a column a kind."""
        counted = np.bincount(self._run * most + kinds, minlength=len(self._first) * most)
        return counted.reshape(-1, most)

    def least(self, values: Array) -> Array:
        """The least value in each run."""
        return np.minimum.reduceat(values, self._first)

    def greatest(self, values: Array) -> Array:
        """The greatest value in each run."""
        return np.maximum.reduceat(values, self._first)


def _first_of_each(pairs: Array) -> Array:
    """Without those that are like the one before."""
    return pairs[np.flatnonzero(np.diff(pairs, prepend=-1))]


def _outcomes(of: dict[str, Array], order: Array) -> tuple[Array, list[str]]:
    """The worst that each trace tells, as numbers, and the names that these stand for."""
    told = [
        (of["failed"] > 0, "failed"),
        (of["refused"] > 0, "refused"),
        (of["at_work"] > 0, "unfinished"),
        (of["moved"] > 0, "moved"),
        (of["received"] > 0, "stayed"),
    ]
    places = [_OUTCOMES.index(name) for _, name in told]
    unknown = _OUTCOMES.index("unknown")
    found = np.select([each for each, _ in told], places, unknown)[order]
    used = np.unique(found)
    return np.searchsorted(used, found), [_OUTCOMES[each] for each in used]


def _times(records: Sequence[BriefRecord]) -> tuple[Array, Array]:
    """Microseconds since 1970, 0 where a record has no time, and which have one."""
    texts = [each.ts for each in records]
    times = _usual_times(texts)
    if times is None:
        found = list(map(time_us, texts))
        timed = np.array([each is not None for each in found])
        return np.array([each or 0 for each in found], dtype=np.int64), timed
    return times, np.ones(len(times), dtype=bool)


def _usual_times(texts: Sequence[str]) -> Array | None:
    """Times that all are as we write them, microseconds since 1970; None where one is not."""
    raw = ("\n".join(texts) + "\n").encode()
    if len(raw) != 28 * len(texts) or raw.count(b"\n") != len(texts):
        return None
    letters = np.frombuffer(raw, dtype=np.uint8).reshape(-1, 28)
    digits = letters[:, _SECONDS] - _ZERO  # what is less than "0" becomes large
    usual = all((letters[:, at] == sign).all() for at, sign in _BETWEEN)
    if not usual or digits.max() > 9 or digits[:, 0].max() > 5:
        return None
    within = (digits @ _POWERS).astype(np.int64)
    to_minutes = letters[:, :16].copy().view(np.uint64)
    changes = np.flatnonzero((to_minutes[1:] != to_minutes[:-1]).any(axis=1)) + 1
    firsts = np.concatenate([[0], changes])
    minutes = [time_us(f"{texts[first][:16]}:00Z") for first in firsts.tolist()]
    if None in minutes:
        return None
    lengths = np.diff(np.append(firsts, len(texts)))
    return within + np.repeat(np.array(minutes, dtype=np.int64), lengths)

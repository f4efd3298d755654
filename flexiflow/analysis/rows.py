"""Snapshots and steps as frames, filtered inside SQLite."""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import frames
from flexiflow.analysis.source import Source
from flexiflow.errors import InvalidValue, PersistenceError, bounded_repr, state_not_found
from flexiflow.persistence.schema import (
    RUNS,
    SNAPSHOTS,
    STEPS,
    columns_of,
    cursor,
    has_table,
)
from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import read_snapshot

if TYPE_CHECKING:
    import pandas as pd

    from flexiflow.analysis.history import History

# A row of 1.x has no state and time of its own; a broken one must not stop the query.
STATE = """CASE WHEN s.state IS NOT NULL THEN s.state
    WHEN json_valid(s.snapshot_json) AND json_type(s.snapshot_json, '$.current_state') = 'text'
    THEN json_extract(s.snapshot_json, '$.current_state') END"""
# 1.x wrote the time as text. SQLite rounds to milliseconds, so the fraction is read on its own.
_WHOLE = """CASE WHEN instr(s.created_at, '.') THEN
    substr(s.created_at, 1, instr(s.created_at, '.') - 1)
    || ltrim(substr(s.created_at, instr(s.created_at, '.') + 1), '0123456789')
    ELSE s.created_at END"""
_FRACTION = """CASE WHEN instr(s.created_at, '.') THEN CAST(round(1e6 * CAST(
    '0.' || substr(s.created_at, instr(s.created_at, '.') + 1, 6) AS REAL)) AS INTEGER)
    ELSE 0 END"""
TIME_US_1X = f"(CAST(strftime('%s', {_WHOLE}) AS INTEGER) * 1000000 + {_FRACTION})"
TIME_US = f"coalesce(s.time_us, {TIME_US_1X})"
STATE_1X = STATE.replace("s.state", "NULL")

_ERROR = """CASE WHEN NOT json_valid(s.snapshot_json) THEN 'the snapshot is not JSON'
    WHEN json_type(s.snapshot_json) <> 'object' THEN 'the snapshot is not a JSON object'
    WHEN julianday(s.created_at) IS NULL THEN 'created_at is not a time' END"""
_NEW_COLUMNS = ("correlation_id", "step_id", "fingerprint", "format")
_AGO = re.compile(r"-\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d)")
_UNITS = {"us": 1, "ms": 1e3, "s": 1e6, "m": 60e6, "h": 3600e6, "d": 86400e6}


@dataclass(frozen=True, slots=True)
class Filter:
    """Which rows are asked for.

    Attributes:
        component: one component, or None for all.
        since_us, until_us: times, microseconds since 1970, both included.
        states: states, or None for all.
        limit: at most so many, the newest.
    """

    component: str | None = None
    since_us: int | None = None
    until_us: int | None = None
    states: tuple[str, ...] | None = None
    limit: int | None = None

    @classmethod
    def of(
        cls,
        history: History,
        component: str | None,
        since: Any,
        until: Any,
        states: str | Iterable[str] | None,
        limit: int | None,
    ) -> Filter:
        """Check what a caller gave, and turn it into a filter."""
        history.require(component)
        wanted = (states,) if isinstance(states, str) else states and tuple(states)
        if wanted:
            _require_states(history, wanted)
        if limit is not None and (isinstance(limit, bool) or not isinstance(limit, int) or limit < 0):
            raise InvalidValue(
                f"limit must be a number of rows, not {bounded_repr(limit, 40)}.",
                why="Rows are counted from 0 up.",
                fix="Leave it out for all rows, or pass limit=100.",
                context={"limit": limit},
            )
        now = None
        if isinstance(since, str) or isinstance(until, str):
            now = newest_us(history.sources)
        return cls(
            component, _moment("since", since, now), _moment("until", until, now), wanted, limit
        )

    def where(self, time: str, state: str) -> tuple[str, list[Any]]:
        """The condition and its values, for a table called ``s``."""
        conditions, values = ["1"], []
        if self.component is not None:
            conditions.append("s.component_name = ?")
            values.append(self.component)
        if self.since_us is not None:
            conditions.append(f"{time} >= ?")
            values.append(self.since_us)
        if self.until_us is not None:
            conditions.append(f"{time} <= ?")
            values.append(self.until_us)
        if self.states is not None:
            conditions.append(f"{state} IN ({', '.join('?' * len(self.states))})")
            values.extend(self.states)
        return " AND ".join(conditions), values


def snapshots_frame(
    sources: Sequence[Source], chosen: Filter, *, explode: bool = False
) -> pd.DataFrame:
    """Snapshots as a frame; see `History.snapshots`."""
    built = []
    for source in sources:
        with source.connect() as conn:
            rows = _snapshot_rows(conn, chosen, source.name)
            frame = frames.frame(frames.SNAPSHOTS, (row[:-1] for row in rows))
            built.append(_exploded(conn, frame, rows) if explode else frame)
    return _newest(_joined(built, frames.SNAPSHOTS, explode), chosen.limit)


def steps_frame(sources: Sequence[Source], chosen: Filter) -> pd.DataFrame:
    """Steps as a frame; see `History.steps`."""
    built = []
    for source in sources:
        with source.connect() as conn:
            built.append(frames.frame(frames.STEPS, _step_rows(conn, chosen, source.name)))
    return _newest(frames.concat(frames.STEPS, built), chosen.limit)


def one_snapshot(sources: Sequence[Source], snapshot_id: int) -> ComponentSnapshot:
    """The snapshot of one row; see `History.snapshot`."""
    found = []
    for source in sources:
        with source.connect() as conn:
            form = "format" if "format" in columns_of(conn, SNAPSHOTS) else "NULL"
            query = f"SELECT id, snapshot_json, {form} FROM {SNAPSHOTS} WHERE id = ?"
            row = cursor(conn).execute(query, (snapshot_id,)).fetchone()
            if row is not None:
                found.append(read_snapshot(conn, *row))
    if len(found) == 1:
        return found[0]
    raise InvalidValue(
        f"There is no one snapshot {bounded_repr(snapshot_id, 40)}.",
        why=f"{len(found)} of {len(sources)} files have a row with that id.",
        fix="Take an id from history.snapshots(), of a history of one file.",
        context={"snapshot_id": snapshot_id, "files": len(sources)},
    )


def newest_us(sources: Sequence[Source]) -> int | None:
    """The time of the newest record: what "now" means in every answer."""
    times: list[int] = []
    for source in sources:
        with source.connect() as conn:
            queries = [f"SELECT max({time_us(conn)}) FROM {SNAPSHOTS} s"]
            if has_table(conn, STEPS):
                queries.append(f"SELECT max(start_us + duration_us) FROM {STEPS}")
            for query in queries:
                (value,) = cursor(conn).execute(query).fetchone()
                times.extend([] if value is None else [int(value)])
    return max(times, default=None)


def time_us(conn: sqlite3.Connection) -> str:
    """An expression for the time of a row of the snapshots, called ``s``."""
    return TIME_US if "time_us" in columns_of(conn, SNAPSHOTS) else TIME_US_1X


def state(conn: sqlite3.Connection) -> str:
    """An expression for the state of a row of the snapshots, called ``s``."""
    return STATE if "state" in columns_of(conn, SNAPSHOTS) else STATE_1X


def _snapshot_rows(
    conn: sqlite3.Connection, chosen: Filter, source: str
) -> list[tuple[Any, ...]]:
    present = columns_of(conn, SNAPSHOTS)
    correlation, step, print_, form = (
        f"s.{name}" if name in present else "NULL" for name in _NEW_COLUMNS
    )
    run = "(SELECT r.uid FROM {0} r WHERE r.id = s.run_id)".format(RUNS)
    condition, values = chosen.where(time_us(conn), state(conn))
    query = f"""SELECT s.id, {time_us(conn)}, s.component_name, {state(conn)}, {correlation},
            {step}, {run if "run_id" in present else "NULL"}, {print_}, s.snapshot_json, {_ERROR},
            ?, {form}
        FROM {SNAPSHOTS} s WHERE {condition} {_order(chosen)}"""
    return _ordered(cursor(conn).execute(query, (source, *values)).fetchall(), chosen)


def _step_rows(conn: sqlite3.Connection, chosen: Filter, source: str) -> list[tuple[Any, ...]]:
    if not has_table(conn, STEPS):
        return []
    condition, values = chosen.where("s.start_us", "s.from_state")
    error = """CASE WHEN s.error_json IS NULL THEN NULL WHEN json_valid(s.error_json) THEN
        json_extract(s.error_json, '$.type') || ': ' || json_extract(s.error_json, '$.message')
        ELSE 'the error is not JSON' END"""
    query = f"""SELECT s.id, s.start_us, s.duration_us, s.component_name, s.message_type,
            s.from_state, s.to_state, s.outcome, s.reason, {error}, s.tries, s.sender,
            s.correlation_id, s.span_id, s.parent_id,
            (SELECT r.uid FROM {RUNS} r WHERE r.id = s.run_id), s.fingerprint, s.message_json,
            s.guards_json, s.error_json, ?
        FROM {STEPS} s WHERE {condition} {_order(chosen)}"""
    return _ordered(cursor(conn).execute(query, (source, *values)).fetchall(), chosen)


def _order(chosen: Filter) -> str:
    return "ORDER BY s.id" if chosen.limit is None else f"ORDER BY s.id DESC LIMIT {chosen.limit}"


def _ordered(rows: list[tuple[Any, ...]], chosen: Filter) -> list[tuple[Any, ...]]:
    return rows if chosen.limit is None else rows[::-1]


def _newest(frame: pd.DataFrame, limit: int | None) -> pd.DataFrame:
    if limit is None or len(frame) <= limit:
        return frame
    return frame.iloc[len(frame) - limit :].reset_index(drop=True)


def _joined(built: list[pd.DataFrame], columns: frames.Columns, explode: bool) -> pd.DataFrame:
    if not explode or len(built) < 2:
        return frames.concat(columns, built)
    import pandas as pd

    return pd.concat(built, ignore_index=True).astype(dict(columns))


def _exploded(
    conn: sqlite3.Connection, frame: pd.DataFrame, rows: list[tuple[Any, ...]]
) -> pd.DataFrame:
    """The frame with a column for each field of the metadata; a broken row has none."""
    import pandas as pd

    records: list[dict[str, Any]] = []
    for row in rows:
        try:
            metadata = read_snapshot(conn, row[0], row[8], row[-1]).metadata
        except PersistenceError:
            metadata = {}
        records.append({f"metadata.{key}": value for key, value in metadata.items()})
    return pd.concat([frame, pd.DataFrame(records, index=frame.index)], axis=1)


def _moment(argument: str, value: Any, now_us: int | None) -> int | None:
    if value is None:
        return None
    try:
        if isinstance(value, str) and (match := _AGO.fullmatch(value.strip())):
            return None if now_us is None else round(now_us - float(match[1]) * _UNITS[match[2]])
        moment = datetime.fromisoformat(value) if isinstance(value, str) else value
        aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return int((aware - datetime(1970, 1, 1, tzinfo=UTC)) / timedelta(microseconds=1))
    except (ValueError, TypeError, AttributeError, OverflowError) as exc:
        raise InvalidValue(
            f"{argument} is not a time: {bounded_repr(value, 80)}.",
            why=f"{type(exc).__name__}: {exc}.",
            fix='Pass a datetime, ISO 8601 text, or "-1h" (us, ms, s, m, h, d).',
            context={argument: value},
        ) from exc


def _require_states(history: History, wanted: tuple[str, ...]) -> None:
    known: set[str] = set()
    for source in history.sources:
        with source.connect() as conn:
            rows = cursor(conn).execute(f"SELECT DISTINCT {state(conn)} FROM {SNAPSHOTS} s")
            known.update(name for (name,) in rows if name is not None)
            if has_table(conn, STEPS):
                rows = cursor(conn).execute(f"SELECT DISTINCT from_state FROM {STEPS}")
                known.update(name for (name,) in rows)
    for name in wanted:
        if name not in known:
            raise state_not_found(name, known)


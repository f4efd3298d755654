"""How the tables of a recording, and that of 1.x, are read in blocks; see `packed`.

A shortcut holds for tables whose columns have the types that they are made with, because then
SQLite itself keeps numbers out of texts. What else the expressions of `tables` look after is
looked at here for a whole block at once, and a block that fails is read with them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Container, Mapping
from typing import Any

import msgspec

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.collecting import without_collecting
from flexiflow.analysis.reading.columns import (
    LINE_BREAK,
    SEPARATOR,
    Building,
    places_of,
    whole_numbers,
)
from flexiflow.analysis.reading.exploded import fields_in
from flexiflow.analysis.reading.field_columns import Fields
from flexiflow.analysis.reading.query import Pieces, Shortcut
from flexiflow.analysis.reading.tables import step_columns
from flexiflow.persistence.schema import RUNS, SNAPSHOTS, STEPS, columns_of, cursor
from flexiflow.persistence.sql_times import LATEST

_SNAPSHOT_WHOLES = {"time": "time_us", "step_id": "step_id", "run": "run_id"}
_SNAPSHOT_TEXTS = {
    "component": "component_name",
    "state": "state",
    "correlation_id": "correlation_id",
    "fingerprint": "fingerprint",
}
_CLASSIC_TEXTS = {"component": "component_name", "time": "created_at"}
_BODIES = {"snapshot_json": "snapshot_json"}
_STEP_WHOLES = {"time": "start_us", "duration": "duration_us", "tries": "tries", "run": "run_id"}
_STEP_TEXTS = {
    "component": "component_name",
    "message": "message_type",
    "from_state": "from_state",
    "to_state": "to_state",
    "outcome": "outcome",
    "reason": "reason",
    "sender": "sender",
    "correlation_id": "correlation_id",
    "span_id": "span_id",
    "parent_id": "parent_id",
    "fingerprint": "fingerprint",
    "message_json": "message_json",
    "guards_json": "guards_json",
    "error_json": "error_json",
}


class _AnyObject(msgspec.Struct):
    """A JSON object, whatever is in it."""


class _WithState(msgspec.Struct):
    """What the body of a snapshot of 1.x says of the state."""

    current_state: str


_ESCAPED_ASCII = re.compile(rb"\\u00[2-7]")
_objects = msgspec.json.Decoder(_AnyObject)
_with_states = msgspec.json.Decoder(_WithState)


def snapshot_shortcut(
    conn: sqlite3.Connection, wanted: Container[str] = shapes.SNAPSHOTS
) -> Shortcut | None:
    """How the wanted columns of snapshots are packed, time and state among them; None if not."""
    types = _types_of(conn, SNAPSHOTS)
    bodies = _of_row(_BODIES)
    if _fits(types, _SNAPSHOT_WHOLES, {**_SNAPSHOT_TEXTS, **_BODIES}):
        wholes = _of_row(_only(_SNAPSHOT_WHOLES, wanted))
        texts = _of_row(_only(_SNAPSHOT_TEXTS, wanted))
        if "snapshot_json" not in wanted and "error" not in wanted:
            bodies = {}
        return Shortcut(wholes, texts, _finish_snapshots(_run_names(conn)), bodies)
    if _fits(types, {}, {**_CLASSIC_TEXTS, **_BODIES}) and not (
        types.keys() & _SNAPSHOT_WHOLES.values()
    ):
        return Shortcut({}, _of_row(_CLASSIC_TEXTS), _finish_classic, bodies)
    return None


def move_shortcut(conn: sqlite3.Connection, *more: str) -> Shortcut | None:
    """How times and states of the snapshots, and more texts, are packed; None where they can't."""
    wholes, texts = {"time": "time_us"}, {"component": "component_name", "state": "state"}
    texts |= {each: each for each in more}
    if _fits(_types_of(conn, SNAPSHOTS), wholes, texts):
        return Shortcut(_of_row(wholes), _of_row(texts), _finish_moves)
    return snapshot_shortcut(conn)


def entry_shortcut(conn: sqlite3.Connection) -> Shortcut | None:
    """How snapshots with their steps, called ``t``, are packed; None where they can't be."""
    mine = {"component": "component_name", "state": "state", "fingerprint": "fingerprint"}
    of_step = {"message": "message_type", "sender": "sender", "from_state": "from_state"}
    wholes = {"time": "time_us", "step": "step_id"}
    if _fits(_types_of(conn, SNAPSHOTS), wholes, mine) and _fits(
        _types_of(conn, STEPS), {"id": "id"}, of_step
    ):
        texts = {**_of_row(mine), **_of_row(of_step, "t")}
        return Shortcut({"time": "s.time_us", "step_id": "t.rowid"}, texts, _finish_moves)
    return None


def step_shortcut(
    conn: sqlite3.Connection, wanted: Container[str] = shapes.STEPS
) -> Shortcut | None:
    """How the wanted columns of steps are packed, the time among them; None where they can't be."""
    if not _fits(_types_of(conn, STEPS), _STEP_WHOLES, _STEP_TEXTS):
        return None
    texts = {**_of_row(_STEP_TEXTS), "error": step_columns(conn)["error"]}
    wholes = _of_row(_only(_STEP_WHOLES, wanted))
    return Shortcut(wholes, _only(texts, wanted), _finish_steps(_run_names(conn)))


def _only(columns: Mapping[str, str], wanted: Container[str]) -> dict[str, str]:
    return {name: each for name, each in columns.items() if name in wanted}


Finish = Callable[[Building, Mapping[str, bytes], int], Pieces | None]


def _finish_snapshots(runs: Mapping[int, str | None]) -> Finish:
    def finish(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
        if "snapshot_json" not in raw:
            return _placed(_unpacked(building, raw, count, runs))
        lines = raw["snapshot_json"]
        borders = places_of(LINE_BREAK, lines, count)
        # Where nothing is a tag, who wants the fields need not decode each body once more.
        plain = building.explodes and b'"$' not in lines and _begin_and_end(lines, borders)
        fields = fields_in(lines, borders) if plain else None
        if fields is None and _decoded(_objects, lines, borders) is None:
            return None
        pieces = _placed(_unpacked(building, raw, count, runs))
        return _with_lines(pieces, building, lines, borders, fields)

    return finish


def _finish_moves(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
    return _placed(_unpacked(building, raw, count, {}))


def _placed(pieces: Pieces | None) -> Pieces | None:
    """The pieces, where each row has a state and a time; those of others may stand elsewhere."""
    if pieces is None or not _in_range(pieces["time"]).all() or (pieces["state"] < 0).any():
        return None
    return pieces


def _with_lines(
    pieces: Pieces | None,
    building: Building,
    lines: bytes,
    borders: Any,
    fields: Fields | None = None,
) -> Pieces | None:
    """The pieces with that of the bodies, if the frame has them; None where one is no UTF-8."""
    if pieces is None or "snapshot_json" not in building.columns:
        return pieces
    texts = building.columns["snapshot_json"].lines(lines, borders)
    return None if texts is None else {**pieces, "snapshot_json": texts, "fields": fields}


def _finish_classic(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
    lines = raw["snapshot_json"]
    borders = places_of(LINE_BREAK, lines, count)
    states = _states(lines, borders)
    times = _times(raw["time"], count)
    if states is None or times is None:
        return None
    pieces = _unpacked(building, {"component": raw["component"]}, count, {})
    if pieces is None:
        return None
    pieces |= {"time": times, "state": building.columns["state"].numbered(states)}
    return _with_lines(pieces, building, lines, borders)


def _finish_steps(runs: Mapping[int, str | None]) -> Finish:
    def finish(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
        pieces = _unpacked(building, raw, count, runs)
        if pieces is None:
            return None
        pieces["time"][~_in_range(pieces["time"])] = frames.NO_NUMBER
        if "tries" in pieces:
            pieces["tries"][pieces["tries"] == frames.NO_NUMBER] = 0
        return pieces

    return finish


def _unpacked(
    building: Building, raw: Mapping[str, bytes], count: int, runs: Mapping[int, str | None]
) -> Pieces | None:
    """The pieces of packed columns; None where one of them can't be cut up."""
    pieces: Pieces = {}
    for name, cells in raw.items():
        if name not in building.columns or name in ("id", "snapshot_json"):
            continue
        column = building.columns[name]
        if name == "run":
            numbers = whole_numbers(cells, count)
            piece = None if numbers is None else column.looked_up(numbers, runs)
        else:
            piece = column.unpacked(cells, count)
        if piece is None:
            return None
        pieces[name] = piece
    return pieces


def _begin_and_end(lines: bytes, borders: Any) -> bool:
    """Whether every line begins with a brace and ends with one.

    A line break in a string is no JSON, and between two objects inside another value there would
    be a comma. So each such line holds one value or several, and as many values as lines means one
    in each.

    Args:
        lines: the bodies.
        borders: where the line breaks are; None where there are not as many as bodies.
    """
    import numpy as np

    if borders is None or lines[:1] + lines[-1:] != b"{}":
        return False
    cells = np.frombuffer(lines, dtype=np.uint8)
    return bool((cells[borders - 1] == ord("}")).all() and (cells[borders + 1] == ord("{")).all())


def _decoded(decoder: msgspec.json.Decoder[Any], lines: bytes, borders: Any) -> list[Any] | None:
    """What is in the bodies of a block; None where not every one is a JSON object.

    Args:
        decoder: for one body.
        lines, borders: see `_begin_and_end`.
    """
    if not _begin_and_end(lines, borders):
        return None
    try:
        with without_collecting():
            found = decoder.decode_lines(lines)
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if len(found) == len(borders) + 1 else None


def _states(lines: bytes, borders: Any) -> list[str] | None:
    """The states in the bodies of 1.x; None where SQLite might find another one in a body.

    Of two keys of one name SQLite takes the first and Python the last, and SQLite knows no key
    that is written with escapes.
    """
    if b"\\u00" in lines and _ESCAPED_ASCII.search(lines):
        return None
    found = _decoded(_with_states, lines, borders)
    if found is None or lines.count(b'"current_state"') != len(found):
        return None
    return [each.current_state for each in found]


def _times(raw: bytes, count: int) -> Any:
    """ISO 8601 texts of microseconds and UTC as whole numbers; None where one is something else.

    Every time that numpy takes in this form SQLite takes too.
    """
    import numpy as np

    form = b"0000-00-00T00:00:00.000000+00:00" + SEPARATOR
    if len(raw) != len(form) * count - 1:
        return None
    cells = np.frombuffer(raw + SEPARATOR, dtype=np.uint8).reshape(count, len(form))
    wanted = np.frombuffer(form, dtype=np.uint8)
    digits = wanted == ord("0")
    digits[-7:] = False  # the zone is what it is
    if (cells[:, ~digits] != wanted[~digits]).any() or (cells[:, digits] - ord("0") > 9).any():
        return None
    texts = np.ascontiguousarray(cells[:, :26]).view("S26").ravel()
    try:
        times = texts.astype("datetime64[us]").astype(np.int64)
    except ValueError:
        return None
    return times if _known_years(cells) else None


def _known_years(cells: Any) -> bool:
    """Whether the years are those that `tables` takes for times."""
    years = (cells[:, :4].astype(int) - ord("0")) @ [1000, 100, 10, 1]
    return bool(((years >= 1678) & (years <= 2261)).all())


def _in_range(times: Any) -> Any:
    return (times >= -LATEST) & (times <= LATEST)


def _run_names(conn: sqlite3.Connection) -> dict[int, str | None]:
    if not {"id", "uid"} <= set(columns_of(conn, RUNS)):
        return {}
    rows = cursor(conn).execute(f"SELECT id, uid FROM {RUNS}")
    return {number: frames.text_of(uid) for number, uid in rows}


def _types_of(conn: sqlite3.Connection, table: str) -> dict[str, str]:
    rows = cursor(conn).execute("SELECT name, upper(type) FROM pragma_table_info(?)", (table,))
    return dict(rows.fetchall())


def _fits(types: Mapping[str, str], wholes: Mapping[str, str], texts: Mapping[str, str]) -> bool:
    return all(types.get(name) == "INTEGER" for name in wholes.values()) and all(
        types.get(name) == "TEXT" for name in texts.values()
    )


def _of_row(names: Mapping[str, str], row: str = "s") -> dict[str, str]:
    return {name: f"{row}.{column}" for name, column in names.items()}

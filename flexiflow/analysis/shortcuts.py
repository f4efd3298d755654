"""How the tables of a recording, and that of 1.x, are read in blocks; see `packed`.

A shortcut holds for tables whose columns have the types that they are made with, because then
SQLite itself keeps numbers out of texts. What else the expressions of `tables` look after is
looked at here for a whole block at once, and a block that fails is read with them.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from flexiflow.analysis import frames
from flexiflow.analysis.columns import SEPARATOR, Building, whole_numbers
from flexiflow.analysis.packed import Pieces, Shortcut
from flexiflow.analysis.tables import step_columns
from flexiflow.persistence.schema import RUNS, SNAPSHOTS, STEPS, columns_of, cursor
from flexiflow.persistence.sql_times import LATEST

_SNAPSHOT_WHOLES = {"time": "time_us", "step_id": "step_id", "run": "run_id"}
_SNAPSHOT_TEXTS = {
    "component": "component_name",
    "state": "state",
    "correlation_id": "correlation_id",
    "fingerprint": "fingerprint",
    "snapshot_json": "snapshot_json",
}
_CLASSIC_TEXTS = {
    "component": "component_name",
    "time": "created_at",
    "snapshot_json": "snapshot_json",
}
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


def snapshot_shortcut(conn: sqlite3.Connection) -> Shortcut | None:
    """How the snapshots of a database are packed; None where they can't be."""
    types = _types_of(conn, SNAPSHOTS)
    if _fits(types, _SNAPSHOT_WHOLES, _SNAPSHOT_TEXTS):
        wholes, texts = _of_row(_SNAPSHOT_WHOLES), _of_row(_SNAPSHOT_TEXTS)
        return Shortcut(wholes, texts, _finish_snapshots(_run_names(conn)))
    if _fits(types, {}, _CLASSIC_TEXTS) and not types.keys() & _SNAPSHOT_WHOLES.values():
        return Shortcut({}, _of_row(_CLASSIC_TEXTS), _finish_classic)
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


def step_shortcut(conn: sqlite3.Connection) -> Shortcut | None:
    """How the steps of a database are packed; None where they can't be."""
    if not _fits(_types_of(conn, STEPS), _STEP_WHOLES, _STEP_TEXTS):
        return None
    texts = {**_of_row(_STEP_TEXTS), "error": step_columns(conn)["error"]}
    return Shortcut(_of_row(_STEP_WHOLES), texts, _finish_steps(_run_names(conn)))


Finish = Callable[[Building, Mapping[str, bytes], int], Pieces | None]


def _finish_snapshots(runs: Mapping[int, str | None]) -> Finish:
    def finish(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
        bodies = _decoded(_objects, raw["snapshot_json"], count)
        return None if bodies is None else _placed(_unpacked(building, raw, count, runs))

    return finish


def _finish_moves(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
    return _placed(_unpacked(building, raw, count, {}))


def _placed(pieces: Pieces | None) -> Pieces | None:
    """The pieces, where each row has a state and a time; those of others may stand elsewhere."""
    if pieces is None or not _in_range(pieces["time"]).all() or (pieces["state"] < 0).any():
        return None
    return pieces


def _finish_classic(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
    states = _states(raw["snapshot_json"], count)
    times = _times(raw["time"], count)
    if states is None or times is None:
        return None
    texts = {name: cells for name, cells in raw.items() if name in ("component", "snapshot_json")}
    pieces = _unpacked(building, texts, count, {})
    if pieces is None:
        return None
    return {**pieces, "time": times, "state": building.columns["state"].numbered(states)}


def _finish_steps(runs: Mapping[int, str | None]) -> Finish:
    def finish(building: Building, raw: Mapping[str, bytes], count: int) -> Pieces | None:
        pieces = _unpacked(building, raw, count, runs)
        if pieces is None:
            return None
        pieces["time"][~_in_range(pieces["time"])] = frames.NO_NUMBER
        pieces["tries"][pieces["tries"] == frames.NO_NUMBER] = 0
        return pieces

    return finish


def _unpacked(
    building: Building, raw: Mapping[str, bytes], count: int, runs: Mapping[int, str | None]
) -> Pieces | None:
    """The pieces of packed columns; None where one of them can't be cut up."""
    pieces: Pieces = {}
    for name, cells in raw.items():
        if name not in building.columns or name == "id":
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


def _decoded(decoder: msgspec.json.Decoder[Any], raw: bytes, count: int) -> list[Any] | None:
    """What is in the bodies of a block; None where not every one is a JSON object.

    A line break in a string is no JSON, and between two objects inside another value there would
    be a comma. So where every line begins with a brace and ends with one, each line holds one
    value or several, and as many values as lines means one in each.
    """
    if b"\n" in raw or raw.count(b"}%b{" % SEPARATOR) != count - 1 or raw[:1] + raw[-1:] != b"{}":
        return None
    try:
        found = decoder.decode_lines(raw.replace(SEPARATOR, b"\n"))
    except (msgspec.DecodeError, RecursionError):
        return None
    return found if len(found) == count else None


def _states(raw: bytes, count: int) -> list[str] | None:
    """The states in the bodies of 1.x; None where SQLite might find another one in a body.

    Of two keys of one name SQLite takes the first and Python the last, and SQLite knows no key
    that is written with escapes.
    """
    if b"\\u00" in raw and _ESCAPED_ASCII.search(raw):
        return None
    if raw.count(b'"current_state"') != count:
        return None
    found = _decoded(_with_states, raw, count)
    return None if found is None else [each.current_state for each in found]


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

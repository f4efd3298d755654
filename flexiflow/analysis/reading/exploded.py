"""The fields of snapshots' metadata as columns of their own."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any

import msgspec

from flexiflow.analysis.reading.columns import Building
from flexiflow.analysis.reading.field_columns import Fields
from flexiflow.analysis.reading.tables import snapshot_columns
from flexiflow.errors import PersistenceError
from flexiflow.persistence.schema import SNAPSHOTS, cursor
from flexiflow.persistence.sqlite_store import read_snapshot

if TYPE_CHECKING:
    import pandas as pd


class Body(msgspec.Struct):
    """The body of a snapshot in which nothing is a tag."""

    name: str
    current_state: str
    rules: list[msgspec.Raw]
    metadata: dict[str, Any] | None = None


_decoder = msgspec.json.Decoder(Body)

_AT_ONCE = 1_000  # bodies: as many as stay in the processor's cache, with all their values


class Exploded:
    """Fields that are gathered while snapshots are read, block by block."""

    def __init__(self) -> None:
        self._fields = Fields("metadata.")

    def add(self, conn: sqlite3.Connection, building: Building, count: int) -> None:
        """Go on with the rows that were last added to a frame that is being built.

        Args:
            conn: where they come from, for what is not plain JSON.
            building: the frame; its columns ``id`` and ``snapshot_json`` are read.
            count: how many rows.
        """
        if not count:
            return
        if building.fields is not None:
            self._fields.extend(building.fields)
            return
        ids = building.columns["id"].last()
        texts = building.columns["snapshot_json"].last()
        plain = [_plain(body) for body in texts]
        self._fields.add(
            [
                _stored(conn, ids[at]) if metadata is None else metadata
                for at, metadata in enumerate(plain)
            ]
        )

    def beside(self, frame: pd.DataFrame, first: int) -> pd.DataFrame:
        """The frame with a column for each field, those of its rows from that one on."""
        return self._fields.beside(frame, first)


def fields_in(lines: bytes, borders: Any) -> Fields | None:
    """The fields in the bodies of a block in which nothing is a tag.

    Args:
        lines: the bodies, a JSON object each.
        borders: where the line breaks are, an array of int64.

    Returns:
        their fields; None where one is not the body of a snapshot.
    """
    fields, start, view = Fields(), 0, memoryview(lines)
    for end in (*borders[_AT_ONCE - 1 :: _AT_ONCE].tolist(), len(lines)):
        try:
            bodies = _decoder.decode_lines(view[start:end])
        except (msgspec.DecodeError, RecursionError):
            return None
        fields.add([body.metadata or {} for body in bodies])
        start = end + 1
    return fields if fields.rows == len(borders) + 1 else None


def _plain(body: str | None) -> dict[str, Any] | None:
    """The metadata of a body in which nothing is a tag; None where it needs a closer look."""
    if body is None or '"$' in body:
        return None
    try:
        return _decoder.decode(body).metadata or {}
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _stored(conn: sqlite3.Connection, row_id: int) -> dict[str, Any]:
    """The metadata of a row, tags, parts and all; nothing where the row can't be read."""
    row_format = snapshot_columns(conn)["format"]
    query = f"SELECT s.snapshot_json, {row_format} FROM {SNAPSHOTS} s WHERE s.rowid = ?"
    row = cursor(conn).execute(query, (int(row_id),)).fetchone()
    try:
        return {} if row is None else read_snapshot(conn, int(row_id), *row).metadata
    except PersistenceError:
        return {}  # the row's error column says so

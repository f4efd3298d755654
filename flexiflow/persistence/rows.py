"""Rows of a history: what is stored of a snapshot, a step and a marker, chained by hash.

The values of a row are put together where the step happens; its id and its hashes are given
inside the transaction that writes it, because only there is the row before it known.
"""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import chain
from typing import Any

import msgspec

from flexiflow.errors import PersistenceError
from flexiflow.persistence import tagged
from flexiflow.persistence.schema import MARKERS, PARTS, ROW_FORMAT, SNAPSHOTS, STEPS
from flexiflow.redaction import Redaction
from flexiflow.utc import to_the_microsecond

LARGE = 4096
"""Bytes of JSON from which on a part is stored once, by its hash."""

_LARGEST_ID = 2**63 - 1
_AT_ONCE = 128
"""Rows with one statement: with at most 22 values each, below the 999 that any SQLite takes."""

SNAPSHOT_COLUMNS = (
    "component_name",
    "snapshot_json",
    "created_at",
    "time_us",
    "state",
    "correlation_id",
    "step_id",
    "run_id",
    "fingerprint",
)
STEP_COLUMNS = (
    "component_name",
    "correlation_id",
    "run_id",
    "start_us",
    "duration_us",
    "message_type",
    "message_json",
    "from_state",
    "to_state",
    "outcome",
    "span_id",
    "parent_id",
    "sender",
    "tries",
    "guards_json",
    "error_json",
    "reason",
    "fingerprint",
)
MARKER_COLUMNS = (
    "kind",
    "time_us",
    "run_id",
    "component_name",
    "table_name",
    "first_id",
    "last_id",
    "rows",
    "detail_json",
)
CHAINED_COLUMNS = {SNAPSHOTS: SNAPSHOT_COLUMNS, STEPS: STEP_COLUMNS, MARKERS: MARKER_COLUMNS}

_OWN = ("name", "current_state")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_9999_US = 253_370_764_800 * 1_000_000
_canonical = msgspec.json.Encoder().encode


def iso_time(time_us: int) -> str:
    """Microseconds since 1970 as ISO 8601 in UTC."""
    if 0 <= time_us < _YEAR_9999_US:
        return to_the_microsecond(time_us) + "+00:00"
    return (_EPOCH + timedelta(microseconds=time_us)).isoformat(timespec="microseconds")


def storable(text: str) -> str:
    """Text as SQLite can hold it: lone surrogates spelt out."""
    return text.encode("utf-8", "backslashreplace").decode()


def link(table: str, row_id: int, values: Sequence[Any], before: bytes | None) -> bytes:
    """The hash of a row: SHA-256 over the hash before it and its stored values.

    Args:
        table: the table's name.
        row_id: the row's id.
        values: its values, in the order of `CHAINED_COLUMNS`.
        before: the hash of the chained row before it, or None for the first.
    """
    content = _canonical([ROW_FORMAT, table, row_id, *values])
    return hashlib.sha256((before or b"") + content).digest()


def insert_chained(run: sqlite3.Cursor, table: str, rows: Iterable[Sequence[Any]]) -> list[int]:
    """Insert rows, give them ids and hashes, and return the ids.

    Must run inside a transaction that holds the write lock, so that no other process can give the
    same ids or continue the same hash.
    """
    row_id, before = _last_id(run, table), _last_hash(run, table)
    complete: list[tuple[Any, ...]] = []
    for values in rows:
        row_id += 1
        if row_id > _LARGEST_ID:
            raise _no_more_ids(table)
        this = link(table, row_id, values, before)
        # As bytearrays: for bytes, as for None, sqlite3 looks for an adapter each time.
        previous = None if before is None else bytearray(before)
        complete.append((row_id, *values, ROW_FORMAT, previous, bytearray(this)))
        before = this
    _insert(run, table, complete)
    return [row[0] for row in complete]


def _insert(run: sqlite3.Cursor, table: str, rows: list[tuple[Any, ...]]) -> None:
    """Insert complete rows, many with one statement.

    SQLite runs a statement without holding Python's lock, but `executemany` is one a row: each
    time it would wait for a busy event loop to let go of the lock, 5 ms by default. A column that
    is NULL in all of the rows is left out: handing over a None takes longer than storing it.
    """
    at = 0
    while at < len(rows):
        count = min(_AT_ONCE, 1 << (len(rows) - at).bit_length() - 1)  # few different statements
        columns = list(zip(*rows[at : at + count], strict=True))
        used = tuple(place for place, each in enumerate(columns) if each.count(None) < count)
        values = zip(*(columns[place] for place in used), strict=True)
        run.execute(_statement(table, used, count), list(chain.from_iterable(values)))
        at += count


@lru_cache(maxsize=256)
def _statement(table: str, used: tuple[int, ...], count: int) -> str:
    columns = ("id", *CHAINED_COLUMNS[table], "format", "prev_hash", "hash")
    names = ", ".join(columns[place] for place in used)
    places = f"({', '.join('?' * len(used))})"
    return f"INSERT INTO {table} ({names}) VALUES {', '.join([places] * count)}"


def snapshot_json(
    name: str,
    state: str,
    rules: Any,
    metadata: Any,
    *,
    strict: bool = False,
) -> tuple[str, dict[str, str]]:
    """A snapshot as strict JSON, and the large parts that it refers to by their hash.

    The rules, and each field of the metadata, are parts; they stand in the JSON itself while they
    are at most 4 kB long. A subclass of list or dict is stored as what it is made of, so that the
    snapshot can be restored.
    """
    return with_parts(snapshot_document(name, state, rules, metadata, strict=strict))


def snapshot_document(
    name: str,
    state: str,
    rules: Any,
    metadata: Any,
    *,
    strict: bool = False,
    redaction: Redaction | None = None,
) -> bytes:
    """A snapshot as strict JSON, whole: what must be done before anything in it changes."""
    document = {
        "name": name,
        "current_state": state,
        "rules": rules if type(rules) is list else _as_plain(rules, list, (list, tuple)),
        "metadata": metadata if type(metadata) is dict else _as_plain(metadata, dict, Mapping),
    }
    if redaction is None:
        return tagged.encode(document, strict=strict)
    # The document's own keys are no fields: redact=["name"] must not hide whose snapshot it is.
    encoded = {
        key: tagged.encode(value, strict=strict, redaction=None if key in _OWN else redaction)
        for key, value in document.items()
    }
    return _canonical({key: msgspec.Raw(raw) for key, raw in encoded.items()})


def with_parts(raw: bytes) -> tuple[str, dict[str, str]]:
    """What is stored of a `snapshot_document`: its text, and its large parts by their hash."""
    if len(raw) <= LARGE:
        return raw.decode(), {}
    parts: dict[str, str] = {}
    # Encoded again, part by part: that it is large is rare.
    document = tagged.parse(raw)
    document["rules"] = _part(document["rules"], parts)
    fields = document["metadata"]
    if isinstance(fields, dict) and not _is_tag(fields):
        document["metadata"] = {key: _part(value, parts) for key, value in fields.items()}
    else:
        document["metadata"] = _part(fields, parts)
    return _canonical(document).decode(), parts


def store_parts(run: sqlite3.Cursor, parts: dict[str, str]) -> None:
    """Store large parts that are not there yet."""
    run.executemany(f"INSERT OR IGNORE INTO {PARTS} (hash, json) VALUES (?, ?)", parts.items())


def _as_plain(value: Any, kind: type, kinds: Any) -> Any:
    if not isinstance(value, kinds):
        return value
    try:
        return kind(value)
    except Exception:  # its own code fails; the encoder says so in its place
        return value


def _part(value: Any, parts: dict[str, str]) -> Any:
    raw = _canonical(value)
    if len(raw) <= LARGE:
        return value
    digest = hashlib.sha256(raw).hexdigest()
    parts[digest] = raw.decode()
    return {"$ref": digest}


def _is_tag(value: dict[str, Any]) -> bool:
    return len(value) == 1 and next(iter(value))[:1] == "$" and next(iter(value))[:2] != "$$"


def _no_more_ids(table: str) -> PersistenceError:
    return PersistenceError(
        f"{table} has no id left for another row.",
        why="Its highest id is the largest that SQLite knows; no recording has counted that far.",
        fix="Record into another file, and look who wrote that row: flexiflow verify DB.",
        context={"table": table, "largest_id": _LARGEST_ID},
    )


def _last_id(run: sqlite3.Cursor, table: str) -> int:
    # The sequence knows ids of rows that are gone; a table that others made may have none.
    sequence = "(SELECT CAST(seq AS INTEGER) FROM sqlite_sequence WHERE name = ?)"
    query = f"""SELECT max(coalesce({sequence}, 0),
        coalesce((SELECT max(id) FROM {table}), 0))"""
    return int(run.execute(query, (table,)).fetchone()[0])


def _last_hash(run: sqlite3.Cursor, table: str) -> bytes | None:
    # Of a damaged row the hash may be anything; it is no part of the chain.
    query = f"SELECT hash FROM {table} WHERE typeof(hash) = 'blob' ORDER BY id DESC LIMIT 1"
    row = run.execute(query).fetchone()
    return None if row is None else bytes(row[0])

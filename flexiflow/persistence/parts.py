"""Large parts of snapshots, which are stored once by their hash: who refers to them, and whether
they are what their hash says."""

from __future__ import annotations

import hashlib
import re
import sqlite3
from collections.abc import Collection, Iterable, Iterator

from flexiflow.errors import bounded
from flexiflow.persistence.chain import Findings
from flexiflow.persistence.schema import PARTS, SNAPSHOTS, columns_of, cursor, has_table

REFERENCE = '{"$ref":"'
_REFERENCE = re.compile(r'\{"\$ref":"([0-9a-f]{64})"\}')
_MOST_KNOWN = 100_000


def references_in(body: str) -> list[str]:
    """The hashes of the parts that a stored snapshot refers to."""
    # No string in the JSON can look like one, since its quotes are escaped.
    return _REFERENCE.findall(body)


def referring_rows(conn: sqlite3.Connection, after_id: int = 0) -> Iterator[tuple[int, str]]:
    """The ids and texts of the snapshots that refer to parts, by id."""
    query = f"""SELECT rowid, snapshot_json FROM {SNAPSHOTS}
        WHERE rowid > ? AND format IS NOT NULL AND instr(snapshot_json, ?) > 0 ORDER BY rowid"""
    for row_id, body in cursor(conn).execute(query, (after_id, REFERENCE)):
        if isinstance(body, str):
            yield row_id, body


def parts_in_use(rows: Iterable[tuple[int, str]], without: Collection[int] = ()) -> set[str]:
    """The hashes of the parts that rows refer to.

    Args:
        rows: ids and texts, as `referring_rows` gives them.
        without: ids of rows that don't count.
    """
    return {
        digest for row_id, body in rows if row_id not in without for digest in references_in(body)
    }


def unused_parts(conn: sqlite3.Connection, without: Iterable[int] = ()) -> list[str]:
    """The hashes of the parts that no snapshot refers to, besides those in `without`."""
    if not has_table(conn, PARTS) or "format" not in columns_of(conn, SNAPSHOTS):
        return []
    stored = {digest for (digest,) in cursor(conn).execute(f"SELECT hash FROM {PARTS}")}
    if not stored:
        return []
    return sorted(stored - parts_in_use(referring_rows(conn), frozenset(without)))


def parts_only_in(conn: sqlite3.Connection, component: str, ids: Collection[int]) -> list[str]:
    """The hashes of the parts that only these snapshots of one component refer to."""
    query = f"""SELECT id, snapshot_json FROM {SNAPSHOTS} WHERE component_name = ?
        AND format IS NOT NULL AND instr(snapshot_json, ?) > 0"""
    rows = cursor(conn).execute(query, (component, REFERENCE)).fetchall() if ids else []
    others = [row for row in rows if row[0] not in ids]
    found = parts_in_use(row for row in rows if row[0] in ids) - parts_in_use(others)
    # Another component's rows are asked last: rules that don't change are in a row that stays.
    return sorted(found - parts_in_use(referring_rows(conn), ids)) if found else []


def check_parts(conn: sqlite3.Connection, findings: Findings) -> int:
    """Check every part against its hash, and that those that are referred to are there.

    Args:
        conn: a connection.
        findings: what is wrong is added to it.

    Returns:
        how many parts were checked.
    """
    if not has_table(conn, PARTS):
        return 0
    checked = 0
    for digest, text in cursor(conn).execute(f"SELECT hash, CAST(json AS BLOB) FROM {PARTS}"):
        checked += 1
        if hashlib.sha256(text or b"").hexdigest() != digest:
            what = f"The part {bounded(str(digest), 16)} is not what its hash says."
            findings.add(PARTS, "edited", (None, None), what)
    if "format" in columns_of(conn, SNAPSHOTS):
        _check_references(conn, findings)
    return checked


def _check_references(conn: sqlite3.Connection, findings: Findings) -> None:
    known: set[str] = set()
    query = f"SELECT 1 FROM {PARTS} WHERE hash = ?"
    for row_id, body in referring_rows(conn):
        for digest in references_in(body):
            if digest in known:
                continue
            if len(known) >= _MOST_KNOWN:
                known.clear()
            known.add(digest)
            if cursor(conn).execute(query, (digest,)).fetchone() is None:
                what = f"The part {digest[:16]} of snapshot {row_id} is gone."
                findings.add(PARTS, "deleted", (None, None), what)

"""Marking rows of a history: ``bookmark``, ``bookmarks`` and ``remove_bookmark``."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, get_args

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.reading.rows import row_id_of
from flexiflow.analysis.reading.source import Source
from flexiflow.arguments import require
from flexiflow.errors import InvalidValue, bounded, bounded_repr
from flexiflow.persistence.bookmarks import Bookmark, Bookmarks, Kind
from flexiflow.persistence.schema import SNAPSHOTS, STEPS, columns_of, cursor

if TYPE_CHECKING:
    import pandas as pd

LONGEST_NOTE = 10_000
"""Characters of a note that are kept."""

_TABLES: dict[Kind, str] = {"step": STEPS, "snapshot": SNAPSHOTS}


def mark(sources: Sequence[Source], row_id: int, note: str, kind: Kind) -> None:
    """Mark a row; see `History.bookmark`."""
    require(isinstance(note, str), "note", note, "a text", 'Write note="where it went wrong".')
    source, component = _one_row(sources, row_id, kind)
    now = time.time_ns() // 1000
    kept = Bookmark(kind, int(row_id), component, bounded(note, LONGEST_NOTE), now)
    _bookmarks_of(source).add(kept)


def unmark(sources: Sequence[Source], row_id: int, kind: Kind) -> bool:
    """Take a mark away; see `History.remove_bookmark`."""
    stored = row_id_of(row_id)
    _table(kind)
    if stored is None:
        return False
    files = [Bookmarks(source.path) for source in sources if source.path is not None]
    removed = [each.remove(kind, stored) for each in files]  # in every file that has it
    return any(removed)


def bookmarks_frame(sources: Sequence[Source]) -> pd.DataFrame:
    """All marks; see `History.bookmarks`."""
    rows = [
        (each.kind, each.id, each.component, each.note, each.time_us, source.name)
        for source in sources
        if source.path is not None
        for each in Bookmarks(source.path).all()
    ]
    return frames.frame(shapes.BOOKMARKS, rows)


def _one_row(sources: Sequence[Source], row_id: int, kind: Kind) -> tuple[Source, str]:
    """The one file that has a row, and whose row it is."""
    stored, table = row_id_of(row_id), _table(kind)
    found = []
    for source in sources:
        with source.connect() as conn:
            if "component_name" not in columns_of(conn, table):
                continue
            query = f"SELECT component_name FROM {table} WHERE rowid = ?"
            found += [(source, str(name)) for (name,) in cursor(conn).execute(query, (stored,))]
    if len(found) == 1:
        return found[0]
    raise InvalidValue(
        f"There is no one {kind} {bounded_repr(row_id, 40)}.",
        why=f"{len(found)} of {len(sources)} files have a row with that id.",
        fix=f"Take an id from history.{kind}s(), of a history of one file.",
        context={f"{kind}_id": row_id, "files": len(sources)},
    )


def _table(kind: Kind) -> str:
    if kind in get_args(Kind):
        return _TABLES[kind]
    raise InvalidValue(
        f"kind must be 'step' or 'snapshot', not {bounded_repr(kind, 40)}.",
        why="These are the rows that can be marked.",
        fix='Write kind="snapshot", or leave it out for a step.',
        context={"kind": kind},
    )


def _bookmarks_of(source: Source) -> Bookmarks:
    if source.path is not None:
        return Bookmarks(source.path)
    raise InvalidValue(
        f"A history in {source.name} keeps no bookmarks.",
        why="They are in a file beside the database, and this history was not opened by a path.",
        fix='Record into a file, or open it by its path: open_history("state.db").',
        context={"source": source.name},
    )

"""Snapshots and steps that are too many for one frame, read some thousand at a time.

Each chunk is a question of its own: no connection, and no transaction, is held between two of
them, so that whoever writes the file meanwhile is not kept from tidying it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.base.progress import Told, check_progress, reporting
from flexiflow.analysis.reading.columns import Building
from flexiflow.analysis.reading.exploded import Exploded
from flexiflow.analysis.reading.packed import last_of, read_blocks
from flexiflow.analysis.reading.rows import Filter, query_of, row_count
from flexiflow.analysis.reading.source import Source, despite_damage
from flexiflow.errors import InvalidValue, bounded_repr
from flexiflow.persistence.schema import cursor

if TYPE_CHECKING:
    import pandas as pd

Of = Literal["snapshots", "steps"]
COLUMNS: dict[Of, frames.Columns] = {
    "snapshots": shapes.SNAPSHOTS,
    "steps": shapes.STEPS,
}


def chunks(
    sources: Sequence[Source],
    of: Of,
    chosen: Filter,
    chunk: Any,
    progress: bool | Told | None = None,
    *,
    explode: bool = False,
) -> Iterator[pd.DataFrame]:
    """Frames of at most so many rows; see `History.iter_snapshots`."""
    size = _size(chunk)
    check_progress(progress)

    def frames_in_order() -> Iterator[pd.DataFrame]:
        count = partial(_rows, sources, of, chosen)
        total = despite_damage(sources, count) if progress else 0
        with reporting(progress, total) as told:
            done = 0
            for source in sources:
                for frame in _of_source(source, of, chosen, size, explode=explode):
                    done += len(frame)
                    told(done, max(total, done))
                    yield frame

    return frames_in_order()


def _of_source(
    source: Source, of: Of, chosen: Filter, size: int, *, explode: bool
) -> Iterator[pd.DataFrame]:
    after: int | None = None
    while True:
        # Damage may be met in any chunk, long after the question was asked.
        ask = partial(_next_chunk, source, of, chosen, size, after, explode=explode)
        found = despite_damage([source], ask)
        if found is None:
            return
        after, frame = found
        yield frame


def _next_chunk(
    source: Source, of: Of, chosen: Filter, size: int, after: int | None, *, explode: bool
) -> tuple[int, pd.DataFrame] | None:
    """The last id of the next chunk and its rows; None for no more."""
    building = Building(COLUMNS[of], explodes=explode)
    building.source = source.name
    exploded = Exploded() if explode else None
    with source.connect() as conn:
        query = query_of(conn, of, chosen, after)
        last = None if query is None else last_of(conn, query, size)
        if query is None or last is None:
            return None
        for count in read_blocks(conn, replace(query, last=last), building):
            if exploded is not None:
                exploded.add(conn, building, count)
    frame = building.frame()
    return last, frame if exploded is None else exploded.beside(frame, 0)


def _rows(sources: Sequence[Source], of: Of, chosen: Filter) -> int:
    total = 0
    for source in sources:
        with source.connect() as conn:
            query = query_of(conn, of, chosen, None)
            if query is not None:
                select = f"SELECT count(*) FROM {query.table} s WHERE {query.condition}"
                total += int(cursor(conn).execute(select, query.values).fetchone()[0])
    return total


def _size(chunk: Any) -> int:
    size = row_count(chunk, "chunk")
    if size < 1:
        raise InvalidValue(
            f"chunk must be at least 1, not {bounded_repr(chunk, 40)}.",
            why="It is the number of rows of each frame.",
            fix="Leave it out, or pass chunk=100_000.",
            context={"chunk": chunk},
        )
    return size

"""Snapshots and steps as Arrow tables and Parquet files, for other tools."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames
from flexiflow.analysis.base.progress import Told
from flexiflow.analysis.reading.chunks import COLUMNS, Of, chunks
from flexiflow.analysis.reading.rows import Filter
from flexiflow.analysis.reading.source import Source
from flexiflow.arguments import checked_path
from flexiflow.errors import FlexiFlowError, InvalidValue, bounded_repr
from flexiflow.persistence.atomic import replacing

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow

_ROWS = 100_000
"""Of one group in a file, and of what is in memory while it is written."""


def to_arrow(sources: Sequence[Source], of: Of, chosen: Filter) -> pyarrow.Table:
    """Rows as a table; see `History.to_arrow`."""
    pa, schema = _pyarrow(), _schema(of)
    tables = [_table(frame, schema) for frame in chunks(sources, of, chosen, _ROWS)]
    return pa.concat_tables(tables).unify_dictionaries() if tables else schema.empty_table()


def to_parquet(
    sources: Sequence[Source],
    of: Of,
    chosen: Filter,
    path: str | os.PathLike[str],
    progress: bool | Told | None = None,
) -> int:
    """Write rows to a file; see `History.to_parquet`."""
    _pyarrow()
    schema, file = _schema(of), Path(checked_path(path, "path"))
    # Checked here, before a file is begun.
    read = chunks(sources, of, chosen, _ROWS, progress)
    from pyarrow.parquet import ParquetWriter

    rows = 0
    # Opened here: not every name that a file may have is one for pyarrow.
    with (
        replacing(file) as part,
        part.open("wb") as opened,
        ParquetWriter(opened, schema) as writer,
    ):
        for frame in read:
            writer.write_table(_table(frame, schema))
            rows += len(frame)
    return rows


def _table(frame: pd.DataFrame, schema: pyarrow.Schema) -> pyarrow.Table:
    import pyarrow as pa

    columns = [_column(frame[field.name], field.type) for field in schema]
    return pa.Table.from_arrays(columns, schema=schema)


def _column(series: Any, kind: pyarrow.DataType) -> Any:
    import pyarrow as pa

    if not pa.types.is_dictionary(kind):
        return pa.Array.from_pandas(series, type=kind)
    # Places of one width, whatever the number of names in this part of the history.
    codes, names = frames.codes_of(series)
    places = pa.array(codes.astype("int32"), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(places, pa.array(names, kind.value_type))


def _schema(of: Of) -> pyarrow.Schema:
    import pyarrow as pa

    kinds = {
        frames.TIME: pa.timestamp("us", "UTC"),
        frames.DURATION: pa.duration("us"),
        frames.NAME: pa.dictionary(pa.int32(), pa.string()),
        frames.TEXT: pa.large_string(),
        frames.ID: pa.int64(),
        frames.OPTIONAL_ID: pa.int64(),
    }
    if not isinstance(of, str) or of not in COLUMNS:
        raise InvalidValue(
            f"A history has no {bounded_repr(of, 40)} to hand over.",
            why="Its rows are snapshots and steps.",
            fix='Pass of="snapshots" or of="steps".',
            context={"of": of},
        )
    return pa.schema([(name, kinds[dtype]) for name, dtype in COLUMNS[of].items()])


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as exc:
        raise FlexiFlowError(
            "pyarrow is not installed.",
            why="Arrow tables and Parquet files are made by it; it is in the extra large.",
            fix='Run pip install "flexiflow[large]", and restart Python.',
            context={"error": str(exc)},
        ) from exc
    return pyarrow

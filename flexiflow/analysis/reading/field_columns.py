"""The fields of records as columns, whose dtypes are those of what they hold."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames

if TYPE_CHECKING:
    import pandas as pd

_EXACT = 2**53  # up to here a float holds every whole number


@dataclass(slots=True)
class _Field:
    """The values of one field, piece by piece.

    Attributes:
        pieces: the row at which each begins, and its values: a list, None in a row without the
            field, or an array; see `_narrowed`.
        last: the last row that has the field.
    """

    pieces: list[tuple[int, Any]] = field(default_factory=list)
    last: int = -1

    def shown(self, first: int, rows: int) -> list[tuple[int, Any]]:
        """How the rows from `first` up to `rows` are filled.

        Returns:
            of each stretch the number of its rows, and their values, None where they have none.
        """
        found: list[tuple[int, Any]] = []
        at = first
        for begin, piece in [*self.pieces, (rows, [])]:
            if begin > at:
                found.append((begin - at, None))
            at = max(begin, at)
            if begin + len(piece) > at:
                found.append((begin + len(piece) - at, piece[at - begin :]))
                at = begin + len(piece)
        return found


class Fields:
    """Columns for the fields of records, one record a row.

    A column of whole numbers is Int64, of numbers float64, of truth values boolean, of texts str;
    any other holds the values as they are. A row without the field has none.

    Args:
        prefix: what the columns' names begin with.

    Attributes:
        rows: how many rows there are so far.
    """

    def __init__(self, prefix: str = "") -> None:
        self._prefix = prefix
        self.rows = 0
        self._found: dict[Any, _Field] = {}

    def add(self, records: Sequence[Mapping[Any, Any]]) -> None:
        """Go on with the next rows' records."""
        begin = self.rows
        self.rows += len(records)
        columns = _columns_of(records)
        if columns is not None:
            for key, values in columns.items():
                found = self._found.setdefault(key, _Field())
                found.pieces.append((begin, _narrowed(values)))
                found.last = self.rows - 1
            return
        for key in dict.fromkeys(key for record in records for key in record):
            found = self._found.setdefault(key, _Field())
            found.pieces.append((begin, [record.get(key) for record in records]))
            having = (at for at in range(len(records) - 1, -1, -1) if key in records[at])
            found.last = begin + next(having)

    def extend(self, later: Fields) -> None:
        """Go on with the rows of others."""
        for key, theirs in later._found.items():
            found = self._found.setdefault(key, _Field())
            found.pieces += [(self.rows + begin, piece) for begin, piece in theirs.pieces]
            found.last = self.rows + theirs.last
        self.rows += later.rows

    def beside(self, table: pd.DataFrame, first: int = 0) -> pd.DataFrame:
        """A frame with these columns added: those of its rows, which begin at row `first`."""
        import pandas as pd

        added = {
            f"{self._prefix}{key}": _series(found.shown(first, self.rows))
            for key, found in self._found.items()
            if found.last >= first
        }
        if not added:
            return table
        return pd.concat([table, pd.DataFrame(added).set_axis(table.index)], axis=1)


def _columns_of(records: Sequence[Mapping[Any, Any]]) -> dict[Any, list[Any]] | None:
    """The values of each field, where all records have the same fields, as most have; else None."""
    keys = list(records[0]) if records else []
    if set(map(len, records)) - {len(keys)}:
        return None
    try:
        return {key: [record[key] for record in records] for key in keys}
    except KeyError:
        return None


def _narrowed(values: list[Any]) -> Any:
    """Values as an array of numpy or Arrow, where all are of one kind that such an array holds."""
    import numpy as np

    kinds = set(map(type, values))
    kind = kinds.pop() if len(kinds) == 1 else None
    try:
        if kind is int:
            wholes = np.fromiter(values, np.int64, len(values))
            return wholes if wholes.min() > frames.NO_NUMBER else values
        if kind in (float, bool):
            return np.fromiter(values, kind, len(values))
        if kind is str and frames.texts_are_in_arrow():
            import pyarrow as pa

            return pa.array(values, pa.large_string())
    except (OverflowError, UnicodeEncodeError):  # more than 64 bits; lone surrogates
        pass
    return values


def _series(pieces: Sequence[tuple[int, Any]]) -> Any:
    """The column of pieces, None in place of those that have no values."""
    kinds = {_kind(piece) for _, piece in pieces if piece is not None}
    kind = kinds.pop() if len(kinds) == 1 else None
    if kind is not None:
        return _KINDS[kind](pieces)
    values: list[Any] = []
    for count, piece in pieces:
        values += [None] * count if piece is None else _listed(piece)
    return _inferred(values)


def _kind(piece: Any) -> str | None:
    """Of what kind the values of an array are; None for a list."""
    if isinstance(piece, list):
        return None
    return str(piece.dtype) if hasattr(piece, "dtype") else "text"


def _listed(piece: Any) -> list[Any]:
    return piece if isinstance(piece, list) else piece.tolist()


def _filled(pieces: Sequence[tuple[int, Any]], missing: Any, dtype: str) -> Any:
    """Arrays of numpy as one."""
    import numpy as np

    return np.concatenate(
        [np.full(count, missing, dtype) if piece is None else piece for count, piece in pieces]
    )


def _wholes(pieces: Sequence[tuple[int, Any]]) -> Any:
    return frames.wholes_series(_filled(pieces, frames.NO_NUMBER, "int64"), frames.OPTIONAL_ID)


def _numbers(pieces: Sequence[tuple[int, Any]]) -> Any:
    import pandas as pd

    return pd.Series(_filled(pieces, math.nan, frames.NUMBER), dtype=frames.NUMBER)


def _flags(pieces: Sequence[tuple[int, Any]]) -> Any:
    import numpy as np
    import pandas as pd

    missing = [np.full(count, piece is None) for count, piece in pieces]
    values = _filled(pieces, False, "bool")
    return pd.Series(pd.arrays.BooleanArray(values, np.concatenate(missing)))


def _texts(pieces: Sequence[tuple[int, Any]]) -> Any:
    import pyarrow as pa

    kind = pa.large_string()
    filled = [pa.nulls(count, kind) if piece is None else piece for count, piece in pieces]
    return frames.arrow_series(filled, 0)


_KINDS = {"int64": _wholes, "float64": _numbers, "bool": _flags, "text": _texts}


def _inferred(values: list[Any]) -> Any:
    import pandas as pd

    kinds = set(map(type, values)) - {type(None)}
    if kinds == {bool}:
        return pd.Series(values, dtype=frames.FLAG)
    if kinds == {int} and min(known := [v for v in values if v is not None]) > frames.NO_NUMBER:
        if max(known) <= frames.LARGEST:
            return pd.Series(values, dtype=frames.OPTIONAL_ID)
    elif kinds == {float} or (kinds == {int, float} and all(map(_is_float, values))):
        return pd.Series(values, dtype=frames.NUMBER)
    elif kinds == {str} and not frames.has_surrogates("".join(filter(None, values))):
        return pd.Series(values, dtype=frames.TEXT)
    return frames.objects_series(values)


def _is_float(value: Any) -> bool:
    return value is None or isinstance(value, float) or -_EXACT <= value <= _EXACT

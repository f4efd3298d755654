"""The fields of records as columns, whose dtypes are those of what they hold."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
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
        pieces: the row at which each begins, and its values, None in a row without the field.
        last: the last row that has the field.
    """

    pieces: list[tuple[int, list[Any]]] = field(default_factory=list)
    last: int = -1

    def values(self, first: int, rows: int) -> Iterator[Any]:
        """Those of the rows from `first` on."""
        at = first
        for begin, piece in self.pieces:
            if begin + len(piece) <= at:
                continue
            yield from [None] * (begin - at)
            yield from piece[max(at - begin, 0) :]
            at = begin + len(piece)
        yield from [None] * (rows - at)


class Fields:
    """Columns for the fields of records, one record a row.

    A column of whole numbers is Int64, of numbers float64, of truth values boolean, of texts str;
    any other holds the values as they are. A row without the field has none.

    Args:
        prefix: what the columns' names begin with.
    """

    def __init__(self, prefix: str) -> None:
        self._prefix = prefix
        self._rows = 0
        self._found: dict[Any, _Field] = {}

    def add(self, records: Sequence[Mapping[Any, Any]]) -> None:
        """Go on with the next rows' records."""
        begin = self._rows
        self._rows += len(records)
        keys = records[0].keys() if records else ()
        if all(record.keys() == keys for record in records):  # as it is with most
            for key in keys:
                found = self._found.setdefault(key, _Field())
                found.pieces.append((begin, [record[key] for record in records]))
                found.last = self._rows - 1
            return
        for key in dict.fromkeys(key for record in records for key in record):
            found = self._found.setdefault(key, _Field())
            found.pieces.append((begin, [record.get(key) for record in records]))
            having = (at for at in range(len(records) - 1, -1, -1) if key in records[at])
            found.last = begin + next(having)

    def beside(self, table: pd.DataFrame, first: int = 0) -> pd.DataFrame:
        """A frame with these columns added: those of its rows, which begin at row `first`."""
        import pandas as pd

        added = {
            f"{self._prefix}{key}": _inferred(list(found.values(first, self._rows)))
            for key, found in self._found.items()
            if found.last >= first
        }
        if not added:
            return table
        return pd.concat([table, pd.DataFrame(added).set_axis(table.index)], axis=1)


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

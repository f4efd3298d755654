"""A frame's columns while they are read: piece by piece, from rows or from packed blocks.

A piece is what one block of rows says of one column: whole numbers as int64, names as numbers in
a common vocabulary, texts as a list, or as an Arrow array where pandas keeps its texts in Arrow.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames
from flexiflow.analysis.reading.field_columns import Fields

if TYPE_CHECKING:
    import pandas as pd

SEPARATOR = b"\x1e"
"""Between the cells of a packed text."""
MISSING = b"\x1d"
"""The cell of a packed text that stands for NULL."""
LINE_BREAK = b"\n"
"""Between bodies: no JSON has it inside of a text."""

_DIGIT_ZERO = ord("0")


class Wholes:
    """Whole numbers: ids, counts, times and durations in microseconds."""

    def __init__(self, dtype: str) -> None:
        self._dtype = dtype
        self._pieces: list[Any] = []

    def unpacked(self, raw: bytes, count: int) -> Any:
        """The piece in a packed text; None where it is none."""
        return whole_numbers(raw, count)

    def plain(self, values: Sequence[Any]) -> Any:
        """The piece of values; what is no whole number of 64 bits is missing."""
        import numpy as np

        whole = [each if frames.is_whole(each) else frames.NO_NUMBER for each in values]
        return np.array(whole, dtype=np.int64)

    def nothing(self, count: int) -> Any:
        """The piece of rows that have none."""
        import numpy as np

        return np.full(count, frames.NO_NUMBER, dtype=np.int64)

    def add(self, piece: Any) -> None:
        """Go on with a piece."""
        self._pieces.append(piece)

    def last(self) -> list[int]:
        """The values of the last piece."""
        return list(self._pieces[-1].tolist())

    def series(self, first: int) -> Any:
        """The column from that row on."""
        import numpy as np

        raw = np.concatenate(self._pieces or [np.empty(0, np.int64)])[first:]
        return frames.wholes_series(raw, self._dtype)


class Names:
    """Names that repeat: components, states, messages."""

    def __init__(self) -> None:
        self._in_arrow = frames.texts_are_in_arrow()
        self._vocabulary = _Vocabulary()
        self._pieces: list[Any] = []

    def unpacked(self, raw: bytes, count: int) -> Any:
        """The piece in a packed text; None where it is none."""
        if (only := only_cell(raw, count)) is not None and (name := _decoded(only)) is not None:
            return self.constant(None if only == MISSING else name, count)
        if self._in_arrow and MISSING not in raw:
            return self._unpacked_in_arrow(raw, count)
        cells = _cells(raw, count)
        return None if cells is None else self.numbered(cells)

    def _unpacked_in_arrow(self, raw: bytes, count: int) -> Any:
        borders = places_of(SEPARATOR, raw, count)
        cells = None if borders is None else _arrow_cells(raw, SEPARATOR, borders)
        if cells is None:
            return None
        # Python sees each name of the block once.
        encoded = cells.dictionary_encode()
        return self.numbered(encoded.dictionary.to_pylist())[encoded.indices.to_numpy()]

    def plain(self, values: Sequence[Any]) -> Any:
        """The piece of values."""
        return self.numbered([frames.text_of(each) for each in values])

    def nothing(self, count: int) -> Any:
        """The piece of rows that have none."""
        return self.constant(None, count)

    def constant(self, name: str | None, count: int) -> Any:
        """The piece of rows that all have the same."""
        import numpy as np

        return np.full(count, self._vocabulary[name], dtype=np.int32)

    def looked_up(self, keys: Any, names: Mapping[int, str | None]) -> Any:
        """The piece of rows that have the names of whole numbers, as far as those have names."""
        import numpy as np

        distinct, places = np.unique(keys, return_inverse=True)
        codes = [self._vocabulary[names.get(int(key))] for key in distinct]
        return np.array(codes, dtype=np.int32)[places]

    def add(self, piece: Any) -> None:
        """Go on with a piece."""
        self._pieces.append(piece)

    def series(self, first: int) -> Any:
        """The column from that row on; its categories are the names that it has, sorted."""
        import numpy as np

        numbers = np.concatenate(self._pieces or [np.empty(0, np.int32)])[first:]
        used = np.unique(numbers)
        names = list(self._vocabulary)
        ordered = sorted(int(each) for each in used if each >= 0)
        ordered.sort(key=names.__getitem__)
        codes = np.full(len(names) + 1, -1, dtype=np.int32)  # the last one is for -1
        codes[ordered] = np.arange(len(ordered))
        return frames.names_series(codes[numbers], [names[each] for each in ordered])

    def numbered(self, cells: Sequence[str | None]) -> Any:
        """The piece of names that are texts."""
        import numpy as np

        return np.fromiter(map(self._vocabulary.__getitem__, cells), np.int32, len(cells))


class Texts:
    """Texts that seldom repeat: ids, JSON, errors."""

    def __init__(self) -> None:
        self._in_arrow = frames.texts_are_in_arrow()
        self._pieces: list[Any] = []

    def unpacked(self, raw: bytes, count: int) -> Any:
        """The piece in a packed text; None where it is none."""
        # Arrow finds out for itself, but its array has no place for what is missing.
        if not self._in_arrow or MISSING in raw:
            return _cells(raw, count)
        borders = places_of(SEPARATOR, raw, count)
        return None if borders is None else _arrow_cells(raw, SEPARATOR, borders)

    def lines(self, raw: bytes, borders: Any) -> Any:
        """The piece of texts that are lines, none of them missing; None where one is no UTF-8.

        Args:
            raw: the lines.
            borders: the places of the line breaks.
        """
        if self._in_arrow:
            return _arrow_cells(raw, LINE_BREAK, borders)
        text = _decoded(raw)
        return None if text is None else text.split("\n")

    def plain(self, values: Sequence[Any]) -> Any:
        """The piece of values."""
        return [frames.text_of(each) for each in values]

    def nothing(self, count: int) -> Any:
        """The piece of rows that have none."""
        if not self._in_arrow:
            return [None] * count
        import pyarrow as pa

        return pa.nulls(count, pa.large_string())

    def add(self, piece: Any) -> None:
        """Go on with a piece."""
        self._pieces.append(_in_arrow(piece) if self._in_arrow else piece)

    def last(self) -> list[str | None]:
        """The values of the last piece."""
        piece = self._pieces[-1]
        return list(piece if isinstance(piece, list) else piece.to_pylist())

    def series(self, first: int) -> Any:
        """The column from that row on."""
        import pandas as pd

        if self._in_arrow:
            return frames.arrow_series(self._pieces, first)
        values = [value for piece in self._pieces for value in piece]
        return pd.Series(frames.texts_array(values[first:]))


Column = Wholes | Names | Texts


class Building:
    """A frame that is being read.

    Args:
        columns: names and dtypes; see `frames`.
        explodes: whether somebody wants the fields in the bodies of snapshots.

    Attributes:
        explodes: as given.
        fields: those in the last piece's bodies, where all of them could be decoded at once.
        columns: the columns as far as they are read, by name.
        rows: how many rows they have.
        source: what the column ``source`` says of the rows to come.
    """

    def __init__(self, columns: frames.Columns, *, explodes: bool = False) -> None:
        self.explodes = explodes
        self.fields: Fields | None = None
        self.columns: dict[str, Any] = {name: _column(dtype) for name, dtype in columns.items()}
        self.rows = 0
        self.source = ""

    def add(self, pieces: Mapping[str, Any], count: int) -> None:
        """Go on with a piece for each column that has one; the others are missing there."""
        for name, column in self.columns.items():
            if name == "source":
                column.add(column.constant(self.source, count))
            else:
                column.add(pieces[name] if name in pieces else column.nothing(count))
        self.fields = pieces.get("fields")
        self.rows += count

    def add_rows(self, rows: Sequence[Sequence[Any]]) -> None:
        """Go on with rows, their values in the order of the columns but ``source``."""
        named = {name: each for name, each in self.columns.items() if name != "source"}
        if rows:
            by_column = zip(named.items(), zip(*rows, strict=True), strict=True)
            pieces = {name: column.plain(values) for (name, column), values in by_column}
            self.add(pieces, len(rows))

    def frame(self, first: int = 0) -> pd.DataFrame:
        """What was read, from that row on. It can be had once: pieces are given up on the way."""
        import pandas as pd

        names = list(self.columns)
        return pd.DataFrame({name: self.columns.pop(name).series(first) for name in names})


def whole_numbers(raw: bytes, count: int) -> Any:
    """Numbers with commas between as int64; None where there are not so many, or others."""
    import numpy as np

    width, left = divmod(len(raw) + 1, count)
    if not left and (numbers := _of_one_width(raw, count, width - 1)) is not None:
        return numbers
    if raw.translate(None, b"0123456789-,") or raw.count(b",") != count - 1:
        return None
    return np.fromstring(raw.decode("ascii"), dtype=np.int64, sep=",")


class _Vocabulary(dict[Any, int]):
    """Numbers of names, in the order in which they are met; -1 for None."""

    def __missing__(self, name: Any) -> int:
        if name is None:
            return -1
        number = self[name] = len(self)
        return number


def _column(dtype: str) -> Column:
    if dtype == frames.NAME:
        return Names()
    return Texts() if dtype == frames.TEXT else Wholes(dtype)


def _of_one_width(raw: bytes, count: int, width: int) -> Any:
    """Numbers that all have as many digits; None where they have not."""
    import numpy as np

    if not 0 < width < 19:
        return None
    cells = np.frombuffer(raw + b",", dtype=np.uint8).reshape(count, width + 1)
    digits = cells[:, :width] - _DIGIT_ZERO
    if (digits > 9).any() or (cells[:, width] != ord(",")).any():
        return None
    numbers = np.zeros(count, dtype=np.int64)
    for place in range(width):
        numbers *= 10
        numbers += digits[:, place]
    return numbers


def only_cell(raw: bytes, count: int, separator: bytes = SEPARATOR) -> bytes | None:
    """The cell that all cells of a packed column are; None where they differ."""
    cell = raw.partition(separator)[0]
    if len(raw) != (len(cell) + 1) * count - 1:
        return None
    same = raw.startswith(cell + separator + cell) or count == 1  # seldom, where they do differ
    return cell if same and raw == separator.join([cell] * count) else None


def places_of(separator: bytes, raw: bytes, count: int) -> Any:
    """Where the separators between so many cells are; None where there are more or fewer."""
    import numpy as np

    (places,) = np.nonzero(np.frombuffer(raw, dtype=np.uint8) == separator[0])
    return places if len(places) == count - 1 else None


def _cells(raw: bytes, count: int) -> list[str | None] | None:
    """The cells of a packed text, None for NULL; None where a text has a separator in it."""
    text = _decoded(raw)
    if text is None:
        return None
    found: list[str | None] = list(text.split("\x1e"))
    if len(found) != count:
        return None
    return _without_missing(found) if MISSING in raw else found


def _without_missing(cells: list[str | None]) -> list[str | None]:
    return [None if cell == "\x1d" else cell for cell in cells]


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _arrow_cells(raw: bytes, separator: bytes, borders: Any) -> Any:
    """The cells as an Arrow array; None where a text is no UTF-8."""
    import numpy as np
    import pyarrow as pa

    count = len(borders) + 1
    # Each cell is where it was, less the separators before it.
    ends = borders - np.arange(count - 1)
    offsets = np.concatenate([[0], ends, [len(raw) - (count - 1)]])
    buffers = [pa.py_buffer(offsets), pa.py_buffer(raw.replace(separator, b""))]
    cells = pa.LargeStringArray.from_buffers(count, *buffers)
    try:
        cells.validate(full=True)
    except pa.ArrowInvalid:  # no UTF-8
        return None
    return cells


def _in_arrow(piece: Any) -> Any:
    if not isinstance(piece, list):
        return piece
    import pyarrow as pa

    return pa.array(piece, type=pa.large_string())

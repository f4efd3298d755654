"""Fewer rows of a frame, for plots and tables: what they leave out is said, extremes are exact.

A plot of every hundredth row hides the one stay that took all night. Here the rows are divided
into stretches, and each gives its smallest and its largest values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.analysis.reading.rows import row_count
from flexiflow.errors import InvalidType, InvalidValue, bounded_repr, listed, suggestion

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True, repr=False)
class Sample:
    """Some rows of a frame.

    Attributes:
        frame: those rows, in their order, with the index that they had.
        left_out: how many others there are.
        text: how they were chosen, in a sentence for below the plot.
    """

    frame: pd.DataFrame
    left_out: int
    text: str

    def __repr__(self) -> str:
        return f"{self.frame!r}\n\n{self.text}"

    def _repr_html_(self) -> str:
        return f"{self.frame.to_html(max_rows=20)}<p>{escape(self.text)}</p>"


def sample(
    frame: pd.DataFrame, extremes: str | Sequence[str], most: int = 2_000, keep: Any = None
) -> Sample:
    """At most so many rows of a frame, among them the extremes of each stretch of it.

    Args:
        frame: such as `History.visits` gives, its rows in the order in which they are plotted.
        extremes: columns of numbers, times or durations: of each stretch of rows those with the
            smallest and the largest values stay, and so those of the whole.
        most: how many rows.
        keep: rows that must all stay, however many: truth values, one a row, such as
            ``steps["outcome"] == "failed"``. They count among the `most`.

    Raises:
        InvalidValue: (a ValueError) for an unknown column, too small a number, or truth values
            that are not one a row.
        InvalidType: (a TypeError) for a column that has no smallest value.
    """
    import numpy as np

    names = [extremes] if isinstance(extremes, str) else list(extremes)
    columns = [_numbers(frame, name) for name in names]
    kept = np.zeros(len(frame), dtype=bool) if keep is None else _truth_values(keep, len(frame))
    fewest = 2 * len(columns) + 2
    if row_count(most, "most") < fewest:
        raise InvalidValue(
            f"most must be at least {fewest}, not {bounded_repr(most, 40)}.",
            why="The first and the last row stay, and two for each column of extremes.",
            fix="Leave it out, or pass most=2_000.",
            context={"most": most, "extremes": names},
        )
    if len(frame) <= most:
        return Sample(frame, 0, f"All {words.plural(len(frame), 'row')}.")
    kept[[0, -1]] = True
    # A stretch of rows may have to give all that its columns ask for.
    stretches = max((most - int(kept.sum())) // max(2 * len(columns), 1), 1)
    borders = np.linspace(0, len(frame), stretches + 1).astype(int)
    for numbers in columns:
        for first, end in pairwise(borders):
            part = numbers[first:end]
            if not np.isnan(part).all():
                kept[[first + np.nanargmin(part), first + np.nanargmax(part)]] = True
    rows = frame.iloc[np.flatnonzero(kept)]
    return Sample(rows, len(frame) - len(rows), _text(frame, rows, names, stretches, keep))


def _text(frame: Any, rows: Any, names: Sequence[str], stretches: int, keep: Any) -> str:
    told = f"{words.count(len(rows))} of {words.plural(len(frame), 'row')}"
    if names:
        width = -(-len(frame) // stretches)
        told += f": of each {words.count(width)} in a row the smallest and the largest "
        told += " and ".join(map(words.name, names))
    told += f". {words.count(len(frame) - len(rows))} are left out"
    return f"{told}, none of those that were to stay." if keep is not None else f"{told}."


def _numbers(frame: Any, name: Any) -> Any:
    """A column as floats, NaN where it has nothing."""
    import numpy as np
    import pandas as pd

    if name not in frame.columns:
        known = [str(each) for each in frame.columns]
        raise InvalidValue(
            f"There is no column {bounded_repr(name, 80)}.",
            why=f"The frame has {listed(known)}.",
            fix=suggestion(name, known) or "Correct the name.",
            context={"column": name},
        )
    column = frame[name]
    if pd.api.types.is_datetime64_any_dtype(column) or pd.api.types.is_timedelta64_dtype(column):
        return np.where(column.isna(), np.nan, column.array.asi8)
    if not pd.api.types.is_numeric_dtype(column):
        raise InvalidType(
            f"The column {bounded_repr(name, 80)} has no smallest value.",
            why=f"Its values are {column.dtype}; extremes are of numbers, times and durations.",
            fix='Pass e.g. extremes="dwell".',
            context={"column": name, "dtype": str(column.dtype)},
        )
    return column.to_numpy(dtype="float64", na_value=np.nan)


def _truth_values(keep: Any, rows: int) -> Any:
    import numpy as np
    import pandas as pd

    # A copy, since the first and the last row are added; what is not known is not kept.
    try:
        chosen = pd.Series(np.asarray(keep, dtype=object)).eq(True).to_numpy(dtype=bool).copy()
    except (ValueError, TypeError):
        chosen = np.zeros(0, dtype=bool)
    if len(chosen) == rows and not isinstance(keep, str):
        return chosen
    raise InvalidValue(
        f"keep must have {words.plural(rows, 'truth value')}, one a row.",
        why=f"{bounded_repr(keep, 80)} has others, or another number of them.",
        fix='Write e.g. keep=steps["outcome"] == "failed".',
        context={"rows": rows},
    )

"""Rows of a frame as people read them: times, durations, counts and gaps as words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import frames, words
from flexiflow.notebook.html import code, element, escape, muted, table

if TYPE_CHECKING:
    import pandas as pd

ROWS_SHOWN = 20


def frame_table(
    frame: pd.DataFrame,
    columns: Mapping[str, str],
    caption: str,
    where: str,
    most: int = ROWS_SHOWN,
) -> str:
    """The first rows of a frame.

    Args:
        frame: the rows.
        columns: what to call each of the frame's columns that are shown.
        caption: what the table is, for readers who can't see it.
        where: code that gives the whole frame.
        most: how many rows; how many more there are is said.
    """
    rows = [
        [cell_words(row[name]) for name in columns]
        for row in frame.loc[:, list(columns)].head(most).to_dict("records")
    ]
    shown = element("div", table(tuple(columns.values()), rows, caption), "overflow-x:auto")
    more = len(frame) - len(rows)
    return shown + (muted(f"{words.count(more)} more in {code(where)}") if more > 0 else "")


def cell_words(value: Any) -> str:
    """One value of a frame; nothing where it is missing."""
    import pandas as pd

    if isinstance(value, pd.Timestamp):
        return words.clock(frames.microseconds(value))
    if isinstance(value, pd.Timedelta):
        return words.duration(frames.microseconds_of(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return words.count(value)
    if isinstance(value, float) and value == value:
        return f"{value:,.1f}"
    text = frames.cell_text(value)
    # A nameless component is no missing one.
    return "" if text is None else text if text.strip() else words.name(text)


def sentence(text: str) -> str:
    """A sentence as a paragraph."""
    return element("p", escape(text), "margin:4px 0")

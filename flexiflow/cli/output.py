"""Tables and trees: with rich on a terminal, as plain text in a pipe.

Everything shown comes through `visible`, and reaches rich as `Text`, never as markup. What a
table leaves out is said in a line below it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexiflow.analysis import words
from flexiflow.analysis.frames import microseconds, microseconds_of
from flexiflow.cli.text import visible, width, write_line
from flexiflow.tracing.records import utc_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.tree import Tree

WIDEST_CELL = 100
DEEPEST = 30  # levels of a tree that are indented; deeper ones stand in line with the last

FAILED, REFUSED, FAINT, STRONG = "red", "yellow", "dim", "bold"


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        header: its title.
        cell: the frame's column, or a function of a row.
        style: a style, or a function of a row.
        right: whether it is set flush right.
        optional: whether it is left out where no row has anything in it.
    """

    header: str
    cell: str | Callable[[Any], object]
    style: str | Callable[[Any], str] = ""
    right: bool = False
    optional: bool = False


@dataclass(slots=True)
class Table:
    """A table that is ready to be printed: text only, every cell bounded and harmless."""

    columns: list[Column]
    cells: list[list[str]]
    styles: list[list[str]]
    notes: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Branch:
    """One line of a tree.

    Attributes:
        depth: 0 for a root.
        text: what it says.
        style: of its first character, the mark.
        faint: how many characters at its end are set back.
    """

    depth: int
    text: str
    style: str = ""
    faint: int = 0


def on_terminal() -> bool:
    """Whether standard output goes to a person."""
    return sys.stdout.isatty()


def say(text: object = "", style: str = "") -> None:
    """Print one line."""
    line = visible(text)
    if on_terminal() and line:
        from rich.text import Text

        console().print(Text(line, style))
    else:
        write_line(line)


def console() -> Console:
    """A rich console on standard output that takes nothing for markup."""
    from rich.console import Console

    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)


# -- tables -------------------------------------------------------------------------------


def table_of(frame: pd.DataFrame, columns: Sequence[Column]) -> Table:
    """A frame as a table: each cell as people write it, on one line."""
    rows = list(frame.itertuples(index=False))
    date = _one_date(frame)
    built = Table([], [[] for _ in rows], [[] for _ in rows])
    shortened = 0
    for column in columns:
        values = [_value(column, row) for row in rows]
        texts = [_words(value, date) for value in values]
        if column.optional and not any(texts):
            continue
        built.columns.append(_dated(column, frame, date))
        for at, (row, text) in enumerate(zip(rows, texts, strict=True)):
            shortened += len(text) > WIDEST_CELL
            built.cells[at].append(visible(text, WIDEST_CELL))
            style = column.style
            built.styles[at].append(style if isinstance(style, str) else style(row))
    if shortened:
        built.notes.append(f"{shortened} long values are cut; --json has them whole.")
    return built


def print_table(table: Table) -> None:
    """Print a table and its notes."""
    if on_terminal():
        _print_rich(table)
    else:
        for line in plain_lines(table):
            write_line(line)
    for note in table.notes:
        say(note, FAINT)


def plain_lines(table: Table) -> list[str]:
    """A table as aligned text: two blanks between columns, none at the end of a line."""
    headers = [column.header for column in table.columns]
    lines = [headers, *table.cells]
    widths = [max(width(line[at]) for line in lines) for at in range(len(headers))]
    return ["  ".join(_set(table.columns, line, widths)).rstrip() for line in lines]


def left_out(shown: int, total: int | None, what: str, more: str) -> list[str]:
    """The note on rows that are not shown; none where all are.

    Args:
        shown: how many are.
        total: how many there are; None for more than are shown, and not counted.
        what: which ones are shown, e.g. ``"the newest"``.
        more: how to see the others.
    """
    if total is not None and total <= shown:
        return []
    counted = "" if total is None else f" of {words.count(total)}"
    return [f"Only {what} {words.count(shown)}{counted} are shown; {more}."]


def _print_rich(table: Table) -> None:
    from rich import box
    from rich.table import Table as RichTable
    from rich.text import Text

    drawn = RichTable(box=box.SIMPLE_HEAD, pad_edge=False, header_style=STRONG)
    for column in table.columns:
        drawn.add_column(
            Text(column.header), justify="right" if column.right else "left", overflow="fold"
        )
    for cells, styles in zip(table.cells, table.styles, strict=True):
        drawn.add_row(*(Text(cell, style) for cell, style in zip(cells, styles, strict=True)))
    console().print(drawn)


def _set(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    for column, cell, full in zip(columns, cells, widths, strict=True):
        blanks = " " * (full - width(cell))
        yield blanks + cell if column.right else cell + blanks


def _value(column: Column, row: Any) -> object:
    return getattr(row, column.cell) if isinstance(column.cell, str) else column.cell(row)


def _words(value: object, date: str | None) -> str:
    import pandas as pd

    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, pd.Timestamp):
        return _moment(value)[11:] if date else _moment(value)
    if isinstance(value, pd.Timedelta):
        return words.duration(microseconds_of(value))
    if isinstance(value, int):
        return words.count(value)
    return str(value)


def _moment(time: pd.Timestamp) -> str:
    """A time in UTC as ``2026-01-31 14:02:11.482``."""
    return utc_text(microseconds(time) or 0)[:23].replace("T", " ")


def _one_date(frame: pd.DataFrame) -> str | None:
    """The date on which all times of a frame lie, or None."""
    times = frame.select_dtypes("datetimetz")
    dates = {_moment(value)[:10] for name in times for value in times[name].dropna()}
    return dates.pop() if len(dates) == 1 else None


def _dated(column: Column, frame: pd.DataFrame, date: str | None) -> Column:
    """The column, with the date (or just the zone) in its header where it holds times."""
    if not isinstance(column.cell, str) or frame[column.cell].dtype.kind != "M":
        return column
    zone = f"{date} UTC" if date else "UTC"
    return Column(f"{column.header} ({zone})", column.cell, column.style, column.right)


# -- trees --------------------------------------------------------------------------------


def print_tree(title: str, branches: Iterable[Branch]) -> None:
    """Print a tree under a title."""
    if on_terminal():
        _print_rich_tree(title, branches)
        return
    write_line(visible(title))
    for branch in branches:
        write_line("  " * (min(branch.depth, DEEPEST) + 1) + visible(branch.text))


def _print_rich_tree(title: str, branches: Iterable[Branch]) -> None:
    from rich.text import Text
    from rich.tree import Tree

    root = Tree(Text(visible(title), STRONG), guide_style=FAINT)
    path: list[Tree] = [root]
    for branch in branches:
        text = Text(visible(branch.text))
        text.stylize(branch.style, 0, 1)
        if branch.faint:
            text.stylize(FAINT, len(text) - branch.faint)
        del path[min(branch.depth, DEEPEST) + 1 :]
        path.append(path[-1].add(text))
    console().print(root)

"""Tables and trees: with rich on a terminal, as plain text in a pipe.

Everything shown comes through `visible`, and reaches rich as `Text`, never as markup. What a
table leaves out is said in a line below it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from flexiflow.analysis.base import words
from flexiflow.analysis.base.frames import microseconds, microseconds_of
from flexiflow.cli.text import visible, width, write_line
from flexiflow.tracing.records import utc_text

if TYPE_CHECKING:
    import pandas as pd
    from rich.console import Console
    from rich.tree import Tree

WIDEST_CELL = 100
DEEPEST = 30  # levels of a tree that are indented; deeper ones stand in line with the last

FAILED, REFUSED, FAINT, STRONG = "red", "yellow", "dim", "bold"

_GAP = 2  # blanks between columns
_COMFORTABLE, _NARROWEST = 24, 10  # what a column that may be folded should, and must, get


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes:
        header: its title.
        cell: the frame's column, or a function of a row; a tuple is several lines.
        style: a style, or a function of a row.
        right: whether it is set flush right.
        optional: whether it is left out where no row has anything in it.
        folds: whether its text may be broken into lines on a narrow terminal.
        spare: whether it may be left out there; then a note says so.
    """

    header: str
    cell: str | Callable[[Any], object]
    style: str | Callable[[Any], str] = ""
    right: bool = False
    optional: bool = False
    folds: bool = False
    spare: bool = False


@dataclass(slots=True)
class Table:
    """A table that is ready to be printed: text only, every cell bounded and harmless.

    Attributes:
        columns: its columns.
        cells: a list of texts for each row; lines of one cell are joined by newlines.
        styles: the styles of the cells.
        notes: what to say below it.
    """

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


def say(text: object = "", style: str = "", *, wrap: bool = True) -> None:
    """Print one line.

    Args:
        text: what to say.
        style: how it looks on a terminal.
        wrap: whether a long line is broken between words there; a command must not be.
    """
    line = visible(text)
    if on_terminal() and line:
        from rich.text import Text

        console().print(Text(line, style), soft_wrap=not wrap)
    else:
        write_line(line)


def console() -> Console:
    """A rich console on standard output that takes nothing for markup."""
    from rich.console import Console

    return Console(file=sys.stdout, markup=False, highlight=False, emoji=False)


# -- tables -------------------------------------------------------------------------------


def table_of(frame: pd.DataFrame, columns: Sequence[Column]) -> Table:
    """A frame as a table: each cell as people write it.

    Times of one day are given without the date, which a note below the table has.
    """
    rows = list(frame.itertuples(index=False))
    dates = _dates(frame, columns)
    built = Table([], [[] for _ in rows], [[] for _ in rows])
    shortened = 0
    for column in columns:
        values = [_lines(_value(column, row), one_day=len(dates) == 1) for row in rows]
        if column.optional and not any(map(any, values)):
            continue
        built.columns.append(column)
        for at, (row, lines) in enumerate(zip(rows, values, strict=True)):
            shortened += any(len(line) > WIDEST_CELL for line in lines)
            built.cells[at].append("\n".join(visible(line, WIDEST_CELL) for line in lines if line))
            style = column.style
            built.styles[at].append(style if isinstance(style, str) else style(row))
    if dates:
        built.notes.append(f"Times are UTC{', ' + dates.pop() if len(dates) == 1 else ''}.")
    if shortened:
        built.notes.append(f"Long values are cut: {shortened}; --json has them whole.")
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
    """A table as aligned text, one line a row, with no blanks at its end."""
    headers = [column.header for column in table.columns]
    lines = [headers, *([cell.replace("\n", ": ") for cell in row] for row in table.cells)]
    widths = [max(width(line[at]) for line in lines) for at in range(len(headers))]
    return [(" " * _GAP).join(_set(table.columns, line, widths)).rstrip() for line in lines]


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

    target = console()
    kept, fits = _that_fit(table, target.width)
    gap = (0, _GAP - 1, 0, 0)  # the box adds one
    drawn = RichTable(box=box.SIMPLE_HEAD, show_edge=False, padding=gap, header_style=STRONG)
    for at in kept:
        column = table.columns[at]
        drawn.add_column(
            Text(column.header),
            justify="right" if column.right else "left",
            overflow="fold",
            no_wrap=fits and not column.folds,
        )
    for cells, styles in zip(table.cells, table.styles, strict=True):
        drawn.add_row(*(Text(cells[at], styles[at]) for at in kept))
    target.print(drawn)
    missing = [each.header for at, each in enumerate(table.columns) if at not in kept]
    if missing:
        table.notes.append(f"Left out on this narrow terminal: {', '.join(missing)}.")


def _that_fit(table: Table, room: int) -> tuple[list[int], bool]:
    """The columns to show, and whether only those need to be folded that may be."""

    def needed(columns: list[int], folded: int) -> int:
        return sum(_width_needed(table, at, folded) + _GAP for at in columns)

    kept = list(range(len(table.columns)))
    for at in reversed(kept):
        if table.columns[at].spare and needed(kept, _COMFORTABLE) > room:
            kept = [each for each in kept if each != at]
    return kept, needed(kept, _NARROWEST) <= room


def _width_needed(table: Table, at: int, folded: int) -> int:
    column = table.columns[at]
    texts = (line for row in table.cells for line in row[at].split("\n"))
    widest = max(map(width, (column.header, *texts)))
    return min(widest, folded) if column.folds else widest


def _set(columns: Sequence[Column], cells: Sequence[str], widths: Sequence[int]) -> Iterable[str]:
    for column, cell, full in zip(columns, cells, widths, strict=True):
        blanks = " " * (full - width(cell))
        yield blanks + cell if column.right else cell + blanks


def _value(column: Column, row: Any) -> object:
    if not isinstance(column.cell, str):
        return column.cell(row)
    value = getattr(row, column.cell)
    # A nameless component is no missing one.
    return words.name(value) if isinstance(value, str) and not value.strip() else value


def _lines(value: object, *, one_day: bool) -> list[str]:
    parts = value if isinstance(value, tuple) else (value,)
    return [_words(part, one_day=one_day) for part in parts]


def _words(value: object, *, one_day: bool) -> str:
    import pandas as pd

    if value is None or pd.isna(value):  # type: ignore[call-overload]
        return ""
    if isinstance(value, pd.Timestamp):
        return _moment(value)[11:] if one_day else _moment(value)
    if isinstance(value, pd.Timedelta):
        return words.duration(microseconds_of(value))
    if isinstance(value, int):
        return words.count(value)
    return str(value)


def _moment(time: pd.Timestamp) -> str:
    """A time in UTC as ``2026-01-31 14:02:11.482``."""
    return utc_text(microseconds(time) or 0)[:23].replace("T", " ")


def _dates(frame: pd.DataFrame, columns: Sequence[Column]) -> set[str]:
    """The dates, in UTC, of the times in the columns that are shown."""
    shown = {column.cell for column in columns if isinstance(column.cell, str)}
    times = frame.select_dtypes("datetimetz")
    return {_moment(at)[:10] for name in times if name in shown for at in times[name].dropna()}


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

"""Tables and trees, in a pipe and on a terminal."""

import re

import pytest

from flexiflow.analysis.base import frames
from flexiflow.cli.output import (
    FAILED,
    Branch,
    Column,
    left_out,
    plain_lines,
    print_table,
    print_tree,
    say,
    table_of,
)

DAY_US = 86_400_000_000
COLUMNS = {"name": "str", "start": frames.TIME, "took": frames.DURATION, "count": "int64"}
ANSI = re.compile(r"\x1b\[[0-9;]*m")


def frame_of(*rows):
    return frames.frame(COLUMNS, rows)


def all_columns():
    return [
        Column("name", "name"),
        Column("start", "start"),
        Column("took", "took", right=True),
        Column("count", "count", right=True),
    ]


def test_a_table_is_aligned():
    """Texts are flush left, numbers flush right, and no line ends in blanks."""
    table = table_of(frame_of(("a", 0, 1_500, 7), ("bcd", 1, None, 12_345)), all_columns())
    assert plain_lines(table) == [
        "name  start           took   count",
        "a     00:00:00.000  1.5 ms       7",
        "bcd   00:00:00.000          12,345",
    ]


def test_a_name_of_blanks_can_be_seen():
    """What is missing stays empty."""
    rows = [(name, None, None, 0) for name in ("", " ", None, "a b")]
    table = table_of(frame_of(*rows), all_columns())
    assert [cells[0] for cells in table.cells] == ['""', '" "', "", "a b"]


def test_times_of_one_day_have_their_date_below():
    """The date is said once."""
    table = table_of(frame_of(("a", 0, 0, 0)), all_columns())
    assert table.notes == ["Times are UTC, 1970-01-01."]


def test_times_of_several_days_have_their_dates():
    """A time alone would not say which day it was."""
    table = table_of(frame_of(("a", 0, 0, 0), ("b", DAY_US, 0, 0)), all_columns())
    assert [row[1] for row in table.cells] == ["1970-01-01 00:00:00.000", "1970-01-02 00:00:00.000"]
    assert table.notes == ["Times are UTC."]


def test_wide_characters_keep_columns_in_line():
    """The next column begins where the terminal's columns say."""
    table = table_of(frame_of(("漢字", 0, 0, 1), ("abcd", 0, 0, 1)), all_columns())
    assert plain_lines(table)[1:] == [
        "漢字  00:00:00.000  0 µs      1",
        "abcd  00:00:00.000  0 µs      1",
    ]


def test_a_long_cell_is_cut_and_counted():
    """What is cut is said below the table."""
    table = table_of(frame_of(("x" * 200, 0, 0, 1)), [Column("name", "name")])
    assert table.cells == [["x" * 100 + "… (+100 characters)"]]
    assert table.notes[-1] == "Long values are cut: 1; --json has them whole."


def test_an_optional_column_needs_something_in_it():
    """An empty one is left out without a word."""
    columns = [Column("name", "name"), Column("empty", lambda row: None, optional=True)]
    assert plain_lines(table_of(frame_of(("a", 0, 0, 1)), columns)) == ["name", "a"]


def test_a_cell_of_several_lines_is_one_line_in_a_pipe():
    """A pipe gets a line a row, so that grep finds whole rows."""
    columns = [Column("name", lambda row: (row.name, "why"))]
    assert plain_lines(table_of(frame_of(("a", 0, 0, 1)), columns)) == ["name", "a: why"]


def test_a_newline_in_a_name_is_no_new_row():
    """A row can't be forged."""
    table = table_of(frame_of(("a\nb", 0, 0, 1)), [Column("name", "name")])
    assert plain_lines(table) == ["name", r"a\nb"]


@pytest.mark.parametrize(
    ("shown", "total", "note"),
    [
        (5, 5, []),
        (5, 1_234, ["Only the newest 5 of 1,234 are shown; --all."]),
        (5, None, ["Only the newest 5 are shown; --all."]),
    ],
)
def test_rows_that_are_left_out_are_said(shown, total, note):
    """With their number where it is known."""
    assert left_out(shown, total, "the newest", "--all") == note


def test_a_pipe_gets_no_escape_sequences(capsys):
    """Styles are for terminals."""
    table = table_of(frame_of(("a", 0, 0, 1)), [Column("name", "name", FAILED)])
    print_table(table)
    say("done", FAILED)
    print_tree("root", [Branch(0, "✕ leaf", FAILED, 2)])
    assert "\x1b" not in capsys.readouterr().out


def test_a_terminal_gets_colours(terminal):
    """A failed row is red."""
    stream = terminal(80)
    print_table(table_of(frame_of(("a", 0, 0, 1)), [Column("name", "name", FAILED)]))
    assert "\x1b[31ma" in stream.getvalue()


def test_no_color_is_respected(terminal, monkeypatch):
    """With NO_COLOR set, nothing is coloured on a terminal either."""
    stream = terminal(80)
    monkeypatch.setenv("NO_COLOR", "1")
    print_table(table_of(frame_of(("a", 0, 0, 1)), [Column("name", "name", FAILED)]))
    say("done", FAILED)
    assert "a" in stream.getvalue()
    assert not re.search(r"\x1b\[[0-9;]*3[0-9]", stream.getvalue())


@pytest.mark.parametrize("name", ["[bold]x[/bold]", "[red", r"\[x]", ":smile:", "http://x/1"])
def test_markup_in_a_name_is_text(terminal, name):
    """A name is shown as it is written, in tables, trees and lines."""
    stream = terminal(80)
    print_table(table_of(frame_of((name, 0, 0, 1)), [Column("name", "name")]))
    print_tree(name, [Branch(0, name)])
    say(name)
    assert ANSI.sub("", stream.getvalue()).count(name) == 4


def test_an_escape_sequence_in_a_name_does_nothing(terminal):
    """It is spelt out, also on a terminal."""
    stream = terminal(80)
    print_table(table_of(frame_of(("\x1b[2Jx\u202e", 0, 0, 1)), [Column("name", "name")]))
    print_tree("\x1b[2J", [Branch(0, "\x1b[2J")])
    assert "\x1b[2J" not in stream.getvalue()
    assert stream.getvalue().count(r"\x1b[2J") == 3


@pytest.mark.parametrize("columns", [20, 40, 79, 120])
def test_a_table_fits_into_the_terminal(terminal, columns):
    """No line is wider, and no character of a cell is lost."""
    stream = terminal(columns)
    name = "a component with a long name"
    print_table(table_of(frame_of((name, 0, 1_500, 12_345)), all_columns()))
    text = ANSI.sub("", stream.getvalue())
    assert max(map(len, text.splitlines())) <= columns
    assert not set("".join(name.split()) + "1.5ms12,345") - set(text)
    assert "…" not in text


def test_a_spare_column_makes_room_and_is_named(terminal):
    """A narrow terminal shows the columns that matter, and says which it leaves out."""
    stream = terminal(30)
    columns = [Column("name", "name"), Column("start", "start"), Column("took", "took", spare=True)]
    print_table(table_of(frame_of(("a" * 12, 0, 1_500, 1)), columns))
    text = " ".join(ANSI.sub("", stream.getvalue()).split())
    assert "a" * 12 + " 00:00:00.000" in text
    assert "1.5 ms" not in text
    assert "Left out on this narrow terminal: took." in text


def test_a_tree_in_a_pipe_is_indented(capsys):
    """Two blanks a level, under the title."""
    print_tree("root", [Branch(0, "a"), Branch(1, "b"), Branch(0, "c")])
    assert capsys.readouterr().out.splitlines() == ["root", "  a", "    b", "  c"]


def test_a_deep_tree_stays_readable(capsys, terminal):
    """Levels below a certain depth are not indented further, and none is lost."""
    branches = [Branch(depth, f"level {depth}") for depth in range(3_000)]
    print_tree("root", branches)
    assert max(map(len, capsys.readouterr().out.splitlines())) < 80
    stream = terminal(200)
    print_tree("root", branches)
    assert stream.getvalue().count("level") == 3_000

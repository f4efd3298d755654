"""Text on its way out."""

import io
import os
import shlex
import sysconfig
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.cli.text import adapt, as_argument, command_line, visible, width, write_line


@given(st.text())
def test_nothing_invisible_gets_out(text):
    """Whatever the text, no control, format or surrogate character is left in it."""
    categories = {unicodedata.category(each) for each in visible(text)}
    assert not categories & {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


@given(st.text(st.characters(categories=["L", "M", "N", "P", "S"])))
def test_ordinary_text_stays_as_it_is(text):
    """Letters of every script, marks, numbers and signs are not changed."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("\x1b[31mred", r"\x1b[31mred"),
        ("\u202eevil", r"\u202eevil"),
        ("[bold]x", "[bold]x"),
        ("tab\there", r"tab\there"),
        ("lone \ud800", r"lone \ud800"),
        ("a\u00a0b", "a\u00a0b"),
    ],
)
def test_a_hostile_name_is_spelt_out(text, shown):
    """Control characters, turns of direction and lone surrogates are shown by their escapes."""
    assert visible(text) == shown


def test_a_long_text_is_cut_and_says_so():
    """What is left out is counted."""
    assert visible("x" * 12, longest=10) == "xxxxxxxxxx… (+2 characters)"


@pytest.mark.parametrize(("text", "columns"), [("abc", 3), ("漢字", 4), ("é", 1), ("e\u0301", 1)])
def test_wide_characters_take_two_columns(text, columns):
    """Width is counted in columns of a terminal, not in characters."""
    assert width(text) == columns


@given(st.lists(st.text(st.characters(categories=["L", "P", "S", "Zs"])), min_size=1))
def test_a_command_line_comes_back_as_its_words(words):
    """What is printed can be typed: the shell reads the same words."""
    assert shlex.split(command_line(*words)) == words


@pytest.mark.parametrize(
    ("word", "words"), [("order-1", ("order-1",)), ("--limit", ("--", "--limit"))]
)
def test_a_name_that_begins_with_a_dash_is_no_option(word, words):
    """Others stand there as they are."""
    assert as_argument(word) == words


@pytest.mark.parametrize(
    ("encoding", "shown"),
    [("utf-8", "✕ ◇ → 漢"), ("cp1252", r"x o > \u6f22"), ("ascii", r"x o > \u6f22")],
)
def test_a_stream_that_cannot_encode_a_mark_gets_a_plain_one(encoding, shown):
    """Marks have stand-ins of one character, other characters are spelt out."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    adapt(stream)
    write_line("✕ ◇ → 漢", to=stream)
    stream.flush()
    assert raw.getvalue().decode(encoding).splitlines() == [shown]


def test_a_program_is_written_with_its_path_where_the_shell_would_not_find_it(monkeypatch):
    """What is printed to be typed next works in an environment that is not activated, too."""
    assert command_line("flexiflow", "why") == "flexiflow why"
    monkeypatch.setenv("PATH", os.devnull)
    program = shlex.split(command_line("flexiflow", "why"))[0]
    assert os.path.samefile(program, Path(sysconfig.get_path("scripts"), "flexiflow"))
    assert command_line("no-such-program-here", "x") == "no-such-program-here x"

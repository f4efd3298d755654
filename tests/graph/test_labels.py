"""Texts in pictures."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.graph.labels import WIDEST_COUNT, count_text, short, text_width, visible

anything = st.text(st.characters(), max_size=60)


@given(anything)
def test_visible_text_is_harmless_and_one_line(text):
    """No control, reordering, separating or broken character is left."""
    shown = visible(text)
    kinds = {unicodedata.category(letter) for letter in shown if letter not in "\u200c\u200d"}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs", "Zl", "Zp"})
    assert len(shown.splitlines()) == 1
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=60))
def test_ordinary_text_is_left_alone(text):
    """Letters, figures, punctuation and symbols of any script are shown as they are."""
    assert visible(text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\nb", r"a\nb"),
        ("a\x00b", r"a\x00b"),
        ("\u202eabc", r"\u202eabc"),
        ("\ud800", r"\ud800"),
        ("", '""'),
        ("  ", '"  "'),
        ("\n", r"'\n'"),
        ("👩\u200d🚀", "👩\u200d🚀"),
    ],
)
def test_hidden_characters_become_escapes(text, shown):
    """What can't be seen is spelt out; what joins emoji is left."""
    assert visible(text) == shown


def test_long_text_is_cut_with_an_ellipsis():
    """A name of any length takes a bounded room."""
    assert short("x" * 1_000_000) == "x" * 35 + "…"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (1, "×1"),
        (9_999, "×9,999"),
        (10_000, "×10.0k"),
        (99_949, "×99.9k"),
        (99_999, "×100k"),
        (123_456, "×123k"),
        (999_999, "×999k"),
        (1_000_000, "×1.0M"),
        (12_345_678_901, "×12.3G"),
        (10**15, "×999T"),
    ],
)
def test_counts_are_short(count, text):
    """Large counts are rounded to a unit."""
    assert count_text(count) == text


@given(st.integers(1, 10**20), st.sampled_from("×✕◇"))
def test_no_count_is_wider_than_its_room(count, sign):
    """The room that a layout keeps is enough for any count."""
    assert text_width(f" {count_text(count, sign)}", 10) <= text_width(WIDEST_COUNT, 10) * 1.2


def test_width_grows_with_the_text():
    """Wide letters are wider, joining characters have no width."""
    assert text_width("iii", 10) < text_width("mmm", 10) < text_width("漢漢漢", 10)
    assert text_width("e\u0301", 10) == text_width("e", 10)
    assert text_width("a", 10, bold=True) > text_width("a", 10)

"""Reprs whose rest is not made."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.errors import bounded_repr
from flexiflow.reprs import beginning_of_repr

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: (
        st.lists(inner)
        | st.lists(inner).map(tuple)
        | st.dictionaries(st.text(), inner)
        | st.frozensets(st.text())
        | st.sets(st.integers())
    ),
)


class Counting:
    """Knows how often it was asked for its repr."""

    asked = 0

    def __repr__(self):
        Counting.asked += 1
        return "x" * 10


@given(VALUES)
def test_what_fits_is_the_whole_repr(value):
    """Of anything."""
    assert beginning_of_repr(value, 10_000)[0] == repr(value)


@given(VALUES, st.integers(1, 30))
def test_what_does_not_fit_begins_as_the_repr_does(value, longest):
    """Quotes may be others, where the text that decides about them is not read."""
    whole = repr(value).replace('"', "'").replace("\\'", "'")
    text = beginning_of_repr(value, longest)[0].replace('"', "'").replace("\\'", "'")
    assert whole.startswith(text[: min(longest - 1, 8)].rstrip("\\"))


@pytest.mark.parametrize("kind", [list, tuple, set, frozenset, dict.fromkeys])
def test_of_a_large_container_only_the_beginning_is_read(kind):
    """A million values must not be turned into text for the first eighty characters."""
    value = kind([Counting() for _ in range(1_000)])
    Counting.asked = 0
    assert bounded_repr(value, 80).endswith("… (+more)")
    assert Counting.asked < 12


def test_of_a_large_text_the_number_of_characters_is_said():
    """As it was."""
    assert bounded_repr("y" * 1_000_000, 10) == "'yyyyyyyyy… (+999992 characters)"


def test_a_container_that_contains_itself_has_a_repr():
    """As Python shows it."""
    value: list[object] = [1]
    value.append(value)
    assert bounded_repr(value) == "[1, [...]]"


def test_a_value_that_is_nested_deeply_has_a_repr():
    """Where Python's own gives up."""
    value: list[object] = []
    for _ in range(10_000):
        value = [value]
    assert bounded_repr(value) == "[" * 51 + "..." + "]" * 51

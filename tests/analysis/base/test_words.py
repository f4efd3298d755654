"""Numbers, durations, times and names as people write them."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.base import words

UNITS_US = {
    "µs": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "min": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
}


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (None, "unknown"),
        (0, "0 µs"),
        (999, "999 µs"),
        (1_000, "1.0 ms"),
        (9_949, "9.9 ms"),
        (9_950, "10 ms"),
        (12_400, "12 ms"),
        (999_499, "999 ms"),
        (999_500, "1.0 s"),
        (1_800_000, "1.8 s"),
        (59_949_999, "59.9 s"),
        (59_950_000, "1 min 0 s"),
        (250_000_000, "4 min 10 s"),
        (3_599_499_999, "59 min 59 s"),
        (3_599_500_000, "1 h 0 min"),
        (11_520_000_000, "3 h 12 min"),
        (172_799_000_000, "47 h 59 min"),
        (172_800_000_000, "2 d 0 h"),
        (191_000_000_000, "2 d 5 h"),
        (86_400_000_000 * 12_345, "12,345 d 0 h"),
        (-1_800_000, "-1.8 s"),
    ],
)
def test_durations(us, text):
    """Two units at most, and no unit that rounding has filled up."""
    assert words.duration(us) == text


@given(st.integers(0, 10**16))
def test_a_duration_in_words_is_near_the_duration(us):
    """What the words say differs by less than one unit of their last place."""
    parts = re.findall(r"([\d.,]+) (µs|ms|s|min|h|d)", words.duration(us))
    said = sum(float(number.replace(",", "")) * UNITS_US[unit] for number, unit in parts)
    last, unit = parts[-1]
    step = UNITS_US[unit] * (0.1 if "." in last else 1)
    assert abs(said - us) <= step


@pytest.mark.parametrize(
    ("number", "plural", "times"),
    [
        (1, "1 step", "once"),
        (2, "2 steps", "twice"),
        (3, "3 steps", "3 times"),
        (18_233, "18,233 steps", "18,233 times"),
    ],
)
def test_counts(number, plural, times):
    """One is singular, and thousands are separated."""
    assert (words.plural(number, "step"), words.times(number)) == (plural, times)


@pytest.mark.parametrize(
    ("us", "text"),
    [
        (1_700_000_000_999_999, "2023-11-14 22:13:20"),
        (-1, "1969-12-31 23:59:59"),
        (None, "an unknown time"),
        (2**62, "an unknown time"),
    ],
)
def test_clock(us, text):
    """A time in UTC to the second; none is made up."""
    assert words.clock(us) == text


@given(st.text(), st.integers(10, 100))
def test_a_name_is_one_harmless_line(text, longest):
    """No control character, no line break, and bounded in size."""
    name = words.name(text, longest)
    assert len(name) <= 12 * longest
    assert not re.search(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202e]", name)


def test_a_sentence_is_one_line_without_its_full_stop():
    """Somebody else's text fits into a sentence of ours."""
    assert words.sentence("It  is\nbroken.\n", 100) == "It is broken"


def test_a_long_sentence_is_cut():
    """What is left out is shown by an ellipsis."""
    assert words.sentence("x" * 100, 10) == "x" * 9 + "…"


def test_short_ids():
    """Ids that people made are told apart at their ends; of a long one the beginning is enough."""
    assert words.short_id("north-order-7") == "north-order-7"
    assert words.short_id("4bf92f3577b34da6a3ce929d0e0e4736") == "4bf92f35"

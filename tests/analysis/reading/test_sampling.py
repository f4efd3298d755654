"""Samples: extremes are exact, what must stay stays, and what is left out is said."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.reading.sampling import sample
from flexiflow.errors import InvalidType, InvalidValue

NUMBERS = st.lists(st.none() | st.integers(-(10**15), 10**15), min_size=1, max_size=300)


def durations(numbers):
    values = pd.array([pd.NaT if n is None else n for n in numbers], dtype="timedelta64[us]")
    return pd.DataFrame({"dwell": values, "id": range(len(numbers))})


@given(NUMBERS, st.integers(4, 60))
def test_extremes_are_exact_and_rows_stay_in_order(numbers, most):
    """The smallest and the largest of all are there, at most so many, and the others counted."""
    frame = durations(numbers)
    shown = sample(frame, "dwell", most)
    assert len(shown.frame) <= most
    assert len(shown.frame) + shown.left_out == len(frame)
    pd.testing.assert_frame_equal(shown.frame, frame.loc[shown.frame.index])
    assert shown.frame.index.is_monotonic_increasing
    if frame["dwell"].notna().any():
        assert shown.frame["dwell"].min() == frame["dwell"].min()
        assert shown.frame["dwell"].max() == frame["dwell"].max()
    assert shown.frame.index[[0, -1]].tolist() == [0, len(frame) - 1]


@given(NUMBERS, st.integers(4, 20), st.data())
def test_what_must_stay_stays(numbers, most, data):
    """However many they are."""
    keep = data.draw(st.lists(st.booleans(), min_size=len(numbers), max_size=len(numbers)))
    shown = sample(durations(numbers), "dwell", most, keep=keep)
    assert {at for at, kept in enumerate(keep) if kept} <= set(shown.frame.index)


def test_each_stretch_gives_its_own():
    """So that a plot of the sample has the outline of the whole."""
    frame = pd.DataFrame({"a": np.tile([0, 5, 1, 9, 3], 200), "b": range(1000)})
    shown = sample(frame, "a", 402)
    assert (shown.frame["a"] == 9).sum() == (shown.frame["a"] == 0).sum() == 200


def test_what_is_left_out_is_said():
    """In words, for below the plot; in a notebook as text."""
    frame = pd.DataFrame({"a<b": range(10_000), "c": 1.5})
    shown = sample(frame, ["a<b", "c"], 100, keep=frame["a<b"] == 77)
    assert shown.text == (
        f"{len(shown.frame)} of 10,000 rows: of each 417 in a row the smallest and the largest a<b "
        f"and c. {shown.left_out:,} are left out, none of those that were to stay."
    )
    assert repr(shown).endswith(shown.text)
    assert "a&lt;b and c" in shown._repr_html_()


def test_a_frame_that_is_small_is_whole():
    """It says so."""
    frame = pd.DataFrame({"a": [1, 2]})
    shown = sample(frame, "a")
    assert (shown.left_out, shown.text) == (0, "All 2 rows.")
    assert shown.frame is frame


def test_any_number_time_or_duration(tmp_path):
    """Nullable numbers and times too; what is missing is no extreme."""
    count = 50
    frame = pd.DataFrame(
        {
            "n": pd.array([None, *range(count - 1)], dtype="Int64"),
            "t": pd.date_range("2026", periods=count, tz="UTC", unit="us")[::-1],
            "f": [np.nan] * count,
        }
    )
    shown = sample(frame, ["n", "t", "f"], 20).frame
    assert (shown["n"].min(), shown["n"].max()) == (0, count - 2)
    assert (shown["t"].min(), shown["t"].max()) == (frame["t"].min(), frame["t"].max())


@pytest.mark.parametrize(
    ("arguments", "error", "words"),
    [
        ({"extremes": "dwel"}, InvalidValue, "Did you mean 'dwell'"),
        ({"extremes": "state"}, InvalidType, "has no smallest value"),
        ({"extremes": "dwell", "most": 3}, InvalidValue, "at least 4"),
        ({"extremes": "dwell", "most": "many"}, InvalidValue, "most must be a number"),
        ({"extremes": "dwell", "keep": [True]}, InvalidValue, "2 truth values"),
        ({"extremes": "dwell", "keep": "failed"}, InvalidValue, "2 truth values"),
    ],
)
def test_what_makes_no_sense_is_refused(arguments, error, words):
    """With what would."""
    frame = durations([1, 2]).assign(state=["A", "B"])
    with pytest.raises(error, match=words):
        sample(frame, **arguments)

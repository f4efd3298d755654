"""Frames: their columns and dtypes, whatever is put into them."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.machine.machine_graph import STATES, TRANSITIONS

ALL = {
    name: getattr(shapes, name)
    for name in ("SNAPSHOTS", "STEPS", "COMPONENTS", "VISITS", "STUCK", "TRACES", "RECORDS")
} | {"STATES": STATES, "TRANSITIONS": TRANSITIONS}

FILLED = {
    frames.TIME: 1_700_000_000_123_456,
    frames.DURATION: 1_800_000,
    frames.NAME: "Paying",
    frames.TEXT: "text",
    frames.ID: 7,
    frames.OPTIONAL_ID: 2**53 + 1,
    frames.NUMBER: 1.5,
    frames.FLAG: True,
    "object": {"a": [1]},
}
NEVER_MISSING = (frames.ID,)  # the counts, too


def dtypes(frame):
    return {name: str(dtype) for name, dtype in frame.dtypes.items()}


def filled(columns):
    return tuple(FILLED[dtype] for dtype in columns.values())


def missing(columns):
    return tuple(FILLED[dtype] if dtype in NEVER_MISSING else None for dtype in columns.values())


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("number", [0, 1, 3])
def test_names_and_dtypes_hold_for_any_number_of_rows(name, number):
    """No row, one, or several: the columns are those of the constant."""
    columns = ALL[name]
    frame = frames.frame(columns, [filled(columns)] * number)
    assert dtypes(frame) == dict(columns)
    assert len(frame) == number


@pytest.mark.parametrize("name", ALL)
def test_dtypes_hold_where_everything_is_missing(name):
    """A row of Nones changes no dtype."""
    columns = ALL[name]
    frame = frames.frame(columns, [missing(columns)])
    assert dtypes(frame) == dict(columns)
    absent = [column for column, dtype in columns.items() if dtype not in NEVER_MISSING]
    assert frame[absent].isna().all(axis=None)


@pytest.mark.parametrize("rows", [[], [("a",)], [(None,)]])
def test_categories_are_texts_in_every_frame(rows):
    """Frames of different questions can be compared and joined: their categories are alike."""
    frame = frames.frame({"state": frames.NAME}, rows)
    assert frame["state"].cat.categories.dtype == "str"


def test_values_come_out_as_they_went_in():
    """Each dtype gives back its value, to the microsecond and the last digit."""
    columns = {str(number): dtype for number, dtype in enumerate(FILLED)}
    row = frames.frame(columns, [tuple(FILLED.values())]).iloc[0]
    assert list(row) == [
        pd.Timestamp("2023-11-14T22:13:20.123456Z"),
        pd.Timedelta("1.8s"),
        "Paying",
        "text",
        7,
        2**53 + 1,
        1.5,
        True,
        {"a": [1]},
    ]


@pytest.mark.parametrize("value", ["soon", b"\x00", 2**63, -(2**63), 1.5, True])
@pytest.mark.parametrize("dtype", [frames.TIME, frames.DURATION, frames.OPTIONAL_ID])
def test_what_is_no_whole_number_is_missing(dtype, value):
    """Texts, bytes, fractions and numbers beyond 64 bits are shown as missing."""
    frame = frames.frame({"a": dtype}, [(value,), (5,)])
    assert frame["a"].isna().tolist() == [True, False]


@pytest.mark.parametrize("dtype", [frames.NAME, frames.TEXT])
def test_bytes_and_numbers_among_texts_are_shown_as_python_writes_them(dtype):
    """A damaged row's name is visible, and the others are as they were."""
    frame = frames.frame({"a": dtype}, [("x",), (b"\xff",), (7,)])
    assert frame["a"].tolist() == ["x", "b'\\xff'", "7"]


@pytest.mark.parametrize("dtype", [frames.NAME, frames.TEXT])
def test_lone_surrogates_are_spelt_out(dtype):
    """Text that is no Unicode has a place in a frame, whatever holds pandas' texts."""
    frame = frames.frame({"a": dtype}, [("x\ud800",), (None,), ("y",)])
    assert frame["a"].dropna().tolist() == ["x\\ud800", "y"]


def test_lists_stay_lists():
    """A column of objects is not taken for a table."""
    frame = frames.frame({"a": "object"}, [([1, 2],), ([3, 4],)])
    assert frame["a"].tolist() == [[1, 2], [3, 4]]


@given(st.integers(-(2**53), 2**53))
def test_microseconds_are_exact(number):
    """Times and durations come back from a frame as the same number of microseconds."""
    row = frames.frame({"t": frames.TIME, "d": frames.DURATION}, [(number, number)]).iloc[0]
    assert frames.microseconds(row["t"]) == number
    assert frames.microseconds_of(row["d"]) == number


@pytest.mark.parametrize("nothing", [None, pd.NaT])
def test_no_microseconds_in_a_missing_time(nothing):
    """What is missing stays missing."""
    assert frames.microseconds(nothing) is None
    assert frames.microseconds_of(nothing) is None


def test_microseconds_of_other_resolutions():
    """A timestamp in nanoseconds or seconds is the same moment."""
    moment = pd.Timestamp("2023-11-14T22:13:20Z")
    assert {frames.microseconds(moment.as_unit(unit)) for unit in ("s", "ms", "us", "ns")} == {
        1_700_000_000_000_000
    }


@pytest.mark.parametrize("value", ["a", "", "nan"])
def test_the_text_of_a_cell(value):
    """A cell gives its text, and None where pandas says it is missing."""
    frame = frames.frame({"a": frames.NAME}, [(value,), (None,)])
    assert [frames.cell_text(each) for each in frame["a"]] == [value, None]


def test_a_missing_number_is_no_text():
    """NaN and NA are nothing."""
    assert frames.cell_text(np.nan) is None
    assert frames.cell_text(pd.NA) is None

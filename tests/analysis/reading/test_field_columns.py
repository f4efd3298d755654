"""Columns for the fields of records: their dtypes, and that no value is lost."""

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.base import frames
from flexiflow.analysis.reading.field_columns import Fields


def with_fields(table, prefix, records):
    fields = Fields(prefix)
    fields.add(records)
    return fields.beside(table)


BASE = frames.frame({"id": frames.ID}, [(1,), (2,), (3,)])


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, None, 2**62], "Int64"),
        ([1, 2.5, None], "float64"),
        ([2**60, 2.5, None], "object"),
        ([2**64, 1, None], "object"),
        ([True, None, False], "boolean"),
        ([True, 1, None], "object"),
        (["a", None, "ü"], "str"),
        (["a", None, "\ud800"], "object"),
        ([{"a": 1}, [1], None], "object"),
        ([None, None, None], "object"),
        ([1, -(2**62), 2**63 - 1], "Int64"),
        ([1, -(2**63), 0], "object"),
        ([1, 2**63, 0], "object"),
        ([0.5, 1e300, -0.0], "float64"),
        ([True, False, True], "boolean"),
        (["a", "", "ü"], "str"),
        (["a", "\ud800", "ü"], "object"),
    ],
)
def test_fields_have_the_dtype_of_what_they_hold(values, dtype):
    """The rule of `Fields`, and no value is changed by it."""
    records = [{} if value is None else {"f": value} for value in values]
    records[0].setdefault("f", None)
    frame = with_fields(BASE, "metadata.", records)
    assert str(frame["metadata.f"].dtype) == dtype
    back = [
        None if each is None or each is pd.NA or each != each else each
        for each in frame["metadata.f"]
    ]
    assert back == values


def test_fields_stand_in_the_order_in_which_they_are_seen():
    """The first record's first, and a row without a field has none."""
    frame = with_fields(BASE, "metadata.", [{"b": 1, "a": 2}, {}, {"c": 3}])
    assert list(frame) == ["id", "metadata.b", "metadata.a", "metadata.c"]
    assert frame["metadata.c"].isna().tolist() == [True, True, False]


def test_no_fields_add_nothing():
    """Records that are all empty leave the frame as it is."""
    assert list(with_fields(BASE, "metadata.", [{}, {}, {}])) == ["id"]


VALUES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(allow_nan=False),
    st.text(st.characters(codec=None)),
    st.lists(st.integers()),
)


@given(st.lists(st.dictionaries(st.sampled_from("abc"), VALUES), min_size=3, max_size=3))
def test_exploding_loses_no_value(records):
    """Whatever mixture of values a field has, each row gives back its own."""
    frame = with_fields(BASE, "", records)
    for (at, record), key in itertools.product(enumerate(records), "abc"):
        if record.get(key) is not None:
            assert frame[key].iloc[at] == record[key]
        elif key in frame:
            assert frame[key].isna().iloc[at]


def lists_of(values):
    """Records whose fields have such values."""
    return st.lists(st.dictionaries(st.sampled_from("abc"), values), max_size=9)


OF_ONE_KIND = st.sampled_from(
    [st.booleans(), st.integers(-(2**63), 2**63), st.floats(), st.text(st.characters(codec=None))]
).flatmap(lists_of)


@given(lists_of(VALUES) | OF_ONE_KIND, st.integers(1, 4), st.integers(0, 9))
def test_records_in_pieces_are_those_at_once(records, size, first):
    """However they are cut, and whichever row is the first that is shown."""
    first = min(first, len(records))
    table = frames.frame({"id": frames.ID}, [(at,) for at in range(first, len(records))])
    whole, pieces, put_together = Fields(), Fields(), Fields()
    whole.add(records)
    for begin in range(0, len(records), size):
        pieces.add(records[begin : begin + size])
        block = Fields()
        block.add(records[begin : begin + size])
        put_together.extend(block)
    shown = pieces.beside(table, first)
    pd.testing.assert_frame_equal(shown, whole.beside(table, first))
    pd.testing.assert_frame_equal(shown, put_together.beside(table, first))
    assert list(shown)[1:] == list(
        dict.fromkeys(k for r in records for k in r if any(k in e for e in records[first:]))
    )

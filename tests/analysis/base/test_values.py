"""Recorded values: sameness, differences and how they are shown."""

import copy
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.base.values import MISSING, Change, differences, same, shown, value_at

LEAVES = (
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats(-2, 2) | st.text("ab", max_size=2)
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text("abc", max_size=2), inner, max_size=4)
    ),
    max_leaves=12,
)


def with_changes(value, changes):
    """A copy of a value, changed as the differences say; removals from the end first."""
    root = {"": copy.deepcopy(value)}
    for change in sorted(
        changes, key=lambda each: each.path[-1:] and repr(each.path), reverse=True
    ):
        path = ("", *change.path)
        parent = value_at(root, path[:-1])
        if change.new is MISSING:
            del parent[path[-1]]
    for change in changes:
        path = ("", *change.path)
        parent = value_at(root, path[:-1])
        if change.new is MISSING:
            continue
        if isinstance(parent, list) and path[-1] == len(parent):
            parent.append(change.new)
        else:
            parent[path[-1]] = change.new
    return root[""]


def plain(value) -> str:
    """A text that is the same for two values exactly where they are, but for the order of keys."""
    if isinstance(value, dict):
        return "{" + ",".join(sorted(f"{key!r}:{plain(each)}" for key, each in value.items())) + "}"
    if isinstance(value, list):
        return "[" + ",".join(map(plain, value)) + "]"
    return repr(0.0 if value.__class__ is float and value == 0 else value)


@given(VALUES, VALUES)
def test_same_is_equality_of_values_and_types(one, other):
    assert same(one, other) == (plain(one) == plain(other))


@given(VALUES, VALUES)
def test_differences_lead_from_one_to_the_other(one, other):
    """Applying them to the old value gives the new one."""
    assert plain(with_changes(one, list(differences(one, other)))) == plain(other)


@given(VALUES)
def test_a_value_does_not_differ_from_its_copy(value):
    assert list(differences(value, copy.deepcopy(value))) == []


@pytest.mark.parametrize(
    ("one", "other"), [(1, True), (1, 1.0), (0, False), ([1], [True]), ([1], (1,)), ("1", 1)]
)
def test_other_types_are_not_the_same(one, other):
    assert not same(one, other)


@pytest.mark.parametrize("value", [math.nan, Decimal("sNaN"), Decimal("NaN"), [math.nan]])
def test_what_does_not_equal_itself_is_the_same(value):
    assert same(value, copy.deepcopy(value))


def test_an_element_that_was_taken_out_makes_the_list_one_change():
    """By index nearly all would have changed, which nobody did."""
    assert list(differences([1, 2, 3], [2, 3])) == [Change((), [1, 2, 3], [2, 3])]


def test_what_is_added_at_the_end_is_added():
    assert list(differences([1], [1, 2])) == [Change((1,), MISSING, 2)]


def test_a_list_with_many_changes_is_one_change():
    old, new = [0] * 21, [1] * 21
    assert list(differences(old, new)) == [Change((), old, new)]


def nested(depth: int) -> list:
    value: list = []
    for _ in range(depth):
        value = [value]
    return value


def test_deep_values_are_compared():
    """A hundred thousand levels, which no recursion survives."""
    deep = nested(100_000)
    found = list(differences(deep, nested(100_000)))
    assert found == []
    unfold(deep)


def unfold(value: list) -> None:
    """Take a deep list apart; freeing it at once would overflow the stack of some builds."""
    while value:
        value = value.pop()


def test_a_deep_value_is_shown():
    assert shown(nested(100_000)) == "[[[[[[[[[…]]]]]]]]]"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("a" * 1_000_000, f"'{'a' * 20}…' (1,000,000 characters)"),
        (list(range(1000)), "[0, 1, 2, 3, 4, 5, 6… (993 more)]"),
        ({"a": [1]}, "{'a': [1]}"),
        ({}, "{}"),
        ((1,), "(1)"),
        ("a\n\u202e\x1b", r"'a\n\u202e\x1b'"),
        (1 << 5000, "<int of 5,001 bits>"),
        (MISSING, "nothing"),
        (math.nan, "nan"),
    ],
)
def test_shown(value, text):
    assert shown(value, 20) == text


@given(VALUES)
def test_a_short_value_is_shown_as_python_writes_it(value):
    assert shown(value, 10_000) == repr(value)


@given(VALUES, st.integers(1, 50))
def test_a_shown_value_is_bounded(value, longest):
    assert len(shown(value, longest)) <= longest + 100

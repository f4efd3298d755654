"""Variants: equal to a slow reference, and bounded in what they show."""

import itertools
from collections import defaultdict

import pytest
from histories import NOON, RANDOM_STEPS, SECOND, Written, random_history
from hypothesis import given, settings

from flexiflow.analysis.base import shapes
from flexiflow.errors import InvalidValue


@pytest.fixture
def written() -> Written:
    """Three components: two took one path, the third a longer one."""
    made = Written()
    for name, states in (("x", "AB"), ("y", "ABA"), ("z", "AB")):
        for at, state in enumerate(states):
            made.snapshot(name, state, NOON + at * SECOND)
    return made


@settings(max_examples=60)
@given(RANDOM_STEPS)
def test_paths_equal_a_reference(steps):
    """Each path with the components that took it, the most taken first."""
    history = random_history(steps).history
    expected = defaultdict(list)
    visits = history.visits().itertuples()
    for name, stays in itertools.groupby(visits, lambda stay: stay.component):
        expected[tuple(stay.state for stay in stays)].append(name)
    found = history.variants()
    names = [found.rows(place)["component"].tolist() for place in range(len(found.paths))]
    assert dict(zip(found.paths, names, strict=True)) == dict(expected)
    assert found.frame["components"].tolist() == sorted(map(len, names), reverse=True)


def test_columns_and_dtypes_of_none():
    """The documented columns, for no path."""
    assert dict(Written().history.variants().frame.dtypes.astype(str)) == dict(shapes.VARIANTS)


def test_columns_and_dtypes(written):
    """The documented columns, for paths and those who took them."""
    found = written.history.variants()
    assert dict(found.frame.dtypes.astype(str)) == dict(shapes.VARIANTS)
    assert dict(found.rows(0).dtypes.astype(str)) == dict(shapes.FOLLOWED)


def test_what_a_row_says(written):
    """The path, how many took it, and how long that took."""
    frame = written.history.variants().frame
    assert frame.drop(columns=["p50", "p95"]).values.tolist() == [
        ["A → B", 2, 2, 2 / 3, "x"],
        ["A → B → A", 3, 1, 1 / 3, "y"],
    ]
    assert frame["p95"].dt.total_seconds().tolist() == [1.0, 2.0]


def test_a_long_path_is_shown_in_part():
    """Its text is bounded and says what is left out; the path itself is whole."""
    written = Written()
    for at in range(1_000):
        written.snapshot("x", "AB"[at % 2], NOON + at)
    found = written.history.variants()
    (text,) = found.frame["path"]
    assert "→ … 976 more … →" in text
    assert found.paths == [("A", "B") * 500]


def test_it_reads_aloud(written):
    """The first paths, in words."""
    assert repr(written.history.variants()).splitlines() == [
        "2 variants.",
        "2 components (67%): A → B",
        "1 component (33%): A → B → A",
    ]


@pytest.mark.parametrize("place", [-1, 2, "x"])
def test_a_row_that_is_none(written, place):
    """The error says how many there are."""
    with pytest.raises(InvalidValue, match="There are 2"):
        written.history.variants().rows(place)

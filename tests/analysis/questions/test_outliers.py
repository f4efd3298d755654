"""outliers(): equal to a brute-force reference, and its edges."""

import statistics
from datetime import timedelta

import pytest
from histories import NOON, SECOND, Written
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.reading.visits import visits_of
from flexiflow.errors import InvalidValue

STAYS = st.lists(
    st.tuples(
        st.sampled_from("xyz"), st.sampled_from("AB"), st.integers(0, 60), st.integers(0, 60)
    ),
    max_size=25,
)


def run_of(stays) -> Written:
    """Each moves a component, after a pause and in a step that takes a while."""
    made = Written()
    made.machine("m", ("A", "B", "End"), final=("End",))
    now, time_us = {}, NOON
    for name, state, pause, took in stays:
        time_us += pause
        before = now.get(name, "A")
        made.step(name, "go", before, state, time_us, duration_us=took, snapshot=True)
        now[name] = state
    return made


def usual(timed, kind) -> tuple[int, int]:
    took = [each[1] for each in timed if each[0] == kind and not each[2]]
    return (statistics.median_low(took), len(took)) if took else (0, 0)


def reference(timed, factor, least) -> list[int]:
    """The slow way: how long each outlier took, the most time lost first."""
    found = []
    for kind, took, _ in timed:
        median, siblings = usual(timed, kind)
        if siblings >= least and took / max(median, 1) > factor:
            found.append((took - median, took))
    return [took for _, took in sorted(found, key=lambda each: -each[0])]


@settings(max_examples=40)
@given(STAYS, st.sampled_from([0.5, 1.0, 3.0]), st.integers(1, 4))
def test_outliers_of_stays_equal_a_reference(stays, factor, least):
    history = run_of(stays).history
    frame = history.outliers(factor=factor, min_siblings=least, min_took=0)
    timed = [((v.state, v.fingerprint), v.dwell_us, v.lasts) for v in visits_of(history.sources)]
    assert [frames.microseconds_of(each) for each in frame["took"]] == reference(
        timed, factor, least
    )
    assert dict(frame.dtypes.astype(str)) == dict(shapes.OUTLIERS)


@settings(max_examples=40)
@given(STAYS, st.sampled_from([0.5, 1.0, 3.0]), st.integers(1, 4))
def test_outliers_of_steps_equal_a_reference(stays, factor, least):
    history = run_of(stays).history
    frame = history.outliers("steps", factor=factor, min_siblings=least, min_took=0)
    timed = [
        ((row.message, row.from_state), frames.microseconds_of(row.duration), False)
        for row in history.steps().itertuples()
    ]
    assert [frames.microseconds_of(each) for each in frame["took"]] == reference(
        timed, factor, least
    )


def test_a_row():
    """A stay of ten seconds where one is usual, and it lasts."""
    made = Written()
    made.machine("m", ("A", "B"), final=("B",))
    for number in range(5):
        made.stays(f"other-{number}", [SECOND])
    made.snapshot("order", "A", NOON)
    made.step("other-0", "ping", "B", time_us=NOON + 10 * SECOND)
    (row,) = made.history.outliers().itertuples()
    assert (row.component, row.what, row.siblings, row.ratio, row.lasts) == (
        "order",
        "A",
        5,
        10,
        True,
    )
    assert (row.took, row.usual) == (timedelta(seconds=10), timedelta(seconds=1))


@pytest.mark.parametrize(
    ("least", "number"), [("10s", 1), ("10001ms", 0), (timedelta(seconds=9), 1)]
)
def test_what_took_less_is_none(least, number):
    made = Written()
    for each in range(5):
        made.stays(f"other-{each}", [SECOND])
    made.stays("order", [10 * SECOND])
    assert len(made.history.outliers(min_took=least).query("component == 'order'")) == number


@pytest.mark.parametrize("of", ["stay", None, 5])
def test_of_something_else(of):
    with pytest.raises(InvalidValue) as caught:
        Written().history.outliers(of)
    assert caught.value.fix


@pytest.mark.parametrize(
    "arguments", [{"factor": 0}, {"factor": "3"}, {"min_siblings": 0}, {"factor": float("nan")}]
)
def test_arguments_that_make_no_sense(arguments):
    with pytest.raises(InvalidValue) as caught:
        Written().history.outliers(**arguments)
    assert caught.value.fix

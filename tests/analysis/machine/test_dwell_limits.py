"""Limits on stays, as people write them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.machine.dwell_limits import DwellLimit, dwell_limit
from flexiflow.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Paying<5s", ("Paying", 5e6, False)),
        (" Paying <= 1.5 min ", ("Paying", 90e6, True)),
        ("a<b<2h", ("a<b", 7_200e6, False)),
        ("In Review<250ms", ("In Review", 250e3, False)),
        ("x<3us", ("x", 3.0, False)),
        ("x<3µs", ("x", 3.0, False)),
        ("x<1d", ("x", 86_400e6, False)),
    ],
)
def test_a_limit_is_read(text, expected):
    """The last < is the sign; a state may have others in its name."""
    limit = dwell_limit(text)
    assert (limit.state, limit.most_us, limit.inclusive) == expected


@pytest.mark.parametrize("text", ["", "5s", "<5s", "A>5s", "A<5", "A<s", "A<5parsecs", "A<-5s", 5])
def test_what_is_none_is_refused(text):
    """With an example of one."""
    with pytest.raises(InvalidValue, match="is not a limit on a stay") as caught:
        dwell_limit(text)
    assert "'Paying<5s'" in caught.value.fix


@given(st.integers(0, 10**15), st.integers(0, 10**15))
def test_the_sign_says_whether_the_end_is_included(dwell, most):
    """Otherwise both are the same."""
    assert DwellLimit("", "A", most).holds(dwell) == (dwell < most)
    assert DwellLimit("", "A", most, inclusive=True).holds(dwell) == (dwell <= most)

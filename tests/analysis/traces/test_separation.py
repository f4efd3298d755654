"""What tells bad traces from good ones."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import line, log_of, received

from flexiflow.analysis.base import shapes
from flexiflow.errors import InvalidType, InvalidValue, TraceNotFound


def log_with(folder, *data, failed=()):
    """A trace for each of these data; those at the places in `failed` fail."""
    records = []
    for at, each in enumerate(data):
        records.append(received(at, "s1", correlation_id=f"t{at}", data=each, component=f"o-{at}"))
        if at in failed:
            records.append(line("message.failed", at, correlation_id=f"t{at}", component=f"o-{at}"))
    return log_of(folder, *records)


def best(frame):
    return tuple(frame[["field", "test", "bad", "good"]].iloc[0])


def test_a_value(tmp_path):
    """The failed ones have it, the others have not."""
    data = [{"card": "visa"}, {"card": "amex"}, {"card": "visa"}, {"card": "amex"}]
    frame = log_with(tmp_path, *data, failed=(1, 3)).separate()
    assert best(frame) == ("go.card", "= 'amex'", 2, 0)
    assert frame["difference"].iloc[0] == 1.0
    assert dict(frame.dtypes.astype(str)) == shapes.SEPARATION


def test_a_limit(tmp_path):
    """Of numbers that are all different."""
    data = [{"total": {"net": each}} for each in (10, 20, 30, 500, 600, 700)]
    frame = log_with(tmp_path, *data, failed=(3, 4, 5)).separate()
    assert best(frame) == ("go.total.net", "> 30", 3, 0)


def test_a_field_that_is_there(tmp_path):
    """Or not."""
    data = [{"coupon": each} if each else {} for each in ("a", "b", None, None)]
    frame = log_with(tmp_path, *data, failed=(0, 1)).separate()
    assert best(frame) == ("go.coupon", "is there", 2, 0)


def test_what_says_how_it_ended_explains_nothing(tmp_path):
    """Neither the failure's own line, nor the names of single components."""
    frame = log_with(tmp_path, {}, {}, failed=(1,)).separate()
    assert len(frame) == 0


def test_of_those_that_are_named(tmp_path):
    """Whatever became of them."""
    data = [{"n": each} for each in (1, 2, 3, 4)]
    frame = log_with(tmp_path, *data).separate(bad=["t0", "t1"], good=["t3"], limit=1)
    assert best(frame) == ("go.n", "= 4", 0, 1)
    assert len(frame) == 1


@settings(max_examples=60)
@given(st.lists(st.tuples(st.integers(-3, 3), st.booleans()), min_size=2, max_size=12))
def test_the_best_limit_equals_a_reference(tmp_path_factory, given_):
    """Every limit tried, the slow way."""
    bad = [n for n, failed in given_ if failed]
    good = [n for n, failed in given_ if not failed]
    if not bad or not good:
        return
    folder = tmp_path_factory.mktemp("log")
    failed = [at for at, (_, each) in enumerate(given_) if each]
    frame = log_with(folder, *[{"n": n} for n, _ in given_], failed=failed).separate()
    tests = [lambda n, limit=limit: n > limit for limit in range(-4, 4)]
    tests += [lambda n, value=value: n == value for value in range(-3, 4)]
    expected = max(
        abs(sum(map(test, bad)) / len(bad) - sum(map(test, good)) / len(good)) for test in tests
    )
    assert frame["difference"].abs().max() == pytest.approx(expected) or (
        expected == 0 and frame.empty
    )


@pytest.mark.parametrize("asked", [{}, {"bad": []}, {"bad": ["t0"], "good": ["t0"]}])
def test_nothing_to_tell_apart(tmp_path, asked):
    """A ValueError that counts them."""
    with pytest.raises(InvalidValue, match="no bad and good traces"):
        log_with(tmp_path, {}, {}).separate(**asked)


def test_wrong_arguments(tmp_path):
    """In four parts."""
    log = log_with(tmp_path, {}, {})
    for wrong in (5, "t0", [5]):
        with pytest.raises(InvalidType):
            log.separate(bad=wrong)
    with pytest.raises(TraceNotFound, match="no record has that id"):
        log.separate(bad=["nobody"])

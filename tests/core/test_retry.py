"""Trying again."""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidType, InvalidValue
from flexiflow.retry import RetryConfig, retry_async
from flexiflow.state_machine import State

AT_ONCE = {"base_delay": 0.0}


class Flaky:
    """A call that fails a given number of times."""

    def __init__(self, failures, error=ValueError):
        self.failures = failures
        self.error = error
        self.calls = 0

    async def __call__(self, answer="done", *, loud=False):
        self.calls += 1
        if self.calls <= self.failures:
            raise self.error(f"failure {self.calls}")
        return answer.upper() if loud else answer


def retried(flaky, **settings):
    @retry_async(RetryConfig(**{**AT_ONCE, **settings}))
    async def call(*args, **kwargs):
        return await flaky(*args, **kwargs)

    return call


@pytest.fixture
def naps(monkeypatch):
    """Record the delays instead of waiting for them."""
    taken = []

    async def sleep(seconds):
        taken.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return taken


async def test_a_call_that_succeeds_is_made_once():
    """Nothing is repeated without need."""
    flaky = Flaky(0)
    assert await retried(flaky)() == "done"
    assert flaky.calls == 1


async def test_a_call_is_tried_until_it_succeeds():
    """Failures before the last attempt are not seen by the caller."""
    flaky = Flaky(2)
    assert await retried(flaky, max_attempts=3)() == "done"
    assert flaky.calls == 3


async def test_the_last_error_reaches_the_caller():
    """After the last attempt its own exception is raised."""
    flaky = Flaky(9)
    with pytest.raises(ValueError, match="failure 3"):
        await retried(flaky, max_attempts=3)()
    assert flaky.calls == 3


async def test_an_error_that_is_not_listed_is_raised_at_once():
    """Only exceptions in `retry_on` are worth another try."""
    flaky = Flaky(9, KeyError)
    with pytest.raises(KeyError):
        await retried(flaky, retry_on=(ValueError,))()
    assert flaky.calls == 1


async def test_a_subclass_of_a_listed_error_is_tried_again():
    """`retry_on` works as an except clause does."""
    flaky = Flaky(1, ConnectionResetError)
    assert await retried(flaky, retry_on=(OSError,))() == "done"


async def test_a_cancellation_is_never_tried_again():
    """A call that is cancelled stays cancelled."""
    flaky = Flaky(9, asyncio.CancelledError)
    with pytest.raises(asyncio.CancelledError):
        await retried(flaky)()
    assert flaky.calls == 1


async def test_arguments_and_answer_pass_through():
    """The decorated function is called as the original is."""
    assert await retried(Flaky(1))("yes", loud=True) == "YES"


async def test_each_call_has_its_own_attempts():
    """A call that used up its attempts leaves the next one all of its own."""
    flaky = Flaky(3)
    call = retried(flaky, max_attempts=2)
    with pytest.raises(ValueError, match="failure 2"):
        await call()
    assert await call() == "done"


async def test_a_decorated_function_keeps_its_name():
    """Tracebacks and traces show the function, not the wrapper."""

    @retry_async()
    async def pay():
        """Pays."""

    assert (pay.__name__, pay.__doc__) == ("pay", "Pays.")


async def test_the_delays_grow_up_to_the_limit(naps):
    """Each delay is `backoff` times the one before, and none is longer than `max_delay`."""
    settings = {"max_attempts": 5, "base_delay": 0.5, "backoff": 3.0, "max_delay": 10.0}
    with pytest.raises(ValueError, match="failure 5"):
        await retried(Flaky(9), **settings)()
    assert naps == [0.5, 1.5, 4.5, 10.0]


async def test_the_defaults_are_three_attempts_and_a_tenth_of_a_second(naps):
    """What 1.x documented."""
    flaky = Flaky(9)

    @retry_async()
    async def call():
        await flaky()

    with pytest.raises(ValueError, match="failure 3"):
        await call()
    assert naps == [0.1, 0.2]


@given(
    st.integers(1, 5_000),
    st.floats(0, 100),
    st.floats(0, 100),
    st.floats(1, 10) | st.integers(1, 10),
    st.floats(0, 1),
)
def test_a_delay_stays_between_nothing_and_the_limit_with_jitter(
    attempt, base, longest, backoff, jitter
):
    """However often it was tried, the delay can be slept."""
    config = RetryConfig(10_000, base, longest, backoff, jitter)
    assert 0 <= config.delay(attempt) <= longest * (1 + jitter) + 1e-9


def test_jitter_varies_the_delay():
    """Callers that failed together do not come back together."""
    config = RetryConfig(base_delay=1.0, jitter=0.5)
    assert len({config.delay(1) for _ in range(50)}) > 1


@pytest.mark.parametrize("attempts", [0, -1])
def test_less_than_one_attempt_is_refused(attempts):
    """The first call counts."""
    with pytest.raises(InvalidValue, match="max_attempts"):
        RetryConfig(max_attempts=attempts)


# -- inside a handler ---------------------------------------------------------------------


class Watcher:
    """An observer that notes what is called on behalf of whom."""

    def __init__(self):
        self.seen = []

    def registered(self, component):
        pass

    def received(self, step, message):
        pass

    def handler_started(self, span, component, handler, data=None):
        pass

    def handler_finished(self, span, component, handler, duration_us, data=None):
        self.seen.append(("finished", handler, span, data))

    def handler_failed(self, span, component, handler, duration_us, error, data=None):
        self.seen.append(("failed", handler, span, data))

    def commit(self, step, message, component):
        return None

    def settled(self, step):
        pass


def engine_with(flaky):
    class Paying(State):
        @on("pay")
        async def pay(self, message, component):
            await retried(flaky)()

    engine = FlexiFlowEngine()
    return engine, engine.add("order-1", Paying)


@pytest.mark.parametrize("wrong", [5, (ValueError, "x"), [OSError], int])
def test_what_is_no_exception_class_is_refused_at_once(wrong):
    """Else the handler's own error would be lost when it is raised."""
    with pytest.raises(InvalidType, match="retry_on must be exception classes"):
        RetryConfig(retry_on=wrong)


async def test_a_step_counts_the_tries_in_it():
    """The step says how often its most retried call was tried."""
    _, component = engine_with(Flaky(2))
    step = await component.send("pay")
    assert (step.outcome, step.tries) == ("stayed", 3)
    assert "after 3 tries" in repr(step)


async def test_a_step_without_a_retry_has_one_try():
    """A call that succeeds at once counts as one."""
    _, component = engine_with(Flaky(0))
    assert (await component.send("pay")).tries == 1


async def test_each_try_is_a_span_inside_the_handlers_span():
    """A trace shows the tries one by one, numbered, beneath what made them."""
    engine, component = engine_with(Flaky(1))
    engine._hooks.observer = watcher = Watcher()
    await component.send("pay")
    (first, second, handler) = watcher.seen
    assert (first[0], first[3]) == ("failed", {"attempt": 1, "max_attempts": 3})
    assert (second[0], second[3]) == ("finished", {"attempt": 2, "max_attempts": 3})
    assert first[1] == second[1] == "call"
    assert handler[1] == "Paying.pay"
    assert first[2].parent_id == second[2].parent_id == handler[2].span_id
    assert first[2].span_id != second[2].span_id

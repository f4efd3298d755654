"""The event bus."""

import asyncio
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.correlation import current_correlation_id
from flexiflow.errors import FlexiFlowError, InvalidType
from flexiflow.event_manager import AsyncEventManager, SubscriptionHandle


@pytest.fixture
def bus():
    return AsyncEventManager()


@pytest.fixture
def seen():
    return []


async def fail(data):
    raise ValueError("no")


# -- subscribing --------------------------------------------------------------------------


async def test_a_subscriber_gets_the_data_as_it_is(bus, seen):
    """The object that is published is the object that arrives."""
    data = {"total": 5}
    await bus.subscribe("paid", "order", seen.append)
    await bus.publish("paid", data)
    assert seen[0] is data


async def test_an_event_without_data_delivers_none(bus, seen):
    """Data is optional."""
    await bus.subscribe("paid", "order", seen.append)
    await bus.publish("paid")
    assert seen == [None]


async def test_a_plain_and_an_async_handler_both_run(bus, seen):
    """A handler may be either; an async one has ended when publish returns."""

    async def later(data):
        await asyncio.sleep(0)
        seen.append("async")

    await bus.subscribe("paid", "a", later)
    await bus.subscribe("paid", "b", lambda data: seen.append("plain"))
    await bus.publish("paid")
    assert seen == ["async", "plain"]


async def test_other_events_are_not_delivered(bus, seen):
    """A subscription is for one event name."""
    await bus.subscribe("paid", "order", seen.append)
    await bus.publish("sent", 1)
    assert seen == []


async def test_a_handle_names_its_event_and_is_unique(bus):
    """`subscribe` returns a handle that can be told from every other."""
    first = await bus.subscribe("paid", "order", fail)
    second = await bus.subscribe("paid", "order", fail)
    assert isinstance(first, SubscriptionHandle)
    assert first.event_name == "paid"
    assert first.subscription_id != second.subscription_id


@pytest.mark.parametrize("priority", [0, 6, -1, 2.5, "1", None, True])
async def test_a_priority_outside_one_to_five_is_refused(bus, priority):
    """It is a ValueError and one of ours, with all four parts."""
    with pytest.raises(ValueError, match="priority must be") as caught:
        await bus.subscribe("paid", "order", fail, priority=priority)
    assert isinstance(caught.value, FlexiFlowError)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items
    assert not bus.has_subscribers("paid")


async def test_a_handler_that_can_not_be_called_is_refused(bus):
    """The mistake shows where it is made, not at the first event."""
    with pytest.raises(InvalidType, match="can't be called"):
        await bus.subscribe("paid", "order", "handler")


@given(st.lists(st.integers(1, 5), max_size=20))
def test_delivery_follows_priority_and_then_the_order_of_subscription(priorities):
    """For any priorities the lower comes first, and equals come as they were subscribed."""
    seen = []

    async def run():
        bus = AsyncEventManager()
        for position, priority in enumerate(priorities):
            entry = (priority, position)
            await bus.subscribe("e", "c", lambda _, entry=entry: seen.append(entry), priority)
        await bus.publish("e")

    asyncio.run(run())
    assert seen == sorted((priority, at) for at, priority in enumerate(priorities))


async def test_without_a_priority_it_is_three(bus, seen):
    """The default stands in the middle."""
    await bus.subscribe("e", "c", lambda _: seen.append("four"), 4)
    await bus.subscribe("e", "c", lambda _: seen.append("default"))
    await bus.subscribe("e", "c", lambda _: seen.append("two"), 2)
    await bus.publish("e")
    assert seen == ["two", "default", "four"]


# -- filters ------------------------------------------------------------------------------


async def test_a_filter_decides_by_name_and_data(bus, seen):
    """False leaves the event out."""
    asked = []

    def only_large(event_name, data):
        asked.append((event_name, data))
        return data > 10

    await bus.subscribe("paid", "order", seen.append, filter_fn=only_large)
    await bus.publish("paid", 5)
    await bus.publish("paid", 50)
    assert seen == [50]
    assert asked == [("paid", 5), ("paid", 50)]


async def test_a_filter_that_fails_counts_as_its_handlers_failure(bus, seen):
    """The failure is reported and the others get the event."""

    def broken(event_name, data):
        raise KeyError("x")

    failures = []
    await bus.subscribe("event.handler.failed", "watch", failures.append)
    await bus.subscribe("paid", "broken", seen.append, filter_fn=broken)
    await bus.subscribe("paid", "fine", seen.append)
    await bus.publish("paid", 1)
    assert seen == [1]
    assert failures[0]["component_name"] == "broken"


# -- unsubscribing ------------------------------------------------------------------------


async def test_unsubscribing_is_idempotent(bus, seen):
    """The first time it is True, then False, and nothing is delivered."""
    handle = await bus.subscribe("paid", "order", seen.append)
    assert bus.unsubscribe(handle) is True
    assert bus.unsubscribe(handle) is False
    await bus.publish("paid")
    assert seen == []
    assert not bus.has_subscribers("paid")


async def test_unsubscribing_one_leaves_the_others(bus, seen):
    """Only the handle's own subscription goes."""
    handle = await bus.subscribe("paid", "order", lambda _: seen.append("gone"))
    await bus.subscribe("paid", "order", lambda _: seen.append("stays"))
    bus.unsubscribe(handle)
    await bus.publish("paid")
    assert seen == ["stays"]


async def test_a_component_can_be_unsubscribed_from_everything(bus, seen):
    """All of its subscriptions go, they are counted, and other components keep theirs."""
    await bus.subscribe("paid", "order", seen.append)
    await bus.subscribe("sent", "order", seen.append)
    await bus.subscribe("sent", "other", seen.append)
    assert bus.unsubscribe_all("order") == 2
    assert bus.unsubscribe_all("order") == 0
    await bus.publish("paid", 1)
    await bus.publish("sent", 2)
    assert seen == [2]


async def test_a_handler_may_unsubscribe_itself(bus, seen):
    """Subscriptions may change while an event is delivered; the others still get it."""
    handles = []

    def once(data):
        seen.append("once")
        bus.unsubscribe(handles[0])

    handles.append(await bus.subscribe("e", "c", once))
    await bus.subscribe("e", "c", lambda _: seen.append("always"))
    await bus.publish("e")
    await bus.publish("e")
    assert seen == ["once", "always", "always"]


# -- errors -------------------------------------------------------------------------------


@pytest.mark.parametrize("delivery", ["sequential", "concurrent"])
async def test_a_failure_does_not_stop_the_others(bus, seen, delivery):
    """By default the publisher and the other subscribers do not notice it."""
    await bus.subscribe("e", "a", fail, priority=1)
    await bus.subscribe("e", "b", seen.append)
    await bus.publish("e", 1, delivery=delivery)
    assert seen == [1]


@pytest.mark.parametrize("delivery", ["sequential", "concurrent"])
async def test_a_failure_is_published(bus, seen, delivery):
    """The event says which handler failed, with the exception as its repr."""
    await bus.subscribe("event.handler.failed", "watch", seen.append)
    await bus.subscribe("e", "order", fail)
    await bus.publish("e", delivery=delivery)
    assert seen == [{"event_name": "e", "component_name": "order", "exception": "ValueError('no')"}]


async def test_a_failing_watcher_of_failures_is_not_told_of_itself(bus, seen):
    """Reporting failures never goes round in circles, and the other watchers are told."""
    calls = []

    async def watch_badly(data):
        calls.append(data)
        raise RuntimeError("again")

    await bus.subscribe("event.handler.failed", "bad", watch_badly, priority=1)
    await bus.subscribe("event.handler.failed", "good", seen.append)
    await bus.subscribe("e", "order", fail)
    await bus.publish("e")
    assert len(calls) == len(seen) == 1


async def test_raise_stops_sequential_delivery_at_the_first_failure(bus, seen):
    """The error itself reaches the publisher, what comes later is not delivered."""
    await bus.subscribe("event.handler.failed", "watch", seen.append)
    await bus.subscribe("e", "a", fail, priority=1)
    await bus.subscribe("e", "b", seen.append)
    with pytest.raises(ValueError, match="no"):
        await bus.publish("e", 1, on_error="raise")
    assert seen == []


async def test_raise_lets_concurrent_delivery_end_first(bus, seen):
    """The others finish, then the first error by priority is raised."""

    async def slow(data):
        for _ in range(5):
            await asyncio.sleep(0)
        seen.append(data)

    async def fail_later(data):
        await asyncio.sleep(0)
        raise KeyError("later in time, first by priority")

    await bus.subscribe("e", "b", fail, priority=2)
    await bus.subscribe("e", "a", fail_later, priority=1)
    await bus.subscribe("e", "c", slow, priority=3)
    with pytest.raises(KeyError):
        await bus.publish("e", 1, delivery="concurrent", on_error="raise")
    assert seen == [1]


async def test_concurrent_handlers_run_side_by_side(bus):
    """Two handlers that wait for each other both end."""
    first, second = asyncio.Event(), asyncio.Event()

    async def one(data):
        first.set()
        await second.wait()

    async def two(data):
        second.set()
        await first.wait()

    await bus.subscribe("e", "c", one)
    await bus.subscribe("e", "c", two)
    async with asyncio.timeout(5):
        await bus.publish("e", delivery="concurrent")


async def test_a_cancellation_in_a_handler_reaches_the_publisher(bus, seen):
    """A cancellation is no failure to be reported and passed over."""

    async def cancelled(data):
        raise asyncio.CancelledError

    await bus.subscribe("e", "a", cancelled, priority=1)
    await bus.subscribe("e", "b", seen.append)
    with pytest.raises(asyncio.CancelledError):
        await bus.publish("e")
    assert seen == []


@pytest.mark.parametrize("arguments", [{"delivery": "later"}, {"on_error": "ignore"}])
async def test_an_unknown_way_of_publishing_is_refused(bus, arguments):
    """A typo says so, also where nobody listens."""
    with pytest.raises(ValueError, match=r"must be one of") as caught:
        await bus.publish("e", **arguments)
    assert isinstance(caught.value, FlexiFlowError)


async def test_a_failure_is_logged_in_one_line(caplog):
    """The logger names the subscriber, the event and the error; line breaks are escaped."""

    def fail_in_lines(data):
        raise ValueError("one\ntwo")

    bus = AsyncEventManager(logging.getLogger("bus under test"))
    await bus.subscribe("paid", "order", fail_in_lines)
    await bus.publish("paid")
    (record,) = caplog.records
    assert record.levelno == logging.WARNING
    assert record.getMessage() == r"order: handler of paid failed: ValueError('one\ntwo')"


async def test_a_name_can_not_forge_a_line(caplog):
    """What can't be printed is spelt out, and a long name cut."""
    bus = AsyncEventManager(logging.getLogger("bus under test"))
    await bus.subscribe("paid\nERROR", "order\nERROR" + "x" * 1_000_000, fail)
    await bus.publish("paid\nERROR")
    text = caplog.records[0].getMessage()
    assert text.startswith(r"order\nERRORxxx")
    assert text.endswith(r": handler of paid\nERROR failed: ValueError('no')")
    assert len(text) < 300


async def test_subscribers_of_an_event_outside_every_trace_share_an_id():
    """What it causes belongs together; afterwards there is none."""
    bus, seen = AsyncEventManager(), []
    for _ in range(2):
        await bus.subscribe("e", "c", lambda _: seen.append(current_correlation_id()))
    await bus.publish("e")
    await bus.publish("e", delivery="concurrent")
    first, second = seen[0], seen[2]
    assert seen == [first, first, second, second]
    assert None not in seen
    assert first != second
    assert current_correlation_id() is None

"""Correlation ids: made, checked, inherited."""

import asyncio
import re
import subprocess
import sys
import textwrap
import threading
import types

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.correlation import (
    LONGEST_ID,
    Span,
    current_correlation_id,
    current_span,
    entry_ids,
    new_correlation_id,
    new_span_id,
    parse_traceparent,
    set_correlation_id,
)
from flexiflow.errors import FlexiFlowError, InvalidValue

TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"
PARENT = "00f067aa0ba902b7"
TRACEPARENT = f"00-{TRACE}-{PARENT}-01"

hex_digits = "0123456789abcdef"


def hex_ids(length):
    return st.text(hex_digits, min_size=length, max_size=length).filter(
        lambda text: set(text) != {"0"}
    )


# -- new ids ------------------------------------------------------------------------------


def test_new_ids_have_the_form_of_the_w3c():
    """A trace id has 32 lower-case hex digits, a span id 16."""
    for _ in range(2_000):
        assert re.fullmatch("[0-9a-f]{32}", new_correlation_id())
        assert re.fullmatch("[0-9a-f]{16}", new_span_id())


def test_new_ids_are_unique():
    """The pool never hands out the same digits twice, across many refills."""
    ids = [make() for _ in range(20_000) for make in (new_correlation_id, new_span_id)]
    assert len(set(ids)) == len(ids)
    assert len({each[:16] for each in ids}) == len(ids)


def test_new_ids_are_unique_among_threads():
    """Threads that draw from the pool at the same time never share an id."""
    drawn: list[list[str]] = []
    together = threading.Event()

    def draw() -> None:
        together.wait()
        drawn.append([new_correlation_id() for _ in range(5_000)])

    threads = [threading.Thread(target=draw) for _ in range(8)]
    for thread in threads:
        thread.start()  # before threads take turns so often: coverage traces one start at a time
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        together.set()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    ids = [each for own in drawn for each in own]
    assert len(set(ids)) == len(ids) == 40_000
    assert {len(each) for each in ids} == {32}


def test_a_forked_child_draws_ids_of_its_own():
    """Parent and child, which share a filled pool when they part, share no id afterwards."""
    code = """
        import os
        from flexiflow.correlation import new_correlation_id
        new_correlation_id()
        read, write = os.pipe()
        if os.fork() == 0:
            os.write(write, " ".join(new_correlation_id() for _ in range(100)).encode())
            os._exit(0)
        os.wait()
        print(os.read(read, 10_000).decode())
        print(" ".join(new_correlation_id() for _ in range(100)))
    """
    output = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=True
    ).stdout
    child, parent = (set(line.split()) for line in output.splitlines())
    assert len(child) == len(parent) == 100
    assert child.isdisjoint(parent)


# -- the current id -----------------------------------------------------------------------


def in_a_new_context(call, *arguments):
    """Run a call as a task of its own would."""

    async def run():
        return call(*arguments)

    return asyncio.run(run())


def test_there_is_no_id_outside_every_message():
    """Code that nothing caused belongs to no message."""
    assert current_correlation_id() is None


def test_a_new_id_is_set_and_returned():
    """Without a value a new id is made."""

    def run():
        made = set_correlation_id()
        assert current_correlation_id() == made
        return made

    assert re.fullmatch("[0-9a-f]{32}", in_a_new_context(run))


@given(st.text(min_size=1, max_size=LONGEST_ID).filter(str.isprintable))
def test_any_printable_string_is_kept_as_it_is(value):
    """An id that comes from elsewhere is not changed."""

    def run():
        assert set_correlation_id(value) == value
        return current_correlation_id()

    assert in_a_new_context(run) == value


@pytest.mark.parametrize("value", ["", "a\nb", "a\x00", "x" * (LONGEST_ID + 1), 5, b"abc", ["a"]])
def test_anything_else_is_a_value_error(value):
    """An id is a printable string of at most 128 characters."""
    with pytest.raises(ValueError, match="Invalid correlation id") as caught:
        set_correlation_id(value)
    error = caught.value
    assert isinstance(error, FlexiFlowError)
    assert error.why
    assert ("str()" in error.fix) == (not isinstance(value, str))
    assert error.context_items


async def test_an_id_is_inherited_by_tasks_and_threads():
    """What a message causes belongs to it, wherever it runs."""
    set_correlation_id("order-1042")

    async def ask():
        return current_correlation_id()

    found = [
        await asyncio.create_task(ask()),
        *await asyncio.gather(ask(), ask()),
        await asyncio.to_thread(current_correlation_id),
    ]
    assert found == ["order-1042"] * 4


async def test_two_hundred_concurrent_contexts_never_share():
    """An id that is set in one task is seen in that task alone."""

    async def work(number):
        mine = set_correlation_id() if number % 2 else set_correlation_id(f"id-{number}")
        for _ in range(number % 7):
            await asyncio.sleep(0)
            assert current_correlation_id() == mine
        assert await asyncio.to_thread(current_correlation_id) == mine
        return mine

    ids = await asyncio.gather(*(work(number) for number in range(200)))
    assert len(set(ids)) == 200
    assert current_correlation_id() is None


async def test_setting_an_id_inside_a_turn_keeps_the_turn():
    """A handler that sets an id is still recognised by what it sends to."""
    turn = object()
    current_span.set(Span("outer", "s", None, turn))
    set_correlation_id("inner")
    assert current_span.get().turn is turn


# -- traceparent --------------------------------------------------------------------------


@given(hex_ids(32), hex_ids(16), st.text(hex_digits, min_size=2, max_size=2))
def test_a_traceparent_holds_the_trace_and_its_parent(trace, parent, flags):
    """The two ids of a well-formed header are returned."""
    assert parse_traceparent(f"00-{trace}-{parent}-{flags}") == (trace, parent)


@pytest.mark.parametrize(
    "header",
    [
        "",
        "nonsense",
        TRACEPARENT.upper(),
        TRACEPARENT[:-1],
        TRACEPARENT + "0",
        TRACEPARENT + "\n",
        f"ff-{TRACE}-{PARENT}-01",
        f"00-{'0' * 32}-{PARENT}-01",
        f"00-{TRACE}-{'0' * 16}-01",
        f"00-{TRACE}-01",
        None,
        5,
    ],
)
def test_a_malformed_traceparent_is_a_value_error(header):
    """The W3C forbids other lengths, upper case, version ff and ids of zeros."""
    with pytest.raises(ValueError, match="Invalid traceparent") as caught:
        parse_traceparent(header)
    assert isinstance(caught.value, FlexiFlowError)


# -- a message that enters ----------------------------------------------------------------


@pytest.fixture
def opentelemetry(monkeypatch):
    """An active OpenTelemetry span, as a program that uses it would have."""
    context = types.SimpleNamespace(is_valid=True, trace_id=0xABC, span_id=0xDEF)
    span = types.SimpleNamespace(get_span_context=lambda: context)
    api = types.SimpleNamespace(get_current_span=lambda: span)
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", api)
    return context


SENDER = Span("from-sender", "sender-span")


@pytest.mark.parametrize(
    ("message", "sender", "expected"),
    [
        (
            {"correlation_id": "mine", "traceparent": TRACEPARENT},
            SENDER,
            ("mine", "sender-span"),
        ),
        ({"correlation_id": "mine"}, None, ("mine", None)),
        ({"traceparent": TRACEPARENT}, SENDER, (TRACE, PARENT)),
        ({}, SENDER, ("from-sender", "sender-span")),
        ({}, None, (f"{0xABC:032x}", f"{0xDEF:016x}")),
    ],
)
def test_the_first_source_of_an_id_wins(opentelemetry, message, sender, expected):
    """Argument, traceparent, the sender's context, OpenTelemetry: in this order."""
    assert entry_ids(message, sender) == expected


def test_without_any_source_a_new_id_is_made():
    """A message that nothing caused begins a trace."""
    correlation_id, parent = entry_ids({}, None)
    assert re.fullmatch("[0-9a-f]{32}", correlation_id)
    assert parent is None


def test_an_invalid_span_of_opentelemetry_is_no_source(opentelemetry):
    """OpenTelemetry's span outside every span does not count."""
    opentelemetry.is_valid = False
    assert entry_ids({}, None)[0] != f"{0xABC:032x}"


@pytest.mark.parametrize("message", [{"correlation_id": 5}, {"traceparent": "nonsense"}])
def test_a_wrong_id_in_a_message_is_refused(message):
    """A source that is there but wrong is not passed over."""
    with pytest.raises(InvalidValue):
        entry_ids(message, SENDER)


@pytest.mark.parametrize("message", [{"correlation_id": None}, {"traceparent": None}])
def test_none_is_no_id(message):
    """As where the key is absent: a caller passes on what it may not have."""
    assert len(entry_ids(message, None)[0]) == 32

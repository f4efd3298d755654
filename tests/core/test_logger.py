"""The text logger."""

import asyncio
import io
import itertools
import logging

import pytest

from flexiflow import correlation, logger
from flexiflow.logger import CorrelationIdFilter, get_logger, set_correlation_id

_numbers = itertools.count()


@pytest.fixture
def name():
    """The name of a logger that nobody has used."""
    name = f"logger_for_a_test_{next(_numbers)}"
    yield name
    logging.getLogger(name).handlers.clear()


@pytest.fixture
def written(name):
    """A logger, and the stream that its handler writes to."""
    log = get_logger(name)
    stream = io.StringIO()
    log.handlers[0].setStream(stream)
    return log, stream


def test_the_promised_path_offers_the_same_function():
    """`logger.set_correlation_id` is the one of `correlation`."""
    assert logger.set_correlation_id is correlation.set_correlation_id


async def test_a_line_carries_the_correlation_id(written):
    """Each line says which message it belongs to."""
    log, stream = written
    set_correlation_id("order-1042")
    log.info("paid %s", 5)
    assert "cid=order-1042 paid 5" in stream.getvalue()


async def test_a_line_outside_every_message_says_so(written):
    """A dash stands where there is no id."""
    log, stream = written
    log.info("hello")
    assert "cid=- hello" in stream.getvalue()


async def test_concurrent_tasks_log_their_own_ids(written):
    """A task's lines carry the id that was set in it."""
    log, stream = written

    async def work(number):
        set_correlation_id(f"id-{number}")
        await asyncio.sleep(0)
        log.info("from %s", number)

    await asyncio.gather(*(work(number) for number in range(20)))
    lines = stream.getvalue().splitlines()
    assert len(lines) == 20
    for line in lines:
        number = line.rpartition(" ")[2]
        assert f"cid=id-{number} " in line


def test_asking_again_adds_no_handler(name):
    """A logger has one handler however often it is asked for."""
    first = get_logger(name)
    assert get_logger(name) is first
    assert len(first.handlers) == 1


def test_a_logger_that_has_a_handler_gets_no_second_one(name):
    """Handlers of the application are left alone."""
    own = logging.NullHandler()
    logging.getLogger(name).addHandler(own)
    assert get_logger(name).handlers == [own]


@pytest.mark.parametrize(
    ("level", "expected"), [(logging.DEBUG, logging.DEBUG), ("WARNING", logging.WARNING)]
)
def test_the_level_is_a_number_or_a_name(name, level, expected):
    """Either is set, and again on every call."""
    get_logger(name)
    assert get_logger(name, level).level == expected


def test_the_defaults_are_the_flexiflow_logger_at_info():
    """Without arguments it is the library's own logger."""
    before = logging.getLogger("flexiflow")
    handlers, level = list(before.handlers), before.level
    try:
        log = get_logger()
        assert (log.name, log.level) == ("flexiflow", logging.INFO)
    finally:
        before.handlers[:] = handlers
        before.setLevel(level)


def test_the_filter_lets_every_record_pass():
    """It adds the id and hides nothing."""
    record = logging.LogRecord("x", logging.INFO, "f", 1, "text", (), None)
    assert CorrelationIdFilter().filter(record) is True
    assert record.correlation_id == "-"

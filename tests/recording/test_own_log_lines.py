"""An application's own lines, by logging and by structlog, stand in the trace."""

import logging

import pytest
import structlog

from flexiflow import FlexiFlowEngine, State, on, open_log, record
from flexiflow.correlation import Span, current_span
from flexiflow.logger import CorrelationIdFilter, add_correlation_id


@pytest.fixture
def structlog_file(tmp_path):
    """A structlog logger that writes JSON lines to a file, without settings for the process."""
    with (tmp_path / "app.jsonl").open("w") as file:
        processors = [
            add_correlation_id,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(),
        ]
        yield structlog.wrap_logger(structlog.WriteLogger(file), processors=processors)


@pytest.fixture
def logging_file(tmp_path):
    """A logger that writes text lines with the id to a file."""
    handler = logging.FileHandler(tmp_path / "app.log")
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s cid=%(correlation_id)s %(message)s")
    )
    handler.addFilter(CorrelationIdFilter())
    logger = logging.Logger("shop")
    logger.addHandler(handler)
    yield logger
    handler.close()


async def test_own_lines_are_part_of_the_trace(tmp_path, structlog_file, logging_file):
    """structlog's in the very span they were written in."""

    class Draft(State):
        @on("submit", to="Draft")
        async def submit(self, message, component):
            structlog_file.info("price quoted", amount=12)
            logging_file.warning("stock is low")

    engine = FlexiFlowEngine()
    order = engine.add("order-1", Draft)
    async with record(engine, log=tmp_path / "run.jsonl"):
        step = await order.send("submit")
    trace = open_log([tmp_path / name for name in ("run.jsonl", "app.jsonl", "app.log")]).trace(
        step.correlation_id
    )
    own = trace.records().set_index("event")
    assert own.loc["price quoted", "data"] == {"amount": 12}
    assert own.loc["log.line", "data"] == {"logger": "shop", "message": "stock is low"}
    (handler,) = [node for _, node in trace.tree().walk() if node.kind == "handler"]
    assert own.loc["price quoted", "span_id"] == handler.span_id
    assert "price quoted" in [each.event for each in handler.records]


def test_values_that_are_there_stay():
    """The application knows better."""
    token = current_span.set(Span("abc", "s1"))
    try:
        assert add_correlation_id(None, "info", {"correlation_id": "own"}) == {
            "correlation_id": "own",
            "span_id": "s1",
        }
    finally:
        current_span.reset(token)


def test_outside_a_message_nothing_is_added():
    """No id is no id."""
    assert add_correlation_id(None, "info", {"event": "x"}) == {"event": "x"}

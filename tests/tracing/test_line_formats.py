"""Lines of other people, and text lines, as records."""

import json
import logging
import time

import pytest

from flexiflow.errors import InvalidType, InvalidValue
from flexiflow.logger import CorrelationIdFilter
from flexiflow.tracing.line_formats import LINE_EVENT, BrokenLine, LineFormat
from flexiflow.tracing.records import ErrorRecord, LogRecord, encode_record


def parse(line, fields=None):
    raw = line if isinstance(line, bytes) else json.dumps(line).encode()
    return LineFormat(fields).parse(raw, "run.log", 7)


@pytest.fixture
def at_utc(monkeypatch):
    """Local time is UTC."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


# -- other people's JSON ------------------------------------------------------------------------


def test_a_structlog_line_is_read_as_it_is():
    """Its usual names are known; what has no place of its own is data."""
    line = {
        "event": "card charged",
        "level": "info",
        "timestamp": "2026-01-31T12:00:00.5Z",
        "correlation_id": "abc",
        "amount": 3,
    }
    assert parse(line) == LogRecord(
        "2026-01-31T12:00:00.5Z", "INFO", "card charged", "abc", data={"amount": 3}
    )


def test_fields_say_where_things_stand():
    """Also inside objects; what is named wins over what is usual."""
    line = {
        "when": 1_700_000_000,
        "time": "no",
        "trace": {"id": 17},
        "svc": "pay",
        "error.type": "x",
    }
    fields = {"ts": "when", "correlation_id": "trace.id", "component": "svc"}
    assert parse(line, fields) == LogRecord(
        "2023-11-14T22:13:20.000000Z",
        "INFO",
        LINE_EVENT,
        "17",
        component="pay",
        data={"time": "no", "trace": {"id": 17}, "error.type": "x"},
    )


@pytest.mark.parametrize(
    "value",
    [
        1_700_000_000,
        1_700_000_000_000,
        1.7e15,
        1_700_000_000 * 10**9,
        "1700000000",
        "1700000000.000",
    ],
)
def test_times_since_1970(value):
    """In seconds, milliseconds, microseconds or nanoseconds; as digits in quotes, too."""
    found = parse({"t": value, "msg": "x"}, {"ts": "t"})
    assert found.ts == "2023-11-14T22:13:20.000000Z"


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ({"type": "E", "message": "bad"}, ErrorRecord("E", "bad")),
        ({"kind": 3}, ErrorRecord("Error", "")),
        ("Traceback …\n  File …\nValueError: bad", ErrorRecord("ValueError", "bad")),
        ("bad", ErrorRecord("Error", "bad")),
        ("", None),
        (5, None),
    ],
)
def test_errors(given, error):
    """As an object, or as the text of a traceback."""
    assert parse({"time": "2026-01-31", "msg": "x", "error": given}).error == error


def test_numbers_that_are_none():
    """Are left out."""
    line = {"time": "2026-01-31", "msg": "x", "duration_us": "long", "step_id": 4}
    assert (parse(line).duration_us, parse(line).step_id) == (None, 4)


@pytest.mark.parametrize(
    "line",
    [
        {"msg": "no time"},
        {"time": "2026-01-31"},
        {"time": True, "msg": "x"},
        {"time": 1e30, "msg": "x"},
        {"ts": "2026-01-31", "event": "x"},
        [1],
        b'{"time": "2026',
        b"plain text",
        b"\xff\xfe",
    ],
)
def test_what_is_no_record(line):
    """Is broken, with its place; a line of ours with a field lost is not taken for another's."""
    found = parse(line)
    assert isinstance(found, BrokenLine)
    assert (found.path, found.offset) == ("run.log", 7)
    assert found.why


def test_our_lines_are_read_beside_others():
    """Whatever the fields are."""
    record = LogRecord("2026-01-31T12:00:00Z", "INFO", "state.changed", "abc", "s1", data={"a": 1})
    assert parse(encode_record(record), {"ts": "when"}) == record


@pytest.mark.parametrize("fields", [5, ["ts"], {"ts": 3}, {3: "ts"}])
def test_what_is_no_mapping(fields):
    """A TypeError in four parts."""
    with pytest.raises(InvalidType, match="fields must say"):
        LineFormat(fields)


def test_a_field_that_no_record_has():
    """A ValueError that lists those it has."""
    with pytest.raises(InvalidValue, match="no field 'trace_id'") as caught:
        LineFormat({"trace_id": "correlation_id"})
    assert "correlation_id, span_id" in caught.value.why


# -- text lines -----------------------------------------------------------------------------------


@pytest.mark.usefixtures("at_utc")
def test_a_classic_line():
    """As `get_logger` writes it."""
    line = b"2026-01-31 12:00:00,123 WARNING shop.pay cid=abc card cid=no declined\n"
    assert parse(line) == LogRecord(
        "2026-01-31T12:00:00.123000Z",
        "WARNING",
        LINE_EVENT,
        "abc",
        data={"logger": "shop.pay", "message": "card cid=no declined"},
    )


@pytest.mark.parametrize(
    ("line", "correlation_id", "message"),
    [
        (b"cid=abc", "abc", ""),
        (b"INFO cid=- started", None, "started"),
        (b"2026-01-31T12:00:00Z [WARN] x cid=abc hello", "abc", "hello"),
        ("cid=ü hello".encode(), "ü", "hello"),
    ],
)
def test_other_lines_with_an_id(line, correlation_id, message):
    """Whatever stands before it."""
    found = parse(line)
    assert (found.correlation_id, found.data["message"]) == (correlation_id, message)
    assert found.level in ("INFO", "WARNING")


def test_what_the_filter_writes_is_read(tmp_path):
    """An application's own line, through logging."""
    path = tmp_path / "app.log"
    handler = logging.FileHandler(path)
    handler.setFormatter(
        logging.Formatter("%(asctime)s %(levelname)s %(name)s cid=%(correlation_id)s %(message)s")
    )
    handler.addFilter(CorrelationIdFilter())
    handler.handle(logging.LogRecord("shop", logging.ERROR, "x", 1, "oh no", None, None))
    handler.close()
    found = parse(path.read_bytes())
    assert (found.level, found.correlation_id) == ("ERROR", None)
    assert found.data == {"logger": "shop", "message": "oh no"}
    assert found.ts.endswith("Z")

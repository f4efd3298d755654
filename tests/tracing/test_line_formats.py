"""Lines of other people, and text lines, as records."""

import json
import logging
import time
from datetime import UTC, datetime

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow import open_log
from flexiflow.errors import InvalidType, InvalidValue
from flexiflow.logger import CorrelationIdFilter
from flexiflow.tracing.line_formats import LINE_EVENT, BrokenLine, LineFormat
from flexiflow.tracing.others import ALIASES
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


# -- what other tools write -------------------------------------------------------------------

TIME = "2026-01-31T12:00:00Z"
ID = "0af7651916cd43dd8448eb211c80319c"
ERROR = ErrorRecord("ValueError", "bad")
TRACEBACK = "Traceback (most recent call last):\n  File …\nValueError: bad"


@pytest.mark.parametrize(
    "line",
    [
        {"event": "x", "level": "error", "timestamp": TIME, "correlation_id": ID,
         "exception": [{"exc_type": "ValueError", "exc_value": "bad", "frames": []}]},
        {"ts": TIME, "level": "error", "event": "x", "trace_id": ID, "exception": TRACEBACK},
        {"message": "x", "levelname": "ERROR", "timestamp": TIME, "trace_id": ID,
         "exc_info": TRACEBACK},
        {"text": "…", "record": {"level": {"name": "ERROR", "no": 40}, "message": "x",
         "time": {"repr": "…", "timestamp": 1769860800.0}, "extra": {"correlation_id": ID},
         "exception": {"type": "ValueError", "value": "bad", "traceback": True}}},
        {"level": 50, "time": 1769860800000, "pid": 1, "reqId": ID, "msg": "x",
         "err": {"type": "ValueError", "message": "bad", "stack": "…"}},
        {"name": "app", "level": 50, "time": TIME, "req_id": ID, "msg": "x", "v": 0,
         "err": {"name": "ValueError", "message": "bad"}},
        {"@timestamp": TIME, "log.level": "ERROR", "message": "x", "trace.id": ID,
         "error.type": "ValueError", "error.message": "bad", "ecs.version": "1.6.0"},
        {"@timestamp": TIME, "log": {"level": "error"}, "message": "x", "trace": {"id": ID},
         "error": {"type": "ValueError", "message": "bad"}},
        {"severity": "ERROR", "time": TIME, "message": "x", "exception": TRACEBACK,
         "logging.googleapis.com/trace": f"projects/shop/traces/{ID}"},
        {"severity": "ERROR", "timestamp": TIME, "jsonPayload": {"message": "x"},
         "trace": f"projects/shop/traces/{ID}", "exception": TRACEBACK},
        {"level": "ERROR", "message": "x", "timestamp": TIME, "requestId": ID,
         "errorType": "ValueError", "errorMessage": "bad"},
        {"timeUnixNano": "1769860800000000000", "severityNumber": 17, "traceId": ID,
         "body": {"stringValue": "x"}, "exception.message": "bad",
         "exception.type": "ValueError"},
        {"@t": TIME, "@l": "Error", "@m": "x", "@tr": ID, "@x": "ValueError: bad\n  at Shop"},
        {"level": "fatal", "ts": 1769860800.0, "msg": "x", "trace_id": ID, "error": TRACEBACK},
        {"__REALTIME_TIMESTAMP": "1769860800000000", "PRIORITY": "3", "MESSAGE": "x",
         "trace_id": ID, "err": TRACEBACK},
        {"asctime": "2026-01-31 12:00:00,000", "levelno": 40, "message": "x", "cid": ID,
         "exc_info": TRACEBACK},
        f'time={TIME} level=err msg="x" trace_id={ID} err="ValueError: bad"'.encode(),
    ],
    ids=["structlog", "structlog-ts", "python-json-logger", "loguru", "pino", "bunyan",
         "ecs", "ecs-nested", "google-agent", "google-export", "lambda", "otlp",
         "serilog", "zap", "journald", "asctime", "logfmt"],
)  # fmt: skip
@pytest.mark.usefixtures("at_utc")
def test_what_other_tools_write_by_default(line):
    """Time, level, event, id and error are found without fields=."""
    found = parse(line)
    moment = datetime.fromisoformat(found.ts)
    assert moment == datetime(2026, 1, 31, 12, tzinfo=UTC)
    assert (found.event, found.correlation_id, found.error) == ("x", ID, ERROR)
    assert found.level in ("ERROR", "CRITICAL")


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ({"level": 10}, "DEBUG"),
        ({"level": 30}, "INFO"),
        ({"level": 60}, "CRITICAL"),
        ({"level": 4}, "WARNING"),
        ({"levelno": 30}, "WARNING"),
        ({"PRIORITY": "6"}, "INFO"),
        ({"severityNumber": 13}, "WARNING"),
        ({"level": "warn"}, "WARNING"),
        ({"level": "ERROR+2"}, "ERROR"),
        ({"level": "SUCCESS"}, "INFO"),
        ({"level": "shout"}, "SHOUT"),
        ({"level": 10**30}, "CRITICAL"),
        ({"level": "9" * 5000}, "CRITICAL"),
        ({"level": ""}, "INFO"),
        ({}, "INFO"),
    ],
)
def test_levels_have_the_names_of_logging(level, expected):
    """Whatever scale or spelling they have; what is not known stays."""
    assert parse({"time": TIME, "msg": "x", **level}).level == expected


INNER = LogRecord(TIME, "INFO", "state.changed", ID, "s1", data={"a": 1})


@pytest.mark.parametrize(
    "wrap",
    [
        lambda text: {"log": text + "\n", "stream": "stdout", "time": "2026-02-01T00:00:00Z"},
        lambda text: f"2026-02-01T00:00:00.123456789Z stdout F {text}".encode(),
        lambda text: {"__REALTIME_TIMESTAMP": "1769900000000000", "PRIORITY": "6", "MESSAGE": text},
        lambda text: {"timestamp": 1769900000000, "message": text, "ingestionTime": 3},
    ],
    ids=["docker", "kubernetes", "journald", "cloudwatch"],
)
def test_a_line_inside_a_line_is_what_the_program_wrote(wrap):
    """Ours or another's; one without a time has that of the line around it."""
    assert parse(wrap(encode_record(INNER).decode().strip())) == INNER
    inner = parse(wrap(json.dumps({"level": "error", "msg": "x", "trace_id": ID})))
    assert (inner.event, inner.level, inner.correlation_id) == ("x", "ERROR", ID)
    assert inner.ts > TIME
    plain = parse(wrap("plain text"))
    assert (plain.event, plain.level, plain.correlation_id) == ("plain text", "INFO", None)


def test_a_text_line_inside_a_container_s():
    """With cid= it has its id, and its time where it names none."""
    found = parse({"log": f"ERROR app cid={ID} bad\n", "stream": "stderr", "time": TIME})
    assert (found.ts, found.level, found.correlation_id) == (TIME, "ERROR", ID)


@pytest.mark.parametrize(
    ("message", "text"),
    [([*b"\x1b[31mbad\x1b[0m"], "\x1b[31mbad\x1b[0m"), ([300], "[300]"), (["a"], '["a"]')],
)
def test_a_journal_s_bytes_are_text(message, text):
    """It writes what can't be printed, such as colours, as numbers."""
    assert parse({"__REALTIME_TIMESTAMP": "1769860800000000", "MESSAGE": message}).event == text


PLACES = sorted({place for name, places in ALIASES.items() for place in (name, *places)})
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20),
    lambda inside: (
        st.lists(inside, max_size=3)
        | st.dictionaries(
            st.sampled_from(["id", "type", "message", "level", "time"]), inside, max_size=3
        )
    ),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(PLACES) | st.text(max_size=9), VALUES, max_size=8))
@example({"time": 1, "msg": "x", "level": 1e308})
@example({"time": 1e18, "msg": "x", "levelno": -(10**30)})
@example({"time": 1, "msg": "x", "err": [[]], "trace": {"id": []}})
def test_whatever_stands_there_is_read_or_broken(line):
    """Nothing that a line holds fails the reading of a log."""
    assert isinstance(parse(msgspec.json.encode(line)), LogRecord | BrokenLine)


def test_a_payload_is_no_line():
    """A record that has a level, or an id, is not taken for what its message quotes."""
    payload = json.dumps({"time": "1999-01-01", "msg": "theirs", "cid": "theirs"})
    for own in ({"level": "info"}, {"trace_id": ID}):
        assert parse({"time": TIME, "msg": payload, **own}).ts == TIME
    assert parse({"time": TIME, "msg": "again cid=theirs"}).correlation_id is None


@pytest.mark.parametrize("said", ["", "0" * 32, "0", 0, True, None, {"a": 1}, []])
def test_an_id_that_says_there_is_none(said):
    """OpenTelemetry writes zeros, Google an empty text; the next name is asked."""
    found = parse({"time": TIME, "msg": "x", "trace_id": said, "request_id": "r-1"})
    assert found.correlation_id == "r-1"


def test_an_id_is_written_in_one_way():
    """With or without the 0x of Python's OpenTelemetry."""
    assert parse({"timestamp": TIME, "body": "x", "trace_id": f"0x{ID}"}).correlation_id == ID


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ({"message": "x", "on": "2026"}, 'it has no time; fields={"ts": …} says where it stands '
         "among message, on"),
        ({"time": TIME, "text": "x"}, 'it has no event; fields={"event": …} says where it stands '
         "among time, text"),
        ({"resourceLogs": [{"scopeLogs": []}]}, "it has no time, and a list under 'resourceLogs': "
         "write its records one a line"),
    ],
)  # fmt: skip
def test_what_a_foreign_line_lacks_is_said(line, why):
    """And what to write."""
    assert parse(line).why == why


def test_nothing_that_a_line_says_is_lost():
    """Also where its first names are ours; then the others are as well."""
    line = {"ts": TIME, "level": "INFO", "event": "x", "order": 3, "trace_id": ID}
    assert parse(line) == LogRecord(TIME, "INFO", "x", data={"order": 3, "trace_id": ID})
    line["level"] = "info"
    assert parse(line) == LogRecord(TIME, "INFO", "x", ID, data={"order": 3})


@pytest.mark.parametrize("level", ["info", "INFO"])
@pytest.mark.parametrize("more", [{}, {"trace_id": ID}, {"correlation_id": ID}])
def test_a_block_is_read_as_its_lines_are(level, more, tmp_path):
    """Counted, listed, or one by one: the same id and level."""
    line = {"ts": TIME, "level": level, "event": "x", **more}
    path = tmp_path / "run.log"
    path.write_text(json.dumps(line) + "\n", encoding="utf-8")
    log, one = open_log(path), parse(line)
    (listed,) = log.records().to_dict("records")
    assert (one.level, listed["level"]) == ("INFO", "INFO")
    ids = [] if one.correlation_id is None else [one.correlation_id]
    assert list(log.traces()["correlation_id"]) == ids
    assert log.records()["correlation_id"].dropna().tolist() == ids


@pytest.mark.parametrize("text", ["a=1 b", 'a="1', "time=now b=", 'msg="x" time="\\q"', "= =", ""])
def test_what_is_nearly_logfmt(text):
    """Never fails."""
    assert parse(text.encode()) is not None

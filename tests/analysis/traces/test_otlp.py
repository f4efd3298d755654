"""OTLP JSON: what OpenTelemetry's own definition of the format takes, and says the same."""

import base64
import json
import re

import pytest
from google.protobuf import json_format
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import NOON, changed, line, log_of, received, started
from opentelemetry.proto.trace.v1.trace_pb2 import TracesData
from random_traces import timed_traces

from flexiflow.analysis.traces.trace import Trace
from flexiflow.errors import InvalidType, PersistenceError

W3C = "4bf92f3577b34da6a3ce929d0e0e4736"


def parsed(path):
    """The spans in a file, read by the published definition; what it does not know is refused."""
    found = []
    for text in path.read_text().splitlines():
        document = json.loads(text)
        for span in _spans(document):
            for name in ("traceId", "spanId", "parentSpanId"):
                if name in span:  # hex in OTLP's JSON, where Protobuf's own has base64
                    assert re.fullmatch(r"[0-9a-f]+", span[name])
                    span[name] = base64.b64encode(bytes.fromhex(span[name])).decode()
        message = json_format.ParseDict(document, TracesData())
        found += [s for r in message.resource_spans for scope in r.scope_spans for s in scope.spans]
    return found


def _spans(document):
    return [s for r in document["resourceSpans"] for e in r["scopeSpans"] for s in e["spans"]]


def exported(tmp_path, *records, correlation_id=W3C, **options):
    path = tmp_path / "trace.json"
    Trace(correlation_id, list(records)).to_otlp(path, **options)
    return parsed(path)


def attributes(found):
    return {each.key: each.value for each in found.attributes}


def test_a_step_and_its_handler(tmp_path):
    """Ids, times, causes, states and outcomes."""
    step, handler = exported(
        tmp_path,
        received(0, "00f067aa0ba902b7", from_state="A"),
        started(1, "00f067aa0ba902b8", "00f067aa0ba902b7"),
        changed(5, "00f067aa0ba902b7", duration_us=5),
    )
    assert step.trace_id.hex() == W3C
    assert step.span_id.hex() == handler.parent_span_id.hex() == "00f067aa0ba902b7"
    assert step.parent_span_id == b""
    assert (step.start_time_unix_nano, step.end_time_unix_nano) == (
        NOON * 1000,
        (NOON + 5) * 1000,
    )
    assert (step.name, step.status.code) == ("go", 0)
    facts = attributes(step)
    assert facts["flexiflow.component"].string_value == "order"
    assert facts["flexiflow.to_state"].string_value == "B"


def test_a_failure_is_an_error(tmp_path):
    """With its message, and the exception as an event."""
    (span,) = exported(tmp_path, line("message.failed", 1, outcome="failed", error=("E", "bad")))
    assert (span.status.code, span.status.message) == (2, "E: bad")
    (event,) = span.events
    assert event.name == "exception"
    assert attributes(event)["exception.type"].string_value == "E"


def test_ids_that_are_not_of_w3c_are_hashed(tmp_path):
    """The same each time, apart from each other, and the own id stays an attribute."""
    first = exported(tmp_path, received(0, "s1"), received(1, "s2", "s1"), correlation_id="mine")
    again = exported(tmp_path, received(0, "s1"), received(1, "s2", "s1"), correlation_id="mine")
    assert first == again
    step, child = first
    assert child.parent_span_id == step.span_id != child.span_id
    assert (len(step.trace_id), len(step.span_id)) == (16, 8)
    assert attributes(step)["flexiflow.correlation_id"].string_value == "mine"


@pytest.mark.parametrize("wrong", ["0" * 32, W3C.upper(), W3C[:-1], W3C + "\n"])
def test_what_only_looks_like_an_id(tmp_path, wrong):
    """Is hashed too."""
    (span,) = exported(tmp_path, received(0, "s1"), correlation_id=wrong)
    assert span.trace_id.hex() not in (wrong, "0" * 32)


def test_a_cause_from_outside_stays_the_cause(tmp_path):
    """It is no span of ours, so none is made up."""
    (span,) = exported(tmp_path, received(0, "s1", "00f067aa0ba902b7"))
    assert span.parent_span_id.hex() == "00f067aa0ba902b7"


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=6,
)


@settings(max_examples=60)
@given(VALUES)
def test_own_events_keep_their_data(tmp_path_factory, value):
    """Of any type that JSON has."""
    folder = tmp_path_factory.mktemp("otlp")
    event = line("order.weighed", 1, "s1", data={"it": value})
    (span,) = exported(folder, received(0, "s1"), event)
    (found,) = span.events
    assert found.name == "order.weighed"
    assert set(attributes(found)) == ({"it"} if value is not None else set())


@settings(max_examples=60)
@given(timed_traces())
def test_every_trace_is_valid(tmp_path_factory, records):
    """Each span that has a record once, whatever is lost or shuffled."""
    trace = Trace("trace-1", records)
    path = tmp_path_factory.mktemp("otlp") / "trace.json"
    trace.to_otlp(path)
    found = parsed(path)
    whole = trace.spans()
    assert len(found) == (whole["kind"] != "missing").sum()
    assert len({each.span_id for each in found}) == len(found)
    assert all(each.start_time_unix_nano <= each.end_time_unix_nano for each in found)


def test_a_log_has_a_line_for_each_trace(tmp_path):
    """All of them, or those that are named."""
    log = log_of(
        tmp_path,
        received(0, "s1"),
        received(1, "s2", correlation_id="trace-2"),
        b"{oops\n",
        line("x", correlation_id=None),
    )
    path = tmp_path / "all.json"
    assert log.to_otlp(path, service="shop") == 2
    assert len({each.trace_id for each in parsed(path)}) == 2
    assert '"stringValue":"shop"' in path.read_text()
    assert log.to_otlp(path, ["trace-2"]) == 1
    assert len(parsed(path)) == 1


def test_what_can_not_be_written(tmp_path):
    """Says so in four parts."""
    trace = Trace("trace-1", [received(0, "s1")])
    with pytest.raises(PersistenceError):
        trace.to_otlp(tmp_path / "nowhere" / "trace.json")
    with pytest.raises(InvalidType):
        trace.to_otlp(tmp_path / "trace.json", service=5)
    with pytest.raises(InvalidType):
        log_of(tmp_path, received(0, "s1")).to_otlp(tmp_path / "t.json", "trace-1")

"""Chrome's Trace Event Format: checked against what its document demands of each phase."""

import json

from hypothesis import given, settings
from logs import NOON, changed, line, received, started
from random_traces import timed_traces

from flexiflow.analysis.traces.trace import Trace

NEEDED = {
    "M": {"name": str, "ph": str, "pid": int, "tid": int, "args": dict},
    "X": {"name": str, "cat": str, "ph": str, "ts": int, "dur": int, "pid": int, "tid": int},
    "i": {"name": str, "cat": str, "ph": str, "ts": int, "pid": int, "tid": int, "s": str},
    "s": {"name": str, "cat": str, "ph": str, "ts": int, "pid": int, "tid": int, "id": int},
    "f": {"name": str, "cat": str, "ph": str, "ts": int, "pid": int, "tid": int, "id": int},
}
ALLOWED = {"M": set(), "X": {"args"}, "i": {"args"}, "s": set(), "f": {"bp"}}


def exported(folder, *records):
    path = folder / "trace.json"
    Trace("trace-1", list(records)).to_chrome(path)
    document = json.loads(path.read_text(), parse_constant=_no_json)
    check(document)
    return document["traceEvents"]


def _no_json(text):
    raise AssertionError(f"{text} is no JSON")


def check(document):
    """Raise where a document is not as the format's description has it."""
    assert set(document) <= {"traceEvents", "displayTimeUnit", "otherData"}
    assert document["displayTimeUnit"] in ("ms", "ns")
    events = document["traceEvents"]
    for event in events:
        needed = NEEDED[event["ph"]]
        assert set(needed) <= set(event) <= set(needed) | ALLOWED[event["ph"]]
        assert all(type(event[name]) is kind for name, kind in needed.items())
        assert event.get("dur", 0) >= 0
        if event["ph"] == "M":
            assert event["name"] in ("process_name", "thread_name")
            assert type(event["args"]["name"]) is str
        if event["ph"] == "i":
            assert event["s"] in ("g", "p", "t")
    _check_nesting(events)
    _check_flows(events)


def _check_nesting(events):
    """On a thread, a complete event lies within the one that is open, or after it."""
    open_ends: dict[int, list[int]] = {}
    spans = [event for event in events if event["ph"] == "X"]
    for event in sorted(spans, key=lambda each: (each["ts"], -each["dur"])):
        stack = open_ends.setdefault(event["tid"], [])
        while stack and stack[-1] <= event["ts"]:
            stack.pop()
        assert not stack or event["ts"] + event["dur"] <= stack[-1]
        stack.append(event["ts"] + event["dur"])
    named = {each["tid"] for each in events if each["name"] == "thread_name"}
    assert {event["tid"] for event in spans} == named


def _check_flows(events):
    """Each has one beginning and one end, not before it."""
    begins = {event["id"]: event for event in events if event["ph"] == "s"}
    ends = {event["id"]: event for event in events if event["ph"] == "f"}
    assert begins.keys() == ends.keys()
    assert len(begins) == sum(event["ph"] == "s" for event in events)
    assert all(begins[each]["ts"] <= ends[each]["ts"] for each in begins)


def test_a_step_and_what_it_caused(tmp_path):
    """Spans, an event, a thread a component, and the arrow between them."""
    events = exported(
        tmp_path,
        received(0, "s1", from_state="A"),
        line("order.weighed", 2, "s1", data={"kg": 3}),
        received(3, "s2", "s1", component="payments"),
        line("message.failed", 4, "s2", "s1", component="payments", outcome="failed"),
        changed(5, "s1", duration_us=5),
    )
    step, payment = [event for event in events if event["ph"] == "X"]
    assert (step["ts"], step["dur"], step["name"]) == (NOON, 5, "go")
    assert step["args"]["to_state"] == "B"
    assert payment["args"]["outcome"] == "failed"
    (weighed,) = [event for event in events if event["ph"] == "i"]
    assert (weighed["args"], weighed["tid"]) == ({"data": {"kg": 3}}, step["tid"])
    assert [event["args"]["name"] for event in events if event["ph"] == "M"] == [
        "trace trace-1",
        "order",
        "payments",
    ]
    begin, end = [event for event in events if event["ph"] in "sf"]
    assert (begin["tid"], end["tid"]) == (step["tid"], payment["tid"])


def test_what_runs_at_once_has_threads_of_its_own(tmp_path):
    """Since what a thread holds must nest."""
    events = exported(
        tmp_path,
        started(0, "h1"),
        line("handler.finished", 10, "h1", handler="A.go", duration_us=10),
        started(5, "h2"),
        line("handler.finished", 15, "h2", handler="A.go", duration_us=10),
    )
    assert [each["args"]["name"] for each in events if each["name"] == "thread_name"] == [
        "order",
        "order (2)",
    ]


@settings(max_examples=60)
@given(timed_traces())
def test_every_trace_is_valid(tmp_path_factory, records):
    """Each span once, whatever is lost or shuffled."""
    events = exported(tmp_path_factory.mktemp("chrome"), *records)
    spans = Trace("trace-1", records).spans()
    assert sum(event["ph"] == "X" for event in events) == len(spans)


def test_hostile_names(tmp_path):
    """Are names in the document, and no more."""
    nasty = 'x"},{"ph":"X\n\x1b[31m<script>'
    events = exported(tmp_path, received(0, "s1", component=nasty, message_type=nasty))
    assert [event["name"] for event in events if event["ph"] == "X"] == [nasty]


def test_times_that_can_not_be_read(tmp_path):
    """Nothing to show, and still a document."""
    record = received(0, "s1")
    record.ts = "soon"
    assert [event["ph"] for event in exported(tmp_path, record)] == ["M"]

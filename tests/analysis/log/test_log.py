"""A log: its records, one row a trace, a search, and the way to one trace."""

from dataclasses import dataclass, field

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import NOON, changed, finished, line, log_of, received, started, write

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.log import Log, open_log
from flexiflow.analysis.traces.records import BROKEN, records_frame
from flexiflow.errors import InvalidType, InvalidValue, StateFileNotFound, TraceNotFound
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.records import time_us_of


def columns(frame):
    return dict(frame.dtypes.astype(str))


def plain(frame, *names):
    return [
        tuple(None if pd.api.types.is_scalar(v) and pd.isna(v) else v for v in row)
        for row in frame[list(names)].itertuples(index=False)
    ]


# -- records --------------------------------------------------------------------------------


@pytest.mark.parametrize("number", [0, 1, 3])
def test_columns_and_dtypes(tmp_path, number):
    """The documented columns, for no record and for several."""
    log = log_of(tmp_path, *[received(at, f"s{at}") for at in range(number)])
    for frame, expected in (
        (log.records(), shapes.RECORDS),
        (log.traces(), shapes.TRACES),
    ):
        assert columns(frame) == expected
    assert len(log.records()) == number


def test_every_field_has_its_column(tmp_path):
    """A record comes back whole."""
    record = line(
        "message.failed",
        5,
        "s1",
        "s0",
        error=("E", "bad"),
        handler="A.go",
        message_type="go",
        from_state="A",
        to_state="B",
        outcome="failed",
        reason="why",
        duration_us=7,
        step_id=8,
        snapshot_id=9,
        run_id="r",
        data={"a": [1]},
    )
    (row,) = log_of(tmp_path, record).records().to_dict("records")
    assert row == {
        "time": pd.Timestamp(NOON + 5, unit="us", tz="UTC"),
        "level": "INFO",
        "event": "message.failed",
        "component": "order",
        "handler": "A.go",
        "message": "go",
        "from_state": "A",
        "to_state": "B",
        "outcome": "failed",
        "reason": "why",
        "duration": pd.Timedelta(microseconds=7),
        "error": "E: bad",
        "correlation_id": "trace-1",
        "span_id": "s1",
        "parent_id": "s0",
        "step_id": 8,
        "snapshot_id": 9,
        "run": "r",
        "data": {"a": [1]},
    }


def test_a_broken_line_is_shown_among_the_others(tmp_path):
    """As what it is, with its place and its beginning, whatever is asked for."""
    log = log_of(tmp_path, received(0, "s1"), b"{oops\n", received(1, "s2", component="other"))
    frame = log.records(component="other", event="message.received")
    assert plain(frame, "event", "component") == [(BROKEN, None), ("message.received", "other")]
    assert columns(frame) == shapes.RECORDS
    where = frame["data"].iloc[0]
    assert where["text"] == "{oops"
    assert where["offset"] == log.paths[0].read_bytes().index(b"{oops")
    assert frame["reason"].iloc[0]


def test_filters(tmp_path):
    """By trace, by component, by event, and the newest of them."""
    log = log_of(
        tmp_path,
        received(0, "s1"),
        started(1, "s2", "s1"),
        received(2, "s3", correlation_id="trace-2", component="other"),
        received(3, "s4"),
    )
    assert log.records("trace-1")["span_id"].tolist() == ["s1", "s2", "s4"]
    assert log.records(component="other")["span_id"].tolist() == ["s3"]
    assert log.records(event="message.received", limit=2)["span_id"].tolist() == ["s3", "s4"]
    assert log.records("trace-1", event="message.received")["span_id"].tolist() == ["s1", "s4"]
    assert len(log.records(limit=0)) == 0
    assert len(log.records("trace-1", component="nobody")) == 0


@pytest.mark.parametrize("limit", [-1, "3", 1.5, True])
def test_what_is_no_limit(tmp_path, limit):
    """A ValueError in four parts."""
    with pytest.raises(InvalidValue, match="limit must be"):
        log_of(tmp_path).records(limit=limit)


def test_numbers_that_no_column_holds(tmp_path):
    """They are missing, and the record is there."""
    log = log_of(
        tmp_path, finished(0, "s1", duration_us=2**70, step_id=2**70, snapshot_id=-(2**70))
    )
    assert plain(log.records(), "duration", "step_id", "snapshot_id") == [(None, None, None)]
    assert log.trace("trace-1").tree().roots[0].duration_us == 2**70


@pytest.mark.parametrize("ts", ["", "soon", "2023-11-14T25:00:00Z", "0001-01-01T00:00:00+23:59"])
def test_times_that_can_not_be_read_or_shown(tmp_path, ts):
    """Such a record stands where it stands; nothing fails."""
    record = received(0, "s1")
    record.ts = ts
    log = log_of(tmp_path, record, received(5, "s2"))
    assert log.records()["span_id"].tolist() == ["s1", "s2"]
    assert len(log.traces()) == 1
    assert "order: go" in str(log.trace("trace-1").tree())


def test_frames_of_no_records():
    """Empty, and with the documented columns."""
    assert columns(records_frame([])) == shapes.RECORDS


# -- traces ---------------------------------------------------------------------------------


@dataclass
class Summary:
    times: list = field(default_factory=list)
    components: set = field(default_factory=set)
    moved: int = 0
    refused: int = 0
    failed: int = 0
    received: list = field(default_factory=list)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from(
            ["message.received", "state.changed", "message.refused", "message.failed", "x"]
        ),
        st.sampled_from(["t1", "t2", None]),
        st.sampled_from(["a", "b", None]),
        st.booleans(),
    ),
    max_size=20,
)


@settings(max_examples=50)
@given(EVENTS, st.permutations(range(20)))
def test_traces_equal_a_reference(tmp_path_factory, events, times):
    """Counts, components, the earliest and the latest time, however the lines are shuffled."""
    expected: dict[str, Summary] = {}
    records = []
    for at, (event, trace, component, failed) in zip(times, events, strict=False):
        error = ("E", "m") if failed else None
        record = line(
            event, at, component=component, correlation_id=trace, error=error, message_type=f"m{at}"
        )
        records.append(record)
        if trace is not None:
            summary = expected.setdefault(trace, Summary())
            summary.times.append(NOON + at)
            summary.components |= {component} - {None}
            summary.moved += event == "state.changed"
            summary.refused += event == "message.refused"
            summary.failed += event == "message.failed" or (event == "state.changed" and failed)
            if event == "message.received":
                summary.received.append((at, component, f"m{at}"))
    frame = log_of(tmp_path_factory.mktemp("log"), *records).traces()
    assert frame["correlation_id"].tolist() == sorted(
        expected, key=lambda t: min(expected[t].times)
    )
    for row in frame.itertuples():
        summary = expected[row.correlation_id]
        _, component, message = min(summary.received, default=(None, None, None))
        assert frames.microseconds(row.start) == min(summary.times)
        assert frames.microseconds_of(row.duration) == max(summary.times) - min(summary.times)
        assert (row.records, row.components) == (len(summary.times), len(summary.components))
        assert (row.moved, row.refused, row.failed) == (
            summary.moved,
            summary.refused,
            summary.failed,
        )
        assert frames.cell_text(row.first_component) == component
        assert frames.cell_text(row.first_message) == message


def test_a_trace_without_any_time(tmp_path):
    """Its start and duration are missing."""
    record = received(0, "s1")
    record.ts = "soon"
    frame = log_of(tmp_path, record).traces()
    assert columns(frame) == shapes.TRACES
    assert plain(frame, "start", "duration", "records") == [(None, None, 1)]


def test_a_trace_whose_first_record_has_no_time(tmp_path):
    """It begins with the first one that has."""
    record = received(0, "s1")
    record.ts = "soon"
    frame = log_of(tmp_path, record, changed(7, "s1")).traces()
    assert [frames.microseconds(each) for each in frame["start"]] == [NOON + 7]


# -- search ---------------------------------------------------------------------------------


def test_search_looks_into_every_field(tmp_path):
    """Names, data, errors: whatever stands in the line."""
    log = log_of(
        tmp_path,
        received(0, "s1", data={"card": "visa"}),
        line("message.failed", 1, "s2", error=("PaymentError", "declined")),
        received(2, "s3", component="payments"),
    )
    assert log.search("visa")["span_id"].tolist() == ["s1"]
    assert log.search("Payment")["span_id"].tolist() == ["s2"]
    assert log.search("payments")["span_id"].tolist() == ["s3"]
    assert columns(log.search("nothing of it")) == shapes.RECORDS


@pytest.mark.parametrize("text", ['say "hi"', "a\\b", "line\nbreak", "ü☃", "<b>", "tab\t"])
def test_search_finds_text_that_json_escapes(tmp_path, text):
    """As people write it, not as the file does."""
    log = log_of(tmp_path, received(0, "s1", data={"note": f"x {text} y"}), received(1, "s2"))
    assert log.search(text)["span_id"].tolist() == ["s1"]


def test_an_empty_search_finds_everything(tmp_path):
    """Broken lines too, and it ends."""
    log = log_of(tmp_path, received(0, "s1"), b"oops\n", received(1, "s2"))
    assert plain(log.search(""), "span_id") == [("s1",), (None,), ("s2",)]


@pytest.mark.parametrize("ask", ["search", "trace", "records"])
@pytest.mark.parametrize("text", [5, b"trace-1", object()])
def test_only_texts_can_be_looked_for(tmp_path, ask, text):
    """Anything else is a TypeError in four parts."""
    with pytest.raises(InvalidType) as caught:
        getattr(log_of(tmp_path, received(0, "s1")), ask)(text)
    assert caught.value.why
    assert caught.value.fix


# -- the way to a trace -----------------------------------------------------------------------


def test_a_trace_by_its_id(tmp_path):
    """Its records and no others."""
    log = log_of(tmp_path, received(0, "s1"), received(1, "s2", correlation_id="trace-10"))
    assert log.trace("trace-1").records()["span_id"].tolist() == ["s1"]


def test_a_trace_by_the_beginning_of_its_id(tmp_path):
    """Four characters are enough where they are enough."""
    log = log_of(tmp_path, received(0, "s1", correlation_id="4bf92f35aa"), received(1, "s2"))
    assert log.trace("4bf9").correlation_id == "4bf92f35aa"


def test_an_id_that_is_the_beginning_of_others(tmp_path):
    """It is the one that is meant."""
    log = log_of(tmp_path, received(0, "s1"), received(1, "s2", correlation_id="trace-10"))
    assert len(log.trace("trace-1")) == 1


def test_a_beginning_of_several_ids(tmp_path):
    """A ValueError that lists them."""
    log = log_of(tmp_path, received(0, "s1"), received(1, "s2", correlation_id="trace-2"))
    with pytest.raises(InvalidValue, match="Several traces begin with 'trace'") as caught:
        log.trace("trace")
    assert "trace-1, trace-2" in caught.value.why


@pytest.mark.parametrize(
    "correlation_id", ["nothing", "tra", "", "race-1", "s1", "\ud800", "x" * 10_000]
)
def test_an_id_that_no_record_has(tmp_path, correlation_id):
    """A KeyError in four parts; too short a beginning, a span and a middle are none either."""
    with pytest.raises(TraceNotFound) as caught:
        log_of(tmp_path, received(0, "s1")).trace(correlation_id)
    assert isinstance(caught.value, KeyError)
    assert "4 characters" in caught.value.fix
    assert len(str(caught.value)) < 2_000


@pytest.mark.parametrize(
    "correlation_id", ['say "hi"', "back\\slash", "ü☃🙂", "<b>", "a'; --", "%_*?"]
)
def test_ids_of_any_text(tmp_path, correlation_id):
    """Whole, and by their beginning."""
    log = log_of(tmp_path, received(0, "s1", correlation_id=correlation_id), received(1, "s2"))
    assert len(log.trace(correlation_id)) == 1
    assert len(log.records(correlation_id)) == 1
    if len(correlation_id) > 4:
        assert log.trace(correlation_id[:-1]).correlation_id == correlation_id


def test_a_line_that_only_mentions_the_id(tmp_path):
    """An id in another record's data makes it no part of the trace."""
    mention = received(1, "s2", correlation_id="other", data={"about": "trace-1"})
    log = log_of(tmp_path, received(0, "s1"), mention)
    assert log.trace("trace-1").records()["span_id"].tolist() == ["s1"]


# -- files ----------------------------------------------------------------------------------


def test_several_files_and_packed_ones(tmp_path):
    """A pattern, rotated and packed files: one log."""
    write(tmp_path / "run.1.jsonl.gz", received(0, "s1"))
    write(tmp_path / "run.2.jsonl", finished(2, "s2", "s1"))
    for source in (tmp_path / "run.*", [tmp_path / "run.1.jsonl.gz", tmp_path / "run.2.jsonl"]):
        log = open_log(source)
        assert log.records()["span_id"].tolist() == ["s1", "s2"]
        assert len(log.trace("trace-1")) == 2
        assert log.search("A.go")["span_id"].tolist() == ["s2"]


def test_rotated_files_in_the_wrong_order(tmp_path):
    """A trace is put into the order of its times, and its first message is the earliest."""
    write(tmp_path / "run.jsonl", received(5, "s2", "s1", message_type="later"))
    write(tmp_path / "run.jsonl.1", received(0, "s1", message_type="first"))
    log = open_log(tmp_path / "run.jsonl*")
    assert log.trace("trace-1").records()["message"].tolist() == ["first", "later"]
    assert log.traces()["first_message"].tolist() == ["first"]


def test_a_log_that_is_not_there(tmp_path):
    """A FileNotFoundError in four parts."""
    with pytest.raises(StateFileNotFound, match="Log not found"):
        open_log(tmp_path / "nothing.jsonl")


def test_a_link_to_nothing_among_others_is_left_out_and_told(tmp_path):
    """What a pattern finds of it is no more than what is there, and it is not hidden."""
    write(tmp_path / "run.jsonl", received(0, "s1"))
    (tmp_path / "old.jsonl").symlink_to(tmp_path / "gone.jsonl")
    log = open_log(tmp_path / "*.jsonl")
    assert len(log.records()) == len(log.traces()) == 1
    assert log.notices == [
        f"{tmp_path}/old.jsonl is left out. "
        f"It is a link to {tmp_path}/gone.jsonl, which is not there."
    ]
    assert log.notices[0] in repr(log)


@pytest.mark.parametrize("rotated", [False, True])
def test_a_link_to_nothing_that_was_named_is_an_error(tmp_path, rotated):
    """Also where it has rotated files."""
    (tmp_path / "run.jsonl").symlink_to(tmp_path / "gone.jsonl")
    if rotated:
        write(tmp_path / "run.jsonl.1", received(0, "s1"))
    with pytest.raises(StateFileNotFound, match=r"It is a link to .*gone\.jsonl"):
        open_log(tmp_path / "run.jsonl")


def test_a_pattern_that_finds_links_to_nothing_only(tmp_path):
    """Nothing is left to be read: an error that says so."""
    (tmp_path / "run.jsonl").symlink_to(tmp_path / "gone.jsonl")
    with pytest.raises(StateFileNotFound, match=r"It is a link to .*gone\.jsonl"):
        open_log(tmp_path / "*.jsonl")


@pytest.mark.parametrize("question", ["records", "traces", "summary", "errors"])
@pytest.mark.parametrize("named", [False, True])
def test_a_file_that_is_deleted_while_it_is_asked(tmp_path, monkeypatch, question, named):
    """A pattern means what is there; a file that was named is missed."""
    write(tmp_path / "a.jsonl", received(0, "s1"))
    gone = write(tmp_path / "b.jsonl", received(1, "s2"))
    log = open_log([tmp_path / "a.jsonl", gone] if named else tmp_path / "*.jsonl")
    found = Log.paths.fget

    def paths(self):
        files = found(self)
        gone.unlink(missing_ok=True)
        return files

    monkeypatch.setattr(Log, "paths", property(paths))
    if named:
        with pytest.raises(StateFileNotFound, match=r"b\.jsonl"):
            getattr(log, question)()
    else:
        getattr(log, question)()
        assert len(log.records()) == 1


def test_an_empty_file(tmp_path):
    """A log without records."""
    log = log_of(tmp_path)
    assert len(log.records()) == len(log.traces()) == len(log.search("x")) == 0


def test_a_growing_file(tmp_path):
    """Each question reads what is there by then."""
    log = log_of(tmp_path, received(0, "s1"))
    assert len(log.records()) == 1
    write(log.paths[0], received(0, "s1"), received(1, "s2"))
    assert len(log.records()) == 2


def test_repr_names_the_files(tmp_path):
    """Three of them, and how many more; it asks nothing of a recording."""
    paths = [write(tmp_path / f"{number}.jsonl") for number in range(5)]

    def settle():
        raise AssertionError("a repr waits for nothing")

    shown = repr(Log(paths, settle))
    assert shown.count(".jsonl") == 3
    assert shown.endswith("and 2 more>")


def test_a_broken_line_that_mentions_the_id(tmp_path):
    """It belongs to the trace's records: nobody can say that it does not."""
    log = log_of(tmp_path, received(0, "s1"), b'{"correlation_id":"trace-1", oops\n')
    trace = log.trace("trace-1")
    assert plain(trace.records(), "event") == [("message.received",), (BROKEN,)]
    assert isinstance(trace.broken[0], BrokenLine)
    assert len(trace) == 1


def test_times_are_read_as_they_are_written():
    """The helper of these tests writes what the library reads."""
    assert time_us_of(received(123_456, "s1")) == NOON + 123_456


# -- what came of a trace ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("records", "outcome"),
    [
        ([received(0, "s1"), changed(1, "s1")], "moved"),
        ([received(0, "s1"), started(1, "h1"), finished(2, "h1")], "stayed"),
        ([received(0, "s1"), started(1, "h1")], "unfinished"),
        ([received(0, "s1"), started(1, "h1"), line("message.refused", 2)], "refused"),
        ([line("message.refused", 0), line("message.failed", 2)], "failed"),
        ([changed(0, "s1", error=("E", "declared"))], "failed"),
        ([line("order.weighed", 0)], "unknown"),
    ],
)
def test_the_worst_that_a_trace_tells(tmp_path, records, outcome):
    """Failed before refused, refused before unfinished, and only then what went well."""
    assert log_of(tmp_path, *records).traces()["outcome"].tolist() == [outcome]


def test_the_first_error_of_a_trace(tmp_path):
    """With its class; a trace without one has none."""
    log = log_of(
        tmp_path,
        line("handler.failed", 0, error=("E", "bad")),
        line("message.failed", 1, error=("F", "worse")),
        received(2, "s1", correlation_id="trace-2"),
    )
    assert plain(log.traces(), "error") == [("E: bad",), (None,)]


def test_slow_traces(tmp_path):
    """More than three times the median of those that begin with the same message."""
    took = [10, 10, 10, 30, 31]
    records = [
        each
        for at, us in enumerate(took)
        for each in (
            received(at, "s1", correlation_id=f"t{at}"),
            changed(at + us, "s1", correlation_id=f"t{at}"),
        )
    ]
    few = [received(100, "s1", correlation_id="other", message_type="seldom")]
    frame = log_of(tmp_path, *records, *few).traces()
    assert plain(frame, "slow") == [(False,)] * 4 + [(True,), (None,)]

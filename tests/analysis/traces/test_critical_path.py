"""The critical path: what the end of a trace waited for, at each moment."""

from hypothesis import given, settings
from logs import NOON, changed, finished, line, received, started
from random_traces import slow_path, slow_spans, timed_traces

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.log import open_log
from flexiflow.analysis.traces.trace import Trace
from flexiflow.tracing.records import encode_record


def path_of(*records):
    frame = Trace("trace-1", list(records)).critical_path()
    return [
        (frames.cell_text(row.span_id), row.what, frames.microseconds_of(row.duration))
        for row in frame.itertuples()
    ]


@settings(max_examples=100)
@given(timed_traces())
def test_the_path_equals_a_reference(records):
    """Microsecond by microsecond, with records dropped, written twice, and shuffled."""
    trace = Trace("trace-1", records)
    frame = trace.critical_path()
    by_microsecond = []
    for row in frame.itertuples():
        owner = frames.cell_text(row.span_id), row.what
        by_microsecond += [owner] * frames.microseconds_of(row.duration)
    assert by_microsecond == slow_path(slow_spans(trace.tree()))
    ends = frame["start"] + frame["duration"]
    assert frame["start"].iloc[1:].tolist() == ends.iloc[:-1].tolist()
    assert dict(frame.dtypes.astype(str)) == shapes.CRITICAL_PATH
    if len(frame):
        assert abs(frame["share"].sum() - 1) < 1e-9


def test_what_ran_beside_the_path_is_not_on_it():
    """Of two that ran together, the one that ended last."""
    assert path_of(
        received(0, "s1"),
        started(1, "short", "s1"),
        finished(5, "short", "s1", duration_us=4),
        started(1, "long", "s1"),
        finished(9, "long", "s1", duration_us=8),
        changed(10, "s1", duration_us=10),
    ) == [("s1", "own work", 1), ("long", "own work", 8), ("s1", "own work", 1)]


def test_a_trace_lasts_until_its_last_line(tmp_path):
    """Which a step's commit may keep waiting; the list of traces counts that as well."""
    records = received(0, "s1"), changed(9, "s1", duration_us=4)
    assert path_of(*records) == [("s1", "own work", 4), ("s1", "recording", 5)]
    (tmp_path / "run.jsonl").write_bytes(b"".join(map(encode_record, records)))
    listed = open_log(tmp_path / "run.jsonl").traces()
    assert frames.microseconds_of(listed["duration"].iloc[0]) == 9


def test_what_waits_for_a_step_waits_for_its_recording():
    """A handler that sends a message goes on once that step is committed."""
    assert path_of(
        received(0, "s1"),
        received(1, "s2", "s1"),
        changed(8, "s2", "s1", duration_us=2),
        changed(9, "s1", duration_us=9),
    ) == [
        ("s1", "own work", 1),
        ("s2", "own work", 2),
        ("s2", "recording", 5),
        ("s1", "own work", 1),
    ]


def test_what_is_written_after_the_end_is_no_recording():
    """A line of a task that outlived its step: what it waited for, nothing says."""
    assert path_of(
        received(0, "s1"), changed(4, "s1", duration_us=4), line("order.left", 9, "s1")
    ) == [("s1", "own work", 4), (None, "idle", 5)]


def test_a_trace_lasts_from_its_first_line():
    """Also where its span begins once more later, by an id that is used again."""
    again = received(0, "s1"), received(5, "s1"), changed(9, "s1", duration_us=4)
    assert path_of(*again) == [(None, "idle", 5), ("s1", "own work", 4)]


def test_what_outlives_its_cause_is_on_the_path():
    """A task that a handler left behind; where nobody worked in between, nobody is named busy."""
    assert path_of(
        received(0, "s1"),
        changed(2, "s1", duration_us=2),
        received(5, "s2", "s1"),
        changed(9, "s2", "s1", duration_us=4),
    ) == [("s1", "own work", 2), ("s1", "idle", 3), ("s2", "own work", 4)]


def test_between_two_messages_nobody_is_at_work():
    """Two that entered with one id."""
    assert path_of(
        received(0, "s1"),
        changed(2, "s1", duration_us=2),
        received(5, "s2"),
        changed(6, "s2", duration_us=1),
    ) == [("s1", "own work", 2), (None, "idle", 3), ("s2", "own work", 1)]


def test_the_wait_between_two_tries():
    """Is told apart from work."""
    tries = [
        (started(1, "t1", "s1", data={"attempt": 1, "max_attempts": 2})),
        line(
            "handler.failed",
            3,
            "t1",
            "s1",
            handler="A.go",
            duration_us=2,
            data={"attempt": 1, "max_attempts": 2},
        ),
        started(8, "t2", "s1", data={"attempt": 2, "max_attempts": 2}),
        finished(9, "t2", "s1", duration_us=1, data={"attempt": 2, "max_attempts": 2}),
    ]
    assert path_of(received(0, "s1"), *tries, changed(9, "s1", duration_us=9)) == [
        ("s1", "own work", 1),
        ("t1", "own work", 2),
        ("s1", "retry wait", 5),
        ("t2", "own work", 1),
    ]


def test_an_instant_has_no_path():
    """Nothing took any time."""
    frame = Trace("trace-1", [received(0, "s1")]).critical_path()
    assert dict(frame.dtypes.astype(str)) == shapes.CRITICAL_PATH
    assert len(frame) == 0


def test_shares_and_times():
    """From the first to the last moment, and parts of the whole."""
    frame = Trace(
        "trace-1",
        [received(0, "s1"), started(5, "h1", "s1"), finished(20, "h1", "s1", duration_us=15)],
    ).critical_path()
    assert frame["share"].tolist() == [0.25, 0.75]
    assert [frames.microseconds(each) - NOON for each in frame["start"]] == [0, 5]
    assert frame["label"].tolist() == ["go", "A.go"]

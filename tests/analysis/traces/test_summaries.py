"""Traces kept up to date: the same as if all were read again, whatever happens to the files."""

import gzip
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import NOON, changed, finished, line, received, started, write
from pandas.testing import assert_frame_equal

from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.log import LogSummary, open_log
from flexiflow.errors import InvalidValue
from flexiflow.tracing.records import encode_record, utc_text


def assert_like_new(log, path):
    """What the log knows is what one that reads everything finds."""
    fresh = open_log(path)
    assert_frame_equal(log.traces(), fresh.traces())
    assert log.summary() == fresh.summary()


RECORDS = st.lists(
    st.one_of(
        st.builds(
            line,
            st.sampled_from(["message.received", "state.changed", "message.failed", "own", "x.y"]),
            st.integers(0, 10**8),
            component=st.sampled_from(["a", "b", None, "ü"]),
            correlation_id=st.sampled_from(["t1", "t2", "t3", None]),
            message_type=st.sampled_from(["go", None]),
        ).map(encode_record),
        st.sampled_from([b"{oops\n", b"\n", b'{"time": 5, "msg": "x", "correlation_id": "t1"}\n']),
    ),
    max_size=6,
)


@settings(max_examples=30)
@given(st.lists(RECORDS, min_size=1, max_size=4), st.data())
def test_what_is_read_piece_by_piece(tmp_path_factory, pieces, data):
    """Cut anywhere, within lines too."""
    path = tmp_path_factory.mktemp("log") / "run.jsonl"
    path.write_bytes(b"")
    log = open_log(path)
    raw = b"".join(each for piece in pieces for each in piece)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), max_size=3)))
    for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True):
        with path.open("ab") as file:
            file.write(raw[start:end])
        assert_like_new(log, path)
    assert dict(log.traces().dtypes.astype(str)) == shapes.TRACES


ONE = encode_record(received(0, "s1"))
GLUED = ONE[:-1] + ONE  # by two who write to one file, one of them without a newline
TORN = ONE[:-2] + b"\n}\n"  # as somebody else's tool folds long lines
ODD_LINES = st.sampled_from(
    [ONE, GLUED, TORN, ONE[:-1] + b"\r\n", b" " + ONE, b"\n", b"}\n", b"\r\n"]
)


@given(st.lists(ODD_LINES, max_size=8), st.booleans())
def test_a_line_is_a_record_or_is_not_however_it_is_read(tmp_path_factory, lines, ends):
    """Line by line, as `log.records()` shows them, or many at once, as they are counted."""
    path = tmp_path_factory.mktemp("log") / "run.jsonl"
    raw = b"".join(lines)
    path.write_bytes(raw if ends else raw.removesuffix(b"\n"))
    each = [line for line in raw.split(b"\n") if line.strip()]
    whole = sum(line.strip() == ONE.strip() for line in each)
    log = open_log(path)
    summary, events = log.summary(), log.records()["event"].tolist()
    assert (summary.records, summary.broken) == (whole, len(each) - whole)
    assert (events.count("message.received"), events.count("(broken line)")) == (
        summary.records,
        summary.broken,
    )


def test_only_what_is_new_is_read(tmp_path, monkeypatch):
    """A second question reads nothing, a third what was added."""
    path = write(tmp_path / "run.jsonl", received(0, "s1"), changed(1, "s1"))
    log = open_log(path)
    log.traces()
    read = []
    original = log._lines.briefs
    monkeypatch.setattr(
        log._lines, "briefs", lambda block, name: read.append(block.size) or original(block, name)
    )
    log.traces()
    assert read == []
    added = encode_record(received(2, "s2"))
    with path.open("ab") as file:
        file.write(added)
    assert log.traces()["records"].tolist() == [3]
    assert read == [len(added)]


def test_a_log_that_is_rotated_meanwhile(tmp_path):
    """What was read is not read twice, and nothing is missed."""
    path = write(tmp_path / "run.jsonl", received(0, "s1"))
    log = open_log(path)
    assert log.traces()["records"].tolist() == [1]
    os.rename(path, tmp_path / "run.jsonl.20260131T120000.000000Z")
    write(path, changed(1, "s1"), received(2, "s2", correlation_id="trace-2"))
    assert log.traces()["records"].tolist() == [2, 1]
    assert_like_new(log, path)


@pytest.mark.parametrize("text", [b"", encode_record(received(5, "s9", correlation_id="other"))])
def test_a_log_that_is_written_anew(tmp_path, text):
    """Shorter, or with other lines: all is read again."""
    path = write(tmp_path / "run.jsonl", received(0, "s1"), changed(1, "s1"))
    log = open_log(path)
    log.traces()
    path.write_bytes(text)
    assert_like_new(log, path)
    path.write_bytes(encode_record(received(7, "s7", correlation_id="longer")) * 9)
    assert_like_new(log, path)


def test_a_file_that_is_packed_meanwhile(tmp_path):
    """It is another file, and is read again."""
    path = write(tmp_path / "run.jsonl", received(3, "s3"))
    old = write(tmp_path / "run.jsonl.1", received(0, "s1"), changed(1, "s1"))
    log = open_log(path)
    log.traces()
    raw = old.read_bytes()
    old.unlink()
    (tmp_path / "run.jsonl.1.gz").write_bytes(gzip.compress(raw))
    assert_like_new(log, path)
    assert log.traces()["records"].tolist() == [3]


@pytest.mark.parametrize(
    "ts", ["2023-11-14T22:13:20Z", "2023-11-14 22:13:20.000000", "soon", "2023-11-14T22:13:61.0Z"]
)
def test_times_that_others_write(tmp_path, ts):
    """Each block is read right, also where only one time in it is unusual."""
    odd = received(0, "s2")
    odd.ts = ts
    log = open_log(write(tmp_path / "run.jsonl", received(0, "s1"), odd, changed(9, "s1")))
    assert [frames.microseconds(each) for each in log.traces()["start"]] == [NOON]
    assert [frames.microseconds_of(each) for each in log.traces()["duration"]] == [9]


@settings(max_examples=50)
@given(st.lists(st.integers(0, 4 * 10**15), min_size=1, max_size=20))
def test_times_as_we_write_them(tmp_path_factory, times):
    """To the microsecond, over days and years."""
    records = [line("x", correlation_id=f"t{at:02}") for at in range(len(times))]
    for record, time in zip(records, times, strict=True):
        record.ts = utc_text(time)
    log = open_log(write(tmp_path_factory.mktemp("log") / "run.jsonl", *records))
    frame = log.traces().sort_values("correlation_id")
    assert [frames.microseconds(each) for each in frame["start"]] == times


def test_a_trace_takes_as_long_as_its_story_says(tmp_path):
    """In the list too, the saving of its snapshot aside; what has nothing else takes no time."""
    saved = line("snapshot.saved", 900_000, "s1", snapshot_id=1)
    alone = [line("snapshot.saved", at, "s9", correlation_id="t9") for at in (5, 70)]
    log = open_log(
        write(tmp_path / "run.jsonl", received(0, "s1"), changed(4_000, "s1"), saved, *alone)
    )
    took = [frames.microseconds_of(each) for each in log.traces()["duration"]]
    assert took == [4_000, 0]
    assert "It took 4.0 ms" in log.trace("trace-1").headline


# -- filters and the summary ----------------------------------------------------------------------


@pytest.fixture
def three(tmp_path):
    """Three traces, a minute apart; the second fails."""
    minute = 60_000_000
    return open_log(
        write(
            tmp_path / "run.jsonl",
            received(0, "s1", correlation_id="t1"),
            received(minute, "s2", correlation_id="t2", component="other"),
            line("message.failed", minute + 5, "s2", correlation_id="t2"),
            received(2 * minute, "s3", correlation_id="t3"),
        )
    )


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"since": "-90s"}, ["t2", "t3"]),
        ({"until": "-90s"}, ["t1"]),
        ({"since": "2023-11-14T22:14:00Z", "until": "2023-11-14T22:15:00Z"}, ["t2"]),
        ({"component": "other"}, ["t2"]),
        ({"failed": True}, ["t2"]),
        ({"failed": False}, ["t1", "t3"]),
        ({"limit": 2}, ["t2", "t3"]),
        ({"limit": 0}, []),
        ({"failed": False, "limit": 1}, ["t3"]),
    ],
)
def test_filters_of_traces(three, asked, expected):
    """By time, component and failure; the newest of them."""
    found = three.traces(**asked)
    assert found["correlation_id"].tolist() == expected
    assert found.index.tolist() == list(range(len(expected)))
    assert dict(found.dtypes.astype(str)) == shapes.TRACES


@pytest.mark.parametrize("asked", [{"since": "soon"}, {"until": 5}, {"limit": -1}])
def test_what_is_no_filter(three, asked):
    """A ValueError in four parts."""
    with pytest.raises(InvalidValue):
        three.traces(**asked)


def test_the_summary(tmp_path):
    """How much there is, what went wrong, and what can't be read."""
    path = write(
        tmp_path / "run.jsonl",
        received(0, "s1"),
        started(1, "h1", "s1"),
        finished(2, "h1", "s1"),
        started(1, "h2", correlation_id="t2"),
        line("message.failed", 2, correlation_id="t3"),
        line("message.refused", 2, correlation_id="t4"),
        line("component.registered", 0, None, correlation_id=None),
        b"{oops\n",
    )
    assert open_log(path).summary() == LogSummary(
        traces=4, records=7, without_id=1, broken=1, failed=1, refused=1, unfinished=1, slow=0
    )

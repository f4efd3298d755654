"""A large log is counted by several processes: the same as by one, also where they fail."""

import pickle
import sys
from copy import deepcopy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from logs import changed, line, received, write
from pandas.testing import assert_frame_equal

from flexiflow.analysis.base.text_numbers import TextNumbers
from flexiflow.analysis.log import open_log
from flexiflow.analysis.traces import shares
from flexiflow.analysis.traces.counted import Counted
from flexiflow.analysis.traces.shares import Share, counting, result, shares_of
from flexiflow.tracing.blocks import Block
from flexiflow.tracing.line_formats import LineFormat
from flexiflow.tracing.records import encode_record

OURS = LineFormat()


@pytest.fixture
def log_of_three(tmp_path, monkeypatch):
    """A log that is worth three processes, of which each has one of the broken lines."""
    monkeypatch.setattr(shares, "SMALLEST", 4_000)
    monkeypatch.setattr(shares, "_TAIL", 100)
    monkeypatch.setattr(shares, "AHEAD", 2_000)
    monkeypatch.setattr(shares, "_processes", lambda: 3)
    return write(tmp_path / "run.jsonl", *lines())


def lines():
    """Sixty traces, two at a time, some with an error, out of order, and lines that are none."""
    for at in range(60):
        two = [f"t{at}", f"t{at + 1}"]
        for each in two:
            yield received(at * 100, f"s{at}", correlation_id=each)
        yield changed(at * 90, f"s{at}", correlation_id=two[0], component=f"c{at % 7}")
        if at % 20 == 5:
            error = "PaymentError", f"declined {at}"
            yield line("message.failed", at, f"s{at}", correlation_id=two[1], error=error)
            yield b"{oops\n"
            yield line("own", at, correlation_id=None)


def alone(path, monkeypatch):
    """What one process counts."""
    with monkeypatch.context() as patched:
        patched.setattr(shares, "_processes", lambda: 1)
        log = open_log(path)
        return log.traces(), log.summary()


def assert_the_same(log, found):
    """A log's answers are those that were found before."""
    assert_frame_equal(log.traces(), found[0])
    assert log.summary() == found[1]


def test_shares_are_the_file(log_of_three):
    """Whole lines, one after the other, up to the end that may still go on."""
    found = shares_of(log_of_three, 0, log_of_three.stat().st_size, OURS)
    raw = log_of_three.read_bytes()
    assert len(found) == 3
    assert [found[0].start, *(each.stop for each in found[:-1])] == [each.start for each in found]
    assert found[0].start == 0
    assert all(raw[each.stop - 1 : each.stop] == b"\n" for each in found)
    assert len(raw) - 500 < found[-1].stop <= len(raw)


def test_a_small_log_has_none(tmp_path):
    """Starting processes would take longer than reading it."""
    path = write(tmp_path / "run.jsonl", *lines())
    assert shares_of(path, 0, path.stat().st_size, OURS) == []


def test_a_log_of_one_line_has_no_shares_to_give_away(log_of_three):
    """However long it is."""
    log_of_three.write_bytes(b"x" * 50_000)
    assert len(shares_of(log_of_three, 0, 50_000, OURS)) < 2
    assert open_log(log_of_three).summary().broken == 1


def test_several_processes_count_the_same(log_of_three, monkeypatch):
    """Each trace once, though its lines are in two shares; then what is new."""
    log = open_log(log_of_three)
    assert_the_same(log, alone(log_of_three, monkeypatch))
    with log_of_three.open("ab") as file:
        file.write(encode_record(received(9_999, "s9")) + b'{"half')
    assert_the_same(log, alone(log_of_three, monkeypatch))


def test_processes_that_read_by_other_names(tmp_path, monkeypatch, log_of_three):
    """They know where the fields stand."""
    text = "".join(f'{{"at": {at}, "say": "x", "id": "t{at % 9}"}}\n' for at in range(600))
    log_of_three.write_text(text)
    fields = {"ts": "at", "event": "say", "correlation_id": "id"}
    assert open_log(log_of_three, fields=fields).traces()["records"].sum() == 600


@pytest.mark.parametrize(
    "code",
    ["raise SystemExit(3)", "print('what else')", "import pickle", "import os; os.abort()"],
)
def test_processes_that_fail(log_of_three, monkeypatch, code):
    """What they leave is read here."""
    found = alone(log_of_three, monkeypatch)
    monkeypatch.setattr(shares, "_CODE", code)
    assert_the_same(open_log(log_of_three), found)


def test_no_process_can_be_started(log_of_three, monkeypatch):
    """All is read here."""
    found = alone(log_of_three, monkeypatch)
    monkeypatch.setattr(sys, "executable", str(log_of_three.parent / "python-that-is-not-there"))
    assert_the_same(open_log(log_of_three), found)


@pytest.mark.parametrize("name", ["", "/usr/bin/uwsgi"])
def test_an_interpreter_that_is_none(monkeypatch, name):
    """A program that holds Python within it is not started."""
    monkeypatch.setattr(sys, "executable", name)
    assert shares._processes() == 1


def test_a_file_that_became_shorter(tmp_path):
    """A share that is not whole counts nothing."""
    path = write(tmp_path / "run.jsonl", received(0, "s1"))
    size = path.stat().st_size
    assert Share(str(path), 0, size, None).counted() is not None
    assert Share(str(path), 0, size + 5, None).counted() is None
    with counting([Share(str(path), 0, size + 5, None)]) as processes:
        assert result(processes[0]) is None


def test_processes_end_with_the_block(log_of_three):
    """Also those that nobody asked."""
    share = Share(str(log_of_three), 0, log_of_three.stat().st_size, None)
    with counting([share]) as processes:
        pass
    assert processes[0].returncode is not None


def counted_of(raw):
    """What lines come to."""
    counted = Counted()
    if raw:
        counted.add(Block(0, bytearray(raw), len(raw)), "run.jsonl", OURS)
    return counted


@settings(max_examples=60)
@given(
    st.lists(
        st.builds(
            line,
            st.sampled_from(["message.received", "state.changed", "message.failed", "own"]),
            st.integers(0, 20),
            component=st.sampled_from(["a", "b", None]),
            correlation_id=st.sampled_from(["t1", "t2", "t3", None]),
            message_type=st.sampled_from(["go", "stop", None]),
            error=st.sampled_from([None, ("A", "1"), ("B", "2")]),
        ).map(encode_record),
        max_size=12,
    ),
    st.data(),
)
def test_counts_are_put_together(records, data):
    """As if all lines were counted at once, wherever they are cut, and through a pickle."""
    cut = data.draw(st.integers(0, len(records)))
    whole = counted_of(b"".join(records))
    first, second = counted_of(b"".join(records[:cut])), counted_of(b"".join(records[cut:]))
    first.extend(pickle.loads(pickle.dumps(second)))
    assert_frame_equal(first.table.frame(), whole.table.frame())
    assert first.without_id == whole.without_id


def test_numbers_that_are_copied_and_sent():
    """A copy goes on where the first stands, and they leave each other alone."""
    numbers = TextNumbers(["b", "a"])
    for other in (deepcopy(numbers), pickle.loads(pickle.dumps(numbers))):
        assert other.of(["a", None, "c"]).tolist() == [1, -1, 2]
        assert other.series(other.of(["c", "a", None])).tolist()[:2] == ["c", "a"]
    assert numbers.of(["d"]).tolist() == [2]
    assert numbers.new() == ["b", "a", "d"]
    assert numbers.new(2) == ["d"]

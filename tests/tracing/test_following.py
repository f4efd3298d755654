"""What comes to a log, each line once, whatever happens to its files."""

import gzip
import os

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.log import open_log
from flexiflow.errors import PersistenceError, StateFileNotFound
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.records import LogRecord, encode_record


def line(name):
    return encode_record(LogRecord("now", "INFO", name))


def names(follower):
    return [each.event for each in follower.new()]


@pytest.fixture
def path(tmp_path):
    """A log with one line."""
    found = tmp_path / "run.jsonl"
    found.write_bytes(line("old"))
    return found


def append(path, raw):
    with path.open("ab") as file:
        file.write(raw)


def test_only_what_is_new(path):
    """Unless the beginning is asked for."""
    follower = open_log(path).follow()
    assert names(follower) == []
    append(path, line("one") + line("two"))
    assert names(follower) == ["one", "two"]
    assert names(follower) == []
    assert names(open_log(path).follow(from_start=True)) == ["old", "one", "two"]


def test_a_line_that_is_not_ended_waits(path):
    """And is given whole, also where it was half there from the start."""
    append(path, line("one")[:10])
    follower = open_log(path).follow()
    append(path, line("one")[10:-1])
    assert names(follower) == []
    append(path, b"\n")
    assert names(follower) == ["one"]


def test_broken_lines_come_too(path):
    """As what they are."""
    follower = open_log(path).follow()
    append(path, b"{oops\n\n" + line("one"))
    broken, whole = follower.new()
    assert isinstance(broken, BrokenLine)
    assert whole.event == "one"


def test_rotation_loses_nothing(path):
    """What came to the old file first, then the new one; also while there is none."""
    follower = open_log(path).follow()
    append(path, line("one"))
    os.rename(path, path.with_name("run.jsonl.20260131T120000.000000Z"))
    assert names(follower) == ["one"]
    path.write_bytes(line("two"))
    assert names(follower) == ["two"]
    os.rename(path, path.with_name("run.jsonl.20260131T130000.000000Z"))
    assert names(follower) == []


def test_a_rotated_file_that_is_packed(path):
    """Is not read again."""
    old = path.with_name("run.jsonl.1")
    follower = open_log(path).follow()
    append(path, line("one"))
    assert names(follower) == ["one"]
    os.rename(path, old)
    path.write_bytes(line("two"))
    old.with_name("run.jsonl.1.gz").write_bytes(gzip.compress(old.read_bytes()))
    old.unlink()
    assert names(follower) == ["two"]


def test_a_log_that_is_cut_off(path):
    """Begins anew, as after copying and truncating it."""
    follower = open_log(path).follow()
    path.write_bytes(b"")
    assert names(follower) == []
    append(path, line("one"))
    assert names(follower) == ["one"]


def test_without_a_log(tmp_path):
    """There is nothing to follow."""
    with pytest.raises(StateFileNotFound):
        open_log(tmp_path / "run.jsonl").follow()


@settings(max_examples=40)
@given(st.lists(st.integers(0, 5), max_size=8), st.data())
def test_every_line_comes_once(tmp_path_factory, counts, data):
    """Whatever is between two questions: lines, half lines, rotations."""
    path = tmp_path_factory.mktemp("log") / "run.jsonl"
    path.write_bytes(b"")
    follower = open_log(path).follow()
    written = seen = 0
    pending = b""
    for at, count in enumerate(counts):
        pending += b"".join(line(str(written + each)) for each in range(count))
        written += count
        cut = data.draw(st.integers(0, len(pending)))
        append(path, pending[:cut])
        pending = pending[cut:]
        if not pending and data.draw(st.booleans()):
            os.rename(path, path.with_name(f"run.jsonl.20260131T12{at:02}00.000000Z"))
            path.write_bytes(b"")
        for name in names(follower):
            assert name == str(seen)
            seen += 1
    append(path, pending)
    assert seen + len(names(follower)) == written


@pytest.mark.parametrize("new", [0, 1, 9])
def test_a_log_that_is_copied_and_cut_off(path, new):
    """Its copy is not new; what came before the copying is, and what the log begins with then."""
    follower = open_log(path).follow()
    append(path, line("one"))
    path.with_name("run.jsonl.1").write_bytes(path.read_bytes())
    path.write_bytes(b"".join(line(str(each)) for each in range(new)))
    assert names(follower) == ["one", *map(str, range(new))]
    append(path, line("last"))
    assert names(follower) == ["last"]


def test_a_copy_that_is_seen_before_the_log_is_cut_off(path):
    """Gives a line once, whichever of the two is read first."""
    follower = open_log(path).follow()
    append(path, line("one"))
    path.with_name("run.jsonl.1").write_bytes(path.read_bytes())
    assert names(follower) == ["one"]
    append(path, line("two"))
    assert names(follower) == ["two"]
    path.write_bytes(line("three"))
    assert names(follower) == ["three"]


def test_another_file_of_the_same_name(path):
    """Begins anew, however large it is and whichever number the system gives it."""
    follower = open_log(path).follow()
    path.unlink()
    path.write_bytes(b"".join(line(str(each)) for each in range(9)))
    assert names(follower) == [str(each) for each in range(9)]


@pytest.mark.parametrize("make", ["mkdir", "mkfifo"])
def test_what_is_no_file(tmp_path, make):
    """Is refused, and not waited for."""
    getattr(os, make)(tmp_path / "run.jsonl")
    with pytest.raises(PersistenceError, match=r"can't be read|it is a folder"):
        open_log(tmp_path / "run.jsonl").follow()


def test_what_is_packed_and_damaged(path):
    """Is not looked at: nothing comes to it."""
    path.with_name("run.jsonl.1.gz").write_bytes(b"junk")
    follower = open_log(path).follow()
    append(path, line("one"))
    assert names(follower) == ["one"]

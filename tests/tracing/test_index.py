"""An index finds what a search finds, and does no harm where it is stale or broken."""

import gzip
import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.log import open_log
from flexiflow.errors import InvalidType, InvalidValue
from flexiflow.tracing import index
from flexiflow.tracing.index import current_index, index_path
from flexiflow.tracing.line_formats import LineFormat
from flexiflow.tracing.reader import OURS, find_records
from flexiflow.tracing.records import LogRecord, encode_record


def line(correlation_id, note=""):
    return encode_record(LogRecord("now", "INFO", "any", correlation_id, data={"note": note}))


def beside(path):
    return index_path(path, None)


@pytest.fixture
def small(monkeypatch):
    """Parts of 128 bytes: about two lines."""
    monkeypatch.setattr(index, "PART", 128)


@pytest.fixture
def log(tmp_path):
    """A log of 300 lines of 30 traces."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"".join(line(f"t{at % 30:02}", str(at)) for at in range(300)))
    return path


IDS = ["a", "b", "ü", 'say "hi"', "x" * 128, None]


@pytest.mark.usefixtures("small")
@settings(max_examples=80)
@given(
    st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 400)), max_size=12),
    st.lists(st.tuples(st.sampled_from(IDS), st.integers(0, 400)), max_size=4),
    st.sampled_from([b"", b"{oops\n", b'{"ts":"x"']),
)
def test_an_index_finds_what_a_search_finds(tmp_path_factory, first, later, odd):
    """Lines of any length, before and after the index was written, each of them once."""
    path = tmp_path_factory.mktemp("log") / "run.jsonl"
    path.write_bytes(b"".join(line(name, "n" * length) for name, length in first) + odd)
    assert current_index(path, beside(path), OURS) is not None
    with path.open("ab") as file:
        file.write(b"\n" + b"".join(line(name, "n" * length) for name, length in later))
    for name in IDS[:-1]:
        searched = list(find_records([path], name))
        assert list(find_records([path], name, OURS, beside)) == searched


def test_only_the_parts_with_the_id_are_read(log, small):
    """A handful of lines, not all of the log."""
    found = current_index(log, beside(log), OURS)
    assert len(found.parts("t07")) == 10
    assert found.parts("other") == []


@pytest.mark.parametrize(
    "change",
    [
        lambda path: path.write_bytes(line("new")),
        lambda path: path.write_bytes(line("new") * 1000),
        lambda path: path.write_bytes(b""),
        lambda path: path.write_bytes(path.read_bytes().replace(b"t07", b"t08")),
    ],
)
def test_a_log_that_is_another_one(log, change):
    """Shorter, longer, empty, edited: the index is written anew."""
    current_index(log, beside(log), OURS)
    os.utime(log, ns=(0, 1))
    change(log)
    for name in ("t07", "t08", "new"):
        assert list(find_records([log], name, OURS, beside)) == list(find_records([log], name))


@pytest.mark.parametrize(
    "damage",
    [
        lambda raw: raw[:-5],
        lambda raw: raw[:100],
        lambda raw: b"",
        lambda raw: raw + b"x",
        lambda raw: b"\xff" * len(raw),
        lambda raw: raw.replace(b'"format":1', b'"format":9'),
    ],
)
def test_a_damaged_index_is_written_anew(log, damage):
    """Whatever is wrong with it."""
    place = beside(log)
    current_index(log, place, OURS)
    whole = place.read_bytes()
    place.write_bytes(damage(whole))
    assert len(list(find_records([log], "t07", OURS, beside))) == 10
    assert place.read_bytes() == whole


def test_what_is_behind_the_index_is_searched(log):
    """The index stays as it is while little is new."""
    place = beside(log)
    current_index(log, place, OURS)
    whole = place.read_bytes()
    with log.open("ab") as file:
        file.write(line("t07"))
    assert len(list(find_records([log], "t07", OURS, beside))) == 11
    assert place.read_bytes() == whole


def test_an_index_that_is_far_behind_is_renewed(log, monkeypatch):
    """Else more and more would be searched."""
    place = beside(log)
    current_index(log, place, OURS)
    whole = place.read_bytes()
    with log.open("ab") as file:
        file.write(line("t07"))
    monkeypatch.setattr(index, "_MOST_NEW", 10)
    assert len(list(find_records([log], "t07", OURS, beside))) == 11
    assert place.read_bytes() != whole


def test_other_fields_are_another_index(tmp_path):
    """The ids stand elsewhere in the same lines."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b'{"ts":"x","event":"e","level":"INFO","correlation_id":"a","trace":"b"}\n')
    theirs = LineFormat({"correlation_id": "trace"})
    assert len(list(find_records([path], "a", OURS, beside))) == 1
    assert len(list(find_records([path], "b", theirs, beside))) == 1
    assert len(list(find_records([path], "a", OURS, beside))) == 1


def test_where_no_index_can_be_written(log):
    """The log is searched, and nothing is left behind."""
    nowhere = log.parent / "no such folder"
    found = find_records([log], "t07", OURS, lambda path: index_path(path, nowhere))
    assert len(list(found)) == 10
    assert [each.name for each in log.parent.iterdir()] == ["run.jsonl"]


def test_packed_files_have_none(tmp_path):
    """They are unpacked from their beginning in any case."""
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(gzip.compress(line("a")))
    assert len(list(find_records([path], "a", OURS, beside))) == 1
    assert [each.name for each in tmp_path.iterdir()] == ["run.jsonl.gz"]


# -- as it is asked for ------------------------------------------------------------------------


def test_nothing_is_written_unless_told(log):
    """Reading never makes a file."""
    open_log(log).trace("t07")
    assert [each.name for each in log.parent.iterdir()] == ["run.jsonl"]


def test_an_index_beside_the_log(log):
    """It is no log itself, also for a pattern that fits."""
    assert len(open_log(log, index=True).trace("t07")) == 10
    assert beside(log).exists()
    assert open_log(str(log.parent / "run*")).paths == [log]
    assert open_log(log).paths == [log]


def test_an_index_elsewhere(log, tmp_path_factory):
    """In a folder, where logs of the same name are told apart."""
    folder = tmp_path_factory.mktemp("indexes")
    other = log.parent / "other" / "run.jsonl"
    other.parent.mkdir()
    other.write_bytes(line("t07"))
    for path, count in ((log, 10), (other, 1), (log, 10)):
        assert len(open_log(path, index=folder).trace("t07")) == count
    assert len(list(folder.iterdir())) == 2
    assert not beside(log).exists()


def test_what_is_no_place_for_an_index(log):
    """A TypeError or a ValueError in four parts."""
    with pytest.raises(InvalidType):
        open_log(log, index=5)
    with pytest.raises(InvalidValue):
        open_log(log, index="")


def test_the_folder_may_be_a_path(log, tmp_path_factory):
    """A `pathlib.Path` or a string."""
    folder = Path(tmp_path_factory.mktemp("indexes"))
    assert len(open_log(log, index=str(folder)).records("t07")) == 10
    assert len(list(folder.iterdir())) == 1

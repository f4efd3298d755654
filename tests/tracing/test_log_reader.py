"""Reading logs: every line is a record or is said to be broken, and an id's lines are found."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.errors import InvalidType, PersistenceError, StateFileNotFound
from flexiflow.tracing.line_formats import BrokenLine
from flexiflow.tracing.reader import find_records, find_text, log_files, read_records
from flexiflow.tracing.records import LogRecord, encode_record

IDS = ["a", "aa", 'a"a', "a\\a", "ä", "日本", "a a", "1", "{}", "'a'", "a\u202eb"]


def line(correlation_id=None, **fields) -> bytes:
    return encode_record(LogRecord("now", "INFO", "any", correlation_id, **fields))


@pytest.fixture(params=["run.jsonl", "run.jsonl.gz"])
def write(request, tmp_path):
    """Write bytes as a log, plain and packed, and return its path."""

    def write(content: bytes, name: str = request.param) -> Path:
        path = tmp_path / name
        path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
        return path

    return write


def test_records_come_in_the_order_of_the_file(write):
    """Plain or packed, every line is a record."""
    path = write(line("1") + line("2") + line("1"))
    assert [each.correlation_id for each in read_records([path])] == ["1", "2", "1"]


def test_several_files_are_read_one_after_the_other(write):
    """The order is that of the paths."""
    paths = [write(line(each), f"{each}.jsonl") for each in "ba"]
    assert [each.correlation_id for each in read_records(paths)] == ["b", "a"]


def test_half_a_line_is_said_to_be_broken(write):
    """What a killed writer left is reported with its place, and the others are read."""
    whole, half = line("1"), line("2")[:20]
    path = write(whole + half + b"\n" + line("3") + half)
    found = list(read_records([path]))
    assert [type(each) for each in found] == [LogRecord, BrokenLine, LogRecord, BrokenLine]
    assert (found[1].path, found[1].offset, found[1].text) == (
        str(path),
        len(whole),
        half.decode(),
    )
    assert found[1].why


@pytest.mark.parametrize(
    "content",
    [
        b"not json",
        b"[]",
        b'"text"',
        b"12",
        b"null",
        b"{}",
        b'{"ts":1,"level":"INFO","event":"any"}',
        b'{"ts":"now","level":"INFO","event":"any","duration_us":"long"}',
        b"\xff\xfe",
        b'{"ts":"\xff","level":"INFO","event":"any"}',
        b'{"ts":"now","level":"INFO","event":"any","data":' + b"[" * 100_000 + b"}",
        b"\x00" * 50,
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_line_that_is_no_record_stops_nothing(write, content):
    """It is a BrokenLine that says why, and the lines around it are read."""
    path = write(line("1") + content + b"\n" + line("2"))
    before, broken, after = read_records([path])
    assert (before.correlation_id, after.correlation_id) == ("1", "2")
    assert isinstance(broken, BrokenLine)
    assert broken.why
    assert broken.offset == len(line("1"))


def test_a_huge_broken_line_is_shown_bounded(write):
    """Only its beginning is kept."""
    path = write(b"x" * 10**7 + b"\n" + line("1"))
    broken, after = read_records([path])
    assert len(broken.text) <= 200
    assert after.correlation_id == "1"


def test_a_huge_record_is_read_whole(write):
    """There is no limit to a line."""
    path = write(line("1", data="x" * 10**7))
    (found,) = read_records([path])
    assert len(found.data) == 10**7


def test_empty_lines_and_files_are_nothing(write):
    """Neither is a record, and neither is broken."""
    empty = write(b"", "empty.jsonl")
    assert list(read_records([empty])) == []
    assert list(find_records([empty], "1")) == []
    path = write(b"\n  \n" + line("1") + b"\r\n")
    assert [each.correlation_id for each in read_records([path])] == ["1"]


def test_fields_of_a_newer_version_are_passed_over(write):
    """A record with an unknown field is still a record."""
    path = write(b'{"ts":"now","level":"INFO","event":"new.event","colour":"red"}\n')
    (found,) = read_records([path])
    assert found.event == "new.event"


def test_a_cut_packed_file_gives_what_is_there(tmp_path):
    """The records before the damage are read, and the damage is said."""
    path = tmp_path / "run.jsonl.gz"
    lines = b"".join(line(str(n), data={"n": n * 7919}) for n in range(2000))
    packed = gzip.compress(lines)
    path.write_bytes(packed[: len(packed) // 2])
    *records, last = read_records([path])
    assert [each.correlation_id for each in records] == [str(n) for n in range(len(records))]
    assert len(records) > 10
    assert isinstance(last, BrokenLine)
    assert "damaged" in last.why
    assert [type(each) for each in find_records([path], "3")] == [LogRecord, BrokenLine]


def test_a_packed_file_that_is_none_says_so(tmp_path):
    """A plain file named .gz is damaged from its beginning."""
    path = tmp_path / "run.jsonl.gz"
    path.write_bytes(line("1"))
    (broken,) = read_records([path])
    assert isinstance(broken, BrokenLine)
    assert [type(each) for each in find_records([path], "1")] == [BrokenLine]


@pytest.mark.parametrize("wanted", IDS)
def test_exactly_the_lines_of_an_id_are_found(write, wanted):
    """Not those of ids that contain it, nor those that mention it elsewhere."""
    elsewhere = [line("other", component=each, data={each: each}) for each in IDS]
    path = write(b"".join([*(line(each, component="own") for each in IDS), *elsewhere]))
    found = [(each.correlation_id, each.component) for each in find_records([path], wanted)]
    assert found == [(wanted, "own")]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=3), max_size=12))
def test_finding_an_id_is_filtering_by_it(tmp_path_factory, ids):
    """Any ids: find_records gives what reading everything and comparing gives, in order."""
    path = tmp_path_factory.mktemp("logs") / "run.jsonl"
    path.write_bytes(b"".join(line(each, data=n) for n, each in enumerate(ids)))
    everything = list(read_records([path]))
    for wanted in {*ids, "absent"}:
        expected = [each for each in everything if each.correlation_id == wanted]
        assert list(find_records([path], wanted)) == expected


def test_a_broken_line_that_mentions_the_id_is_found(write):
    """Half a record of the trace is better than none; one of a longer id is not of it."""
    half = line("wanted", component="order")[:-5]
    longer = line("wanted too", component="order")[:-5]
    path = write(line("other") + half + b"\n" + longer + b"\n" + line("wanted"))
    assert [type(each) for each in find_records([path], "wanted")] == [BrokenLine, LogRecord]


def test_the_last_line_is_found_without_its_newline(write):
    """A log that is cut at its very end keeps its last record."""
    path = write(line("1") + line("2")[:-1])
    assert [each.correlation_id for each in find_records([path], "2")] == ["2"]


@pytest.mark.parametrize("text", ["needle", 'a "quote"', "日本", "new\nline"])
def test_text_is_found_wherever_it_stands(write, text):
    """In a name, in the data, in the middle of a value; each line once."""
    path = write(
        line("1", component=f"the {text} here")
        + line("2")
        + line("3", data={text: [text, text]})
        + line(f"4{text}")
    )
    found = [each.correlation_id for each in find_text([path], text)]
    assert found == ["1", "3", f"4{text}"]


def test_no_text_at_all_is_in_every_line(write):
    """An empty text ends, and finds each line once."""
    path = write(line("1") + line("2") + line("3"))
    found = []
    for each in find_text([path], ""):
        found.append(each.correlation_id)
        assert len(found) <= 3
    assert found == ["1", "2", "3"]


def test_a_glob_is_its_files_in_order(tmp_path):
    """A pattern means the files that match it, by name."""
    for name in ("b.jsonl", "a.jsonl", "c.txt"):
        (tmp_path / name).touch()
    assert log_files(f"{tmp_path}/*.jsonl") == [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]


def test_several_sources_are_each_file_once(tmp_path):
    """Paths and patterns in the order given; a file that is meant twice is read once."""
    for name in ("a.jsonl", "b.jsonl"):
        (tmp_path / name).touch()
    found = log_files([tmp_path / "b.jsonl", f"{tmp_path}/*.jsonl"])
    assert found == [tmp_path / "b.jsonl", tmp_path / "a.jsonl"]


def test_a_file_whose_name_looks_like_a_pattern_is_that_file(tmp_path):
    """A path that exists is never taken for a pattern."""
    (tmp_path / "run[1].jsonl").touch()
    (tmp_path / "run1.jsonl").touch()
    assert log_files(tmp_path / "run[1].jsonl") == [tmp_path / "run[1].jsonl"]


@pytest.mark.parametrize("name", ["run.jsonl", "*.jsonl"])
def test_what_is_missing_is_said(tmp_path, name):
    """No file, or no match: the error names what was asked for, and is a FileNotFoundError."""
    with pytest.raises(StateFileNotFound) as caught:
        log_files(tmp_path / name)
    assert name in caught.value.what
    assert isinstance(caught.value, FileNotFoundError)


def test_no_source_at_all_is_said():
    """An empty list is no log."""
    with pytest.raises(StateFileNotFound):
        log_files([])


def test_what_is_no_path_is_refused():
    """A number is not a log."""
    with pytest.raises(InvalidType) as caught:
        log_files(3)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("read", [read_records, lambda paths: find_records(paths, "1")])
def test_what_can_not_be_read_is_said(tmp_path, read):
    """A folder in the place of a log is an error with its path, not a broken line."""
    folder = tmp_path / "run.jsonl"
    folder.mkdir()
    with pytest.raises(PersistenceError) as caught:
        list(read([folder]))
    assert str(folder) in caught.value.what

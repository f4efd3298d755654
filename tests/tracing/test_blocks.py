"""Files in blocks of whole lines."""

import codecs
import gzip
import os

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexiflow.tracing import blocks
from flexiflow.tracing.blocks import read_blocks


@pytest.fixture
def small(monkeypatch):
    """Blocks of 16 bytes, and lines of at most 100."""
    monkeypatch.setattr(blocks, "BLOCK", 16)
    monkeypatch.setattr(blocks, "_LONGEST_LINE", 100)


def read(path, start=0):
    """(offset, its text) of each block."""
    return [(block.offset, bytes(block.buffer[: block.size])) for block in read_blocks(path, start)]


@pytest.mark.parametrize("ending", ["log", "gz"])
@pytest.mark.usefixtures("small")
@settings(max_examples=60)
@given(lines=st.lists(st.binary(max_size=40).map(lambda raw: raw.replace(b"\n", b"")), max_size=12))
@pytest.mark.parametrize("last", [b"\n", b""])
def test_blocks_are_whole_lines(tmp_path_factory, ending, lines, last):
    """Together they are the file, each begins a line, and all but the last end one."""
    path = tmp_path_factory.mktemp("log") / f"run.{ending}"
    raw = b"\n".join(lines) + last
    assume(not raw.startswith(codecs.BOM_UTF8))
    path.write_bytes(gzip.compress(raw) if ending == "gz" else raw)
    found = read(path)
    assert b"".join(text for _, text in found) == raw
    assert [offset for offset, _ in found] == [
        sum(len(text) for _, text in found[:at]) for at in range(len(found))
    ]
    assert all(text.endswith(b"\n") for _, text in found[:-1])


@pytest.mark.usefixtures("small")
def test_from_the_middle_of_a_file(tmp_path):
    """Offsets count from the beginning all the same."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"first\nsecond\nthird\n")
    assert read(path, 6) == [(6, b"second\nthird\n")]


@pytest.mark.usefixtures("small")
def test_a_line_without_end_is_cut(tmp_path):
    """So that a file of one line can't fill the memory."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"x" * 1_000)
    assert max(len(text) for _, text in read(path)) <= 128
    assert b"".join(text for _, text in read(path)) == b"x" * 1_000


def test_lines_and_the_line_around_a_byte(tmp_path):
    """With and without a newline at the end."""
    path = tmp_path / "run.jsonl"
    path.write_bytes(b"one\n\ntwo")
    blocks_read = read_blocks(path)
    first = next(blocks_read)
    assert list(first.lines()) == [(0, b"one\n"), (4, b"\n")]
    assert [first.line_at(at) for at in (0, 2, 4)] == [(0, 3), (0, 3), (4, 4)]
    assert first.is_whole
    last = next(blocks_read)
    assert list(last.lines()) == [(0, b"two")]
    assert (last.line_at(1), last.is_whole) == ((0, 3), False)


def test_a_damaged_packed_file_says_so_at_its_end(tmp_path):
    """What comes before is given first."""
    path = tmp_path / "run.gz"
    raw = b"".join(b"%d\n" % (at * 7919) for at in range(5_000))
    path.write_bytes(gzip.compress(raw)[:-2_000])
    found = []
    with pytest.raises(EOFError):
        found.extend(bytes(each.buffer[: each.size]) for each in read_blocks(path))
    assert len(found[0]) > 10_000
    assert raw.startswith(found[0])


@pytest.mark.parametrize("ending", ["log", "gz"])
def test_a_byte_order_mark_is_blank(tmp_path, ending):
    """An editor may have put it there; what follows is where it was."""
    path = tmp_path / f"run.{ending}"
    raw = codecs.BOM_UTF8 + b'{"a":1}\r\n'
    path.write_bytes(gzip.compress(raw) if ending == "gz" else raw)
    assert read(path) == [(0, b'   {"a":1}\r\n')]


def test_a_pipe_is_no_log(tmp_path):
    """Opening one would wait for somebody who writes into it."""
    os.mkfifo(tmp_path / "run.jsonl")
    with pytest.raises(OSError, match="a pipe or a device"):
        read(tmp_path / "run.jsonl")

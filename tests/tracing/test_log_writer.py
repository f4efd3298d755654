"""Appending: whole lines, whoever else writes, and whatever was left behind."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from flexiflow.errors import PersistenceError
from flexiflow.tracing.writer import LogWriter

APPENDER = """
import sys
from flexiflow.tracing.records import LogRecord, encode_record
from flexiflow.tracing.writer import LogWriter

path, who = sys.argv[1:]
log = LogWriter(path)
sys.stdout.write("ready\\n")
sys.stdout.flush()
sys.stdin.readline()
for n in range(500):
    data = {"who": who, "n": n, "fill": who * (n * 37 % 3000)}
    log.write(encode_record(LogRecord("now", "INFO", "any", data=data)))
log.close()
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Where the log is."""
    return tmp_path / "run.jsonl"


def test_lines_are_appended(path):
    """A second writer goes on where the first one ended."""
    for lines in (b"1\n", b"2\n3\n"):
        log = LogWriter(path)
        log.write(lines)
        log.close()
    assert path.read_bytes() == b"1\n2\n3\n"


def test_a_line_is_in_the_file_at_once(path):
    """Nothing is buffered in the process: a kill after the call loses nothing."""
    log = LogWriter(path)
    log.write(b"1\n")
    assert path.read_bytes() == b"1\n"
    log.close()


def test_lines_are_not_synced(path, monkeypatch):
    """A power cut may take the last ones; a line costs one write, and no wait for the disk."""
    synced = []
    for name in ("fsync", "fdatasync", "sync"):
        monkeypatch.setattr(os, name, synced.append, raising=False)
    log = LogWriter(path)
    log.write(b"1\n")
    log.close()
    assert synced == []


def test_half_a_line_of_a_killed_writer_is_ended_first(path):
    """The next record begins a line of its own, and nothing that was there is changed."""
    path.write_bytes(b'{"ts":"1"}\n{"ts":')
    log = LogWriter(path)
    log.write(b"2\n")
    log.write(b"3\n")
    log.close()
    assert path.read_bytes() == b'{"ts":"1"}\n{"ts":\n2\n3\n'


def test_half_a_line_of_a_writer_that_is_killed_meanwhile_is_ended_first(path):
    """Else what the survivor writes is part of no line that can be read."""
    log = LogWriter(path)
    log.write(b"1\n")
    with path.open("ab") as killed:
        killed.write(b"2\n{")
    log.write(b"3\n")
    log.write(b"4\n")
    log.close()
    assert path.read_bytes() == b"1\n2\n{\n3\n4\n"


def test_nothing_is_written_until_there_is_a_line(path):
    """Opening a log with half a line leaves it as it is."""
    path.write_bytes(b"half")
    LogWriter(path).close()
    assert path.read_bytes() == b"half"


def test_closing_twice_is_harmless(path):
    """The second close does nothing."""
    log = LogWriter(path)
    log.close()
    log.close()
    assert path.read_bytes() == b""


def test_a_folder_that_is_missing_is_said(tmp_path):
    """The folder is never made; the error says what to check."""
    with pytest.raises(PersistenceError) as caught:
        LogWriter(tmp_path / "nowhere" / "run.jsonl")
    assert "can't be written" in caught.value.what
    assert "folder exists" in caught.value.fix
    assert not (tmp_path / "nowhere").exists()


def test_a_folder_is_no_log(tmp_path):
    """A folder as the path is refused."""
    with pytest.raises(PersistenceError):
        LogWriter(tmp_path)


@pytest.fixture
def failing_write(monkeypatch):
    """A system that writes so many bytes and then says that the disk is full."""

    def limit(room: int) -> None:
        real = os.write
        left = [room]

        def write(file, data):
            if left[0] == 0:
                raise OSError(28, "No space left on device")
            written = real(file, bytes(data)[: left[0]])
            left[0] -= written
            return written

        monkeypatch.setattr(os, "write", write)

    return limit


@pytest.mark.parametrize(
    ("room", "whole"), [(0, 0), (1, 0), (3, 3), (4, 3), (7, 6)], ids=lambda n: f"{n}b"
)
def test_a_full_disk_says_how_many_bytes_of_whole_lines_are_there(
    path, failing_write, monkeypatch, room, whole
):
    """What is left can be written again, and then every line is there once and whole."""
    lines = b"11\n22\n33\n"
    log = LogWriter(path)
    failing_write(room)
    with pytest.raises(PersistenceError) as caught:
        log.write(lines)
    monkeypatch.undo()
    assert caught.value.context_items["bytes_written"] == whole
    log.write(lines[whole:])
    log.close()
    found = path.read_bytes().split(b"\n")
    assert [line for line in found if len(line) == 2] == [b"11", b"22", b"33"]


@pytest.mark.parametrize(("room", "whole"), [(0, 0), (1, 0), (2, 0), (4, 3)])
def test_the_newline_that_ends_half_a_line_is_not_counted(
    path, failing_write, monkeypatch, room, whole
):
    """The count is of the caller's bytes also where half a line had to be ended first."""
    path.write_bytes(b"half")
    log = LogWriter(path)
    failing_write(room)
    with pytest.raises(PersistenceError) as caught:
        log.write(b"11\n22\n")
    monkeypatch.undo()
    assert caught.value.context_items["bytes_written"] == whole
    log.write(b"11\n22\n"[whole:])
    log.close()
    found = path.read_bytes().split(b"\n")
    assert found[0] == b"half"
    assert [line for line in found if len(line) == 2] == [b"11", b"22"]


def test_two_processes_never_mix_within_a_line(path):
    """Every line of both is whole, and each process's own are in its order.

    A line may be empty: a writer that is stopped in the middle of one is taken for killed.
    """
    command = [sys.executable, "-c", APPENDER, str(path)]
    both = [
        subprocess.Popen([*command, who], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        for who in "ab"
    ]
    for each in both:
        assert each.stdout.readline() == b"ready\n"
    for each in both:
        each.stdin.write(b"go\n")
        each.stdin.flush()
    for each in both:
        each.communicate(timeout=60)
    found = [json.loads(line)["data"] for line in path.read_text().splitlines() if line]
    for who in "ab":
        own = [line for line in found if line["who"] == who]
        assert [line["n"] for line in own] == list(range(500))
        assert all(set(line["fill"]) <= {who} for line in own)

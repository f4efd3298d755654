"""When a log begins a new file, what the old one is called, and that no line is lost."""

from __future__ import annotations

import gzip
import json
import logging
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.errors import InvalidType, InvalidValue, PersistenceError
from flexiflow.tracing.reader import log_files
from flexiflow.tracing.rotation import Rotation, in_order, next_name, rotated_files
from flexiflow.tracing.writer import LogWriter

NOON = datetime(2026, 1, 31, 12, tzinfo=UTC)

WRITER = """
import sys
from flexiflow.tracing.rotation import Rotation
from flexiflow.tracing.writer import LogWriter
path, who, lines = sys.argv[1], sys.argv[2], int(sys.argv[3])
log = LogWriter(path, Rotation(2_000))
print("ready", flush=True)
sys.stdin.readline()
for number in range(lines):
    log.write(f'{{"who": "{who}", "number": {number}}}\\n'.encode())
    print(number, flush=True)
"""


@pytest.fixture
def path(tmp_path):
    return tmp_path / "run.jsonl"


def lines_of(path: Path) -> list[bytes]:
    """Every line of a log and of its rotated files, the oldest first."""
    return [line for file in log_files(path) for line in file.read_bytes().splitlines()]


@pytest.mark.parametrize(
    ("asked", "rotation"),
    [
        (1, Rotation(1)),
        ("500", Rotation(500)),
        ("64 MB", Rotation(64_000_000)),
        ("64MiB", Rotation(67_108_864)),
        ("1.5 kb", Rotation(1_500)),
        ("1 GB", Rotation(1_000_000_000)),
        ("day", Rotation(daily=True)),
    ],
)
def test_a_rotation_is_a_size_or_a_day(asked, rotation):
    """Bytes as a number, or with their unit."""
    assert Rotation.of(asked) == rotation


@pytest.mark.parametrize("asked", [0, -1, "", "week", "64 XB", "MB", "1e3", "0", "-5 MB", "٣ MBx"])
def test_another_value_is_refused(asked):
    """A typo must not mean that a log grows for ever."""
    with pytest.raises(InvalidValue, match="rotate must be"):
        Rotation.of(asked)


@pytest.mark.parametrize("asked", [True, 1.5, b"1", [1], object()])
def test_another_type_is_refused(asked):
    """Neither bytes nor a text."""
    with pytest.raises(InvalidType, match="rotate must be"):
        Rotation.of(asked)


def test_no_file_grows_over_the_size(path):
    """A group of lines is parted where a file is full."""
    log = LogWriter(path, Rotation(30))
    log.write(b"0123456789\n" * 7)
    log.close()
    assert [file.stat().st_size for file in log_files(path)] == [22, 22, 22, 11]


def test_a_line_that_is_longer_than_a_file_is_written_whole(path):
    """It has a file to itself."""
    log = LogWriter(path, Rotation(5))
    log.write(b"a\n" + b"b" * 20 + b"\nc\n")
    log.close()
    assert [file.read_bytes() for file in log_files(path)] == [b"a\n", b"b" * 20 + b"\n", b"c\n"]


def test_without_a_rotation_a_log_stays_one_file(path):
    """As before."""
    log = LogWriter(path)
    log.write(b"0123456789\n" * 7)
    log.close()
    assert log_files(path) == [path]


def test_a_new_day_begins_a_new_file(path):
    """By the time of the last line that was written."""
    log = LogWriter(path, Rotation(daily=True))
    log.write(b"yesterday\n")
    os.utime(path, (0, 0))
    log.write(b"today\n")
    log.write(b"later\n")
    log.close()
    assert [f.read_bytes() for f in log_files(path)] == [b"yesterday\n", b"today\nlater\n"]


def test_a_clock_that_was_set_back_rotates_nothing(path):
    """The last line is from tomorrow."""
    log = LogWriter(path, Rotation(daily=True))
    log.write(b"one\n")
    os.utime(path, (2**33, 2**33))
    log.write(b"two\n")
    log.close()
    assert log_files(path) == [path]


def test_a_name_is_later_than_every_name_before(path):
    """Whatever the clock says."""
    (path.parent / "run.jsonl.20260131T120000.000005Z.gz").touch()
    assert next_name(path, NOON).name == "run.jsonl.20260131T120000.000006Z"


def test_a_name_that_only_looks_like_a_time_does_no_harm(path):
    """There is no 99th month."""
    (path.parent / "run.jsonl.20269931T120000.000005Z").touch()
    assert next_name(path, NOON).name == "run.jsonl.20260131T120000.000001Z"


def test_what_logrotate_numbered_is_in_order_too(path):
    """The highest number is the oldest; the log itself is the newest."""
    for ending in ("", ".1", ".2.gz", ".10.gz", ".20260131T120000.000000Z", ".bak", ".1.tmp"):
        path.with_name(path.name + ending).touch()
    assert [each.name for each in log_files(path)] == [
        "run.jsonl.10.gz",
        "run.jsonl.2.gz",
        "run.jsonl.1",
        "run.jsonl.20260131T120000.000000Z",
        "run.jsonl",
    ]


def test_a_pattern_puts_the_log_behind_its_rotated_files(path):
    """In the order of the logs' names."""
    for name in ("b.jsonl", "b.jsonl.1", "a.jsonl", "a.jsonl.2", "a.jsonl.1"):
        (path.parent / name).touch()
    found = [each.name for each in log_files(path.parent / "*.jsonl*")]
    assert found == ["a.jsonl.2", "a.jsonl.1", "a.jsonl", "b.jsonl.1", "b.jsonl"]


def test_a_log_whose_newest_file_is_not_there_yet_can_be_read(path):
    """A kill came between the renaming and the next line."""
    old = path.with_name("run.jsonl.20260131T120000.000000Z.gz")
    old.write_bytes(gzip.compress(b"{}\n"))
    assert log_files(path) == [old]


@given(st.permutations(range(12)))
def test_the_order_does_not_depend_on_the_folder(order):
    """Numbers are numbers: 10 is not before 2."""
    paths = [Path(f"run.jsonl.{number}") for number in order]
    assert in_order(paths) == [Path(f"run.jsonl.{number}") for number in range(11, -1, -1)]


def test_a_folder_that_can_not_be_listed_has_no_rotated_files(path):
    """What is wrong with it is said by who opens the log."""
    assert rotated_files(path.parent / "absent" / "run.jsonl") == []


def test_a_rotation_that_fails_is_said_once_and_loses_nothing(path, monkeypatch, caplog):
    """The file goes on."""

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "rename", refuse)
    log = LogWriter(path, Rotation(10))
    with caplog.at_level(logging.WARNING, "flexiflow"):
        for _ in range(3):
            log.write(b"0123456789\n")
    log.close()
    said = [record.getMessage() for record in caplog.records]
    assert (path.read_bytes(), len(said)) == (b"0123456789\n" * 3, 1)
    assert "can't be rotated: [Errno 13] Permission denied; it goes on" in said[0]


def test_a_log_that_somebody_else_rotated_goes_on_in_the_new_file(path):
    """As logrotate does it, without telling."""
    log = LogWriter(path, Rotation(1_000))
    log.write(b"one\n")
    path.rename(path.with_name("run.jsonl.1"))
    log.write(b"two\n")
    log.close()
    assert [file.read_bytes() for file in log_files(path)] == [b"one\n", b"two\n"]


def test_what_was_written_before_a_disk_was_full_is_counted_over_all_files(path, monkeypatch):
    """Who tries again must not write a line twice."""
    real, left = os.write, [25]

    def write(file, data):
        if left[0] == 0:
            raise OSError(28, "No space left on device")
        taken = bytes(data)[: left[0]]
        left[0] -= len(taken)
        return real(file, taken)

    log = LogWriter(path, Rotation(11))
    monkeypatch.setattr(os, "write", write)
    with pytest.raises(PersistenceError) as raised:
        log.write(b"0123456789\n" * 4)
    left[0] = 1_000
    log.write((b"0123456789\n" * 4)[raised.value.context_items["bytes_written"] :])
    log.close()
    assert [line for line in lines_of(path) if len(line) == 10] == [b"0123456789"] * 4


def started(path: Path, who: str, lines: int) -> subprocess.Popen[str]:
    """A process that writes numbered lines once it is told to, and says which it has written."""
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(path), who, str(lines)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def test_several_processes_rotate_one_log_and_lose_no_line(path):
    """Three at once, and a file of 2 kB is full after some 70 lines.

    How many files that makes is chance: while one that rotates is stopped, the others write on.
    """
    processes = [started(path, who, 500) for who in "abc"]
    for process in processes:
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        process.communicate(timeout=60)
    found = [json.loads(line) for line in lines_of(path) if line]
    for who in "abc":
        numbers = [each["number"] for each in found if each["who"] == who]
        assert sorted(numbers) == list(range(500))
    assert len(log_files(path)) > 1


def test_a_kill_loses_no_line_that_was_written(path):
    """Each line that the process told of is in one of the files, whole."""
    process = started(path, "a", 100_000)
    assert process.stdout.readline() == "ready\n"
    process.stdin.write("go\n")
    process.stdin.flush()
    told = [int(process.stdout.readline()) for _ in range(300)]
    process.send_signal(signal.SIGKILL)
    rest = process.stdout.read()  # communicate() would leave out what readline() has buffered
    process.communicate(timeout=60)
    told += [int(line) for line in rest.splitlines(keepends=True) if line.endswith("\n")]
    found = [json.loads(line)["number"] for line in lines_of(path)]
    assert found[: len(told)] == told

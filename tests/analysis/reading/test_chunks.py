"""A history that is read in chunks is the history that is read at once."""

import io

import pandas as pd
import pytest
from histories import NOON, RANDOM_STEPS, Written, body_1x, random_history, written_by_1x
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import progress, shapes
from flexiflow.analysis.history import open_history
from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue


@pytest.fixture
def written() -> Written:
    """Ten snapshots of two components, every other one in another state."""
    made = Written()
    for number in range(10):
        made.snapshot("xy"[number % 2], "AB"[number // 2 % 2], NOON + number, data={"n": number})
    return made


def rows_of(*parts) -> list[list[object]]:
    """Values with None for what is missing."""
    values = [row for part in parts for row in part.astype(object).values]
    return [[None if pd.isna(value) else value for value in row] for row in values]


@settings(max_examples=60)
@given(RANDOM_STEPS, st.integers(1, 7))
def test_chunks_are_the_whole(steps, size):
    """The same rows in the same order, in full chunks but for the last."""
    history = random_history(steps).history
    whole = history.snapshots()
    parts = list(history.iter_snapshots(chunk=size))
    assert [len(part) for part in parts[:-1]] == [size] * (len(parts) - 1)
    assert all(dict(part.dtypes.astype(str)) == dict(shapes.SNAPSHOTS) for part in parts)
    assert rows_of(*parts) == rows_of(whole)


@pytest.mark.parametrize("asked", [{"component": "x"}, {"states": "B"}, {"since": "-4us"}])
def test_filters_hold_in_chunks(written, asked):
    """As for the whole."""
    whole = written.history.snapshots(**asked)
    parts = written.history.iter_snapshots(**asked, chunk=2)
    assert rows_of(*parts) == rows_of(whole)


def test_chunks_of_1x(written):
    """A file of 1.x can be read so too."""
    rows = [("x", body_1x("x", "A"), f"2024-01-01T00:00:0{at}") for at in range(5)]
    history = open_history(written_by_1x(rows))
    assert [part["id"].tolist() for part in history.iter_snapshots(chunk=2)] == [
        [1, 2],
        [3, 4],
        [5],
    ]


def test_chunks_of_several_files(tmp_path):
    """A chunk is of one file."""
    paths = []
    for name in ("a.db", "b.db"):
        made = Written(tmp_path / name, NOON + len(paths))
        for number in range(3):
            made.snapshot("x", "A", NOON + len(paths) + number)
        paths.append(made.path)
    sizes = [len(part) for part in open_history(paths).iter_snapshots(chunk=2)]
    assert sizes == [2, 1, 2, 1]


def test_no_rows_are_no_chunks():
    """There is nothing to go through."""
    assert list(Written().history.iter_snapshots()) == []


def test_fields_are_those_of_a_chunk(written):
    """Exploded, each chunk has a column for each field of its own rows."""
    parts = written.history.iter_snapshots(chunk=5, explode=True)
    assert [part["metadata.n"].tolist() for part in parts] == [[0, 1, 2, 3, 4], [5, 6, 7, 8, 9]]


def test_rows_that_are_written_meanwhile_come_too(written):
    """Nothing is held open from one chunk to the next."""
    parts = written.history.iter_snapshots(chunk=10)
    next(parts)
    written.snapshot("z", "A", NOON + 10)
    assert next(parts)["component"].tolist() == ["z"]


def test_progress_is_told(written):
    """After every chunk, with how many rows there are."""
    told = []
    parts = written.history.iter_snapshots(
        states="A", chunk=4, progress=lambda done, total: told.append((done, total))
    )
    assert [len(part) for part in parts] == [4, 2]
    assert told == [(4, 6), (6, 6)]


def test_a_bar_is_shown_in_a_terminal(written, monkeypatch):
    """And gives way to what comes after it."""
    shown = io.StringIO()

    def console(**options):
        from rich import console as rich_console

        return rich_console.Console(file=shown, force_terminal=True, width=60)

    monkeypatch.setattr(progress, "_console", console)
    list(written.history.iter_snapshots(chunk=5, progress=True))
    assert "Reading" in shown.getvalue()


def test_a_bar_is_not_shown_in_a_file(written, capsys):
    """Where nobody looks."""
    list(written.history.iter_snapshots(chunk=5, progress=True))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize("size", [0, -1, "many", 1.5, True])
def test_a_size_that_is_none(written, size):
    """Refused at once, before anything is read."""
    with pytest.raises(InvalidValue, match="chunk must be"):
        written.history.iter_snapshots(chunk=size)


def test_progress_that_is_none(written):
    """Refused at once too."""
    with pytest.raises(InvalidType, match="progress must be True, False or a function"):
        written.history.iter_snapshots(progress="yes")


def test_an_unknown_component(written):
    """And so is this."""
    with pytest.raises(ComponentNotFound):
        written.history.iter_snapshots("nobody")

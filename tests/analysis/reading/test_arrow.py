"""Arrow tables and Parquet files hold what the frames hold."""

import sys

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from histories import RANDOM_STEPS, Written, random_history
from hypothesis import given, settings

from flexiflow.analysis.reading import arrow
from flexiflow.errors import FlexiFlowError, InvalidValue, PersistenceError

OF = pytest.mark.parametrize("of", ["snapshots", "steps"])


@pytest.fixture
def written() -> Written:
    """Two components, one of which has moved; a step has no sender."""
    made = Written()
    made.snapshot("x", "A")
    made.snapshot("y", "A")
    made.step("x", "go", "A", "B", duration_us=7)
    return made


def as_shown(frame: pd.DataFrame) -> list[list[object]]:
    """Values with None for what is missing."""
    return [[None if pd.isna(v) else v for v in row] for row in frame.astype(object).values]


@settings(max_examples=30)
@given(RANDOM_STEPS)
def test_a_table_equals_the_frame(steps):
    """Row for row and column for column."""
    history = random_history(steps).history
    for of in ("snapshots", "steps"):
        frame = getattr(history, of)()
        table = history.to_arrow(of=of)
        assert table.column_names == list(frame.columns)
        assert as_shown(table.to_pandas()) == as_shown(frame)


@OF
def test_the_types_of_nothing(of):
    """The same as those of something."""
    written = Written()
    empty = written.history.to_arrow(of=of)
    written.step("x", "go", "A", "B")
    assert empty.num_rows == 0
    assert empty.schema == written.history.to_arrow(of=of).schema


def test_the_types(written):
    """Names are dictionaries; times and durations have their unit."""
    schema = written.history.to_arrow(of="steps").schema
    assert schema.field("component").type == pa.dictionary(pa.int32(), pa.string())
    assert schema.field("time").type == pa.timestamp("us", "UTC")
    assert schema.field("duration").type == pa.duration("us")


@OF
def test_a_file_equals_the_frame(written, tmp_path, of, monkeypatch):
    """Also where it has several groups of rows."""
    monkeypatch.setattr(arrow, "_ROWS", 2)
    frame = getattr(written.history, of)()
    path = tmp_path / "rows.parquet"
    assert written.history.to_parquet(path, of=of) == len(frame)
    assert as_shown(pq.read_table(path).to_pandas()) == as_shown(frame)


def test_a_file_of_one_component(written, tmp_path):
    """Filters are those of the frames."""
    path = tmp_path / "rows.parquet"
    assert written.history.to_parquet(path, "x", states="B") == 1
    assert pq.read_table(path)["state"].to_pylist() == ["B"]


def test_a_file_is_replaced_as_a_whole(written, tmp_path):
    """An error while it is written leaves the old one, and nothing beside it."""
    path = tmp_path / "rows.parquet"
    path.write_bytes(b"old")

    def fail(done, total):
        raise RuntimeError

    with pytest.raises(RuntimeError):
        written.history.to_parquet(path, progress=fail)
    assert [(each.name, each.read_bytes()) for each in tmp_path.iterdir()] == [
        ("rows.parquet", b"old")
    ]


def test_a_folder_that_is_not_there(written, tmp_path):
    """The error names the file."""
    with pytest.raises(PersistenceError, match="can't be written") as caught:
        written.history.to_parquet(tmp_path / "none" / "rows.parquet")
    assert caught.value.context_items["path"] == str(tmp_path / "none" / "rows.parquet")


def test_rows_that_there_are_none_of(written):
    """The error names those that there are."""
    with pytest.raises(InvalidValue, match="Its rows are snapshots and steps"):
        written.history.to_arrow(of="stays")


def test_without_pyarrow(written, tmp_path, monkeypatch):
    """The error names the extra, and no file is begun."""
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(FlexiFlowError, match=r"flexiflow\[large\]"):
        written.history.to_parquet(tmp_path / "rows.parquet")
    assert list(tmp_path.iterdir()) == []

"""`history.verify()`: its report in words, as a frame, and over several files."""

import pytest
from histories import Written, body_1x, written_by_1x

from flexiflow.analysis.base import shapes
from flexiflow.analysis.history import open_history
from flexiflow.errors import InvalidValue
from flexiflow.persistence.retention import prune_history
from flexiflow.persistence.schema import SNAPSHOTS, STEPS


@pytest.fixture
def written(tmp_path):
    """A file with two steps and two snapshots."""
    made = Written(tmp_path / "state.db")
    made.step("order-1", "go", "A", "B")
    made.step("order-1", "back", "B", "A")
    return made


def test_an_untouched_history_is_as_it_was_written(written):
    """And says what was checked."""
    report = written.history.verify()
    assert report.ok
    assert repr(report) == (
        "as it was written; checked: 2 snapshots, 2 steps, 0 markers, 0 large parts."
    )
    assert {name: str(dtype) for name, dtype in report.rows.dtypes.items()} == shapes.FINDINGS


def test_findings_are_rows(written):
    """With the table, the ids and a sentence."""
    written.conn.execute(f"UPDATE {STEPS} SET outcome = 'failed' WHERE id = 2")
    report = written.history.verify()
    assert not report.ok
    (row,) = report.rows.to_dict("records")
    assert row == {
        "table": STEPS,
        "kind": "edited",
        "first_id": 2,
        "last_id": 2,
        "what": "Row 2 is not what its hash says.",
        "source": str(written.path),
    }
    assert f"{STEPS}: edited: Row 2 is not what its hash says." in repr(report)


def test_a_head_that_was_kept_shows_a_lost_end(written):
    """Where the file itself knows of nothing."""
    head = written.history.verify().head
    written.conn.execute(f"DELETE FROM {STEPS} WHERE id = 2")
    written.conn.execute("UPDATE sqlite_sequence SET seq = 1 WHERE name = ?", (STEPS,))
    assert written.history.verify().ok
    assert "Row 2 is gone from the end." in repr(written.history.verify(head=head))


def test_what_was_pruned_is_told(written):
    """By how many rows, which are no findings."""
    written.conn.close()
    prune_history(written.path, keep=1)
    report = open_history(written.path).verify()
    assert report.ok
    assert "Pruned, as markers in the chain say: 2 rows." in repr(report)


def test_rows_without_a_hash_are_told():
    """Those of 1.x, of which nothing can be said."""
    rows = [("order", body_1x("order", "A"), "2026-01-01T00:00:00")]
    report = open_history(written_by_1x(rows)).verify()
    assert "Snapshots are unverified up to id 1: no hash was written then." in repr(report)


def test_foreign_rows_are_findings_unless_they_are_allowed(written):
    """1.x code may go on inserting."""
    written.conn.execute(
        f"INSERT INTO {SNAPSHOTS} (component_name, snapshot_json, created_at) VALUES (?, ?, ?)",
        ("order-1", "{}", "2025-01-01"),
    )
    assert not written.history.verify().ok
    allowed = written.history.verify(allow_foreign=True)
    assert allowed.ok
    assert allowed.rows["kind"].tolist() == ["foreign"]


def test_several_files_are_verified_each(tmp_path, written):
    """A head belongs to one."""
    other = Written(tmp_path / "other.db")
    other.step("order-2", "go", "A", "B")
    other.conn.execute(f"DELETE FROM {STEPS}")
    history = open_history([written.path, other.path])
    report = history.verify()
    assert report.rows["source"].tolist() == [str(other.path)]
    assert [not each.counts for each in report.files] == [True, False]
    with pytest.raises(InvalidValue, match="A head belongs to one file"):
        _ = report.head
    with pytest.raises(InvalidValue, match="A head belongs to one file"):
        history.verify(head="h1:0-.0-.0-")

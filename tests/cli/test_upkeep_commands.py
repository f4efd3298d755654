"""Copying and pruning a history, on the command line."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from flexiflow.analysis.history import open_history
from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import save_snapshot


@pytest.fixture
def db(recorded, tmp_path):
    """A copy of the recording."""
    return str(shutil.copy(recorded.db, tmp_path / "copy.db"))


def test_a_copy_is_made_once(run_cli, db, tmp_path):
    """And replaced only with --force."""
    out = str(tmp_path / "out.db")
    result = run_cli("backup", db, out)
    assert (result.exit_code, result.stdout.startswith(f"{out}: ")) == (0, True)
    assert open_history(out).names() == open_history(db).names()
    again = run_cli("backup", db, out)
    assert (again.exit_code, "--force" in again.stderr) == (1, True)
    forced = run_cli("backup", db, out, "--force", "--json")
    size = (tmp_path / "out.db").stat().st_size
    assert json.loads(forced.stdout) == {"path": db, "out": out, "size": size, "notices": []}


def test_a_dry_run_says_what_then_goes(run_cli, db):
    """Row by row the same."""
    dry = json.loads(run_cli("prune", db, "--keep", "1", "--dry-run", "--json").stdout)
    wet = json.loads(run_cli("prune", db, "--keep", "1", "--json").stdout)
    assert (dry["dry_run"], wet["dry_run"]) == (True, False)
    assert (dry["pruned"], dry["rows"]) == (wet["pruned"], wet["rows"])
    assert wet["rows"] == sum(each["rows"] for each in wet["pruned"]) > 0
    assert open_history(db).snapshots()["component"].value_counts().max() == 1


def test_in_words(run_cli, db):
    """What goes, of whom, and the size of the file."""
    dry = run_cli("prune", db, "--keep", "1", "--dry-run").stdout.splitlines()
    assert dry[0].endswith(" rows would go.")
    assert any(line.startswith("  order-1: 2 snapshots, ids ") for line in dry)
    wet = run_cli("prune", db, "--keep", "1").stdout
    assert wet.splitlines()[0].endswith(" rows deleted.")
    assert "The file: " in wet
    assert run_cli("prune", db, "--keep", "1").stdout.startswith("0 rows deleted.")


def test_one_row_is_one_row(run_cli, tmp_path):
    """It has one id, and is no plural."""
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as conn:
        for _ in range(2):
            save_snapshot(conn, ComponentSnapshot("vat", "Boiling", [], {}))
    dry = run_cli("prune", str(path), "--keep", "1", "--dry-run").stdout.splitlines()
    assert dry[:2] == ["1 row would go.", "  vat: 1 snapshot, id 1"]


def test_by_age_sparing_errors(run_cli, db):
    """Ages count from the newest record; what failed stays."""
    young = json.loads(run_cli("prune", db, "--older-than", "30d", "--json").stdout)
    assert young["rows"] == 0
    run_cli("prune", db, "--older-than", "0s", "--spare-errors", "--json")
    assert set(open_history(db).steps()["outcome"]) == {"failed"}


def test_one_component(run_cli, db):
    """The others stay as they are."""
    result = json.loads(
        run_cli("prune", db, "--keep", "1", "--component", "order-1", "--json").stdout
    )
    assert {each["component"] for each in result["pruned"]} == {"order-1"}


def test_marked_rows_stay_unless_they_may_go(run_cli, db):
    """Bookmarks are spared."""
    history = open_history(db)
    history.bookmark(1)
    kept = json.loads(run_cli("prune", db, "--keep", "1", "--json").stdout)
    assert 1 in history.steps()["id"].tolist()
    assert kept["spared"] > 0
    run_cli("prune", db, "--keep", "1", "--no-spare-bookmarks")
    assert 1 not in history.steps()["id"].tolist()


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--keep", "1", "--older-than", "1d"],
        ["--keep", "-1"],
        ["--keep", "0"],
        ["--older-than", "soon"],
    ],
)
def test_what_makes_no_sense_deletes_nothing(run_cli, db, arguments):
    """An error in four parts."""
    result = run_cli("prune", db, *arguments)
    assert result.exit_code == 1
    assert all(part in result.stderr for part in ("Error:", "Why:", "Fix:"))
    assert len(open_history(db).steps()) > 10


def test_an_unknown_component_is_named(run_cli, db):
    """Rather than pruning nothing without a word."""
    result = run_cli("prune", db, "--keep", "1", "--component", "order-77")
    assert (result.exit_code, "order-77" in result.stderr) == (1, True)

"""Whether a history is as it was written, on the command line."""

import json
import shutil
import sqlite3
from contextlib import closing

import pytest

from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import save_snapshot


@pytest.fixture
def fresh(recorded, tmp_path):
    """A copy of the recording, whose times were set by hand."""
    return str(shutil.copy(recorded.db, tmp_path / "copy.db"))


def test_an_edit_is_named_and_is_a_bad_answer(run_cli, fresh):
    """The recording of these tests has one: its order was made to be stuck for an hour."""
    result = run_cli("verify", fresh)
    assert result.exit_code == 3
    assert "flexiflow_snapshots: edited: Row" in result.stdout
    assert "Head: h1:" in result.stdout


def test_an_untouched_file_is_fine(run_cli, empty_database):
    """With exit code 0."""
    result = run_cli("verify", empty_database)
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "Head: h1:0-.0-.0-")


def test_the_head_goes_round(run_cli, fresh):
    """What is printed is taken; the rows that were cut off are named."""
    head = json.loads(run_cli("verify", fresh, "--json").stdout)["files"][0]["head"]
    with closing(sqlite3.connect(fresh)) as conn, conn:
        conn.execute("DELETE FROM flexiflow_steps WHERE id > 3")
        conn.execute("UPDATE sqlite_sequence SET seq = 3 WHERE name = 'flexiflow_steps'")
    assert "gone from the end" not in run_cli("verify", fresh).stdout
    assert "gone from the end" in run_cli("verify", fresh, "--head", head).stdout


def test_json_has_the_findings_and_each_table(run_cli, old_database):
    """A file of 1.x is unverified, and nothing is wrong with it."""
    result = run_cli("verify", old_database, "--json")
    document = json.loads(result.stdout)
    assert (result.exit_code, document["ok"], document["findings"]) == (0, True, [])
    assert document["files"][0]["tables"][0] == {
        "table": "flexiflow_snapshots",
        "rows": 0,
        "pruned": 0,
        "unverified_up_to": 2,
        "last_id": 0,
        "last_hash": "",
    }
    assert "unverified up to id 2" in run_cli("verify", old_database).stdout


def test_foreign_rows_can_be_allowed(run_cli, empty_database):
    """Where 1.x code goes on inserting beside this version."""
    with closing(sqlite3.connect(empty_database)) as conn:
        save_snapshot(conn, ComponentSnapshot("order-1", "Draft"))
        conn.execute(
            "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at) "
            "VALUES ('order-1', '{}', '2025-01-01')"
        )
        conn.commit()
    assert run_cli("verify", empty_database).exit_code == 3
    assert run_cli("verify", empty_database, "--allow-foreign").exit_code == 0


def test_a_wrong_head_is_an_error(run_cli, empty_database):
    """In four parts."""
    result = run_cli("verify", empty_database, "--head", "abc")
    assert result.exit_code == 1
    assert "no head of a history" in result.stderr

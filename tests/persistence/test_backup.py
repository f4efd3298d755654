"""One consistent file of a history."""

import asyncio
import contextlib
import os
import sqlite3
import stat

import pytest

from flexiflow.analysis.history import open_history
from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidValue, PersistenceError, StateFileNotFound
from flexiflow.persistence import backup as backup_module
from flexiflow.persistence.backup import backup_history
from flexiflow.recording import record


@pytest.fixture
def recording(tmp_path):
    """A recording that is under way: its steps are in the -wal."""
    engine = FlexiFlowEngine()
    with record(engine, tmp_path / "state.db") as recording:
        asyncio.run(engine.register(AsyncComponent("a")).send("start"))
        recording.history.names()
        yield recording


def only_copy(tmp_path, name="copy.db"):
    """Nothing of the making is left beside the copy."""
    return {path.name for path in tmp_path.iterdir() if not path.name.startswith("state.db")} == {
        name
    }


def test_a_live_history_is_copied_whole(recording, tmp_path):
    """With what is in the -wal; the copy needs none, and its chains are right."""
    made = backup_history(tmp_path / "state.db", tmp_path / "copy.db")
    copy = open_history(tmp_path / "copy.db")
    assert (len(copy.steps()), copy.verify().ok, copy.notices) == (1, True, [])
    assert (made.size, made.notices) == ((tmp_path / "copy.db").stat().st_size, ())
    assert only_copy(tmp_path)


def test_the_recording_goes_on(recording, tmp_path):
    """Into the database, and not into the copy."""
    backup_history(tmp_path / "state.db", tmp_path / "copy.db")
    asyncio.run(recording.engine.get("a").send("confirm"))
    assert len(recording.history.steps()) == 2
    assert len(open_history(tmp_path / "copy.db").steps()) == 1


def test_a_file_that_is_there_stays(recording, tmp_path):
    """Unless it may be replaced."""
    out = tmp_path / "copy.db"
    out.write_bytes(b"mine")
    with pytest.raises(PersistenceError, match="is there already"):
        backup_history(tmp_path / "state.db", out)
    assert out.read_bytes() == b"mine"
    backup_history(tmp_path / "state.db", out, force=True)
    assert open_history(out).names() == ["a"]
    assert only_copy(tmp_path)


@pytest.mark.parametrize("spelling", ["state.db", "./state.db", "link.db"])
def test_the_database_itself_is_no_place_for_its_copy(recording, tmp_path, monkeypatch, spelling):
    """However it is called, and whatever may be replaced."""
    monkeypatch.chdir(tmp_path)
    os.symlink("state.db", "link.db")
    with pytest.raises(InvalidValue, match="into itself"):
        backup_history("state.db", spelling, force=True)


def test_a_wal_of_another_database_would_be_taken_for_the_copys(recording, tmp_path):
    """So it is refused; an empty one, as readers leave it, does no harm."""
    wal = tmp_path / "copy.db-wal"
    wal.write_bytes(b"x")
    with pytest.raises(PersistenceError, match="is beside it"):
        backup_history(tmp_path / "state.db", tmp_path / "copy.db", force=True)
    wal.write_bytes(b"")
    backup_history(tmp_path / "state.db", tmp_path / "copy.db")
    assert open_history(tmp_path / "copy.db").names() == ["a"]


def test_the_copy_has_the_mode_of_the_database(recording, tmp_path):
    """What only its owner may read stays so."""
    (tmp_path / "state.db").chmod(0o600)
    backup_history(tmp_path / "state.db", tmp_path / "copy.db")
    assert stat.S_IMODE((tmp_path / "copy.db").stat().st_mode) == 0o600


def test_a_database_that_is_not_there(tmp_path):
    """A FileNotFoundError in four parts, and nothing is written."""
    with pytest.raises(StateFileNotFound):
        backup_history(tmp_path / "state.db", tmp_path / "copy.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"no database " * 100])
def test_what_is_no_history_is_not_copied(tmp_path, content):
    """An error that says what it is, and nothing is left behind."""
    (tmp_path / "state.db").write_bytes(content)
    with pytest.raises(PersistenceError) as caught:
        backup_history(tmp_path / "state.db", tmp_path / "copy.db")
    assert caught.value.fix
    assert [path.name for path in tmp_path.iterdir()] == ["state.db"]


@pytest.mark.parametrize("failure", [sqlite3.OperationalError("disk I/O error"), KeyboardInterrupt])
def test_a_failure_leaves_what_was_there(recording, tmp_path, monkeypatch, failure):
    """The old copy, and no half of a new one."""
    backup_history(tmp_path / "state.db", tmp_path / "copy.db")
    before = (tmp_path / "copy.db").read_bytes()

    def fail(conn, temporary):
        temporary.write_bytes(b"half")
        raise failure

    monkeypatch.setattr(backup_module, "_copy", fail)
    with contextlib.suppress(KeyboardInterrupt), pytest.raises(PersistenceError):
        backup_history(tmp_path / "state.db", tmp_path / "copy.db", force=True)
    assert (tmp_path / "copy.db").read_bytes() == before
    assert only_copy(tmp_path)


def test_a_folder_is_no_file(recording, tmp_path):
    """Even where it may be replaced."""
    (tmp_path / "folder").mkdir()
    with pytest.raises(PersistenceError, match="is there already") as caught:
        backup_history(tmp_path / "state.db", tmp_path / "folder", force=True)
    assert caught.value.why == "It is a folder."

"""What is said of files that may not be whole, and that nothing is said of those that are."""

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path

import pytest
from histories import Written

from flexiflow.analysis.history import open_history
from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.persistence.snapshot import take_snapshot
from flexiflow.persistence.sqlite_store import prune_snapshots, save_snapshot
from flexiflow.recording import record


async def confirm(engine: FlexiFlowEngine, names: str) -> None:
    for name in names:
        component = engine.register(AsyncComponent(name))
        await component.send("start")


@pytest.fixture
def recording(tmp_path):
    """A recording of two components that is still open, with its log."""
    engine = FlexiFlowEngine()
    with record(engine, tmp_path / "state.db", log=tmp_path / "run.jsonl") as recording:
        asyncio.run(confirm(engine, "a"))
        with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as conn:
            recording.history.names()  # waits for the disk
            conn.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        asyncio.run(confirm(engine, "b"))
        recording.history.names()
        yield recording


def copy(tmp_path: Path, *endings: str) -> Path:
    """A copy of the files of a recording, as somebody makes it who knows of some."""
    folder = tmp_path / "copy"
    folder.mkdir()
    for ending in ("state.db", "run.jsonl", *endings):
        shutil.copy(tmp_path / ending, folder)
    return folder / "state.db"


def test_nothing_is_said_of_a_recording_under_way(recording, tmp_path):
    """Neither by the recording nor by who opens its files."""
    assert recording.history.notices == []
    assert open_history(tmp_path / "state.db").notices == []


def test_nothing_is_said_of_a_whole_copy(recording, tmp_path):
    """With its -wal a copy has everything."""
    assert open_history(copy(tmp_path, "state.db-wal")).notices == []


def test_a_copy_without_its_wal(recording, tmp_path):
    """The recording that was not closed is noticed, and that the log goes further."""
    history = open_history(copy(tmp_path))
    left, newer = history.notices
    assert left.startswith("The last recording in state.db was not closed, and no state.db-wal")
    assert newer.startswith("The log names snapshots up to 4, and")
    assert newer.endswith("none after 2. If the database was copied, was its -wal copied with it?")
    assert repr(history).splitlines()[1:] == [f"  {left}", f"  {newer}"]


def test_the_verdict_says_it_as_well(recording, tmp_path):
    """Who only asks why is told."""
    history = open_history(copy(tmp_path))
    assert history.why("a").sentences[-2:] == tuple(history.notices)


def test_a_closed_file_is_whole(recording, tmp_path):
    """Closing leaves no -wal, and nothing to say."""
    recording.close()
    assert open_history(copy(tmp_path)).notices == []


def test_a_log_of_another_recording(recording, tmp_path):
    """A log whose recording the database does not know."""
    recording.close()
    with record(FlexiFlowEngine(), tmp_path / "other.db"):
        pass
    (notice,) = open_history(tmp_path / "other.db", log=tmp_path / "run.jsonl").notices
    assert notice.startswith("The log holds a recording that the database does not know")


def test_what_was_pruned_is_not_missing(recording, tmp_path):
    """The log may name snapshots that were pruned since."""
    recording.close()
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as conn:
        prune_snapshots(conn, "b", keep=0)
    assert open_history(tmp_path / "state.db").notices == []


def test_a_snapshot_that_was_saved_by_hand_elsewhere_is_not_missing(recording, tmp_path):
    """What is saved explicitly may go to any database, whose ids are its own."""
    with contextlib.closing(sqlite3.connect(tmp_path / "elsewhere.db")) as conn:
        for _ in range(9):
            save_snapshot(conn, take_snapshot(AsyncComponent("c")))
    assert recording.history.notices == []


def test_the_newest_file_of_a_rotated_log_that_names_a_snapshot_counts(recording, tmp_path):
    """A log that has just begun a new file names none."""
    recording.close()
    log = tmp_path / "run.jsonl"
    log.rename(tmp_path / "run.jsonl.1")
    log.touch()
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as conn, conn:
        conn.execute("DELETE FROM flexiflow_snapshots WHERE id = 4")
    (notice,) = open_history(tmp_path / "state.db").notices
    assert notice.startswith("The log names snapshots up to 4")


def test_a_log_that_is_gone_is_no_notice(recording, tmp_path):
    """Only who asks for it is told."""
    log = tmp_path / "moved.jsonl"
    log.touch()
    history = open_history(tmp_path / "state.db", log=log)
    log.unlink()
    assert history.notices == []


def test_a_file_that_is_cut_off(tmp_path):
    """How much is missing is said; what is there is shown."""
    written = Written(tmp_path / "state.db")
    for number in range(200):
        written.snapshot(f"order-{number}", "Draft", data={"text": "x" * 500})
    written.conn.close()
    whole = (tmp_path / "state.db").read_bytes()
    (tmp_path / "state.db").write_bytes(whole[:-4096])
    (notice,) = open_history(tmp_path / "state.db").notices
    assert notice.startswith("state.db is cut off: 4,096 bytes are missing from its end.")


def test_a_connection_has_nothing_to_say():
    """Its owner knows how it was opened."""
    assert Written().history.notices == []


def test_a_repr_of_a_file_that_went_away(recording, tmp_path):
    """Showing a history raises nothing."""
    database = copy(tmp_path)
    history = open_history(database)
    database.unlink()
    assert repr(history).splitlines()[1].startswith("  History not found: ")

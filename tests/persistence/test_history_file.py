"""The database of one recording."""

import os
import sqlite3
import sys
import threading

import pytest

from flexiflow._version import __version__
from flexiflow.errors import PersistenceError
from flexiflow.persistence import history_file
from flexiflow.persistence.history_file import Entry, HistoryFile
from flexiflow.persistence.rows import CHAINED_COLUMNS, SNAPSHOT_COLUMNS, STEP_COLUMNS, link
from flexiflow.persistence.schema import (
    APPLICATION_ID,
    MACHINES,
    MARKERS,
    PARTS,
    RUNS,
    SNAPSHOTS,
    STEPS,
    VERSION,
)

STEP = dict.fromkeys(STEP_COLUMNS) | {
    "component_name": "a", "correlation_id": "c", "run_id": 1, "start_us": 1, "duration_us": 1,
    "from_state": "S", "to_state": "T", "outcome": "moved", "span_id": "s", "tries": 1,
}  # fmt: skip
SNAPSHOT = dict.fromkeys(SNAPSHOT_COLUMNS) | {
    "component_name": "a", "snapshot_json": "{}", "created_at": "x", "state": "T", "run_id": 1,
}  # fmt: skip
MARKER = ("gap", 1, 1, None, None, None, None, 3, "{}")


def step(**changes):
    return tuple((STEP | changes).values())


def snapshot(**changes):
    return tuple((SNAPSHOT | changes).values())


@pytest.fixture
def path(tmp_path):
    return tmp_path / "state.db"


@pytest.fixture
def file(path):
    opened = HistoryFile(path)
    yield opened
    opened.close()


def read(path, query, *values):
    conn = sqlite3.connect(path)
    try:
        return conn.execute(query, values).fetchall()
    finally:
        conn.close()


# -- opening ------------------------------------------------------------------------------


def test_a_new_file_is_in_wal_mode_and_gives_space_back(file, path):
    """auto_vacuum can only be set before the first table; WAL stays with the file."""
    assert read(path, "PRAGMA journal_mode") == [("wal",)]
    assert read(path, "PRAGMA auto_vacuum") == [(2,)]  # INCREMENTAL
    assert read(path, "PRAGMA application_id") == [(APPLICATION_ID,)]
    assert read(path, "PRAGMA user_version") == [(VERSION,)]


def test_every_commit_is_synced(file):
    """WAL with synchronous=FULL survives a power cut."""
    with file.shared() as conn:
        assert conn.execute("PRAGMA synchronous").fetchone() == (2,)


def test_an_empty_file_counts_as_new(path):
    """Somebody may have touched it."""
    path.touch()
    HistoryFile(path).close()
    assert read(path, "PRAGMA auto_vacuum") == [(2,)]


def test_opening_again_changes_nothing(path):
    """The schema is there."""
    HistoryFile(path).close()
    before = read(path, "SELECT * FROM sqlite_master")
    HistoryFile(path).close()
    assert read(path, "SELECT * FROM sqlite_master") == before


def test_a_file_of_1_x_is_migrated_when_it_is_opened_for_recording(old, path, tmp_path):
    """Its rows stay; it reuses free pages until somebody asks for a full vacuum."""
    before = old.execute(f"SELECT * FROM {SNAPSHOTS}").fetchall()
    old.close()
    HistoryFile(tmp_path / "old.db").close()
    rows = read(
        tmp_path / "old.db",
        f"SELECT id, component_name, snapshot_json, created_at FROM {SNAPSHOTS}",
    )
    assert rows == before
    assert read(tmp_path / "old.db", "PRAGMA auto_vacuum") == [(0,)]


def test_a_history_in_memory_has_the_same_tables():
    """Without a file."""
    file = HistoryFile(None)
    with file.shared() as conn:
        tables = conn.execute("SELECT count(*) FROM sqlite_master WHERE type='table'").fetchone()
    assert tables == (8,)  # ours and sqlite_sequence
    file.close()


@pytest.mark.parametrize("name", [".", "missing/state.db"])
def test_a_place_that_can_not_be_opened(tmp_path, name):
    """With the path, SQLite's reason and what to do."""
    with pytest.raises(PersistenceError, match="can't be opened") as caught:
        HistoryFile(tmp_path / name)
    assert caught.value.context_items["path"] == str(tmp_path / name)
    assert caught.value.context_items["sqlite_error"] == "SQLITE_CANTOPEN"
    assert caught.value.__cause__ is not None


def test_a_file_that_is_no_database(path):
    """It is left as it was."""
    path.write_text("Dear diary, " * 500)
    before = path.read_bytes()
    with pytest.raises(PersistenceError) as caught:
        HistoryFile(path)
    assert caught.value.context_items["path"] == str(path)
    assert path.read_bytes() == before


def test_a_newer_file_is_refused_with_its_path(path):
    """And closed again."""
    HistoryFile(path).close()
    conn = sqlite3.connect(path)
    conn.execute(f"PRAGMA user_version = {VERSION + 1}")
    conn.close()
    with pytest.raises(PersistenceError, match="schema version") as caught:
        HistoryFile(path)
    assert caught.value.context_items["path"] == str(path)


def test_a_network_file_system_is_refused(path, monkeypatch):
    """SQLite's write-ahead log does not work there; the kind is named."""
    monkeypatch.setattr(history_file, "network_mount", lambda _: "nfs4")
    with pytest.raises(PersistenceError, match=r"network file system \(nfs4\)") as caught:
        HistoryFile(path)
    assert "local disk" in caught.value.fix
    assert not path.exists()


def test_a_place_that_refuses_wal_is_refused(path):
    """It is checked that the mode took: here another program holds the file."""
    conn = sqlite3.connect(path, isolation_level=None)
    conn.execute("CREATE TABLE t (x)")
    conn.execute("BEGIN EXCLUSIVE")
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(history_file, "BUSY_TIMEOUT_S", 0.01)
            with pytest.raises(PersistenceError) as caught:
                HistoryFile(path)
        assert caught.value.context_items["path"] == str(path)
    finally:
        conn.close()


def test_changing_the_mode_waits_for_others(path):
    """SQLite's own busy timeout does not hold for that."""
    holder = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    holder.execute("CREATE TABLE t (x)")
    holder.execute("BEGIN IMMEDIATE")
    timer = threading.Timer(0.1, lambda: holder.execute("COMMIT"))
    timer.start()
    try:
        HistoryFile(path).close()
    finally:
        timer.join()
        holder.close()
    assert read(path, "PRAGMA journal_mode") == [("wal",)]


def test_a_database_that_stays_in_another_mode_is_refused(path, monkeypatch):
    """A file system without shared memory answers with the old mode."""

    class Refusing(sqlite3.Connection):
        def execute(self, query, *rest):
            if "journal_mode" in query:
                query = "SELECT 'delete'"
            return super().execute(query, *rest)

    connect = sqlite3.connect

    def connect_refusing(*args, **more):
        return connect(*args, factory=Refusing, **more)

    monkeypatch.setattr(history_file.sqlite3, "connect", connect_refusing)
    with pytest.raises(PersistenceError, match="stays in journal mode 'delete'") as caught:
        HistoryFile(path)
    assert caught.value.context_items["journal_mode"] == "delete"


def test_two_processes_may_open_a_new_file_at_once(path):
    """Each waits for the other's first transaction."""
    errors = []

    def open_and_close():
        try:
            HistoryFile(path).close()
        except PersistenceError as exc:
            errors.append(exc)

    threads = [threading.Thread(target=open_and_close) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert read(path, "PRAGMA user_version") == [(VERSION,)]


def test_a_question_inside_another_one_is_answered():
    """In the same thread; the writer waits for both."""
    file = HistoryFile(None)
    assert not file.is_shared_here()
    with file.shared() as outer:
        with file.shared() as inner:
            assert inner is outer
        assert file.is_shared_here()
        other = []
        thread = threading.Thread(target=lambda: other.append(file.is_shared_here()))
        thread.start()
        thread.join()
    assert other == [False]
    assert not file.is_shared_here()
    file.close()


# -- runs ---------------------------------------------------------------------------------


def test_a_run_says_who_recorded(file, path):
    """Process, versions, durability and where the log is."""
    row_id = file.begin_run("u1", "grouped", "/x/run.jsonl", "python shop.py")
    columns = "id, uid, pid, python_version, flexiflow_version, durability, log_path, end_us"
    assert read(path, f"SELECT {columns} FROM {RUNS}") == [
        (
            row_id,
            "u1",
            os.getpid(),
            sys.version.split()[0],
            __version__,
            "grouped",
            "/x/run.jsonl",
            None,
        )
    ]


def test_a_run_that_ended_has_an_end(file, path):
    """One that was killed has none."""
    first, second = (file.begin_run(uid, "always", None, "") for uid in ("u1", "u2"))
    file.end_run(second)
    rows = read(path, f"SELECT id, end_us >= start_us, log_path FROM {RUNS}")
    assert rows == [(first, None, None), (second, 1, None)]


def test_a_command_line_that_is_no_text_is_spelt_out(file, path):
    """The system's arguments may be any bytes, and as long as they like."""
    file.begin_run("u1", "grouped", "/x/\udcff.jsonl", "x\udcff " + "y" * 1000)
    ((command, log_path),) = read(path, f"SELECT command, log_path FROM {RUNS}")
    assert command.startswith("x\\udcff yyy")
    assert len(command) < 600
    assert log_path == "/x/\\udcff.jsonl"


# -- writing ------------------------------------------------------------------------------


def test_a_batch_fills_in_its_ids(file, path):
    """A step, its snapshot, and the link between them."""
    entries = [Entry(step=step()), Entry(step=step(), snapshot=snapshot()), Entry(marker=MARKER)]
    file.write(entries)
    assert [(entry.step_id, entry.snapshot_id) for entry in entries] == [
        (1, None),
        (2, 1),
        (None, None),
    ]
    assert read(path, f"SELECT id, step_id FROM {SNAPSHOTS}") == [(1, 2)]
    assert read(path, f"SELECT kind, rows FROM {MARKERS}") == [("gap", 3)]


def test_a_snapshot_without_a_step_has_none(file, path):
    """A component that was registered has its first snapshot before any step."""
    file.write([Entry(snapshot=snapshot())])
    assert read(path, f"SELECT step_id FROM {SNAPSHOTS}") == [(None,)]


def test_parts_and_machines_are_stored_once(file, path):
    """By hash and by fingerprint; the first one stays."""
    for n in (1, 2):
        file.write([Entry(parts={"h": "1"}, machine=("f", "{}", n))] * 2)
    assert read(path, f"SELECT * FROM {PARTS}") == [("h", "1")]
    assert read(path, f"SELECT * FROM {MACHINES}") == [("f", "{}", 1)]


def test_a_batch_is_all_or_nothing(file, path):
    """One row that is refused takes its batch with it, and the file stays usable."""
    with pytest.raises(PersistenceError):
        file.write([Entry(step=step(), snapshot=snapshot(), parts={"h": "1"}),
                    Entry(step=step(outcome=None))])  # fmt: skip
    for table in (STEPS, SNAPSHOTS, PARTS):
        assert read(path, f"SELECT count(*) FROM {table}") == [(0,)]
    file.write([Entry(step=step())])
    assert read(path, f"SELECT id FROM {STEPS}") == [(1,)]


def test_an_empty_batch_is_nothing(file, path):
    """No row, no error."""
    file.write([])
    assert read(path, f"SELECT count(*) FROM {STEPS}") == [(0,)]


def test_rows_of_two_writers_are_one_chain(file, path):
    """The hash before is read while the write lock is held, whoever wrote it."""
    other = HistoryFile(path)
    try:
        for n in range(10):
            (file if n % 2 else other).write([Entry(step=step(), snapshot=snapshot())])
    finally:
        other.close()
    for table in (STEPS, SNAPSHOTS):
        columns = ", ".join(("id", *CHAINED_COLUMNS[table], "prev_hash", "hash"))
        before = None
        rows = read(path, f"SELECT {columns} FROM {table} ORDER BY id")
        assert [row[0] for row in rows] == list(range(1, 11))
        for row_id, *values, prev_hash, this in rows:
            assert prev_hash == before
            assert link(table, row_id, values, before) == this
            before = this


def test_closing_brings_everything_into_one_file(path):
    """The `-wal` is gone, so that the file alone may be copied."""
    file = HistoryFile(path)
    file.write([Entry(step=step())])
    assert path.with_name("state.db-wal").stat().st_size > 0
    file.close()
    assert not path.with_name("state.db-wal").exists()


def test_closing_while_somebody_reads_keeps_what_there_is(path):
    """The reader's process brings it in later."""
    file = HistoryFile(path)
    file.write([Entry(step=step())])
    reader = sqlite3.connect(path, isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute(f"SELECT * FROM {STEPS}").fetchall()
        file.write([Entry(step=step())])
        file.close()
        assert reader.execute(f"SELECT count(*) FROM {STEPS}").fetchone() == (1,)
        reader.execute("COMMIT")
        assert reader.execute(f"SELECT count(*) FROM {STEPS}").fetchone() == (2,)
    finally:
        reader.close()


def test_a_checkpoint_that_fails_still_closes(path, monkeypatch):
    """The `-wal` stays then, and holds what it holds."""
    file = HistoryFile(path)
    file.write([Entry(step=step())])
    with file.shared() as conn:
        conn.set_authorizer(lambda *_: sqlite3.SQLITE_DENY)
    file.close()
    with pytest.raises(sqlite3.ProgrammingError), file.shared() as conn:
        conn.execute("SELECT 1")
    assert read(path, f"SELECT count(*) FROM {STEPS}") == [(1,)]

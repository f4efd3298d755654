"""Starting, using and ending a recording: arguments, files, processes."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from on_disk import ask, lines_of

from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidValue, PersistenceError, StateError
from flexiflow.hooks import snapshot_listeners
from flexiflow.persistence.json_store import save_component
from flexiflow.persistence.rows import CHAINED_COLUMNS, link
from flexiflow.persistence.schema import APPLICATION_ID, VERSION
from flexiflow.persistence.snapshot import take_snapshot
from flexiflow.persistence.sqlite_store import save_snapshot
from flexiflow.recording import record
from flexiflow.state_machine import State


class Off(State):
    @on("switch", to="On")
    async def switch(self, message, lamp):
        lamp.data["switched"] = lamp.data.get("switched", 0) + 1


class On(State):
    @on("switch", to="Off")
    async def switch(self, message, lamp):
        lamp.data["switched"] += 1

    @on("save")
    async def save(self, message, lamp):
        lamp.data["save"](lamp)


PROGRAM = """
import itertools, os, sys, warnings
import asyncio
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record
from flexiflow.state_machine import State

class Off(State):
    @on("switch", to="On")
    async def switch(self, message, lamp):
        lamp.data["n"] = message["n"]

class On(State):
    @on("switch", to="Off")
    async def switch(self, message, lamp):
        lamp.data["n"] = message["n"]

def say(text):
    sys.stdout.write(f"{text}\\n")
    sys.stdout.flush()

engine = FlexiFlowEngine()
lamp = engine.add(sys.argv[2], Off)
"""


@pytest.fixture
def engine():
    """An engine with one lamp."""
    engine = FlexiFlowEngine()
    engine.add("lamp", Off)
    return engine


def check_chains(path):
    """Every chained table's hashes are what its rows say, and no id is there twice."""
    found = {}
    for table, columns in CHAINED_COLUMNS.items():
        rows = ask(
            path, f"SELECT id, {', '.join(columns)}, prev_hash, hash FROM {table} ORDER BY id"
        )
        before = None
        for row_id, *values, prev_hash, this in rows:
            assert prev_hash == before
            assert this == link(table, row_id, values, before)
            before = this
        found[table] = len(rows)
    return found


def start(body, *args):
    """A process of its own that runs the lamp's program and `body`."""
    command = [sys.executable, "-c", PROGRAM + body, *map(str, args)]
    return subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    """What a process printed, once it has ended well."""
    out, err = process.communicate(timeout=60)
    assert process.returncode == 0, err
    return out.splitlines()


# -- arguments and errors ------------------------------------------------------------------


def test_an_unknown_durability_is_refused(engine, db):
    """It names the two that there are, and nothing is made."""
    with pytest.raises(InvalidValue) as caught:
        record(engine, db, durability="sometimes")
    assert isinstance(caught.value, ValueError)
    assert "'grouped' or 'always'" in caught.value.what
    assert not db.exists()


def folder(tmp_path):
    return tmp_path


def missing_folder(tmp_path):
    return tmp_path / "nowhere" / "state.db"


def no_database(tmp_path):
    path = tmp_path / "text.db"
    path.write_text("this is a text, and not a short one\n" * 100)
    return path


def newer_database(tmp_path):
    path = tmp_path / "newer.db"
    with closing(sqlite3.connect(path)) as conn:
        conn.execute("CREATE TABLE flexiflow_snapshots (id INTEGER)")
        conn.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        conn.execute(f"PRAGMA user_version = {VERSION + 1}")
        conn.commit()
    return path


@pytest.mark.parametrize("place", [folder, missing_folder, no_database, newer_database])
async def test_a_place_that_can_not_hold_a_history_is_refused(engine, tmp_path, place):
    """The error names the path, and the engine works on without a recording."""
    path = place(tmp_path)
    before = path.read_bytes() if path.is_file() else None
    with pytest.raises(PersistenceError) as caught:
        record(engine, path)
    assert caught.value.context_items["path"] == str(path)
    assert caught.value.why
    assert caught.value.fix
    assert engine._hooks.observer is None
    assert (path.read_bytes() if path.is_file() else None) == before
    await engine.get("lamp").send("switch")
    assert engine.get("lamp").state == "On"


def test_a_log_that_can_not_be_opened_leaves_nothing_behind(engine, db, tmp_path):
    """No observer, no listener, no run; and the same engine can be recorded afterwards."""
    listeners = list(snapshot_listeners)
    with pytest.raises(PersistenceError):
        record(engine, db, log=tmp_path / "nowhere" / "run.jsonl")
    assert engine._hooks.observer is None
    assert snapshot_listeners == listeners
    assert ask(db, "SELECT count(*) FROM flexiflow_runs") == [(0,)]
    record(engine, db).close()
    assert ask(db, "SELECT count(*) FROM flexiflow_runs") == [(1,)]


def test_the_same_call_goes_on_with_the_same_recording(engine, db, log, tmp_path, monkeypatch):
    """Also where the path is spelt in another way; a cell can be run again."""
    with record(engine, db, log=log) as first:
        monkeypatch.chdir(tmp_path)
        assert record(engine, "state.db", log="run.jsonl") is first
    assert ask(db, "SELECT count(*) FROM flexiflow_runs") == [(1,)]


@pytest.mark.parametrize(
    "other", [{"path": "other.db"}, {"log": "other.jsonl"}, {"durability": "always"}]
)
def test_other_files_are_refused_while_a_recording_runs(engine, db, log, tmp_path, other):
    """The error says where the steps go, and the running recording goes on."""
    with record(engine, db, log=log) as first:
        wanted = {"path": db, "log": log, "durability": "grouped"}
        wanted |= {key: tmp_path / v if "." in v else v for key, v in other.items()}
        with pytest.raises(StateError) as caught:
            record(engine, **wanted)
        assert str(db) in caught.value.why
        assert engine._hooks.observer is first.observer


def test_other_files_can_follow_once_it_is_closed(engine, db, tmp_path):
    """Each file gets its own run."""
    record(engine, db).close()
    record(engine, tmp_path / "other.db").close()
    assert ask(tmp_path / "other.db", "SELECT count(*) FROM flexiflow_runs") == [(1,)]


# -- beginning and ending ------------------------------------------------------------------


@pytest.mark.parametrize("durability", ["grouped", "always"])
async def test_leaving_the_block_closes(engine, db, log, durability):
    """Everything is on disk, and the engine is no longer observed."""
    with record(engine, db, log=log, durability=durability) as recording:
        await engine.get("lamp").send("switch")
    assert recording.closed
    assert engine._hooks.observer is None
    assert ask(db, "SELECT from_state, to_state FROM flexiflow_steps") == [("Off", "On")]
    await engine.get("lamp").send("switch")
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(1,)]


async def test_leaving_the_async_block_closes(engine, db):
    """The same, without blocking the loop."""
    async with record(engine, db) as recording:
        await engine.get("lamp").send("switch")
    assert recording.closed
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(1,)]


async def test_what_is_raised_in_the_block_comes_through(engine, db):
    """The recording is closed, and the error is the user's own."""
    with pytest.raises(LookupError, match="mine"):
        async with record(engine, db) as recording:
            raise LookupError("mine")
    assert recording.closed


async def test_closing_twice_is_harmless(engine, db):
    """So are flushing a closed recording, and leaving its block."""
    with record(engine, db) as recording:
        recording.close()
        recording.close()
        await recording.flush()
        recording.flush_now()
    ends = ask(db, "SELECT end_us IS NOT NULL FROM flexiflow_runs")
    assert ends == [(1,)]


async def test_closing_an_old_recording_leaves_a_new_one_alone(engine, db, tmp_path):
    """A second close of the first does not detach the second."""
    first = record(engine, db)
    first.close()
    with record(engine, tmp_path / "other.db") as second:
        first.close()
        assert engine._hooks.observer is second.observer


async def test_a_history_in_memory_is_read_during_and_after(engine):
    """Without a path nothing is written, and everything can be asked, also once closed."""
    with record(engine) as recording:
        await engine.get("lamp").send("switch")
        during = recording.history.steps()["to_state"].tolist()
    assert during == ["On"]
    assert recording.history.steps()["to_state"].tolist() == ["On"]
    assert recording.history.snapshots()["state"].tolist() == ["Off", "On"]


def test_a_recording_without_a_log_says_so(engine, db):
    """Asking for its log is an error that says how to get one."""
    with record(engine, db) as recording, pytest.raises(StateError) as caught:
        _ = recording.log
    assert "log=" in caught.value.fix


async def test_the_log_of_a_recording_is_one(tmp_path):
    """So that asked again it reads what is new."""
    with record(FlexiFlowEngine(), tmp_path / "state.db", log=tmp_path / "run.jsonl") as recording:
        log = recording.log
        assert log is recording.log
        before = log.summary().records
        recording.event("paid")
        assert recording.log.summary().records == before + 1


@pytest.mark.parametrize("durability", ["grouped", "always"])
async def test_after_a_flush_everything_is_on_disk(engine, db, log, durability):
    """Another program sees the rows and the lines while the recording runs."""
    async with record(engine, db, log=log, durability=durability) as recording:
        await engine.get("lamp").send("switch")
        await recording.flush()
        assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(1,)]
        events = [line["event"] for line in lines_of(log)]
        assert events.count("state.changed") == 1
        assert events.count("snapshot.saved") == 2


def test_flush_now_serves_code_without_a_loop(engine, db):
    """It blocks until the rows are there."""
    with record(engine, db) as recording:
        recording.flush_now()
        assert ask(db, "SELECT component_name FROM flexiflow_snapshots") == [("lamp",)]


# -- what is recorded ----------------------------------------------------------------------


async def test_components_before_and_after_are_recorded(engine, db, log):
    """Those the engine has and those it gets: each begins with a snapshot and its machine."""
    async with record(engine, db, log=log) as recording:
        engine.add("late", On)
        await recording.flush()
    assert ask(db, "SELECT component_name, state FROM flexiflow_snapshots ORDER BY id") == [
        ("lamp", "Off"),
        ("late", "On"),
    ]
    registered = [
        (line["component"], line["to_state"])
        for line in lines_of(log)
        if line["event"] == "component.registered"
    ]
    assert registered == [("lamp", "Off"), ("late", "On")]
    machines = ask(db, "SELECT fingerprint FROM flexiflow_machines")
    used = ask(db, "SELECT DISTINCT fingerprint FROM flexiflow_snapshots")
    assert sorted(machines) == sorted(used)


async def test_metadata_takes_the_place_of_the_data(engine, db):
    """The function's dict is what snapshots hold."""
    async with record(engine, db, metadata=lambda component: {"name": component.name}) as recording:
        await engine.get("lamp").send("switch")
        history = recording.history
        newest = history.snapshot(history.snapshots()["id"].iloc[-1])
    assert newest.metadata == {"name": "lamp"}


async def test_a_metadata_function_that_fails_stops_nothing(engine, db, caplog):
    """The component's own data is recorded, and the log of the application says so once."""
    async with record(engine, db, metadata=lambda component: component.missing) as recording:
        for _ in range(3):
            await engine.get("lamp").send("switch")
        history = recording.history
        newest = history.snapshot(history.snapshots()["id"].iloc[-1])
    assert newest.metadata == {"switched": 3}
    assert sum("record(metadata" in each.message for each in caplog.records) == 1


async def test_a_repeated_call_takes_the_newest_metadata(engine, db):
    """A cell that is run again with another function is believed."""
    async with record(engine, db, metadata=lambda component: {"v": 1}) as recording:
        record(engine, db, metadata=lambda component: {"v": 2})
        await engine.get("lamp").send("switch")
        history = recording.history
        newest = history.snapshot(history.snapshots()["id"].iloc[-1])
    assert newest.metadata == {"v": 2}


async def test_explicit_saves_are_logged(engine, db, log, tmp_path):
    """With the file or the row; those of components elsewhere are not."""
    lamp = engine.get("lamp")
    stranger = FlexiFlowEngine().add("stranger", Off)
    async with record(engine, db, log=log):
        save_component(lamp, tmp_path / "lamp.json")
        save_component(stranger, tmp_path / "stranger.json")
        with closing(sqlite3.connect(tmp_path / "own.db")) as conn:
            row_id = save_snapshot(conn, take_snapshot(lamp))
    saved = [line for line in lines_of(log) if line["event"] == "snapshot.saved"]
    by_hand = [line for line in saved if "data" in line]
    assert [line["data"] for line in by_hand] == [{"path": str(tmp_path / "lamp.json")}]
    assert {line["component"] for line in saved} == {"lamp"}
    assert len(saved) == 3
    assert row_id in [line.get("snapshot_id") for line in saved]


async def test_a_save_inside_a_handler_has_its_ids(engine, db, log, tmp_path):
    """The line is in the handler's span, so that grep for the id finds it."""
    lamp = engine.get("lamp")
    lamp.data["save"] = lambda lamp: save_component(lamp, tmp_path / "lamp.json")
    async with record(engine, db, log=log, metadata=lambda component: {}):
        await lamp.send("switch")
        await lamp.send("save", correlation_id="mine")
    own = [line for line in lines_of(log) if line.get("correlation_id") == "mine"]
    (started,) = [line for line in own if line["event"] == "handler.started"]
    (saved,) = [line for line in own if "path" in (line.get("data") or {})]
    assert saved["span_id"] == started["span_id"]


async def test_the_runs_table_tells_of_each_recording(engine, db, log):
    """Its id in the log, its process, durability, log, beginning and end."""
    with record(engine, db, log=log, durability="always") as recording:
        query = "SELECT uid, pid, durability, log_path, end_us FROM flexiflow_runs"
        assert ask(db, query) == [(recording.run_id, os.getpid(), "always", str(log), None)]
    ((begun, ended),) = ask(db, "SELECT start_us, end_us FROM flexiflow_runs")
    assert begun <= ended
    assert {line["run_id"] for line in lines_of(log)} == {recording.run_id}


# -- the file ------------------------------------------------------------------------------


def test_a_new_file_is_marked_as_flexiflows(engine, db):
    """WAL, incremental vacuum, the application's id and the schema's version."""
    with record(engine, db):
        pragmas = ("journal_mode", "auto_vacuum", "application_id", "user_version")
        found = [ask(db, f"PRAGMA {each}")[0][0] for each in pragmas]
    assert found == ["wal", 2, APPLICATION_ID, VERSION]


def test_closing_brings_everything_into_the_main_file(engine, db):
    """The -wal is empty or gone: the one file can be copied."""
    with record(engine, db):
        asyncio.run(engine.get("lamp").send("switch"))
    wal = Path(f"{db}-wal")
    assert not wal.exists() or wal.stat().st_size == 0
    alone = db.with_name("copy.db")
    alone.write_bytes(db.read_bytes())
    assert ask(alone, "SELECT count(*) FROM flexiflow_steps") == [(1,)]


async def test_a_file_of_1_x_is_migrated(engine, db):
    """Its rows are as they were, and new ones follow them."""
    body = '{"name":"lamp","current_state":"On","rules":[],"metadata":{"n":1}}'
    with closing(sqlite3.connect(db)) as conn:
        conn.execute(
            "CREATE TABLE flexiflow_snapshots (id INTEGER PRIMARY KEY AUTOINCREMENT,"
            " component_name TEXT, snapshot_json TEXT, created_at TEXT)"
        )
        row = ("lamp", body, "2025-01-31T12:00:00+00:00")
        conn.execute(
            "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at)"
            " VALUES (?, ?, ?)",
            row,
        )
        conn.commit()
    async with record(engine, db) as recording:
        await engine.get("lamp").send("switch")
        assert recording.history.snapshots()["state"].tolist() == ["On", "Off", "On"]
    old = ask(
        db,
        "SELECT id, component_name, snapshot_json, created_at, hash FROM flexiflow_snapshots"
        " WHERE format IS NULL",
    )
    assert old == [(1, *row, None)]
    assert ask(db, "PRAGMA user_version") == [(VERSION,)]


async def test_an_applications_database_keeps_its_own_marks(engine, db):
    """Its tables, its application_id and its user_version stay as they are."""
    with closing(sqlite3.connect(db)) as conn:
        conn.execute("CREATE TABLE orders (id INTEGER)")
        conn.execute("PRAGMA user_version = 7")
        conn.commit()
    with record(engine, db):
        await engine.get("lamp").send("switch")
    assert ask(db, "PRAGMA user_version") == [(7,)]
    assert ask(db, "PRAGMA application_id") == [(0,)]
    assert ask(db, "SELECT count(*) FROM orders") == [(0,)]
    record(engine, db).close()
    assert ask(db, "SELECT count(*) FROM flexiflow_runs") == [(2,)]


# -- processes -----------------------------------------------------------------------------


def test_a_program_that_ends_closes_its_recording(db, log):
    """Nothing is lost where close() is forgotten, and the run has its end."""
    body = """
record(engine, sys.argv[1], log=sys.argv[3])
for n in range(20):
    asyncio.run(lamp.send("switch", n=n))
"""
    finish(start(body, db, "lamp", log))
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(20,)]
    assert ask(db, "SELECT count(*) FROM flexiflow_runs WHERE end_us IS NOT NULL") == [(1,)]
    assert sum(line["event"] == "state.changed" for line in lines_of(log)) == 20


def test_a_forked_child_is_detached_with_one_warning(db):
    """Its steps are not recorded, the parent's file is refused, and the parent goes on."""
    body = """
recording = record(engine, sys.argv[1])
asyncio.run(lamp.send("switch", n=1))
recording.flush_now()
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    child = os.fork()
if child == 0:
    asyncio.run(lamp.send("switch", n=2))
    say(sum("forked process" in str(each.message) for each in caught))
    say(engine._hooks.observer is None)
    try:
        record(engine, sys.argv[1])
    except Exception as exc:
        say(type(exc).__name__)
    with record(engine, sys.argv[1] + ".child"):
        asyncio.run(lamp.send("switch", n=3))
    sys.exit()
os.waitpid(child, 0)
asyncio.run(lamp.send("switch", n=4))
"""
    assert finish(start(body, db, "lamp")) == ["1", "True", "PersistenceError"]

    def sent(path):
        query = "SELECT json_extract(message_json, '$.n') FROM flexiflow_steps ORDER BY id"
        return [n for (n,) in ask(path, query)]

    assert sent(db) == [1, 4]
    assert sent(f"{db}.child") == [3]
    check_chains(db)


def test_two_processes_record_into_one_file(db, log):
    """No id is given twice, every hash continues the row before, and nothing is lost."""
    body = """
with record(engine, sys.argv[1], log=sys.argv[3], durability=sys.argv[4]):
    say("ready")
    sys.stdin.readline()
    async def main():
        for n in range(150):
            await lamp.send("switch", n=n)
    asyncio.run(main())
"""
    both = [
        start(body, db, name, log, durability)
        for name, durability in (("a", "grouped"), ("b", "always"))
    ]
    for each in both:
        assert each.stdout.readline() == "ready\n"
    for each in both:
        each.stdin.write("go\n")
        each.stdin.flush()
    for each in both:
        finish(each)
    counts = check_chains(db)
    assert (counts["flexiflow_steps"], counts["flexiflow_snapshots"]) == (300, 302)
    for name in "ab":
        query = f"""SELECT json_extract(message_json, '$.n') FROM flexiflow_steps
            WHERE component_name = '{name}' ORDER BY id"""
        assert [n for (n,) in ask(db, query)] == list(range(150))
    assert len(ask(db, "SELECT DISTINCT run_id FROM flexiflow_steps")) == 2
    changed = [line for line in lines_of(log) if line["event"] == "state.changed"]
    assert len({line["span_id"] for line in changed}) == 300


def test_a_kill_loses_no_acknowledged_step(db, log):
    """With "always", whatever send() returned for is in the file, five kills in a row."""
    body = """
async def main():
    for n in itertools.count(int(sys.argv[4])):
        await lamp.send("switch", n=n)
        say(n)
record(engine, sys.argv[1], log=sys.argv[3], durability="always")
asyncio.run(main())
"""
    acknowledged = []
    for kill in range(5):
        process = start(body, db, "lamp", log, kill * 10**6)
        acknowledged += [int(process.stdout.readline()) for _ in range(10 + kill)]
        process.send_signal(signal.SIGKILL)
        rest = process.stdout.read()  # communicate() would leave out what readline() has buffered
        process.communicate(timeout=60)
        acknowledged += [int(line) for line in rest.splitlines(keepends=True) if line[-1:] == "\n"]
    query = "SELECT json_extract(message_json, '$.n') FROM flexiflow_steps"
    kept = {n for (n,) in ask(db, query)}
    assert set(acknowledged) <= kept
    check_chains(db)
    whole = [line for line in log.read_text().splitlines() if line.endswith("}")]
    received = {
        line["data"]["n"] for line in map(json.loads, whole) if line["event"] == "message.received"
    }
    assert set(acknowledged) <= received


def test_a_loop_of_its_own_for_each_step_is_fine(engine, db):
    """asyncio.run again and again, in "always": each step waits in its own loop."""
    with record(engine, db, durability="always"):
        for _ in range(3):
            asyncio.run(engine.get("lamp").send("switch"))
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(3,)]


@pytest.mark.parametrize("ending", ["", "-wal", "-shm", "-journal"])
def test_a_log_in_place_of_the_database_is_refused(tmp_path, ending):
    """Before anything is opened: lines in a database would destroy it."""
    with pytest.raises(InvalidValue, match="can't be written into the database"):
        record(FlexiFlowEngine(), tmp_path / "s.db", log=tmp_path / f"s.db{ending}")
    assert list(tmp_path.iterdir()) == []


def test_a_log_that_is_a_link_to_the_database_is_refused(tmp_path):
    """One file by two names is one file."""
    record(FlexiFlowEngine(), tmp_path / "s.db").close()
    (tmp_path / "run.jsonl").hardlink_to(tmp_path / "s.db")
    with pytest.raises(InvalidValue, match="can't be written into the database"):
        record(FlexiFlowEngine(), tmp_path / "s.db", log=tmp_path / "run.jsonl")

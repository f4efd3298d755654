"""Files that somebody deletes or replaces, while they are recorded or after a kill."""

from __future__ import annotations

import asyncio
import subprocess
import sys

import pytest
from checking import acknowledged, ask, check_error, check_history, kept, kept_numbers, lines_of
from children import running
from service import engine_of

from flexiflow.errors import PersistenceError
from flexiflow.recording import record

DURABILITIES = pytest.mark.parametrize("durability", ["always", "grouped"])


def beside(db, *endings):
    """The database's files with these endings."""
    return [db.with_name(db.name + ending) for ending in endings]


def delete(paths):
    for path in paths:
        path.unlink()


def send(engine, *numbers):
    async def work():
        for n in numbers:
            await engine.get("a").send("work", n=n)

    asyncio.run(work())


def seen_by_another(db):
    """The steps that another process finds while a recording goes on."""
    program = "import sqlite3, sys; print(*[n for n, in sqlite3.connect(sys.argv[1]).execute("
    query = "\"SELECT json_extract(message_json, '$.n') FROM flexiflow_steps\")])"
    done = subprocess.run(
        [sys.executable, "-c", program + query, str(db)], capture_output=True, check=True
    )
    return [int(n) for n in done.stdout.split()]


@pytest.mark.parametrize("endings", [["-wal"], ["-shm"], ["-wal", "-shm"]])
@DURABILITIES
def test_a_deleted_wal_costs_nothing_while_it_is_recorded(db, durability, endings):
    """What was in it is brought into the main file, and others see all of it again."""
    engine = engine_of(("a",))
    with record(engine, db, durability=durability) as recording:
        send(engine, 1, 2, 3)
        recording.flush_now()
        delete(beside(db, *endings))
        send(engine, 4)
        recording.flush_now()
        assert seen_by_another(db) == [1, 2, 3, 4]
    assert kept_numbers(db) == {"a": [1, 2, 3, 4]}
    check_history(db)


def test_always_refuses_steps_once_its_database_is_gone(db):
    """A step that would be written into a file without a name does not count."""
    engine = engine_of(("a",))
    with record(engine, db, durability="always"):
        send(engine, 1)
        delete(beside(db, "", "-wal", "-shm"))
        before = engine.get("a").state
        with pytest.raises(PersistenceError, match="was deleted or replaced") as raised:
            send(engine, 2)
    check_error(raised.value)
    assert engine.get("a").state == before


def test_grouped_tells_what_is_lost_with_its_database(db):
    """The machine goes on; flush() and close() say that it is not recorded."""
    engine = engine_of(("a",))
    recording = record(engine, db)
    send(engine, 1)
    recording.flush_now()
    delete(beside(db, ""))
    send(engine, 2)
    with pytest.raises(PersistenceError, match="lost 2 rows") as raised:
        recording.flush_now()
    check_error(raised.value)
    assert engine.get("a").data["n"] == 2
    recording.close()


@pytest.mark.parametrize("moved", [False, True])
@DURABILITIES
def test_a_log_that_is_moved_or_deleted_is_begun_again(db, log, durability, moved):
    """As programs that rotate logs leave it: nothing is written where nobody will look."""
    engine = engine_of(("a",))
    with record(engine, db, log=log, durability=durability) as recording:
        send(engine, 1)
        recording.flush_now()
        before = log.read_bytes()
        elsewhere = log.rename(log.with_suffix(".1"))
        if not moved:
            elsewhere.unlink()
        send(engine, 2)
    records, broken = lines_of(log)
    changed = [line["message_type"] for line in records if line["event"] == "state.changed"]
    assert (changed, broken) == (["work"], 0)
    assert not moved or elsewhere.read_bytes() == before


@pytest.mark.parametrize("endings", [[""], ["", "-wal", "-shm"]])
@DURABILITIES
def test_recording_again_begins_a_new_file(db, durability, endings):
    """A notebook's cell that is run again after the file was deleted records again."""
    engine = engine_of(("a",))
    record(engine, db, durability=durability)
    send(engine, 1)
    delete(beside(db, *endings))
    with record(engine, db, durability=durability):
        send(engine, 2)
    assert kept_numbers(db) == {"a": [2]}
    check_history(db)


def test_a_database_that_comes_back_is_recorded_into_again(db):
    """What "always" could not write meanwhile was refused, and nothing else is missing."""
    engine = engine_of(("a",))
    with record(engine, db, durability="always"):
        send(engine, 1)
        elsewhere = db.rename(db.with_name("elsewhere.db"))
        with pytest.raises(PersistenceError, match="was deleted or replaced"):
            send(engine, 2)
        elsewhere.rename(db)
        send(engine, 3)
    assert kept_numbers(db) == {"a": [1, 3]}
    check_history(db)


@pytest.mark.parametrize("endings", [["-wal"], ["-shm"], ["-wal", "-shm"]])
def test_a_wal_deleted_after_a_kill_leaves_a_file_that_opens(dice, db, log, endings):
    """What was only in it is gone; what is left is whole, and the next start goes on."""
    with running(db=db, log=log, seed=dice.randrange(2**32)) as child:
        child.listen_for(30, 0)
        told = acknowledged(child.kill())
    delete(beside(db, *endings))
    with running(db=db, log=log, first=10**6, count=5) as child:
        later = acknowledged(child.finish())
    assert later - kept(db) == set()
    assert endings != ["-shm"] or told - kept(db) == set()
    check_history(db)


def test_a_wal_cut_short_after_a_kill_keeps_what_is_before_the_cut(dice, db):
    """SQLite takes whole transactions only."""
    with running(db=db, seed=dice.randrange(2**32)) as child:
        child.listen_for(40, 0)
        child.kill()
    (wal,) = beside(db, "-wal")
    with wal.open("r+b") as file:
        file.truncate(dice.randrange(wal.stat().st_size))
    with running(db=db, first=10**6, count=5) as child:
        told = acknowledged(child.finish())
    assert told - kept(db) == set()
    check_history(db)
    assert ask(db, "SELECT count(*) FROM flexiflow_runs WHERE end_us IS NOT NULL") == [(1,)]

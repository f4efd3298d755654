"""Locks, forks, clocks and event loops: what other processes and this one do to a recording."""

from __future__ import annotations

import asyncio
import contextlib
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest
from checking import ask, check_error, check_history, check_log, kept_numbers, lines_of
from children import running
from service import engine_of

from flexiflow.analysis.history import open_history
from flexiflow.errors import PersistenceError
from flexiflow.persistence import history_file
from flexiflow.recording import record

HOLDER = """
import sqlite3, sys
conn = sqlite3.connect(sys.argv[1], isolation_level=None)
conn.execute(sys.argv[2])
print("held", flush=True)
sys.stdin.readline()
"""


@contextmanager
def held_by_another(db, how="BEGIN IMMEDIATE"):
    """Another process holds the database while the block lasts."""
    command = [sys.executable, "-c", HOLDER, str(db), how]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as holder:
        assert holder.stdout.readline() == b"held\n"
        yield
        holder.communicate(b"\n")


@pytest.fixture
def impatient(monkeypatch):
    """Recordings that wait a moment only for a database that another program holds."""
    monkeypatch.setattr(history_file, "BUSY_TIMEOUT_S", 0.05)


async def send(engine, *numbers, name="a"):
    for n in numbers:
        await engine.get(name).send("work", n=n)


# -- locked --------------------------------------------------------------------------------


async def test_always_refuses_steps_while_another_holds_the_database(impatient, db, log):
    """And goes on once it is free."""
    engine = engine_of(("a",))
    async with record(engine, db, log=log, durability="always"):
        await send(engine, 1)
        with held_by_another(db), pytest.raises(PersistenceError) as raised:
            await send(engine, 2)
        await send(engine, 3)
    check_error(raised.value)
    assert "Another program holds" in raised.value.fix
    assert kept_numbers(db) == {"a": [1, 3]}
    check_history(db)
    check_log(log, db, torn=0)


async def test_grouped_goes_on_while_another_holds_the_database(impatient, db, log):
    """What could not be written is a row, and the file is whole."""
    engine = engine_of(("a",))
    async with record(engine, db, log=log) as recording:
        await send(engine, 1)
        await recording.flush()
        with held_by_another(db):
            await send(engine, 2)
            with pytest.raises(PersistenceError, match="lost 2 rows"):
                await recording.flush()
        await send(engine, 3)
    assert kept_numbers(db) == {"a": [1, 3]}
    assert ask(db, "SELECT kind, rows FROM flexiflow_markers") == [("gap", 2)]
    check_history(db)


def test_a_start_on_a_held_database_says_who_is_in_the_way(impatient, db):
    """Nothing is left behind, and the next start works."""
    record(engine_of(("a",)), db).close()
    engine = engine_of(("a",))
    with held_by_another(db), pytest.raises(PersistenceError) as raised:
        record(engine, db)
    check_error(raised.value)
    assert engine._hooks.observer is None
    with record(engine, db):
        asyncio.run(send(engine, 1))
    assert kept_numbers(db) == {"a": [1]}


def test_reading_does_not_wait_for_a_writer(db):
    """Another process writes for as long as it likes."""
    engine = engine_of(("a",))
    with record(engine, db):
        asyncio.run(send(engine, 1, 2))
    with held_by_another(db):
        assert len(open_history(db).steps()) == 2


# -- clocks --------------------------------------------------------------------------------


def test_a_clock_that_is_set_back_changes_no_order(db, log, monkeypatch):
    """Rows are in the order in which they happened, and every question has its answer."""
    now = time.time_ns()
    hours = iter([0, -5, -5, 3, -9, -9, 1, 0] * 100)
    monkeypatch.setattr(time, "time_ns", lambda: now + next(hours) * 3600 * 10**9)
    engine = engine_of(("a",))
    with record(engine, db, log=log):
        asyncio.run(send(engine, *range(20)))
    assert kept_numbers(db) == {"a": list(range(20))}
    check_history(db)
    check_log(log, db, torn=0)
    snapshots = open_history(db).snapshots("a")
    kept = [open_history(db).snapshot(number).metadata for number in snapshots["id"]]
    assert kept == [{}, *({"n": n} for n in range(20))]


def test_a_run_that_begins_before_the_last_one_ended_comes_after_it(db, monkeypatch):
    """A restart after the clock was set back goes on behind what is there."""
    for back_s in (0, 86_400):
        now = time.time_ns() - back_s * 10**9
        monkeypatch.setattr(time, "time_ns", lambda now=now: now)
        engine = engine_of(("a",))
        with record(engine, db):
            asyncio.run(send(engine, back_s))
    assert kept_numbers(db) == {"a": [0, 86_400]}
    components = open_history(db).components().set_index("component")
    assert components.loc["a", "state"] == "Even"
    check_history(db)


# -- processes and loops ---------------------------------------------------------------------


def test_a_fork_in_the_middle_of_a_recording_harms_neither_side(db, log):
    """The parent loses nothing; the child's steps work in memory and are nobody's rows."""
    with running(program="forking.py", db=db, log=log) as child:
        said = child.finish()
    assert [each["n"] for each in said if each.get("who") == "child"] == [100, 101, 102]
    assert kept_numbers(db) == {"a": list(range(20))}
    check_history(db)
    check_log(log, db, torn=0)


@pytest.mark.parametrize("durability", ["always", "grouped"])
def test_a_loop_that_is_closed_in_the_middle_of_steps_stops_nothing(db, log, durability):
    """The next loop's messages are handled and recorded, and so is every finished step."""
    engine = engine_of(("a", "b"))
    recording = record(engine, db, log=log, durability=durability)
    loop = asyncio.new_event_loop()
    begun = [loop.create_task(send(engine, *range(1000), name=name)) for name in "ab"]
    loop.call_later(0.02, loop.stop)
    loop.run_forever()
    for task in begun:  # as a crash leaves them: never cancelled, never awaited
        task._log_destroy_pending = False
    loop.close()
    asyncio.run(send(engine, 2000))
    with contextlib.closing(recording):
        recording.flush_now()
    numbers = kept_numbers(db)["a"]
    assert numbers == [*range(len(numbers) - 1), 2000]
    assert engine.get("a").data["n"] == 2000
    check_history(db)


async def test_a_subscriber_that_never_returns_holds_up_only_its_component(db, log):
    """Its step is on record, the others go on, and the recording can be closed."""
    engine = engine_of(("a", "b"))
    reached, never = asyncio.Event(), asyncio.Event()

    async def subscriber(data):
        reached.set()
        await never.wait()

    await engine.event_bus.subscribe(
        "state.changed", "watcher", subscriber, filter_fn=lambda _, data: data["component"] == "a"
    )
    recording = record(engine, db, log=log)
    stuck = asyncio.create_task(send(engine, 1))
    await reached.wait()
    await send(engine, *range(10), name="b")
    await recording.flush()
    assert (engine.get("a").state, kept_numbers(db)) == ("Even", {"a": [1], "b": [*range(10)]})
    await asyncio.to_thread(recording.close)
    stuck.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stuck
    check_history(db)
    check_log(log, db, torn=0)
    engine.event_bus.unsubscribe_all("watcher")
    await send(engine, 2)
    assert engine.get("a").data["n"] == 2


@pytest.mark.parametrize("durability", ["always", "grouped"])
async def test_ten_thousand_components_at_once(db, log, durability):
    """Each has its step and its snapshot, and every line is in the log."""
    names = [f"c{number}" for number in range(10_000)]
    engine = engine_of(tuple(names))
    async with record(engine, db, log=log, durability=durability) as recording:
        await asyncio.gather(*(send(engine, n, name=name) for n, name in enumerate(names)))
        await recording.flush()
    assert kept_numbers(db) == {name: [n] for n, name in enumerate(names)}
    query = "SELECT count(*), count(DISTINCT step_id) FROM flexiflow_snapshots"
    assert ask(db, query) == [(20_001, 10_000)]
    records, broken = lines_of(log)
    events = [line["event"] for line in records]
    assert (events.count("message.received"), events.count("state.changed"), broken) == (
        10_000,
        10_000,
        0,
    )

"""The writer thread: what is on disk when, and what becomes of what can't be written."""

from __future__ import annotations

import asyncio
import json
import os
import sqlite3
from contextlib import closing, contextmanager
from enum import Enum

import pytest
from on_disk import ask, lines_of

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import PersistenceError
from flexiflow.persistence import history_file
from flexiflow.persistence.history_file import Entry, HistoryFile
from flexiflow.persistence.rows import CHAINED_COLUMNS, STEP_COLUMNS, link
from flexiflow.recording import pipeline as pipeline_module
from flexiflow.recording import record
from flexiflow.recording.items import Gap
from flexiflow.recording.pipeline import OLDEST_S, Pipeline
from flexiflow.state_machine import DEFAULT_REGISTRY, State, StateMachine, StateRegistry
from flexiflow.tracing.records import LogRecord


class Off(State):
    @on("switch", to="On")
    async def switch(self, message, lamp):
        lamp.data["switched"] = lamp.data.get("switched", 0) + 1


class On(State):
    @on("switch", to="Off")
    async def switch(self, message, lamp):
        lamp.data["switched"] += 1


@pytest.fixture
def engine():
    """An engine with one lamp."""
    engine = FlexiFlowEngine()
    engine.add("lamp", Off)
    return engine


@pytest.fixture
def impatient(monkeypatch):
    """Recordings that wait a moment only for a database that another program holds."""
    monkeypatch.setattr(history_file, "BUSY_TIMEOUT_S", 0.02)


@contextmanager
def held(path):
    """Another program holds the database."""
    with closing(sqlite3.connect(path, isolation_level=None)) as conn:
        conn.execute("BEGIN IMMEDIATE")
        yield
        conn.execute("ROLLBACK")


@contextmanager
def refusing_steps(path):
    """Another program has made a trigger that lets no step in."""
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(
            "CREATE TRIGGER no_steps BEFORE INSERT ON flexiflow_steps"
            " BEGIN SELECT RAISE(ABORT, 'no steps today'); END"
        )
        yield
        conn.execute("DROP TRIGGER no_steps")


@pytest.fixture
def full_disk(monkeypatch):
    """A disk on which nothing can be written, while the block lasts."""

    @contextmanager
    def full():
        def write(file, data):
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "write", write)
            yield

    return full


def check_chains(path):
    """Every chained table's hashes are what its rows say."""
    for table, columns in CHAINED_COLUMNS.items():
        before = None
        query = f"SELECT id, {', '.join(columns)}, prev_hash, hash FROM {table} ORDER BY id"
        for row_id, *values, prev_hash, this in ask(path, query):
            assert prev_hash == before
            assert this == link(table, row_id, values, before)
            before = this


# -- "always" ------------------------------------------------------------------------------


async def test_a_step_is_on_disk_before_its_state_is_assigned(db, log):
    """When the state changes in memory, another program already reads the step and its lines."""
    seen = []

    class Watched(StateMachine):
        """Looks at the disk when its state is assigned."""

        @StateMachine.current_state.setter
        def current_state(self, state):
            if log.exists():
                steps = ask(db, "SELECT from_state, to_state FROM flexiflow_steps")
                snapshots = ask(db, "SELECT state FROM flexiflow_snapshots ORDER BY id")
                seen.append((steps, snapshots, [line["event"] for line in lines_of(log)]))
            StateMachine.current_state.fset(self, state)

    names = StateRegistry(DEFAULT_REGISTRY)
    for state in (Off, On):
        names.register(state.__name__, state)
    engine = FlexiFlowEngine()
    lamp = engine.register(AsyncComponent("lamp", [], Watched(Off(), names)))
    async with record(engine, db, log=log, durability="always"):
        await lamp.send("switch")
    ((steps, snapshots, events),) = seen
    assert steps == [("Off", "On")]
    assert snapshots == [("Off",), ("On",)]
    assert {"message.received", "handler.started", "handler.finished"} <= set(events)
    assert "state.changed" not in events


async def test_a_step_is_on_disk_before_its_change_is_published(engine, db, log):
    """A subscriber of state.changed finds the step in the file and its line in the log."""
    seen = []

    def look(event):
        steps = ask(db, "SELECT id, correlation_id, to_state FROM flexiflow_steps")
        changed = [line for line in lines_of(log) if line["event"] == "state.changed"]
        told = [(line["step_id"], line["correlation_id"], line["to_state"]) for line in changed]
        seen.append((event["correlation_id"], steps, told))

    await engine.event_bus.subscribe("state.changed", "test", look)
    async with record(engine, db, log=log, durability="always"):
        await engine.get("lamp").send("switch", correlation_id="mine")
    assert seen == [("mine", [(1, "mine", "On")], [(1, "mine", "On")])]


async def test_a_step_that_can_not_be_committed_does_not_happen(engine, db, log):
    """The sender gets the error, the state stays, and nothing is published or said to be saved."""
    lamp = engine.get("lamp")
    published = []
    await engine.event_bus.subscribe("state.changed", "test", published.append)
    async with record(engine, db, log=log, durability="always"):
        with refusing_steps(db):
            with pytest.raises(PersistenceError) as caught:
                await lamp.send("switch")
            assert (lamp.state, published) == ("Off", [])
        assert "no steps today" in caught.value.why
        assert (await lamp.send("switch")).outcome == "moved"
        assert lamp.state == "On"
    steps = ask(db, "SELECT id, from_state, to_state, outcome FROM flexiflow_steps")
    assert steps == [(1, "Off", "On", "moved")]
    events = [line["event"] for line in lines_of(log)]
    assert (events.count("message.failed"), events.count("state.changed")) == (1, 1)
    assert events.count("snapshot.saved") == 2
    check_chains(db)


async def test_a_lost_snapshot_is_taken_again(engine, db):
    """A snapshot that was rolled back is not taken for one that is there."""
    lamp = engine.get("lamp")
    async with record(engine, db, durability="always", metadata=lambda component: {}):
        with refusing_steps(db), pytest.raises(PersistenceError):
            await lamp.send("switch")
        await lamp.send("switch")
    snapshots = ask(db, "SELECT state, step_id FROM flexiflow_snapshots ORDER BY id")
    assert snapshots == [("Off", None), ("On", 1)]


async def test_each_sender_gets_an_error_of_its_own(engine, db, impatient):
    """Those whose steps were in one group do not share the object that they raise."""
    lamps = [engine.add(f"lamp {n}", Off) for n in range(5)]
    async with record(engine, db, durability="always"):
        with held(db):
            sends = [lamp.send("switch") for lamp in lamps]
            errors = await asyncio.gather(*sends, return_exceptions=True)
    assert [type(error) for error in errors] == [PersistenceError] * 5
    assert len({id(error) for error in errors}) == 5
    assert {lamp.state for lamp in lamps} == {"Off"}


async def test_what_nobody_waits_for_is_kept_until_it_can_be_written(engine, db, impatient):
    """A component that is registered while the database is held is written afterwards."""
    async with record(engine, db, durability="always") as recording:
        with held(db):
            engine.add("late", Off)
            with pytest.raises(PersistenceError) as caught:
                await recording.flush()
            assert "yet" in caught.value.what
        await recording.flush()
        names = ask(db, "SELECT component_name FROM flexiflow_snapshots ORDER BY id")
        assert names == [("lamp",), ("late",)]
    assert ask(db, "SELECT count(*) FROM flexiflow_markers") == [(0,)]


async def test_what_can_not_be_written_until_the_end_is_said(engine, db, impatient):
    """close() tells how many rows are lost, and closes all the same."""
    recording = record(engine, db, durability="always")
    with held(db):
        engine.add("late", Off)
        with pytest.raises(PersistenceError) as caught:
            recording.close()
    assert caught.value.context_items["rows"] == 1
    assert recording.closed
    assert engine._hooks.observer is None


async def test_a_log_that_fails_stops_the_step_and_loses_no_line(engine, db, log, full_disk):
    """Without its lines a step does not count; they are written once there is room again."""
    lamp = engine.get("lamp")
    async with record(engine, db, log=log, durability="always") as recording:
        with full_disk():
            with pytest.raises(PersistenceError):
                await lamp.send("switch", correlation_id="first")
            assert lamp.state == "Off"
            with pytest.raises(PersistenceError) as caught:
                await recording.flush()
            assert "yet" in caught.value.what
        await recording.flush()
        await lamp.send("switch", correlation_id="second")
    assert ask(db, "SELECT correlation_id FROM flexiflow_steps") == [("second",)]

    def events(correlation_id):
        own = [line for line in lines_of(log) if line.get("correlation_id") == correlation_id]
        return sorted(line["event"] for line in own)

    assert events("first") == [
        "handler.finished",
        "handler.started",
        "message.failed",
        "message.received",
    ]
    assert events("second") == [
        "handler.finished",
        "handler.started",
        "message.received",
        "snapshot.saved",
        "state.changed",
    ]


async def test_a_log_that_fails_until_the_end_is_a_gap_in_the_database(engine, db, log, full_disk):
    """Whoever opens the history sees how many lines the log lacks, and why."""
    recording = record(engine, db, log=log, durability="always")
    await recording.flush()
    with full_disk():
        with pytest.raises(PersistenceError):
            await engine.get("lamp").send("switch")
        with pytest.raises(PersistenceError, match="The recording lost 0 rows and") as caught:
            recording.close()
    assert "No space left" in caught.value.why
    ((kind, detail),) = ask(db, "SELECT kind, detail_json FROM flexiflow_markers")
    assert (kind, json.loads(detail)["lines"]) == ("gap", caught.value.context_items["lines"])
    assert json.loads(detail)["lines"] > 0


def test_a_loop_that_is_closed_early_stops_nothing(engine, db):
    """A step that waits when its loop ends is written, and the next loop goes on."""
    lamp, slow = engine.get("lamp"), engine.add("slow", Off)
    with record(engine, db, durability="always") as recording:
        loop = asyncio.new_event_loop()
        with held(db):
            task = loop.create_task(slow.send("switch"))
            while not slow.data:
                loop.run_until_complete(asyncio.sleep(0))
            assert not task.done()
            task._log_destroy_pending = False
            del task
            loop.close()
        recording.flush_now()
        asyncio.run(lamp.send("switch"))
        names = ask(db, "SELECT component_name, outcome FROM flexiflow_steps ORDER BY id")
    assert names == [("slow", "moved"), ("lamp", "moved")]


# -- "grouped" -----------------------------------------------------------------------------


async def test_a_held_database_is_a_gap_that_is_counted_and_told(engine, db, log, impatient):
    """The machine goes on; flush() says what was lost; the file and the log say it afterwards."""
    lamp = engine.get("lamp")
    async with record(engine, db, log=log) as recording:
        await recording.flush()
        with held(db):
            for _ in range(3):
                assert (await lamp.send("switch")).outcome == "moved"
            with pytest.raises(PersistenceError) as caught:
                await recording.flush()
        assert caught.value.context_items == {"rows": 6, "lines": 0}
        await lamp.send("switch")
        await recording.flush()
        assert [r["to_state"] for _, r in recording.history.steps().iterrows()] == ["Off"]
    ((rows, detail),) = ask(db, "SELECT rows, detail_json FROM flexiflow_markers")
    assert (rows, json.loads(detail)["lines"]) == (6, 0)
    (gap,) = [line for line in lines_of(log) if line["event"] == "recording.gap"]
    assert (gap["level"], gap["data"]["rows"], gap["data"]["lines"]) == ("ERROR", 6, 0)
    assert sum(line["event"] == "state.changed" for line in lines_of(log)) == 4
    check_chains(db)


async def test_a_full_disk_under_the_log_is_a_gap(engine, db, log, full_disk):
    """The rows are all there, and how many lines are not is told in both files."""
    lamp = engine.get("lamp")
    async with record(engine, db, log=log) as recording:
        await recording.flush()
        with full_disk():
            for _ in range(3):
                await lamp.send("switch")
            with pytest.raises(PersistenceError) as caught:
                await recording.flush()
        # Received, started, finished, changed and saved, three times.
        assert caught.value.context_items == {"rows": 0, "lines": 15}
        assert "No space left" in caught.value.why
        await lamp.send("switch")
        await recording.flush()
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(4,)]
    ((rows, detail),) = ask(db, "SELECT rows, detail_json FROM flexiflow_markers")
    assert (rows, json.loads(detail)["lines"]) == (0, 15)
    (gap,) = [line for line in lines_of(log) if line["event"] == "recording.gap"]
    assert (gap["data"]["rows"], gap["data"]["lines"]) == (0, 15)


async def test_several_failures_are_one_gap(engine, db, impatient):
    """What is lost until writing works again is counted together."""
    lamp = engine.get("lamp")
    async with record(engine, db) as recording:
        await recording.flush()
        with held(db):
            for _ in range(3):
                await lamp.send("switch")
                with pytest.raises(PersistenceError):
                    await recording.flush()
        await lamp.send("switch")
        await recording.flush()
    assert ask(db, "SELECT kind, rows FROM flexiflow_markers") == [("gap", 6)]


async def test_a_gap_at_the_end_is_told_by_close(engine, db, impatient):
    """Leaving the block is an error where something was lost."""
    recording = record(engine, db)
    await recording.flush()
    with held(db):
        await engine.get("lamp").send("switch")
        with pytest.raises(PersistenceError) as caught:
            await recording.__aexit__(None, None, None)
    assert caught.value.context_items["rows"] == 2
    assert recording.closed


@pytest.mark.parametrize(
    ("limit", "message"),
    [
        ({"MOST_QUEUED": 5}, {}),
        ({"MOST_QUEUED_BYTES": 20_000}, {"text": "x" * 2_000}),
        ({"MOST_QUEUED_BYTES": 500}, {}),
        ({"OLDEST_S": 0}, {}),
    ],
    ids=["many", "large messages", "their snapshots", "old"],
)
async def test_a_full_queue_makes_the_sender_wait_and_loses_nothing(
    engine, db, monkeypatch, limit, message
):
    """While the writer is held up, senders stop; then all of their steps are written."""
    lamp = engine.get("lamp")
    waits = asyncio.Event()
    real_room = Pipeline.room

    def room(self, *args):
        found = real_room(self, *args)
        if found is not None:
            waits.set()
        return found

    for name, most in limit.items():
        monkeypatch.setattr(pipeline_module, name, most)
    monkeypatch.setattr(Pipeline, "room", room)

    async def send():
        for _ in range(50):
            await lamp.send("switch", **message)

    async with record(engine, db) as recording:
        await recording.flush()
        with held(db):
            task = asyncio.create_task(send())
            await waits.wait()
            sent = lamp.data["switched"]
            for _ in range(100):
                await asyncio.sleep(0)
            assert lamp.data["switched"] == sent
            assert sent < 20
        await task
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(50,)]
    assert ask(db, "SELECT count(*) FROM flexiflow_markers") == [(0,)]


@pytest.mark.parametrize("durability", ["grouped", "always"])
async def test_names_that_sqlite_can_not_hold_are_spelt_out(engine, db, log, durability):
    """A lone surrogate in a name, a type or the data takes nothing with it."""
    odd = engine.add("\ud800", Off, data={"\udfff": "\ud800"})
    async with record(engine, db, log=log, durability=durability):
        await asyncio.gather(
            odd.send("switch", n=10**40, text="\ud800"),
            odd.send("\udfff"),
            engine.get("lamp").send("switch"),
        )
    query = "SELECT component_name, message_type FROM flexiflow_steps ORDER BY 1, 2"
    assert ask(db, query) == [("\\ud800", "\\udfff"), ("\\ud800", "switch"), ("lamp", "switch")]
    assert ask(db, "SELECT count(*) FROM flexiflow_markers") == [(0,)]
    changed = [line["component"] for line in lines_of(log) if line["event"] == "state.changed"]
    assert sorted(changed) == ["\\ud800", "lamp"]
    check_chains(db)


# -- the pipeline itself -------------------------------------------------------------------


NOW = 1_700_000_000_000_000


def step_row(**values):
    """A step's row with these values in it."""
    row = dict.fromkeys(STEP_COLUMNS) | {
        "component_name": "lamp",
        "correlation_id": "id",
        "run_id": 1,
        "start_us": 1,
        "duration_us": 1,
        "from_state": "Off",
        "to_state": "Off",
        "outcome": "stayed",
        "span_id": "span",
        "tries": 1,
    }
    return tuple((row | values).values())


class Colour(Enum):
    """JSON takes it by its value, SQLite not at all."""

    RED = "red"


class Teller:
    """Notes what it is told."""

    def __init__(self):
        self.ids, self.names_lost = [], []

    def written(self, entry):
        self.ids.append(entry.step_id)
        raise RuntimeError("mine")

    def lost(self, entry):
        self.names_lost.append(entry.step[0])

    def gap(self, gap: Gap):
        marker = ("gap", gap.last_us, None, None, None, None, None, gap.rows, None)
        return Entry(marker=marker), LogRecord("now", "ERROR", "recording.gap")


@pytest.fixture
def teller():
    return Teller()


@pytest.fixture
def pipeline(db, teller):
    """A pipeline without a log, that is closed afterwards."""
    file = HistoryFile(db)
    made = Pipeline(file, None, teller)
    yield made
    made.close()
    file.close()


def test_a_number_beyond_64_bits_is_stored_as_the_largest(db, pipeline):
    """It stays in its group, and so do the others."""
    for tries in (1, 10**30, -(10**30), 2):
        pipeline.put(Entry(step=step_row(tries=tries)))
    pipeline.flush()
    found = [tries for (tries,) in ask(db, "SELECT tries FROM flexiflow_steps ORDER BY id")]
    assert found == [1, 2**63 - 1, -(2**63), 2]
    check_chains(db)


@pytest.mark.parametrize("value", [Colour.RED, {1}], ids=repr)
def test_a_value_of_a_type_that_sqlite_does_not_know_is_stored_as_text(db, pipeline, value):
    """It stays in its group, and so do the others."""
    for name in ("a", value, "b"):
        pipeline.put(Entry(step=step_row(component_name=name)))
    pipeline.flush()
    found = [name for (name,) in ask(db, "SELECT component_name FROM flexiflow_steps ORDER BY id")]
    assert found == ["a", repr(value), "b"]
    check_chains(db)


def test_a_row_that_can_not_be_stored_is_lost_alone(db, pipeline, teller):
    """The others of its group are written, it is counted, and who gave it is told."""
    for name in ("a", None, "b"):
        pipeline.put(Entry(step=step_row(component_name=name)))
    with pytest.raises(PersistenceError) as caught:
        pipeline.flush()
    assert caught.value.context_items["rows"] == 1
    assert teller.names_lost == [None]
    assert ask(db, "SELECT component_name FROM flexiflow_steps") == [("a",), ("b",)]
    assert ask(db, "SELECT kind, rows FROM flexiflow_markers") == [("gap", 1)]
    check_chains(db)


def test_a_flush_after_a_told_loss_is_quiet(pipeline):
    """A loss is told once."""
    pipeline.put(Entry(step=step_row(component_name=None)))
    with pytest.raises(PersistenceError):
        pipeline.flush()
    pipeline.flush()


def test_ids_are_filled_in_before_it_is_said(pipeline, teller):
    """Who is told sees the ids of the rows; what it raises stops nothing."""
    for _ in range(3):
        pipeline.put(Entry(step=step_row()))
    pipeline.flush()
    assert teller.ids == [1, 2, 3]


async def test_senders_wait_once_the_oldest_step_is_too_old(db, pipeline):
    """However few they are; what came before it does not count once it is on disk."""
    limit = round(OLDEST_S * 1e6)
    with held(db):
        pipeline.put(Entry(step=step_row()))
        assert pipeline.room(1, NOW) is None
        assert pipeline.room(1, NOW + limit - 1) is None
        waits = pipeline.room(1, NOW + limit)
        assert not waits.done()
    await waits
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(1,)]
    assert pipeline.room(1, NOW + 2 * limit) is None


def test_no_transaction_is_larger_than_a_group(db, pipeline, monkeypatch):
    """Where more waits, another program that writes has its turn in between."""
    monkeypatch.setattr(pipeline_module, "MOST_QUEUED", 5)
    sizes, real = [], HistoryFile.write

    def write(self, entries):
        real(self, entries)
        sizes.append(len(entries))

    monkeypatch.setattr(HistoryFile, "write", write)
    with held(db):
        for _ in range(12):
            pipeline.put(Entry(step=step_row()))
    pipeline.flush()
    assert sum(sizes) == 12
    assert max(sizes) <= 5


def test_a_flush_that_takes_too_long_says_so(db, pipeline):
    """It gives up waiting, and what is queued is written later."""
    with held(db):
        pipeline.put(Entry(step=step_row()))
        with pytest.raises(PersistenceError) as caught:
            pipeline.flush(timeout=0.01)
        assert "in time" in caught.value.what
    pipeline.flush()
    assert ask(db, "SELECT count(*) FROM flexiflow_steps") == [(1,)]

"""The whole history: its questions, its log, and recordings that are read while they run."""

import asyncio
import inspect
import os
import sqlite3
import threading
from pathlib import Path

import pytest
from histories import NOON, SECOND, Written, written_by_1x

import flexiflow
from flexiflow import FlexiFlowEngine, State, on, open_history, open_log, record
from flexiflow.analysis.base import frames, shapes
from flexiflow.analysis.history import History
from flexiflow.errors import InvalidValue, PersistenceError, StateFileNotFound
from flexiflow.extras import ComponentSnapshot, save_snapshot_sqlite


class Open(State):
    @on("ping")
    async def ping(self, message, component):
        """Count."""
        component.data["pings"] = component.data.get("pings", 0) + 1

    @on("close", to="Closed")
    async def close(self, message, component):
        """End."""


class Closed(State, final=True):
    pass


QUESTIONS = {
    "components": shapes.COMPONENTS,
    "snapshots": shapes.SNAPSHOTS,
    "steps": shapes.STEPS,
    "visits": shapes.VISITS,
    "stuck": shapes.STUCK,
}


def columns(frame):
    return dict(frame.dtypes.astype(str))


def parameters(function):
    return [
        (name, each.kind.name, each.default)
        for name, each in inspect.signature(function).parameters.items()
        if name != "self"
    ]


# -- the surface --------------------------------------------------------------------------


@pytest.mark.parametrize("wanted", [["tme"], ["time", "time"], [7], [[1]], "states"])
def test_columns_that_are_none_or_wanted_twice_are_refused(wanted):
    """Each with the names that there are."""
    with pytest.raises(InvalidValue) as caught:
        Written().history.snapshots(columns=wanted)
    assert caught.value.why.startswith("The columns are id, time, component, state")


def test_signatures():
    """As they are promised: what is asked for first, filters by keyword."""
    positional, keyword, empty = "POSITIONAL_OR_KEYWORD", "KEYWORD_ONLY", inspect.Parameter.empty
    component = ("component", positional, None)
    filters = [(name, keyword, None) for name in ("since", "until", "states", "limit")]
    columns = ("columns", keyword, None)
    expected = {
        History.components: [],
        History.snapshots: [component, *filters, ("explode", keyword, False), columns],
        History.steps: [component, *filters, columns],
        History.visits: [component],
        History.graph: [component],
        History.why: [component],
        History.snapshot: [("snapshot_id", positional, empty)],
        History.stuck: [
            ("factor", keyword, 3.0),
            ("min_departures", keyword, 5),
            ("min_dwell", keyword, "100ms"),
        ],
        History.outliers: [
            ("of", positional, "stays"),
            ("factor", keyword, 3.0),
            ("min_siblings", keyword, 5),
            ("min_took", keyword, "10ms"),
        ],
        History.blame: [component, ("field", positional, None)],
        History.when: [component, ("condition", positional, None)],
        History.diff: [("old", positional, None), ("new", positional, None)],
        History.story: [component, ("limit", keyword, 30)],
        History.restore: [
            ("snapshot_id", positional, empty),
            ("engine", positional, empty),
            ("registry", positional, None),
        ],
        open_history: [("where", positional, empty), ("log", positional, None)],
    }
    assert {function: parameters(function) for function in expected} == expected


@pytest.mark.parametrize("name", ["open_history", "open_log", "machine_graph", "record"])
def test_the_facade_has_the_same_objects(name):
    """`flexiflow.NAME` is the object of its home module."""
    found = getattr(flexiflow, name)
    assert found is getattr(__import__(found.__module__, fromlist=[name]), name)


def test_every_public_question_says_what_it_raises_and_returns():
    """A question with arguments or a frame has more than one line of documentation."""
    for name in ("components", "snapshots", "steps", "visits", "stuck", "why", "graph", "snapshot"):
        text = inspect.getdoc(getattr(History, name))
        assert any(part in text for part in ("Returns:", "Raises:"))


def test_an_empty_history():
    """Every question has an answer with the documented columns."""
    history = Written().history
    for name, expected in QUESTIONS.items():
        assert columns(getattr(history, name)()) == expected
    assert history.names() == []
    assert history.log is None


def test_a_mistyped_argument_is_refused():
    """A keyword that is none is not swallowed."""
    with pytest.raises(TypeError, match="komponent"):
        Written().history.steps(komponent="order")


def test_repr_names_the_sources(tmp_path):
    """Three of them, and how many more."""
    for number in range(5):
        written_by_1x([], tmp_path / f"{number}.db").close()
    shown = repr(open_history(tmp_path / "*.db"))
    assert shown.count(".db") == 3
    assert shown.endswith("and 2 more>")


# -- the log that belongs to it ------------------------------------------------------------


def with_log(folder: Path, log_path: object) -> History:
    written = Written(folder / "state.db")
    written.conn.execute("UPDATE flexiflow_runs SET log_path = ?", (log_path,))
    written.conn.close()
    return open_history(folder / "state.db")


def test_the_log_that_was_noted(tmp_path):
    """record() wrote down where it is."""
    (tmp_path / "elsewhere").mkdir()
    log = tmp_path / "elsewhere" / "run.jsonl"
    log.touch()
    assert with_log(tmp_path, str(log)).log.paths == [log]


def test_the_log_of_a_folder_that_was_moved(tmp_path):
    """It lies beside the database."""
    log = tmp_path / "run.jsonl"
    log.touch()
    assert with_log(tmp_path, "/production/run.jsonl").log.paths == [log]


@pytest.mark.parametrize(
    "noted", [None, "/production/run.jsonl", "", "/", "a\0b", b"\xff", 5, ".."]
)
def test_no_log_to_be_found(tmp_path, noted):
    """None, whatever is noted."""
    assert with_log(tmp_path, noted).log is None


def test_a_folder_is_no_log(tmp_path):
    """What is noted must be a file."""
    assert with_log(tmp_path, str(tmp_path)).log is None


def test_a_connection_has_no_folder(tmp_path, monkeypatch):
    """A file of that name in the working directory is somebody else's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "run.jsonl").touch()
    written = Written()
    written.conn.execute("UPDATE flexiflow_runs SET log_path = '/production/run.jsonl'")
    assert written.history.log is None


def test_a_log_of_ones_own_choice(tmp_path):
    """log= wins over what is noted, and may be several files, also from a generator."""
    for name in ("a.jsonl", "b.jsonl", "noted.jsonl"):
        (tmp_path / name).touch()
    with_log(tmp_path, str(tmp_path / "noted.jsonl"))
    chosen = (tmp_path / name for name in ("a.jsonl", "b.jsonl"))
    history = open_history(tmp_path / "state.db", log=chosen)
    assert history.log.paths == history.log.paths == [tmp_path / "a.jsonl", tmp_path / "b.jsonl"]


def test_a_log_that_is_not_there(tmp_path):
    """It is said at once."""
    with_log(tmp_path, None)
    with pytest.raises(StateFileNotFound, match="Log not found"):
        open_history(tmp_path / "state.db", log=tmp_path / "nothing.jsonl")


# -- recordings that run -------------------------------------------------------------------


@pytest.mark.parametrize("path", [None, "state.db"])
@pytest.mark.parametrize("durability", ["grouped", "always"])
async def test_a_recording_is_read_while_it_runs(tmp_path, path, durability):
    """Every question waits for what is queued, also in memory."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open)
    place = None if path is None else tmp_path / path
    async with record(engine, place, durability=durability) as recording:
        history = recording.history
        for number in range(1, 6):
            await order.send("ping")
            assert len(history.steps()) == number
            assert history.snapshots(explode=True)["metadata.pings"].iloc[-1] == number
        for name, expected in QUESTIONS.items():
            assert columns(getattr(history, name)()) == expected
        assert history.why("order").state == "Open"
        assert history.graph("order").model.current == "Open"
        assert history.snapshot(6).metadata == {"pings": 5}


@pytest.mark.parametrize("path", [None, "state.db"])
async def test_a_recording_is_read_after_its_end(tmp_path, path):
    """A file, and a history that was kept in memory."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open)
    async with record(engine, None if path is None else tmp_path / path) as recording:
        before = recording.history
        await order.send("close")
    for history in (before, recording.history):
        assert history.components()["state"].tolist() == ["Closed"]
        assert history.why("order").kind == "finished"


async def test_memory_is_called_memory():
    """In the source column."""
    engine = FlexiFlowEngine()
    engine.add("order", Open)
    with record(engine) as recording:
        assert recording.history.components()["source"].tolist() == ["memory"]


async def test_memory_is_only_read():
    """A question can't write, and writing goes on after it, also after one that failed."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open)
    with record(engine) as recording:
        (source,) = recording.history.sources
        with pytest.raises(PersistenceError, match="can't be read"), source.connect() as conn:
            conn.execute("DELETE FROM flexiflow_snapshots")
        await order.send("ping")
        assert len(recording.history.steps()) == 1


@pytest.mark.parametrize("path", [None, "state.db"])
async def test_several_threads_ask_while_the_engine_works(tmp_path, path):
    """Each sees a whole history: no step without the snapshot that follows it."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open)
    wrong, done = [], threading.Event()

    def ask(history):
        try:
            while not done.is_set():
                steps = len(history.steps())
                frame = history.snapshots(explode=True)
                pings = frame.get("metadata.pings")
                newest = 0 if pings is None else pings.fillna(0).iloc[-1]
                if newest < steps:
                    wrong.append((newest, steps))
        except Exception as exc:  # reported by the test
            wrong.append(exc)

    with record(engine, None if path is None else tmp_path / path) as recording:
        threads = [threading.Thread(target=ask, args=(recording.history,)) for _ in range(3)]
        for thread in threads:
            thread.start()
        for _ in range(100):
            await order.send("ping")
            await asyncio.sleep(0)
        done.set()
        for thread in threads:
            await asyncio.to_thread(thread.join)
        assert wrong == []
        assert len(recording.history.steps()) == 100


async def test_another_process_reads_the_file(tmp_path):
    """A second reader of the file sees what is flushed, while the writer has it open."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open)
    async with record(engine, tmp_path / "state.db") as recording:
        await order.send("ping")
        await recording.flush()
        history = open_history(tmp_path / "state.db")
        assert len(history.steps()) == 1
        await order.send("ping")
        await recording.flush()
        assert len(history.steps()) == 2


async def test_the_log_of_a_recording(tmp_path):
    """The history of a recording has its log; so has the file afterwards."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open)
    log = tmp_path / "run.jsonl"
    async with record(engine, tmp_path / "state.db", log=log) as recording:
        for ask in (recording.history.log, recording.log):
            for _ in range(3):  # every question waits for what is queued
                step = await order.send("ping")
                assert ask.trace(step.correlation_id).tree().missing == ()
    assert open_history(tmp_path / "state.db").log.paths == [log]
    assert open_log(log).trace(step.correlation_id).correlation_id == step.correlation_id


async def test_steps_and_snapshots_of_a_run():
    """What was sent is what is found: messages, states, outcomes, in order."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open)
    with record(engine) as recording:
        for message in ("ping", "nonsense", "close", "ping"):
            await order.send(message)
        steps = recording.history.steps("order")
        snapshots = recording.history.snapshots("order")
    assert steps["message"].tolist() == ["ping", "nonsense", "close", "ping"]
    assert steps["outcome"].tolist() == ["stayed", "refused", "moved", "refused"]
    assert snapshots["state"].tolist() == ["Open", "Open", "Closed"]
    assert [frames.cell_text(each) for each in snapshots["correlation_id"]][1:] == [
        steps["correlation_id"].iloc[0],
        steps["correlation_id"].iloc[2],
    ]


# -- databases of applications ---------------------------------------------------------------


def test_a_database_that_belongs_to_an_application(tmp_path):
    """Its own tables and versions are its own."""
    conn = sqlite3.connect(tmp_path / "app.db")
    conn.execute("CREATE TABLE orders (id INTEGER)")
    conn.execute("PRAGMA user_version = 77")
    conn.execute("PRAGMA application_id = 123")
    save_snapshot_sqlite(conn, ComponentSnapshot("order", "A", [], {}))
    conn.close()
    assert open_history(tmp_path / "app.db").names() == ["order"]


def test_a_device_is_not_read_from(tmp_path):
    """What a hostile file notes as its log is not opened unless it is a file."""
    assert with_log(tmp_path, os.devnull).log is None


def test_questions_of_a_million_years(tmp_path):
    """Times at the edge of what can be shown make no question fail."""
    written = Written()
    for time_us in (-9_000_000_000_000_000, 9_000_000_000_000_000):
        written.step("order", "go", "A", "B", time_us, duration_us=SECOND)
        written.step("order", "back", "B", "A", NOON)
    history = written.history
    for name in QUESTIONS:
        getattr(history, name)()
    assert history.why("order").text

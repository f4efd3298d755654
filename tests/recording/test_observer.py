"""What a recording writes for each thing that happens, whatever it happens to."""

import asyncio
import enum
import json
import resource
import signal
import sqlite3
import threading
from contextlib import closing
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_disk import ask, lines_of

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError, PersistenceError, StateError
from flexiflow.graph.declared import declared_graph
from flexiflow.graph.definition import fingerprint, to_definition
from flexiflow.guards import guard
from flexiflow.persistence import tagged
from flexiflow.persistence.history_file import Entry, HistoryFile
from flexiflow.recording import record
from flexiflow.recording.entries import StepParts
from flexiflow.recording.observer import RecordingObserver
from flexiflow.recording.pipeline import Pipeline
from flexiflow.state_machine import StateMachine
from flexiflow.states import State, StateRegistry
from flexiflow.step import Step
from flexiflow.tracing.records import LONGEST_DATA, LogRecord, encode_record
from flexiflow.tracing.writer import LogWriter

NASTY_NAMES = {
    "quotes": "a'b\"c`; DROP TABLE flexiflow_steps; --",
    "newlines": "one\ntwo\r\nthree\u2028four\x85five",
    "nul": "a\x00b",
    "markup": '<img src=x onerror="alert(1)">&amp;',
    "emoji": "👩‍👩‍👧 🎉",
    "right to left": "abc\u202edef \u05d0\u05d1",
    "escapes": "\x1b[31mred\x07",
    "surrogate": "x\ud800y",
    "empty": "",
    "long": "n" * 5000,
}


@guard
def allowed(message, component):
    return component.data.get("allowed", True)


class Open(State):
    @on("close", to="Closed", guard=allowed)
    def close(self, message, component):
        message["added"] = "by the handler"

    @on("change")
    def change(self, message, component):
        component.data.update(message.get("data", {}))

    @on("fail")
    def fail(self, message, component):
        raise message["error"]

    @on("expect", to="Closed", raises={LookupError: "Broken"})
    def expect(self, message, component):
        raise LookupError("expected")

    @on("wait")
    async def wait(self, message, component):
        component.data["waiting"] = True
        await message["until"].wait()

    @on("tell")
    async def tell(self, message, component):
        await message["other"].send("change", data={"told": True})


class Closed(State, final=True): ...


class Broken(State): ...


class Recorded:
    """A door that is being recorded, and what is in the files after a flush."""

    def __init__(self, folder, durability):
        self.db, self.log = folder / "state.db", folder / "run.jsonl"
        self.engine = FlexiFlowEngine()
        self.recording = record(self.engine, self.db, log=self.log, durability=durability)
        self.door = self.engine.add("door", Open)

    async def rows(self, columns, table="flexiflow_steps", where="1"):
        await self.recording.flush()
        return ask(self.db, f"SELECT {columns} FROM {table} WHERE {where} ORDER BY rowid")

    async def lines(self, *events):
        await self.recording.flush()
        lines = map(json.loads, self.log.read_text(encoding="utf-8").splitlines())
        return [line for line in lines if not events or line["event"] in events]


@pytest.fixture(params=["grouped", "always"])
def recorded(request, tmp_path):
    made = Recorded(tmp_path, request.param)
    yield made
    made.recording.close()


# -- a step's row -------------------------------------------------------------------------


async def test_a_step_is_a_row_with_everything_about_it(recorded):
    """The values that `send` returned are those in the file; the id is filled in."""
    step = await recorded.door.send("close", by="me")
    columns = (
        "id, component_name, correlation_id, start_us, duration_us, message_type, from_state,"
        " to_state, outcome, span_id, parent_id, sender, tries, error_json, reason"
    )
    (row,) = await recorded.rows(columns)
    assert row == (
        step.id,
        "door",
        step.correlation_id,
        step.started_us,
        step.duration_us,
        "close",
        "Open",
        "Closed",
        "moved",
        step.span_id,
        None,
        None,
        1,
        None,
        None,
    )


async def test_the_message_is_stored_as_it_came_in(recorded):
    """Not as the handler left it, and without the reserved keys."""
    step = await recorded.door.send("close", by="me", correlation_id="mine")
    assert await recorded.rows("message_json") == [('{"by":"me"}',)]
    assert step.message_json == '{"by":"me"}'
    (received,) = await recorded.lines("message.received")
    assert received["data"] == {"by": "me"}


async def test_what_the_guards_saw_is_stored(recorded):
    """As a tree with names, verdicts and values."""
    recorded.door.data["allowed"] = False
    await recorded.door.send("close")
    ((guards, reason),) = await recorded.rows("guards_json, reason")
    assert json.loads(guards) == [
        {"name": "allowed", "passed": False, "values": {"data.allowed": False}}
    ]
    assert reason == "guard allowed said no: data.allowed=False"


async def test_a_composed_guard_is_a_tree(recorded):
    """With its parts as children."""

    class Gate(State):
        @on("go", to=Closed, guard=~allowed & allowed)
        def go(self, message, component): ...

    await recorded.engine.add("gate", Gate).send("go")
    ((guards,),) = await recorded.rows("guards_json")
    (tree,) = json.loads(guards)
    assert tree["name"] == "and"
    assert [child["passed"] for child in tree["children"]] == [False, None]
    assert tree["children"][0]["children"][0]["name"] == "allowed"


async def test_a_failure_is_stored_with_its_parts(recorded):
    """And raised as it was."""
    error = StateError("What.", why="Why.", fix="Fix.", context={"a": 1})
    with pytest.raises(StateError):
        await recorded.door.send("fail", error=error)
    ((outcome, stored),) = await recorded.rows("outcome, error_json")
    assert outcome == "failed"
    assert json.loads(stored) == {
        "type": "StateError",
        "message": "What.",
        "what": "What.",
        "why": "Why.",
        "fix": "Fix.",
        "context": {"a": "1"},
    }
    (failed,) = await recorded.lines("message.failed")
    assert failed["error"] == json.loads(stored)
    assert (failed["level"], failed["outcome"]) == ("ERROR", "failed")


async def test_a_declared_exception_is_a_move_with_an_error(recorded):
    """It is counted among the failed, so its error is in the row and in the log."""
    await recorded.door.send("expect")
    ((outcome, to_state, stored),) = await recorded.rows("outcome, to_state, error_json")
    assert (outcome, to_state) == ("moved", "Broken")
    assert json.loads(stored)["type"] == "LookupError"
    (changed,) = await recorded.lines("state.changed")
    assert (changed["to_state"], changed["error"]["type"]) == ("Broken", "LookupError")
    assert await recorded.lines("message.failed") == []


async def test_a_nested_step_has_its_sender_and_the_step_that_sent_it(recorded):
    """In the history a step's parent is a step; in the log it is the handler between them."""
    other = recorded.engine.add("other", Open)
    outer = await recorded.door.send("tell", other=other)
    rows = await recorded.rows("component_name, sender, parent_id, span_id")
    assert rows[0][:3] == ("other", "door", outer.span_id)
    received = {line["component"]: line for line in await recorded.lines("message.received")}
    (handler,) = [
        line for line in await recorded.lines("handler.started") if line["component"] == "door"
    ]
    assert received["other"]["parent_id"] == handler["span_id"]
    assert handler["parent_id"] == outer.span_id


async def test_the_step_ids_of_the_log_are_rows(recorded):
    """A snapshot's line names its row and the step that queued it."""
    step = await recorded.door.send("close")
    saved = (await recorded.lines("snapshot.saved"))[-1]
    assert (saved["step_id"], saved["span_id"]) == (step.id, step.span_id)
    ((row_id, step_id),) = await recorded.rows(
        "id, step_id", "flexiflow_snapshots", "state = 'Closed'"
    )
    assert (saved["snapshot_id"], saved["step_id"]) == (row_id, step_id)


# -- when a snapshot is taken -------------------------------------------------------------


async def test_a_snapshot_follows_every_change_and_nothing_else(recorded):
    """Of state, rules or data; in refused and failed steps too."""
    door = recorded.door
    await door.send("change")  # nothing
    await door.send("change", data={"a": 1})  # data
    await door.send("change", data={"a": 1})  # the same again
    door.rules.append("r")
    await door.send("unheard of")  # rules, and refused
    door.data["b"] = 2
    with pytest.raises(ValueError, match="no"):
        await door.send("fail", error=ValueError("no"))  # data, and failed
    await door.send("close")  # state
    rows = await recorded.rows("step_id", "flexiflow_snapshots")
    assert [step_id for (step_id,) in rows] == [None, 2, 4, 5, 6]


async def test_a_cancelled_handler_that_changed_data_is_followed_by_a_snapshot(recorded):
    """Data is not rolled back."""
    never = asyncio.Event()
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await recorded.door.send("wait", until=never)
    ((text,),) = await recorded.rows("snapshot_json", "flexiflow_snapshots", "step_id = 1")
    assert json.loads(text)["metadata"] == {"waiting": True}
    assert await recorded.rows("outcome, reason") == [
        ("cancelled", "cancelled while it was handled")
    ]


async def test_a_cancelled_wait_takes_no_snapshot_of_anothers_half_done_work(recorded):
    """The change belongs to the message that made it."""
    gate = asyncio.Event()
    holder = asyncio.create_task(recorded.door.send("wait", until=gate))
    await asyncio.sleep(0)
    doomed = asyncio.create_task(recorded.door.send("change", data={"x": 1}))
    await asyncio.sleep(0)
    doomed.cancel()
    await asyncio.wait([doomed])
    assert await recorded.rows("message_type, outcome, reason") == [
        ("change", "cancelled", "cancelled while it waited")
    ]
    gate.set()
    await holder
    assert await recorded.rows("step_id", "flexiflow_snapshots") == [(None,), (2,)]
    assert len(await recorded.lines("message.received")) == 2


async def test_a_component_that_is_registered_again_begins_anew(recorded):
    """Even where it looks the same: it is another one."""
    recorded.engine.add("door", Open)
    rows = await recorded.rows("component_name, state, step_id", "flexiflow_snapshots")
    assert rows == [("door", "Open", None)] * 2


async def test_a_component_registered_within_a_message_has_its_id(recorded):
    """What a message causes belongs to its trace."""

    class Factory(State):
        @on("make")
        def make(self, message, component):
            recorded.engine.add("made", Open)

    step = await recorded.engine.add("factory", Factory).send("make")
    rows = await recorded.rows("correlation_id", "flexiflow_snapshots", "component_name = 'made'")
    assert rows == [(step.correlation_id,)]
    registered = [
        line for line in await recorded.lines("component.registered") if line["component"] == "made"
    ]
    assert [line["correlation_id"] for line in registered] == [step.correlation_id]


# -- machines -----------------------------------------------------------------------------


async def test_each_machine_is_stored_once_by_its_fingerprint(recorded):
    """Steps and snapshots refer to it; yesterday's file draws its graph without the code."""
    recorded.engine.add("second", Open)
    await recorded.door.send("close")
    expected = to_definition(declared_graph(recorded.door))
    ((digest, definition),) = await recorded.rows(
        "fingerprint, definition_json", "flexiflow_machines"
    )
    assert digest == fingerprint(expected)
    assert json.loads(definition) == json.loads(json.dumps(expected))
    for table in ("flexiflow_steps", "flexiflow_snapshots"):
        rows = await recorded.rows("DISTINCT fingerprint", table)
        assert rows == [(digest,)]


async def test_a_machine_that_leads_nowhere_is_recorded_all_the_same(recorded):
    """Its target is unknown, and its steps say so."""

    class Typo(State):
        @on("go", to="Nowhere")
        def go(self, message, component): ...

    typo = recorded.engine.register(AsyncComponent("typo", state_machine=StateMachine(Typo())))
    with pytest.raises(StateError, match="Unknown state"):
        await typo.send("go")
    assert await recorded.rows("outcome") == [("failed",)]


async def test_a_machine_whose_definition_can_not_be_read_has_no_fingerprint(recorded):
    """That stops nothing: its steps are recorded like any others."""

    class Unreadable(StateRegistry):
        def find_own(self, name):
            raise RuntimeError

    machine = StateMachine(Open(), Unreadable())
    odd = recorded.engine.register(AsyncComponent("odd", state_machine=machine))
    await odd.send("change")
    assert await recorded.rows("outcome, fingerprint") == [("stayed", None)]


async def test_a_registry_that_can_not_be_hashed_does_no_harm(recorded):
    """A subclass may compare by what it holds."""

    class Unhashable(StateRegistry):
        __hash__ = None

        def __eq__(self, other):
            return True

    odd = recorded.engine.register(
        AsyncComponent("odd", state_machine=StateMachine(Open(), Unhashable()))
    )
    await odd.send("change")
    assert await recorded.rows("fingerprint IS NULL") == [(0,)]


# -- lines --------------------------------------------------------------------------------


async def test_a_large_message_is_left_out_of_the_log_and_kept_in_the_history(recorded):
    """The line says how much; the row has it all."""
    text = "ä" * LONGEST_DATA
    await recorded.door.send("change", text=text)
    (received,) = await recorded.lines("message.received")
    size = len(json.dumps({"text": text}, ensure_ascii=False, separators=(",", ":")).encode())
    assert received["data"] == {"left_out_bytes": size}
    ((stored,),) = await recorded.rows("message_json")
    assert json.loads(stored) == {"text": text}


async def test_times_in_the_log_never_go_back(recorded):
    """Sorted by time, a message's lines are in the order in which they happened."""
    other = recorded.engine.add("other", Open)
    await recorded.door.send("tell", other=other)
    await recorded.door.send("close")
    await recorded.door.send("close")
    lines = [line for line in await recorded.lines() if line["event"] != "snapshot.saved"]
    assert [line["ts"] for line in lines] == sorted(line["ts"] for line in lines)
    assert [line["event"] for line in lines] == [
        "component.registered",
        "component.registered",
        "message.received",
        "handler.started",
        "message.received",
        "handler.started",
        "handler.finished",
        "handler.finished",
        "message.received",
        "handler.started",
        "handler.finished",
        "state.changed",
        "message.received",
        "message.refused",
    ]


async def test_without_a_log_no_line_is_made(tmp_path):
    """The history has it all."""
    engine = FlexiFlowEngine()
    async with record(engine, tmp_path / "state.db") as recording:
        door = engine.add("door", Open)
        with pytest.raises(ValueError, match="no"):
            await door.send("fail", error=ValueError("no"))
        await door.send("close")
        assert recording.history.steps()["outcome"].tolist() == ["failed", "moved"]
    assert list(tmp_path.iterdir()) == [tmp_path / "state.db"]


# -- names --------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NASTY_NAMES.values(), ids=NASTY_NAMES)
async def test_any_name_is_recorded_and_logged_on_one_line(recorded, name):
    """As component, message type and field; the step's own sentence is one line too."""

    class Nasty(State):
        @on(name, to=Closed)
        def go(self, message, component): ...

    component = recorded.engine.add(name, Nasty)
    step = await component.send(name, text=name)
    await component.send(name)  # refused
    spelt_out = name.encode("utf-8", "backslashreplace").decode()
    rows = await recorded.rows("component_name, message_type, outcome")
    assert rows == [(spelt_out, spelt_out, "moved"), (spelt_out, spelt_out, "refused")]
    raw = recorded.log.read_bytes()
    lines = raw.splitlines()
    assert raw.count(b"\n") == len(lines)
    received = [line for line in map(json.loads, lines) if line["event"] == "message.received"]
    assert [line["component"] for line in received] == [spelt_out] * 2
    assert len(repr(step).splitlines()) == 1
    ((stored,),) = await recorded.rows("message_json", where="outcome = 'moved'")
    assert tagged.decode(stored) == {"text": name}


@pytest.mark.parametrize("name", NASTY_NAMES.values(), ids=NASTY_NAMES)
async def test_any_name_of_a_state_is_recorded(recorded, name):
    """Registry names may be any text."""
    registry = StateRegistry()
    registry.register(name, Open)
    component = recorded.engine.add("x", name, registry=registry)
    assert component.state == name
    await component.send("change", data={"a": 1})
    spelt_out = name.encode("utf-8", "backslashreplace").decode()
    assert await recorded.rows("from_state, to_state") == [(spelt_out, spelt_out)]
    ((text,),) = await recorded.rows("snapshot_json", "flexiflow_snapshots", "step_id = 1")
    assert tagged.decode(text)["current_state"] == name
    ((definition,),) = await recorded.rows(
        "definition_json",
        "flexiflow_machines",
        "fingerprint = (SELECT max(fingerprint) FROM flexiflow_steps)",
    )
    assert spelt_out in json.loads(definition)["states"]


# -- what users put into it ---------------------------------------------------------------


class Unspeakable(Exception):
    def __str__(self):
        raise RuntimeError("no text")

    __repr__ = __str__


class Unreadable:
    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


class Shade(enum.StrEnum):
    RED = "red"


class BrokenDict(dict):
    def items(self):
        raise RuntimeError

    __iter__ = keys = items


def contains_itself():
    value = []
    value.append(value)
    return value


HOSTILE = [
    Unreadable(),
    {Unreadable()},
    {Unreadable(): 1},
    BrokenDict(a=1),
    contains_itself(),
    "\ud800",
    {"\ud800": "\udfff"},
    float("nan"),
    10**6000,
    Decimal("NaN"),
    b"\xff",
    Shade.RED,
    object(),
    lambda: None,
    {1: {2: {(3,): {4}}}},
]


@given(st.lists(st.sampled_from(range(len(HOSTILE))), max_size=4))
@settings(max_examples=30)
def test_whatever_is_in_messages_rules_and_data_does_not_break_the_machine(chosen):
    """It is stored as it is, or as a placeholder; what is stored is JSON."""
    values = [HOSTILE[each] for each in chosen]

    async def play():
        engine = FlexiFlowEngine()
        with record(engine) as recording:
            door = engine.add("door", Open, data={"values": values}, rules=list(values))
            step = await door.send("change", data={"more": values}, values=values)
            assert step.outcome == "stayed"
            with pytest.raises(Unspeakable):
                await door.send("fail", error=Unspeakable(), values=values)
            assert (await door.send("close", values=values)).outcome == "moved"
            await recording.flush()
            with recording._file.shared() as conn:
                query = """SELECT min(json_valid(message_json)), min(json_valid(coalesce(
                    error_json, '{}'))), count(*) FROM flexiflow_steps"""
                assert conn.execute(query).fetchone() == (1, 1, 3)
                query = "SELECT min(json_valid(full_json)) FROM flexiflow_snapshots_full"
                assert conn.execute(query).fetchone() == (1,)

    asyncio.run(play())


@pytest.mark.parametrize(
    "error",
    [
        ValueError("\ud800"),
        Unspeakable(),
        FlexiFlowError("\ud800", why=Unreadable(), fix=5, context={Unreadable(): Unreadable()}),
        ValueError("x" * 1_000_000),
        type("E\u202e", (Exception,), {})("x"),
    ],
    ids=["surrogate", "unspeakable", "parts", "long", "odd name"],
)
async def test_whatever_a_handler_raises_is_recorded_and_reaches_the_caller(recorded, error):
    """The caller gets the very object; the row and the lines are bounded."""
    with pytest.raises(type(error)) as caught:
        await recorded.door.send("fail", error=error)
    assert caught.value is error
    ((stored,),) = await recorded.rows("error_json")
    assert len(stored) < 10_000
    assert json.loads(stored)["type"] == type(error).__name__
    for line in await recorded.lines("message.failed", "handler.failed"):
        assert line["error"]["type"] == type(error).__name__


async def test_data_that_is_no_mapping_is_recorded_as_none(recorded):
    """A subclass written for 1.x may use the name for something else; it can still be restored."""

    class Older(AsyncComponent):
        def __init__(self, name):
            super().__init__(name, state_machine=StateMachine(Open()))
            self.data = "my own"

    recorded.engine.register(Older("older"))
    ((text,),) = await recorded.rows(
        "snapshot_json", "flexiflow_snapshots", "component_name = 'older'"
    )
    assert json.loads(text)["metadata"] == {}


# -- recordings that begin or end within a step -------------------------------------------


async def test_a_step_that_outlives_its_recording_is_not_recorded_and_ends(recorded):
    """Nobody waits for a writer that is gone, and the machine moves all the same."""
    gate = asyncio.Event()
    task = asyncio.create_task(recorded.door.send("wait", until=gate))
    await asyncio.sleep(0)
    await recorded.recording.flush()
    recorded.recording._pipeline.log_error = PersistenceError("The log was full.")
    recorded.recording.close()
    gate.set()
    async with asyncio.timeout(5):
        step = await task
    assert (step.outcome, step.id) == ("stayed", None)
    async with asyncio.timeout(5):
        assert (await recorded.door.send("close")).outcome == "moved"
    assert ask(recorded.db, "SELECT count(*) FROM flexiflow_steps") == [(0,)]


async def test_a_handler_may_close_the_recording(recorded):
    """The step that does so is the first one that is not in it."""

    class Last(State):
        @on("end", to=Closed)
        def end(self, message, component):
            recorded.recording.close()

    last = recorded.engine.add("last", Last)
    async with asyncio.timeout(5):
        assert (await last.send("end")).outcome == "moved"
    assert last.state == "Closed"


async def test_a_step_during_which_a_recording_begins_is_in_it(tmp_path):
    """With its receipt and its row."""
    engine = FlexiFlowEngine()
    door = engine.add("door", Open)
    gate = asyncio.Event()
    task = asyncio.create_task(door.send("wait", until=gate))
    await asyncio.sleep(0)
    log = tmp_path / "run.jsonl"
    async with record(engine, tmp_path / "state.db", log=log) as recording:
        gate.set()
        step = await task
        assert recording.history.steps()["span_id"].tolist() == [step.span_id]
    events = [line["event"] for line in lines_of(log)]
    assert events.count("message.received") == 1


async def test_a_step_belongs_to_the_recording_in_which_it_ends(tmp_path):
    """One that was begun in another is received anew."""
    engine = FlexiFlowEngine()
    door = engine.add("door", Open)
    gate = asyncio.Event()
    first = record(engine, tmp_path / "first.db")
    task = asyncio.create_task(door.send("wait", until=gate))
    await asyncio.sleep(0)
    first.close()
    async with record(engine, tmp_path / "second.db") as second:
        gate.set()
        step = await task
        assert second.history.steps()["span_id"].tolist() == [step.span_id]
    assert ask(tmp_path / "first.db", "SELECT count(*) FROM flexiflow_steps") == [(0,)]


async def test_whoever_waits_for_what_comes_after_the_end_is_let_go(tmp_path):
    """The writer thread may have looked for the last time just before."""
    file = HistoryFile(tmp_path / "state.db")
    pipeline = Pipeline(file, None, RecordingObserver("run", 1, "always", None, lines=False))
    pipeline.close()
    made, parts = (asyncio.get_running_loop().create_future() for _ in range(2))
    barrier, step = threading.Event(), Step("order", "go", "A", "id", "span", None)
    for queued in (Entry(waiter=made), StepParts(step, None, None, None, parts), barrier):
        pipeline.put(queued)
    async with asyncio.timeout(5):
        assert await asyncio.gather(made, parts) == [None, None]
    assert barrier.is_set()
    file.close()


# -- a database that refuses --------------------------------------------------------------


@pytest.fixture
def refusing(tmp_path):
    """A history that refuses snapshots of one component."""
    path = tmp_path / "refusing.db"
    HistoryFile(path).close()
    with closing(sqlite3.connect(path)) as conn:
        conn.execute(
            """CREATE TRIGGER refuse BEFORE INSERT ON flexiflow_snapshots
               WHEN NEW.component_name = 'unwanted'
               BEGIN SELECT RAISE(ABORT, 'not this one'); END"""
        )
    return path


def test_a_recording_that_can_not_even_begin_leaves_the_engine_alone(refusing, tmp_path):
    """With "always" the state in which components begin is on disk, or there is no recording."""
    engine = FlexiFlowEngine()
    engine.add("unwanted", Open)
    with pytest.raises(PersistenceError, match="lost 1 row") as caught:
        record(engine, refusing, durability="always")
    assert "not this one" in caught.value.why
    assert engine._hooks.observer is None
    record(engine, tmp_path / "other.db", durability="always").close()


async def test_what_one_refused_row_costs_is_not_tried_for_ever(refusing):
    """It is given up at once, also with "always", and does not stand in the way of the rest."""
    engine = FlexiFlowEngine()
    with record(engine, refusing, durability="always") as recording:
        engine.add("unwanted", Open)
        with pytest.raises(PersistenceError, match="lost 1 row"):
            await recording.flush()
        await recording.flush()
        assert (await engine.add("wanted", Open).send("close")).id == 1


async def test_one_row_that_is_refused_does_not_take_its_group_with_it(refusing):
    """The others are written; what is lost is counted, and told."""
    engine = FlexiFlowEngine()
    recording = record(engine, refusing)
    doors = [engine.add(name, Open) for name in ("first", "unwanted", "last")]
    await asyncio.gather(*(door.send("change") for door in doors))
    with pytest.raises(PersistenceError, match="lost 1 row"):
        await recording.flush()
    await recording.flush()
    recording.close()
    rows = ask(refusing, "SELECT component_name FROM flexiflow_snapshots")
    assert rows == [("first",), ("last",)]
    assert ask(refusing, "SELECT count(*) FROM flexiflow_steps") == [(3,)]
    assert ask(refusing, "SELECT kind, rows FROM flexiflow_markers") == [("gap", 1)]


async def test_a_step_that_is_refused_alone_fails_alone(refusing):
    """With "always" its sender is told, its state stays, and the others move."""
    engine = FlexiFlowEngine()
    with record(engine, refusing, durability="always") as recording:
        doors = [engine.add(name, Open) for name in ("first", "unwanted", "last")]
        answers = await asyncio.gather(
            *(door.send("close") for door in doors), return_exceptions=True
        )
        assert [door.state for door in doors] == ["Closed", "Open", "Closed"]
        assert isinstance(answers[1], PersistenceError)
        with pytest.raises(PersistenceError):  # its first snapshot, which nobody waited for
            await recording.flush()


async def test_a_loss_that_close_tells_of_does_not_hide_what_went_wrong_before(refusing):
    """The block's own error is raised, with a note; without one the loss is."""
    engine = FlexiFlowEngine()

    def fail():
        with record(engine, refusing):
            engine.add("unwanted", Open)
            raise KeyError("first")

    with pytest.raises(KeyError) as caught:
        fail()
    assert "lost 1 row" in caught.value.__notes__[0]
    with pytest.raises(PersistenceError, match="lost 1 row"):
        async with record(engine, refusing):
            pass


# -- a log on a disk that is full ---------------------------------------------------------

RECORDS = [LogRecord("now", "INFO", f"event {number}") for number in range(4)]
LATER, TOLD = LogRecord("now", "INFO", "later"), LogRecord("now", "ERROR", "gap")


@pytest.fixture
def small_disk():
    """Let no file of this process grow beyond a size; the system cuts a write off there."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    def limit(size):
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))

    yield limit
    resource.setrlimit(resource.RLIMIT_FSIZE, before)
    signal.signal(signal.SIGXFSZ, handler)


@pytest.mark.parametrize("keep", [False, True], ids=["grouped", "always"])
def test_of_lines_that_are_cut_off_only_the_missing_ones_are_lost_or_tried_again(
    tmp_path, small_disk, keep
):
    """Two lines and a half fit: the half one is ended, and no line is there twice."""
    path = tmp_path / "run.jsonl"
    log, told = LogWriter(path), []

    class Teller:
        def gap(self, gap):
            told.append((gap.rows, gap.lines))
            return Entry(), TOLD

    file = HistoryFile(None)
    pipeline = Pipeline(file, log, Teller(), keep=keep)
    lines = [encode_record(each) for each in RECORDS]
    half = lines[2][:20]
    small_disk(len(lines[0]) + len(lines[1]) + len(half))
    for each in RECORDS:
        pipeline.put(each)
    with pytest.raises(PersistenceError) as caught:
        pipeline.flush()
    small_disk(resource.RLIM_INFINITY)
    pipeline.put(LATER)
    assert pipeline.close() is None
    log.close()
    file.close()
    found = path.read_bytes().splitlines(keepends=True)
    assert found[:3] == [*lines[:2], half + b"\n"]
    if keep:
        assert caught.value.context_items["waiting"] == 2
        assert (found[3:], told) == ([*lines[2:], encode_record(LATER)], [])
    else:
        assert caught.value.context_items == {"rows": 0, "lines": 2}
        assert (found[3:], told) == ([encode_record(LATER), encode_record(TOLD)], [(0, 2)])

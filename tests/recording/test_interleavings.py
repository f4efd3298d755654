"""Any interleaving of messages, cancellations, exceptions, cycles and several components.

A handler here is a script from its message: it changes data, sends on (to itself and in circles
too), starts tasks, raises, and pauses. Whoever paused goes on when the plan says so, and is
cancelled when the plan says so, so that hypothesis chooses the interleaving and not the clock.
After a flush, memory, database and log must tell the same story, and the steps that watchers were
told of are the steps that are stored.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Awaitable, Callable
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_disk import lines_of

from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import PersistenceError
from flexiflow.hooks import watch_steps
from flexiflow.persistence import tagged
from flexiflow.persistence.history_file import HistoryFile
from flexiflow.recording import record
from flexiflow.state_machine import State

NAMES = ("a", "b", "c")


class Declared(Exception):
    """Leads to a state."""


class Undeclared(Exception):
    """Reaches the caller."""


@dataclass
class World:
    """What the handlers and the plan share.

    Attributes:
        paused: who waits for the plan to let it go on.
        tasks: senders from outside, and tasks that handlers started.
        told: each finished step with the component's state, data and rules at that moment.
        fill, mend: let the disk be full from now on, or have room again.
    """

    engine: FlexiFlowEngine
    paused: list[asyncio.Future[None]] = field(default_factory=list)
    tasks: list[asyncio.Task[Any]] = field(default_factory=list)
    told: dict[str, list[tuple[Any, Any]]] = field(default_factory=dict)
    fill: Callable[[], Awaitable[None]] | None = None
    mend: Callable[[], Awaitable[None]] | None = None

    async def pause(self) -> None:
        waiting = asyncio.get_running_loop().create_future()
        self.paused.append(waiting)
        await waiting

    def let_go(self, number: int) -> None:
        """Let one of the paused go on; those that were cancelled meanwhile are none."""
        self.paused = [each for each in self.paused if not each.done()]
        if self.paused:
            self.paused.pop(number % len(self.paused)).set_result(None)

    def cancel(self, number: int) -> None:
        running = [task for task in self.tasks if not task.done()]
        if running:
            running[number % len(running)].cancel()

    def start(self, name: str, message: dict[str, Any]) -> None:
        self.tasks.append(asyncio.create_task(self.send(name, message)))

    async def send(self, name: str, message: dict[str, Any]) -> None:
        with contextlib.suppress(Undeclared, PersistenceError):
            await self.engine.get(name).send(**message)


async def play(script: list[Any], component: Any) -> None:
    """Do what a message says, one thing after the other."""
    world = component.world
    for what, *rest in script:
        match what:
            case "pause":
                await world.pause()
            case "count":
                component.data["n"] = component.data.get("n", 0) + 1
            case "rule":
                component.rules.append(len(component.rules))
            case "send":
                await world.engine.get(rest[0]).send(**rest[1])
            case "both":
                await asyncio.gather(*(world.engine.get(n).send(**m) for n, m in rest[0]))
            case "spawn":
                world.start(*rest)
            case "declared":
                raise Declared
            case "undeclared":
                raise Undeclared


class Left(State):
    @on("do", to="Right", raises={Declared: "Right"}, guard=lambda message, _: message["allowed"])
    async def do(self, message, component):
        await play(message["script"], component)

    @on("stay")
    async def stay(self, message, component):
        await play(message["script"], component)


class Right(State):
    """The other way round, in the classic style."""

    async def handle_message(self, message, component):
        if message["type"] == "do" and not message["allowed"]:
            return False, self
        await play(message["script"], component)
        return True, Left() if message["type"] == "do" else self


def messages(scripts: st.SearchStrategy[list[Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(
        {"type": st.sampled_from(["do", "do", "stay"]), "script": scripts, "allowed": ALLOWED}
    )


ALLOWED = st.sampled_from([True, True, True, False])
NAME = st.sampled_from(NAMES)
SIMPLE = st.sampled_from(
    [("pause",), ("pause",), ("count",), ("count",), ("rule",), ("declared",), ("undeclared",)]
)
SCRIPTS = st.recursive(
    st.lists(SIMPLE, max_size=3),
    lambda inner: st.lists(
        SIMPLE
        | st.tuples(st.sampled_from(["send", "spawn"]), NAME, messages(inner))
        | st.tuples(
            st.just("both"), st.lists(st.tuples(NAME, messages(inner)), min_size=2, max_size=3)
        ),
        max_size=4,
    ),
    max_leaves=6,
)
NUMBER = st.integers(0, 9)
PLANS = st.lists(
    st.tuples(st.just("start"), NAME, messages(SCRIPTS))
    | st.tuples(st.sampled_from(["let_go", "let_go", "cancel"]), NUMBER)
    | st.tuples(st.just("flush")),
    max_size=14,
)


async def follow(plan: list[Any], world: World, flush: Any) -> None:
    """Do what the plan says; then let everybody go on until all is done."""
    for what, *rest in plan:
        await as_far_as_it_goes()
        done = flush() if what == "flush" else getattr(world, what)(*rest)
        if done is not None:
            await done
    while len(asyncio.all_tasks()) > 1:  # also those that a failed gather left behind
        await as_far_as_it_goes()
        world.let_go(0)
    for task in world.tasks:
        if not task.cancelled():
            assert task.exception() is None or isinstance(task.exception(), Declared)


async def as_far_as_it_goes() -> None:
    """Let every task run until it waits for something."""
    for _ in range(8):
        await asyncio.sleep(0)


def new_world() -> World:
    """Three components, and a watcher on each."""
    world = World(FlexiFlowEngine())
    for name in NAMES:
        component = world.engine.add(name, Left)
        component.world = world
        told = world.told[name] = []

        def watch(step, component=component, told=told):
            told.append((step, copy.deepcopy((component.state, component.data, component.rules))))

        watch_steps(component, watch)
    return world


async def run_and_compare(plan: list[Any], durability: str, folder: Path) -> None:
    world, log = new_world(), folder / "run.jsonl"
    async with record(world.engine, folder / "s.db", log=log, durability=durability) as recording:
        await follow(plan, world, recording.flush)
        await recording.flush()
        rows = Rows(folder / "s.db")
    lines = lines_of(log)
    check_steps(world, rows)
    check_snapshots(world, rows)
    check_parents(rows)
    check_lines(rows, lines)


class Rows:
    """The stored steps, snapshots and markers, by their columns."""

    def __init__(self, path: Path) -> None:
        with closing(sqlite3.connect(path)) as conn:
            self.steps = self._all(conn, "flexiflow_steps")
            self.snapshots = self._all(conn, "flexiflow_snapshots")
            self.markers = self._all(conn, "flexiflow_markers")

    @staticmethod
    def _all(conn: Any, table: str) -> list[dict[str, Any]]:
        cursor = conn.execute(f"SELECT * FROM {table} ORDER BY id")
        names = [each[0] for each in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor]


def check_steps(world: World, rows: Rows) -> None:
    """Each component's steps are what its watchers were told, each from where the last one led."""
    columns = ("id", "span_id", "correlation_id", "outcome", "from_state", "to_state", "sender")
    for name, told in world.told.items():
        stored = [row for row in rows.steps if row["component_name"] == name]
        as_told = [tuple(getattr(step, column) for column in columns) for step, _ in told]
        assert [tuple(row[column] for column in columns) for row in stored] == as_told
        led_to = ["Left", *(row["to_state"] for row in stored)]
        assert [row["from_state"] for row in stored] == led_to[:-1]


def check_snapshots(world: World, rows: Rows) -> None:
    """After each step that had its turn, the newest snapshot was the component as it then was."""
    for name, told in world.told.items():
        own = [row for row in rows.snapshots if row["component_name"] == name]
        for step, (state, data, rules) in told:
            newest = [row for row in own if row["step_id"] is None or row["step_id"] <= step.id][-1]
            kept = tagged.decode(newest["snapshot_json"])
            if step.reason != "cancelled while it waited":
                assert (kept["current_state"], kept["metadata"], kept["rules"]) == (
                    state,
                    data,
                    rules,
                )
        component = world.engine.get(name)
        kept = tagged.decode(own[-1]["snapshot_json"])
        assert (kept["current_state"], kept["metadata"], kept["rules"]) == (
            component.state,
            component.data,
            component.rules,
        )


def check_parents(rows: Rows) -> None:
    """A step's parent is a step of the component that sent it, in the same trace."""
    by_span = {row["span_id"]: row for row in rows.steps}
    assert len(by_span) == len(rows.steps)
    for row in rows.steps:
        if row["parent_id"] is not None:
            parent = by_span[row["parent_id"]]
            assert (parent["component_name"], parent["correlation_id"]) == (
                row["sender"],
                row["correlation_id"],
            )


def check_lines(rows: Rows, lines: list[dict[str, Any]]) -> None:
    """The log has each step's receipt, handler, end and snapshot once, under the right parent."""

    def spans(*events: str, **facts: Any) -> Counter[str]:
        return Counter(
            line["span_id"]
            for line in lines
            if line["event"] in events and facts.items() <= line.items()
        )

    def stored(*outcomes: str) -> Counter[str]:
        return Counter(row["span_id"] for row in rows.steps if row["outcome"] in outcomes)

    assert spans("message.received") == Counter(row["span_id"] for row in rows.steps)
    assert spans("state.changed") == stored("moved")
    assert spans("message.refused") == stored("refused")
    assert spans("message.failed") == stored("failed", "cancelled")
    assert spans("handler.started") == spans("handler.finished", "handler.failed")
    saved = {(row["id"], row["step_id"]) for row in rows.snapshots}
    assert saved == {
        (line["snapshot_id"], line.get("step_id"))
        for line in lines
        if line["event"] == "snapshot.saved"
    }
    known = {line["span_id"] for line in lines if line.get("span_id")}
    assert {line["parent_id"] for line in lines if line.get("parent_id")} <= known


@pytest.mark.parametrize("durability", ["grouped", "always"])
def test_memory_database_and_log_tell_one_story(durability, request):
    """Whatever interleaving the plan chooses."""

    @settings(max_examples=2000 if request.config.getoption("soak") else 60)
    @given(plan=PLANS)
    def whatever_the_plan(plan):
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(run_and_compare(plan, durability, Path(folder)))

    whatever_the_plan()


# -- gaps ----------------------------------------------------------------------------------

DISKS = st.lists(
    st.tuples(st.just("start"), NAME, messages(st.lists(SIMPLE, max_size=2)))
    | st.tuples(st.sampled_from(["let_go", "cancel"]), NUMBER)
    | st.tuples(st.sampled_from(["fill", "mend"])),
    min_size=4,
    max_size=20,
)


class Disk:
    """The history's disk, which is full from time to time; in place of `HistoryFile.write`."""

    def __init__(self) -> None:
        self.full = False
        self._write = HistoryFile.write

    def write(self, file: HistoryFile, entries: Any) -> None:
        if self.full:
            raise PersistenceError("The disk is full.", why="So it is.", fix="Wait.", context={})
        self._write(file, entries)


async def run_with_gaps(plan: list[Any], disk: Disk, folder: Path) -> None:
    world = new_world()
    recording = record(world.engine, folder / "s.db")

    async def settled(full: bool) -> None:
        """What was sent before belongs to the disk as it was."""
        with contextlib.suppress(PersistenceError):
            await recording.flush()
        disk.full = full

    world.fill, world.mend = (lambda: settled(True)), (lambda: settled(False))
    await follow(plan, world, recording.flush)
    await settled(False)
    for name in NAMES:
        await world.engine.get(name).send("stay", script=[], allowed=True)
    await recording.flush()
    recording.close()
    check_what_gaps_leave(world, Rows(folder / "s.db"))


def check_what_gaps_leave(world: World, rows: Rows) -> None:
    """What is missing is counted, what is there is true, and the newest snapshots are complete."""
    missing = sum(len(told) for told in world.told.values()) - len(rows.steps)
    counted = sum(row["rows"] for row in rows.markers)
    assert missing <= counted <= 2 * missing + len(NAMES)
    for name, told in world.told.items():
        spans = {step.span_id: number for number, (step, _) in enumerate(told)}
        stored = [spans[row["span_id"]] for row in rows.steps if row["component_name"] == name]
        assert stored == sorted(stored)
        newest = [row for row in rows.snapshots if row["component_name"] == name][-1]
        component = world.engine.get(name)
        kept = tagged.decode(newest["snapshot_json"])
        assert (kept["current_state"], kept["metadata"], kept["rules"]) == (
            component.state,
            component.data,
            component.rules,
        )


def test_what_a_full_disk_drops_is_counted_and_the_rest_is_true(monkeypatch, request):
    """Whenever it is full, and for however long."""
    disk = Disk()
    monkeypatch.setattr(HistoryFile, "write", lambda file, entries: disk.write(file, entries))

    @settings(max_examples=1000 if request.config.getoption("soak") else 30)
    @given(plan=DISKS)
    def whatever_the_plan(plan):
        disk.full = False
        with tempfile.TemporaryDirectory() as folder:
            asyncio.run(run_with_gaps(plan, disk, Path(folder)))

    whatever_the_plan()

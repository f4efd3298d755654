"""Rows are made in the writer thread, and what can't be made is one row's loss."""

from __future__ import annotations

import json

import pytest
from on_disk import ask

from flexiflow import FlexiFlowEngine, PersistenceError, State, on, record
from flexiflow.persistence.history_file import Entry
from flexiflow.persistence.rows import snapshot_document
from flexiflow.recording.entries import EntryMaker
from flexiflow.step import Step


def step_to(state: str) -> Step:
    step = Step("order", "go", "A", "a" * 32, "b" * 16, None, 1_000_000)
    step.to_state, step.outcome, step.duration_us, step.message_json = state, "moved", 5, "{}"
    return step


def document(state: str, number: int = 0) -> bytes:
    return snapshot_document("order", state, [], {"number": number})


def made(maker: EntryMaker, state: str, number: int = 0) -> Entry:
    return maker.of_step(step_to(state), None, document(state, number), "f")


def test_a_snapshot_that_says_nothing_new_is_left_out():
    """Its step is stored all the same."""
    maker = EntryMaker("run", 1)
    entries = [made(maker, "B"), made(maker, "B"), made(maker, "B", 1)]
    assert [entry.snapshot is not None for entry in entries] == [True, False, True]
    assert [entry.step is not None for entry in entries] == [True, True, True]


def test_what_could_not_be_committed_is_said_again():
    """The next step that finds the component as it was stores what the lost one could not."""
    maker = EntryMaker("run", 1)
    maker.forget(made(maker, "B"))
    assert made(maker, "B").snapshot is not None


def test_a_large_snapshot_is_recognised_too():
    """Of one that is longer than what is kept, the hash is."""
    maker = EntryMaker("run", 1)
    large = snapshot_document("order", "B", [], {"text": "x" * 2_000})
    found = [maker.of_step(step_to("B"), None, large, "f").snapshot is None for _ in range(2)]
    assert found == [False, True]


def test_a_registration_begins_with_a_snapshot():
    """Also where a component of that name said the same before."""
    maker = EntryMaker("run", 7)
    made(maker, "B")
    entry = maker.of_registration("order", "B", document("B"), 1_000_000, None, ("f", "{}"))
    assert entry.snapshot is not None
    assert (entry.machine, entry.snapshot[7]) == (("f", "{}", 1_000_000), 7)


class Open(State):
    @on("add")
    async def add(self, message, component):
        component.data["number"] = message["number"]


async def test_data_is_recorded_as_it_was_when_its_step_ended(tmp_path):
    """However late the thread gets to it, and whatever was changed meanwhile."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open, data={"number": 0})
    with record(engine, tmp_path / "s.db"):
        for number in range(1, 4):
            await order.send("add", number=number)
        order.data["number"] = 99
    rows = ask(tmp_path / "s.db", "SELECT snapshot_json FROM flexiflow_snapshots ORDER BY id")
    assert [json.loads(text)["metadata"]["number"] for (text,) in rows] == [0, 1, 2, 3]


async def test_an_entry_that_cannot_be_made_is_one_row(tmp_path, monkeypatch):
    """The thread lives on, and flush tells of it."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Open, data={"number": 0})
    with record(engine, tmp_path / "s.db") as recording:
        real = recording.observer.maker.of_step

        def broken(step, *rest):
            if step.message_json == '{"number":1}':
                raise ZeroDivisionError
            return real(step, *rest)

        monkeypatch.setattr(recording.observer.maker, "of_step", broken)
        await order.send("add", number=1)
        await order.send("add", number=2)
        with pytest.raises(PersistenceError, match="lost 1 row and 0 log lines"):
            await recording.flush()
    kept = ask(tmp_path / "s.db", "SELECT message_json FROM flexiflow_steps")
    assert kept == [('{"number":2}',)]

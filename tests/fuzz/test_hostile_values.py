"""Names and values that break programs: recorded, asked for and shown, whatever they are."""

from __future__ import annotations

import os
import pickle
from contextlib import suppress

import pytest

from flexiflow import ConfigLoader, FlexiFlowEngine, open_history, open_log, record
from flexiflow.declarations import on
from flexiflow.errors import FlexiFlowError
from flexiflow.extras import load_snapshot
from flexiflow.state_machine import State

NAMES = [
    "quote'\"",
    "new\nline",
    "nul\0",
    "<script>alert(1)</script>",
    "\x1b[31mred\x1b[0m",
    "\u202ertl\u2028",
    "'; DROP TABLE flexiflow_steps; --",
    "\ud800 alone",
    "x" * 1_000_000,
    "",
    " ",
    "../../etc/passwd",
    "[bold]markup[/bold]",
    "%s{0}",
    "*",
]


class Unfriendly:
    """Compares, hashes and shows itself by raising."""

    __hash__ = None

    def __eq__(self, other):
        raise RuntimeError("no comparison")

    def __repr__(self):
        raise RuntimeError("no repr")

    __str__ = __repr__


class Lying(dict):
    """A dict that does not say what is in it."""

    def items(self):
        raise RuntimeError("no items")

    __iter__ = keys = items


def nested(levels):
    value = []
    for _ in range(levels):
        value = [value]
    return value


VALUES = {
    "deep": nested(10_000),
    "large int": 2**70,
    "very large int": -(10**5_000),
    "unfriendly": Unfriendly(),
    "dict that raises": Lying(a=1),
    "surrogate": "\ud800",
    "megabyte": "x" * 1_000_000,
    "bytes": b"\0\xff",
    "infinity": float("-inf"),
    "tag": {"$float": "nan"},
    "keys": {1: 2, (1, 2): 3, None: 4},
    "function": len,
}


class Draft(State):
    @on("go", to="Done", guard=lambda message, _: "value" in message)
    async def go(self, message, order):
        order.data["value"] = message["value"]


class Done(State, final=True):
    @on("fail")
    async def fail(self, message, order):
        raise ValueError(message["value"])


async def recorded(folder, name, value):
    """One component with that name, and that value in messages, data, guards, errors, events."""
    engine = FlexiFlowEngine()
    order = engine.add(name, Draft)
    async with record(engine, folder / "state.db", log=folder / "run.jsonl") as recording:
        await order.send("go", value=value)
        with suppress(ValueError):
            await order.send("fail", value=value)
        recording.event("own.event", component=name, value=value)
    return open_history(folder / "state.db"), open_log(folder / "run.jsonl")


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
async def test_a_component_of_any_name_can_be_asked_for(name, tmp_path):
    """By that very name; its verdict, its picture and its trace can be shown."""
    history, log = await recorded(tmp_path, name, name)
    assert history.steps(name)["outcome"].tolist() == ["moved", "failed"]
    assert history.visits(name)["state"].tolist() == ["Draft", "Done"]
    assert history.why(name).text
    assert "<script" not in history.graph(name).to_svg()
    assert len(log.traces()) == 2


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
async def test_any_value_is_recorded_somehow(value, tmp_path):
    """Every step has its row and its lines, and the snapshots can be read."""
    history, log = await recorded(tmp_path, "order", value)
    assert history.steps("order")["outcome"].tolist() == ["moved", "failed"]
    ids = history.snapshots("order")["id"].tolist()
    assert [history.snapshot(each).current_state for each in ids] == ["Draft", "Done"]
    assert log.records(event="own.event")["component"].tolist() == ["order"]
    assert log.records()["event"].notna().all()


class Harmful:
    """Its pickle runs a command."""

    def __reduce__(self):
        return os.system, ("touch harmed",)


READERS = {
    "snapshot": load_snapshot,
    "config": ConfigLoader.load_yaml,
    "database": lambda path: open_history(path).steps(),
}


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_a_pickle_is_refused_unread(read, tmp_path, monkeypatch):
    """Where JSON, YAML or a database is expected."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(pickle.dumps(Harmful()))
    with pytest.raises(FlexiFlowError):
        read("file")
    assert not (tmp_path / "harmed").exists()


def test_a_pickle_in_place_of_a_log_is_a_broken_line(tmp_path, monkeypatch):
    """Shown as what it is, and not loaded."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_bytes(pickle.dumps(Harmful()))
    assert len(open_log("file").records()) > 0
    assert open_log("file").traces().empty
    assert not (tmp_path / "harmed").exists()

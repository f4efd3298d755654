"""What is fuzzed: the readers of configs, snapshots, logs and databases, and inputs for each.

An input is a real file with some of it changed, nearly right content, or bytes that mean nothing.
"""

from __future__ import annotations

import asyncio
import json
import sqlite3
import warnings
from collections.abc import Callable
from contextlib import closing, suppress
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory

from hypothesis import strategies as st

from flexiflow import ConfigLoader, FlexiFlowEngine, explain, open_history, open_log, record
from flexiflow.declarations import on
from flexiflow.errors import FlexiFlowError
from flexiflow.extras import load_snapshot, restore_component, save_component
from flexiflow.state_machine import State

CONFIG = b"""\
name: order-1042
rules: [{limit: 10}, *a]
states: &a {Draft: "flexiflow.state_machine:InitialState"}
packs: []
initial_state: Draft
initial_state_resolution: [packs, builtin]
"""
WORDS = [
    *("$float", "$ref", "$object", "$redacted", "$dict", "$tuple", "$set", "$int", "$text", "$$"),
    *("name", "current_state", "rules", "metadata", "format", "states", "packs", "initial_state"),
    *("os:system", "InitialState", "Draft", "a:b", "{'a': 1}", "9999-99-99", "\ud800", "\0", "'"),
    *("event", "ts", "correlation_id", "span_id", "parent_id", "component", "duration_us", "data"),
]
TEXTS = st.sampled_from(WORDS) | st.text(max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
DOCUMENTS = VALUES.map(lambda value: json.dumps(value).encode())
DEEP = st.builds(
    lambda levels, pair: pair[0] * levels + b"1" + pair[1] * levels,
    st.sampled_from([10, 300, 2_000, 10_000]),
    st.sampled_from([(b"[", b"]"), (b'{"a":', b"}"), (b"- ", b""), (b"[", b"")]),
)


class Draft(State):
    @on("submit", to="Done", guard=lambda message, order: message["total"] > 1)
    async def submit(self, message, order):
        order.data["total"] = message["total"]

    @on("fail")
    async def fail(self, message, order):
        raise ValueError("no")


class Done(State, final=True):
    pass


@cache
def real_files() -> dict[str, bytes]:
    """A database, a log and a snapshot of one small recording."""

    async def run(folder: Path) -> None:
        engine = FlexiFlowEngine()
        async with record(engine, folder / "state.db", log=folder / "run.jsonl"):
            for number in range(3):
                order = engine.add(f"order-{number}", Draft, data={"n": float("nan"), "t": (1,)})
                await order.send("submit", total=number)
                with suppress(ValueError):
                    await order.send("fail")
        save_component(order, folder / "order.json")

    with TemporaryDirectory() as name:
        folder = Path(name)
        asyncio.run(run(folder))
        found = {each.name: each.read_bytes() for each in folder.iterdir()}
    # Not in WAL mode, so that a copy in memory can be changed by SQL.
    found["state.db"] = found["state.db"][:18] + b"\1\1" + found["state.db"][20:]
    return found


@st.composite
def changed(draw: st.DrawFn, content: bytes) -> bytes:
    """Real content with parts overwritten, left out, doubled, or cut off."""
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(content) - 1, 0)))
        length = draw(st.integers(0, 40))
        kind = draw(st.sampled_from(["overwrite", "insert", "leave out", "double", "cut"]))
        new = draw(st.binary(max_size=8) | TEXTS.map(lambda t: json.dumps(t).encode()))
        if kind == "overwrite":
            content = content[:at] + new + content[at + len(new) :]
        elif kind == "insert":
            content = content[:at] + new + content[at:]
        elif kind == "leave out":
            content = content[:at] + content[at + length :]
        elif kind == "double":
            content = content[: at + length] + content[at:]
        else:
            content = content[:at]
    return content


def of_json(name: str) -> st.SearchStrategy[bytes]:
    return changed(real_files()[name]) | DOCUMENTS | DEEP | st.binary(max_size=200)


def configs() -> st.SearchStrategy[bytes]:
    return changed(CONFIG) | DOCUMENTS | DEEP | st.binary(max_size=200)


def snapshots() -> st.SearchStrategy[bytes]:
    return of_json("order.json")


def logs() -> st.SearchStrategy[bytes]:
    lines = st.lists(DOCUMENTS | st.binary(max_size=80), max_size=5).map(b"\n".join)
    return of_json("run.jsonl") | lines


@st.composite
def databases(draw: st.DrawFn) -> bytes:
    """Bytes changed anywhere, or values of rows replaced by others."""
    content = real_files()["state.db"]
    if draw(st.booleans()):
        return draw(changed(content) | st.binary(max_size=200))
    junk = st.none() | st.integers(-(2**63), 2**63 - 1) | st.floats() | st.binary(max_size=20)
    value = draw(junk | DOCUMENTS.map(bytes.decode) | st.sampled_from(["", "x", "\0", "9" * 400]))
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.deserialize(content)
        tables = [t for (t,) in conn.execute("SELECT name FROM sqlite_master WHERE type='table'")]
        table = draw(st.sampled_from(sorted(t for t in tables if t.startswith("flexiflow"))))
        names = [row[1] for row in conn.execute(f"PRAGMA table_info({table})")]
        column, row = draw(st.sampled_from(names)), draw(st.integers(1, 8))
        with suppress(sqlite3.Error):
            conn.execute(f"UPDATE {table} SET {column} = ? WHERE rowid = ?", (value, row))
        conn.commit()
        return conn.serialize()


def read_config(path: Path) -> None:
    assert isinstance(explain(path).format(), str)
    ConfigLoader.load_component_config(path)


def read_snapshot(path: Path) -> None:
    restore_component(load_snapshot(path), FlexiFlowEngine())


def read_log(path: Path) -> None:
    log = open_log(path)
    traces = log.traces()
    log.records()
    for correlation_id in traces["correlation_id"].dropna()[:2]:
        str(log.trace(correlation_id).tree())


def read_database(path: Path) -> None:
    history = open_history(path)
    for question in (history.components, history.steps, history.visits, history.stuck):
        question()
    history.snapshots(explode=True)
    for name in history.components()["component"].dropna()[:1]:
        str(history.why(name))
        str(history.graph(name))


Reader = tuple[Callable[[], "st.SearchStrategy[bytes]"], Callable[[Path], None], str]
READERS: dict[str, Reader] = {
    "config": (configs, read_config, "order.yaml"),
    "snapshot": (snapshots, read_snapshot, "order.json"),
    "log": (logs, read_log, "run.jsonl"),
    "database": (databases, read_database, "state.db"),
}


def check(name: str, content: bytes) -> None:
    """Read an input; nothing but a FlexiFlowError in four parts may come out."""
    _, read, file = READERS[name]
    with TemporaryDirectory() as folder, warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what is restored may be incomplete, and says so
        path = Path(folder) / file
        path.write_bytes(content)
        try:
            read(path)
        except FlexiFlowError as exc:
            error = exc
        else:
            return
    assert None not in (error.why, error.fix)
    assert len(str(error)) < 10_000

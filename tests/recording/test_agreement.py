"""Whatever happens to a few components, memory, database and log agree once they are flushed."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections import Counter
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record
from flexiflow.state_machine import State

NAMES = ("a", "b", "c")


class Declared(Exception):
    """Leads to a state."""


class Undeclared(Exception):
    """Reaches the caller."""


class One(State):
    @on("go", to="Two", guard=lambda message, component: message.get("allowed", True))
    async def go(self, message, component):
        component.data["n"] = component.data.get("n", 0) + 1

    @on("break", to="Two", raises={Declared: "Two"})
    async def break_(self, message, component):
        component.data["broken"] = True
        raise Declared if message["declared"] else Undeclared

    @on("wait")
    async def wait(self, message, component):
        component.data["waiting"] = True
        await asyncio.sleep(10)

    @on("pass")
    async def pass_on(self, message, component):
        other = component.data["others"][message["to"]]
        await component.peers[other].send("go", allowed=message["allowed"])

    @on("note")
    def note(self, message, component):
        component.rules.append(message["rule"])


class Two(State):
    """In the classic style."""

    async def handle_message(self, message, component):
        if message["type"] == "go":
            return message.get("allowed", True), One()
        if message["type"] == "break":
            raise Undeclared
        if message["type"] == "wait":
            await asyncio.sleep(10)
        return message["type"] == "note", self


MESSAGES = st.one_of(
    st.fixed_dictionaries({"type": st.just("go"), "allowed": st.booleans()}),
    st.fixed_dictionaries({"type": st.just("break"), "declared": st.booleans()}),
    st.fixed_dictionaries({"type": st.just("wait")}),
    st.fixed_dictionaries(
        {"type": st.just("pass"), "to": st.integers(0, 2), "allowed": st.booleans()}
    ),
    st.fixed_dictionaries({"type": st.just("note"), "rule": st.integers() | st.text(max_size=5)}),
    st.fixed_dictionaries({"type": st.text(max_size=5)}),
)
SCRIPTS = st.lists(st.tuples(st.sampled_from(NAMES), MESSAGES), max_size=12)


async def play(engine, script, together):
    """Send every message; what takes long is cancelled. Returns how often each was sent."""

    async def one(name, message):
        fields = {key: value for key, value in message.items() if key != "type"}
        try:
            async with asyncio.timeout(0.01):
                await engine.get(name).send(message["type"], **fields)
        except (Undeclared, TimeoutError):
            pass

    if together:
        await asyncio.gather(*(one(*each) for each in script))
        return
    for each in script:
        await one(*each)


async def record_and_compare(script, durability, together, folder):
    log = folder / "run.jsonl"
    engine = FlexiFlowEngine()
    for name in NAMES:
        component = engine.add(name, One, data={"others": list(NAMES)})
        component.peers = engine.components
    async with record(engine, folder / "s.db", log=log, durability=durability) as recording:
        await play(engine, script, together)
        await recording.flush()
        history = recording.history
        steps = history.steps()
        snapshots = history.snapshots()
        newest = {name: history.snapshot(rows["id"].iloc[-1]) for name, rows in by(snapshots)}
    lines = [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()]
    check_memory(engine, newest)
    check_chains(steps)
    check_log(steps, snapshots, lines)
    passed_on = int((steps["sender"].notna()).sum())
    assert len(steps) - passed_on == len(script)


def by(frame):
    return frame.groupby("component", observed=True)


def check_memory(engine, newest):
    """Each component's newest snapshot is the component."""
    for name, component in engine.components.items():
        kept = newest[name]
        assert (kept.current_state, kept.rules, kept.metadata) == (
            component.state,
            component.rules,
            component.data,
        )


def check_chains(steps):
    """Every step begins where the one before it ended, and only moves change the state."""
    for _, rows in by(steps):
        states = rows[["from_state", "to_state"]].astype(object).to_numpy().tolist()
        before = ["One", *(after for _, after in states)]
        assert [begin for begin, _ in states] == before[: len(states)]
    moved = steps["from_state"].astype(object) != steps["to_state"].astype(object)
    assert (moved == (steps["outcome"] == "moved")).all()


def check_log(steps, snapshots, lines):
    """The log has each step's receipt, end and snapshot, and no others."""

    def spans(*events):
        return Counter(line["span_id"] for line in lines if line["event"] in events)

    assert spans("message.received") == Counter(steps["span_id"])
    for outcome, event in (("moved", "state.changed"), ("refused", "message.refused")):
        assert spans(event) == Counter(steps[steps["outcome"] == outcome]["span_id"])
    ended_badly = steps[steps["outcome"].isin(["failed", "cancelled"])]
    assert spans("message.failed") == Counter(ended_badly["span_id"])
    assert spans("handler.started") == spans("handler.finished", "handler.failed")
    logged = Counter(
        (line["snapshot_id"], line.get("step_id"))
        for line in lines
        if line["event"] == "snapshot.saved"
    )
    rows = zip(snapshots["id"], snapshots["step_id"], strict=True)
    assert logged == Counter((row, None if pd.isna(step) else step) for row, step in rows)


@pytest.mark.parametrize("durability", ["grouped", "always"])
@settings(max_examples=40, deadline=None)
@given(script=SCRIPTS, together=st.booleans())
def test_memory_database_and_log_agree(durability, script, together):
    """Moves, refusals, exceptions, cancellations and messages passed on, alone and at once."""
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(record_and_compare(script, durability, together, Path(folder)))

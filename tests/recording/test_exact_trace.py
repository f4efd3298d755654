"""The exact trace of one message: through components, tasks, gather, a thread, a retry, a failure.

The shop below is small on purpose: every line of its log can be written down by hand.
"""

from __future__ import annotations

import asyncio
import json
import subprocess

import pytest

from flexiflow.correlation import current_correlation_id
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.recording import record
from flexiflow.retry import RetryConfig, retry_async
from flexiflow.state_machine import State

ID = "order-1042/checkout"


class Unreachable(Exception):
    """The gateway did not answer."""


@retry_async(RetryConfig(max_attempts=2, base_delay=0))
async def ring(gateway):
    """Fails once, and then gets through."""
    gateway.data["rings"] = gateway.data.get("rings", 0) + 1
    if gateway.data["rings"] == 1:
        raise Unreachable("no answer")


class Draft(State):
    @on("checkout", to="Paying")
    async def checkout(self, message, order):
        engine = order.data.pop("engine")
        loop = asyncio.get_running_loop()
        gateway, stock, audit = (engine.get(name) for name in ("gateway", "stock", "audit"))
        await asyncio.create_task(gateway.send("charge", amount=5))
        await asyncio.gather(stock.send("reserve"), return_exceptions=True)

        def in_a_thread():
            assert current_correlation_id() == ID
            asyncio.run_coroutine_threadsafe(audit.send("note"), loop).result()

        await asyncio.to_thread(in_a_thread)


class Paying(State):
    pass


class Idle(State):
    @on("charge", to="Charged")
    async def charge(self, message, gateway):
        await ring(gateway)


class Charged(State, final=True):
    pass


class Empty(State):
    @on("reserve")
    async def reserve(self, message, stock):
        raise LookupError("nothing left")


class Listening(State):
    @on("note", guard=lambda message, audit: audit.data["open"])
    async def note(self, message, audit):
        pass


EXPECTED = """\
message.received checkout on order in Draft
  handler.started Draft.checkout
    message.received charge on gateway in Idle
      handler.started Idle.charge
        handler.started ring try 1
        handler.failed ring try 1: Unreachable
        handler.started ring try 2
        handler.finished ring try 2
      handler.finished Idle.charge
    state.changed gateway Idle -> Charged
    snapshot.saved gateway in Charged
    message.received reserve on stock in Empty
      handler.started Empty.reserve
      handler.failed Empty.reserve: LookupError
    message.failed reserve on stock: LookupError
    message.received note on audit in Listening
    message.refused note on audit: guard <lambda> said no: data.open=False
  handler.finished Draft.checkout
state.changed order Draft -> Paying
snapshot.saved order in Paying
    snapshot.saved stock in Empty"""


def told(line: dict) -> str:
    """One log line as the test writes it down."""
    match line["event"]:
        case "message.received":
            rest = f"{line['message_type']} on {line['component']} in {line['from_state']}"
        case "message.failed":
            rest = f"{line['message_type']} on {line['component']}: {line['error']['type']}"
        case "message.refused":
            rest = f"{line['message_type']} on {line['component']}: {line['reason']}"
        case "state.changed":
            rest = f"{line['component']} {line['from_state']} -> {line['to_state']}"
        case "snapshot.saved":
            rest = f"{line['component']} in {line['to_state']}"
        case _:
            tries = f" try {line['data']['attempt']}" if "data" in line else ""
            error = f": {line['error']['type']}" if "error" in line else ""
            rest = f"{line['handler']}{tries}{error}"
    return f"{line['event']} {rest}"


def indented(lines: list[dict]) -> str:
    """The lines in the order of their spans, each as deep as its span's ancestors are many."""
    parents = {line["span_id"]: line.get("parent_id") for line in lines}

    def depth(span_id):
        parent = parents.get(span_id)
        return 0 if parent is None else 1 + depth(parent)

    return "\n".join("  " * depth(line["span_id"]) + told(line) for line in lines)


def grep(text: str, log) -> list[str]:
    """The lines that the real grep finds."""
    command = ["grep", "-F", text, str(log)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()


@pytest.fixture
async def recorded(tmp_path):
    """The shop after one checkout: the engine, the log, and every line that grep finds."""
    log = tmp_path / "run.jsonl"
    engine = FlexiFlowEngine()
    order = engine.add("order", Draft)
    engine.add("gateway", Idle)
    stock = engine.add("stock", Empty)
    engine.add("audit", Listening, data={"open": False})
    async with record(engine, tmp_path / "state.db", log=log) as recording:
        order.data["engine"] = engine
        stock.data["asked"] = 1
        await order.send("checkout", correlation_id=ID)
        await order.send("another message altogether")
        await recording.flush()
        steps = recording.history.steps()
        snapshots = recording.history.snapshots()
        tree = recording.log.trace(ID).tree()
    found = await asyncio.to_thread(grep, ID, log)
    return [json.loads(line) for line in found], steps, snapshots, tree


def in_order(lines: list[dict]) -> list[dict]:
    """By time; a snapshot is logged when it is committed, and is put after what it follows."""
    saved = [line for line in lines if line["event"] == "snapshot.saved"]
    others = [line for line in lines if line["event"] != "snapshot.saved"]
    ordered = list(others)
    for line in saved:
        after = [
            i
            for i, each in enumerate(ordered)
            if each["component"] == line["component"] and each["event"] == "state.changed"
        ]
        ordered.insert(after[-1] + 1 if after else len(ordered), line)
    return ordered


async def test_grep_finds_the_whole_path_and_nothing_else(recorded):
    """Receipt, every handler and try, transitions, the refusal, the failure, three snapshots."""
    lines, *_ = recorded
    assert indented(in_order(lines)) == EXPECTED


async def test_the_history_has_a_step_for_each_message(recorded):
    """The same path in the database: who sent what to whom, and how it ended."""
    lines, steps, snapshots, _ = recorded
    own = steps[steps["correlation_id"] == ID]
    told_steps = [
        (row.component, row.message, row.outcome, None if row.sender != row.sender else row.sender)
        for row in own.itertuples()
    ]
    assert told_steps == [
        ("gateway", "charge", "moved", "order"),
        ("stock", "reserve", "failed", "order"),
        ("audit", "note", "refused", "order"),
        ("order", "checkout", "moved", None),
    ]
    received = {line["span_id"] for line in lines if line["event"] == "message.received"}
    assert set(own["span_id"]) == received
    assert sorted(snapshots[snapshots["correlation_id"] == ID]["component"]) == [
        "gateway",
        "order",
        "stock",
    ]


async def test_every_saved_snapshot_names_its_rows(recorded):
    """A snapshot's log line has the ids of its row and of the step that queued it."""
    lines, _, snapshots, _ = recorded
    logged = {
        (line["snapshot_id"], line["step_id"])
        for line in lines
        if line["event"] == "snapshot.saved"
    }
    own = snapshots[snapshots["correlation_id"] == ID]
    assert logged == set(zip(own["id"], own["step_id"], strict=True))


async def test_the_tree_is_whole(recorded):
    """The tree has every span once, one root, and nothing is missing."""
    lines, _, _, tree = recorded
    nodes = [node for _, node in tree.walk()]
    assert (len(tree.roots), tree.missing) == (1, ())
    assert sorted(node.span_id for node in nodes) == sorted({line["span_id"] for line in lines})

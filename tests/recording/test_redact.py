"""record(…, redact=…): what is named is in no file, and what comes back says so."""

from __future__ import annotations

import asyncio
import io
import logging
from contextlib import suppress

import pytest
from on_disk import ask

from flexiflow.analysis.history import open_history
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError, StateError
from flexiflow.guards import Guard
from flexiflow.persistence.snapshot import restore_component
from flexiflow.recording import record
from flexiflow.redaction import Redacted
from flexiflow.state_machine import State

CARD = "4242-4242-4242"


def is_valid(message, order):
    return message["card"] != CARD and order.data["card"] == ""


class Declined(FlexiFlowError):
    """Says everything it knows, as real ones do."""


class Card:
    """An object whose repr says it all, as a dataclass's does."""

    def __repr__(self):
        return f"Card(card={CARD!r})"


class Paying(State):
    @on("check", guard=is_valid)
    async def check(self, message, order):
        """Never reached."""

    @on("keep")
    async def keep(self, message, order):
        order.data["card"] = message["card"]
        order.data["payment"] = {"methods": [{"card": message["card"]}], "of": Card()}
        order.data["note"] = f"paid by {message['card']}"
        order.data["copy"] = message["card"]

    @on("fail")
    async def fail(self, message, order):
        order.data["card"] = message["card"]
        raise Declined(
            f"{CARD} was declined.",
            why=f"{CARD!r} is stolen.",
            fix=f"Not {CARD}.",
            context={"card": CARD, "of": {"n": CARD}},
        )


async def everything(engine, tmp_path, **options):
    """One engine, every way for the card's number to get into a file."""
    order = engine.add("order", Paying, data={"card": CARD, "n": 1}, rules=[{"card": CARD}])
    async with record(
        engine, tmp_path / "state.db", log=tmp_path / "run.jsonl", redact=["card"], **options
    ):
        await order.send("check", card=CARD)
        await order.send("keep", card=CARD, deep={"a": [{"Card": CARD}]}, note=f"use {CARD}")
        with suppress(Declined):
            await order.send("fail", card=CARD)
    return order


@pytest.mark.parametrize("durability", ["grouped", "always"])
async def test_the_value_of_a_redacted_field_is_in_no_file(tmp_path, durability):
    """Messages, data, rules, guards, reasons, errors, texts and reprs, whatever SQLite keeps."""
    await everything(FlexiFlowEngine(), tmp_path, durability=durability)
    holding = [path.name for path in tmp_path.iterdir() if CARD.encode() in path.read_bytes()]
    assert holding == []


async def test_a_redacted_field_comes_back_as_a_named_placeholder(tmp_path):
    """Beside it all is as it was."""
    await everything(FlexiFlowEngine(), tmp_path)
    snapshots = open_history(tmp_path / "state.db")
    newest = snapshots.snapshot(int(snapshots.snapshots("order")["id"].iloc[-1]))
    assert newest.metadata["card"] == Redacted("card")
    assert newest.metadata["payment"]["methods"] == [{"card": Redacted("card")}]
    assert newest.metadata["note"] == "paid by <redacted>"
    assert newest.metadata["copy"] == Redacted("card")
    assert newest.metadata["n"] == 1
    assert newest.rules == [{"card": Redacted("card")}]


async def test_restoring_says_what_is_missing(tmp_path):
    """By the fields' paths."""
    await everything(FlexiFlowEngine(), tmp_path)
    snapshots = open_history(tmp_path / "state.db")
    first = snapshots.snapshot(int(snapshots.snapshots("order")["id"].iloc[0]))
    engine = FlexiFlowEngine()
    engine.add("order", Paying)
    with pytest.warns(UserWarning, match=r"'order' is restored without card, rules\[0\].card"):
        restore_component(first, engine)


async def test_a_restored_placeholder_is_recorded_as_it_was(tmp_path):
    """It does not turn into an object."""
    engine = FlexiFlowEngine()
    engine.add("order", Paying, data={"card": Redacted("card")})
    record(engine, tmp_path / "state.db").close()
    ((text,),) = ask(tmp_path / "state.db", "SELECT snapshot_json FROM flexiflow_snapshots")
    assert '"metadata":{"card":{"$redacted":"card"}}' in text


async def test_the_snapshot_keeps_its_own_name(tmp_path):
    """A field called 'name' is hidden in the data, not in the snapshot itself."""
    engine = FlexiFlowEngine()
    engine.add("order", Paying, data={"name": "Ann Other"})
    with record(engine, redact=["name"]) as recording:
        row = int(recording.history.snapshots("order")["id"].iloc[0])
        snapshot = recording.history.snapshot(row)
    assert (snapshot.name, snapshot.metadata) == ("order", {"name": Redacted("name")})


class Guarded(State):
    @on("check", to="Done", guard=Guard(is_valid, f"card=={CARD}"))
    async def check(self, message, order):
        """Its guard's name holds what is kept out."""

    @on("leave", to="Done")
    async def leave(self, message, order):
        """There is no guard to mask."""


class Done(State, final=True):
    pass


async def test_a_machine_is_stored_whole_but_for_what_its_guards_name(tmp_path):
    """Transitions without a guard, too: else the file would know nothing of the machine."""
    engine = FlexiFlowEngine()
    order = engine.add("order", Guarded, data={"card": CARD})
    async with record(engine, tmp_path / "state.db", redact=["card"]):
        await order.send("leave")
    graph = open_history(tmp_path / "state.db").graph("order").model
    assert [(edge.message, edge.guard, edge.target) for edge in graph.edges] == [
        ("check", "card==<redacted>", "Done"),
        ("leave", None, "Done"),
    ]
    assert graph.state("Done").final
    holding = [path.name for path in tmp_path.iterdir() if CARD.encode() in path.read_bytes()]
    assert holding == []


async def test_text_lines_for_people_are_masked_too(tmp_path):
    """The classic logger shows the reason of a refusal."""
    stream = io.StringIO()
    logger = logging.Logger("shop", logging.INFO)
    logger.addHandler(logging.StreamHandler(stream))
    await everything(FlexiFlowEngine(logger), tmp_path)
    assert "message.card=<redacted>" in stream.getvalue()
    assert CARD not in stream.getvalue()


def test_other_fields_to_keep_out_are_another_recording():
    """Going on with the one that is there would write what should be kept out."""
    engine = FlexiFlowEngine()
    with record(engine, redact=["card"]) as first:
        assert record(engine, redact=["card"]) is first
        with pytest.raises(StateError, match=r"redact=\['card'\]"):
            record(engine, redact=["card", "pin"])


def test_the_values_are_masked_in_a_handler_outside_any_loop_run(tmp_path):
    """The files of a program that ran to its end."""
    asyncio.run(everything(FlexiFlowEngine(), tmp_path))
    assert CARD not in (tmp_path / "run.jsonl").read_text()

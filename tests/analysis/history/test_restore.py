"""restore(): a live component, and what it says is missing."""

import warnings

import pytest
from histories import NOON, Written, body_1x, written_by_1x

from flexiflow import FlexiFlowEngine, State, on, record
from flexiflow.analysis.history import open_history
from flexiflow.analysis.history.restore import IncompleteRestore
from flexiflow.errors import InvalidValue, StateError


class Draft(State):
    @on("submit", to="Sent")
    def submit(self, message, order):
        order.data["total"] = message["total"]


class Sent(State):
    @on("pay", to="Done")
    def pay(self, message, order):
        """Nothing to do."""


class Done(State, final=True):
    """The end."""


async def recorded(path, data=None):
    engine = FlexiFlowEngine()
    order = engine.add("order", Draft, data=data or {})
    async with record(engine, path):
        await order.send("submit", total=5)
        await order.send("pay")
    return open_history(path)


def fresh() -> FlexiFlowEngine:
    """An engine that knows the machine by another component."""
    engine = FlexiFlowEngine()
    engine.add("other", Draft)
    return engine


async def test_a_live_component(tmp_path):
    """Where it was then, with what it had, and it goes on from there, without a word."""
    history = await recorded(tmp_path / "state.db")
    engine = fresh()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        order = history.restore(2, engine)
    assert (order.state, order.data) == ("Sent", {"total": 5})
    assert engine.get("order") is order
    assert (await order.send("pay")).outcome == "moved"


async def test_values_that_were_not_stored(tmp_path):
    history = await recorded(tmp_path / "state.db", {"lock": object(), "a": [{1: object()}]})
    with pytest.warns(IncompleteRestore, match="order is not all that it was") as caught:
        history.restore(1, fresh())
    text = str(caught[0].message)
    assert "Not stored, so not restored: lock (<object object at" in text
    assert "a[0][1] (" in text
    assert caught[0].filename == __file__


async def test_values_that_were_kept_out(tmp_path):
    """Named, and said once."""
    engine = FlexiFlowEngine()
    engine.add("order", Draft, data={"card": "4111-1111", "n": 1})
    with record(engine, tmp_path / "state.db", redact=["card"]):
        pass
    history = open_history(tmp_path / "state.db")
    assert list(history.blame("order", "card")["new"]) == ["<redacted: card>"]
    with pytest.warns(IncompleteRestore, match=r"card \(kept out by redact=\)") as caught:
        history.restore(1, fresh())
    assert len(caught) == 1


async def test_who_makes_an_error_of_the_warning_keeps_the_engine(tmp_path):
    history = await recorded(tmp_path / "state.db", {"lock": object()})
    engine = fresh()
    with warnings.catch_warnings():
        warnings.simplefilter("error", IncompleteRestore)
        with pytest.raises(IncompleteRestore):
            history.restore(1, engine)
    assert engine.get("order") is None


async def test_an_id_from_the_table_is_as_good_as_a_number(tmp_path):
    """numpy's: its machine is found too, so that nothing is said to be missing."""
    history = await recorded(tmp_path / "state.db")
    newest = history.snapshots("order")["id"].iloc[-1]
    assert history.restore(newest, fresh()).state_machine.state_name == "Done"


async def test_it_begins_where_the_recorded_one_did(tmp_path):
    """So that it has the same machine when it is recorded again."""
    history = await recorded(tmp_path / "state.db")
    registry = fresh().get("other").state_machine.registry
    order = history.restore(2, FlexiFlowEngine(), registry)
    assert order.state_machine.start_class is Draft


async def test_the_code_has_changed(tmp_path):
    """What the states are called today, and were called then."""
    made = Written(tmp_path / "state.db")
    made.machine("old", ("Draft", "Paying"))
    made.snapshot("order", "Draft", NOON, fingerprint="old")
    with pytest.warns(IncompleteRestore) as caught:
        made.history.restore(1, fresh())
    assert str(caught[0].message) == (
        "order is not all that it was. Its machine is not the recorded one: the code has changed, "
        "or it began elsewhere (gone: Paying; new: Done, Sent)."
    )


async def test_many_states_that_are_gone_are_counted(tmp_path):
    """Five are named."""
    made = Written(tmp_path / "state.db")
    made.machine("old", ("Draft", "Sent", "Done", *(f"Old{n}" for n in range(8))))
    made.snapshot("order", "Draft", NOON, fingerprint="old")
    with pytest.warns(
        IncompleteRestore, match=r"\(gone: Old0, Old1, Old2, Old3, Old4 \(\+3 more\)\)"
    ):
        made.history.restore(1, fresh())


async def test_the_same_states_may_be_another_machine(tmp_path):
    """Here no transition led on."""
    made = Written(tmp_path / "state.db")
    made.machine("old", ("Draft", "Sent", "Done"))
    made.snapshot("order", "Draft", NOON, fingerprint="old")
    with pytest.warns(IncompleteRestore, match=r"elsewhere, in its transitions or guards\.$"):
        made.history.restore(1, fresh())


async def test_a_snapshot_of_1x():
    rows = [("order", body_1x("order", "Draft", n=1), "2026-01-01T00:00:00")]
    with pytest.warns(IncompleteRestore, match="Which machine it had was not recorded"):
        order = open_history(written_by_1x(rows)).restore(1, fresh())
    assert order.data == {"n": 1}


async def test_a_registry_of_ones_own(tmp_path):
    history = await recorded(tmp_path / "state.db")
    registry = fresh().get("other").state_machine.registry
    order = history.restore(2, FlexiFlowEngine(), registry)
    assert order.state == "Sent"


async def test_unknown_states_and_snapshots(tmp_path):
    history = await recorded(tmp_path / "state.db")
    made = Written()
    made.snapshot("order", "Nowhere", NOON)
    with pytest.raises(StateError, match="Unknown state 'Nowhere'"):
        made.history.restore(1, FlexiFlowEngine())
    with pytest.raises(InvalidValue):
        history.restore(99, fresh())


async def test_the_history_is_not_changed(tmp_path):
    """Nor does what happens to the restored component reach the snapshot."""
    history = await recorded(tmp_path / "state.db", {"items": [1]})
    order = history.restore(1, fresh())
    order.data["items"].append(2)
    assert history.snapshot(1).metadata["items"] == [1]

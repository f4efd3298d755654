"""Taking snapshots, checking what was read, and restoring components."""

import asyncio

import pytest

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import PersistenceError, StateError
from flexiflow.graph.declared import declared_graph
from flexiflow.graph.definition import fingerprint, to_definition
from flexiflow.persistence.snapshot import (
    ComponentSnapshot,
    restore_component,
    snapshot_from,
    take_snapshot,
)
from flexiflow.state_machine import StateMachine, StateRegistry
from flexiflow.states import State


class Opened(State):
    @on("go", to="Closed")
    def go(self, message, component): ...


class Closed(State, final=True): ...


@pytest.fixture
def engine():
    return FlexiFlowEngine()


def print_of(component):
    return fingerprint(to_definition(declared_graph(component)))


# -- taking -------------------------------------------------------------------------------


def test_a_snapshot_holds_name_state_rules_and_data(engine):
    """The state by its identity."""
    door = engine.add("door", Opened, data={"a": 1}, rules=["r"])
    assert take_snapshot(door) == ComponentSnapshot("door", "Opened", ["r"], {"a": 1})


def test_metadata_is_merged_over_the_data(engine):
    """What is given wins; the component's data is not changed."""
    door = engine.add("door", Opened, data={"a": 1, "b": 1})
    assert take_snapshot(door, {"b": 2, "c": 3}).metadata == {"a": 1, "b": 2, "c": 3}
    assert door.data == {"a": 1, "b": 1}


def test_a_snapshot_has_lists_of_its_own(engine):
    """A rule that is added later is not in it."""
    door = engine.add("door", Opened, rules=["r"])
    snapshot = take_snapshot(door)
    asyncio.run(door.add_rule("later"))
    assert snapshot.rules == ["r"]


def test_the_classic_constructor():
    """By position or by keyword; rules and metadata may be left out."""
    assert ComponentSnapshot("a", "S") == ComponentSnapshot(
        name="a", current_state="S", rules=[], metadata={}
    )


# -- checking what was read ---------------------------------------------------------------


def test_what_1_x_wrote_is_a_snapshot():
    """Metadata may be null or absent; further keys are ignored."""
    expected = ComponentSnapshot("a", "S", ["r"], {})
    base = {"name": "a", "current_state": "S", "rules": ["r"]}
    assert snapshot_from(base, "x") == expected
    assert snapshot_from({**base, "metadata": None}, "x") == expected
    assert snapshot_from({**base, "metadata": {}, "more": 1}, "x") == expected


@pytest.mark.parametrize("field", ["name", "current_state", "rules"])
def test_a_missing_field_is_named(field):
    """With the words that existing code matches."""
    value = {"name": "a", "current_state": "S", "rules": []}
    del value[field]
    with pytest.raises(PersistenceError, match=f"missing required field '{field}'"):
        snapshot_from(value, "x")


@pytest.mark.parametrize(
    ("key", "wrong"),
    [("name", 5), ("current_state", None), ("rules", {}), ("rules", "r"), ("metadata", [])],
)
def test_a_wrong_type_is_named(key, wrong):
    """With what it holds instead."""
    value = {"name": "a", "current_state": "S", "rules": [], "metadata": {}, key: wrong}
    with pytest.raises(PersistenceError, match="wrong type") as caught:
        snapshot_from(value, "x")
    assert f"'{key}'" in caught.value.what
    assert type(wrong).__name__ in caught.value.why


@pytest.mark.parametrize("value", [None, [], "x", 5])
def test_what_is_no_object_is_no_snapshot(value):
    """Whatever else it is."""
    with pytest.raises(PersistenceError, match="must be a JSON object"):
        snapshot_from(value, "x")


# -- restoring ----------------------------------------------------------------------------


def test_a_restored_component_is_registered_as_it_was(engine):
    """State, rules and data; with lists of its own."""
    snapshot = ComponentSnapshot("order", "ErrorHandling", ["r"], {"a": 1})
    component = restore_component(snapshot, engine)
    assert engine.get("order") is component
    assert (component.state, component.rules, component.data) == ("ErrorHandling", ["r"], {"a": 1})
    assert component.rules is not snapshot.rules
    assert component.data is not snapshot.metadata


def test_a_registry_can_be_given(engine):
    """Then the name is looked up there only."""
    registry = StateRegistry()
    registry.register("begin", Opened)
    component = restore_component(ComponentSnapshot("x", "begin"), engine, registry)
    assert component.state == "begin"
    assert component.state_machine.registry is registry
    with pytest.raises(StateError, match="Unknown state"):
        restore_component(ComponentSnapshot("x", "InitialState"), engine, registry=registry)


def test_a_component_of_that_name_is_replaced_and_lends_its_registry(engine):
    """The states of the one that it replaces are its own."""
    before = engine.add("door", Opened)
    after = restore_component(ComponentSnapshot("door", "Closed"), engine)
    assert engine.get("door") is after is not before
    assert after.state_machine.registry is before.state_machine.registry


def test_the_registry_of_a_sibling_is_found(engine):
    """A new process adds one order, and restores the others."""
    sibling = engine.add("door-1", Opened)
    after = restore_component(ComponentSnapshot("door-2", "Closed"), engine)
    assert after.state_machine.registry is sibling.state_machine.registry


async def test_a_restored_component_goes_on(engine):
    """Its machine works."""
    engine.add("door-1", Opened)
    after = restore_component(ComponentSnapshot("door-2", "Opened"), engine)
    assert (await after.send("go")).to_state == "Closed"


def test_a_restored_component_has_its_siblings_start_and_fingerprint(engine):
    """It is one more of its kind, although its own life begins in the middle."""
    sibling = engine.add("door-1", Opened)
    expected = print_of(sibling)
    restored = restore_component(ComponentSnapshot("door-2", "Closed"), engine)
    assert restored.state_machine.start_class is Opened
    assert print_of(restored) == expected
    replaced = restore_component(ComponentSnapshot("door-1", "Closed"), engine)
    assert print_of(replaced) == expected


def test_machines_in_the_default_registry_lend_no_start(engine):
    """Machines of all kinds share it."""
    engine.register(AsyncComponent("other", state_machine=StateMachine.from_name("InitialState")))
    restored = restore_component(ComponentSnapshot("x", "ErrorHandling"), engine)
    assert restored.state_machine.start_class.__name__ == "ErrorHandling"


def test_a_registry_with_several_starts_lends_none(engine):
    """Nobody can say which it was."""
    registry = StateRegistry()
    engine.add("a", Opened, registry=registry)
    engine.add("b", Closed, registry=registry)
    restored = restore_component(ComponentSnapshot("c", "Closed"), engine, registry)
    assert restored.state_machine.start_class is Closed


def test_an_unknown_state_lists_what_there_is(engine):
    """As everywhere."""
    with pytest.raises(StateError, match="Unknown state 'Nowhere'"):
        restore_component(ComponentSnapshot("x", "Nowhere"), engine)
    assert engine.get("x") is None


def contested(engine):
    def machine():
        class Start(State):
            @on("go", to="Twin")
            def go(self, message, component): ...

        class Twin(State): ...

        return Start, Twin

    def other():
        class Begin(State):
            @on("go", to="Twin")
            def go(self, message, component): ...

        class Twin(State): ...

        return Begin, Twin

    (start, twin), (begin, other_twin) = machine(), other()
    engine.add("a", start)
    engine.add("b", begin)
    return twin, other_twin


def test_a_contested_name_is_not_guessed(engine):
    """Two machines use it for different classes; the error says what to do."""
    contested(engine)
    with pytest.raises(StateError, match="means several classes") as caught:
        restore_component(ComponentSnapshot("x", "Twin"), engine)
    assert "registry=" in caught.value.fix


def test_a_contested_name_is_clear_where_the_component_is_known(engine):
    """The one that it replaces says which is meant."""
    _, other_twin = contested(engine)
    restored = restore_component(ComponentSnapshot("b", "Twin"), engine)
    assert type(restored.state_machine.current_state) is other_twin


def test_a_contested_name_is_not_guessed_in_another_engine_either(engine):
    """The default registry knows that it was offered twice."""
    contested(engine)
    with pytest.raises(StateError, match="means several classes"):
        restore_component(ComponentSnapshot("x", "Twin"), FlexiFlowEngine())

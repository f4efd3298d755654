"""Programs that were written for FlexiFlow 1.x, run unchanged.

Everything here goes through the import paths, the arguments and the words that such programs
use. What each module does in detail is tested beside that module.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import inspect
import json
import logging
import sqlite3
import sys
from concurrent.futures import ThreadPoolExecutor
from unittest.mock import AsyncMock

import pytest

import flexiflow
from flexiflow import (
    DEFAULT_REGISTRY,
    AsyncComponent,
    ConfigLoader,
    FlexiFlowEngine,
    State,
    StateError,
    StateMachine,
    StateRegistry,
    explain,
    visualize,
)
from flexiflow.event_manager import AsyncEventManager
from flexiflow.extras import (
    ComponentSnapshot,
    RetryConfig,
    list_snapshots_sqlite,
    load_latest_snapshot_sqlite,
    load_snapshot,
    prune_snapshots_sqlite,
    restore_component,
    retry_async,
    save_component,
    save_snapshot_sqlite,
)

PROMISED = [
    ("engine", "FlexiFlowEngine"),
    ("component", "AsyncComponent"),
    ("state_machine", "StateMachine"),
    ("state_machine", "State"),
    ("state_machine", "StateRegistry"),
    ("state_machine", "DEFAULT_REGISTRY"),
    ("config_loader", "ConfigLoader"),
    ("config_loader", "ComponentConfig"),
    ("statepack", "StatePack"),
    ("statepack", "StateSpec"),
    ("statepack", "TransitionSpec"),
    ("explain", "explain"),
    ("explain", "ConfigExplanation"),
    ("explain", "Diagnostic"),
    ("visualize", "visualize"),
    ("errors", "FlexiFlowError"),
    ("errors", "ConfigError"),
    ("errors", "StateError"),
    ("errors", "PersistenceError"),
    ("errors", "ImportError_"),
]
NOT_IN_ALL = [
    ("statepack", "MappingPack"),
    ("pack_loader", "load_packs"),
    ("pack_loader", "collect_provided_keys"),
]
AT_THEIR_MODULE_ONLY = [
    ("event_manager", "AsyncEventManager"),
    ("event_manager", "SubscriptionHandle"),
    ("errors", "ErrorContext"),
    ("imports", "load_symbol"),
    ("logger", "CorrelationIdFilter"),
    ("logger", "get_logger"),
    ("logger", "set_correlation_id"),
    ("explain", "PackInfo"),
    ("explain", "StateResolution"),
]
SQLITE = ["save_snapshot", "load_latest_snapshot", "list_snapshots", "prune_snapshots"]
EVENTS = [
    "engine.component.registered",
    "component.message.received",
    "state.changed",
    "event.handler.failed",
]


class Waiting(State):
    """A state of 1.x: it decides by hand, and makes the next state itself."""

    async def handle_message(self, message, component):
        if message.get("type") == "pay":
            if message.get("total", 0) <= 0:
                return False, self
            component.rules.append({"paid": message["total"]})
            return True, Paid()
        if message.get("type") == "look":
            return True, self
        return False, self


class Paid(State):
    async def handle_message(self, message, component):
        if message.get("type") == "break":
            raise RuntimeError("the till is open")
        return False, self


@pytest.fixture(autouse=True)
def _clean_registry():
    """Take back what a test registers by default."""
    before = {name: DEFAULT_REGISTRY.find(name) for name in DEFAULT_REGISTRY.names()}
    yield
    for name in DEFAULT_REGISTRY.names():
        if DEFAULT_REGISTRY.find(name) is not before.get(name):
            DEFAULT_REGISTRY.unregister(name)
    for name, cls in before.items():
        if name not in DEFAULT_REGISTRY:
            DEFAULT_REGISTRY.register(name, cls)


@pytest.fixture
def engine():
    return FlexiFlowEngine()


@pytest.fixture
def db(tmp_path):
    with contextlib.closing(sqlite3.connect(tmp_path / "state.db")) as conn:
        yield conn


@pytest.fixture
def db_1_x(db):
    """A database with twelve snapshots, made by the statements of 1.x."""
    db.execute(
        "CREATE TABLE IF NOT EXISTS flexiflow_snapshots ("
        "id INTEGER PRIMARY KEY AUTOINCREMENT, component_name TEXT, "
        "snapshot_json TEXT, created_at TEXT)"
    )
    for minute in range(12):
        snapshot = {
            "name": "order",
            "current_state": "ErrorHandling" if minute % 2 else "InitialState",
            "rules": [{"minute": minute}],
            "metadata": {"price": {"$tuple": [minute]}, "note": "Grüße"},
        }
        db.execute(
            "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at) "
            "VALUES (?, ?, ?)",
            ("order", json.dumps(snapshot), f"2025-01-31T12:{minute:02}:00+00:00"),
        )
    db.commit()
    return db


async def recorded(bus):
    """All events of 1.x, in the order in which they are published."""
    seen = []
    for name in EVENTS:
        await bus.subscribe(name, "test", lambda data, name=name: seen.append((name, data)))
    return seen


def shape(function):
    """A function's parameters: names, with a star before the keyword-only ones."""
    parameters = inspect.signature(function).parameters.values()
    return [("*" if each.kind is each.KEYWORD_ONLY else "") + each.name for each in parameters]


# -- names --------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "name"), PROMISED + NOT_IN_ALL)
def test_a_name_is_the_same_object_at_both_paths(module, name):
    """A class that is caught or compared must be one class, whichever way it was imported."""
    home = importlib.import_module(f"flexiflow.{module}")
    assert getattr(flexiflow, name) is getattr(home, name)


@pytest.mark.parametrize(("module", "name"), AT_THEIR_MODULE_ONLY)
def test_a_name_is_at_its_module(module, name):
    """Some names were never at the top."""
    assert callable(getattr(importlib.import_module(f"flexiflow.{module}"), name))


def test_a_star_import_brings_the_names_of_1_x():
    """`from flexiflow import *` gives all of them, and nothing that is not there."""
    space = {}
    exec("from flexiflow import *", space)
    assert {name for _, name in PROMISED} | {"__version__"} <= space.keys()
    assert set(flexiflow.__all__) <= space.keys()


@pytest.mark.parametrize(("module", "name"), NOT_IN_ALL)
def test_a_star_import_leaves_these_out(module, name):
    """They are importable, and were never in `__all__`."""
    assert name not in flexiflow.__all__


@pytest.mark.parametrize("name", ["save_component", "load_snapshot", "restore_component"])
def test_the_json_functions_are_the_same_at_both_paths(name):
    """`flexiflow.extras` and `flexiflow.extras.persist_json`."""
    extras = importlib.import_module("flexiflow.extras")
    home = importlib.import_module("flexiflow.extras.persist_json")
    assert getattr(extras, name) is getattr(home, name)


@pytest.mark.parametrize("name", SQLITE)
def test_the_sqlite_functions_have_no_ending_in_their_module(name):
    """`save_snapshot_sqlite` is `persist_sqlite.save_snapshot`."""
    extras = importlib.import_module("flexiflow.extras")
    home = importlib.import_module("flexiflow.extras.persist_sqlite")
    assert getattr(extras, f"{name}_sqlite") is getattr(home, name)


@pytest.mark.parametrize("name", ["RetryConfig", "retry_async"])
def test_retrying_is_the_same_at_both_paths(name):
    """`flexiflow.extras` and `flexiflow.extras.retry`."""
    extras = importlib.import_module("flexiflow.extras")
    home = importlib.import_module("flexiflow.extras.retry")
    assert getattr(extras, name) is getattr(home, name)


def test_one_class_of_snapshots_serves_all_paths():
    """What one function returns another one takes."""
    for module in ("extras.persist_json", "extras.persist_sqlite"):
        home = importlib.import_module(f"flexiflow.{module}")
        assert home.ComponentSnapshot is ComponentSnapshot


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (AsyncComponent, ["name", "rules", "state_machine", "logger", "event_bus"]),
        (StateMachine, ["current_state", "registry"]),
        (StateMachine.from_name, ["name", "registry"]),
        (StateRegistry.register, ["self", "name", "cls"]),
        (StateRegistry.unregister, ["self", "name"]),
        (StateRegistry.create, ["self", "name"]),
        (State.handle_message, ["self", "message", "component"]),
        (StateMachine.handle_message, ["self", "message", "component"]),
        (AsyncComponent.handle_message, ["self", "message"]),
        (FlexiFlowEngine, ["logger", "components"]),
        (FlexiFlowEngine.register, ["self", "component"]),
        (FlexiFlowEngine.register_async, ["self", "component"]),
        (FlexiFlowEngine.create_component, ["self", "config"]),
        (
            AsyncEventManager.subscribe,
            ["self", "event_name", "component_name", "handler", "priority", "filter_fn"],
        ),
        (
            AsyncEventManager.publish,
            ["self", "event_name", "data", "*delivery", "*on_error"],
        ),
        (save_component, ["component", "path", "metadata"]),
        (load_snapshot, ["path"]),
        (restore_component, ["snapshot", "engine", "registry"]),
        (save_snapshot_sqlite, ["conn", "snapshot", "*created_at"]),
        (load_latest_snapshot_sqlite, ["conn", "name"]),
        (list_snapshots_sqlite, ["conn", "name", "*limit"]),
        (prune_snapshots_sqlite, ["conn", "name", "*keep", "*keep_last"]),
        (
            RetryConfig,
            ["max_attempts", "base_delay", "max_delay", "backoff", "jitter", "retry_on"],
        ),
        (ComponentSnapshot, ["name", "current_state", "rules", "metadata"]),
    ],
    ids=lambda value: getattr(value, "__qualname__", ""),
)
def test_the_arguments_keep_their_names_and_order(function, expected):
    """New arguments may follow, by keyword only."""
    found = shape(function)
    assert found[: len(expected)] == expected
    assert all(name.startswith("*") for name in found[len(expected) :])


# -- machines -----------------------------------------------------------------------------


async def test_a_classic_state_runs_through_a_component():
    """Moved, stayed and refused are what the state answered."""
    component = AsyncComponent("order", [], StateMachine(Waiting()))
    await component.handle_message({"type": "look"})
    assert type(component.state_machine.current_state) is Waiting
    await component.handle_message({"type": "pay", "total": 0})
    assert type(component.state_machine.current_state) is Waiting
    await component.handle_message({"type": "pay", "total": 9})
    assert type(component.state_machine.current_state) is Paid
    assert component.rules == [{"paid": 9}]


async def test_a_machine_alone_says_whether_it_proceeded():
    """A bool, and no component is needed."""
    machine = StateMachine(Waiting())
    component = AsyncComponent("order")
    assert await machine.handle_message({"type": "look"}, component) is True
    assert await machine.handle_message({"type": "pay"}, component) is False
    assert await machine.handle_message({"type": "pay", "total": 1}, component) is True
    assert isinstance(machine.current_state, Paid)


async def test_an_error_in_a_classic_state_reaches_the_caller():
    """Through the engine too, as it was raised, and the state stays."""
    engine = FlexiFlowEngine()
    component = engine.register(AsyncComponent("order", [], StateMachine(Paid())))
    with pytest.raises(RuntimeError, match="the till is open"):
        await engine.handle_message("order", "break")
    assert isinstance(component.state_machine.current_state, Paid)


async def test_a_state_made_by_hand_keeps_its_attributes():
    """1.x states may carry values from one to the next."""

    class Counting(State):
        def __init__(self, count):
            self.count = count

        async def handle_message(self, message, component):
            return True, Counting(self.count + 1)

    component = AsyncComponent("counter", [], StateMachine(Counting(5)))
    await component.handle_message({"type": "tick"})
    await component.handle_message({"type": "tick"})
    assert component.state_machine.current_state.count == 7


async def test_a_state_may_build_upon_a_built_in_one():
    """`super().handle_message` answers as a pair."""
    from flexiflow.state_machine import InitialState

    class Begun(InitialState):
        async def handle_message(self, message, component):
            if message["type"] == "begin":
                message = {**message, "type": "start"}
            return await super().handle_message(message, component)

    component = AsyncComponent("order", [], StateMachine(Begun()))
    await component.handle_message({"type": "begin"})
    assert type(component.state_machine.current_state).__name__ == "AwaitingConfirmation"


async def test_a_machine_subclass_may_add_to_what_it_inherits():
    """And `from_name` makes the subclass."""

    class Resettable(StateMachine):
        async def handle_message(self, message, component):
            if message["type"] == "reset":
                self.current_state = self.registry.create("InitialState")
                return True
            return await super().handle_message(message, component)

    component = AsyncComponent("order", [], Resettable.from_name("ErrorHandling"))
    await component.handle_message({"type": "nonsense"})
    assert component.state_machine.state_name == "ErrorHandling"
    await component.handle_message({"type": "reset"})
    await component.handle_message({"type": "start"})
    assert component.state_machine.state_name == "AwaitingConfirmation"


async def test_a_machine_may_be_exchanged():
    """`component.state_machine` is a plain attribute."""
    component = AsyncComponent("order")
    component.state_machine = StateMachine.from_name("ErrorHandling")
    await component.handle_message({"type": "acknowledge"})
    assert component.state_machine.state_name == "InitialState"


async def test_a_component_subclass_may_refuse_a_message_itself(engine):
    """What it does not pass on never reaches the machine."""

    class Locked(AsyncComponent):
        def __init__(self, name):
            super().__init__(name)
            self.locked, self.turned_away = True, []

        async def handle_message(self, message):
            if self.locked:
                self.turned_away.append(message)
                return
            await super().handle_message(message)

    door = engine.register(Locked("door"))
    await engine.handle_message("door", "start", by="me")
    assert door.turned_away == [{"type": "start", "by": "me"}]
    assert door.state_machine.state_name == "InitialState"
    door.locked = False
    await engine.handle_message("door", "start")
    assert door.state_machine.state_name == "AwaitingConfirmation"


@pytest.mark.parametrize(
    ("start", "messages", "expected"),
    [
        ("InitialState", [("start", {})], "AwaitingConfirmation"),
        (
            "AwaitingConfirmation",
            [("confirm", {"content": "confirmed"})],
            "ProcessingRequest",
        ),
        ("AwaitingConfirmation", [("cancel", {})], "InitialState"),
        ("ProcessingRequest", [("complete", {})], "InitialState"),
        ("ProcessingRequest", [("error", {})], "ErrorHandling"),
        ("ErrorHandling", [("acknowledge", {})], "InitialState"),
        ("AwaitingConfirmation", [("confirm", {})], "AwaitingConfirmation"),
        ("AwaitingConfirmation", [("confirm", {"content": "no"})], "AwaitingConfirmation"),
        ("InitialState", [("complete", {}), ("cancel", {})], "InitialState"),
        ("ErrorHandling", [("start", {}), ("error", {})], "ErrorHandling"),
    ],
)
async def test_the_built_in_machine_through_an_engine(engine, start, messages, expected):
    """Six edges, and refusals that leave the state as it is and raise nothing."""
    engine.register(AsyncComponent("order", [], StateMachine.from_name(start)))
    for kind, fields in messages:
        await engine.handle_message("order", kind, **fields)
    assert type(engine.get("order").state_machine.current_state).__name__ == expected


def test_an_unknown_state_says_which_ones_there_are():
    """The words that programs of 1.x look for."""
    with pytest.raises(StateError, match="Unknown state") as caught:
        StateMachine.from_name("Nowhere")
    assert caught.value.what
    assert caught.value.why
    assert caught.value.fix
    assert "state" in caught.value.context
    for name in ("AwaitingConfirmation", "ErrorHandling", "InitialState", "ProcessingRequest"):
        assert name in str(caught.value)


def test_a_registry_of_ones_own_is_used_by_position():
    """It holds what was registered in it, and nothing else."""
    registry = StateRegistry()
    registry.register("waiting", Waiting)
    registry.register("paid", Paid)
    assert registry.names() == ["paid", "waiting"]
    assert isinstance(registry.create("paid"), Paid)
    assert isinstance(StateMachine.from_name("waiting", registry).current_state, Waiting)
    registry.unregister("paid")
    assert registry.names() == ["waiting"]
    with pytest.raises(StateError, match="Unknown state"):
        registry.create("paid")


def test_a_state_registered_by_default_is_found_by_name():
    """Until it is taken back."""
    DEFAULT_REGISTRY.register("OneXWaiting", Waiting)
    assert isinstance(StateMachine.from_name("OneXWaiting").current_state, Waiting)
    DEFAULT_REGISTRY.unregister("OneXWaiting")
    assert "OneXWaiting" not in DEFAULT_REGISTRY.names()


async def test_rules_are_kept_in_order():
    """`add_rule` appends one, `update_rules` extends by several."""
    component = AsyncComponent("order", [{"a": 1}])
    await component.add_rule({"b": 2})
    await component.update_rules([{"c": 3}, {"d": 4}])
    assert component.rules == [{"a": 1}, {"b": 2}, {"c": 3}, {"d": 4}]


def test_components_without_rules_share_none():
    """The default list is not one list for all."""
    first, second = AsyncComponent("a"), AsyncComponent("b")
    first.rules.append(1)
    assert second.rules == []


# -- engine and events --------------------------------------------------------------------


async def test_a_whole_program_publishes_what_1_x_did(engine):
    """Every event in its order; a payload may gain keys, and loses none."""
    seen = await recorded(engine.event_bus)
    component = AsyncComponent("order", [], StateMachine(Waiting()))
    await engine.register_async(component)
    await engine.handle_message("order", "pay", total=0)
    await engine.handle_message("order", "pay", total=9)
    refused, paid = {"type": "pay", "total": 0}, {"type": "pay", "total": 9}
    expected = [
        ("engine.component.registered", {"component": "order"}),
        ("component.message.received", {"component": "order", "message": refused}),
        ("component.message.received", {"component": "order", "message": paid}),
        (
            "state.changed",
            {"component": "order", "from_state": "Waiting", "to_state": "Paid"},
        ),
    ]
    assert [name for name, _ in seen] == [name for name, _ in expected]
    for (_, data), (_, promised) in zip(seen, expected, strict=True):
        assert {key: data[key] for key in promised} == promised
    gained = [
        data.keys() - promised for (_, data), (_, promised) in zip(seen, expected, strict=True)
    ]
    assert gained == [set(), set(), set(), {"correlation_id"}]


async def test_a_failing_subscriber_is_reported_with_three_keys(engine):
    """The exception is a repr, and the step is not touched."""
    seen = await recorded(engine.event_bus)
    await engine.event_bus.subscribe("state.changed", "auditor", lambda _: 1 / 0)
    component = engine.register(AsyncComponent("order"))
    await engine.handle_message("order", "start")
    failed = [data for name, data in seen if name == "event.handler.failed"]
    assert failed == [
        {
            "event_name": "state.changed",
            "component_name": "auditor",
            "exception": "ZeroDivisionError('division by zero')",
        }
    ]
    assert component.state_machine.state_name == "AwaitingConfirmation"


async def test_register_in_a_loop_publishes_once(engine):
    """A little later, and without being awaited."""
    seen = await recorded(engine.event_bus)
    engine.register(AsyncComponent("order"))
    assert seen == []
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert seen == [("engine.component.registered", {"component": "order"})]


def test_register_outside_a_loop_publishes_nothing_ever(engine):
    """A loop that runs later does not make up for it."""

    async def later():
        await engine.handle_message("order", "start")
        await asyncio.sleep(0)

    seen = asyncio.run(recorded(engine.event_bus))
    engine.register(AsyncComponent("order"))
    asyncio.run(later())
    assert [name for name, _ in seen] == ["component.message.received", "state.changed"]


def test_a_program_may_run_a_loop_for_each_message(engine):
    """As scripts of 1.x do: `asyncio.run` around every call."""
    engine.register(AsyncComponent("order"))
    asyncio.run(engine.handle_message("order", "start"))
    asyncio.run(engine.handle_message("order", "confirm", content="confirmed"))
    asyncio.run(engine.handle_message("order", "complete"))
    assert engine.get("order").state_machine.state_name == "InitialState"


async def test_components_may_react_to_each_other_over_the_bus(engine):
    """A subscriber sends a message on when another component moves."""
    engine.register(AsyncComponent("order"))
    engine.register(AsyncComponent("invoice"))

    async def follow(event):
        await engine.handle_message("invoice", "start")

    handle = await engine.event_bus.subscribe(
        "state.changed", "invoice", follow, 1, lambda name, data: data["component"] == "order"
    )
    await engine.handle_message("order", "start")
    assert engine.get("invoice").state_machine.state_name == "AwaitingConfirmation"
    assert engine.event_bus.unsubscribe(handle) is True
    assert engine.event_bus.unsubscribe(handle) is False


async def test_a_component_with_a_bus_of_its_own_needs_no_engine():
    """All five arguments by position."""
    bus = AsyncEventManager()
    seen = await recorded(bus)
    logger = logging.getLogger("one_x")
    component = AsyncComponent("order", [], StateMachine(Waiting()), logger, bus)
    await component.handle_message({"type": "pay", "total": 1})
    assert [name for name, _ in seen] == ["component.message.received", "state.changed"]
    assert component.logger is logger


# -- configuration ------------------------------------------------------------------------


@pytest.fixture
def config(tmp_path, monkeypatch):
    """A YAML file that names states in a module of the program."""
    (tmp_path / "shop_of_one_x.py").write_text(
        "from flexiflow import State\n"
        "class Open(State):\n"
        "    async def handle_message(self, message, component):\n"
        "        return (True, Shut()) if message['type'] == 'shut' else (False, self)\n"
        "class Shut(State):\n"
        "    async def handle_message(self, message, component):\n"
        "        return False, self\n"
    )
    path = tmp_path / "shop.yaml"
    path.write_text(
        "name: shop\nrules: [{limit: 3}]\ninitial_state: open\n"
        "states:\n  open: shop_of_one_x:Open\n  shut: shop_of_one_x:Shut\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    yield path
    sys.modules.pop("shop_of_one_x", None)


async def test_a_config_makes_a_component_that_runs(engine, config):
    """Load, create, handle, look."""
    loaded = ConfigLoader.load_component_config(config)
    component = engine.create_component(loaded)
    assert engine.get("shop") is component
    assert component.rules == [{"limit": 3}]
    await engine.handle_message("shop", "shut")
    assert type(component.state_machine.current_state).__name__ == "Shut"


def test_loading_registers_states_under_their_class_names(config):
    """Not under the keys of the file."""
    before = set(DEFAULT_REGISTRY.names())
    ConfigLoader.load_component_config(config)
    assert set(DEFAULT_REGISTRY.names()) - before == {"Open", "Shut"}


def test_explaining_a_config_registers_nothing(config):
    """It reads, and says that all is well."""
    before = DEFAULT_REGISTRY.names()
    explanation = explain(config)
    assert explanation.is_valid
    assert (explanation.name, explanation.rules_count) == ("shop", 1)
    assert "Component:" in explanation.format()
    assert DEFAULT_REGISTRY.names() == before


def test_a_config_is_drawn_in_mermaid_by_default(config):
    """By path and by explanation alike, without a newline at the end."""
    drawn = visualize(config)
    assert drawn.startswith("flowchart LR\n")
    assert not drawn.endswith("\n")
    assert visualize(explain(config), format="mermaid") == drawn


# -- saving and restoring -----------------------------------------------------------------


async def test_a_component_is_saved_and_restored_as_json(engine, tmp_path):
    """Name, state, rules and metadata come back, and it goes on from there."""
    path = tmp_path / "state.json"
    component = engine.register(AsyncComponent("order", [{"a": 1}]))
    await engine.handle_message("order", "start")
    save_component(component, path, {"by": "me"})
    snapshot = load_snapshot(path)
    assert snapshot == ComponentSnapshot("order", "AwaitingConfirmation", [{"a": 1}], {"by": "me"})
    other = FlexiFlowEngine()
    restored = restore_component(snapshot, other)
    assert other.get("order") is restored
    await other.handle_message("order", "cancel")
    assert restored.state_machine.state_name == "InitialState"


def test_a_saved_file_has_the_keys_of_1_x(tmp_path):
    """Other programs read it as plain JSON."""
    save_component(AsyncComponent("order", [{"a": 1}]), str(tmp_path / "state.json"))
    saved = json.loads((tmp_path / "state.json").read_text(encoding="utf-8"))
    del saved["format"]  # what this version adds
    assert saved == {
        "name": "order",
        "current_state": "InitialState",
        "rules": [{"a": 1}],
        "metadata": {},
    }


def test_restoring_in_a_registry_of_ones_own(engine):
    """The third argument, by position."""
    registry = StateRegistry()
    registry.register("waiting", Waiting)
    restored = restore_component(ComponentSnapshot("order", "waiting", [], {}), engine, registry)
    assert isinstance(restored.state_machine.current_state, Waiting)


def test_a_file_that_is_not_there_is_a_file_not_found(tmp_path):
    """And an error of the library."""
    with pytest.raises(FileNotFoundError, match="State file not found") as caught:
        load_snapshot(tmp_path / "none.json")
    assert isinstance(caught.value, flexiflow.PersistenceError)


def test_a_database_of_1_x_is_read(db_1_x):
    """The newest row; what looks like a tag today is data there."""
    assert load_latest_snapshot_sqlite(db_1_x, "order") == ComponentSnapshot(
        "order", "ErrorHandling", [{"minute": 11}], {"price": {"$tuple": [11]}, "note": "Grüße"}
    )
    assert load_latest_snapshot_sqlite(db_1_x, "nobody") is None


def test_a_database_of_1_x_is_listed_newest_first(db_1_x):
    """Ten rows unless told; the times are the texts that were stored."""
    listed = list_snapshots_sqlite(db_1_x, "order")
    assert [row["id"] for row in listed] == list(range(12, 2, -1))
    assert listed[0]["created_at"] == "2025-01-31T12:11:00+00:00"
    assert listed[0]["current_state"] == "ErrorHandling"
    assert len(list_snapshots_sqlite(db_1_x, "order", limit=3)) == 3


def test_reading_a_database_of_1_x_leaves_every_byte(db_1_x, tmp_path):
    """Only a write migrates."""
    before = (tmp_path / "state.db").read_bytes()
    load_latest_snapshot_sqlite(db_1_x, "order")
    list_snapshots_sqlite(db_1_x, "order")
    db_1_x.commit()
    assert (tmp_path / "state.db").read_bytes() == before


def test_saving_into_a_database_of_1_x_loses_nothing(db_1_x):
    """The old rows read the same after the migration, to 1.x too."""
    query = (
        "SELECT id, component_name, snapshot_json, created_at FROM flexiflow_snapshots "
        "WHERE id <= 12 ORDER BY id"
    )
    before = db_1_x.execute(query).fetchall()
    assert len(before) == 12
    row_id = save_snapshot_sqlite(db_1_x, ComponentSnapshot("order", "InitialState", [], {}))
    assert row_id == 13
    assert db_1_x.execute(query).fetchall() == before
    assert len(list_snapshots_sqlite(db_1_x, "order", limit=99)) == 13


def test_a_snapshot_of_1_x_is_restored_and_goes_on(db_1_x, engine):
    """From the database into an engine, and on with a message."""
    component = restore_component(load_latest_snapshot_sqlite(db_1_x, "order"), engine)
    asyncio.run(engine.handle_message("order", "acknowledge"))
    assert component.state_machine.state_name == "InitialState"
    assert component.data == {"price": {"$tuple": [11]}, "note": "Grüße"}


@pytest.mark.parametrize("spelling", ["keep", "keep_last"])
def test_a_database_of_1_x_is_pruned_by_either_spelling(db_1_x, spelling):
    """The newest rows stay, and the number that went is returned."""
    assert prune_snapshots_sqlite(db_1_x, "order", **{spelling: 5}) == 7
    assert [row["id"] for row in list_snapshots_sqlite(db_1_x, "order")] == [12, 11, 10, 9, 8]


def test_a_new_database_is_readable_by_the_statements_of_1_x(db):
    """Table, columns and the JSON inside are where 1.x looks for them."""
    snapshot = ComponentSnapshot("order", "InitialState", [{"a": 1}], {"total": 9.5})
    save_snapshot_sqlite(db, snapshot, created_at="2025-01-31T12:00:00+00:00")
    name, body, created_at = db.execute(
        "SELECT component_name, snapshot_json, created_at FROM flexiflow_snapshots"
    ).fetchone()
    assert (name, created_at) == ("order", "2025-01-31T12:00:00+00:00")
    assert ComponentSnapshot(**json.loads(body)) == snapshot


async def test_a_retried_function_is_tried_again():
    """The decorator takes a config, and its defaults are those of 1.x."""
    tries = []

    @retry_async(RetryConfig(max_attempts=3, base_delay=0, retry_on=(OSError,)))
    async def fetch(what):
        tries.append(what)
        if len(tries) < 3:
            raise OSError("busy")
        return "done"

    assert await fetch("page") == "done"
    assert tries == ["page"] * 3
    assert RetryConfig() == RetryConfig(3, 0.1, 2.0, 2.0, 0.0, (Exception,))


# -- what such programs put in the place of ours ---------------------------------------------


async def test_a_replaced_handle_message_is_the_one_that_runs(engine, monkeypatch):
    """On the class, as tests patch it, and on one component; the engine asks for it too."""
    seen = []
    entry, machine = AsyncComponent.handle_message, StateMachine.handle_message

    async def spy_on_entry(self, message):
        seen.append("entry")
        await entry(self, message)

    async def spy_on_machine(self, message, component):
        seen.append("machine")
        return await machine(self, message, component)

    door = engine.register(AsyncComponent("door"))
    monkeypatch.setattr(AsyncComponent, "handle_message", spy_on_entry)
    monkeypatch.setattr(StateMachine, "handle_message", spy_on_machine)
    await engine.handle_message("door", "start")
    assert (seen, door.state_machine.state_name) == (["entry", "machine"], "AwaitingConfirmation")
    door.handle_message = AsyncMock()
    await engine.handle_message("door", "cancel")
    door.handle_message.assert_awaited_once_with({"type": "cancel"})


async def test_a_stand_in_for_a_component_gets_the_message(engine):
    """It has a name and a handle_message, and what that returns is returned."""

    class Fake:
        name, logger, event_bus = "fake", None, None

        async def handle_message(self, message):
            return message

    engine.register(Fake())
    assert await engine.handle_message("fake", "look", by="me") == {"type": "look", "by": "me"}


async def test_a_bus_with_a_publish_of_its_own_is_told_of_all(engine, monkeypatch):
    """One that only publishes, a subclass, and ours with another method put upon it."""
    told = []

    class Fake:
        async def publish(self, event_name, data=None, **how):
            told.append(event_name)

    class Loud(AsyncEventManager):
        async def publish(self, event_name, data=None, **how):
            told.append(event_name)
            await super().publish(event_name, data, **how)

    for bus in (Fake(), Loud()):
        await AsyncComponent("door", event_bus=bus).handle_message({"type": "start"})
    monkeypatch.setattr(engine.event_bus, "publish", Fake().publish)
    await engine.register_async(AsyncComponent("door"))
    await engine.handle_message("door", "start")
    both = ["component.message.received", "state.changed"]
    assert told == [*both, *both, "engine.component.registered", *both]


async def test_a_logger_of_another_library_will_do():
    """It need not know levels by number, nor put arguments into its text."""
    lines = []

    class Plain:
        def info(self, text):
            lines.append(text)

        warning = info

    engine = FlexiFlowEngine(Plain())
    await engine.event_bus.subscribe("state.changed", "100%", lambda data: 1 / 0)
    engine.register(AsyncComponent("door"))
    await engine.handle_message("door", "start")
    assert lines[0].startswith("door: 'start' moved InitialState → AwaitingConfirmation in ")
    assert lines[1].startswith("100%: handler of state.changed failed: ZeroDivisionError(")


@pytest.mark.parametrize("data", [{"kind": "door"}, property(lambda self: {"kind": "door"})])
def test_a_component_subclass_may_have_a_data_of_its_own(data, engine, tmp_path):
    """1.x had no such attribute: it stays what the class says, and is saved."""
    door_class = type("Door", (AsyncComponent,), {"data": data})
    door = engine.register(door_class("door"))
    save_component(door, tmp_path / "door.json")
    assert door.data == load_snapshot(tmp_path / "door.json").metadata == {"kind": "door"}


async def test_subclasses_may_use_names_that_1_x_left_free():
    """Of a machine, an engine, a bus and a state; all of it is recorded and drawn."""

    class Machine(StateMachine):
        def start(self):
            return "mine"

        enter = start

    class Engine(FlexiFlowEngine):
        def __init__(self):
            super().__init__()
            self.hooks = self.event_bus.hooks = ["mine"]

    class Ending(State):
        @property
        def final(self):
            return True

        resting = final

        async def handle_message(self, message, component):
            return True, self.__class__()

    engine = Engine()
    first = engine.register(AsyncComponent("first", [], Machine.from_name("InitialState")))
    last = engine.register(AsyncComponent("last", [], Machine(Ending())))
    with flexiflow.record(engine) as recording:
        await engine.handle_message("first", "start")
        await engine.handle_message("last", "start")
    assert list(recording.history.steps()["to_state"]) == ["AwaitingConfirmation", "Ending"]
    assert (first.state_machine.start(), first.state_machine.enter()) == ("mine", "mine")
    assert list(flexiflow.machine_graph(last).states["final"]) == [False]


def test_threads_may_share_a_connection(tmp_path):
    """Each save is one transaction, whichever thread begins it."""
    with contextlib.closing(
        sqlite3.connect(tmp_path / "state.db", check_same_thread=False)
    ) as conn:
        snapshot = ComponentSnapshot("order", "InitialState")

        def save(_):
            return save_snapshot_sqlite(conn, snapshot)

        with ThreadPoolExecutor(8) as pool:
            ids = list(pool.map(save, range(80)))
        assert sorted(ids) == list(range(1, 81))


def test_a_state_may_say_what_it_returns():
    """As 1.x promised it: a pair of a bool and a state, never None."""
    assert inspect.get_annotations(State.handle_message)["return"] == "tuple[bool, State]"

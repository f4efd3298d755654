"""The engine: components by name, their states' names, the bus, and the events."""

import asyncio
import gc
import itertools
import logging
import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.component import AsyncComponent
from flexiflow.config_loader import ComponentConfig
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import ComponentNotFound, InvalidType, StateError
from flexiflow.event_manager import AsyncEventManager
from flexiflow.state_machine import DEFAULT_REGISTRY, InitialState, StateMachine, StateRegistry
from flexiflow.states import State


class Draft(State):
    @on("submit", to="Submitted")
    def submit(self, message, component): ...


class Submitted(State, final=True): ...


@pytest.fixture
def engine():
    return FlexiFlowEngine()


async def events_of(engine, name):
    seen = []
    await engine.event_bus.subscribe(name, "test", seen.append)
    return seen


# -- the style of 1.x ---------------------------------------------------------------------


async def test_the_classic_round(engine):
    """Register a component, send it messages by name, look at its state."""
    component = AsyncComponent("order")
    engine.register(component)
    await engine.handle_message("order", "start")
    await engine.handle_message("order", "confirm", content="confirmed")
    assert engine.get("order").state_machine.state_name == "ProcessingRequest"
    assert isinstance(engine.get("order"), AsyncComponent)


async def test_handle_message_returns_the_step(engine):
    """With the fields as the message's fields; name and type may be keywords."""
    engine.register(AsyncComponent("order"))
    step = await engine.handle_message(name="order", type="start")
    assert (step.outcome, step.to_state) == ("moved", "AwaitingConfirmation")


async def test_a_field_may_be_called_self(engine):
    """Only name and type are taken."""
    engine.register(AsyncComponent("order"))
    assert (await engine.handle_message("order", "start", self=1)).outcome == "moved"


async def test_handle_message_to_nobody_names_the_nearest(engine):
    """A KeyError with a suggestion."""
    engine.register(AsyncComponent("order-1042"))
    with pytest.raises(ComponentNotFound, match="Unknown component 'order-1024'") as caught:
        await engine.handle_message("order-1024", "start")
    assert isinstance(caught.value, KeyError)
    assert "order-1042" in caught.value.fix


def test_components_can_be_given_at_the_start():
    """By name, as a dict; they get logger and bus like any other."""
    component = AsyncComponent("order")
    engine = FlexiFlowEngine(components={"order": component})
    assert engine.get("order") is component
    assert engine.components == {"order": component}
    assert component.event_bus is engine.event_bus


def test_the_logger_can_be_given():
    """By position or by keyword."""
    logger = logging.getLogger("mine")
    assert FlexiFlowEngine(logger).logger is logger
    assert FlexiFlowEngine(logger=logger).logger is logger


def test_building_an_engine_adds_no_log_handler():
    """`logging` stays the application's, in a fresh process too."""
    code = (
        "import logging, flexiflow\n"
        "flexiflow.FlexiFlowEngine()\n"
        "print(logging.getLogger().handlers, logging.getLogger('flexiflow').handlers)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "[] []"


def test_get_of_an_unknown_name_is_none(engine):
    """No exception."""
    assert engine.get("nobody") is None


def test_register_gives_what_is_lacking_only(engine):
    """A component keeps its own logger and bus."""
    own_logger, own_bus = logging.getLogger("own"), AsyncEventManager()
    with_own = AsyncComponent("a", logger=own_logger, event_bus=own_bus)
    without = AsyncComponent("b")
    assert engine.register(with_own) is with_own
    engine.register(without)
    assert (with_own.logger, with_own.event_bus) == (own_logger, own_bus)
    assert (without.logger, without.event_bus) == (engine.logger, engine.event_bus)


async def test_a_component_put_into_the_dict_by_hand_is_equipped_at_its_first_message(engine):
    """As code for 1.x may do; its transitions are published on the engine's bus."""
    component = engine.components["c"] = AsyncComponent("c")
    moves = []
    await engine.event_bus.subscribe("state.changed", "test", moves.append)
    await engine.handle_message("c", "start")
    assert [each["to_state"] for each in moves] == ["AwaitingConfirmation"]
    assert (component.logger, component.event_bus) == (engine.logger, engine.event_bus)


def test_registering_the_same_name_again_replaces(engine):
    """The last one is the one."""
    engine.register(AsyncComponent("a"))
    second = engine.register(AsyncComponent("a"))
    assert engine.get("a") is second


def test_create_component_makes_what_a_config_says(engine):
    """Name, rules and initial state; registered and returned."""
    config = ComponentConfig(name="order", rules=["r"], initial_state="ErrorHandling")
    component = engine.create_component(config)
    assert engine.get("order") is component
    assert (component.name, component.rules, component.state) == ("order", ["r"], "ErrorHandling")
    assert component.rules is not config.rules


def test_create_component_in_an_unknown_state(engine):
    """A StateError; nothing is registered."""
    with pytest.raises(StateError, match="Unknown state"):
        engine.create_component(ComponentConfig(name="order", rules=[], initial_state="Nowhere"))
    assert engine.get("order") is None


# -- registering and its event ------------------------------------------------------------


def test_register_outside_a_loop_publishes_nothing(engine):
    """And leaves nothing behind that would be published later."""
    seen = asyncio.run(events_of(engine, "engine.component.registered"))
    engine.register(AsyncComponent("a"))

    async def later():
        await asyncio.sleep(0)

    asyncio.run(later())
    assert seen == []


async def test_register_inside_a_loop_publishes_once(engine):
    """Soon after; the payload has the name."""
    seen = await events_of(engine, "engine.component.registered")
    engine.register(AsyncComponent("a"))
    assert seen == []
    await asyncio.sleep(0)
    assert seen == [{"component": "a"}]


async def test_register_async_publishes_once_before_it_returns(engine):
    """One event, not two."""
    seen = await events_of(engine, "engine.component.registered")
    component = AsyncComponent("a")
    assert await engine.register_async(component) is component
    await asyncio.sleep(0)
    assert seen == [{"component": "a"}]


async def test_add_publishes_once_too(engine):
    """It registers."""
    seen = await events_of(engine, "engine.component.registered")
    engine.add("a", Draft)
    await asyncio.sleep(0)
    assert seen == [{"component": "a"}]


async def test_a_registration_event_survives_garbage_collection(engine):
    """The loop holds its tasks weakly; the engine holds this one."""
    seen = []
    gate = asyncio.Event()

    async def slow(event):
        await gate.wait()
        seen.append(event)

    await engine.event_bus.subscribe("engine.component.registered", "test", slow)
    engine.register(AsyncComponent("a"))
    await asyncio.sleep(0)
    gc.collect()
    gate.set()
    await asyncio.sleep(0.01)
    assert seen == [{"component": "a"}]


async def test_the_whole_vocabulary_of_events(engine):
    """The four names that 1.x published, with the keys it promised."""
    seen = {}
    for name in (
        "engine.component.registered",
        "component.message.received",
        "state.changed",
        "event.handler.failed",
    ):
        seen[name] = await events_of(engine, name)
    await engine.event_bus.subscribe("state.changed", "breaking", lambda _: 1 / 0)
    await engine.register_async(AsyncComponent("order"))
    await engine.handle_message("order", "start")
    assert [set(event) for events in seen.values() for event in events] == [
        {"component"},
        {"component", "message"},
        {"component", "from_state", "to_state", "correlation_id"},
        {"event_name", "component_name", "exception"},
    ]
    assert seen["event.handler.failed"][0]["exception"].startswith("ZeroDivisionError(")


# -- add ----------------------------------------------------------------------------------


async def test_add_makes_registers_and_returns_a_component(engine):
    """With data and rules as given."""
    data = {"items": 3}
    order = engine.add("order", Draft, data=data, rules=["r"])
    assert engine.get("order") is order
    assert (order.state, order.rules) == ("Draft", ["r"])
    assert order.data is data
    assert (await order.send("submit")).to_state == "Submitted"


def test_the_start_may_be_a_class_an_instance_or_a_name(engine):
    """An instance is used as it is."""
    state = Draft()
    assert engine.add("a", state).state_machine.current_state is state
    assert engine.add("b", Draft).state == "Draft"
    assert engine.add("c", "InitialState").state == "InitialState"


def test_a_registered_name_may_be_looked_up_in_a_registry(engine):
    """The one that is given."""
    registry = StateRegistry()
    registry.register("begin", Draft)
    component = engine.add("a", "begin", registry=registry)
    assert component.state == "begin"
    assert component.state_machine.registry is registry


@pytest.mark.parametrize("wrong", [int, 5, None, Draft.submit])
def test_a_start_that_is_no_state_is_a_type_error(engine, wrong):
    """With the way to write it."""
    with pytest.raises(InvalidType, match="can't start in") as caught:
        engine.add("a", wrong)
    assert "engine.add" in caught.value.fix


def test_an_unknown_start_name_is_a_state_error(engine):
    """As from the registry."""
    with pytest.raises(StateError, match="Unknown state"):
        engine.add("a", "Nowhere")


def test_a_declaration_that_leads_nowhere_is_found_by_add(engine):
    """Before any message comes; nothing is registered."""

    class Typo(State):
        @on("go", to="Submited")
        def go(self, message, component): ...

    with pytest.raises(StateError, match="Unknown state 'Submited'"):
        engine.add("a", Typo)
    assert engine.get("a") is None


def test_add_registers_the_start_and_what_can_be_reached(engine):
    """In a scope that components with the same start share."""
    first, second = engine.add("a", Draft), engine.add("b", Draft)
    scope = first.state_machine.registry
    assert scope is second.state_machine.registry
    assert scope is not DEFAULT_REGISTRY
    assert (scope.find_own("Draft"), scope.find_own("Submitted")) == (Draft, Submitted)


def test_add_offers_the_names_to_the_default_registry(engine):
    """So that a snapshot can be restored by name."""
    engine.add("a", Draft)
    assert DEFAULT_REGISTRY.find("Draft") is Draft


def machine(end_name="Done"):
    """A machine of its own, with states called Start and Done."""

    class Start(State):
        @on("end", to=end_name)
        def end(self, message, component): ...

    class Done(State, final=True): ...

    return Start, Done


async def test_two_machines_may_each_have_a_state_of_the_same_name(engine):
    """Each finds its own."""

    def other():
        class Begin(State):
            @on("end", to="Done")
            def end(self, message, component): ...

        class Done(State): ...

        return Begin, Done

    start, done = machine()
    begin, other_done = other()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        first, second = engine.add("a", start), engine.add("b", begin)
    await first.send("end")
    await second.send("end")
    assert type(first.state_machine.current_state) is done
    assert type(second.state_machine.current_state) is other_done
    assert first.state == second.state == "Done"
    assert DEFAULT_REGISTRY.is_contested("Done")


def test_a_registry_of_ones_own_is_filled(engine):
    """With the start and what can be reached; nothing goes to the default one."""

    class Alone(State):
        @on("go", to=Submitted)
        def go(self, message, component): ...

    registry = StateRegistry()
    engine.add("a", Alone, registry=registry)
    assert registry.names() == ["Alone", "Submitted"]
    assert "Alone" not in DEFAULT_REGISTRY


async def test_a_registry_of_ones_own_decides_what_a_name_means(engine):
    """A name that it has already is kept."""

    class Mine(State): ...

    registry = StateRegistry()
    registry.register("Submitted", Mine)
    order = engine.add("a", Draft, registry=registry)
    await order.send("submit")
    assert type(order.state_machine.current_state) is Mine
    assert order.state == "Submitted"


def test_the_identity_of_a_state_is_its_registered_name(engine):
    """Where a class is registered under one other name, that is what people see."""
    registry = StateRegistry()
    registry.register("draft", Draft)
    assert engine.add("a", Draft, registry=registry).state == "draft"


# -- cells that are run again -------------------------------------------------------------

CELLS = {
    "draft": """
class Draft(State):
    @on("submit", to="Submitted")
    def submit(self, message, component): ...
""",
    "submitted": """
class Submitted(State):
    version = {version}
    @on("more", to="More")
    def more(self, message, component): ...
class More(State): ...
""",
}


@pytest.fixture
def cell(make_module):
    """Run the code of a cell in a module of its own, as a notebook does in `__main__`."""
    module = __import__(
        make_module("from flexiflow.declarations import on\nfrom flexiflow.states import State\n")
    )
    versions = itertools.count(1)

    def run(name):
        exec(CELLS[name].format(version=next(versions)), vars(module))
        return module

    return run


async def test_a_redefined_start_is_picked_up(engine, cell):
    """Running the cell and adding the component again means the new class."""
    cell("submitted")
    engine.add("order", cell("draft").Draft)
    module = cell("draft")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        order = engine.add("order", module.Draft)
    assert type(order.state_machine.current_state) is module.Draft


async def test_a_redefined_state_that_is_not_the_start_is_picked_up(engine, cell):
    """Only its own cell was run again; the start is the old class."""
    cell("submitted")
    draft = cell("draft").Draft
    engine.add("order", draft)
    newest = cell("submitted").Submitted
    order = engine.add("order", draft)
    await order.send("submit")
    assert type(order.state_machine.current_state) is newest
    assert order.state_machine.registry.find("More").__module__ == newest.__module__
    assert DEFAULT_REGISTRY.find("Submitted") is newest


async def test_components_that_run_already_move_into_the_redefined_state(engine, cell):
    """They share the scope."""
    cell("submitted")
    draft = cell("draft").Draft
    early = engine.add("early", draft)
    newest = cell("submitted").Submitted
    engine.add("late", draft)
    await early.send("submit")
    assert type(early.state_machine.current_state) is newest


# -- the rest -----------------------------------------------------------------------------


def test_registries_lists_each_once(engine):
    """However many components share one."""
    first = engine.add("a", Draft)
    engine.add("b", Draft)
    engine.register(AsyncComponent("c"))
    assert engine.registries() == [first.state_machine.registry, DEFAULT_REGISTRY]


@given(st.lists(st.text(), unique=True, max_size=20))
def test_any_text_can_be_a_name(names):
    """Components are found by exactly the name that they have."""
    engine = FlexiFlowEngine()
    for name in names:
        engine.register(AsyncComponent(name, state_machine=StateMachine(InitialState())))
    assert list(engine.components) == names
    for name in names:
        assert asyncio.run(engine.handle_message(name, "start")).outcome == "moved"


def test_what_is_no_component_can_t_be_registered(engine):
    """The error says what is needed."""
    with pytest.raises(InvalidType, match="Not a component: 3"):
        engine.register(3)

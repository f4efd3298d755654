"""The declared graph, read from code."""

import pytest

from flexiflow.component import AsyncComponent
from flexiflow.declarations import on
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidType
from flexiflow.graph.declared import declared_graph, graph_from_transitions, graph_of_classes
from flexiflow.graph.model import Edge, StateNode
from flexiflow.guards import guard
from flexiflow.state_machine import InitialState, StateMachine
from flexiflow.statepack import TransitionSpec
from flexiflow.states import State, StateRegistry


@guard
def has_items(message, component):
    return True


@guard
def is_open(message, component):
    return True


class PaymentError(Exception):
    pass


class Cart(State):
    """Collects things.

    And more about it.
    """

    @on("add")
    def add(self, message, component):
        """Put one in."""

    @on("pay", to="Paid", guard=has_items & is_open, raises={PaymentError: "Broken"})
    def pay(self, message, component): ...


class Paid(State, final=True):
    pass


class Broken(State):
    @on("fix", to=Cart)
    @on("give_up", to="Nirvana")
    def mend(self, message, component): ...


class Classic(State):
    async def handle_message(self, message, component):
        return True, Paid()


class Hybrid(Classic):
    @on("go", to="Paid")
    def go(self, message, component): ...


class Hiding(Cart):
    async def handle_message(self, message, component):
        return True, self


def test_states_stand_in_the_order_of_discovery():
    """Breadth first from the start."""
    graph = declared_graph(Cart)
    assert [state.name for state in graph.states] == ["Cart", "Paid", "Broken", "Nirvana"]


def test_transitions_carry_guard_and_exception():
    """Each way out of a declaration is an edge; the guard stands on all of them."""
    edges = [edge for edge in declared_graph(Cart).edges if edge.message == "pay"]
    assert edges == [
        Edge("Cart", "Paid", "pay", "has_items and is_open"),
        Edge("Cart", "Broken", "pay", "has_items and is_open", "PaymentError"),
    ]


def test_declaration_without_target_stays():
    """A declaration without to= is an edge back to its state."""
    edge = declared_graph(Cart).edges[0]
    assert (edge.source, edge.target, edge.message, edge.stays) == ("Cart", "Cart", "add", True)


def test_first_lines_of_docstrings_are_descriptions():
    """States and transitions are described by the first line of their docstrings."""
    graph = declared_graph(Cart)
    assert graph.states[0].description == "Collects things."
    assert graph.edges[0].description == "Put one in."
    assert graph.states[1].description is None


def test_finals_are_marked():
    """A state class declared final is final in the graph."""
    assert [state.final for state in declared_graph(Cart).states] == [False, True, False, False]


def test_target_that_nobody_defines_is_unknown():
    """A broken machine can be looked at."""
    assert declared_graph(Cart).state("Nirvana") == StateNode("Nirvana", known=False)


def test_classic_state_says_that_more_may_follow():
    """A classic handle_message is marked, beside its declared transitions."""
    graph = declared_graph(Hybrid)
    assert graph.state("Hybrid").classic
    assert [edge.message for edge in graph.edges] == ["go"]


def test_declarations_hidden_by_a_classic_override_are_no_edges():
    """An override of handle_message hides its bases' declarations."""
    graph = declared_graph(Hiding)
    assert graph.edges == ()
    assert [state.name for state in graph.states] == ["Hiding"]


def test_class_alone_has_a_start_and_no_current_state():
    """A class says where a machine starts, not where it is."""
    graph = declared_graph(Cart)
    assert (graph.start, graph.current) == ("Cart", None)


def test_instance_is_the_current_state():
    """An instance is where the machine is."""
    graph = declared_graph(Cart())
    assert (graph.start, graph.current) == ("Cart", "Cart")


def test_component_names_the_graph_and_knows_its_start():
    """A component that moved on keeps its start, and says where it is."""
    component = AsyncComponent("order-1", state_machine=StateMachine(Cart(), StateRegistry()))
    component.state_machine.current_state = Broken()
    graph = declared_graph(component)
    assert (graph.name, graph.start, graph.current) == ("order-1", "Cart", "Broken")


def test_current_state_beyond_all_declarations_is_shown_with_its_edges():
    """Where a classic handler or a snapshot brought a machine is part of the picture."""
    machine = StateMachine(Paid(), StateRegistry())
    machine.current_state = Broken()
    graph = declared_graph(machine)
    assert graph.start == "Paid"
    assert graph.state("Broken") is not None
    assert Edge("Broken", "Cart", "fix") in graph.edges


def test_registry_names_go_before_class_names():
    """A state is called what its registry calls its class."""
    registry = StateRegistry()
    registry.register("basket", Cart)
    graph = declared_graph(Cart, registry)
    assert graph.start == "basket"
    assert Edge("Broken", "basket", "fix") in graph.edges


def test_name_that_created_the_start_is_kept():
    """Where one class has two names, the start goes by the one that created it."""
    registry = StateRegistry()
    registry.register("first", Paid)
    registry.register("second", Paid)
    component = AsyncComponent("c", state_machine=StateMachine.from_name("second", registry))
    graph = declared_graph(component)
    assert [state.name for state in graph.states] == ["second"]
    assert (graph.start, graph.current) == ("second", "second")


def test_built_in_machine():
    """The four built-in states and their six transitions."""
    graph = declared_graph(InitialState)
    assert len(graph.states) == 4
    assert Edge("AwaitingConfirmation", "ProcessingRequest", "confirm", "is_confirmed") in [
        Edge(e.source, e.target, e.message, e.guard) for e in graph.edges
    ]
    assert len(graph.edges) == 6


@pytest.mark.parametrize("thing", [None, "Cart", 3, dict])
def test_what_is_no_machine_is_refused(thing):
    """Anything else is a TypeError with all four parts."""
    with pytest.raises(InvalidType, match="There is no machine") as caught:
        declared_graph(thing)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items


def test_specs_make_a_graph_with_groups():
    """Packs are groups; what nobody provides is unknown."""
    specs = [
        TransitionSpec("Login", "ok", "Session", guard="password", description="Let in."),
        TransitionSpec("Session", "leave", "Street"),
    ]
    graph = graph_from_transitions(
        "site", specs, groups={"Login": "auth", "Session": "auth", "Idle": None}, start="Login"
    )
    assert graph.states == (
        StateNode("Login", group="auth"),
        StateNode("Session", group="auth"),
        StateNode("Idle"),
        StateNode("Street", known=False),
    )
    assert graph.edges[0] == Edge("Login", "Session", "ok", "password", description="Let in.")


def test_a_state_alone_means_the_classes_beside_it():
    """Not those of the same name in a machine that was added to an engine before."""

    def other():
        class Cart(State):
            @on("pay", to="Paid")
            def pay(self, message, component): ...

        class Paid(State):
            @on("spend")
            def spend(self, message, component): ...

        return Cart, Paid

    start, _ = kept = other()
    FlexiFlowEngine().add("other", start)
    (paid,) = [state for state in declared_graph(Cart).states if state.name == "Paid"]
    assert paid.final
    assert kept


def test_spec_with_a_guard_function_shows_its_name():
    """A guard function stands for its name."""
    graph = graph_from_transitions("g", [TransitionSpec("A", "m", "B", has_items)], groups={})
    assert graph.edges[0].guard == "has_items"


def test_any_object_with_the_three_fields_is_a_spec():
    """Specs are recognised by what they have, not by their class."""

    class Plain:
        from_state, on_message, to_state = "A", "m", "B"

    assert graph_from_transitions("g", [Plain()], groups={}).edges == (Edge("A", "B", "m"),)


def test_classes_go_by_the_given_names():
    """A class named otherwise than its key goes by the key, as source and as target."""
    graph = graph_of_classes("shop", {"basket": Cart, "wreck": Broken}, start="basket")
    assert graph.start == "basket"
    assert [state.name for state in graph.states] == ["basket", "wreck", "Paid", "Nirvana"]
    assert Edge("wreck", "basket", "fix") in graph.edges
    pay = [edge.target for edge in graph.edges if edge.error]
    assert pay == ["wreck"]

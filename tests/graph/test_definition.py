"""A machine's definition as JSON, and its fingerprint."""

import dataclasses
import json
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.graph.definition import fingerprint, from_definition, reachable, to_definition
from flexiflow.graph.model import Edge, Graph, StateNode
from flexiflow.graph.overlay import with_observed

names = st.text(st.characters(), max_size=12)
some_names = st.none() | names
json_like = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | names,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(names, inner, max_size=4),
    max_leaves=12,
)


@st.composite
def graphs(draw):
    """Declared graphs whose transitions lead from and to their states."""
    found = draw(st.lists(names, unique=True, min_size=1, max_size=5))
    flags = [draw(st.booleans()) for _ in range(3)]
    states = tuple(StateNode(name, flags[0], flags[1], classic=flags[2]) for name in found)
    ends = st.sampled_from(found)
    edge = st.builds(Edge, ends, ends, names, some_names, some_names)
    known = [None, *(state.name for state in states if state.known)]
    return Graph("m", states, tuple(draw(st.lists(edge, max_size=6))), draw(st.sampled_from(known)))


@given(graphs())
def test_definition_round_trips_through_json(graph):
    """What was declared comes back as it was."""
    stored = json.loads(json.dumps(to_definition(graph)))
    assert from_definition(stored, "m") == graph


def test_definition_leaves_out_name_and_observations(order, observed):
    """All components of one machine share its definition, whatever happened to them."""
    assert to_definition(observed) == to_definition(order)


def test_definition_lists_messages_and_guards(order):
    """Messages and guards can be asked for without reading the transitions."""
    definition = to_definition(order)
    assert definition["guards"] == ["has_items"]
    assert definition["messages"] == sorted(edge.message for edge in order.edges)


def test_fingerprint_is_sixteen_hex_digits(order):
    """It is short enough for a column and a filter."""
    mark = fingerprint(to_definition(order))
    assert len(mark) == 16
    assert int(mark, 16) >= 0


def test_fingerprint_is_the_same_for_ever(order):
    """Files that were written yesterday are found again: this value must never change."""
    assert fingerprint(to_definition(order)) == "5b843183394e7e73"


def test_fingerprint_survives_json_and_the_order_of_keys(order):
    """Neither storing nor the order of a dict changes it."""
    definition = to_definition(order)
    keys = list(definition)
    random.Random(1).shuffle(keys)
    shuffled = json.loads(json.dumps({key: definition[key] for key in keys}))
    assert fingerprint(shuffled) == fingerprint(definition)


def test_fingerprint_does_not_depend_on_the_order_of_discovery(order):
    """States and transitions found in another order make the same machine."""
    turned = dataclasses.replace(order, states=order.states[::-1], edges=order.edges[::-1])
    assert fingerprint(to_definition(turned)) == fingerprint(to_definition(order))


def test_order_of_competing_transitions_counts():
    """The first whose guard passes wins, so that swapping two of them makes another machine."""
    first, second = Edge("A", "B", "go", "is_big"), Edge("A", "C", "go")
    states = tuple(map(StateNode, "ABC"))
    one = to_definition(Graph("m", states, (first, second), "A"))
    other = to_definition(Graph("m", states, (second, first), "A"))
    assert fingerprint(one) != fingerprint(other)


def _changed_machines(order):
    edge = order.edges[0]
    for changed in (
        dataclasses.replace(edge, guard="is_paid"),
        dataclasses.replace(edge, guard=None),
        dataclasses.replace(edge, target="Approved"),
        dataclasses.replace(edge, source="Rejected"),
        dataclasses.replace(edge, message="send"),
        dataclasses.replace(edge, error="ValueError"),
    ):
        yield dataclasses.replace(order, edges=(changed, *order.edges[1:]))
    state = order.states[0]
    for altered in (
        dataclasses.replace(state, final=True),
        dataclasses.replace(state, classic=True),
        dataclasses.replace(state, resting=True),
        dataclasses.replace(state, known=False),
    ):
        yield dataclasses.replace(order, states=(altered, *order.states[1:]))
    yield dataclasses.replace(order, states=(*order.states, StateNode("Extra")))
    yield dataclasses.replace(order, edges=order.edges[1:])
    yield dataclasses.replace(order, start="Submitted")


def test_fingerprint_changes_with_every_part(order):
    """Each change to a state, a transition or a guard makes another fingerprint."""
    marks = [fingerprint(to_definition(each)) for each in (order, *_changed_machines(order))]
    assert len(set(marks)) == len(marks)


def test_undeclared_transitions_are_no_part_of_it(order):
    """What was only observed does not make another machine."""
    seen = with_observed(order, {("Draft", "Limbo", "zap"): 1})
    assert fingerprint(to_definition(seen)) == fingerprint(to_definition(order))


@given(json_like)
def test_reading_never_raises(stored):
    """Whatever stands in a file becomes a graph."""
    assert isinstance(from_definition(stored), Graph)


@given(
    st.fixed_dictionaries(
        {
            "states": json_like,
            "edges": st.lists(
                json_like | st.fixed_dictionaries({"source": names, "target": json_like})
            ),
        },
        optional={
            "start": json_like,
            "final": json_like,
            "resting": json_like,
            "unknown": json_like,
            "guards": json_like,
        },
    )
)
def test_reading_a_broken_definition_never_raises(stored):
    """Nor does a definition whose parts are of the wrong kinds."""
    graph = from_definition(stored)
    found = {state.name for state in graph.states}
    assert all(edge.source in found and edge.target in found for edge in graph.edges)


def test_broken_transitions_are_left_out_and_noted(order):
    """The good ones are drawn, and a note counts the others."""
    definition = to_definition(order)
    definition["edges"] += [None, {"source": "Draft"}, {**definition["edges"][0], "guard": 7}]
    graph = from_definition(definition)
    assert graph.edges == order.edges
    assert graph.notes == ("3 stored edges can't be used and were left out.",)


def test_end_that_is_no_listed_state_is_unknown():
    """A transition to a state that the definition does not list is kept."""
    edge = {"source": "A", "target": "B", "message": "go"}
    graph = from_definition({"states": ["A"], "edges": [edge]})
    assert graph.states == (StateNode("A"), StateNode("B", known=False))


@pytest.mark.parametrize("start", ["Nowhere", 3, ["A"], {}])
def test_start_that_is_no_state_is_left_out_and_noted(start):
    """A start has to be one of the states."""
    graph = from_definition({"states": ["A"], "edges": [], "start": start})
    assert graph.start is None
    assert len(graph.notes) == 1


def test_huge_definition_is_bounded():
    """Names and lists from a file can't fill the memory, and a note says what was cut."""
    states = [f"S{number}" for number in range(5_000)] + ["x" * 10_000_000]
    edges = [{"source": "S0", "target": "S1", "message": str(n)} for n in range(20_000)]
    graph = from_definition({"states": states, "edges": edges})
    assert len(graph.states) == 2_000
    assert len(graph.edges) == 10_000
    assert len(graph.notes) == 2


def test_the_reachable_part_is_what_declarations_lead_to(order):
    """A state that nothing leads to, and a transition that was read from code, are left out."""
    inferred = Edge("Draft", "Hidden", "peek", sources=frozenset({"inferred"}))
    more = (StateNode("Island"), StateNode("Hidden", sources=frozenset({"inferred"})))
    whole = dataclasses.replace(
        order, states=(*order.states, *more), edges=(*order.edges, inferred)
    )
    assert reachable(whole) == order
    assert reachable(dataclasses.replace(whole, start=None)).states == ()

"""The protocol of packs and the specs in them."""

import dataclasses

import pytest

from flexiflow.errors import ConfigError
from flexiflow.guards import guard
from flexiflow.state_machine import AwaitingConfirmation, InitialState
from flexiflow.statepack import (
    MappingPack,
    StatePack,
    StateSpec,
    TransitionSpec,
    collect_provided_keys,
)


class DuckPack:
    """A pack that knows nothing of the protocol."""

    def __init__(self, name="duck", keys=("Draft",)):
        self.name = name
        self.keys = keys

    def provides(self):
        return {key: StateSpec(InitialState) for key in self.keys}

    def transitions(self):
        return []

    def depends_on(self):
        return set()


class DerivedPack(StatePack):
    """A pack that derives from the protocol and leaves out what it does not need."""

    def __init__(self):
        self.name = "derived"

    def provides(self):
        return {}


def test_any_object_with_the_members_is_a_pack():
    """The protocol is checked at run time, by members."""
    assert isinstance(DuckPack(), StatePack)


@pytest.mark.parametrize("missing", ["name", "provides", "transitions", "depends_on"])
def test_an_object_that_lacks_a_member_is_no_pack(missing):
    """Each of the four members is needed."""
    members = {"name": "x", "provides": 1, "transitions": 1, "depends_on": 1}
    del members[missing]
    assert not isinstance(type("Nearly", (), members)(), StatePack)


def test_a_derived_pack_inherits_what_it_leaves_out():
    """Without overrides there are no transitions and no dependencies."""
    pack = DerivedPack()
    assert list(pack.transitions()) == []
    assert set(pack.depends_on()) == set()


@pytest.mark.parametrize("spec", [StateSpec(InitialState), TransitionSpec("A", "go", "B")])
def test_specs_are_frozen_and_hashable(spec):
    """A spec is a value: it can't be changed, and equal ones are the same key."""
    with pytest.raises(dataclasses.FrozenInstanceError):
        spec.description = "changed"
    assert {spec: 1}[dataclasses.replace(spec)] == 1


def test_specs_take_their_fields_by_position_and_have_defaults():
    """The order of the fields is part of the promise."""
    assert StateSpec(InitialState).description is None
    spec = TransitionSpec("A", "go", "B")
    assert (spec.from_state, spec.on_message, spec.to_state) == ("A", "go", "B")
    assert (spec.guard, spec.description) == (None, None)
    full = TransitionSpec("A", "go", "B", "paid", "pays")
    assert (full.guard, full.description) == ("paid", "pays")


def test_the_repr_of_a_state_spec_names_its_class():
    """A repr shows the class by its name, and the description."""
    assert repr(StateSpec(InitialState, "begins")) == "StateSpec(InitialState, 'begins')"


def test_the_repr_of_a_transition_reads_as_an_arrow():
    """A repr shows where a transition leads, by which message and under which guard."""
    spec = TransitionSpec("Draft", "submit", "Sent", guard="has_items")
    assert repr(spec) == "TransitionSpec(Draft --submit [has_items]--> Sent)"


def test_a_guard_may_be_a_function():
    """A guard function stands for its name, composed guards for theirs."""

    def paid(message, component):
        return True

    assert TransitionSpec("A", "go", "B", guard=paid).guard_name == "paid"
    assert TransitionSpec("A", "go", "B", guard=~guard(paid)).guard_name == "not paid"


def test_a_mapping_pack_provides_its_classes():
    """The mapping of a config becomes a pack called mapping, with nothing else in it."""
    pack = MappingPack({"Start": InitialState})
    assert isinstance(pack, StatePack)
    assert pack.name == "mapping"
    assert pack.provides() == {"Start": StateSpec(InitialState)}
    assert pack.transitions() == []
    assert pack.depends_on() == set()


def test_a_mapping_pack_keeps_its_own_copy():
    """Changing the mapping, or what provides() returned, does not change the pack."""
    mapping = {"Start": InitialState}
    pack = MappingPack(mapping)
    mapping["Other"] = AwaitingConfirmation
    pack.provides().clear()
    assert list(pack.provides()) == ["Start"]


def test_the_repr_of_a_mapping_pack_names_its_keys():
    """A repr shows the keys."""
    assert repr(MappingPack({"Start": InitialState})) == "MappingPack(['Start'])"


def test_provided_keys_name_their_packs():
    """Each key leads to the name of the pack that provides it."""
    packs = [DuckPack("a", ("One", "Two")), DuckPack("b", ("Three",))]
    assert collect_provided_keys(packs) == {"One": "a", "Two": "a", "Three": "b"}


def test_a_key_of_two_packs_is_refused():
    """A key has one provider."""
    with pytest.raises(ConfigError, match="Duplicate state key 'One'"):
        collect_provided_keys([DuckPack("a", ("One",)), DuckPack("b", ("One",))])

"""Loading packs, and the checks that they fit together."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow import pack_loader, statepack
from flexiflow.errors import ConfigError, ImportError_
from flexiflow.pack_loader import load_packs
from flexiflow.state_machine import AwaitingConfirmation, InitialState
from flexiflow.statepack import StateSpec, TransitionSpec


class Pack:
    """A pack of given contents."""

    def __init__(self, name="orders", keys=("Draft",), needs=(), transitions=()):
        self.name = name
        self.keys = keys
        self.needs = needs
        self.moves = transitions

    def provides(self):
        return {key: StateSpec(InitialState) for key in self.keys}

    def transitions(self):
        return self.moves

    def depends_on(self):
        return set(self.needs)


class NamedInInit(Pack):
    """A pack class that can be made without arguments."""


class NamedOnClass:
    """A pack class that looks like a pack already before it is made."""

    name = "on class"

    def provides(self):
        return {"Draft": StateSpec(InitialState)}

    def transitions(self):
        return []

    def depends_on(self):
        return set()


class BadContents(Pack):
    """A pack whose members are set one by one."""

    def __init__(self, **members):
        super().__init__()
        for member, value in members.items():
            setattr(self, member, value)


class Nameless(Pack):
    """A pack whose name can't be read."""

    name = property(lambda self: explodes(), lambda self, value: None)


an_instance = Pack("instance")
nameless = Nameless()
no_pack = object()


def make_pack():
    return Pack("made")


def make_nothing():
    return None


def needs_an_argument(argument):
    raise AssertionError("called although it takes an argument")


def explodes():
    raise OSError("no disk")


def path_of(symbol):
    return f"{__name__}:{symbol}"


def failure(kind=ConfigError, **arguments):
    with pytest.raises(kind) as caught:
        load_packs(**arguments)
    error = caught.value
    assert error.why
    assert error.fix
    assert error.context_items
    return error


@pytest.mark.parametrize(
    "name", ["MappingPack", "StatePack", "StateSpec", "TransitionSpec", "collect_provided_keys"]
)
def test_both_modules_offer_the_same_object(name):
    """`pack_loader` re-exports what `statepack` is the home of."""
    assert getattr(pack_loader, name) is getattr(statepack, name)


def test_nothing_given_is_no_packs():
    """A config without states and packs has no packs."""
    assert load_packs() == []
    assert load_packs(states={}, packs=[]) == []


def test_a_mapping_of_states_becomes_one_pack():
    """Dotted paths and classes both lead to classes in the mapping pack."""
    (pack,) = load_packs(
        states={"Start": "flexiflow.state_machine:InitialState", "Wait": AwaitingConfirmation}
    )
    assert pack.name == "mapping"
    assert {key: spec.state_class for key, spec in pack.provides().items()} == {
        "Start": InitialState,
        "Wait": AwaitingConfirmation,
    }


@pytest.mark.parametrize(
    ("symbol", "name"),
    [
        ("an_instance", "instance"),
        ("make_pack", "made"),
        ("NamedInInit", "orders"),
        ("NamedOnClass", "on class"),
    ],
)
def test_a_path_leads_to_a_pack_or_to_what_makes_one(symbol, name):
    """An instance is taken as it is; a class or a function is called."""
    (pack,) = load_packs(packs=[path_of(symbol)])
    assert pack.name == name
    assert not isinstance(pack, type)


def test_packs_themselves_are_taken():
    """Python code may pass packs, classes and functions instead of paths."""
    packs = load_packs(
        packs=[Pack("a", ("A",)), NamedInInit, lambda: Pack("c", ("C",))],
    )
    assert [pack.name for pack in packs] == ["a", "orders", "c"]


def test_states_and_packs_exclude_each_other():
    """States come from a mapping or from packs, not from both."""
    error = failure(states={"A": InitialState}, packs=[Pack()])
    assert "Cannot specify both" in str(error)


def test_an_empty_mapping_beside_packs_is_no_contradiction():
    """Only what names something counts."""
    assert len(load_packs(states={}, packs=[Pack()])) == 1


@pytest.mark.parametrize("states", [["module:Class"], "module:Class", 5, False])
def test_states_of_another_type_are_refused(states):
    """`states` is a mapping."""
    assert "wrong type" in str(failure(states=states))


@pytest.mark.parametrize("packs", ["module:Pack", {"a": "module:Pack"}, 5, False, b"m:P"])
def test_packs_of_another_type_are_refused(packs):
    """`packs` is a list."""
    assert "wrong type" in str(failure(packs=packs))


@pytest.mark.parametrize("states", [{"A": 5}, {"A": None}, {False: "json:X"}, {"A": ["json:X"]}])
def test_an_entry_that_is_no_path_is_an_invalid_states_entry(states):
    """Keys and values of `states` are strings."""
    assert "Invalid states entry" in str(failure(states=states))


def test_a_malformed_path_of_a_state_is_refused():
    """The path of a state has the form of every dotted path."""
    assert "Invalid dotted path" in str(failure(ImportError_, states={"A": "no_colon"}))


def test_a_class_that_is_no_state_is_refused():
    """Each class in the mapping derives from State."""
    assert "Not a State subclass" in str(failure(ImportError_, states={"A": "json:JSONDecoder"}))
    assert "Not a State subclass" in str(failure(ImportError_, states={"A": dict}))


@pytest.mark.parametrize("entry", [None, 5, {"module": "x"}, ["json:X"]])
def test_an_entry_that_is_no_string_is_an_invalid_pack_entry(entry):
    """Entries of `packs` in a config are strings."""
    error = failure(packs=[entry])
    assert "Invalid pack entry" in str(error)
    assert error.context_items["position"] == 0


@pytest.mark.parametrize("path", ["no_colon", "a:b:c", ":", ""])
@pytest.mark.parametrize("kind", [ConfigError, ImportError_])
def test_a_malformed_path_of_a_pack_is_both_kinds_of_error(path, kind):
    """It is wrong configuration and a path that can't be imported."""
    assert "Invalid pack path format" in str(failure(kind, packs=[path]))


@pytest.mark.parametrize("symbol", ["no_pack", "make_nothing", "needs_an_argument", "InitialState"])
@pytest.mark.parametrize("kind", [ConfigError, ImportError_])
def test_what_is_and_makes_no_pack_is_refused(symbol, kind):
    """Objects, functions and classes that are no packs say so."""
    assert "Not a StatePack" in str(failure(kind, packs=[path_of(symbol)]))


def test_a_missing_module_of_a_pack_is_not_found():
    """The import error of the path comes through."""
    error = failure(ImportError_, packs=["no_such_module_anywhere:Pack"])
    assert "Module not found" in str(error)


def test_a_failure_while_a_pack_is_made_keeps_its_cause():
    """What the factory raised is the cause."""
    assert isinstance(failure(packs=[path_of("explodes")]).__cause__, OSError)


def test_a_pack_whose_name_fails_is_no_pack():
    """A name is read to find out whether something is a pack."""
    assert "Not a StatePack" in str(failure(packs=[path_of("nameless")]))


@pytest.mark.parametrize("member", ["provides", "transitions", "depends_on"])
def test_a_failure_of_a_packs_method_keeps_its_cause(member):
    """What a method raised is the cause."""
    assert isinstance(failure(packs=[BadContents(**{member: explodes})]).__cause__, OSError)


@pytest.mark.parametrize(
    "members",
    [
        {"name": 5},
        {"name": ""},
        {"provides": lambda: {5: StateSpec(InitialState)}},
        {"transitions": lambda: ["a to b"]},
        {"transitions": lambda: [TransitionSpec("A", ["go"], "B")]},
        {"depends_on": lambda: {5}},
    ],
)
def test_wrong_contents_are_refused(members):
    """Names, keys and transitions have the types that the protocol says."""
    assert "wrong contents" in failure(packs=[BadContents(**members)]).what


def test_a_pack_that_provides_no_state_class_is_refused():
    """Each spec of a pack holds a class derived from State."""
    bad = BadContents(provides=lambda: {"Draft": StateSpec(dict)})
    assert "Not a State subclass" in str(failure(packs=[bad]))


def test_a_pack_may_be_sloppy_where_the_meaning_is_clear():
    """Bare classes, None for nothing and one key for a set of one are understood."""
    pack = BadContents(
        provides=lambda: {"Draft": InitialState},
        transitions=lambda: None,
        depends_on=lambda: "InitialState",
    )
    assert load_packs(packs=[pack]) == [pack]


def test_a_key_that_two_packs_provide_is_refused():
    """A key leads to one state."""
    error = failure(packs=[Pack("a"), Pack("b")])
    assert "Duplicate state key 'Draft'" in str(error)
    assert error.context_items["packs"] == ["a", "b"]


def test_a_builtin_key_is_refused_where_the_caller_forbids_it():
    """With `builtin_keys` no pack may provide one of them."""
    error = failure(packs=[Pack(keys=("InitialState",))], builtin_keys={"InitialState"})
    assert "shadows builtin" in str(error)


def test_a_builtin_key_is_allowed_where_the_caller_does_not_forbid_it():
    """Which of the two wins is then for `initial_state_resolution` to say."""
    assert len(load_packs(packs=[Pack(keys=("InitialState",))])) == 1


def test_an_unmet_dependency_is_refused():
    """What a pack needs must be provided by somebody."""
    error = failure(packs=[Pack("ship", ("Packed",), needs=("Draft", "Piad")), Pack("orders")])
    assert "'Piad'" in error.what
    assert error.context_items["pack"] == "ship"


def test_a_dependency_is_met_by_a_builtin_state():
    """The states that are registered by default count as provided."""
    assert len(load_packs(packs=[Pack(needs=("InitialState",))])) == 1


def test_a_dependency_is_met_by_the_given_builtin_keys_alone():
    """With `builtin_keys` nothing else is built in."""
    assert len(load_packs(packs=[Pack(needs=("Origin",))], builtin_keys=["Origin"])) == 1
    assert "'InitialState'" in failure(packs=[Pack(needs=("InitialState",))], builtin_keys=[]).what


def test_a_pack_may_depend_on_itself():
    """What it provides itself is met."""
    assert len(load_packs(packs=[Pack(needs=("Draft",))])) == 1


def test_packs_come_after_those_that_they_depend_on():
    """The order follows the needs."""
    ship = Pack("ship", ("Packed",), needs=("Paid",))
    pay = Pack("pay", ("Paid",), needs=("Draft",))
    orders = Pack("orders")
    assert load_packs(packs=[ship, pay, orders]) == [orders, pay, ship]


def test_circular_dependencies_are_refused_and_named():
    """The packs of the circle are named, and those that only lead to it are not."""
    error = failure(
        packs=[
            Pack("outside", ("O",), needs=("A",)),
            Pack("a", ("A",), needs=("B",)),
            Pack("b", ("B",), needs=("A",)),
        ]
    )
    assert error.what == "Circular depends_on between packs: a → b → a."


@given(st.data())
def test_the_order_respects_needs_and_else_the_order_given(data):
    """For any needs without a circle each pack comes after its needs, and nothing moves in vain."""
    count = data.draw(st.integers(1, 8))
    rank = data.draw(st.permutations(range(count)))
    packs = []
    for at in range(count):
        before = [other for other in range(count) if rank[other] < rank[at]]
        chosen = st.sets(st.sampled_from(before)) if before else st.just(set())
        needs = data.draw(chosen)
        packs.append(Pack(f"p{at}", (f"k{at}",), needs=[f"k{other}" for other in needs]))
    order = load_packs(packs=packs)
    assert sorted(pack.name for pack in order) == sorted(pack.name for pack in packs)
    for position, pack in enumerate(order):
        seen = {key for each in order[:position] for key in each.keys}
        assert set(pack.needs) <= seen
    if all(int(need[1:]) < at for at, pack in enumerate(packs) for need in pack.needs):
        assert order == packs


def test_loading_packs_registers_nothing():
    """Only a config loader puts names into the default registry."""
    before = pack_loader.DEFAULT_REGISTRY.names()
    load_packs(packs=[Pack(keys=("Brand new",))])
    assert pack_loader.DEFAULT_REGISTRY.names() == before

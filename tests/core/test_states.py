"""State classes, registries, and how a name finds its class."""

import subprocess
import sys
import warnings

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.declarations import on
from flexiflow.errors import InvalidType, StateError
from flexiflow.states import (
    DEFAULT_REGISTRY,
    State,
    StateRegistry,
    identity,
    make_state,
    reachable,
    registry_of,
    resolve,
)


class Alpha(State):
    @on("next", to="Beta")
    def next(self, message, component): ...


class Beta(State):
    @on("next", to="Alpha")
    @on("end", to="Gamma")
    def next(self, message, component): ...


class Gamma(State, final=True): ...


class Delta(State):
    """Nothing here leads to it."""


@pytest.fixture
def registry():
    return StateRegistry()


def twin(module):
    """A class called Twin, as if another module had defined it."""
    return type("Twin", (State,), {"__module__": module})


# -- classes ------------------------------------------------------------------------------


def test_a_state_is_not_for_resting_unless_it_says_so():
    """As with `final`."""

    class Idle(State, resting=True): ...

    class Busy(Idle): ...

    assert (Alpha.resting, Idle.resting, Busy.resting) == (False, True, False)


def test_a_state_is_not_final_unless_it_says_so():
    """`final=True` marks an end, and its subclasses say it anew."""

    class After(Gamma): ...

    assert (Alpha.final, Gamma.final, After.final) == (False, True, False)


async def test_the_default_handler_runs_the_declarations():
    """`State.handle_message` answers in the classic way."""
    proceed, following = await Alpha().handle_message({"type": "next"}, None)
    assert proceed
    assert type(following) is Beta


async def test_the_default_handler_refuses_what_is_not_declared():
    """The state itself is the next one, and the first half is False."""
    state = Alpha()
    assert await state.handle_message({"type": "other"}, None) == (False, state)


async def test_the_default_handler_raises_what_a_method_raises():
    """An exception that is not declared reaches the caller."""

    class Broken(State):
        @on("go")
        def go(self, message, component):
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await Broken().handle_message({"type": "go"}, None)


def test_the_repr_names_the_class():
    """A state without attributes needs no more."""
    assert repr(Alpha()) == "<Alpha state>"


# -- registering --------------------------------------------------------------------------


def test_defining_a_class_registers_nothing():
    """Names are given by register, by the engine, or by a config."""

    class NobodyRegisteredThis(State): ...

    assert "NobodyRegisteredThis" not in DEFAULT_REGISTRY


def test_names_are_sorted(registry):
    """Whatever the order of registration."""
    for name in ("b", "a", "c"):
        registry.register(name, Alpha)
    assert registry.names() == ["a", "b", "c"]


def test_names_include_the_parents_once(registry):
    """A scope has its parent's names too."""
    scope = StateRegistry(registry)
    registry.register("a", Alpha)
    registry.register("b", Alpha)
    scope.register("b", Beta)
    assert scope.names() == ["a", "b"]


@pytest.mark.parametrize("wrong", [Alpha(), int, "Alpha", None])
def test_only_state_classes_are_registered(registry, wrong):
    """Anything else is a TypeError that says what to pass."""
    with pytest.raises(InvalidType, match="Not a State subclass") as caught:
        registry.register("x", wrong)
    assert isinstance(caught.value, TypeError)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items["name"] == "x"


def test_create_makes_a_new_state_each_time(registry):
    """States are not shared."""
    registry.register("a", Alpha)
    assert registry.create("a") is not registry.create("a")
    assert type(registry.create("a")) is Alpha


def test_create_of_an_unknown_name_lists_the_valid_ones(registry):
    """Up to five, then how many more."""
    for n in range(7):
        registry.register(f"s{n}", Alpha)
    with pytest.raises(StateError, match=r"Unknown state 'zzz'") as caught:
        registry.create("zzz")
    assert "s0, s1, s2, s3, s4 (+2 more)" in str(caught.value)


def test_create_of_a_class_that_needs_arguments_keeps_the_cause(registry):
    """The error names the class and chains what it raised."""

    class Needy(State):
        def __init__(self, thing):
            self.thing = thing

    registry.register("needy", Needy)
    with pytest.raises(StateError, match="can't be created") as caught:
        registry.create("needy")
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize("text", ["x" * 1_000_000, None])
def test_whatever_a_class_raises_is_told_bounded(registry, text):
    """Also where its text is broken."""

    class Failing(Exception):
        def __str__(self):
            if text is None:
                raise RuntimeError
            return text

    class Needy(State):
        def __init__(self):
            raise Failing

    registry.register("needy", Needy)
    with pytest.raises(StateError, match=r"raised Failing: (xxx|its text)") as caught:
        registry.create("needy")
    assert len(str(caught.value)) < 2_000


def test_unregister_takes_the_name_back(registry):
    """A second time does nothing."""
    registry.register("a", Alpha)
    registry.unregister("a")
    registry.unregister("a")
    assert registry.names() == []
    assert registry.name_of(Alpha) == "Alpha"


def test_contains_asks_the_parents_too(registry):
    """And is false for anything that is no name."""
    registry.register("a", Alpha)
    scope = StateRegistry(registry)
    assert "a" in scope
    assert "b" not in scope
    assert 5 not in scope


def test_find_own_does_not_ask_the_parent(registry):
    """It says what is registered here."""
    registry.register("a", Alpha)
    scope = StateRegistry(registry)
    assert scope.find("a") is Alpha
    assert scope.find_own("a") is None


def test_the_repr_counts_states(registry):
    """One line, whatever the size."""
    registry.register("a", Alpha)
    assert repr(registry) == "<StateRegistry of 1 states>"


# -- the same name again ------------------------------------------------------------------


def test_giving_a_name_to_another_class_warns(registry):
    """Both classes are named with their modules."""
    registry.register("a", Alpha)
    with pytest.warns(UserWarning, match=r"'a' now means .*Beta; it meant .*Alpha"):
        registry.register("a", Beta)
    assert registry.find("a") is Beta


def test_registering_the_same_class_again_is_silent(registry):
    """Nothing has changed."""
    registry.register("a", Alpha)
    registry.register("a", Alpha)
    assert registry.find("a") is Alpha


def redefined():
    class Cell(State): ...

    return Cell


def test_a_redefinition_is_silent_and_takes_the_name(registry):
    """The same module and qualified name again is a cell that was run again."""
    first, second = redefined(), redefined()
    registry.register("Cell", first)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        registry.register("Cell", second)
    assert registry.find("Cell") is second


def test_an_offer_takes_a_free_name_only(registry):
    """The second class that offers itself makes the name contested."""
    first, second = twin("one"), twin("two")
    registry.offer("Twin", first)
    assert not registry.is_contested("Twin")
    registry.offer("Twin", second)
    assert registry.find("Twin") is first
    assert registry.is_contested("Twin")


def test_an_offer_of_a_redefinition_takes_the_name(registry):
    """It is the same machine, run again."""
    first, second = redefined(), redefined()
    registry.offer("Cell", first)
    registry.offer("Cell", second)
    assert registry.find("Cell") is second
    assert not registry.is_contested("Cell")


@pytest.mark.filterwarnings("ignore:State name")
def test_registering_by_hand_settles_a_contested_name(registry):
    """Whoever registers says what the name means."""
    registry.offer("Twin", twin("one"))
    registry.offer("Twin", twin("two"))
    registry.register("Twin", Alpha)
    assert not registry.is_contested("Twin")


def test_unregistering_settles_a_contested_name_too(registry):
    """The name is free again."""
    registry.offer("Twin", twin("one"))
    registry.offer("Twin", twin("two"))
    registry.unregister("Twin")
    assert not registry.is_contested("Twin")


def test_refresh_takes_up_what_a_module_means_now(registry, make_module):
    """A class that was defined anew at its module's top level replaces the old one."""
    name = make_module("from flexiflow.states import State\nclass Cell(State): ...\n")
    module = __import__(name)
    old = module.Cell
    registry.register("Cell", old)
    assert not registry.refresh()
    exec("class Cell(State): ...", vars(module))
    assert registry.refresh()
    assert registry.find("Cell") is module.Cell is not old


@pytest.mark.parametrize("now", ["None", "5", "Other", "int"])
def test_refresh_leaves_a_class_whose_name_means_something_else(registry, make_module, now):
    """A variable that happens to have the class's name is no redefinition."""
    name = make_module(
        "from flexiflow.states import State\nclass Cell(State): ...\nclass Other(State): ...\n"
    )
    module = __import__(name)
    old = module.Cell
    registry.register("Cell", old)
    exec(f"Cell = {now}", vars(module))
    assert not registry.refresh()
    assert registry.find("Cell") is old


# -- identity -----------------------------------------------------------------------------


def test_identity_is_the_name_that_created_the_state(registry):
    """Even where its class has other names."""
    registry.register("one", Alpha)
    registry.register("two", Alpha)
    assert identity(registry.create("two"), registry) == "two"


def test_identity_is_else_the_one_name_of_its_class(registry):
    """A state that was made by hand is known by what its class was registered as."""
    registry.register("one", Alpha)
    assert identity(Alpha(), registry) == "one"


def test_identity_is_else_the_class_name(registry):
    """With no name, or with several, none of them can be meant."""
    assert identity(Alpha(), registry) == "Alpha"
    registry.register("one", Alpha)
    registry.register("two", Alpha)
    assert identity(Alpha(), registry) == "Alpha"


def test_identity_of_a_class_known_to_the_parent_only(registry):
    """A scope asks its parent."""
    registry.register("one", Alpha)
    assert identity(Alpha(), StateRegistry(registry)) == "one"


def test_identity_follows_unregistering(registry):
    """When one of two names goes, the other is the one."""
    registry.register("one", Alpha)
    registry.register("two", Alpha)
    registry.unregister("two")
    assert identity(Alpha(), registry) == "one"


def test_make_state_without_a_name_leaves_the_identity_to_the_class(registry):
    """Only a registry name is remembered."""
    assert identity(make_state(Alpha), registry) == "Alpha"
    assert identity(make_state(Alpha, "first"), registry) == "first"


def test_registry_of_anything_is_a_registry():
    """Handlers may be called with any component, or none."""
    assert registry_of(None) is DEFAULT_REGISTRY
    assert registry_of(object()) is DEFAULT_REGISTRY


# -- resolving ----------------------------------------------------------------------------


def test_a_name_resolves_in_the_registry_first(registry):
    """What the component's registry says wins over the declaring module."""
    registry.register("Beta", Delta)
    assert resolve("Beta", Alpha, registry) == ("Beta", Delta)


def test_a_name_resolves_among_the_classes_of_the_declaring_module(registry):
    """Without being registered anywhere."""
    assert resolve("Beta", Alpha, registry) == ("Beta", Beta)


def test_a_name_resolves_beside_the_class_before_the_parent_registry(registry):
    """Another machine's class of that name, registered by default, does not come in between."""
    registry.register("Beta", Delta)
    assert resolve("Beta", Alpha, StateRegistry(registry)) == ("Beta", Beta)


def test_a_name_that_only_the_parent_has_resolves_there(registry):
    """The default registry serves what the scope and the module do not have."""
    registry.register("Elsewhere", Delta)
    assert resolve("Elsewhere", Alpha, StateRegistry(registry)) == ("Elsewhere", Delta)


def test_a_class_resolves_to_itself(registry):
    """Under the name that the registry has for it."""
    assert resolve(Beta, Alpha, registry) == ("Beta", Beta)
    registry.register("second", Beta)
    assert resolve(Beta, Alpha, registry) == ("second", Beta)


def test_a_class_that_is_no_state_is_refused(registry):
    """The error says where it was declared."""
    with pytest.raises(StateError, match="Not a State subclass") as caught:
        resolve(int, Alpha, registry)
    assert "Alpha" in caught.value.why


def test_an_unknown_name_says_which_class_declares_it(registry):
    """As the cause of the error that lists the valid names."""
    with pytest.raises(StateError, match="Unknown state 'Nowhere'") as caught:
        resolve("Nowhere", Alpha, registry)
    assert "Alpha declares a transition to 'Nowhere'" in str(caught.value.__cause__)


def test_a_name_that_is_no_state_in_the_module_does_not_resolve(registry):
    """A function of that name is not meant."""
    with pytest.raises(StateError):
        resolve("test_a_class_resolves_to_itself", Alpha, registry)


class Machine:
    class Inner(State):
        @on("next", to="Sibling")
        def next(self, message, component): ...

    class Sibling(State): ...


def test_a_class_nested_in_a_class_finds_its_siblings(registry):
    """The scope in which a state is written comes before its module."""
    assert resolve("Sibling", Machine.Inner, registry) == ("Sibling", Machine.Sibling)


def test_classes_in_a_function_find_each_other(registry):
    """So do the states of a test or of a factory function."""

    class Here(State):
        @on("next", to="There")
        def next(self, message, component): ...

    class There(State): ...

    assert resolve("There", Here, registry) == ("There", There)


def test_a_subclass_finds_what_is_beside_its_base(registry, make_module):
    """A state that is derived in another module keeps its base's targets."""
    name = make_module(
        """
        from flexiflow.declarations import on
        from flexiflow.states import State

        class Base(State):
            @on("next", to="Beside")
            def next(self, message, component): ...

        class Beside(State): ...
        """
    )
    module = __import__(name)

    class Derived(module.Base): ...

    assert resolve("Beside", Derived, registry) == ("Beside", module.Beside)


def test_the_newest_definition_in_a_function_is_found(registry):
    """Running the factory again means its newest classes."""

    def make():
        class Here(State): ...

        class There(State): ...

        return Here, There

    _, old = make()
    here, newest = make()
    assert resolve("There", here, registry) == ("There", newest)
    assert newest is not old


# -- reaching -----------------------------------------------------------------------------


def test_reachable_follows_every_declaration(registry):
    """In the order in which the states are found, each once; what nothing leads to is left out."""
    assert reachable(Alpha, registry) == {"Alpha": Alpha, "Beta": Beta, "Gamma": Gamma}
    assert list(reachable(Alpha, registry)) == ["Alpha", "Beta", "Gamma"]


def test_reachable_follows_declared_exceptions(registry):
    """A state that only an exception leads to is part of the machine."""

    class Trying(State):
        @on("try", to="Alpha", raises={ValueError: Delta})
        def go(self, message, component): ...

    assert Delta in reachable(Trying, registry).values()


def test_reachable_raises_for_a_target_that_nobody_has(registry):
    """A typo is found when the component is added, not when the message comes."""

    class Typo(State):
        @on("next", to="Betta")
        def next(self, message, component): ...

    with pytest.raises(StateError, match="Unknown state 'Betta'"):
        reachable(Typo, registry)


@given(st.integers(1, 30), st.data())
def test_reachable_finds_exactly_what_a_walk_would(count, data):
    """Any graph of classes, cycles and all."""
    targets = {n: data.draw(st.lists(st.integers(0, count - 1), max_size=4)) for n in range(count)}
    classes = {n: type(f"S{n}", (State,), {}) for n in range(count)}
    for n, leads_to in targets.items():
        for at, target in enumerate(leads_to):

            def method(self, message, component): ...

            method.__name__ = f"m{at}"
            setattr(classes[n], f"m{at}", on(f"m{at}", to=classes[target])(method))
    expected, waiting = {0}, [0]
    while waiting:
        for target in targets[waiting.pop()]:
            if target not in expected:
                expected.add(target)
                waiting.append(target)
    assert set(reachable(classes[0], StateRegistry()).values()) == {classes[n] for n in expected}


def test_the_four_built_in_states_are_registered_in_a_fresh_process():
    """`DEFAULT_REGISTRY` holds exactly these until somebody registers more."""
    code = "from flexiflow.state_machine import DEFAULT_REGISTRY as r; print(*r.names())"
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert out.split() == [
        "AwaitingConfirmation",
        "ErrorHandling",
        "InitialState",
        "ProcessingRequest",
    ]

"""Explaining configurations."""

import importlib
import itertools
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow import explanation as explanation_model
from flexiflow.config_loader import ConfigLoader
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import FlexiFlowError
from flexiflow.explain import (
    ByKey,
    ConfigExplanation,
    Diagnostic,
    PackInfo,
    StateResolution,
    explain,
)
from flexiflow.state_machine import DEFAULT_REGISTRY, State
from flexiflow.statepack import StateSpec, TransitionSpec

_numbers = itertools.count()


class ExplainedDraft(State):
    """A state."""


class ExplainedPaid(State):
    """Another."""


class OrderPack:
    """A pack whose transitions stay inside it."""

    name = "orders"

    def provides(self):
        return {"Draft": StateSpec(ExplainedDraft), "Open": StateSpec(ExplainedDraft)}

    def transitions(self):
        return [TransitionSpec("Draft", "open", "Open", guard="has_items")]

    def depends_on(self):
        return set()


class PayPack:
    """A pack that depends on the other."""

    name = "payments"

    def provides(self):
        return {"Paid": StateSpec(ExplainedPaid)}

    def transitions(self):
        return [TransitionSpec("Open", "pay", "Paid")]

    def depends_on(self):
        return {"Open"}


class LostPack(PayPack):
    """A pack with a transition to a state that nobody has."""

    name = "lost"

    def transitions(self):
        return [TransitionSpec("Paid", "ship", "Returned"), TransitionSpec("Returned", "x", "Paid")]

    def depends_on(self):
        return set()


class ShadowPack(OrderPack):
    """A pack with a built-in key."""

    def provides(self):
        return {"InitialState": StateSpec(ExplainedDraft)}

    def transitions(self):
        return []


class Ring:
    """One of two packs that need each other."""

    def __init__(self, name, key, need):
        self.name, self.key, self.need = name, key, need

    def provides(self):
        return {self.key: StateSpec(ExplainedDraft)}

    def transitions(self):
        return []

    def depends_on(self):
        return {self.need}


class Unmet(Ring):
    """A pack with a transition to what it needs."""

    def transitions(self):
        return [TransitionSpec(self.key, "go", self.need)]


unmet = Unmet("unmet", "A", "Nowhere")
one, other = Ring("one", "A", "B"), Ring("other", "B", "A")
lonely = Ring("lonely", "A", "Nowhere")


@pytest.fixture
def make_module(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(tmp_path))
    made = []

    def make(source):
        name = f"explained_by_a_test_{next(_numbers)}"
        (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        importlib.invalidate_caches()
        made.append(name)
        return name

    yield make
    for name in made:
        sys.modules.pop(name, None)


def path_of(symbol):
    return f"{__name__}:{symbol}"


STATES = {"Draft": path_of("ExplainedDraft"), "Paid": path_of("ExplainedPaid")}
PACKS = [path_of("PayPack"), path_of("OrderPack")]


def explained(**fields):
    return explain({"name": "order-1", **fields})


def sentences(diagnostics):
    return [each.what for each in diagnostics]


# -- what it says of a good config --------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["ByKey", "ConfigExplanation", "Diagnostic", "PackInfo", "StateResolution"]
)
def test_the_promised_module_offers_every_class(name):
    """`flexiflow.explain` re-exports the model that it fills."""
    module = importlib.import_module("flexiflow.explain")
    assert getattr(module, name) is getattr(explanation_model, name)


def test_a_minimal_config_is_valid():
    """A name is enough."""
    explanation = explain({"name": "order-1"})
    assert explanation.is_valid
    assert explanation.issues == []
    assert explanation.name == "order-1"
    assert explanation.initial_state == "InitialState"
    assert explanation.rules_count == 0
    assert explanation.config_path is None
    assert list(explanation.states) == list(explanation.packs) == []
    assert explanation.initial_state_resolution == ["packs", "builtin"]
    assert explanation.builtin_states == [
        "AwaitingConfirmation",
        "ErrorHandling",
        "InitialState",
        "ProcessingRequest",
    ]


@pytest.mark.parametrize("as_text", [str, lambda path: path])
def test_a_file_is_explained_as_its_mapping_is(tmp_path, as_text):
    """A path, as text or not, leads to the same explanation, which names the file."""
    path = tmp_path / "component.yaml"
    path.write_text("name: order-1\nrules: [a, b]\n", encoding="utf-8")
    explanation = explain(as_text(path))
    assert explanation.config_path == str(path)
    assert (explanation.name, explanation.rules_count) == ("order-1", 2)


def test_states_are_resolved():
    """Each state says where it comes from and that it is one."""
    explanation = explained(states=STATES, initial_state="Draft")
    assert explanation.is_valid
    assert list(explanation.states) == [
        StateResolution("Draft", path_of("ExplainedDraft"), True, True, None),
        StateResolution("Paid", path_of("ExplainedPaid"), True, True, None),
    ]
    assert explanation.state_providers == {"Draft": "mapping", "Paid": "mapping"}
    assert explanation.classes == {"Draft": ExplainedDraft, "Paid": ExplainedPaid}


def test_packs_are_described_in_the_order_of_their_needs():
    """What a picture needs is there: packs in order, their keys, transitions and needs."""
    explanation = explained(packs=PACKS, initial_state="Draft")
    assert explanation.is_valid
    assert explanation.warnings == []
    assert explanation.pack_order == ["orders", "payments"]
    assert explanation.packs["payments"] == PackInfo(
        "payments", ["Paid"], [TransitionSpec("Open", "pay", "Paid")], frozenset({"Open"})
    )
    assert explanation.packs["payments"].depends_on == {"Open"}
    assert explanation.state_providers == {
        "Draft": "orders",
        "Open": "orders",
        "Paid": "payments",
    }
    assert explanation.states["Paid"].dotted_path == path_of("ExplainedPaid")


def test_an_initial_state_by_path_is_among_the_classes():
    """A picture finds the class where the machine begins, also without a key."""
    explanation = explained(initial_state=path_of("ExplainedDraft"))
    assert explanation.is_valid
    assert explanation.initial_state == path_of("ExplainedDraft")
    assert explanation.classes == {"ExplainedDraft": ExplainedDraft}


def test_the_resolution_is_given_in_its_order():
    """The policy reads as it is written."""
    explanation = explained(initial_state_resolution=["builtin", "packs"])
    assert explanation.initial_state_resolution == ["builtin", "packs"]


def test_explaining_registers_nothing():
    """The default registry is left as it was."""
    before = {name: DEFAULT_REGISTRY.find(name) for name in DEFAULT_REGISTRY.names()}
    assert explained(states=STATES, initial_state="Draft").is_valid
    assert explained(packs=PACKS, initial_state=path_of("ExplainedPaid")).is_valid
    assert {name: DEFAULT_REGISTRY.find(name) for name in DEFAULT_REGISTRY.names()} == before


# -- what it says of a bad one ------------------------------------------------------------


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"name": None}, "missing required field"),
        ({"name": 5}, "wrong type"),
        ({"rules": "text"}, "wrong type"),
        ({"states": ["a:B"]}, "wrong type"),
        ({"packs": "a:B"}, "wrong type"),
        ({"initial_state": 5}, "wrong type"),
        ({"initial_state_resolution": ["packs"]}, "wrong type"),
        ({"initial_state": "Nowhere"}, "Unknown state"),
        ({"initial_state": "Nowhere", "states": STATES}, "Unknown state"),
        ({"initial_state": "no_such_module_anywhere:X"}, "Module not found"),
        ({"states": {"A": "no_such_module_anywhere:A"}}, "Module not found"),
        ({"states": {"A": path_of("Gone")}}, "not found"),
        ({"states": {"A": path_of("explained")}}, "Not a State subclass"),
        ({"states": {"A": "no_colon"}}, "Invalid dotted path"),
        ({"states": {"A": 5}}, "Invalid states entry"),
        ({"packs": [5]}, "Invalid pack entry"),
        ({"packs": ["no_colon"]}, "Invalid pack path format"),
        ({"packs": [path_of("ExplainedDraft")]}, "Not a StatePack"),
        ({"packs": [path_of("OrderPack")] * 2}, "Duplicate state key"),
        ({"packs": PACKS, "states": STATES}, "Cannot specify both"),
        ({"packs": [path_of("one"), path_of("other")]}, "Circular depends_on"),
        ({"packs": [path_of("lonely")]}, "which nobody provides"),
    ],
)
def test_what_is_wrong_becomes_an_error(fields, words):
    """Each fault is an error diagnostic with all four parts."""
    explanation = explained(**fields)
    assert not explanation.is_valid
    found = [each for each in explanation.errors if words in each.what]
    assert found
    for diagnostic in found:
        assert diagnostic.level == "error"
        assert diagnostic.why
        assert diagnostic.fix
        assert diagnostic.context


@pytest.mark.parametrize("source", [None, 5, ["name"], b"\xff", "no/such/file.yaml", "", "a\0b"])
def test_what_is_no_config_becomes_an_error(source):
    """Even a wrong argument is explained, not raised."""
    explanation = explain(source)
    assert not explanation.is_valid
    assert explanation.format().endswith("Status: Invalid")


@pytest.mark.parametrize("text", ["", "- a", "name: [", "on: a", "name: a\nrules: &r [*r]"])
def test_a_bad_file_becomes_an_error(tmp_path, text):
    """A file that can't be read as a config is explained with its path."""
    path = tmp_path / "bad.yaml"
    path.write_text(text, encoding="utf-8")
    explanation = explain(path)
    assert len(explanation.errors) == 1
    assert explanation.config_path == str(path)


@pytest.mark.parametrize("source", ["1 / 0", "import no_such_module_anywhere", "exit(1)", "def ("])
def test_a_broken_module_becomes_an_error(make_module, source):
    """Code that fails when it is imported is reported as failing."""
    name = make_module(source)
    explanation = explained(states={"A": f"{name}:A"})
    (error,) = explanation.errors
    assert "failed to import" in error.what
    state = explanation.states["A"]
    assert (state.resolved, state.is_state_subclass) == (False, False)
    assert state.error == error.what


def test_a_symbol_that_is_no_state_is_resolved_but_no_state():
    """The two questions are answered one by one."""
    state = explained(states={"A": path_of("explained")}).states["A"]
    assert (state.resolved, state.is_state_subclass) == (True, False)
    assert "Not a State subclass" in state.error


def test_everything_that_is_wrong_is_said_at_once():
    """One fault does not hide the others."""
    explanation = explain(
        {
            "rules": 5,
            "states": {"A": 5, "B": "x", "Draft": path_of("ExplainedDraft")},
            "initial_state": 7,
        }
    )
    assert len(explanation.errors) == 5
    assert explanation.states.keys() == ["B", "Draft"]


def test_a_state_that_can_not_be_loaded_still_has_its_provider():
    """A picture shows it where it belongs, and as the initial state it is reported once."""
    explanation = explained(states={"A": "no_such_module_anywhere:A"}, initial_state="A")
    assert explanation.state_providers == {"A": "mapping"}
    assert len(explanation.errors) == 1


def test_a_pack_that_can_not_be_loaded_brings_no_errors_about_its_keys():
    """What it would have provided is not reported as missing."""
    missing = "no_such_module_anywhere:Pack"
    for packs in ([missing], [path_of("PayPack"), missing], [path_of("LostPack"), missing]):
        explanation = explained(packs=packs, initial_state="Key of the missing pack")
        assert len(explanation.errors) == 1
        assert explanation.warnings == []


def test_an_unmet_dependency_is_reported_once():
    """A transition to it is not a second fault."""
    explanation = explained(packs=[path_of("unmet")])
    assert len(explanation.issues) == 1


# -- warnings -----------------------------------------------------------------------------


def test_a_builtin_key_is_a_warning():
    """A config may shadow a built-in state, since it says which of the two comes first."""
    explanation = explained(packs=[path_of("ShadowPack")])
    assert explanation.is_valid
    (warning,) = explanation.warnings
    assert warning.level == "warning"
    assert "shadows builtin" in warning.what


def test_a_transition_of_an_unknown_state_is_a_warning():
    """Each state that nobody provides is named once."""
    explanation = explained(packs=[path_of("LostPack")])
    assert explanation.is_valid
    (warning,) = explanation.warnings
    assert "unknown state 'Returned'" in warning.what


def test_packs_of_one_name_are_a_warning():
    """The pack's name would not say where a state comes from."""
    twins = [Ring("twin", "A", "InitialState"), Ring("twin", "B", "InitialState")]
    explanation = explained(packs=twins)
    assert explanation.is_valid
    assert sentences(explanation.warnings) == ["2 packs are named 'twin'."]


def test_a_misspelt_field_is_a_warning():
    """A field that looks like a known one is named; a note is left alone."""
    explanation = explained(initail_state="Draft", description="mine", version=2)
    assert sentences(explanation.warnings) == ["Unknown field 'initail_state' is ignored."]
    assert "'initial_state'" in explanation.warnings[0].fix


def test_issues_are_errors_and_then_warnings():
    """One list for those who show both."""
    explanation = explained(rules=5, initail_state="Draft")
    assert explanation.issues == explanation.errors + explanation.warnings
    assert [each.level for each in explanation.issues] == ["error", "warning"]


# -- explaining and loading agree ---------------------------------------------------------

scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8) | scalars, inner)
    ),
    max_leaves=12,
)
paths = st.sampled_from(
    [
        *STATES.values(),
        *PACKS,
        path_of("one"),
        path_of("other"),
        path_of("LostPack"),
        path_of("explained"),
        path_of("Gone"),
        "no_such_module_anywhere:X",
        "no_colon",
        "a:b:c",
    ]
)
keys = st.sampled_from(["Draft", "Paid", "InitialState", "Nowhere"])
orders = st.sampled_from([["packs", "builtin"], ["builtin", "packs"]])
configs = st.fixed_dictionaries(
    {},
    optional={
        "name": st.just("order-1") | anything,
        "rules": st.lists(anything) | anything,
        "states": st.dictionaries(keys, paths, max_size=3) | anything,
        "packs": st.lists(paths, max_size=3) | anything,
        "initial_state": keys | paths | anything,
        "initial_state_resolution": orders | anything,
    },
)


@given(anything | configs)
def test_explaining_never_raises(source):
    """Whatever a document holds, the answer is an explanation that can be printed."""
    explanation = explain(source)
    assert isinstance(explanation, ConfigExplanation)
    status = "Valid" if explanation.is_valid else "Invalid"
    assert explanation.format().endswith(f"Status: {status}")


@given(configs)
def test_a_config_is_valid_exactly_where_its_component_can_be_created(config):
    """Explaining and loading never disagree."""
    before = DEFAULT_REGISTRY.names()
    valid = explain(config).is_valid
    try:
        FlexiFlowEngine().create_component(ConfigLoader.load_component_config(config))
        created = True
    except FlexiFlowError:
        created = False
    finally:
        for name in set(DEFAULT_REGISTRY.names()).difference(before):
            DEFAULT_REGISTRY.unregister(name)
    assert valid is created


# -- text ---------------------------------------------------------------------------------


def test_the_text_has_every_section():
    """The sections stand in the order in which people ask."""
    explanation = explained(
        packs=[*PACKS, path_of("LostPack"), path_of("ShadowPack")], initial_state="Draft"
    )
    lines = explanation.format().splitlines()
    heads = [line for line in lines if not line.startswith(" ")]
    assert heads == [
        "Component: order-1",
        "Packs:",
        "Pack order: orders → payments → lost → orders",
        "Resolution policy: packs → builtin",
        "States:",
        "Built-in:",
        "Warnings:",
        "Errors:",
        "Status: Invalid",
    ]
    assert f"  Paid: {path_of('ExplainedPaid')} (from payments)" in lines
    assert "  payments: Paid; 1 transition; needs Open" in lines


def test_a_clean_explanation_has_no_empty_sections():
    """What there is none of is left out."""
    text = explained().format()
    for head in ("Packs:", "States:", "Warnings:", "Errors:"):
        assert head not in text
    assert text.endswith("Status: Valid")
    assert str(explained()) == text


def test_text_from_a_config_can_not_forge_a_line():
    """A line break in a name does not start a line of its own."""
    text = explain({"name": "a\nStatus: Valid\x1b[2J", "rules": 5}).format()
    assert text.count("\nStatus:") == 1
    assert "\x1b" not in text


def test_the_text_is_bounded():
    """A config of any size prints in a few pages, and says what is left out."""
    states = {f"State{number}" * 50: ExplainedDraft for number in range(5_000)}
    text = explained(name="n" * 100_000, states=states).format()
    assert len(text) < 100_000
    assert "more)" in text


def test_a_diagnostic_is_formatted_with_its_parts():
    """Its level comes first, then each part that is there."""
    full = Diagnostic("error", "It broke.", "Because.", "Mend it.", {"key": "value"})
    assert full.format() == (
        "[ERROR] It broke.\n  Why: Because.\n  Fix: Mend it.\n  Context:\n    key='value'"
    )
    assert Diagnostic("warning", "Hm.").format() == "[WARNING] Hm."


# -- the model ----------------------------------------------------------------------------


def test_an_explanation_can_be_built_by_hand():
    """Every field has a default, and states may be given as a mapping."""
    state = StateResolution("A", "m:A")
    explanation = ConfigExplanation(name="x", states={"A": state}, packs=[PackInfo("p")])
    assert list(explanation.states) == [state]
    assert explanation.packs["p"] == PackInfo("p")
    assert explanation.is_valid


def test_states_answer_as_a_list_and_by_key():
    """1.x code may have gone either way."""
    first, second = StateResolution("A", "m:A"), StateResolution("B", "m:B")
    states = ByKey([first, second])
    assert states == [first, second]
    assert states[0] is states["A"] is first
    assert states[-1:] == [second]
    assert ("A" in states, first in states, "C" in states) == (True, True, False)
    assert (states.get("B"), states.get("C"), states.get("C", 1)) == (second, None, 1)
    assert states.keys() == ["A", "B"]
    assert states.values() == [first, second]
    assert states.items() == [("A", first), ("B", second)]
    with pytest.raises(KeyError):
        states["C"]

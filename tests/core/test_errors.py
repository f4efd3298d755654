"""Errors: their four parts, their family, and the constructors of causes."""

import copy
import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow import errors
from flexiflow.errors import (
    ComponentNotFound,
    ConfigError,
    ConfigFileNotFound,
    ErrorContext,
    FlexiFlowError,
    ImportError_,
    InvalidType,
    InvalidValue,
    PersistenceError,
    StateError,
    StateFileNotFound,
    component_not_found,
)


class BrokenRepr:
    """A value that can't be shown."""

    def __repr__(self):
        raise RuntimeError("no repr")


lines = st.text(min_size=1)
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=50),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=5,
)


# -- context and text ---------------------------------------------------------------------


def test_a_context_starts_with_a_copy_of_its_items():
    """Adding to a context leaves the mapping that it was made of alone."""
    given_items = {"a": 1}
    context = ErrorContext(given_items).add("b", 2)
    assert (given_items, context.items) == ({"a": 1}, {"a": 1, "b": 2})


def test_adding_returns_the_context_itself():
    """Calls can be chained."""
    context = ErrorContext()
    assert context.add("a", 1).add("b", 2) is context


@given(st.dictionaries(st.text(), values))
def test_a_context_is_one_line_a_pair(items):
    """Each pair is two spaces, the key, an equals sign and the value's repr."""
    expected = "\n".join(f"  {key}={value!r}" for key, value in items.items())
    assert ErrorContext(items).format() == expected


def test_a_context_shows_a_long_value_in_part():
    """A field of a megabyte must not fill a terminal, and what is left out is said."""
    text = ErrorContext({"field": "x" * 1_000_000}).format()
    assert len(text) < 600
    assert "characters)" in text


def test_a_value_without_a_repr_does_not_hide_the_error():
    """The place of the value says why it is not shown."""
    assert "BrokenRepr whose repr raised RuntimeError" in str(
        FlexiFlowError("It broke.", context={"value": BrokenRepr()})
    )


@given(lines, st.none() | lines, st.none() | lines, st.dictionaries(lines, values))
def test_the_text_of_an_error_is_its_parts(what, why, fix, context):
    """What, Why, Fix and Context stand in this order, and a part that is absent is left out."""
    expected = [what]
    if why is not None:
        expected.append(f"Why: {why}")
    if fix is not None:
        expected.append(f"Fix: {fix}")
    if context:
        expected.append("Context:")
        expected += [f"  {key}={value!r}" for key, value in context.items()]
    assert str(FlexiFlowError(what, why=why, fix=fix, context=context)) == "\n".join(expected)


def test_the_parts_of_an_error_are_attributes():
    """Programs read the parts by name."""
    error = FlexiFlowError("What.", why="Why.", fix="Fix.", context={"a": 1})
    assert (error.what, error.why, error.fix, error.context) == ("What.", "Why.", "Fix.", {"a": 1})
    assert error.args == ("What.",)


def test_an_error_without_a_context_has_an_empty_one():
    """Reading the context needs no check for None."""
    error = FlexiFlowError("What.")
    assert (error.why, error.fix, error.context) == (None, None, {})


def test_a_context_object_is_understood():
    """1.x code passes an ErrorContext where a mapping does as well."""
    error = FlexiFlowError("What.", context=ErrorContext({"a": 1}))
    assert str(error) == "What.\nContext:\n  a=1"
    assert error.context_items == {"a": 1}


@pytest.mark.parametrize("again", [copy.copy, lambda e: pickle.loads(pickle.dumps(e))])
@pytest.mark.parametrize("kind", [FlexiFlowError, ConfigFileNotFound, InvalidValue])
def test_an_error_survives_copying_and_pickling(again, kind):
    """A worker process hands its error over with all four parts."""
    error = again(kind("What.", why="Why.", fix="Fix.", context={"a": 1}))
    assert type(error) is kind
    assert str(error) == "What.\nWhy: Why.\nFix: Fix.\nContext:\n  a=1"


# -- the family ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "parents"),
    [
        (ConfigError, [FlexiFlowError]),
        (StateError, [FlexiFlowError]),
        (PersistenceError, [FlexiFlowError]),
        (ImportError_, [FlexiFlowError]),
        (ConfigFileNotFound, [ConfigError, FileNotFoundError]),
        (StateFileNotFound, [PersistenceError, FileNotFoundError]),
        (ComponentNotFound, [FlexiFlowError, KeyError]),
        (InvalidValue, [FlexiFlowError, ValueError]),
        (InvalidType, [FlexiFlowError, TypeError]),
    ],
)
def test_each_kind_is_caught_as_its_parents(kind, parents):
    """Callers catch the family, or the built-in exception that they know; the text is the same."""
    error = kind("It broke.", why="Because.")
    for parent in parents:
        assert isinstance(error, parent)
    assert str(error) == "It broke.\nWhy: Because."


def test_every_error_of_the_library_is_in_the_tree():
    """The drawing at the top of the module names each class in it."""
    kinds = [
        name
        for name, each in vars(errors).items()
        if isinstance(each, type) and issubclass(each, FlexiFlowError)
    ]
    assert [name for name in kinds if name not in errors.__doc__] == []


# -- one constructor a cause --------------------------------------------------------------

CAUSES = [
    (errors.config_missing_field("name", "c.yaml"), ConfigError, "missing required field 'name'"),
    (errors.config_missing_field("name"), ConfigError, "missing required field"),
    (errors.config_wrong_type("rules", "a list", "str", "c.yaml"), ConfigError, "wrong type"),
    (errors.config_wrong_type("rules", "a list", {}), ConfigError, "wrong type"),
    (errors.state_not_found("Nowhere", ["A"]), StateError, "Unknown state 'Nowhere'"),
    (errors.persistence_invalid_json("s.json", ValueError("x")), PersistenceError, "Invalid JSON"),
    (errors.persistence_missing_field("s.json", "name"), PersistenceError, "missing required"),
    (errors.import_invalid_format("x"), ImportError_, "Invalid dotted path"),
    (errors.import_module_not_found("m", "m:X"), ImportError_, "Module not found"),
    (errors.import_module_failed("m", "m:X", OSError()), ImportError_, "failed to import"),
    (errors.import_symbol_not_found("m", "X", "m:X"), ImportError_, "not found"),
    (errors.import_not_state_subclass("m:X", "dict"), ImportError_, "Not a State subclass"),
    (errors.component_not_found("a", ["b"]), ComponentNotFound, "Unknown component"),
    (errors.component_not_found("a", []), ComponentNotFound, "no components at all"),
]


@pytest.mark.parametrize(("error", "kind", "words"), CAUSES)
def test_each_cause_has_its_kind_its_words_and_all_four_parts(error, kind, words):
    """A constructor returns the exception, complete."""
    assert type(error) is kind
    assert words in str(error)
    assert error.what
    assert error.why
    assert error.fix
    assert error.context_items


@pytest.mark.parametrize(("got", "name"), [("str", "str"), (5, "int"), ([1], "list")])
def test_a_wrong_type_names_the_type_that_was_found(got, name):
    """The value or the name of its type may be given."""
    assert f"must be a list, not {name}" in errors.config_wrong_type("rules", "a list", got).why


def test_an_unknown_state_lists_up_to_five_valid_ones():
    """With five or fewer all are listed, sorted."""
    text = str(errors.state_not_found("X", ["E", "D", "C", "B", "A"]))
    assert "A, B, C, D, E" in text
    assert "more)" not in text


def test_an_unknown_state_counts_the_valid_ones_past_five():
    """The rest is a number."""
    text = str(errors.state_not_found("X", [f"S{number}" for number in range(8)]))
    assert "S0, S1, S2, S3, S4 (+3 more)" in text


def test_an_unknown_state_names_the_nearest():
    """A slip of the pen is answered by what was meant."""
    assert "'Drfat'" in errors.state_not_found("Drfat", ["Draft"]).what
    assert errors.state_not_found("Drfat", ["Draft"]).fix == "Did you mean 'Draft'?"


@pytest.mark.parametrize("name", [5, None, ["a"], "x" * 1_000_000])
def test_an_unknown_state_may_be_anything(name):
    """A name of the wrong type or of any length is reported, in few characters."""
    text = str(errors.state_not_found(name, ["Draft"]))
    assert text.startswith("Unknown state")
    assert len(text) < 2_000


@pytest.mark.parametrize(
    "error",
    [
        errors.import_invalid_format("x" * 1_000_000),
        errors.import_module_not_found("m" * 1_000_000, "d" * 1_000_000),
        errors.import_module_failed("m" * 1_000_000, "d", ValueError("v" * 1_000_000)),
        errors.import_symbol_not_found("m", "s" * 1_000_000, "d"),
        errors.import_not_state_subclass("d" * 1_000_000, "dict"),
        errors.config_missing_field("f"),
        errors.component_not_found("c" * 1_000_000, ["x" * 1_000_000]),
        errors.persistence_invalid_json("p", ValueError("v" * 1_000_000)),
    ],
)
def test_the_text_of_an_error_is_bounded(error):
    """Values from users are shown in part."""
    assert len(str(error)) < 4_000


class Unreadable(Exception):
    def __str__(self):
        raise RuntimeError("no text")


def test_an_error_without_a_text_is_told_by_its_class():
    """It must not hide what is being reported."""
    assert errors.class_and_text(Unreadable(), 10) == "Unreadable: its text c… (+26 characters)"
    error = errors.import_module_failed("shop", "shop:Draft", Unreadable())
    assert "raised Unreadable: its text can't be read: RuntimeError." in error.why


@given(st.text(max_size=200), st.lists(st.text(max_size=200), max_size=30))
def test_a_suggestion_names_at_most_three_of_the_known(name, known):
    """What is suggested exists."""
    sentence = errors.suggestion(name, known)
    if sentence is not None:
        named = [each for each in known if repr(each) in sentence]
        assert named
        assert sentence.count(" or ") <= 2 + sum(each.count(" or ") for each in named)


@given(st.text(), st.integers(0, 50))
def test_bounding_keeps_a_short_text_and_counts_what_it_cuts(text, longest):
    """A cut text begins with the original and says how much is missing."""
    short = errors.bounded(text, longest)
    if len(text) <= longest:
        assert short == text
    else:
        assert short == f"{text[:longest]}… (+{len(text) - longest} characters)"


def test_names_in_a_list_are_printable():
    """An escape sequence in a name does not reach the terminal, and an empty name is seen."""
    said = str(component_not_found("x", ["", "\x1b[31mred", "plain"]))
    assert "\x1b" not in said
    assert "Known components: '', '\\x1b[31mred', plain." in said


@pytest.mark.parametrize("order", [1, -1])
def test_names_that_are_equally_near_come_in_one_order(order):
    """The one that begins alike first, whatever the order in which they are known."""
    names = ["xorder", "orderx", "ordery", "zorder", "order-"][::order]
    assert errors.suggestion("order", names) == "Did you mean 'order-' or 'orderx' or 'ordery'?"

"""Which fields are hidden, which values are remembered, and how they are masked in texts."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.errors import InvalidType, InvalidValue, bounded_repr
from flexiflow.redaction import MOST_REMEMBERED, Redacted, Redaction, redacted_fields


@pytest.mark.parametrize(
    ("names", "name"),
    [
        (["card"], "card"),
        (["card"], "CARD"),
        (["card"], "message.card"),
        (["api_key"], "api-key"),
        (["card*"], "card_number"),
        ([re.compile("pass(word)?")], "pass"),
        ("card", "card"),
    ],
)
def test_a_field_is_hidden_by_its_name(names, name):
    """Case, a path before it and a hyphen don't matter; globs and patterns hold."""
    assert Redaction(names).hides(name)


@pytest.mark.parametrize("name", ["cards", "discard", "card.number", 5, None, ""])
def test_other_fields_are_not_hidden(name):
    """A name is matched as a whole."""
    assert not Redaction(["card"]).hides(name)


@pytest.mark.parametrize("names", [5, b"card", {"card": 1}, [5], [b"card"], [re.compile(b"x")]])
def test_names_of_a_wrong_type_are_refused(names):
    """A typo must not mean that nothing is hidden."""
    with pytest.raises(InvalidType, match=r"redact|keep out"):
        Redaction(names)


def test_an_empty_name_is_refused():
    """It would hide nothing."""
    with pytest.raises(InvalidValue, match="empty name"):
        Redaction([" "])


@pytest.mark.parametrize(
    ("value", "text", "masked"),
    [
        ("4242-1111", "card 4242-1111 declined", "card <redacted> declined"),
        ("it's me", 'no: "it\'s me"', 'no: "<redacted>"'),
        ("a\nbcd", "no: 'a\\nbcd'", "no: '<redacted>'"),
        ("größe", "no: 'gr\\xf6\\xdfe'", "no: '<redacted>'"),
        (b"tokens", "no: b'tokens'", "no: b'<redacted>'"),
        (1234, "pin 1234 is wrong", "pin <redacted> is wrong"),
        (Decimal("99.90"), "99.90 is too much", "<redacted> is too much"),
        ({"a": ["deep1", {"b": "deep2"}]}, "deep2, deep1", "<redacted>, <redacted>"),
        ("123", "cvv 123, order 51234", "cvv <redacted>, order 51234"),
    ],
)
def test_a_remembered_value_is_masked_in_a_text(value, text, masked):
    """As str, as repr, as each part of it; a short one as a word only."""
    redaction = Redaction(["x"])
    redaction.remember("x", value)
    assert redaction.mask(text) == masked


@pytest.mark.parametrize("value", [None, True, False, "", "None", "True"])
def test_values_that_say_nothing_are_not_masked(value):
    """A text would become unreadable for no secret."""
    redaction = Redaction(["x"])
    redaction.remember("x", value)
    assert redaction.mask("None is True, not False") == "None is True, not False"


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("guard g said no: data.card=4242", "guard g said no: data.card=<redacted>"),
        ("{'card': '42 42', 'n': 1}", "{'card': <redacted>, 'n': 1}"),
        ('{"card": "42\\"42"}', '{"card": <redacted>}'),
        ("Card(card='42… (+10 characters)", "Card(card=<redacted>"),
        ("card == '42'", "card == <redacted>"),
        ("discard=1, cards=2", "discard=1, cards=2"),
    ],
)
def test_a_value_beside_its_name_is_masked_though_it_was_never_seen(text, masked):
    """In reasons, reprs and JSON."""
    assert Redaction(["card"]).mask(text) == masked


@given(
    st.text(min_size=4, max_size=300).filter(lambda each: each not in ("None", "True", "False")),
    st.integers(10, 120),
)
def test_no_cut_leaves_the_beginning_of_a_value(secret, longest):
    """A repr that was bounded in the midst of a value shows at most three characters of it."""
    redaction = Redaction(["x"])
    redaction.remember("x", secret)
    masked = redaction.mask(bounded_repr(f"~~{secret}", longest))
    assert repr(secret)[1:5] not in masked.replace("<redacted>", "").partition("… (+")[0]


def test_the_oldest_values_are_forgotten():
    """Memory is bounded, whatever the number of messages."""
    redaction = Redaction(["x"])
    for number in range(MOST_REMEMBERED + 1):
        redaction.remember("x", f"secret-{number:06}")
    shown = redaction.mask(f"secret-000000 secret-{MOST_REMEMBERED:06}")
    assert shown == "secret-000000 <redacted>"


def test_the_value_of_an_option_is_masked_in_a_command_line():
    """With an equals sign, and as the next word."""
    arguments = ["shop.py", "--token=abcd", "--api-key", "efgh", "--fast", "x"]
    shown = Redaction(["token", "api_key"]).command(arguments)
    assert shown == "shop.py --token=<redacted> --api-key <redacted> --fast x"


def test_what_is_missing_is_named_by_its_path():
    """Mappings by key, lists by place."""
    value = {"a": Redacted("a"), "b": [{"c": Redacted("c")}, 1]}
    assert list(redacted_fields(value)) == ["a", "b[0].c"]

"""Encoding with fields kept out: whatever the value, what is hidden is not in the JSON."""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from flexiflow.persistence import tagged
from flexiflow.redaction import Redaction

SECRET = "s3cr3t-4242"
HOLDING = st.sampled_from([SECRET, [SECRET], (1, {"deep": SECRET}), {SECRET}, {"n": [SECRET]}])
KEYS = st.sampled_from(["card", "CARD", "note", "$card", "items", "\ud800"])
VALUES = st.recursive(
    st.none() | st.integers() | st.text(max_size=5) | st.sampled_from([SECRET, f"by {SECRET}."]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(KEYS | st.integers(), inner, max_size=4)
        | st.lists(inner, max_size=2).map(tuple)
    ),
    max_leaves=15,
)


@dataclass
class Payment:
    """Its repr says all of it."""

    card: str


def redacted(value, names=("card",)):
    redaction = Redaction(names)
    return tagged.encode(value, redaction=redaction)


@given(VALUES, HOLDING)
def test_a_hidden_value_is_nowhere_in_what_is_encoded(value, holding):
    """Neither under its name nor in texts beside it, before or behind it."""
    for document in ([value, {"card": holding}], [{"card": holding}, value]):
        assert SECRET.encode() not in redacted(document)


@given(VALUES)
def test_without_a_hidden_field_all_comes_back(value):
    """Keeping out costs nothing that is not named."""
    assert tagged.decode(redacted(value, ["absent"])) == tagged.decode(tagged.encode(value))


@given(VALUES)
def test_what_comes_back_is_encoded_as_it_was(value):
    """A restored placeholder is one again, with and without a redaction."""
    first = redacted({"card": SECRET, "value": value})
    assert tagged.encode(tagged.decode(first)) == first


def test_a_repr_does_not_say_what_is_hidden():
    """Of an object that JSON can't hold."""
    assert SECRET.encode() not in redacted([Payment(SECRET)])


def test_a_damaged_tag_is_a_placeholder():
    """A name is a text."""
    assert tagged.decode('{"$redacted": [5]}').type == "$redacted"

"""Names of fields: paths from text and back."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow.analysis.base.fields import field_name, field_path, names_in
from flexiflow.errors import InvalidValue


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("total", ("metadata", "total")),
        ("metadata.total", ("metadata", "total")),
        ("state", ("state",)),
        ("rules[0].points", ("rules", 0, "points")),
        ("metadata.state", ("metadata", "state")),
        ("items[0].price", ("metadata", "items", 0, "price")),
        ("items[-1]", ("metadata", "items", -1)),
        ("a['x y'].b", ("metadata", "a", "x y", "b")),
        ("metadata['from']", ("metadata", "from")),
        (" total ", ("metadata", "total")),
    ],
)
def test_field_path(text, path):
    assert field_path(text) == path


KEYS = (
    st.text(max_size=5) | st.integers(0, 9) | st.sampled_from(["state", "metadata", "class", "a"])
)


@given(st.text(max_size=5) | st.sampled_from(["state", "rules"]), st.lists(KEYS, max_size=3))
@example("\u00b5", ["\u00b5"])
def test_a_name_leads_back_to_its_path(first, keys):
    path = ("metadata", first, *keys)
    if "\\udc" not in ascii(path):
        assert field_path(field_name(path)) == path


@pytest.mark.parametrize("text", ["a +", "1", "a()", "a == 1", "", None, 5, "a[b]", "a[1:2]"])
def test_what_is_no_field(text):
    with pytest.raises(InvalidValue) as caught:
        field_path(text)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items == {"field": text}


def test_names_in_a_document():
    """Fields, and those inside them; of a list the first few."""
    data = {"a": {"b": 1}, "items": [{"p": 1}, 2]}
    document = {"state": "A", "rules": [], "metadata": data}
    names = {"a", "a.b", "items", "items[0]", "items[0].p", "items[1]"}
    assert names_in(document, 100) == names


def test_names_are_bounded():
    data = {f"field-{number}": number for number in range(1000)}
    assert len(names_in({"metadata": data}, 50)) == 50

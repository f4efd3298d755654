"""Conditions: what they mean, what they refuse, and that nothing is evaluated."""

import ast
import datetime as dt
import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flexiflow.analysis.questions.conditions import condition
from flexiflow.errors import InvalidValue

DATA = {
    "attempts": 3,
    "total": 99.5,
    "name": "Noor",
    "paid": False,
    "nothing": None,
    "items": [{"price": 5}, {"price": 7}],
    "a": {"b": {"c": 1}},
    "state": "inner",
    "from": "web",
    "tags": ["x", "y"],
    "nan": math.nan,
    "price": Decimal("1.50"),
    "odd": Decimal("sNaN"),
    "huge": 1 << 100_000,
    "at": dt.datetime(2026, 1, 1),
    "zoned": dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
}
NOW = {"state": "Paying", "rules": [1, 2], "metadata": DATA}
BEFORE = {"state": "Paying", "rules": [1], "metadata": {**DATA, "attempts": 2}}


def holds(text: str, before=BEFORE) -> bool:
    return condition(text).holds(NOW, before)


@pytest.mark.parametrize(
    "text",
    [
        "attempts > 2",
        "2 < attempts <= 3",
        "attempts == 3.0",
        "attempts != 4",
        "state == 'Paying' and not paid",
        "paid == false or True",
        "nothing is None",
        "nothing == null",
        "absent == None",
        "absent != 5",
        "not absent",
        "not exists(absent)",
        "exists(nothing)",
        "items[0].price + items[-1].price == 12",
        "a.b.c == 1",
        "a['b'].c == 1",
        "metadata.state == 'inner'",
        "metadata['from'] == 'web'",
        "metadata.attempts == 3",
        "'x' in tags",
        "'z' not in tags",
        "'oo' in name",
        "state in ['Paying', 'Packing']",
        "state in {'Paying'}",
        "'b' in a",
        "len(items) == 2",
        "len(rules) == 2",
        "len(attempts) == None",
        "changed(attempts)",
        "changed(rules)",
        "not changed(state)",
        "not changed(absent)",
        "total / 2 > 49",
        "attempts // 2 == 1 and attempts % 2 == 1",
        "-attempts == -3 and +attempts == 3",
        "price == 1.5 and price < 2",
        "not (nan == 1) and not (nan < 1)",
        "tags == ['x', 'y']",
        "paid != 0",
        "name < 'Z'",
    ],
)
def test_holds(text):
    assert holds(text)


def answer(text) -> bool | str:
    try:
        return holds(text)
    except InvalidValue as exc:
        return "refused" if exc.why and exc.fix and exc.context_items else "refused badly"


@pytest.mark.parametrize(
    "text",
    [
        "name > 2",
        "absent > 2",
        "absent < 2",
        "nothing + 1 > 0",
        "name * 1000000000 != None",
        "'%s' % attempts != None",
        "attempts / 0 != None",
        "attempts % 0 != None",
        "huge * huge != None",
        "odd < 1",
        "at < zoned",
        "paid == 0",
        "attempts in 5",
        "5 in name",
        "state.inner == 'x'",
        "items[9].price == 5",
        "items.price == 5",
        "name[0] == 'N'",
    ],
)
def test_does_not_hold(text):
    """What doesn't go together is false or None, and never an error."""
    assert not holds(text)


def test_nothing_changes_at_the_first_moment():
    assert not holds("changed(attempts)", before=None)


@pytest.mark.parametrize(
    "text",
    [
        "__import__('os').system('true')",
        "open('x')",
        "name.upper() == 'N'",
        "(lambda: 1)()",
        "[x for x in items]",
        "f'{name}' == 'N'",
        "2 ** 9999999",
        "1 << 9999999",
        "attempts if paid else 1",
        "name[0:1]",
        "items[attempts]",
        "(x := 1)",
        "*items",
        "b'x' == 1",
        "1j",
        "...",
        "len()",
        "len(items, 1)",
        "len(x=items)",
        "changed(1)",
        "exists('x')",
        "changed(len(items))",
        "[1, 2][0]",
        "await x",
        "{1: 2}",
        "~attempts",
    ],
)
def test_refuses_everything_else(text):
    """With all four parts, and saying which part it is."""
    with pytest.raises(InvalidValue, match=r"can't (ask for|be read)") as caught:
        condition(text)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items == {"condition": text}


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("total = 3", "Write == to compare."),
        ("a && b", "Write 'and' for '&&'."),
        ("a || b", "Write 'or' for '||'."),
        ("a <> 3", "Write '!=' for '<>'."),
        ("name.lower() == 'x'", "Only changed(field), exists(field) and len(value) can be called."),
    ],
)
def test_says_what_was_meant(text, fix):
    with pytest.raises(InvalidValue) as caught:
        condition(text)
    assert caught.value.fix == fix


@pytest.mark.parametrize(
    "text",
    [
        "(" * 400 + "1" + ")" * 400,
        "-" * 900 + "1",
        "not " * 240 + "x",
        "[" * 900,
        "a" * 1001,
        "9" * 990,
        "x" + "[0]" * 300,
        "a" + ".a" * 400,
        "1" + "+1" * 400,
        "",
        "   ",
        "\0",
        "\ud800",
        "a\nb",
        None,
        5,
    ],
)
def test_hostile_texts_are_refused_or_harmless(text):
    """In no time, whatever Python's parser makes of them."""
    assert answer(text) in (True, False, "refused")


@given(st.text(st.sampled_from("ab1.'\"[](){}<>=!+-*/%&| \n\\notinr:,@;#~^`$?"), max_size=40))
def test_any_text_is_read_or_refused(text):
    """Nothing but InvalidValue ever comes out."""
    assert answer(text) in (True, False, "refused")


NUMBERS = st.recursive(
    st.integers(-5, 5).map(str) | st.sampled_from(["x", "y"]),
    lambda inner: st.tuples(inner, st.sampled_from("+-*"), inner).map(lambda t: f"({' '.join(t)})"),
    max_leaves=5,
)
TESTS = st.recursive(
    st.tuples(NUMBERS, st.sampled_from(["<", "<=", ">", ">=", "==", "!="]), NUMBERS).map(
        lambda t: f"({' '.join(t)})"
    ),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map(lambda t: f"({' '.join(t)})")
        | inner.map(lambda each: f"(not {each})")
    ),
    max_leaves=5,
)


@given(TESTS, st.integers(-5, 5), st.integers(-5, 5))
def test_means_what_python_means(text, x, y):
    """On numbers, beside Python itself."""
    document = {"state": "A", "rules": [], "metadata": {"x": x, "y": y}}
    expected = eval(compile(ast.parse(text, mode="eval"), "", "eval"), {"x": x, "y": y})
    assert condition(text).holds(document, None) == expected


def test_paths():
    """The fields that it asks for, each once."""
    found = condition("total > 2 and a.b[0] == total or changed(state)")
    assert found.paths == (("metadata", "total"), ("metadata", "a", "b", 0), ("state",))

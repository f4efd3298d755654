"""Strict JSON for any value: what comes back, and that what is stored is JSON."""

import collections
import datetime as dt
import enum
import json
import math
import re
import sqlite3
import sys
import threading
import uuid
from collections.abc import Mapping
from decimal import Decimal
from types import MappingProxyType
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.errors import PersistenceError
from flexiflow.persistence import tagged
from flexiflow.persistence.tagged import Placeholder, decode, encode, parse

any_text = st.text(st.characters(), max_size=20)  # lone surrogates too
keys = any_text | st.sampled_from(["$", "$$", "$ref", "$tuple", "$object", "$$dict", ""])
plain_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | any_text,
    lambda inner: st.lists(inner) | st.dictionaries(keys, inner),
    max_leaves=30,
)
hashable_leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False)
    | any_text
    | st.binary(max_size=20)
    | st.decimals(allow_nan=False)
    | st.uuids()
    | st.complex_numbers(allow_nan=False)
    | st.datetimes(timezones=st.none() | st.just(dt.UTC))
    | st.dates()
    | st.times()
    | st.timedeltas()
)
hashables = st.recursive(
    hashable_leaves,
    lambda inner: st.tuples(inner, inner) | st.frozensets(inner, max_size=3),
    max_leaves=4,
)
tagged_values = st.recursive(
    hashables,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(hashables, inner, max_size=4)
        | st.dictionaries(keys, inner, max_size=4)
        | st.tuples(inner, inner)
        | st.sets(hashables, max_size=3)
    ),
    max_leaves=10,
)


def refuse(constant):
    raise AssertionError(f"{constant} is not JSON")


def assert_strict(raw):
    """Python's parser without its extensions, and SQLite's, both read it."""
    text = raw.decode("utf-8")
    json.loads(text, parse_constant=refuse)
    with sqlite3.connect(":memory:") as conn:
        assert conn.execute("SELECT json_valid(?)", (text,)).fetchone() == (1,)
    conn.close()


def same(first, second):
    """Equal in value and in type, all the way down; NaN equals itself."""
    if type(first) is not type(second):
        return False
    if isinstance(first, float):
        return first == second or (math.isnan(first) and math.isnan(second))
    if isinstance(first, list | tuple):
        return len(first) == len(second) and all(map(same, first, second))
    if isinstance(first, dict):
        pairs = list(zip(first.items(), second.items(), strict=False))
        return len(first) == len(second) and all(same(a, b) for a, b in pairs)
    return first == second


# -- round trips --------------------------------------------------------------------------


@given(plain_values)
def test_any_json_value_comes_back(value):
    """Keys that begin with a dollar and lone surrogates included."""
    raw = encode(value)
    assert same(decode(raw), value)
    assert same(decode(raw.decode()), value)
    assert_strict(raw)


@given(tagged_values)
def test_every_tagged_kind_comes_back(value):
    """As it was, type and all, nested in any way."""
    raw = encode(value)
    assert same(decode(raw), value)
    assert_strict(raw)


@pytest.mark.parametrize(
    "value",
    [
        float("nan"),
        float("inf"),
        float("-inf"),
        -0.0,
        5e-324,
        1.7976931348623157e308,
        2**63,
        -(2**64),
        10**400,
        10**5000,
        -(10**5000),
        "\ud800",
        "a\udfff\x00b",
        b"",
        b"\x00\xff",
        set(),
        frozenset(),
        (),
        Decimal("NaN"),
        Decimal("sNaN123"),
        Decimal("-0E+7"),
        Decimal("Infinity"),
        complex("nan+infj"),
        complex(-0.0, 0.0),
        dt.datetime.min,
        dt.datetime.max.replace(tzinfo=dt.UTC),
        dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-3, minutes=-30))),
        dt.timedelta.min,
        dt.timedelta.max,
        dt.time(23, 59, 59, 999999, dt.timezone(dt.timedelta(seconds=1))),
        uuid.UUID(int=0),
        {1: "a", "1": "b"},
        {(1, 2): {3}, None: 4},
        {float("nan"): 1},
        {"$ref": "x"},
        {"$ref": {"$tuple": [1]}},
        {"$": 1},
        {"$$": 1, "$$$": 2},
        {"a": {"$object": {"type": "x", "text": "y"}}},
    ],
    ids=lambda value: tagged.bounded_repr(value, 40) if not isinstance(value, int) else "int",
)
def test_the_awkward_ones_come_back(value):
    """Each of them has broken somebody's JSON."""
    raw = encode(value)
    if (
        isinstance(value, Decimal)
        or value != value
        or (isinstance(value, dict) and any(key != key for key in value))
    ):
        assert repr(decode(raw)) == repr(value)
    else:
        assert same(decode(raw), value)
    assert_strict(raw)


def test_equal_sets_encode_equally():
    """Whatever the order in which they hold their members: a snapshot must not change by itself."""
    one, other = {0, 8}, {8, 0}  # their hashes collide: the first one in comes first
    assert list(one) != list(other)
    assert encode(one) == encode(other)


# -- what can't come back -----------------------------------------------------------------


class Colour(enum.StrEnum):
    RED = "red"


class OldColour(str, enum.Enum):  # noqa: UP042 - the older way does not say its value by itself
    RED = "red"


class Level(enum.IntEnum):
    HIGH = 3


class Celsius(float): ...


Point = collections.namedtuple("Point", "x y")


class Loud(str):
    """Says something else of itself than it holds."""

    __slots__ = ()

    def __str__(self):
        return "LOUD"


class Odd(int):
    def __int__(self):
        raise RuntimeError


@pytest.mark.parametrize(
    ("value", "worth"),
    [
        (Colour.RED, "red"),
        (OldColour.RED, "red"),
        (Level.HIGH, 3),
        (Celsius(1.5), 1.5),
        (Celsius("nan"), float("nan")),
        (Loud("quiet"), "quiet"),
        (Odd(7), 7),
        (Point(1, 2), [1, 2]),
        (collections.OrderedDict(a=1), {"a": 1}),
        (collections.defaultdict(int, {2: 1}), {2: 1}),
        (collections.Counter("a"), {"a": 1}),
        (MappingProxyType({"$x": 1}), {"$x": 1}),
    ],
    ids=repr,
)
def test_a_subclass_of_a_json_type_keeps_what_it_is_worth(value, worth):
    """As a placeholder with the class's name, and the contents as they were."""
    raw = encode(value)
    back = decode(raw)
    assert isinstance(back, Placeholder)
    assert back.type == f"{type(value).__module__}.{type(value).__qualname__}"
    assert same(back.value, worth)
    assert_strict(raw)


@pytest.mark.parametrize(
    "value",
    [
        object(),
        dt.datetime(2026, 1, 1, tzinfo=ZoneInfo("Europe/Berlin")),
        dt.time(12, tzinfo=ZoneInfo("Europe/Berlin")),
        bytearray(b"x"),
        range(3),
        len,
        int,
        ValueError("x"),
    ],
    ids=lambda value: type(value).__name__,
)
def test_anything_else_becomes_a_named_placeholder(value):
    """With its type and its repr, and never an exception."""
    back = decode(encode(value))
    assert isinstance(back, Placeholder)
    assert back.type == f"{type(value).__module__}.{type(value).__qualname__}"
    assert back.value is None
    assert repr(back).startswith(f"<{back.type}: ")


def test_a_placeholder_comes_back_as_itself():
    """So that a history may be copied."""
    value = {"a": Placeholder("x.Y", "<y>", [Placeholder("x.Z", "<z>", (1,))])}
    assert decode(encode(value)) == value


class Broken:
    def __repr__(self):
        raise RuntimeError("no repr")


class BrokenMapping(Mapping):
    def __getitem__(self, key):
        raise RuntimeError

    def __iter__(self):
        raise RuntimeError

    def __len__(self):
        return 1


class BrokenList(list):
    def __len__(self):
        raise RuntimeError


def hostile_class():
    return type("Hostile", (), {"__module__": "\ud800"})()


@pytest.mark.parametrize(
    "value",
    [Broken(), {Broken(): Broken()}, {Broken(), Broken()}, BrokenMapping(), BrokenList([1])],
    ids=lambda value: type(value).__name__,
)
def test_a_value_whose_own_code_fails_hides_nothing_around_it(value):
    """The neighbours are stored; in its place stands a placeholder."""
    raw = encode({"before": 1, "bad": value, "after": [2]})
    back = decode(raw)
    assert (back["before"], back["after"]) == (1, [2])
    assert "bad" in back
    assert_strict(raw)


def test_a_class_name_that_is_no_text_is_spelt_out():
    """Even that can be stored."""
    raw = encode([hostile_class()])
    assert "ud800" in decode(raw)[0].type
    assert_strict(raw)


# -- depth, cycles and size ---------------------------------------------------------------


class ListOf(list): ...


class DictOf(dict): ...


def nested(levels, wrap):
    value = 1
    for _ in range(levels):
        value = wrap(value)
    return value


WRAPS = {
    "list": lambda x: [x],
    "dict": lambda x: {"a": x},
    "escaped": lambda x: {"$a": x},
    "tuple": lambda x: (x,),
    "int key": lambda x: {1: x},
    "placeholder": lambda x: Placeholder("a", "b", x),
}


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
def test_two_hundred_levels_come_back(wrap):
    """Of every kind, and as JSON that SQLite can read."""
    value = nested(200, wrap)
    raw = encode(value, strict=True)
    assert decode(raw) == value
    assert_strict(raw)


@pytest.mark.parametrize("wrap", WRAPS.values(), ids=WRAPS)
@pytest.mark.parametrize("levels", [201, 5000])
def test_deeper_is_a_placeholder_or_an_error(wrap, levels):
    """A placeholder where something is recorded, an error where it is saved by hand."""
    value = nested(levels, wrap)
    raw = encode(value)
    assert b"left out: it is deeper than 200 levels" in raw
    assert_strict(raw)
    with pytest.raises(PersistenceError, match="nested too deeply") as caught:
        encode(value, strict=True)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items["type"]


@pytest.mark.parametrize("kind", [ListOf, DictOf])
def test_deep_subclasses_stay_within_what_sqlite_reads(kind):
    """One level of theirs is up to five of JSON; SQLite stops at 1,000."""
    wrap = (lambda x: ListOf([x])) if kind is ListOf else (lambda x: DictOf({1: x}))
    raw = encode(nested(300, wrap))
    assert_strict(raw)
    levels = deepest = 0
    for character in re.sub(rb'"[^"]*"', b"", raw).decode():
        levels += (character in "[{") - (character in "]}")
        deepest = max(deepest, levels)
    assert deepest < 900


@pytest.mark.parametrize(
    "build",
    [
        lambda: (x := [], x.append(x))[0],
        lambda: (x := {}, x.update(a={"b": x}))[0],
        lambda: (x := [], x.append((x,)))[0],
    ],
)
def test_a_value_that_contains_itself(build):
    """Left out where the cycle closes; an error where it is saved by hand."""
    value = build()
    raw = encode(value)
    assert b"left out: it contains itself" in raw
    assert_strict(raw)
    with pytest.raises(PersistenceError, match="can't be saved"):
        encode(value, strict=True)


def test_a_value_that_is_shared_is_stored_each_time():
    """That is no cycle."""
    part = (1,)
    assert decode(encode([part, part])) == [(1,), (1,)]


@pytest.mark.timeout(60)
def test_lists_that_share_their_parts_do_not_unfold_for_ever(monkeypatch):
    """Sixty levels of two references are 2 to the 60 values."""
    monkeypatch.setattr(tagged, "MOST_VALUES", 20_000)
    value = []
    for _ in range(60):
        value = [value, value]
    raw = encode(value)
    assert b"more than 20,000 values" in raw
    with pytest.raises(PersistenceError):
        encode(value, strict=True)


def test_a_stack_that_is_nearly_full_still_stores_something():
    """An exception out of the encoder would break the machine that is recorded."""
    value = nested(190, WRAPS["tuple"])

    def at_depth(levels):
        return encode(value) if levels == 0 else at_depth(levels - 1)

    room = sys.getrecursionlimit() - len_of_stack()
    for left in (500, 100, 60):
        raw = at_depth(room - left)
        assert_strict(raw)
    with pytest.raises(RecursionError):
        at_depth(room + 10)  # the depth itself, not the encoder


def len_of_stack():
    frame, depth = sys._getframe(), 0
    while frame is not None:
        frame, depth = frame.f_back, depth + 1
    return depth


@pytest.mark.timeout(60)
def test_a_dict_that_a_thread_changes_meanwhile_is_stored_somehow():
    """A handler may have left a thread behind; encoding must not raise."""
    value = {str(n): (n,) for n in range(300)}
    stop = threading.Event()

    def change():
        n = 0
        while not stop.is_set():
            value[f"new{n % 1000}"] = n
            value.pop(f"new{(n + 500) % 1000}", None)
            n += 1

    thread = threading.Thread(target=change)
    thread.start()
    try:
        for _ in range(200):
            json.loads(encode({"data": value}))
            is_plain_or_not = {"data": value, "more": 1}
            json.loads(encode(is_plain_or_not))
    finally:
        stop.set()
        thread.join()


# -- reading ------------------------------------------------------------------------------


def test_the_nan_of_1_x_is_read():
    """Python's own JSON wrote it without a tag."""
    assert math.isnan(decode('{"a": NaN}')["a"])
    assert parse('[Infinity, -Infinity, {"$ref": 1}]') == [math.inf, -math.inf, {"$ref": 1}]


@pytest.mark.parametrize("text", ["", "{", "nul", '{"a":}', b"\xff", '{"$x": [}'])
def test_what_is_no_json_is_a_value_error(text):
    """Of both readers."""
    for read in (parse, decode):
        with pytest.raises(ValueError, match=r".+"):
            read(text)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"$a":' * 100_000])
def test_what_is_nested_too_deeply_is_a_value_error(text):
    """Not a RecursionError."""
    for read in (parse, decode):
        with pytest.raises(ValueError, match="nested too deeply"):
            read(text)


@pytest.mark.parametrize(
    "text",
    [
        '{"$new": 1}',
        '{"$float": "x"}',
        '{"$float": []}',
        '{"$int": "zz"}',
        '{"$text": "!"}',
        '{"$bytes": 5}',
        '{"$complex": []}',
        '{"$complex": 5}',
        '{"$decimal": "x"}',
        '{"$uuid": "x"}',
        '{"$datetime": "x"}',
        '{"$datetime": 5}',
        '{"$timedelta": [1e300]}',
        '{"$tuple": 5}',
        '{"$set": [[]]}',
        '{"$dict": [[1]]}',
        '{"$dict": [[[], 1]]}',
        '{"$object": {}}',
        '{"$object": 5}',
        '{"$ref": 5}',
        '{"$ref": {}}',
    ],
)
def test_a_broken_or_unknown_tag_is_shown_and_hides_nothing(text):
    """Its neighbours are read; in its place stands what was found."""
    back = decode(f'{{"before": 1, "bad": {text}, "after": {{"$tuple": [2]}}}}')
    assert (back["before"], back["after"]) == (1, (2,))
    assert isinstance(back["bad"], Placeholder)


def test_an_object_with_several_keys_is_no_tag():
    """Only one key alone can be one."""
    assert decode('{"$tuple": [1], "b": 2}') == {"$tuple": [1], "b": 2}


def test_a_reference_is_resolved_by_its_hash():
    """What comes of it stands in its place, tags read already."""
    parts = {"h": (1, 2)}
    assert decode('{"a": {"$ref": "h"}}', parts.__getitem__) == {"a": (1, 2)}


def test_a_reference_that_leads_nowhere_is_a_placeholder():
    """It says what is missing."""
    assert decode('{"a": {"$ref": "h"}}', {}.__getitem__)["a"].text == "part h is missing"
    assert "not looked up" in decode('{"a": {"$ref": "h"}}')["a"].text


@given(plain_values)
@settings(max_examples=50)
def test_strict_encoding_is_the_same_where_nothing_is_left_out(value):
    """It only refuses."""
    assert encode(value, strict=True) == encode(value)

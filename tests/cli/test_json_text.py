"""Answers as JSON."""

import json

import pytest

from flexiflow.analysis.base import frames, shapes
from flexiflow.cli.json_text import print_json, records_of


def test_times_are_iso_and_durations_microseconds():
    """A time ends in Z; a duration's name ends in _us."""
    frame = frames.frame({"start": frames.TIME, "took": frames.DURATION}, [(1_500_000, 7)])
    assert records_of(frame) == [{"start": "1970-01-01T00:00:01.500000Z", "took_us": 7}]


def test_what_is_missing_is_null():
    """In every kind of column."""
    columns = {
        "a": frames.TIME,
        "b": frames.DURATION,
        "c": frames.NAME,
        "d": frames.TEXT,
        "e": frames.OPTIONAL_ID,
        "f": frames.NUMBER,
        "g": frames.FLAG,
    }
    (record,) = records_of(frames.frame(columns, [(None,) * 7]))
    assert record == {"a": None, "b_us": None, **dict.fromkeys("cdefg")}


def test_values_are_plain(capsys):
    """Numbers, flags and names are what JSON knows."""
    columns = {"a": frames.NAME, "b": frames.OPTIONAL_ID, "c": frames.FLAG, "d": frames.COUNT}
    print_json({"rows": records_of(frames.frame(columns, [("x", 1, True, 2)]))})
    assert json.loads(capsys.readouterr().out) == {"rows": [{"a": "x", "b": 1, "c": True, "d": 2}]}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('{"a": [1]}', {"a": [1]}),
        (None, None),
        ("{broken", "{broken"),
        ('{"a": NaN}', '{"a": NaN}'),
        ("[1e999]", "[1e999]"),
    ],
)
def test_a_column_of_json_holds_values(text, value):
    """What is no strict JSON stays the text that it is."""
    frame = frames.frame({"message_json": frames.TEXT}, [(text,)])
    assert records_of(frame) == [{"message_fields": value}]


def test_no_rows_are_an_empty_list():
    """Not an error, and not null."""
    assert records_of(frames.frame(shapes.STEPS, ())) == []


@pytest.mark.parametrize("levels", [200, 900])
def test_deep_values_can_be_printed(capsys, levels):
    """As deep as they can be read."""
    print_json({"deep": json.loads("[" * levels + "]" * levels)})
    assert capsys.readouterr().out.count("[") == levels


def test_output_is_ascii(capsys):
    """Any terminal can carry it, and nothing in it turns the text around."""
    print_json({"name": "\u202e漢\x1b\ud800"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert "\x1b" not in out
    assert json.loads(out) == {"name": "\u202e漢\x1b\ud800"}

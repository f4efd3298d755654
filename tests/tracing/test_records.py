"""One record is one line, whatever is in its names, and says the same when it is read again."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow.errors import StateError
from flexiflow.tracing.line_formats import LineFormat
from flexiflow.tracing.records import (
    ErrorRecord,
    LogRecord,
    encode_record,
    encode_valid,
    error_record,
    time_us_of,
    utc_text,
)

NASTY = "a\nb\r\x00\x1b[31m\x85\x9b\u2028\u2029\u202e\u2066\"'\\"
ANY_TEXT = st.text(st.characters(exclude_categories=()), max_size=40)
SURROGATES = st.text(st.characters(categories=["Cs"]), min_size=1, max_size=3)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(ANY_TEXT, inner, max_size=3),
    max_leaves=6,
)

UNSAFE = {
    *map(chr, range(0x20)),
    *map(chr, range(0x80, 0xA0)),
    *map(chr, range(0x2028, 0x202F)),
    *map(chr, range(0x2066, 0x206A)),
}


def spelt_out(value):
    """What is left of a value where lone surrogates are spelt out."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, dict):
        return {spelt_out(key): spelt_out(each) for key, each in value.items()}
    if isinstance(value, list):
        return [spelt_out(each) for each in value]
    return value


@given(text=ANY_TEXT, data=VALUES)
@example(text=NASTY, data={NASTY: [NASTY]})
@example(text="\ud800", data={"\udfff": ["\ud800"]})
def test_a_record_is_one_printable_line(text, data):
    """Neither a newline nor a control or bidi character of a name stands in the line as it is."""
    line = encode_record(LogRecord(text, text, text, text, component=text, data=data))
    assert line.endswith(b"\n")
    shown = line[:-1].decode("utf-8")
    assert UNSAFE & set(shown) == set()
    assert shown.splitlines() == [shown]


@given(text=ANY_TEXT, data=VALUES)
@example(text=NASTY, data={NASTY: [NASTY]})
@example(text="\ud800", data={"\udfff": ["\ud800"]})
def test_a_record_reads_back_as_itself(text, data):
    """Escaping changes no value: only lone surrogates, which UTF-8 does not have, are spelt out."""
    error = ErrorRecord(text, text, context={text: text})
    written = LogRecord(text, text, text, text, handler=text, error=error, data=data)
    read = LineFormat().parse(encode_record(written), "run.jsonl", 0)
    assert isinstance(read, LogRecord)
    assert msgspec.to_builtins(read) == spelt_out(msgspec.to_builtins(written))


@given(text=SURROGATES)
def test_lone_surrogates_are_spelt_out(text):
    """They are written as the backslash escape that Python shows."""
    assert json.loads(encode_valid({"name": text})) == {"name": spelt_out(text)}


def test_any_json_reader_reads_a_record():
    """A line is plain JSON; fields that have nothing to say are left out."""
    line = encode_record(LogRecord("now", "INFO", "state.changed", component=NASTY))
    assert json.loads(line) == {
        "ts": "now",
        "level": "INFO",
        "event": "state.changed",
        "component": NASTY,
    }


@given(st.integers(0, 253_402_300_799_999_999))
def test_a_time_reads_back_as_itself(time_us):
    """Every microsecond until the year 9999 survives the way into text and back."""
    assert time_us_of(LogRecord(utc_text(time_us), "INFO", "any")) == time_us


@given(st.datetimes(min_value=datetime(1970, 1, 1), max_value=datetime(9999, 12, 31)))
def test_a_time_is_iso_8601_in_utc(moment):
    """The text is what datetime writes, with a Z."""
    aware = moment.replace(tzinfo=UTC)
    since = moment - datetime(1970, 1, 1)
    time_us = (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
    expected = aware.isoformat(timespec="microseconds").replace("+00:00", "Z")
    assert utc_text(time_us) == expected


@pytest.mark.parametrize(
    ("text", "time_us"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T00:00:01", 1_000_000),
        ("1970-01-01T01:00:01+01:00", 1_000_000),
        ("yesterday", None),
        ("", None),
    ],
)
def test_times_that_others_wrote_are_read(text, time_us):
    """Another zone is honoured, no zone is UTC, and what is no time is None."""
    assert time_us_of(LogRecord(text, "INFO", "any")) == time_us


def test_a_time_beyond_the_calendar_is_still_text():
    """A broken clock must not stop the recording."""
    assert utc_text(10**30) == f"{10**30}us"


def test_an_error_record_has_the_four_parts():
    """What FlexiFlow raised keeps its parts apart."""
    error = StateError("It broke.", why="Because.", fix="Mend it.", context={"name": "order"})
    found = error_record(error)
    assert (found.type, found.message, found.what, found.why, found.fix, found.context) == (
        "StateError",
        "It broke.",
        "It broke.",
        "Because.",
        "Mend it.",
        {"name": "'order'"},
    )


def test_an_error_record_is_bounded():
    """A huge text, or a huge value in the context, does not make a huge line."""
    plain = error_record(ValueError("x" * 10**6))
    ours = error_record(StateError("x" * 10**6, context={"k" * 10**6: "v" * 10**6}))
    assert len(encode_valid(plain)) < 3_000
    assert len(encode_valid(ours)) < 10_000


def test_an_exception_without_a_text_is_still_told():
    """A broken __str__ must not break the recording."""

    class Broken(Exception):
        def __str__(self):
            raise RuntimeError("no text")

    found = error_record(Broken())
    assert (found.type, found.message) == ("Broken", "its text can't be read: RuntimeError")


def test_paths_and_other_objects_in_a_context_are_text():
    """The context of a stored error is reprs, whatever it holds."""
    error = StateError("It broke.", context={"path": Path("a"), "many": {1, 2}})
    assert json.loads(encode_valid(error_record(error)))["context"] == {
        "path": repr(Path("a")),
        "many": "{1, 2}",
    }

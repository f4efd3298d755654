"""Columns that are known without being packed."""

import pandas as pd
import pytest
from histories import NOON, Written
from test_packed import both_ways, small_blocks

from flexiflow.analysis.reading.columns import MISSING
from flexiflow.analysis.reading.steady import COMMA, Steady


def learned(**raw):
    steady = Steady()
    steady.learn(raw, {name: COMMA if name == "n" else b"\x1e" for name in raw}, 3)
    return steady


@pytest.mark.parametrize(
    ("raw", "cells"),
    [
        ({"n": b"7,7,7"}, {"n": b"7"}),
        ({"n": b"7,7,8"}, {}),
        ({"n": b"1.5,1.5,1.5"}, {}),
        ({"a": b"x\x1ex\x1ex"}, {"a": b"x"}),
        ({"a": b"\x1e\x1e"}, {"a": b""}),
        ({"a": b"x\x1ex\x1ey"}, {}),
        ({"a": b"\xff\x1e\xff\x1e\xff"}, {}),
    ],
)
def test_a_column_is_steady_where_all_its_cells_are_one(raw, cells):
    """Numbers and texts; what is neither is not asked for."""
    assert learned(**raw).cells == cells


def test_what_sqlite_is_asked_for():
    """A number, a text, and nothing where there was none."""
    steady = learned(n=b"7,7,7", a=b"x\x1ex\x1ex", b=b"\x1e".join([MISSING] * 3))
    assert steady.value("n", COMMA) == 7
    assert [steady.value(name, b"\x1e") for name in "ab"] == ["x", None]
    assert steady.packed("n", 2, COMMA) == b"7,7"


def test_a_column_that_changed_is_not_steady_again():
    """The others are."""
    steady = learned(a=b"x\x1ex\x1ex", b=b"y\x1ey\x1ey")
    steady.doubt()
    separators = dict.fromkeys("ab", b"\x1e")
    steady.learn({"a": b"z\x1ez\x1ez", "b": b"y\x1ey\x1ey"}, separators, 3)
    assert steady.cells == {"b": b"y"}


def test_a_column_that_changes_late_is_read_as_it_is():
    """Another machine, another run, and a state in other letters."""
    written = Written()
    for at in range(60):
        written.snapshot("x", "a", NOON + at, fingerprint="m" if at < 40 else None)
    written.conn.execute("UPDATE flexiflow_snapshots SET run_id = 2 WHERE id > 20")
    written.conn.execute("UPDATE flexiflow_snapshots SET state = 'A' WHERE id = 50")
    in_blocks, by_row = both_ways(lambda: written.history.snapshots())
    pd.testing.assert_frame_equal(in_blocks, by_row)
    assert in_blocks["state"].tolist().count("A") == 1


def test_what_is_steady_is_not_packed():
    """That is what it is for."""
    written = Written()
    for at in range(60):
        written.snapshot("x", "a", NOON + at, data={"n": at})
    asked = []
    written.conn.set_trace_callback(asked.append)
    with small_blocks():
        frame = written.history.snapshots()
    packed = [each for each in asked if "group_concat(ifnull(s.snapshot_json" in each]
    assert sum("group_concat(ifnull(s.fingerprint" in each for each in packed) == 1 < len(packed)
    assert frame["fingerprint"].tolist() == ["m"] * 60

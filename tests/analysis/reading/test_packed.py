"""Blocks of rows that SQLite packs give the very frames that reading row by row gives."""

import subprocess
import sys
from contextlib import contextmanager
from unittest.mock import patch

import numpy as np
import pandas as pd
import pytest
from histories import NOON, Written, body_1x, written_by_1x
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flexiflow.analysis.base import shapes
from flexiflow.analysis.history import open_history
from flexiflow.analysis.reading import columns, packed, packing, rows

TEXTS = st.one_of(
    st.sampled_from(["A", "B", "", "\x1d", "\x1e", "a\x1eb", "\n", "ä", "\x00", "'", "{}"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
)
VALUES = st.one_of(
    st.none(),
    TEXTS,
    st.binary(max_size=3),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.sampled_from(["12", b"12", "1-2", "1,2", "-", "+5", "1.0", "0x10", " 7"]),
)
BODIES = st.one_of(
    VALUES,
    st.sampled_from(
        [
            '{"current_state": NaN}',
            '{"current_state": "X", "a": NaN}',
            '{"name":"c","current_state":"X","rules":[],"metadata":{"a":Infinity}}',
            '{"name":"c","current_state":"X","current_state":"Y"}',
            '{"name":"c","current\\u005fstate":"X","rules":[]}',
            '{"name":"c","current_state":"X","metadata":{"current_state":"Y"}}',
            '{"metadata":{"current_state":"Y"}}',
            '{"current_state":"\\u0058"}',
            '{"current_state":"\\ud800"}',
            '{"current_state":"ä"}',
            '{"current_state":7}',
            '{"current_state":"X"}{"current_state":"Y"}',
            '{"current_state":"X"} ',
            '{"current_state":"X",',
            '"current_state":"X"}',
            '{\n"current_state":\n"X"}',
            '{"a":"',
            '"}',
            "[1,",
            "2]",
            "null",
            "{}",
            "{" * 3000,
            b'{"current_state":"X"}',
            b"\xff",
        ]
    ),
)
TIMES = st.one_of(
    VALUES,
    st.datetimes().map(lambda moment: moment.isoformat(timespec="microseconds") + "+00:00"),
    st.sampled_from(
        [
            "1677-12-31T23:59:59.999999+00:00",
            "1678-01-01T00:00:00.000000+00:00",
            "2262-01-01T00:00:00.000000+00:00",
            "1969-12-31T23:59:59.999999+00:00",
            "2023-02-30T12:00:00.000000+00:00",
            "2023-02-28T24:00:00.000000+00:00",
            "2023-02-28T23:59:60.000000+00:00",
            "2023-02-28T12:00:00.000000+01:00",
            "2023-02-28 12:00:00.000000+00:00",
            "2023-02-28T12:00:00",
            "now",
        ]
    ),
)
SNAPSHOT_COLUMNS = {
    "component_name": TEXTS,  # NOT NULL
    "snapshot_json": BODIES,
    "created_at": TIMES,
    "time_us": VALUES,
    "state": VALUES,
    "correlation_id": VALUES,
    "step_id": VALUES,
    "run_id": VALUES,
    "fingerprint": VALUES,
    "format": VALUES,
}
STEP_COLUMNS = {
    "message_type": VALUES,
    "message_json": VALUES,
    "reason": VALUES,
    "sender": VALUES,
    "guards_json": VALUES,
    "error_json": st.one_of(
        VALUES,
        st.sampled_from(
            ['{"type":"E","message":"m"}', '{"message":"\\u001d"}', '{"type":1}', "[]"]
        ),
    ),
    "parent_id": VALUES,
    "fingerprint": VALUES,
    "start_us": VALUES,
    "duration_us": VALUES,
    "tries": VALUES,
    "run_id": VALUES,
    "from_state": TEXTS,
    "span_id": st.binary(max_size=2),
}


def edits(columns_):
    """A few (row, column, value): what somebody, or a failing disk, made of a file."""
    edit = st.sampled_from(sorted(columns_)).flatmap(
        lambda name: st.tuples(st.integers(0, 39), st.just(name), columns_[name])
    )
    return st.lists(edit, max_size=3)


@contextmanager
def small_blocks():
    """Blocks of so few rows that every file has many."""
    with patch.object(packed, "FEWEST", 2), patch.object(packed, "MOST", 8):
        yield


@contextmanager
def row_by_row():
    """No block is packed."""
    with (
        patch.object(rows, "snapshot_shortcut", lambda *_: None),
        patch.object(rows, "step_shortcut", lambda *_: None),
    ):
        yield


def edit(conn, table, changes):
    """Change a table as no program of ours would."""
    conn.execute("PRAGMA ignore_check_constraints = ON")
    for row, column, value in changes:
        present = {
            name for (name,) in conn.execute(f"SELECT name FROM pragma_table_info('{table}')")
        }
        # SQLite keeps NaN as NULL.
        if column in present and ((value is not None and value == value) or column in NULLABLE):
            conn.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row + 1))


NULLABLE = {"time_us", "state", "correlation_id", "step_id", "run_id", "fingerprint", "format"} | {
    "message_type",
    "message_json",
    "reason",
    "sender",
    "guards_json",
    "error_json",
    "parent_id",
}
NULLABLE_STEPS = NULLABLE - {"correlation_id", "run_id", "format"}


def both_ways(ask):
    """The same frame, read in blocks and row by row."""
    with small_blocks():
        in_blocks = ask()
        with row_by_row():
            return in_blocks, ask()


def recorded(number=40):
    written = Written()
    for at in range(number):
        written.step(
            f"c{at % 3}",
            ("go", None)[at % 7 == 0],
            "A",
            "B",
            NOON + at,
            sender=("web", None)[at % 2],
            error={"type": "E", "message": "m"} if at % 5 == 0 else None,
            data={"n": at},
            snapshot=True,
        )
    return written


def classic(number=40):
    return written_by_1x(
        [
            (
                f"c{at % 3}",
                body_1x(f"c{at % 3}", "AB"[at % 2], n=at),
                f"2023-11-14T22:13:{at:02}.123456+00:00",
            )
            for at in range(number)
        ]
    )


@settings(max_examples=60)
@given(edits(SNAPSHOT_COLUMNS), st.sampled_from([None, "c1"]))
@example([(7, "snapshot_json", '{"a":"'), (8, "snapshot_json", '"}')], None)
@example([(7, "time_us", "12")], None)
def test_snapshots_in_blocks_are_those_read_row_by_row(changes, component):
    """Whatever a file's rows hold."""
    written = recorded()
    edit(written.conn, "flexiflow_snapshots", changes)
    in_blocks, by_row = both_ways(lambda: written.history.snapshots(component, explode=True))
    pd.testing.assert_frame_equal(in_blocks, by_row)


def some_columns(shape):
    """Names of columns, in any order."""
    return st.lists(st.sampled_from(list(shape)), unique=True)


@settings(max_examples=60)
@given(edits(SNAPSHOT_COLUMNS), some_columns(shapes.SNAPSHOTS), st.booleans())
def test_columns_of_snapshots_are_those_of_all(changes, columns, explode):
    """Whatever is not read for them, in a recording and in a file of 1.x, also row by row."""
    written, old = recorded(), classic()
    edit(written.conn, "flexiflow_snapshots", changes)
    for history in (written.history, open_history(old)):
        whole = history.snapshots(explode=explode)
        more = list(whole.columns[len(shapes.SNAPSHOTS) :])
        for found in both_ways(lambda h=history: h.snapshots(columns=columns, explode=explode)):
            pd.testing.assert_frame_equal(found, whole[columns + more])


@settings(max_examples=30)
@given(edits(STEP_COLUMNS), some_columns(shapes.STEPS))
def test_columns_of_steps_are_those_of_all(changes, columns):
    """Whatever is not read for them, also row by row."""
    written = recorded()
    allowed = [each for each in changes if each[2] is not None or each[1] in NULLABLE_STEPS]
    edit(written.conn, "flexiflow_steps", allowed)
    whole = written.history.steps()[columns]
    for found in both_ways(lambda: written.history.steps(columns=columns)):
        pd.testing.assert_frame_equal(found, whole)


@settings(max_examples=60)
@given(edits(SNAPSHOT_COLUMNS))
def test_snapshots_of_1x_in_blocks_are_those_read_row_by_row(changes):
    """Their states and times stand in texts, which are read at once for a whole block."""
    conn = classic()
    edit(conn, "flexiflow_snapshots", changes)
    in_blocks, by_row = both_ways(lambda: open_history(conn).snapshots(explode=True))
    pd.testing.assert_frame_equal(in_blocks, by_row)


@settings(max_examples=60)
@given(edits(STEP_COLUMNS), st.sampled_from([None, "c1"]))
def test_steps_in_blocks_are_those_read_row_by_row(changes, component):
    """Whatever a file's rows hold."""
    written = recorded()
    allowed = [each for each in changes if each[2] is not None or each[1] in NULLABLE_STEPS]
    edit(written.conn, "flexiflow_steps", allowed)
    in_blocks, by_row = both_ways(lambda: written.history.steps(component))
    pd.testing.assert_frame_equal(in_blocks, by_row)


@settings(max_examples=30)
@given(st.sets(st.integers(0, 39)), st.sampled_from([None, 1, 7, 39, 100]))
def test_ids_with_gaps_are_all_found(gone, limit):
    """A pruned file has ids far apart; a limit keeps the newest."""
    written = recorded()
    for row in gone:
        written.conn.execute("DELETE FROM flexiflow_snapshots WHERE id = ?", (row + 1,))
    written.conn.execute("UPDATE flexiflow_snapshots SET id = id * 1000000 WHERE id > 20")
    ids = [row for (row,) in written.conn.execute("SELECT id FROM flexiflow_snapshots ORDER BY id")]
    with small_blocks():
        frame = written.history.snapshots(limit=limit)
    assert frame["id"].tolist() == ids[-limit:] if limit else ids


@pytest.mark.parametrize("row_id", [-(2**63), -5, 2**63 - 1])
def test_ids_at_the_ends_of_64_bits_are_found(row_id):
    """Nobody counts like this, but a file may."""
    written = recorded()
    written.conn.execute("UPDATE flexiflow_snapshots SET id = ? WHERE id = 3", (row_id,))
    with small_blocks():
        in_order = written.history.snapshots()
    assert len(in_order) == 40
    assert in_order["id"].iloc[0 if row_id < 0 else -1] == row_id


def test_clean_blocks_are_packed():
    """What a recording and what 1.x wrote is not read row by row after the first few rows."""
    with small_blocks(), patch.object(packed, "_plain_rows", wraps=packed._plain_rows) as plain:
        recorded().history.snapshots()
        recorded().history.steps()
        open_history(classic()).snapshots()
    assert [call.args[-2:] for call in plain.call_args_list] == [(1, 2)] * 3


def test_a_column_of_another_type_is_read_row_by_row():
    """Without its type SQLite keeps numbers where texts belong."""
    conn = classic(0)
    conn.execute("DROP TABLE flexiflow_snapshots")
    conn.execute(
        "CREATE TABLE flexiflow_snapshots (id INTEGER PRIMARY KEY, component_name,"
        " snapshot_json TEXT, created_at TEXT)"
    )
    body = body_1x("7", "A")
    conn.executemany(
        "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at)"
        " VALUES (?, ?, ?)",
        [(1e15, body, "2023-11-14")] * 10,
    )
    in_blocks, by_row = both_ways(lambda: open_history(conn).snapshots())
    pd.testing.assert_frame_equal(in_blocks, by_row)
    assert set(in_blocks["component"]) == {"1000000000000000.0"}


def test_blocks_beyond_the_limit_are_read_row_by_row():
    """A packed text has a largest size; what is larger is not lost."""
    written = recorded()
    with patch.object(packing, "_LARGEST", 1000):
        in_blocks, by_row = both_ways(lambda: written.history.snapshots())
    pd.testing.assert_frame_equal(in_blocks, by_row)


def test_without_arrow_the_frames_are_the_same():
    """Texts are kept in lists then."""
    written = recorded()
    with small_blocks(), patch.object(columns.frames, "texts_are_in_arrow", lambda: False):
        in_lists = written.history.snapshots(explode=True)
    pd.testing.assert_frame_equal(in_lists, written.history.snapshots(explode=True))


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_whole_numbers_come_out_as_they_went_in(numbers):
    """Whatever their signs and lengths."""
    raw = ",".join(map(str, numbers)).encode()
    assert columns.whole_numbers(raw, len(numbers)).tolist() == numbers


@pytest.mark.parametrize("raw", [b"1.5,2", b"1,2,3", b"12", b"a,b", b"1e5,2", b" 1,2", b"1,Inf"])
def test_what_are_not_so_many_whole_numbers_are_none(raw):
    """Fractions, other characters, another number of them."""
    assert columns.whole_numbers(raw, 2) is None


def test_an_empty_file_has_the_columns_too():
    """No block at all."""
    frame = Written().history.snapshots(explode=True)
    assert len(frame) == 0
    assert np.all(frame.dtypes.astype(str) == list(shapes.SNAPSHOTS.values()))


AT_THE_END = """
import atexit, sqlite3, pandas
from flexiflow import open_history
from flexiflow.extras import ComponentSnapshot, save_snapshot_sqlite
conn = sqlite3.connect("state.db")
with conn:
    conn.execute("BEGIN")
    for n in range(2_000):
        save_snapshot_sqlite(conn, ComponentSnapshot("x", "A", [], {"n": n}))
atexit.register(lambda: print(open_history("state.db").snapshots()["id"].sum()))
"""


def test_while_the_interpreter_ends_blocks_are_read_in_one_thread(tmp_path):
    """No other can be started then."""
    command = [sys.executable, "-c", AT_THE_END]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert (ended.stdout.strip(), ended.stderr) == (str(sum(range(2_001))), "")

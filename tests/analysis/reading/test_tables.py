"""What is read over an index is what is read without it."""

import sqlite3
from contextlib import closing

from histories import NOON, SECOND, Written, body_1x, written_by_1x
from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow.analysis.reading.tables import (
    extents_in,
    names_in,
    newest_us,
    readable,
    snapshots_up_to,
)
from flexiflow.persistence.schema import SNAPSHOTS

NAMES = st.one_of(
    st.none(),
    st.sampled_from(["a", "A", "", "a ", "ä", "\x00", "a\x00b", 7, "7", 1.5, b"", b"a"]),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
)


@given(st.lists(NAMES, max_size=12), st.sampled_from(["TEXT", "TEXT COLLATE NOCASE", ""]))
@example([None, None], "TEXT")
def test_an_index_changes_no_answer(names, declared):
    """Each component's name, number of rows, lowest and highest id, whatever its name is."""
    with closing(sqlite3.connect(":memory:")) as conn:
        conn.execute(
            f"CREATE TABLE {SNAPSHOTS} (id INTEGER PRIMARY KEY, component_name {declared})"
        )
        rows = [(name,) for name in names]
        conn.executemany(f"INSERT INTO {SNAPSHOTS} (component_name) VALUES (?)", rows)
        before = _answers(conn)
        conn.execute(f"CREATE INDEX by_name ON {SNAPSHOTS} (component_name, id)")
        assert _answers(conn) == before


def _answers(conn: sqlite3.Connection) -> list[set[object]]:
    queries = [names_in(conn, SNAPSHOTS), extents_in(conn, SNAPSHOTS)]
    return [set(conn.execute(query).fetchall()) for query in queries]


def test_a_clock_that_ran_ahead_is_no_now_for_ever():
    """The newest record is the latest of what each component did last."""
    written = Written()
    written.snapshot("x", "A", NOON + 1000 * SECOND)
    written.snapshot("x", "B", NOON)
    written.step("y", "go", "A", "B", NOON + SECOND, duration_us=5, snapshot=False)
    assert newest_us(written.conn) == NOON + SECOND + 5


def test_a_last_row_whose_time_cannot_be_read_is_passed_over():
    """With an index and, as 1.x left a file, without one."""
    written = Written()
    for second in range(2):
        written.snapshot("x", "A", NOON + second * SECOND)
    written.conn.execute(f"UPDATE {SNAPSHOTS} SET time_us = 'x', created_at = 'x' WHERE id = 2")
    old = written_by_1x([("x", body_1x("x", "A"), "2026-01-01T00:00:00"), ("x", "{}", "soon")])
    assert newest_us(written.conn) == NOON
    with readable(old):
        assert newest_us(old) == 1_767_225_600_000_000


def test_snapshots_are_counted_no_further_than_asked():
    """Whoever wants to know whether there are many need not count them all."""
    written = Written()
    for _ in range(3):
        written.snapshot("x", "A")
    assert [snapshots_up_to(written.conn, most) for most in (0, 2, 3, 9)] == [0, 2, 3, 3]

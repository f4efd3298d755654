"""What is read over an index is what is read without it."""

import sqlite3
from contextlib import closing

from hypothesis import example, given
from hypothesis import strategies as st

from flexiflow.analysis.tables import extents_in, names_in
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

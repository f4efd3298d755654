"""Damaged files: the rows that can be read are shown, and what can't be read is said."""

import sqlite3
from contextlib import closing

import pytest
from histories import Written

from flexiflow.analysis.history import open_history
from flexiflow.errors import PersistenceError

PAGE = 4096
ORDERS = 300


@pytest.fixture
def db(tmp_path):
    """A few hundred orders, each with a step and the snapshot after it."""
    written = Written(tmp_path / "state.db")
    written.conn.execute("BEGIN")
    for number in range(ORDERS):
        written.step(f"order-{number:03}", "pay", "Draft", "Paid", data={"text": "x" * 300})
    written.conn.execute("COMMIT")
    written.conn.close()
    return tmp_path / "state.db"


def leaves_of(db, table):
    """The numbers of the pages that hold a table's rows, from the first to the last."""
    with closing(sqlite3.connect(db)) as conn:
        try:
            query = "SELECT pageno FROM dbstat WHERE name = ? AND pagetype = 'leaf' ORDER BY path"
            return [page for (page,) in conn.execute(query, (table,))]
        except sqlite3.OperationalError:  # SQLite was built without it
            root = conn.execute("SELECT rootpage FROM sqlite_master WHERE name = ?", (table,))
            return children_of(db, root.fetchone()[0])


def children_of(db, root):
    """The pages that an interior page of a table leads to (SQLite's file format, 1.6)."""
    page = db.read_bytes()[(root - 1) * PAGE : root * PAGE]
    assert page[0] == 5
    cells = int.from_bytes(page[3:5], "big")
    places = [int.from_bytes(page[12 + 2 * at : 14 + 2 * at], "big") for at in range(cells)]
    last = int.from_bytes(page[8:12], "big")
    return [*(int.from_bytes(page[place : place + 4], "big") for place in places), last]


def damage(db, page):
    """Overwrite a page with what it can't be."""
    content = bytearray(db.read_bytes())
    content[(page - 1) * PAGE : page * PAGE] = b"\xee" * PAGE
    db.write_bytes(content)


def test_the_rows_around_a_damaged_page_are_shown(db):
    """With their values; and a notice says which ids are missing."""
    whole = open_history(db).steps()
    leaves = leaves_of(db, "flexiflow_steps")
    damage(db, leaves[len(leaves) // 2])
    history = open_history(db)
    steps = history.steps()
    assert 0 < ORDERS - len(steps) < ORDERS / 4
    kept = whole[whole["id"].isin(steps["id"])].reset_index(drop=True)
    assert steps.astype(object).equals(kept.astype(object))
    (notice,) = history.notices
    missing = sorted(set(whole["id"]) - set(steps["id"]))
    between = f"steps after id {missing[0] - 1} and before id {missing[-1] + 1}"
    assert notice == (f"state.db is damaged: {between} can't be read. What can be read is shown.")


def test_many_damaged_places_are_counted(db):
    """The first three are named."""
    leaves = leaves_of(db, "flexiflow_steps")
    for page in leaves[1::3]:
        damage(db, page)
    history = open_history(db)
    history.steps()
    (notice,) = history.notices
    places = len(leaves[1::3])
    assert places > 3
    assert notice.count("steps after id") == 3
    assert f"; steps in {places - 3} more places can't be read." in notice


def test_every_question_is_answered(db):
    """Of a component whose rows can be read."""
    leaves = leaves_of(db, "flexiflow_steps")
    damage(db, leaves[len(leaves) // 2])
    history = open_history(db)
    assert "state.db is damaged" in history.why("order-000").text
    assert len(history.components()) == ORDERS
    assert len(history.snapshots()) == ORDERS
    assert history.story("order-299").text
    assert history.blame("order-001").empty is False


def test_damage_that_is_met_on_the_way(db, tmp_path):
    """A history that is read in chunks, or written to a file, goes on after it."""
    leaves = leaves_of(db, "flexiflow_snapshots")
    damage(db, leaves[len(leaves) // 2])
    at_once = open_history(db).snapshots()["id"].tolist()
    parts = list(open_history(db).iter_snapshots(chunk=20, progress=lambda done, total: None))
    assert [each for part in parts for each in part["id"]] == at_once
    assert open_history(db).to_parquet(tmp_path / "rows.parquet") == len(at_once)


def test_verify_looks_at_the_file_itself(db):
    """It names the damage, also after a question was answered from what could be read."""
    damage(db, leaves_of(db, "flexiflow_steps")[0])
    history = open_history(db)
    before = history.verify().files[0].counts
    history.steps()
    assert history.verify().files[0].counts == before
    assert not history.verify().ok


def test_a_file_that_is_cut_off(db):
    """What is before the cut is shown."""
    whole = db.read_bytes()
    db.write_bytes(whole[: len(whole) // 2 // PAGE * PAGE])
    history = open_history(db)
    assert 0 < len(history.steps()) < ORDERS
    cut, damaged = history.notices
    assert cut.startswith("state.db is cut off: ")
    assert damaged.startswith("state.db is damaged: ")


def test_a_whole_file_beside_a_damaged_one_is_read_as_it_is(db, tmp_path):
    """Only what is damaged is copied."""
    written = Written(tmp_path / "other.db")
    written.step("other", "pay", "Draft", "Paid")
    written.conn.close()
    damage(db, leaves_of(db, "flexiflow_steps")[0])
    history = open_history([db, tmp_path / "other.db"])
    assert "other" in history.steps()["component"].tolist()
    assert [source.salvage() for source in history.sources] == [
        source.name.endswith("other.db") for source in history.sources
    ]


def test_reading_what_is_damaged_changes_nothing(db):
    """The copy is nowhere in the folder."""
    damage(db, leaves_of(db, "flexiflow_steps")[0])
    before = db.read_bytes()
    open_history(db).steps()
    assert db.read_bytes() == before
    assert [path.name for path in db.parent.iterdir()] == ["state.db"]


def test_where_not_even_the_schema_can_be_read(db):
    """An error in four parts, as before."""
    damage(db, 1)
    with pytest.raises(PersistenceError) as caught:
        open_history(db)
    assert caught.value.fix


def test_an_index_that_leads_back_is_read_around(tmp_path):
    """SQLite follows it without noticing, from a late row to an early one and so on for ever."""
    db = tmp_path / "state.db"
    written = Written(db)
    written.conn.execute("BEGIN")
    for _ in range(ORDERS):
        written.step("order-1", "pay", "Draft", "Paid")
    written.conn.execute("COMMIT")
    written.conn.close()
    with closing(sqlite3.connect(db)) as conn:
        # The index gets the entries of another one, in which ids fall as the keys rise.
        conn.execute(f"UPDATE flexiflow_steps SET start_us = {ORDERS} - id")
        conn.execute("CREATE INDEX backwards ON flexiflow_steps (component_name, start_us)")
        conn.execute("PRAGMA writable_schema = 1")
        conn.execute(
            """UPDATE sqlite_master SET rootpage =
                (SELECT rootpage FROM sqlite_master WHERE name = 'backwards')
            WHERE name = 'flexiflow_steps_component'"""
        )
        conn.execute("DELETE FROM sqlite_master WHERE name = 'backwards'")
        conn.commit()
    history = open_history(db)
    assert history.steps("order-1")["id"].tolist() == list(range(1, ORDERS + 1))
    assert [notice for notice in history.notices if "is damaged" in notice]

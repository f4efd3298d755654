"""The tables, migrating a database of 1.x, and transactions."""

import sqlite3

import pytest

from flexiflow.errors import PersistenceError
from flexiflow.persistence import schema
from flexiflow.persistence.schema import (
    APPLICATION_ID,
    MACHINES,
    MARKERS,
    PARTS,
    RUNS,
    SCHEMA,
    SNAPSHOTS,
    STEPS,
    VERSION,
    columns_of,
    cursor,
    has_table,
    migrate,
    reading,
    transaction,
    version_of,
)
from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import load_latest_snapshot, save_snapshot

TABLES = {SNAPSHOTS, STEPS, RUNS, MACHINES, PARTS, MARKERS, SCHEMA}


def pragma(conn, name):
    return conn.execute(f"PRAGMA {name}").fetchone()[0]


def dump(conn):
    return list(conn.iterdump())


def brought_up(conn):
    with transaction(conn):
        migrate(conn)


# -- a new database -----------------------------------------------------------------------


def test_a_new_database_gets_every_table(conn):
    """And is marked as FlexiFlow's, with the schema's version."""
    assert version_of(conn) == 0
    brought_up(conn)
    rows = conn.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    assert {name for (name,) in rows} - {"sqlite_sequence"} == TABLES
    assert pragma(conn, "user_version") == VERSION
    assert pragma(conn, "application_id") == APPLICATION_ID
    assert version_of(conn) == VERSION


def test_migrating_twice_does_nothing(conn):
    """It is asked before every save."""
    brought_up(conn)
    before = dump(conn)
    brought_up(conn)
    assert dump(conn) == before


def test_the_application_id_spells_the_name():
    """So that `file` and people can tell what it is."""
    assert APPLICATION_ID.to_bytes(4, "big") == b"FLXF"


# -- a database of 1.x --------------------------------------------------------------------


def rows_of_1_x(conn):
    query = f"SELECT id, component_name, snapshot_json, created_at FROM {SNAPSHOTS} ORDER BY id"
    return conn.execute(query).fetchall()


def test_a_database_of_1_x_is_migrated_in_place_and_loses_nothing(old):
    """Its rows stay as they are, to the byte; the new columns are null."""
    before = rows_of_1_x(old)
    assert version_of(old) == 1
    brought_up(old)
    assert rows_of_1_x(old) == before
    assert version_of(old) == VERSION
    new = [name for name in columns_of(old, SNAPSHOTS) if name not in _COLUMNS_OF_1_X]
    nulls = " AND ".join(f"{name} IS NULL" for name in new)
    query = f"SELECT count(*) FROM {SNAPSHOTS} WHERE {nulls}"
    assert old.execute(query).fetchone() == (3,)


_COLUMNS_OF_1_X = ("id", "component_name", "snapshot_json", "created_at")


def test_a_migrated_database_has_the_columns_of_a_new_one(old, connect):
    """In the same order, whichever way it came about."""
    fresh = connect("fresh.db")
    brought_up(fresh)
    brought_up(old)
    for table in TABLES:
        assert columns_of(old, table) == columns_of(fresh, table)


def test_1_x_may_go_on_inserting_after_the_migration(old, insert_1_x):
    """Its rows are read as they are, and ids go on."""
    brought_up(old)
    row_id = insert_1_x(old, state="Shipped", attempts=3)
    assert row_id == 4
    assert load_latest_snapshot(old, "order").current_state == "Shipped"
    assert save_snapshot(old, ComponentSnapshot("order", "Done")) == 5
    assert load_latest_snapshot(old, "order").current_state == "Done"


def test_1_x_may_insert_into_a_new_database_too(conn, insert_1_x):
    """Every column that it does not know may be left out."""
    brought_up(conn)
    insert_1_x(conn, state="Paying")
    assert load_latest_snapshot(conn, "order").current_state == "Paying"


def test_a_column_that_somebody_added_is_kept(old):
    """A table of 1.x may have got a column of ours, or one of an application's, before."""
    old.execute(f"ALTER TABLE {SNAPSHOTS} ADD COLUMN state TEXT")
    old.execute(f"ALTER TABLE {SNAPSHOTS} ADD COLUMN note TEXT DEFAULT 'mine'")
    save_snapshot(old, ComponentSnapshot("order", "Done"))
    assert load_latest_snapshot(old, "order").current_state == "Done"
    assert old.execute(f"SELECT DISTINCT note FROM {SNAPSHOTS}").fetchall() == [("mine",)]


def failing_at(conn, words):
    """Let the statement that contains `words` fail as a full disk would."""

    def authorize(action, first, second, *_):
        return sqlite3.SQLITE_DENY if words in (first, second) else sqlite3.SQLITE_OK

    conn.set_authorizer(authorize)


@pytest.mark.parametrize(
    "words", [STEPS, MARKERS, f"{SNAPSHOTS}_correlation", f"{SNAPSHOTS}_full", "user_version"]
)
def test_a_migration_that_fails_in_the_middle_changes_nothing(old, words):
    """All or nothing, wherever it fails."""
    before = dump(old)
    failing_at(old, words)
    with pytest.raises(PersistenceError, match="can't be written"):
        brought_up(old)
    old.set_authorizer(None)
    assert not old.in_transaction
    assert dump(old) == before
    assert version_of(old) == 1
    assert pragma(old, "user_version") == 0
    brought_up(old)
    assert version_of(old) == VERSION


def test_a_save_that_fails_does_not_leave_a_migration_behind(old):
    """The migration is part of the first write's transaction."""
    before = dump(old)
    failing_at(old, PARTS)
    with pytest.raises(PersistenceError):
        save_snapshot(old, ComponentSnapshot("order", "Done"))
    old.set_authorizer(None)
    assert dump(old) == before


# -- an application's own database --------------------------------------------------------


@pytest.fixture
def applications(conn):
    """A database with tables, a version and an id of an application's own."""
    conn.execute("CREATE TABLE customers (name TEXT)")
    conn.execute("INSERT INTO customers VALUES ('x')")
    conn.execute("PRAGMA user_version = 37")
    conn.commit()
    return conn


def test_an_applications_version_and_id_are_left_alone(applications):
    """The tables speak for themselves there."""
    assert version_of(applications) == 0
    brought_up(applications)
    assert pragma(applications, "user_version") == 37
    assert pragma(applications, "application_id") == 0
    assert version_of(applications) == VERSION
    assert applications.execute("SELECT * FROM customers").fetchall() == [("x",)]


def test_an_applications_own_id_is_left_alone(conn):
    """Even where it has no tables yet."""
    conn.execute("PRAGMA application_id = 7")
    brought_up(conn)
    assert pragma(conn, "application_id") == 7
    assert pragma(conn, "user_version") == 0


def test_an_applications_own_version_is_left_alone(conn):
    """It may number its schema before it has a table."""
    conn.execute("PRAGMA user_version = 5")
    brought_up(conn)
    assert pragma(conn, "user_version") == 5


def test_1_x_tables_in_an_applications_database_are_migrated(applications, insert_1_x):
    """And its own are not touched."""
    applications.execute(
        f"CREATE TABLE {SNAPSHOTS} (id INTEGER PRIMARY KEY AUTOINCREMENT, component_name TEXT,"
        " snapshot_json TEXT, created_at TEXT)"
    )
    insert_1_x(applications)
    assert version_of(applications) == 1
    save_snapshot(applications, ComponentSnapshot("order", "Done"))
    assert version_of(applications) == VERSION
    assert pragma(applications, "user_version") == 37
    assert len(rows_of_1_x(applications)) == 2


# -- a newer schema -----------------------------------------------------------------------


def test_a_newer_schema_is_refused_for_reading_and_writing(conn):
    """This version might misread it; the error says what to install."""
    save_snapshot(conn, ComponentSnapshot("a", "S"))
    conn.execute(f"PRAGMA user_version = {VERSION + 1}")
    for use in (
        lambda: save_snapshot(conn, ComponentSnapshot("a", "S")),
        lambda: load_latest_snapshot(conn, "a"),
        lambda: brought_up(conn),
    ):
        with pytest.raises(PersistenceError, match=f"schema version {VERSION + 1}") as caught:
            use()
        assert "pip install -U" in caught.value.fix
    assert conn.execute(f"SELECT count(*) FROM {SNAPSHOTS}").fetchone() == (1,)


@pytest.mark.parametrize("version", [0, 1, 37])
def test_an_application_may_number_a_file_that_was_made_here(conn, version):
    """Its tables and its number came later: the file goes on being read and written."""
    brought_up(conn)
    conn.execute("CREATE TABLE customers (name TEXT)")
    conn.execute(f"PRAGMA user_version = {version}")
    save_snapshot(conn, ComponentSnapshot("a", "S"))
    assert load_latest_snapshot(conn, "a") == ComponentSnapshot("a", "S")
    assert pragma(conn, "user_version") == version


def test_a_newer_schema_in_an_applications_database_is_refused(applications):
    """Its user_version says nothing of it; a table of ours does."""
    save_snapshot(applications, ComponentSnapshot("a", "S"))
    applications.execute(f"UPDATE {SCHEMA} SET version = {VERSION + 1}")
    applications.commit()
    for use in (
        lambda: save_snapshot(applications, ComponentSnapshot("a", "S")),
        lambda: load_latest_snapshot(applications, "a"),
    ):
        with pytest.raises(PersistenceError, match=f"schema version {VERSION + 1}"):
            use()


def test_a_version_that_is_no_number_is_none(applications):
    """A damaged one is as if it were not there."""
    save_snapshot(applications, ComponentSnapshot("a", "S"))
    applications.execute(f"UPDATE {SCHEMA} SET version = 'x'")
    assert version_of(applications) == VERSION


# -- looking ------------------------------------------------------------------------------


def named_rows(found, row):
    return dict(zip([column[0] for column in found.description], row, strict=True))


@pytest.mark.parametrize("row_factory", [sqlite3.Row, named_rows, lambda found, row: list(row)])
def test_a_row_factory_on_the_connection_does_no_harm(old, row_factory):
    """Nor is it changed."""
    old.row_factory = row_factory
    brought_up(old)
    assert has_table(old, STEPS)
    assert not has_table(old, "missing")
    assert "format" in columns_of(old, SNAPSHOTS)
    assert version_of(old) == VERSION
    assert old.row_factory is row_factory


def test_a_text_factory_on_the_connection_does_no_harm(old):
    """A connection that gives bytes migrates and is recognised all the same."""
    old.text_factory = bytes
    assert version_of(old) == 1
    brought_up(old)
    assert version_of(old) == VERSION
    assert pragma(old, "application_id") == APPLICATION_ID
    assert "format" in columns_of(old, SNAPSHOTS)


def test_columns_of_a_missing_table(conn):
    """There are none."""
    assert columns_of(conn, "missing") == []


def test_a_view_is_no_table(conn):
    """Only tables hold a history."""
    brought_up(conn)
    assert not has_table(conn, f"{SNAPSHOTS}_full")


# -- transactions -------------------------------------------------------------------------


@pytest.mark.parametrize("isolation_level", [None, "", "DEFERRED", "IMMEDIATE"])
def test_a_transaction_of_its_own_commits(connect, isolation_level):
    """Whatever the connection does by itself."""
    conn = connect("a.db", isolation_level=isolation_level)
    with transaction(conn) as run:
        run.execute("CREATE TABLE t (x)")
        assert conn.in_transaction
    assert not conn.in_transaction
    assert has_table(connect("a.db"), "t")


def test_a_transaction_of_its_own_rolls_back_on_any_error(conn):
    """And the error reaches the caller as it is."""

    def fail():
        with transaction(conn) as run:
            run.execute("CREATE TABLE t (x)")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    assert not conn.in_transaction
    assert not has_table(conn, "t")


def test_inside_the_callers_transaction_nothing_is_committed(conn, connect):
    """It is a savepoint; the caller commits or rolls back."""
    conn.execute("CREATE TABLE t (x)")
    conn.execute("BEGIN")
    conn.execute("INSERT INTO t VALUES (1)")
    with transaction(conn) as run:
        run.execute("INSERT INTO t VALUES (2)")
    assert conn.in_transaction
    assert connect().execute("SELECT count(*) FROM t").fetchone() == (0,)
    conn.rollback()
    assert conn.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_a_failure_inside_the_callers_transaction_leaves_it_as_it_was(conn):
    """What the caller did before is still there to be committed."""
    conn.execute("CREATE TABLE t (x)")
    conn.execute("BEGIN")
    conn.execute("INSERT INTO t VALUES (1)")

    def fail():
        with transaction(conn) as run:
            run.execute("INSERT INTO t VALUES (2)")
            run.execute("INSERT INTO missing VALUES (1)")

    with pytest.raises(PersistenceError):
        fail()
    assert conn.in_transaction
    conn.commit()
    assert conn.execute("SELECT x FROM t").fetchall() == [(1,)]


def test_a_transaction_that_sqlite_rolled_back_itself_keeps_its_reason(conn):
    """The savepoint is gone with it; the error is the first one."""
    conn.execute("CREATE TABLE t (x)")
    conn.execute("BEGIN")

    def fail():
        with transaction(conn):
            conn.execute("ROLLBACK")
            raise sqlite3.OperationalError("disk I/O error")

    with pytest.raises(PersistenceError, match="can't be written") as caught:
        fail()
    assert "disk I/O error" in caught.value.why


def test_a_commit_that_fails_is_rolled_back(conn):
    """A deferred constraint fails at the commit."""
    conn.execute("PRAGMA foreign_keys = ON")
    conn.execute("CREATE TABLE parent (id INTEGER PRIMARY KEY)")
    conn.execute(
        "CREATE TABLE child (id REFERENCES parent DEFERRABLE INITIALLY DEFERRED)",
    )
    with pytest.raises(PersistenceError, match="can't be written"), transaction(conn) as run:
        run.execute("INSERT INTO child VALUES (5)")
    assert not conn.in_transaction
    assert conn.execute("SELECT count(*) FROM child").fetchone() == (0,)


def test_a_locked_database_says_who_is_in_the_way(connect):
    """With SQLite's own name for it, and what to do."""
    holder = connect("a.db", isolation_level=None)
    holder.execute("BEGIN EXCLUSIVE")
    blocked = connect("a.db", timeout=0)
    with pytest.raises(PersistenceError) as caught, transaction(blocked):
        pass
    assert caught.value.context_items == {"sqlite_error": "SQLITE_BUSY"}
    assert "Another program" in caught.value.fix
    assert isinstance(caught.value.__cause__, sqlite3.OperationalError)


def test_errors_while_reading_are_ours(connect, tmp_path):
    """A file that is no database."""
    (tmp_path / "text.db").write_text("This is not a database at all, only some text. " * 50)
    conn = connect("text.db")
    with pytest.raises(PersistenceError, match="can't be read") as caught, reading():
        conn.execute("SELECT * FROM sqlite_master")
    assert caught.value.context_items["sqlite_error"] == "SQLITE_NOTADB"
    assert "not a SQLite database" in caught.value.fix


def test_the_cursor_gives_tuples(conn):
    """And shares nothing else with the caller's."""
    conn.row_factory = sqlite3.Row
    assert type(cursor(conn).execute("SELECT 1").fetchone()) is tuple
    assert type(conn.execute("SELECT 1").fetchone()) is sqlite3.Row


def test_the_statements_hold_no_semicolon_of_their_own():
    """The script is split at every one of them."""
    for statement in schema._statements(schema._TABLES + schema._INDEXES):
        assert statement.strip().startswith("CREATE ")

"""Snapshots in a SQLite database, through a connection that the caller owns."""

import collections
import datetime as dt
import json
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexiflow.correlation import current_span, set_correlation_id
from flexiflow.errors import InvalidType, InvalidValue, PersistenceError
from flexiflow.hooks import snapshot_listeners
from flexiflow.persistence.rows import LARGE, MARKER_COLUMNS, STEP_COLUMNS, insert_chained, link
from flexiflow.persistence.schema import MARKERS, PARTS, SNAPSHOTS, STEPS, transaction
from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import (
    list_snapshots,
    load_latest_snapshot,
    prune_snapshots,
    save_snapshot,
)
from flexiflow.persistence.tagged import Placeholder


def snap(name="order", state="Paying", rules=(), **metadata):
    return ComponentSnapshot(name, state, list(rules), metadata)


def ids(conn, name="order"):
    query = f"SELECT id FROM {SNAPSHOTS} WHERE component_name = ? ORDER BY id"
    return [row_id for (row_id,) in conn.execute(query, (name,))]


# -- saving and loading -------------------------------------------------------------------


def test_save_and_load(conn):
    """The id that comes back is the row's."""
    assert save_snapshot(conn, snap(total=1)) == 1
    assert save_snapshot(conn, snap(total=2)) == 2
    assert load_latest_snapshot(conn, "order") == snap(total=2)


def test_nothing_saved_is_none(conn):
    """In an empty file, and for a component that has no snapshot."""
    assert load_latest_snapshot(conn, "order") is None
    save_snapshot(conn, snap())
    assert load_latest_snapshot(conn, "other") is None


values = st.recursive(
    st.none()
    | st.integers()
    | st.floats(allow_nan=False)
    | st.text(st.characters(), max_size=9)
    | st.binary(max_size=9)
    | st.decimals(allow_nan=False)
    | st.datetimes(timezones=st.just(dt.UTC))
    | st.integers(LARGE, LARGE + 9).map(lambda n: "x" * n),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.tuples(inner)
        | st.dictionaries(st.text(max_size=3) | st.sampled_from(["$ref", "$"]), inner, max_size=3)
        | st.dictionaries(st.integers(), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.text(st.characters(), max_size=20),
    values,
    st.lists(values, max_size=2),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=80,
)
def test_any_snapshot_comes_back(conn, name, value, rules):
    """Large parts and tags included; and what is stored is strict JSON."""
    snapshot = ComponentSnapshot(name, "S", rules, {"value": value, "$x": value})
    save_snapshot(conn, snapshot)
    assert load_latest_snapshot(conn, name) == snapshot
    query = f"""SELECT min(json_valid(snapshot_json)), min(json_valid(full_json))
        FROM {SNAPSHOTS}_full"""
    assert conn.execute(query).fetchone() == (1, 1)
    assert conn.execute(f"SELECT min(json_valid(json)) FROM {PARTS}").fetchone() in ((1,), (None,))


@pytest.mark.parametrize(
    "name", ["", "'\"; DROP TABLE x; --", "a\nb\r\0c", "<b>&amp;</b>", "🎉‮", "ä" * 5000, "\ud800"]
)
def test_any_name_is_a_name(conn, name):
    """It is a value, never a part of a statement."""
    save_snapshot(conn, snap(name))
    assert load_latest_snapshot(conn, name) == snap(name)
    assert list_snapshots(conn, name)[0]["current_state"] == "Paying"
    assert prune_snapshots(conn, name, keep=0) == 1


def test_an_ordered_dict_and_a_tuple_can_be_restored(conn):
    """They come back as dict and list."""
    data = collections.OrderedDict(a=1)
    save_snapshot(conn, ComponentSnapshot("order", "S", ("r",), data))
    assert load_latest_snapshot(conn, "order") == ComponentSnapshot("order", "S", ["r"], {"a": 1})


def test_equal_large_parts_are_stored_once(conn):
    """Ten thousand snapshots with the same rules must not hold them ten thousand times."""
    for n in range(20):
        save_snapshot(conn, snap(rules=["r" * LARGE], n=n))
    assert conn.execute(f"SELECT count(*) FROM {PARTS}").fetchone() == (1,)


def test_a_missing_part_is_a_placeholder(conn):
    """The rest of the snapshot is read."""
    save_snapshot(conn, snap(big="x" * LARGE, small=1))
    conn.execute(f"DELETE FROM {PARTS}")
    metadata = load_latest_snapshot(conn, "order").metadata
    assert metadata["small"] == 1
    assert isinstance(metadata["big"], Placeholder)
    assert "is missing" in metadata["big"].text


def test_too_deep_data_is_an_error_and_saves_nothing(conn):
    """Nor does it migrate."""
    value = []
    for _ in range(300):
        value = [value]
    with pytest.raises(PersistenceError, match="nested too deeply"):
        save_snapshot(conn, snap(value=value))
    assert conn.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)


# -- order --------------------------------------------------------------------------------


@given(
    st.lists(
        st.datetimes(dt.datetime(1000, 1, 1), timezones=st.none() | st.just(dt.UTC)),
        min_size=1,
        max_size=12,
    ),
    st.integers(0, 13),
)
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=50,
)
def test_order_is_the_id_whatever_the_clocks_say(connect, times, keep):
    """Newest, listing and pruning go by the order of saving."""
    conn = connect(None)
    for n, moment in enumerate(times, 1):
        assert save_snapshot(conn, snap(n=n), created_at=moment) == n
    assert load_latest_snapshot(conn, "order").metadata == {"n": len(times)}
    newest_first = list(range(len(times), 0, -1))
    assert [row["id"] for row in list_snapshots(conn, "order", limit=99)] == newest_first
    assert prune_snapshots(conn, "order", keep=keep) == max(0, len(times) - keep)
    assert [row["id"] for row in list_snapshots(conn, "order", limit=99)] == newest_first[:keep]


# -- times --------------------------------------------------------------------------------


def stored_time(conn):
    return conn.execute(f"SELECT created_at, time_us FROM {SNAPSHOTS}").fetchone()


@pytest.mark.parametrize(
    ("given_time", "text", "time_us"),
    [
        ("2026-01-31T12:00:00+00:00", "2026-01-31T12:00:00+00:00", 1_769_860_800_000_000),
        ("2026-01-31T12:00:00", "2026-01-31T12:00:00", 1_769_860_800_000_000),
        ("2026-01-31", "2026-01-31", 1_769_817_600_000_000),
        ("2026-01-31T13:00:00.5+01:00", "2026-01-31T13:00:00.5+01:00", 1_769_860_800_500_000),
        (
            dt.datetime(2026, 1, 31, 12, tzinfo=dt.UTC),
            "2026-01-31T12:00:00.000000+00:00",
            1_769_860_800_000_000,
        ),
        (
            dt.datetime(2026, 1, 31, 13, tzinfo=dt.timezone(dt.timedelta(hours=1))),
            "2026-01-31T12:00:00.000000+00:00",
            1_769_860_800_000_000,
        ),
        (dt.datetime(2026, 1, 31, 12), "2026-01-31T12:00:00.000000+00:00", 1_769_860_800_000_000),
    ],
)
def test_a_time_may_be_text_or_a_datetime(conn, given_time, text, time_us):
    """Text is stored as it was given; without a zone it is UTC."""
    save_snapshot(conn, snap(), created_at=given_time)
    assert stored_time(conn) == (text, time_us)


def test_the_time_is_now_unless_given(conn):
    """In UTC."""
    before = dt.datetime.now(dt.UTC)
    save_snapshot(conn, snap())
    created_at, time_us = stored_time(conn)
    assert before <= dt.datetime.fromisoformat(created_at) <= dt.datetime.now(dt.UTC)
    assert dt.datetime.fromisoformat(created_at).timestamp() == pytest.approx(time_us / 1e6)


@pytest.mark.parametrize("wrong", ["yesterday", "", 5, 1.5, dt.date(2026, 1, 1), object()])
def test_what_is_no_time_is_a_value_error(conn, wrong):
    """With the way to write one; nothing is saved."""
    with pytest.raises(InvalidValue, match="created_at is not a time") as caught:
        save_snapshot(conn, snap(), created_at=wrong)
    assert "ISO 8601" in caught.value.fix
    assert caught.value.__cause__ is not None
    assert load_latest_snapshot(conn, "order") is None


# -- whose transaction --------------------------------------------------------------------


def test_a_save_commits_where_no_transaction_is_open(conn, connect):
    """As in 1.x."""
    save_snapshot(conn, snap())
    assert not conn.in_transaction
    assert load_latest_snapshot(connect(), "order") == snap()


def test_a_save_that_makes_a_file_lets_it_be_shortened_later(conn, old):
    """One that has tables already stays as it is: it would have to be written anew."""
    for each in (conn, old):
        save_snapshot(each, ComponentSnapshot("order", "Draft"))
    assert conn.execute("PRAGMA auto_vacuum").fetchone() == (2,)
    assert old.execute("PRAGMA auto_vacuum").fetchone() == (0,)


def test_a_save_in_the_callers_transaction_never_commits(conn, connect):
    """The caller decides, for its own rows and ours together."""
    conn.execute("CREATE TABLE mine (x)")
    conn.execute("BEGIN")
    conn.execute("INSERT INTO mine VALUES (1)")
    save_snapshot(conn, snap())
    assert conn.in_transaction
    assert load_latest_snapshot(connect(), "order") is None
    conn.rollback()
    assert load_latest_snapshot(conn, "order") is None
    assert conn.execute("SELECT count(*) FROM mine").fetchone() == (0,)


def test_the_implicit_transaction_of_python_is_the_callers_too(conn, connect):
    """It is open after the first insert."""
    save_snapshot(conn, snap(n=1))
    conn.execute("CREATE TABLE mine (x)")
    conn.execute("INSERT INTO mine VALUES (1)")
    save_snapshot(conn, snap(n=2))
    prune_snapshots(conn, "order", keep=1)
    assert load_latest_snapshot(connect(), "order") == snap(n=1)
    conn.commit()
    assert load_latest_snapshot(connect(), "order") == snap(n=2)


def test_a_with_block_of_the_connection_commits_all(conn, connect):
    """The usual way to write it."""
    with conn:
        conn.execute("BEGIN")
        save_snapshot(conn, snap(n=1))
        save_snapshot(conn, snap(n=2))
    assert ids(connect()) == [1, 2]


def test_a_save_that_fails_leaves_the_callers_transaction_open(conn):
    """With what the caller had done in it."""
    save_snapshot(conn, snap(n=1))
    conn.execute(
        f"""CREATE TRIGGER refusing BEFORE INSERT ON {SNAPSHOTS}
            BEGIN SELECT RAISE(ABORT, 'not today'); END"""
    )
    conn.execute("CREATE TABLE mine (x)")
    conn.execute("INSERT INTO mine VALUES (1)")
    with pytest.raises(PersistenceError, match="can't be written") as caught:
        save_snapshot(conn, snap(n=2))
    assert "not today" in caught.value.why
    conn.commit()
    assert conn.execute("SELECT count(*) FROM mine").fetchone() == (1,)
    assert ids(conn) == [1]


# -- databases of 1.x ---------------------------------------------------------------------


def test_a_database_of_1_x_is_read_as_it_is(old):
    """Without being changed: not a byte, not a table."""
    before = list(old.iterdump())
    latest = load_latest_snapshot(old, "order")
    assert (latest.current_state, latest.metadata["attempts"]) == ("Paid", 2)
    assert repr(latest.metadata["ratio"]) == "nan"
    listed = list_snapshots(old, "order")
    assert [(row["id"], row["current_state"]) for row in listed] == [(2, "Paid"), (1, "Paying")]
    assert list(old.iterdump()) == before


def test_a_dollar_in_a_row_of_1_x_is_no_tag(old, insert_1_x):
    """Before the migration and after it."""
    insert_1_x(old, name="dollar", **{"$tuple": [1]})
    assert load_latest_snapshot(old, "dollar").metadata == {"$tuple": [1]}
    save_snapshot(old, snap())
    assert load_latest_snapshot(old, "dollar").metadata == {"$tuple": [1]}


def test_the_first_save_migrates(old):
    """And goes on where 1.x stopped."""
    assert save_snapshot(old, snap(state="Done")) == 4
    assert load_latest_snapshot(old, "order") == snap(state="Done")
    assert [row["id"] for row in list_snapshots(old, "order")] == [4, 2, 1]


def test_pruning_is_a_write_and_migrates(old):
    """Its marker needs a table."""
    assert prune_snapshots(old, "order", keep=1) == 1
    assert ids(old) == [2]
    assert old.execute(f"SELECT kind, first_id, last_id, rows FROM {MARKERS}").fetchall() == [
        ("pruned", 1, 1, 1)
    ]


# -- reading changes nothing --------------------------------------------------------------


def test_reading_never_writes(conn, connect, tmp_path):
    """Not with the default isolation, not in an empty file, not to the file's bytes."""
    for n in range(3):
        save_snapshot(conn, snap(n=n))
    conn.close()
    path = tmp_path / "state.db"
    before = path.read_bytes()
    reader = connect()
    load_latest_snapshot(reader, "order")
    list_snapshots(reader, "order")
    assert reader.total_changes == 0
    assert not reader.in_transaction
    reader.close()
    assert path.read_bytes() == before
    empty = connect("empty.db")
    assert load_latest_snapshot(empty, "order") is None
    assert list_snapshots(empty, "order") == []
    assert prune_snapshots(empty, "order") == 0
    assert (tmp_path / "empty.db").stat().st_size == 0


def test_a_read_only_connection_will_do(conn, tmp_path):
    """Reading needs no more."""
    save_snapshot(conn, snap())
    reader = sqlite3.connect(f"file:{tmp_path / 'state.db'}?mode=ro", uri=True)
    try:
        assert load_latest_snapshot(reader, "order") == snap()
        assert len(list_snapshots(reader, "order")) == 1
        with pytest.raises(PersistenceError, match="can't be written") as caught:
            save_snapshot(reader, snap())
        assert "read-only" in caught.value.fix
    finally:
        reader.close()


@pytest.mark.parametrize("row_factory", [sqlite3.Row, lambda found, row: {"row": row}])
def test_a_row_factory_on_the_connection_does_no_harm(conn, row_factory):
    """It is the caller's, and stays."""
    conn.row_factory = row_factory
    save_snapshot(conn, snap(n=1, big="x" * LARGE))
    assert load_latest_snapshot(conn, "order").metadata["n"] == 1
    assert list_snapshots(conn, "order")[0]["id"] == 1
    assert prune_snapshots(conn, "order", keep=0) == 1
    assert conn.row_factory is row_factory


def test_a_text_factory_on_the_connection_does_no_harm(conn):
    """A connection that gives bytes reads what it saves."""
    conn.text_factory = bytes
    save_snapshot(conn, snap(n=1, big="x" * LARGE))
    assert load_latest_snapshot(conn, "order").metadata == {"n": 1, "big": "x" * LARGE}


# -- listing ------------------------------------------------------------------------------


def test_a_listing_has_the_columns_of_1_x_and_more(conn):
    """id, created_at, current_state; newest first, ten unless told."""
    for n in range(12):
        save_snapshot(conn, snap(state=f"S{n}"), created_at=f"2026-01-{n + 1:02d}T00:00:00+00:00")
    listed = list_snapshots(conn, "order")
    assert [row["id"] for row in listed] == list(range(12, 2, -1))
    assert listed[0] == {
        "id": 12,
        "created_at": "2026-01-12T00:00:00+00:00",
        "current_state": "S11",
        "correlation_id": None,
        "step_id": None,
        "error": None,
    }
    assert len(list_snapshots(conn, "order", limit=3)) == 3
    assert list_snapshots(conn, "order", limit=0) == []


@pytest.mark.parametrize("wrong", [-1, 1.5, "5", None, True])
def test_a_limit_that_is_no_number_of_rows(conn, wrong):
    """A ValueError that says so."""
    with pytest.raises(InvalidValue, match="limit must be a number of rows"):
        list_snapshots(conn, "order", limit=wrong)


@pytest.mark.parametrize("body", ["{", "5", '{"name": "x"}', "", '{"current_state": 5}'])
def test_a_broken_row_is_shown_as_broken_and_hides_nothing(conn, body):
    """Whether 1.x wrote it or we did."""
    save_snapshot(conn, snap(n=1))
    save_snapshot(conn, snap(n=2))
    conn.execute(f"UPDATE {SNAPSHOTS} SET snapshot_json = ? WHERE id = 2", (body,))
    if body in ("5", '{"name": "x"}', '{"current_state": 5}'):  # JSON, but of nobody known
        conn.execute(f"UPDATE {SNAPSHOTS} SET state = NULL, format = NULL WHERE id = 2")
    broken, whole = list_snapshots(conn, "order")
    assert broken["current_state"] is None
    assert broken["error"]
    assert (whole["current_state"], whole["error"]) == ("Paying", None)
    with pytest.raises(PersistenceError) as caught:
        load_latest_snapshot(conn, "order")
    assert f"row 2 of {SNAPSHOTS}" in str(caught.value)


@pytest.mark.parametrize("body", [5, None, b"\xff"])
def test_a_row_that_is_not_even_text(old, body):
    """1.x's table takes anything."""
    old.execute(f"UPDATE {SNAPSHOTS} SET snapshot_json = ? WHERE id = 2", (body,))
    assert list_snapshots(old, "order")[0]["error"]
    with pytest.raises(PersistenceError):
        load_latest_snapshot(old, "order")


# -- pruning ------------------------------------------------------------------------------


def test_pruning_keeps_ten_unless_told(conn):
    """And returns how many rows are gone."""
    for _ in range(15):
        save_snapshot(conn, snap())
    assert prune_snapshots(conn, "order") == 5
    assert ids(conn) == list(range(6, 16))


@pytest.mark.parametrize("spelling", ["keep", "keep_last"])
def test_both_spellings_of_keep(conn, spelling):
    """The older one means the same."""
    for _ in range(5):
        save_snapshot(conn, snap())
    assert prune_snapshots(conn, "order", **{spelling: 2}) == 3
    assert ids(conn) == [4, 5]


def test_both_spellings_at_once_are_a_type_error(conn):
    """They are the same argument."""
    with pytest.raises(InvalidType, match="same argument") as caught:
        prune_snapshots(conn, "order", keep=1, keep_last=1)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize("wrong", [-1, 2.0, "5", False])
def test_a_keep_that_is_no_number_of_rows(conn, wrong):
    """Nothing is deleted."""
    save_snapshot(conn, snap())
    with pytest.raises(InvalidValue, match="keep must be a number of rows"):
        prune_snapshots(conn, "order", keep=wrong)
    assert ids(conn) == [1]


def test_pruning_touches_one_component_only(conn):
    """Their ids are mixed."""
    for _ in range(4):
        save_snapshot(conn, snap("order"))
        save_snapshot(conn, snap("other"))
    prune_snapshots(conn, "order", keep=1)
    assert ids(conn, "order") == [7]
    assert ids(conn, "other") == [2, 4, 6, 8]


def test_pruning_leaves_a_chained_marker(conn):
    """Which rows of which component are gone, so that the chain's gap is explained."""
    for _ in range(3):
        save_snapshot(conn, snap("order"))
        save_snapshot(conn, snap("other"))
    prune_snapshots(conn, "order", keep=1)
    prune_snapshots(conn, "other", keep=0)
    columns = ", ".join(("id", *MARKER_COLUMNS, "prev_hash", "hash"))
    first, second = conn.execute(f"SELECT {columns} FROM {MARKERS} ORDER BY id").fetchall()
    named = dict(zip(MARKER_COLUMNS, first[1:-2], strict=True))
    assert named.pop("time_us") > 0
    assert named == {
        "kind": "pruned",
        "run_id": None,
        "component_name": "order",
        "table_name": SNAPSHOTS,
        "first_id": 1,
        "last_id": 3,
        "rows": 2,
        "detail_json": '{"begins":1,"runs":[1,1,2,1]}',
    }
    assert link(MARKERS, 1, first[1:-2], None) == first[-1]
    assert link(MARKERS, 2, second[1:-2], first[-1]) == second[-1]


def test_pruning_nothing_leaves_no_marker(conn):
    """There is nothing to explain."""
    save_snapshot(conn, snap())
    assert prune_snapshots(conn, "order", keep=5) == 0
    assert conn.execute(f"SELECT count(*) FROM {MARKERS}").fetchone() == (0,)


def test_the_chain_goes_on_after_pruning(conn):
    """The newest hash is the one before the next row, as long as a row is left."""
    for _ in range(3):
        save_snapshot(conn, snap())
    prune_snapshots(conn, "order", keep=1)
    save_snapshot(conn, snap())
    rows = conn.execute(f"SELECT prev_hash, hash FROM {SNAPSHOTS} ORDER BY id").fetchall()
    assert rows[1][0] == rows[0][1]


# -- ids, and who hears of it -------------------------------------------------------------


def test_a_save_within_a_message_has_its_id(conn):
    """The correlation id is a column of its own."""
    set_correlation_id("mine")
    try:
        save_snapshot(conn, snap())
    finally:
        current_span.set(None)
    save_snapshot(conn, snap())
    listed = list_snapshots(conn, "order")
    assert [row["correlation_id"] for row in listed] == [None, "mine"]


def test_a_recorded_step_shows_in_a_listing(conn):
    """A recording's rows are listed like those that are saved by hand."""
    save_snapshot(conn, snap())
    values = dict.fromkeys(STEP_COLUMNS, "x") | {
        "run_id": 1, "start_us": 1, "duration_us": 1, "tries": 1, "guards_json": None
    }  # fmt: skip
    with transaction(conn) as run:
        insert_chained(run, STEPS, [tuple(values.values())])
    conn.execute(f"UPDATE {SNAPSHOTS} SET step_id = 1")
    assert list_snapshots(conn, "order")[0]["step_id"] == 1


def test_whoever_listens_hears_of_a_save(conn):
    """With the row's id; after the row is there."""
    heard = []

    def listener(name, facts):
        heard.append((name, facts, ids(conn)))

    snapshot_listeners.append(listener)
    try:
        save_snapshot(conn, snap())
    finally:
        snapshot_listeners.remove(listener)
    assert heard == [("order", {"snapshot_id": 1, "state": "Paying"}, [1])]


def test_a_save_is_told_before_the_callers_commit(conn):
    """Nobody tells of the caller's commit, or of a rollback."""
    heard = []
    conn.execute("BEGIN")
    snapshot_listeners.append(lambda name, facts: heard.append(name))
    try:
        save_snapshot(conn, snap())
    finally:
        snapshot_listeners.pop()
    conn.execute("ROLLBACK")
    assert heard == ["order"]


def test_the_stored_json_is_what_1_x_wrote(conn):
    """The same four keys, so that people's own queries go on working."""
    save_snapshot(conn, snap(rules=["r"], total=1))
    (text,) = conn.execute(f"SELECT snapshot_json FROM {SNAPSHOTS}").fetchone()
    assert json.loads(text) == {
        "name": "order",
        "current_state": "Paying",
        "rules": ["r"],
        "metadata": {"total": 1},
    }

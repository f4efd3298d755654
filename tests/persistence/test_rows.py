"""What is stored of a row: its values, its large parts, and the chain of hashes."""

import hashlib
import json
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flexiflow.errors import PersistenceError
from flexiflow.persistence import tagged
from flexiflow.persistence.rows import (
    CHAINED_COLUMNS,
    LARGE,
    MARKER_COLUMNS,
    SNAPSHOT_COLUMNS,
    STEP_COLUMNS,
    insert_chained,
    iso_time,
    link,
    snapshot_json,
    store_parts,
)
from flexiflow.persistence.schema import (
    MARKERS,
    PARTS,
    SNAPSHOTS,
    STEPS,
    migrate,
    transaction,
)


@pytest.fixture
def ready(connect):
    conn = connect(None)
    with transaction(conn):
        migrate(conn)
    return conn


def stored(conn, table):
    columns = ", ".join(("id", *CHAINED_COLUMNS[table], "prev_hash", "hash"))
    return conn.execute(f"SELECT {columns} FROM {table} ORDER BY id").fetchall()


def assert_chain(conn, table):
    """Recomputing each link over what is stored gives what is stored."""
    before = None
    for row_id, *values, prev_hash, this in stored(conn, table):
        if this is None:
            continue  # a row of 1.x
        assert prev_hash == before
        assert link(table, row_id, values, before) == this
        before = this


marker = ("gap", 5, None, None, None, None, None, 3, '{"lines":1}')
snapshot = ("a", "{}", iso_time(0), 0, "S", "c1", None, None, "f")
step = (
    "a", "c1", 1, 0, 5, "go", "{}", "S", "T", "moved", "s1", None, None, 1, None, None, None, "f",
)  # fmt: skip
ROWS = {MARKERS: marker, SNAPSHOTS: snapshot, STEPS: step}


# -- the chain ----------------------------------------------------------------------------


@pytest.mark.parametrize("table", ROWS)
def test_rows_are_chained_by_hash(ready, table):
    """Each holds the hash before it and its own; the first has nothing before it."""
    with transaction(ready) as run:
        assert insert_chained(run, table, [ROWS[table]] * 3) == [1, 2, 3]
    with transaction(ready) as run:
        assert insert_chained(run, table, [ROWS[table]]) == [4]
    rows = stored(ready, table)
    assert rows[0][-2] is None
    assert len({row[-1] for row in rows}) == 4  # equal values, other ids and neighbours
    assert_chain(ready, table)


def test_a_link_covers_table_id_values_and_the_one_before():
    """Changing any of them changes the hash."""
    reference = link(STEPS, 1, step, b"x")
    others = [
        link(SNAPSHOTS, 1, step, b"x"),
        link(STEPS, 2, step, b"x"),
        link(STEPS, 1, step, b"y"),
        link(STEPS, 1, step, None),
        *(
            link(STEPS, 1, (*step[:at], "changed", *step[at + 1 :]), b"x")
            for at in range(len(step))
        ),
    ]
    assert reference not in others
    assert len(set(others)) == len(others)


def test_the_formula_of_a_link_is_settled():
    """It can't change without a new format number: yesterday's files hold its results."""
    content = b'[2,"flexiflow_markers",7,"gap",null]'
    assert link(MARKERS, 7, ("gap", None), b"abc") == hashlib.sha256(b"abc" + content).digest()


@given(st.lists(st.tuples(st.text(max_size=9), st.integers(-(2**63), 2**63 - 1)), max_size=9))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=50,
)
def test_whatever_is_stored_links_as_it_was_written(ready, rows):
    """SQLite gives back exactly the values that were hashed."""
    ready.execute(f"DELETE FROM {SNAPSHOTS}")
    ready.commit()
    with transaction(ready) as run:
        insert_chained(
            run, SNAPSHOTS, [(text, "{}", text, number, *snapshot[4:]) for text, number in rows]
        )
    before = None
    for row_id, *values, prev_hash, this in stored(ready, SNAPSHOTS):
        assert prev_hash == before
        assert link(SNAPSHOTS, row_id, values, prev_hash) == this
        before = this


def test_the_chain_passes_over_rows_of_1_x(ready, insert_1_x):
    """They are foreign to it, and their ids are respected."""
    with transaction(ready) as run:
        insert_chained(run, SNAPSHOTS, [snapshot])
    assert insert_1_x(ready) == 2
    with transaction(ready) as run:
        assert insert_chained(run, SNAPSHOTS, [snapshot]) == [3]
    assert_chain(ready, SNAPSHOTS)
    assert stored(ready, SNAPSHOTS)[2][-2] == stored(ready, SNAPSHOTS)[0][-1]


def test_an_id_is_never_given_twice(ready):
    """Also where the newest rows were deleted."""
    with transaction(ready) as run:
        insert_chained(run, STEPS, [step] * 3)
    ready.execute(f"DELETE FROM {STEPS} WHERE id > 1")
    ready.commit()
    with transaction(ready) as run:
        assert insert_chained(run, STEPS, [step]) == [4]


def test_a_table_that_has_no_sequence_goes_on_from_its_highest_id(connect):
    """An application may have made the table of 1.x itself, without AUTOINCREMENT."""
    conn = connect(None)
    conn.execute(
        f"CREATE TABLE {SNAPSHOTS} (id INTEGER PRIMARY KEY, component_name TEXT,"
        " snapshot_json TEXT, created_at TEXT)"
    )
    conn.execute(f"INSERT INTO {SNAPSHOTS} VALUES (41, 'a', '{{}}', '')")
    conn.commit()
    with transaction(conn) as run:
        migrate(conn)
        assert insert_chained(run, SNAPSHOTS, [snapshot]) == [42]


@pytest.mark.parametrize("damage", ["'text'", "7", "x'00'"])
def test_a_damaged_sequence_or_hash_stops_no_row(ready, damage):
    """Ids go on above the highest, and the chain from the last hash that is one."""
    with transaction(ready) as run:
        insert_chained(run, STEPS, [step, step])
    ready.execute(f"UPDATE sqlite_sequence SET seq = {damage}")
    ready.execute(f"UPDATE {STEPS} SET hash = {damage} WHERE id = 2")
    with transaction(ready) as run:
        assert max(insert_chained(run, STEPS, [step])) >= 3
    last = "SELECT typeof(prev_hash), typeof(hash) FROM flexiflow_steps ORDER BY id DESC LIMIT 1"
    assert ready.execute(last).fetchone() == ("blob", "blob")


def test_a_table_without_an_id_left_says_so(ready):
    """And writes nothing."""
    ready.execute("INSERT INTO sqlite_sequence VALUES (?, ?)", (STEPS, 2**63 - 1))
    with (
        pytest.raises(PersistenceError, match="no id left") as raised,
        transaction(ready) as run,
    ):
        insert_chained(run, STEPS, [step])
    assert raised.value.context_items == {"table": STEPS, "largest_id": 2**63 - 1}
    assert stored(ready, STEPS) == []


def test_ids_that_were_rolled_back_are_free(ready):
    """The sequence is part of the transaction."""
    ready.execute("BEGIN")
    with transaction(ready) as run:
        insert_chained(run, STEPS, [step])
    ready.rollback()
    with transaction(ready) as run:
        assert insert_chained(run, STEPS, [step]) == [1]


def test_the_chained_columns_are_those_of_the_tables(ready):
    """Every column but the id and the chain's own."""
    for table, columns in CHAINED_COLUMNS.items():
        found = [row[1] for row in ready.execute(f"PRAGMA table_info({table})")]
        assert set(found) == {"id", *columns, "format", "prev_hash", "hash"}
    assert (len(SNAPSHOT_COLUMNS), len(STEP_COLUMNS), len(MARKER_COLUMNS)) == tuple(
        len(ROWS[table]) for table in (SNAPSHOTS, STEPS, MARKERS)
    )


# -- the JSON of a snapshot ---------------------------------------------------------------


def test_a_small_snapshot_is_one_document():
    """With the four keys of 1.x."""
    text, parts = snapshot_json("a", "S", ["r"], {"b": 1})
    assert text == '{"name":"a","current_state":"S","rules":["r"],"metadata":{"b":1}}'
    assert parts == {}


def test_large_parts_are_taken_out_by_their_hash():
    """The rules, and each field of the metadata that is over 4 kB."""
    rules, big = ["r" * LARGE], "x" * LARGE
    text, parts = snapshot_json("a", "S", rules, {"big": big, "small": 1})
    document = json.loads(text)
    assert document["metadata"]["small"] == 1
    for found, value in ((document["rules"], rules), (document["metadata"]["big"], big)):
        (digest,) = found.values()
        assert list(found) == ["$ref"]
        assert json.loads(parts[digest]) == value
        assert hashlib.sha256(parts[digest].encode()).hexdigest() == digest
    assert len(text) < 400


def test_a_part_of_exactly_four_kilobytes_stays():
    """Only what is longer is taken out."""
    fits = "x" * (LARGE - 2)
    _, parts = snapshot_json("a", "S", [], {"fits": fits, "more": "y" * LARGE})
    assert [json.loads(part) for part in parts.values()] == ["y" * LARGE]


def test_large_metadata_with_keys_that_are_no_text_is_one_part():
    """Its fields have no names in JSON."""
    metadata = dict.fromkeys(range(2000), "x")
    text, parts = snapshot_json("a", "S", [], metadata)
    (digest,) = json.loads(text)["metadata"].values()
    assert tagged.decode(parts[digest]) == metadata


def test_many_small_fields_stay_in_the_document():
    """Together they may be long; taking them out would save nothing."""
    metadata = {f"f{n}": n for n in range(2000)}
    text, parts = snapshot_json("a", "S", [], metadata)
    assert parts == {}
    assert json.loads(text)["metadata"] == metadata


@pytest.mark.parametrize("rules", [("r",), ["r"], type("Rules", (list,), {})(["r"])])
@pytest.mark.parametrize("metadata", [{"a": 1}, type("Data", (dict,), {})(a=1)])
def test_rules_and_metadata_are_stored_as_list_and_dict(rules, metadata):
    """Whatever subclass they are: a snapshot must be able to be restored."""
    text, _ = snapshot_json("a", "S", rules, metadata)
    document = json.loads(text)
    assert (document["rules"], document["metadata"]) == (["r"], {"a": 1})


@pytest.mark.parametrize("wrong", [None, 5, "x", {1, 2}])
def test_rules_and_metadata_that_are_neither_are_still_stored(wrong):
    """The component's owner may have assigned anything."""
    text, _ = snapshot_json("a", "S", wrong, wrong)
    document = tagged.decode(text)
    assert document["rules"] == document["metadata"] == wrong


def test_metadata_whose_own_code_fails_is_still_stored():
    """As a placeholder."""

    class Broken(dict):
        def keys(self):
            raise RuntimeError

        items = __iter__ = keys

    text, _ = snapshot_json("a", "S", [], Broken(a=1))
    assert "RuntimeError" in text


# -- the view -----------------------------------------------------------------------------

fields = st.dictionaries(
    st.text(st.characters(), max_size=4) | st.sampled_from(["$ref", "$", "a.b", 'q"', "\x00"]),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8)
        | st.integers(LARGE, LARGE + 5).map(lambda n: "x" * n)
        | st.just('{"$ref":"' + "a" * 64 + '"}'),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
        max_leaves=5,
    ),
    max_size=4,
)  # fmt: skip


@given(fields, st.lists(st.text(max_size=3) | st.just("r" * LARGE), max_size=2))
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
    max_examples=100,
)
def test_the_view_puts_large_parts_back(ready, metadata, rules):
    """As the very document that would have been stored without taking them out."""
    ready.execute(f"DELETE FROM {SNAPSHOTS}")
    ready.commit()
    text, parts = snapshot_json("a", "S", rules, metadata)
    with transaction(ready) as run:
        store_parts(run, parts)
        insert_chained(run, SNAPSHOTS, [("a", text, *snapshot[2:])])
    (full,) = ready.execute(f"SELECT full_json FROM {SNAPSHOTS}_full").fetchone()
    whole = {"name": "a", "current_state": "S", "rules": rules, "metadata": metadata}
    assert json.loads(full) == json.loads(tagged.encode(whole))
    assert ready.execute("SELECT json_valid(?)", (full,)).fetchone() == (1,)


def test_the_view_shows_a_missing_part_as_its_reference(ready):
    """And the others in full."""
    text, parts = snapshot_json("a", "S", [], {"gone": "x" * LARGE, "here": "y" * LARGE})
    here = {digest: part for digest, part in parts.items() if "y" in part}
    with transaction(ready) as run:
        store_parts(run, here)
        insert_chained(run, SNAPSHOTS, [("a", text, *snapshot[2:])])
    (full,) = ready.execute(f"SELECT full_json FROM {SNAPSHOTS}_full").fetchone()
    metadata = json.loads(full)["metadata"]
    assert metadata["here"] == "y" * LARGE
    assert list(metadata["gone"]) == ["$ref"]


def test_one_broken_row_does_not_break_the_view(ready):
    """It has no full document; those around it do."""
    with transaction(ready) as run:
        insert_chained(run, SNAPSHOTS, [("a", body, *snapshot[2:]) for body in ("{}", "{", "[]")])
    rows = ready.execute(f"SELECT full_json FROM {SNAPSHOTS}_full ORDER BY id").fetchall()
    assert rows == [("{}",), (None,), ("[]",)]


def test_the_view_leaves_rows_of_1_x_as_they_are(ready, insert_1_x):
    """Nothing in them is a reference."""
    digest = hashlib.sha256(b"1").hexdigest()
    ready.execute(f"INSERT INTO {PARTS} VALUES (?, '1')", (digest,))
    ready.execute(
        f"INSERT INTO {SNAPSHOTS} (component_name, snapshot_json, created_at) VALUES (?, ?, ?)",
        ("a", f'{{"metadata":{{"$ref":"{digest}"}}}}', ""),
    )
    (full,) = ready.execute(f"SELECT full_json FROM {SNAPSHOTS}_full").fetchone()
    assert json.loads(full) == {"metadata": {"$ref": digest}}


def test_equal_parts_are_stored_once(ready):
    """A hundred snapshots with the same rules hold them once."""
    with transaction(ready) as run:
        for _ in range(100):
            _, parts = snapshot_json("a", "S", ["r" * LARGE], {})
            store_parts(run, parts)
    assert ready.execute(f"SELECT count(*) FROM {PARTS}").fetchone() == (1,)


# -- times --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("time_us", "expected"),
    [
        (0, "1970-01-01T00:00:00.000000+00:00"),
        (1_769_860_800_000_001, "2026-01-31T12:00:00.000001+00:00"),
        (-1, "1969-12-31T23:59:59.999999+00:00"),
    ],
)
def test_iso_time(time_us, expected):
    """UTC, with all six digits."""
    assert iso_time(time_us) == expected


def test_sqlite_is_new_enough_for_what_the_schema_uses():
    """`->` and JSON functions; every Python that we support brings them."""
    assert sqlite3.sqlite_version_info >= (3, 38)

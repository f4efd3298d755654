"""The hash chains: every single change of a row is named, and nothing else is."""

import contextlib
import sqlite3

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from flexiflow.errors import InvalidValue
from flexiflow.persistence import chain
from flexiflow.persistence.chain import Findings, check_chains
from flexiflow.persistence.deleting import delete_rows
from flexiflow.persistence.head import Head
from flexiflow.persistence.parts import check_parts
from flexiflow.persistence.rows import CHAINED_COLUMNS, LARGE, insert_chained
from flexiflow.persistence.schema import (
    MARKERS,
    PARTS,
    SNAPSHOTS,
    STEPS,
    migrate,
    newest_id,
    transaction,
)
from flexiflow.persistence.snapshot import ComponentSnapshot
from flexiflow.persistence.sqlite_store import prune_snapshots, save_snapshot

ONE_X = "component_name, snapshot_json, created_at"
TABLES = st.sampled_from([SNAPSHOTS, STEPS, MARKERS])


def fresh():
    conn = sqlite3.connect(":memory:", isolation_level=None)
    with transaction(conn):
        migrate(conn)
    return conn


def step(conn, name="a", message="go"):
    row = (name, "c", 1, 5, 6, message, "{}", "A", "B", "moved", "s", None, None, 1, *[None] * 4)
    with transaction(conn) as run:
        insert_chained(run, STEPS, [row])


def gap(conn):
    with transaction(conn) as run:
        insert_chained(run, MARKERS, [("gap", 7, 1, None, None, None, None, 3, None)])


def snapshot(conn, name="a"):
    save_snapshot(conn, ComponentSnapshot(name, "S", [], {"n": newest_id(conn, SNAPSHOTS)}))


def drop_some(conn, table, places):
    ids = [row_id for (row_id,) in conn.execute(f"SELECT id FROM {table} ORDER BY id")]
    delete_rows(conn, table, [ids[at] for at in sorted(places) if at < len(ids)])


places = st.sets(st.integers(0, 11), max_size=6)
actions = st.lists(
    st.tuples(st.just(snapshot), st.sampled_from(["a", "b"]))
    | st.tuples(st.just(step), st.sampled_from(["a", "b"]))
    | st.tuples(st.just(gap))
    | st.tuples(st.just(drop_some), st.sampled_from([SNAPSHOTS, STEPS]), places)
    | st.tuples(st.just(prune_snapshots), st.sampled_from(["a", "b"])),
    min_size=3,
    max_size=24,
)


@contextlib.contextmanager
def history(done):
    conn = fresh()
    for act, *arguments in done:
        if act is prune_snapshots:
            act(conn, *arguments, keep=len(done) % 3)
        else:
            act(conn, *arguments)
    with contextlib.closing(conn):
        yield conn


def checked(conn, head=None):
    findings = Findings()
    tables = check_chains(conn, findings, head)
    check_parts(conn, findings)
    return findings.kept, tables


def found(conn, head=None):
    return [(each.table, each.kind, each.first_id, each.last_id) for each in checked(conn, head)[0]]


def head_of(conn):
    _, tables = checked(conn)
    return Head(tuple((each.last_id, each.last_hash) for each in tables))


def ids(conn, table):
    return [row_id for (row_id,) in conn.execute(f"SELECT id FROM {table} ORDER BY id")]


def names(conn, table, row_id):
    """Whether a finding covers that row."""
    return any(t == table and first <= row_id <= last for t, _, first, last in found(conn))


def pick(data, conn, table, least=1):
    present = ids(conn, table)
    assume(len(present) >= least)
    return data.draw(st.sampled_from(present))


# -- every single change is named ---------------------------------------------------------


@given(actions)
@settings(max_examples=60)
def test_nothing_is_named_in_an_untouched_history(done):
    """After pruning too, by count, of any rows, and of the newest; and its head stays good."""
    with history(done) as conn:
        assert found(conn) == []
        head = head_of(conn)
        snapshot(conn)
        step(conn)
        assert found(conn, head) == []


@given(actions, TABLES, st.data())
@settings(max_examples=120)
def test_every_single_edit_is_named(done, table, data):
    """Of any column to any other value, the hashes and the format included."""
    with history(done) as conn:
        row_id = pick(data, conn, table)
        column = data.draw(
            st.sampled_from([*CHAINED_COLUMNS[table], "format", "prev_hash", "hash"])
        )
        value = data.draw(st.sampled_from([None, 0, 3, 1e400, 1.5, "", "x", b"", b"x", "\x00"]))
        (before,) = conn.execute(f"SELECT {column} FROM {table} WHERE id = ?", (row_id,)).fetchone()
        try:
            conn.execute(f"UPDATE {table} SET {column} = ? WHERE id = ?", (value, row_id))
        except sqlite3.IntegrityError:
            assume(False)
        (after,) = conn.execute(f"SELECT {column} FROM {table} WHERE id = ?", (row_id,)).fetchone()
        assume((type(before), before) != (type(after), after))
        assert names(conn, table, row_id)


@given(actions, TABLES, st.data())
@settings(max_examples=100)
def test_every_single_deletion_is_named(done, table, data):
    """The last row's too, and that of a row beside pruned ones."""
    with history(done) as conn:
        row_id = pick(data, conn, table)
        conn.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))
        assert names(conn, table, row_id)


@given(actions, TABLES, st.data())
@settings(max_examples=60)
def test_a_deletion_is_named_after_more_was_written(done, table, data):
    """A recording goes on from what is left, also where that was the last row."""
    with history([*done, (snapshot,), (step,), (gap,)]) as conn:
        row_id = pick(data, conn, table, least=2)
        conn.execute(f"DELETE FROM {table} WHERE id = ?", (row_id,))
        snapshot(conn)
        step(conn)
        gap(conn)
        assert names(conn, table, row_id)


@given(actions, TABLES, st.data())
@settings(max_examples=60)
def test_every_swap_of_two_rows_is_named(done, table, data):
    """All but their ids, hashes included."""
    with history(done) as conn:
        one = pick(data, conn, table, least=2)
        other = data.draw(st.sampled_from([each for each in ids(conn, table) if each != one]))
        for old, new in ((one, -1), (other, one), (-1, other)):
            conn.execute(f"UPDATE {table} SET id = ? WHERE id = ?", (new, old))
        assert names(conn, table, one)
        assert names(conn, table, other)


@given(actions, st.data())
@settings(max_examples=60)
def test_every_insertion_is_named(done, data):
    """At the end, where a pruned row was, or before the first."""
    with history([(snapshot,), *done]) as conn:
        last = newest_id(conn, SNAPSHOTS)
        free = sorted({*range(-1, last + 3)} - set(ids(conn, SNAPSHOTS)))
        row_id = data.draw(st.sampled_from(free))
        values = (row_id, "a", '{"name":"a"}', "2025-01-01T00:00:00+00:00")
        conn.execute(f"INSERT INTO {SNAPSHOTS} (id, {ONE_X}) VALUES (?, ?, ?, ?)", values)
        assert any(t == SNAPSHOTS and first <= row_id <= last for t, _, first, last in found(conn))


@given(actions, TABLES, st.data())
@settings(max_examples=40)
def test_a_copied_row_is_named(done, table, data):
    """A whole row with its hashes under a new id."""
    with history(done) as conn:
        row_id = pick(data, conn, table)
        columns = ", ".join((*CHAINED_COLUMNS[table], "format", "prev_hash", "hash"))
        copy = f"INSERT INTO {table} ({columns}) SELECT {columns} FROM {table} WHERE id = ?"
        conn.execute(copy, (row_id,))
        assert names(conn, table, newest_id(conn, table))


@given(actions, TABLES, st.integers(1, 4))
@settings(max_examples=40)
def test_a_lost_end_is_named_by_a_head_kept_elsewhere(done, table, number):
    """Also where the count of ids was put back, so that the file itself knows of nothing."""
    with history([*done, (snapshot,), (step,), (gap,)]) as conn:
        head = head_of(conn)
        lost = ids(conn, table)[-number:]
        conn.execute(f"DELETE FROM {table} WHERE id >= ?", (lost[0],))
        conn.execute("UPDATE sqlite_sequence SET seq = ? WHERE name = ?", (lost[0] - 1, table))
        named = found(conn, head)
        assert all(
            any(t == table and first <= each <= last for t, _, first, last in named)
            for each in lost
        )


def test_a_lost_end_is_not_seen_from_the_file():
    """Where the count of ids was put back, what is left is a whole history."""
    with contextlib.closing(three_snapshots()) as conn:
        conn.execute(f"DELETE FROM {SNAPSHOTS} WHERE id = 3")
        conn.execute("UPDATE sqlite_sequence SET seq = 2 WHERE name = ?", (SNAPSHOTS,))
        assert found(conn) == []


def test_a_forger_is_shown_by_a_head_kept_elsewhere_alone():
    """Who changes a row and computes all hashes anew leaves nothing in the file that shows it."""
    with contextlib.closing(three_snapshots()) as conn:
        head = head_of(conn)
        columns = ", ".join(CHAINED_COLUMNS[SNAPSHOTS])
        conn.execute(f"UPDATE {SNAPSHOTS} SET state = 'Forged' WHERE id = 2")
        rows = conn.execute(f"SELECT {columns} FROM {SNAPSHOTS} ORDER BY id").fetchall()
        conn.execute(f"DELETE FROM {SNAPSHOTS}")
        conn.execute("UPDATE sqlite_sequence SET seq = 0 WHERE name = ?", (SNAPSHOTS,))
        with transaction(conn) as run:
            insert_chained(run, SNAPSHOTS, rows)
        assert found(conn) == []
        assert found(conn, head) == [(SNAPSHOTS, "replaced", 3, 3)]


# -- what a change is called --------------------------------------------------------------


def three_snapshots():
    conn = fresh()
    for _ in range(3):
        snapshot(conn)
    return conn


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("UPDATE {} SET state = 'X' WHERE id = 2", ("edited", 2, 2)),
        ("UPDATE {} SET hash = x'00' WHERE id = 2", ("edited", 2, 2)),
        ("UPDATE {} SET prev_hash = NULL WHERE id = 2", ("edited", 2, 2)),
        ("UPDATE {} SET format = 3 WHERE id = 2", ("edited", 2, 2)),
        ("DELETE FROM {} WHERE id = 1", ("deleted", 1, 1)),
        ("DELETE FROM {} WHERE id = 2", ("deleted", 2, 2)),
        ("DELETE FROM {} WHERE id = 3", ("deleted", 3, 3)),
        ("DELETE FROM {} WHERE id > 1", ("deleted", 2, 3)),
        ("DELETE FROM {}", ("deleted", 1, 3)),
        (f"INSERT INTO {{}} ({ONE_X}) VALUES ('a', 'b', 'c')", ("foreign", 4, 4)),
        (f"INSERT INTO {{}} (id, {ONE_X}) VALUES (0, 'a', 'b', 'c')", ("inserted", 0, 0)),
    ],
)
def test_a_change_has_a_kind(statement, named):
    """And is one finding."""
    with contextlib.closing(three_snapshots()) as conn:
        conn.execute(statement.format(SNAPSHOTS))
        assert found(conn) == [(SNAPSHOTS, *named)]


@pytest.mark.parametrize("row_id", [1, 2])
def test_a_row_that_lost_its_hash_is_edited(row_id):
    """It looks like one of 1.x, and the next row knows better."""
    with contextlib.closing(three_snapshots()) as conn:
        conn.execute(
            f"""UPDATE {SNAPSHOTS} SET time_us = NULL, state = NULL, correlation_id = NULL,
                format = NULL, prev_hash = NULL, hash = NULL WHERE id = ?""",
            (row_id,),
        )
        assert found(conn) == [(SNAPSHOTS, "edited", row_id, row_id)]


def test_the_last_row_without_its_hash_is_edited():
    """It has what 1.x does not know, so 1.x has not added it."""
    with contextlib.closing(three_snapshots()) as conn:
        conn.execute(
            f"UPDATE {SNAPSHOTS} SET format = NULL, prev_hash = NULL, hash = NULL WHERE id = 3"
        )
        assert found(conn) == [(SNAPSHOTS, "edited", 3, 3)]


def test_a_row_that_was_written_anew_is_replaced():
    """With a good hash of its own, which the next row does not know."""
    with contextlib.closing(three_snapshots()) as conn:
        conn.execute(f"DELETE FROM {SNAPSHOTS} WHERE id > 1")
        conn.execute("UPDATE sqlite_sequence SET seq = 1")
        save_snapshot(conn, ComponentSnapshot("a", "Other"))
        other = conn.execute(f"SELECT * FROM {SNAPSHOTS} WHERE id = 2").fetchone()
        with contextlib.closing(three_snapshots()) as whole:
            head = head_of(whole)
            whole.execute(f"DELETE FROM {SNAPSHOTS} WHERE id = 2")
            places = ", ".join("?" * len(other))
            whole.execute(f"INSERT INTO {SNAPSHOTS} VALUES ({places})", other)
            # The times differ, so that its hash of the row before is another one too.
            assert [kind for _, kind, *_ in found(whole, head)] == ["replaced"] * 2


def test_a_head_of_other_rows_is_named():
    """The same ids with other hashes are another history."""
    with contextlib.closing(three_snapshots()) as conn:
        head = Head(((3, "0" * 32), (0, ""), (0, "")))
        assert found(conn, head) == [(SNAPSHOTS, "replaced", 3, 3)]


def test_a_head_that_was_pruned_since_is_fine():
    """Its rows are gone by a marker in the chain."""
    with contextlib.closing(three_snapshots()) as conn:
        head = head_of(conn)
        prune_snapshots(conn, "a", keep=0)
        assert found(conn, head) == []


# -- 1.x ----------------------------------------------------------------------------------


def test_rows_of_1_x_are_unverified(old, insert_1_x):
    """Up to the last one that was there before the chain; later ones are foreign."""
    save_snapshot(old, ComponentSnapshot("order", "Paid"))
    insert_1_x(old)
    insert_1_x(old)
    save_snapshot(old, ComponentSnapshot("order", "Paid"))
    named, (snapshots, steps, markers) = checked(old)
    assert [(each.kind, each.first_id, each.last_id) for each in named] == [("foreign", 5, 6)]
    assert (snapshots.unverified_up_to, snapshots.rows) == (3, 2)
    assert (steps.unverified_up_to, markers.unverified_up_to) == (None, None)


def test_a_file_that_1_x_alone_wrote_is_unverified(old):
    """Nothing is known of it, and nothing is wrong with it."""
    named, tables = checked(old)
    assert named == []
    assert [each.unverified_up_to for each in tables] == [3, None, None]


def test_what_1_x_pruned_before_the_chain_is_not_missed(old):
    """Its gaps have no markers; those after pruning here have."""
    old.execute(f"DELETE FROM {SNAPSHOTS} WHERE id = 2")
    old.commit()
    for _ in range(3):
        save_snapshot(old, ComponentSnapshot("order", "Paid"))
    prune_snapshots(old, "order", keep=1)
    assert checked(old)[0] == []
    old.execute(f"DELETE FROM {SNAPSHOTS} WHERE id = 6")
    assert found(old) == [(SNAPSHOTS, "deleted", 6, 6)]


def test_rows_of_1_x_that_it_has_pruned_all_are_unverified(old):
    """Nothing is said of them, as nothing is of those that it left."""
    old.execute(f"DELETE FROM {SNAPSHOTS}")
    old.commit()
    save_snapshot(old, ComponentSnapshot("order", "Paid"))
    named, (snapshots, *_) = checked(old)
    assert named == []
    assert (snapshots.unverified_up_to, snapshots.rows) == (3, 1)


# -- large parts, and bounds --------------------------------------------------------------


@pytest.mark.parametrize(
    ("statement", "kind"),
    [(f"UPDATE {PARTS} SET json = '1'", "edited"), (f"DELETE FROM {PARTS}", "deleted")],
)
def test_large_parts_are_checked_by_their_hash(conn, statement, kind):
    """And missed where a snapshot refers to them."""
    for _ in range(2):
        save_snapshot(conn, ComponentSnapshot("a", "S", ["x" * LARGE]))
    assert found(conn) == []
    conn.execute(statement)
    assert found(conn) == [(PARTS, kind, None, None)]


def test_findings_are_bounded(monkeypatch):
    """All are counted."""
    monkeypatch.setattr(chain, "MOST_FINDINGS", 2)
    findings = Findings()
    with contextlib.closing(three_snapshots()) as conn:
        conn.execute(f"UPDATE {SNAPSHOTS} SET state = 'X'")
        check_chains(conn, findings)
    assert (len(findings.kept), findings.counts) == (2, {"edited": 3})


def test_text_that_is_no_utf8_is_an_edit():
    """It must not pass for what it was made from."""
    with contextlib.closing(three_snapshots()) as conn:
        conn.execute(f"UPDATE {SNAPSHOTS} SET state = CAST(x'ff' AS TEXT) WHERE id = 1")
        assert found(conn) == [(SNAPSHOTS, "edited", 1, 1)]


def test_a_broken_marker_explains_nothing():
    """It is named, and so are the rows that it stood for."""
    with contextlib.closing(three_snapshots()) as conn:
        prune_snapshots(conn, "a", keep=1)
        conn.execute(f"UPDATE {MARKERS} SET detail_json = '[' WHERE id = 1")
        assert found(conn) == [(SNAPSHOTS, "deleted", 1, 2), (MARKERS, "edited", 1, 1)]


# -- heads --------------------------------------------------------------------------------


def test_a_head_is_one_word_that_can_be_read_back():
    """For snapshots, steps and markers."""
    with contextlib.closing(three_snapshots()) as conn:
        head = head_of(conn)
    assert str(head).startswith("h1:3-")
    assert str(head).endswith(".0-.0-")
    parsed = Head.parse(f" {head}\n")
    assert (parsed.of(SNAPSHOTS)[0], str(parsed)) == (3, str(head))


@pytest.mark.parametrize("wrong", ["", "h1:", "h1:3-xyz.0-.0-", "h2:0-.0-.0-", None, 7])
def test_what_is_no_head_says_so(wrong):
    """And where one is to be had."""
    with pytest.raises(InvalidValue, match="no head of a history") as caught:
        Head.parse(wrong)
    assert "flexiflow verify" in caught.value.fix

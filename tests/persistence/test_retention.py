"""Pruning a history by count and by age: what goes, what stays, and who may write meanwhile."""

import contextlib
import dataclasses
import json
import sqlite3
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flexiflow.errors import ComponentNotFound, InvalidType, InvalidValue, PersistenceError
from flexiflow.persistence import deleting
from flexiflow.persistence.bookmarks import Bookmark, Bookmarks
from flexiflow.persistence.chain import Findings, check_chains
from flexiflow.persistence.history_file import HistoryFile
from flexiflow.persistence.parts import check_parts
from flexiflow.persistence.retention import Pruned, prune_history
from flexiflow.persistence.rows import insert_chained, iso_time, snapshot_json, store_parts
from flexiflow.persistence.schema import MARKERS, PARTS, SNAPSHOTS, STEPS, transaction
from flexiflow.persistence.sqlite_store import prune_snapshots

NOON = 1_700_000_000_000_000
HOUR = 3_600_000_000


@dataclasses.dataclass
class Written:
    """One step with the snapshot after it; both have the same id."""

    component: str = "a"
    hours: int | None = 0
    failed: bool = False
    text: str = ""


def write(conn, written):
    """Write steps, each with its snapshot."""
    for each in written:
        time_us = NOON + (each.hours or 0) * HOUR
        error = '{"type": "E"}' if each.failed else None
        outcome = "failed" if each.failed else "stayed"
        names = (each.component, "c", 1)
        step = (*names, time_us, 0, "go", "{}", "S", "S", outcome, "s", None, None, 1)
        body, parts = snapshot_json(each.component, "S", [], {"text": each.text})
        created_at = "never" if each.hours is None else iso_time(time_us)
        clock = None if each.hours is None else time_us
        with transaction(conn) as run:
            (step_id,) = insert_chained(run, STEPS, [(*step, None, error, None, "m")])
            store_parts(run, parts)
            row = (each.component, body, created_at, clock, "S", "c", step_id, 1, "m")
            insert_chained(run, SNAPSHOTS, [row])


@pytest.fixture
def db(tmp_path):
    """A file as a recording makes it, and what writes to it."""
    HistoryFile(tmp_path / "state.db").close()
    return tmp_path / "state.db"


@contextlib.contextmanager
def opened(db, **options):
    with contextlib.closing(sqlite3.connect(db, isolation_level=None, **options)) as conn:
        yield conn


def fill(db, *written):
    with opened(db) as conn:
        conn.execute("BEGIN")
        write(conn, written)
        conn.execute("COMMIT")


def ids(db, table):
    with opened(db) as conn:
        return [row_id for (row_id,) in conn.execute(f"SELECT id FROM {table} ORDER BY id")]


def is_as_written(db):
    findings = Findings()
    with opened(db) as conn:
        check_chains(conn, findings)
        check_parts(conn, findings)
    return findings.kept == []


# -- what goes ----------------------------------------------------------------------------


@st.composite
def histories(draw):
    written = draw(
        st.lists(
            st.builds(Written, st.sampled_from("ab"), st.integers(0, 9) | st.none(), st.booleans()),
            min_size=1,
            max_size=12,
        )
    )
    marks = draw(st.sets(st.tuples(st.sampled_from(["step", "snapshot"]), st.integers(1, 12))))
    return written, marks


policies = st.fixed_dictionaries({"spare_errors": st.booleans(), "spare_bookmarks": st.booleans()})
ways = st.one_of(
    st.builds(lambda keep: {"keep": keep}, st.integers(1, 4)),
    st.builds(lambda hours: {"older_than": timedelta(hours=hours)}, st.integers(0, 9)),
)


def left(written, marks, table, *, keep=None, older_than=None, spare_errors, spare_bookmarks):
    """The ids that stay, found the slow way."""
    newest = max((each.hours or 0 for each in written), default=0)  # a step's time is always known
    stay = []
    for component in "ab":
        mine = [
            (row_id, each) for row_id, each in enumerate(written, 1) if each.component == component
        ]
        if keep is not None:
            first = len(mine) - keep
        else:
            limit = newest - older_than // timedelta(hours=1)
            young = (
                at
                for at, (_, each) in enumerate(mine)
                if (each.hours is None and table == SNAPSHOTS) or (each.hours or 0) >= limit
            )
            first = next(young, len(mine))
        if table == SNAPSHOTS:
            first = min(first, len(mine) - 1)
        for at, (row_id, each) in enumerate(mine):
            marked = spare_bookmarks and {("step", row_id), ("snapshot", row_id)} & marks
            if at >= first or (spare_errors and each.failed) or marked:
                stay.append(row_id)
    return sorted(stay)


@settings(max_examples=40, deadline=None)
@given(histories(), policies, ways)
def test_exactly_the_old_rows_go(history, policy, way):
    """By the order of the ids, whatever clocks say; a dry run says the same, and verify is fine."""
    written, marks = history
    with TemporaryDirectory() as folder:
        db = Path(folder, "state.db")
        HistoryFile(db).close()
        fill(db, *written)
        for kind, row_id in sorted(marks):
            Bookmarks(db).add(Bookmark(kind, row_id, "a", "", 0))
        dry = prune_history(db, **policy, **way, dry_run=True)
        assert ids(db, STEPS) == ids(db, SNAPSHOTS) == list(range(1, len(written) + 1))
        wet = prune_history(db, **policy, **way)
        assert (wet.pruned, wet.spared, wet.parts) == (dry.pruned, dry.spared, dry.parts)
        for table in (STEPS, SNAPSHOTS):
            assert ids(db, table) == left(written, marks, table, **policy, **way)
        assert is_as_written(db)


def test_what_goes_is_told_by_table_and_component(db):
    """With how many, and from which id to which."""
    fill(db, Written("a"), Written("b"), Written("a"), Written("a"), Written("b"))
    pruning = prune_history(db, keep=1)
    assert pruning.pruned == (
        Pruned("a", SNAPSHOTS, 2, 1, 3),
        Pruned("b", SNAPSHOTS, 1, 2, 2),
        Pruned("a", STEPS, 2, 1, 3),
        Pruned("b", STEPS, 1, 2, 2),
    )
    assert pruning.rows == 6


def test_one_component(db):
    """The others stay as they are."""
    fill(db, Written("a"), Written("b"), Written("a"), Written("b"))
    prune_history(db, keep=1, component="a")
    assert ids(db, STEPS) == [2, 3, 4]


def test_pruning_again_finds_nothing(db):
    """And leaves no marker."""
    fill(db, Written(), Written())
    prune_history(db, keep=1)
    markers = ids(db, MARKERS)
    assert prune_history(db, keep=1).rows == 0
    assert ids(db, MARKERS) == markers


def test_a_newest_record_in_the_future_says_nothing_of_ages(db):
    """Rather than everything being old; by count it can be pruned."""
    fill(db, Written(hours=-5), Written(hours=10**6))
    with pytest.raises(PersistenceError, match="lies in the future") as caught:
        prune_history(db, older_than=timedelta(days=1))
    assert "keep=50" in caught.value.fix
    assert prune_history(db, keep=1).rows == 2


def test_large_parts_go_with_the_last_row_that_refers_to_them(db):
    """One that another component shares stays."""
    shared, own = "s" * 5000, "o" * 5000
    fill(
        db,
        Written("a", text=own),
        Written("a", text=shared),
        Written("a"),
        Written("b", text=shared),
    )
    assert prune_history(db, keep=1, dry_run=True).parts == 1
    assert prune_history(db, keep=1).parts == 1
    with opened(db) as conn:
        assert conn.execute(f"SELECT json FROM {PARTS}").fetchall() == [(json.dumps(shared),)]
    assert is_as_written(db)


@pytest.mark.parametrize(
    ("arguments", "kind"),
    [
        ({}, InvalidValue),
        ({"keep": 1, "older_than": timedelta(1)}, InvalidValue),
        ({"keep": -1}, InvalidValue),
        ({"keep": 0}, InvalidValue),
        ({"keep": True}, InvalidValue),
        ({"older_than": 30}, InvalidType),
        ({"older_than": timedelta(-1)}, InvalidValue),
        ({"keep": 1, "component": "order"}, ComponentNotFound),
        ({"keep": 1, "component": 5}, InvalidType),
    ],
)
def test_arguments_that_make_no_sense(db, arguments, kind):
    """Four parts, and nothing is deleted."""
    fill(db, Written(), Written())
    with pytest.raises(kind) as caught:
        prune_history(db, **arguments)
    assert caught.value.fix
    assert ids(db, STEPS) == [1, 2]


# -- who may write meanwhile --------------------------------------------------------------


def test_others_write_between_its_steps(db, monkeypatch):
    """Nobody waits for the whole of it, and what they write meanwhile stays."""
    fill(db, *[Written()] * 1200)
    rows_of = []
    with opened(db, timeout=0) as other:

        def write_meanwhile(seconds):
            write(other, [Written("b")])
            rows_of.append(seconds)

        monkeypatch.setattr(deleting.time, "sleep", write_meanwhile)
        prune_history(db, keep=1)
    assert len(rows_of) >= 2
    assert ids(db, SNAPSHOTS) == list(range(1200, 1201 + len(rows_of)))
    assert is_as_written(db)


def test_what_refers_to_a_part_meanwhile_keeps_it(db, monkeypatch):
    """A part that was unused when rows were chosen, and is used when they go."""
    text = "x" * 5000
    fill(db, Written(text=text), *[Written()] * 1200)
    with opened(db, timeout=0) as other:
        monkeypatch.setattr(
            deleting.time, "sleep", lambda seconds: write(other, [Written("b", text=text)])
        )
        prune_history(db, keep=1)
    assert is_as_written(db)


def test_an_interrupted_pruning_is_gone_on_with(db, monkeypatch):
    """What is gone is marked; the rest goes the next time."""
    fill(db, *[Written()] * 1200)

    def interrupt(seconds):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(deleting.time, "sleep", interrupt)
        with pytest.raises(KeyboardInterrupt):
            prune_history(db, keep=1)
    assert 1 < len(ids(db, SNAPSHOTS)) < 1200
    assert is_as_written(db)
    prune_history(db, keep=1)
    assert ids(db, SNAPSHOTS) == ids(db, STEPS) == [1200]
    assert is_as_written(db)


def test_1_x_code_that_prunes_through_its_own_connection(db):
    """The 1.x function uses the same machinery, parts and all."""
    fill(db, Written("a", text="x" * 5000), Written("a"))
    with opened(db) as conn:
        assert prune_snapshots(conn, "a", keep=1) == 1
        assert conn.execute(f"SELECT count(*) FROM {PARTS}").fetchone() == (0,)
    assert is_as_written(db)


# -- space --------------------------------------------------------------------------------


def test_a_recordings_file_is_shortened(db):
    """Without anybody asking for it."""
    fill(db, *[Written(text=str(n) * 3000) for n in range(100)])
    pruning = prune_history(db, keep=1)
    assert pruning.bytes_after < pruning.bytes_before / 5
    assert pruning.bytes_after == db.stat().st_size
    assert pruning.notes == ()


def test_a_file_without_auto_vacuum_keeps_its_size_and_says_so(tmp_path):
    """Until it is written anew once; from then on it is shortened."""
    db = tmp_path / "old.db"
    with opened(db) as conn:
        conn.execute("CREATE TABLE other (x)")
    HistoryFile(db).close()
    fill(db, *[Written(text=str(n) * 3000) for n in range(100)])
    kept = prune_history(db, keep=50)
    assert kept.bytes_after >= kept.bytes_before
    (note,) = kept.notes
    assert "reuses the free pages" in note
    anew = prune_history(db, keep=20, vacuum=True)
    assert (anew.bytes_after < anew.bytes_before / 2, anew.notes) == (True, ())
    later = prune_history(db, keep=1)
    assert (later.bytes_after < later.bytes_before, later.notes) == (True, ())
    assert is_as_written(db)


def test_a_file_that_is_written_anew_is_short_at_once(db):
    """Also beside a recording, which keeps SQLite from tidying up at the end."""
    fill(db, *[Written(text=str(n) * 3000) for n in range(100)])
    recording = HistoryFile(db)
    try:
        anew = prune_history(db, keep=1, vacuum=True)
    finally:
        recording.close()
    assert anew.bytes_after < anew.bytes_before / 5

"""Following a database that others write, replace, break or take away."""

from __future__ import annotations

import sqlite3

import pytest

from flexiflow import FlexiFlowEngine, record
from flexiflow.errors import ComponentNotFound, InvalidValue, PersistenceError
from flexiflow.extras import save_snapshot_sqlite
from flexiflow.notebook.widgets.file_source import FileSource
from flexiflow.notebook.widgets.watching import watch
from flexiflow.persistence.snapshot import ComponentSnapshot


@pytest.fixture
async def recorded(engine, order, tmp_path):
    """A database in which the order was submitted."""
    async with record(engine, tmp_path / "state.db"):
        await order.send("submit")
        await order.send("submit")
    return tmp_path / "state.db"


def test_a_file_that_has_not_changed_is_not_read_again(recorded):
    """Looking at it costs two questions to the file system, once it has been read twice."""
    source = FileSource(recorded, "order-1042")
    source.read()
    graph = source.graph()
    assert (source.read(), source.graph() is graph) == (False, True)


async def test_a_commit_that_is_seen_later_than_its_bytes_is_found(
    recorded, engine, order, monkeypatch
):
    """The file looked the same already when the disk was still being waited for."""
    monkeypatch.setattr(FileSource, "_stamp_now", lambda _: ((1, 1),))
    source = FileSource(recorded, "order-1042")
    async with record(engine, recorded):
        await order.send("pay")
    source.read()
    assert source.moment().state == "Paid"


def test_its_steps_have_the_ids_of_the_history(recorded):
    """So that a row can be found again."""
    rows = FileSource(recorded, "order-1042").rows()
    assert [(row.id, row.outcome) for row in rows] == [(1, "moved"), (2, "refused")]


def test_offers_come_from_the_recorded_machine(recorded):
    """Without the user's code, and with the names of the guards."""
    offers = {each.type: each for each in FileSource(recorded, "order-1042").moment().offers}
    assert {name: each.answer for name, each in offers.items()} == {
        "pay": True,
        "revise": True,
        "submit": False,
    }
    assert offers["submit"].why == "Submitted takes pay, revise, not 'submit'."


def test_a_file_of_1x_is_followed_too(tmp_path):
    """It has snapshots only, and declares nothing."""
    conn = sqlite3.connect(tmp_path / "old.db")
    save_snapshot_sqlite(conn, ComponentSnapshot("old", "Draft", [], {}))
    save_snapshot_sqlite(conn, ComponentSnapshot("old", "Paid", [], {}))
    conn.close()
    moment = FileSource(tmp_path / "old.db", "old").moment()
    assert (moment.state, moment.steps) == ("Paid", 0)


def test_reading_changes_nothing(recorded):
    """The file is the same, byte by byte."""
    before = recorded.read_bytes()
    FileSource(recorded, "order-1042").read()
    assert recorded.read_bytes() == before


def test_a_file_that_was_taken_away_is_said_and_found_again(recorded):
    """The view goes on when it is back."""
    source = FileSource(recorded, "order-1042")
    moved = recorded.rename(recorded.with_name("moved.db"))
    with pytest.raises(PersistenceError, match="History not found"):
        source.read()
    moved.rename(recorded)
    source.read()
    assert source.moment().state == "Submitted"


def test_a_component_that_nobody_recorded_names_the_nearest(recorded):
    """A typo is answered with what there is."""
    with pytest.raises(ComponentNotFound, match="order-1042"):
        watch(recorded, "order-1024")


def test_a_file_that_is_no_database_is_an_error(tmp_path):
    """With the file's name."""
    (tmp_path / "no.db").write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(PersistenceError, match=r"no\.db"):
        watch(tmp_path / "no.db", "order-1042")


def test_an_empty_database_has_nothing_to_watch(tmp_path, engine):
    """And says what to do."""
    record(FlexiFlowEngine(), tmp_path / "empty.db").close()
    with pytest.raises(InvalidValue, match="no component to watch"):
        watch(tmp_path / "empty.db")


def test_the_newest_component_is_watched_unless_one_is_named(recorded):
    """The one that somebody on call looks for first."""
    assert watch(recorded).now["component"] == "order-1042"

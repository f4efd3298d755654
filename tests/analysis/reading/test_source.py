"""Where histories are: paths, patterns, connections, and what is none."""

import os
import shutil
import sqlite3
import threading
from pathlib import Path

import pytest
from histories import NOON, SECOND, Written, body_1x, written_by_1x

from flexiflow.analysis.history import open_history
from flexiflow.analysis.reading.source import FileSource, sources_of
from flexiflow.errors import FlexiFlowError, InvalidType, PersistenceError, StateFileNotFound
from flexiflow.persistence import opening


@pytest.fixture
def database(tmp_path):
    """A closed file with one component in it."""
    written = Written(tmp_path / "state.db")
    written.snapshot("order", "Draft")
    written.conn.close()
    return tmp_path / "state.db"


def has_four_parts(error: FlexiFlowError) -> bool:
    return bool(error.what and error.why and error.fix and error.context_items)


@pytest.mark.parametrize("convert", [str, Path, lambda path: [path], lambda path: (str(path),)])
def test_a_path_in_any_form(database, convert):
    """A str, a Path, or a collection of them."""
    assert open_history(convert(database)).names() == ["order"]


def test_a_relative_path(database, monkeypatch):
    """A path is read from where the program is, and is found after it has gone elsewhere."""
    monkeypatch.chdir(database.parent)
    history = open_history("state.db")
    monkeypatch.chdir("/")
    assert history.components()["source"].tolist() == ["state.db"]


def test_a_pattern(database):
    """A glob finds the databases, and not what SQLite keeps beside them."""
    shutil.copy(database, database.with_name("state2.db"))
    for suffix in ("-wal", "-shm", "-journal"):
        database.with_name(f"state9.db{suffix}").touch()
    (database.parent / "state_folder").mkdir()
    found = open_history(database.parent / "state*").sources
    assert sorted(Path(each.name).name for each in found) == ["state.db", "state2.db"]


@pytest.mark.parametrize(
    "name", ["a b.db", "100%.db", "what?.db", "a#b.db", "ü☃.db", "a'b\".db", "[x].db"]
)
def test_names_that_mean_something_in_an_address(database, name):
    """A file's name is a name, whatever SQLite's addresses and patterns make of it."""
    path = database.rename(database.with_name(name))
    assert open_history(path).names() == ["order"]


def test_a_name_that_is_no_unicode(database):
    """A path of raw bytes can be opened too."""
    path = database.rename(os.fsdecode(os.fsencode(database.parent) + b"/raw\xff.db"))
    assert open_history(path).names() == ["order"]
    assert open_history(path).components()["source"].str.endswith("raw\\udcff.db").all()


def test_the_same_file_counts_once(database):
    """Two names, or a link, of one file do not double what is in it."""
    link = database.with_name("link.db")
    link.symlink_to(database)
    history = open_history([database, str(database), link])
    assert len(history.snapshots()) == 1


def test_a_connection():
    """A connection that the caller owns; it stays open."""
    written = Written()
    written.snapshot("order", "Draft")
    assert open_history(written.conn).names() == ["order"]
    assert written.conn.execute("SELECT 1").fetchone() == (1,)


def test_a_connection_is_left_as_it_was():
    """Its factories and its open transaction are the caller's."""
    written = Written()
    written.snapshot("order", "Draft")
    written.conn.row_factory = sqlite3.Row
    written.conn.text_factory = bytes
    written.conn.execute("BEGIN")
    written.conn.execute("UPDATE flexiflow_snapshots SET state = 'Changed'")
    assert open_history(written.conn).components()["state"].tolist() == ["Changed"]
    assert written.conn.in_transaction
    assert written.conn.text_factory is bytes
    written.conn.execute("ROLLBACK")
    assert written.history.components()["state"].tolist() == ["Draft"]


def test_a_connection_that_is_being_read():
    """The caller may be in the middle of a query, and goes on with it afterwards."""
    written = Written()
    for name in "abc":
        written.snapshot(name, "Draft")
    rows = iter(written.conn.execute("SELECT component_name FROM flexiflow_snapshots"))
    assert next(rows) == ("a",)
    assert written.history.names() == ["a", "b", "c"]
    assert len(written.history.snapshots()) == 3
    assert list(rows) == [("b",), ("c",)]


def test_asking_a_closed_connection(database):
    """An error in four parts, not SQLite's own."""
    conn = sqlite3.connect(database)
    history = open_history(conn)
    conn.close()
    with pytest.raises(PersistenceError) as caught:
        history.components()
    assert has_four_parts(caught.value)
    assert isinstance(caught.value.__cause__, sqlite3.ProgrammingError)


@pytest.mark.parametrize("where", [None, 5, b"state.db", [5], [None], [b"x"], {"a": 1}.values()])
def test_what_is_no_place_of_a_history(where):
    """Anything else is a TypeError in four parts."""
    with pytest.raises(InvalidType) as caught:
        open_history(where)
    assert has_four_parts(caught.value)
    assert isinstance(caught.value, TypeError)


@pytest.mark.parametrize(
    "where", ["nothing.db", "*.nothing", "no/such/folder.db", "a\0b", [], ["nothing.db"]]
)
def test_files_that_are_not_there(tmp_path, monkeypatch, where):
    """A FileNotFoundError in four parts."""
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StateFileNotFound) as caught:
        open_history(where)
    assert has_four_parts(caught.value)
    assert isinstance(caught.value, FileNotFoundError)
    assert list(tmp_path.iterdir()) == []


def test_one_of_several_files_is_not_there(database):
    """The others do not hide it."""
    with pytest.raises(StateFileNotFound, match="missing"):
        open_history([database, database.with_name("missing.db")])


def test_a_folder(tmp_path):
    """A folder is no database, and the error says that it is one."""
    with pytest.raises(StateFileNotFound, match="It is a folder"):
        open_history(tmp_path)


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "holds no history"),
        (b"this is a text\n" * 100, "can't be read"),
        (b"SQLite format 3\x00" + b"\xff" * 2000, "can't be read"),
    ],
)
def test_files_that_are_no_history(tmp_path, content, what):
    """An empty file, a text, a damaged file: an error in four parts that names the file."""
    path = tmp_path / "other.db"
    path.write_bytes(content)
    with pytest.raises(PersistenceError) as caught:
        open_history(path)
    assert what in caught.value.what
    assert has_four_parts(caught.value)
    assert caught.value.context_items["path"] == str(path)
    assert path.read_bytes() == content


def test_a_database_of_somebody_else(tmp_path):
    """A database without our tables holds no history."""
    path = tmp_path / "other.db"
    conn = sqlite3.connect(path)
    conn.execute("CREATE TABLE orders (id INTEGER)")
    conn.close()
    with pytest.raises(PersistenceError, match="holds no history"):
        open_history(path)


def test_a_newer_schema(database):
    """A file of a newer version is refused by name, with the way out."""
    conn = sqlite3.connect(database)
    conn.execute("PRAGMA user_version = 99")
    conn.close()
    with pytest.raises(PersistenceError, match="newer") as caught:
        open_history(database)
    assert has_four_parts(caught.value)
    assert caught.value.context_items["path"] == str(database)


def test_a_locked_database(database, monkeypatch):
    """Somebody who holds the file is reported, not waited for without end."""
    monkeypatch.setattr(opening, "BUSY_TIMEOUT_S", 0.01)
    conn = sqlite3.connect(database, isolation_level=None)
    conn.execute("BEGIN EXCLUSIVE")
    with pytest.raises(PersistenceError) as caught:
        open_history(database)
    conn.close()
    assert "Another program holds the database" in caught.value.fix
    assert has_four_parts(caught.value)


def test_a_file_that_goes_away(database):
    """A file deleted between two questions is an error in four parts."""
    history = open_history(database)
    database.unlink()
    with pytest.raises(PersistenceError) as caught:
        history.components()
    assert has_four_parts(caught.value)
    assert not database.exists()


@pytest.fixture
def with_a_dead_link(database):
    """A folder with a file, and with a link to another that is not there."""
    (database.parent / "old.db").symlink_to(database.parent / "gone" / "old.db")
    return database.parent


def test_a_link_to_nothing_among_others_is_left_out_and_told(with_a_dead_link):
    """What a pattern finds of it is no more than what is there, and it is not hidden."""
    history = open_history(with_a_dead_link / "*.db")
    assert history.components()["component"].tolist() == ["order"]
    assert history.stuck()["component"].tolist() == ["order"]
    assert history.graph().states["state"].tolist() == ["Draft"]
    (notice,) = history.notices
    assert notice == (
        f"{with_a_dead_link}/old.db is left out. "
        f"It is a link to {with_a_dead_link}/gone/old.db, which is not there."
    )
    assert notice in repr(history)
    assert notice in history.why("order").text


@pytest.mark.parametrize("beside", [[], ["*.db"], ["state.db"]])
def test_a_link_to_nothing_that_was_named_is_an_error(with_a_dead_link, beside):
    """Also where a pattern finds it as well."""
    named = [with_a_dead_link / name for name in ["old.db", *beside]]
    with pytest.raises(StateFileNotFound, match=r"It is a link to .*gone/old\.db") as caught:
        open_history(named)
    assert has_four_parts(caught.value)


def test_a_pattern_that_finds_links_to_nothing_only(with_a_dead_link):
    """Nothing is left to be read: an error that says so."""
    with pytest.raises(StateFileNotFound, match="It is a link to"):
        open_history(with_a_dead_link / "old*.db")


def test_one_of_a_patterns_files_that_goes_away(database):
    """The others are still read, and a file that comes back is read again."""
    other = Path(shutil.copy(database, database.with_name("state2.db")))
    history = open_history(database.parent / "*.db")
    other.rename(other.with_suffix(".away"))
    assert len(history.snapshots()) == 1
    assert history.notices == [f"{other} is left out. There is no such file."]
    other.with_suffix(".away").rename(other)
    assert len(history.snapshots()) == 2
    assert not [notice for notice in history.notices if "left out" in notice]


def test_verifying_leaves_no_file_out(with_a_dead_link):
    """Nobody may take a file for whole that could not be looked at."""
    with pytest.raises(StateFileNotFound, match=r"old\.db"):
        open_history(with_a_dead_link / "*.db").verify()


def test_reading_changes_no_byte(database):
    """Every question leaves the file as it was."""
    before = database.read_bytes()
    history = open_history(database)
    for ask in (history.components, history.snapshots, history.steps, history.visits):
        ask()
    history.why("order")
    history.graph()
    history.stuck()
    assert database.read_bytes() == before
    assert [path.name for path in database.parent.iterdir()] == ["state.db"]


def test_a_file_can_not_be_written_through_a_source(database):
    """The connection for a question is read-only."""
    with pytest.raises(PersistenceError), FileSource(database, "x").connect() as conn:
        conn.execute("DELETE FROM flexiflow_snapshots")


def test_one_question_sees_one_state_of_the_file(database):
    """What is committed while a question is being answered is for the next one."""
    writer = sqlite3.connect(database, isolation_level=None)
    writer.execute("PRAGMA journal_mode = WAL")
    with FileSource(database, "x").connect() as conn:
        count = "SELECT count(*) FROM flexiflow_snapshots"
        before = conn.execute(count).fetchone()
        writer.execute(
            "INSERT INTO flexiflow_snapshots (component_name, snapshot_json, created_at)"
            " VALUES ('late', '{}', '')"
        )
        assert conn.execute(count).fetchone() == before
    writer.close()


def test_files_are_asked_in_the_order_in_which_they_begin(tmp_path):
    """The names of the files don't matter, nor the order in which they are given."""
    for name, hours in (("c", 0), ("a", 1), ("b", 2)):
        began = NOON + hours * 3600 * SECOND
        written = Written(tmp_path / f"{name}.db", began)
        written.snapshot("order", "Draft", began)
        written.conn.close()
    written_by_1x([], tmp_path / "empty.db").close()
    rows = [("order", body_1x("order", "Old"), "2020-01-01T00:00:00")]
    written_by_1x(rows, tmp_path / "old.db").close()
    history = open_history(tmp_path / "*.db")
    assert [Path(s.name).stem for s in history.sources] == ["old", "c", "a", "b", "empty"]


def test_several_threads_ask_one_history(database):
    """Each question of a file has a connection of its own."""
    history = open_history(database)
    answers = []

    def ask():
        answers.append(history.names())

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == [["order"]] * 8


def test_sources_of_opens_nothing(tmp_path):
    """Finding files is not reading them."""
    (tmp_path / "x.db").write_text("no database")
    assert [source.name for source in sources_of(tmp_path / "x.db")] == [str(tmp_path / "x.db")]

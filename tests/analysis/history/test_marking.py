"""Bookmarks of a history."""

import asyncio
import shutil
import time

import pytest
from histories import Written

from flexiflow.analysis.base import shapes
from flexiflow.analysis.history import open_history
from flexiflow.component import AsyncComponent
from flexiflow.engine import FlexiFlowEngine
from flexiflow.errors import InvalidType, InvalidValue, PersistenceError
from flexiflow.persistence import bookmarks
from flexiflow.recording import record


@pytest.fixture
def history(tmp_path):
    """Two steps of an order, in a file."""
    written = Written(tmp_path / "state.db")
    written.step("order", "submit", "Draft", "Paying")
    written.step("order", "pay", "Paying", "Paid")
    written.conn.close()
    return open_history(tmp_path / "state.db")


def marks(history):
    found = history.bookmarks()
    return list(zip(found["kind"], found["id"], found["component"], found["note"], strict=True))


def test_no_marks(history):
    """A frame without rows, and no file."""
    found = history.bookmarks()
    assert {name: str(dtype) for name, dtype in found.dtypes.items()} == dict(shapes.BOOKMARKS)
    assert len(found) == 0


def test_marks_are_listed_in_the_order_in_which_they_were_made(history):
    """With whose row it is; marking it again replaces the note."""
    history.bookmark(2, "paid")
    history.bookmark(1)
    history.bookmark(1, "the snapshot", kind="snapshot")
    history.bookmark(2, "paid twice?")
    assert marks(history) == [
        ("step", 1, "order", ""),
        ("snapshot", 1, "order", "the snapshot"),
        ("step", 2, "order", "paid twice?"),
    ]


def test_a_mark_says_when(history):
    """By the clock of who marks."""
    before = time.time()
    history.bookmark(1)
    assert before <= history.bookmarks()["time"].item().timestamp() <= time.time()


def test_marks_do_not_change_the_database(history, tmp_path):
    """They are in a file of their own beside it."""
    before = (tmp_path / "state.db").read_bytes()
    history.bookmark(1)
    assert (tmp_path / "state.db").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "state.db",
        "state.db.bookmarks.json",
    ]


def test_a_mark_is_taken_away(history):
    """Once."""
    history.bookmark(1)
    history.bookmark(1, kind="snapshot")
    assert history.remove_bookmark(1)
    assert not history.remove_bookmark(1)
    assert marks(history) == [("snapshot", 1, "order", "")]


def test_the_later_of_two_files_of_marks_stays(history, monkeypatch):
    """Where another program marks between the reading and the writing of this one."""
    write = bookmarks.write_atomically

    def write_late(path, content):
        monkeypatch.setattr(bookmarks, "write_atomically", write)
        history.bookmark(1, "the other program's")
        write(path, content)

    monkeypatch.setattr(bookmarks, "write_atomically", write_late)
    history.bookmark(2, "this one's")
    assert marks(history) == [("step", 2, "order", "this one's")]


def test_a_recording_can_be_marked_while_it_goes_on(tmp_path):
    """By whoever watches."""
    engine = FlexiFlowEngine()
    with record(engine, tmp_path / "state.db") as recording:
        asyncio.run(engine.register(AsyncComponent("a")).send("start"))
        recording.history.bookmark(1, "the first")
        assert marks(open_history(tmp_path / "state.db")) == [("step", 1, "a", "the first")]


def test_each_file_has_its_own_marks(history, tmp_path):
    """A history of both lists them file by file; an id that both have is refused."""
    shutil.copy(tmp_path / "state.db", tmp_path / "other.db")
    history.bookmark(1)
    both = open_history([tmp_path / "state.db", tmp_path / "other.db"])
    assert both.bookmarks()["source"].tolist() == [str(tmp_path / "state.db")]
    with pytest.raises(InvalidValue, match="There is no one step 2") as caught:
        both.bookmark(2)
    assert caught.value.why == "2 of 2 files have a row with that id."
    assert both.remove_bookmark(1)


@pytest.mark.parametrize("row_id", [3, 0, -1, None, "1", 1.0, 2**70])
def test_rows_that_are_not_there(history, row_id):
    """Nothing is marked."""
    with pytest.raises((InvalidValue, InvalidType)):
        history.bookmark(row_id)
    assert marks(history) == []


@pytest.mark.parametrize(("note", "kind"), [(5, "step"), (None, "step"), ("", "run"), ("", None)])
def test_arguments_that_make_no_sense(history, note, kind):
    """Errors in four parts."""
    with pytest.raises((InvalidValue, InvalidType)) as caught:
        history.bookmark(1, note, kind=kind)
    assert caught.value.fix


def test_hostile_notes_come_back(history):
    """Whatever text it is; a very long one is bounded."""
    note = 'two\nlines \x1b[31m </script> \ud800 "'
    history.bookmark(1, note)
    history.bookmark(2, "x" * 100_000)
    kept = history.bookmarks()["note"].tolist()
    assert kept[0].startswith("two\nlines \x1b[31m </script> ")
    assert kept[1] == "x" * 10_000 + "… (+90000 characters)"


def test_a_history_without_a_file():
    """It can't be marked, and has no marks."""
    written = Written()
    written.step("order", "submit", "Draft")
    assert len(written.history.bookmarks()) == 0
    with pytest.raises(InvalidValue, match="A history in connection keeps no bookmarks"):
        written.history.bookmark(1)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{",
        '{"format": 2, "bookmarks": []}',
        '{"format": 1, "bookmarks": {}}',
        '{"format": 1, "bookmarks": [5]}',
        '{"format": 1, "bookmarks": [{"kind": "step"}]}',
        '{"format": 1, "bookmarks": [{"kind": [], "id": 1, "component": "a", "note": "",'
        ' "time_us": 1}]}',
        '{"format": 1, "bookmarks": [{"kind": "step", "id": "1", "component": "a", "note": "",'
        ' "time_us": 1}]}',
        "[" * 100_000,
    ],
)
def test_a_broken_file_of_marks(history, tmp_path, text):
    """It is an error of four parts, and is left as it is; the history itself can be asked."""
    side = tmp_path / "state.db.bookmarks.json"
    side.write_text(text)
    for ask in (history.bookmarks, lambda: history.bookmark(1)):
        with pytest.raises(PersistenceError) as caught:
            ask()
        assert caught.value.fix
    assert side.read_text() == text
    assert len(history.steps()) == 2

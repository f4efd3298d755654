from __future__ import annotations

import json

import pytest

from flexiflow.errors import PersistenceError
from flexiflow.lessons.demo.files import MARKER, prepare_folder


def test_makes_the_folder_and_the_marker(tmp_path):
    """A folder that is not there is made, with a marker that says what it is."""
    folder = prepare_folder(tmp_path / "a" / "b", 60, 7)
    marker = json.loads((folder / MARKER).read_text(encoding="utf-8"))
    assert marker["made_by"] == "flexiflow demo"
    assert marker["files"] == ["state.db", "run.jsonl"]


def test_replaces_what_a_demo_left(tmp_path):
    """The two files of an earlier run go, with what SQLite put beside them."""
    prepare_folder(tmp_path, 60, 7)
    for name in ("state.db", "state.db-wal", "state.db-shm", "run.jsonl"):
        (tmp_path / name).write_text("old")
    prepare_folder(tmp_path, 60, 7)
    assert [path.name for path in tmp_path.iterdir()] == [MARKER]


def test_touches_nothing_else(tmp_path):
    """Other files in the folder stay as they are."""
    prepare_folder(tmp_path, 60, 7)
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "other.db").write_text("mine too")
    prepare_folder(tmp_path, 60, 7)
    assert (tmp_path / "notes.txt").read_text() == "mine"
    assert (tmp_path / "other.db").read_text() == "mine too"


@pytest.mark.parametrize("name", ["state.db", "run.jsonl", "state.db-wal"])
def test_refuses_files_that_no_demo_made(tmp_path, name):
    """A file of one of these names without the demo's marker is refused, and kept."""
    (tmp_path / name).write_text("precious")
    with pytest.raises(PersistenceError, match=f"would overwrite {name}") as caught:
        prepare_folder(tmp_path, 60, 7)
    assert caught.value.why
    assert caught.value.fix
    assert caught.value.context_items["found"] == [name]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert (tmp_path / name).read_text() == "precious"


@pytest.mark.parametrize("text", ["", "not JSON", "[]", '{"made_by": "someone"}', "\udcff"])
def test_a_marker_of_something_else_does_not_count(tmp_path, text):
    """A marker file with other contents protects what lies beside it, and itself."""
    contents = text.encode("utf-8", "surrogateescape")
    (tmp_path / MARKER).write_bytes(contents)
    (tmp_path / "state.db").write_text("precious")
    with pytest.raises(PersistenceError, match="would overwrite"):
        prepare_folder(tmp_path, 60, 7)
    assert (tmp_path / MARKER).read_bytes() == contents


def test_a_link_is_removed_and_its_target_kept(tmp_path):
    """Where state.db is a link, the link goes and what it leads to stays."""
    folder = prepare_folder(tmp_path / "demo", 60, 7)
    target = tmp_path / "elsewhere.db"
    target.write_text("precious")
    (folder / "state.db").symlink_to(target)
    prepare_folder(folder, 60, 7)
    assert not (folder / "state.db").is_symlink()
    assert target.read_text() == "precious"


def test_a_file_in_the_folders_place(tmp_path):
    """A folder that can't be made is an error with all four parts."""
    (tmp_path / "demo").write_text("a file")
    with pytest.raises(PersistenceError, match="can't write into") as caught:
        prepare_folder(tmp_path / "demo", 60, 7)
    assert caught.value.why
    assert caught.value.fix
    assert isinstance(caught.value.__cause__, OSError)

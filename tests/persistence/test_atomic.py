"""Files that are whole or not there."""

import os
import stat
import subprocess
import sys

import pytest

from flexiflow.errors import PersistenceError
from flexiflow.persistence.atomic import replacing, write_atomically


@pytest.fixture
def path(tmp_path):
    """A file's name in an empty folder."""
    return tmp_path / "file.json"


def test_a_failure_leaves_the_old_file_and_no_other(path, monkeypatch):
    """Whatever step of the writing it is that fails."""
    write_atomically(path, b"old")
    for step in ("fsync", "replace"):
        with monkeypatch.context() as patch:
            patch.setattr(os, step, failing)
            with pytest.raises(PersistenceError, match="no room") as caught:
                write_atomically(path, b"new")
        assert caught.value.context_items["errno"] == 28
        assert path.read_bytes() == b"old"
        assert list(path.parent.iterdir()) == [path]


def failing(*arguments):
    raise OSError(28, "no room")


def test_an_interrupt_leaves_no_temporary_file(path, monkeypatch):
    """It is not the library's to wrap, but its file is."""

    def interrupted(*arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write_atomically(path, b"new")
    assert list(path.parent.iterdir()) == []


def test_file_and_folder_are_synced_before_it_returns(path, monkeypatch):
    """The content before the rename, the folder after it."""
    happened = []
    fsync, replace = os.fsync, os.replace

    def note_fsync(handle):
        happened.append("folder" if stat.S_ISDIR(os.fstat(handle).st_mode) else "file")
        fsync(handle)

    def note_replace(source, target):
        happened.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", note_fsync)
    monkeypatch.setattr(os, "replace", note_replace)
    write_atomically(path, b"new")
    assert happened == ["file", "rename", "folder"]


def test_a_new_file_has_the_mode_of_any_new_file(path):
    """The umask decides; in a process of its own, since it is the process's."""
    code = (
        "import os, sys, pathlib\n"
        "from flexiflow.persistence.atomic import write_atomically\n"
        "os.umask(0o027)\n"
        "write_atomically(pathlib.Path(sys.argv[1]), b'x')\n"
    )
    subprocess.run([sys.executable, "-c", code, str(path)], check=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_an_old_file_keeps_its_mode(path):
    """Replacing it does not open it to others."""
    path.write_bytes(b"old")
    path.chmod(0o600)
    write_atomically(path, b"new")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_is_followed_and_not_replaced(path, tmp_path):
    """What it points to gets the content."""
    target = tmp_path / "real" / "file.json"
    target.parent.mkdir()
    path.symlink_to(target)
    write_atomically(path, b"new")
    assert path.is_symlink()
    assert target.read_bytes() == b"new"


def test_a_very_long_name_can_be_written(tmp_path):
    """The temporary file's name is no longer than the file's own may be."""
    path = tmp_path / ("ä" * 125 + ".json")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"


def test_a_file_that_is_there_is_not_replaced_unasked(path):
    """One that comes while the new one is written is kept, too."""

    def lose_the_race():
        with replacing(path, force=False) as temporary:
            temporary.write_bytes(b"new")
            path.write_bytes(b"old")

    with pytest.raises(PersistenceError, match="is there already"):
        lose_the_race()
    assert path.read_bytes() == b"old"
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize("links", [True, False])
def test_a_new_file_takes_its_name(path, monkeypatch, links):
    """On file systems without links too."""
    if not links:
        monkeypatch.setattr(os, "link", failing)
    with replacing(path, mode=0o640, force=False) as temporary:
        temporary.write_bytes(b"new")
    assert path.read_bytes() == b"new"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert list(path.parent.iterdir()) == [path]


def test_a_file_with_a_mode_of_its_own_is_nobody_elses_while_it_is_written(path):
    """Also where it may be read by others in the end."""
    with replacing(path, mode=0o644) as temporary:
        assert stat.S_IMODE(temporary.stat().st_mode) == 0o600

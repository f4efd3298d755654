"""The cache folder: content that only this user can have written, or none."""

import os
import stat
import sys
from pathlib import Path

import pytest

from flexiflow.graph import module_cache

PAYLOAD = b"compiled code" * 100


@pytest.fixture
def base(tmp_path, monkeypatch):
    """A cache base of the test's own."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def stored(base):
    """The path of a stored content."""
    assert module_cache.store("name", PAYLOAD)
    (path,) = (base / "flexiflow").iterdir()
    return path


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


def test_content_comes_back(stored):
    """What was stored is loaded."""
    assert module_cache.load("name") == PAYLOAD


def test_storing_again_replaces(stored):
    """The newest content counts, and no temporary file stays."""
    assert module_cache.store("name", b"newer")
    assert module_cache.load("name") == b"newer"
    assert list(stored.parent.iterdir()) == [stored]


def test_nothing_is_loaded_where_nothing_was_stored(base):
    """A missing folder or file is no error, and loading makes neither."""
    assert module_cache.load("name") is None
    assert not base.exists()


def test_folder_and_file_are_the_owner_s_alone(stored):
    """The folder is 0700 and the file 0600, whatever the umask."""
    assert (mode(stored.parent), mode(stored)) == (0o700, 0o600)


@pytest.mark.parametrize("bit", [stat.S_IWGRP, stat.S_IWOTH])
def test_file_that_others_can_write_is_not_used(stored, bit):
    """Somebody else may have put code into it."""
    stored.chmod(mode(stored) | bit)
    assert module_cache.load("name") is None


@pytest.mark.parametrize("bit", [stat.S_IWGRP, stat.S_IWOTH])
def test_folder_that_others_can_write_is_not_used(stored, bit):
    """Somebody else may have put a file into it; nothing is stored there either."""
    stored.parent.chmod(mode(stored.parent) | bit)
    assert module_cache.load("name") is None
    assert not module_cache.store("name", PAYLOAD)


def test_what_belongs_to_somebody_else_is_not_used(stored, monkeypatch):
    """Seen by another user, neither folder nor file is trusted."""
    monkeypatch.setattr(os, "geteuid", lambda: stored.stat().st_uid + 1)
    assert module_cache.load("name") is None
    assert not module_cache.store("other", PAYLOAD)


def test_nothing_is_made_in_somebody_else_s_home(base, monkeypatch, tmp_path):
    """Root with a user's home leaves no folder there that the user can't write."""
    monkeypatch.setattr(os, "geteuid", lambda: tmp_path.stat().st_uid + 1)
    assert not module_cache.store("name", PAYLOAD)
    assert not base.exists()


def test_link_is_not_followed(stored):
    """A link may lead to a file that somebody else chose."""
    target = stored.with_name("elsewhere")
    stored.rename(target)
    stored.symlink_to(target)
    assert module_cache.load("name") is None


def test_linked_folder_is_not_followed(stored, base):
    """The same holds for the folder."""
    elsewhere = base / "elsewhere"
    stored.parent.rename(elsewhere)
    (base / "flexiflow").symlink_to(elsewhere)
    assert module_cache.load("name") is None
    assert not module_cache.store("name", PAYLOAD)


@pytest.mark.parametrize("place", [0, 40, -1])
def test_damage_is_noticed(stored, place):
    """One wrong byte anywhere, and the file is not used."""
    content = bytearray(stored.read_bytes())
    content[place] ^= 1
    stored.write_bytes(content)
    assert module_cache.load("name") is None


@pytest.mark.parametrize("length", [0, 10, 32, 500])
def test_truncated_file_is_noticed(stored, length):
    """Nor is one that was cut off."""
    stored.write_bytes(stored.read_bytes()[:length])
    assert module_cache.load("name") is None


def test_folder_in_the_file_s_place_is_no_error(stored):
    """Whatever stands there, there is just no content."""
    stored.unlink()
    stored.mkdir()
    assert module_cache.load("name") is None
    assert not module_cache.store("name", PAYLOAD)


def test_base_that_can_not_be_made_is_no_error(tmp_path, monkeypatch):
    """Below a file no folder can be made, as in a home that is read-only."""
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file" / "cache"))
    assert not module_cache.store("name", PAYLOAD)
    assert module_cache.load("name") is None


def test_oldest_of_many_are_dropped(base):
    """Versions that are no longer used don't pile up."""
    for number in range(7):
        assert module_cache.store(f"name{number}", PAYLOAD)
        path = base / "flexiflow" / f"name{number}.module"
        os.utime(path, (number, number))
    kept = sorted(path.stem for path in (base / "flexiflow").iterdir())
    assert kept == ["name3", "name4", "name5", "name6"]


def test_folder_follows_the_environment(monkeypatch, tmp_path):
    """XDG_CACHE_HOME is used where it is absolute, as its specification wants."""
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", "relative")
    home = module_cache.cache_folder()
    assert home is not None
    assert home.is_relative_to(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "x"))
    assert module_cache.cache_folder() == tmp_path / "x" / "flexiflow"


def test_folder_follows_the_platform(monkeypatch, tmp_path):
    """Each platform has a place of its own for caches."""
    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "Local"))
    found = {}
    for platform in ("linux", "darwin", "win32"):
        monkeypatch.setattr(sys, "platform", platform)
        found[platform] = module_cache.cache_folder()
    assert found["linux"] == Path(tmp_path, ".cache", "flexiflow")
    assert found["darwin"] == Path(tmp_path, "Library", "Caches", "flexiflow")
    assert found["win32"] == Path(tmp_path, "Local", "flexiflow")


def test_user_without_a_home_has_no_cache(monkeypatch):
    """As in a container whose user is a mere number."""

    def homeless():
        raise RuntimeError("no home")

    monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(Path, "home", homeless)
    assert module_cache.cache_folder() is None
    assert module_cache.load("name") is None
    assert not module_cache.store("name", PAYLOAD)

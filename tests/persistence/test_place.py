"""Whether an open database is still what its path leads to."""

from __future__ import annotations

import pytest

from flexiflow.persistence.place import Place


@pytest.fixture
def path(tmp_path):
    """A database and its write-ahead log, as far as this module looks at them."""
    for name in ("s.db", "s.db-wal"):
        (tmp_path / name).write_bytes(b"1")
    return tmp_path / "s.db"


@pytest.fixture
def wal(path):
    return path.with_name("s.db-wal")


def test_untouched_files_are_ours(path):
    """What was written into them since does not matter."""
    place = Place(path)
    path.write_bytes(b"more")
    assert (place.is_ours(), place.has_our_wal()) == (True, True)


@pytest.mark.parametrize("replaced", [False, True])
def test_a_database_that_is_gone_is_not_ours(path, replaced):
    """Nor is another one in its place."""
    place = Place(path)
    path.rename(path.with_name("elsewhere.db"))
    if replaced:
        path.write_bytes(b"1")
    assert place.is_ours() is False


def test_a_database_that_comes_back_is_ours_again(path):
    """A file is known by what it is, not by where it has been."""
    place = Place(path)
    path.rename(path.with_name("elsewhere.db")).rename(path)
    assert place.is_ours() is True


def test_a_log_that_is_gone_is_not_taken(path, wal):
    """Ours can still be brought in."""
    place = Place(path)
    wal.unlink()
    assert (place.has_our_wal(), place.wal_is_taken()) == (False, False)


@pytest.mark.parametrize(("content", "taken"), [(b"", False), (b"frames", True)])
def test_another_log_is_taken_once_something_is_in_it(path, wal, content, taken):
    """A reader makes an empty one, which is in nobody's way."""
    place = Place(path)
    wal.rename(wal.with_name("old"))
    wal.write_bytes(content)
    assert (place.has_our_wal(), place.wal_is_taken()) == (False, taken)


def test_the_error_says_what_why_and_how_to_go_on(path):
    """With the path."""
    error = Place(path).lost("It")
    assert error.what == "It was deleted or replaced while it was being recorded."
    assert (bool(error.why), bool(error.fix), error.context_items) == (
        True,
        True,
        {"path": str(path)},
    )

"""Whether an open database is still what its path leads to, and its write-ahead log too.

A deleted file goes on existing for those who have it open, and nobody else will ever read what they
write there. SQLite does not look: see https://www.sqlite.org/howtocorrupt.html, section 1.4.
"""

from __future__ import annotations

from pathlib import Path

from flexiflow.errors import PersistenceError


class Place:
    """The files that a database had when it was opened in WAL mode.

    Args:
        path: the database.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._wal = path.with_name(path.name + "-wal")
        self._ours = _identity(path)
        self._our_wal = _identity(self._wal)

    def is_ours(self) -> bool:
        """Whether the path still leads to the file that was opened."""
        return _identity(self.path) == self._ours

    def has_our_wal(self) -> bool:
        """Whether the write-ahead log is still the one that was opened."""
        return _identity(self._wal) == self._our_wal

    def wal_is_taken(self) -> bool:
        """Whether somebody has begun another write-ahead log, so that ours no longer fits."""
        try:
            return self._wal.stat().st_size > 0
        except OSError:
            return False

    def lost(self, what: str) -> PersistenceError:
        """What to say where `what` was deleted or replaced."""
        return PersistenceError(
            f"{what} was deleted or replaced while it was being recorded.",
            why="What would be written now, nobody could read: the open file is at no path.",
            fix="Close the recording and record again, and move files only when it is closed.",
            context={"path": str(self.path)},
        )


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino

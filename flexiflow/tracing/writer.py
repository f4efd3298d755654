"""Appending to a trace log, and beginning a new file where it is to be rotated."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from flexiflow.errors import PersistenceError
from flexiflow.tracing.rotation import Rotation, next_name

try:
    import fcntl
except ImportError:  # Windows, where an open file can't be renamed anyway
    fcntl = None  # type: ignore[assignment]

_PATIENCE_S = 0.05
"""How long another writer may be in the middle of a line before it is taken for killed."""

_logger = logging.getLogger("flexiflow")


class LogWriter:
    """A trace log that is open for appending.

    Every write is one ``write()`` of whole lines to a file opened with ``O_APPEND``, so that
    several writers never mix within a line; half a line, which a killed one has left, is ended
    first. It survives a kill, not a power cut: nothing is synced.

    With a rotation, each write first looks whether the file is due, or whether another process
    has rotated it; what is written to a file that is renamed at that moment is in the renamed one.
    A rotation that fails is said once, and the file goes on.

    Args:
        path: the file; made if it is not there, never its folder.
        rotation: when to begin a new file, or None.

    Raises:
        PersistenceError: where it can't be opened.
    """

    def __init__(self, path: str | os.PathLike[str], rotation: Rotation | None = None) -> None:
        self.path = Path(path).absolute()
        self._rotation = rotation
        self._lock = threading.Lock()
        self._within_a_line = False
        self._end = 0  # of the file, where nobody else has written since
        self._said = False
        try:
            self._file = self._opened()
            self._look_at_end(None)
        except OSError as exc:
            raise _failed(self.path, exc) from exc

    def write(self, lines: bytes) -> None:
        """Append whole lines.

        Raises:
            PersistenceError: where the system refuses; ``bytes_written`` in its context says how
                many bytes of whole lines are written all the same.
        """
        with self._lock:
            self._follow()
            if self._rotation is None:
                self._append(lines)
                return
            written = 0
            try:
                while written < len(lines):
                    written += self._append(self._fitting(lines[written:], self._rotation))
            except PersistenceError as exc:
                done = written + exc.context_items["bytes_written"]
                exc.context = {**exc.context_items, "bytes_written": done}
                raise

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _append(self, lines: bytes) -> int:
        """Write to the present file, and return how many bytes of `lines` that were."""
        wanted = len(lines)
        if self._within_a_line:  # of a writer that was killed, or of a disk that was full
            lines = b"\n" + lines
        rest = memoryview(lines)
        try:
            while rest:
                rest = rest[os.write(self._file, rest) :]
        except OSError as exc:
            raise self._cut_off(lines, len(lines) - len(rest), exc) from exc
        self._within_a_line = False
        self._end += len(lines)
        return wanted

    def _fitting(self, lines: bytes, rotation: Rotation) -> bytes:
        """The whole lines that the present file still takes; at least one. May rotate."""
        found = os.fstat(self._file)
        room = rotation.room(found.st_size)
        first = lines.index(b"\n") + 1
        full = room is not None and first > room
        if found.st_size and (full or rotation.is_over(found.st_mtime, time.time())):
            if not self._rotate(found.st_ino):
                return lines  # better one large file than a lost line
            room = rotation.room(os.fstat(self._file).st_size)
        if room is None or len(lines) <= room:
            return lines
        return lines[: max(lines.rfind(b"\n", 0, room) + 1, first)]

    def _follow(self) -> None:
        """Go on in the file of that name, where somebody has rotated or deleted ours."""
        if self._file < 0:
            return  # it is closed, and writing says so
        with contextlib.suppress(OSError):
            ours = os.fstat(self._file)
            if os.path.samestat(os.stat(self.path), ours):
                self._look_at_end(ours.st_size)
                return
        self._reopen()

    def _rotate(self, inode: int) -> bool:
        """Rename the present file and begin a new one; False where that is not possible now."""
        try:
            with _locked(self._file):
                if os.stat(self.path).st_ino == inode:  # else another process was faster
                    os.rename(self.path, next_name(self.path, datetime.now(UTC)))
        except FileNotFoundError:
            pass  # another process is between renaming and opening
        except BlockingIOError:
            return False  # another process does it at this moment
        except OSError as exc:
            if not self._said:
                self._said = True
                _logger.warning("The log %s can't be rotated: %s; it goes on", self.path, exc)
            return False
        return self._reopen()

    def _reopen(self) -> bool:
        """Open the file of the log's name; False where that fails, and the old one goes on."""
        try:
            new = self._opened()
        except OSError:
            return False
        os.close(self._file)
        self._file = new
        self._look_at_end(None)
        return True

    def _opened(self) -> int:
        flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
        return os.open(self.path, flags, 0o666)

    def _cut_off(self, lines: bytes, written: int, exc: OSError) -> PersistenceError:
        error = _failed(self.path, exc)
        whole = lines.rfind(b"\n", 0, written) + 1
        extra = 1 if self._within_a_line else 0  # the newline that ended what was there before
        if written:
            self._within_a_line = whole < written
            self._end += written
        error.context = {**error.context_items, "bytes_written": max(whole - extra, 0)}
        return error

    def _look_at_end(self, size: int | None) -> None:
        """See whether a killed writer has left half a line, unless nobody else has written."""
        if size == self._end:
            return
        self._within_a_line = self._ends_within_a_line()
        end = time.monotonic() + _PATIENCE_S
        # A writer that lives is in the middle of its write() for microseconds; a killed one stays.
        while size is not None and self._within_a_line and time.monotonic() < end:
            time.sleep(0.001)
            self._within_a_line = self._ends_within_a_line()

    def _ends_within_a_line(self) -> bool:
        self._end = os.lseek(self._file, 0, os.SEEK_END)
        if self._end > 0:
            os.lseek(self._file, -1, os.SEEK_END)
        return os.read(self._file, 1) not in (b"\n", b"")


@contextlib.contextmanager
def _locked(file: int) -> Iterator[None]:
    """Hold the file against other processes that rotate it; those that only write don't wait."""
    if fcntl is not None:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    try:
        yield
    finally:
        if fcntl is not None:
            fcntl.flock(file, fcntl.LOCK_UN)


def _failed(path: Path, exc: OSError) -> PersistenceError:
    return PersistenceError(
        f"The log {path} can't be written.",
        why=f"The system says: {exc.strerror or exc}.",
        fix="Check that its folder exists, has room, and that you may write there.",
        context={"path": str(path), "errno": exc.errno},
    )

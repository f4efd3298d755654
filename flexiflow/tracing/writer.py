"""Appending to a trace log."""

from __future__ import annotations

import os
import threading
from pathlib import Path

from flexiflow.errors import PersistenceError


class LogWriter:
    """A trace log that is open for appending.

    Every write is one ``write()`` of whole lines to a file opened with ``O_APPEND``, so that
    several writers never mix within a line. It survives a kill, not a power cut: nothing is
    synced.

    Args:
        path: the file; made if it is not there, never its folder.

    Raises:
        PersistenceError: where it can't be opened.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self._lock = threading.Lock()
        self._within_a_line = False
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags, 0o666)
            self._within_a_line = self._ends_within_a_line()
        except OSError as exc:
            raise _failed(self.path, exc) from exc

    def write(self, lines: bytes) -> None:
        """Append whole lines.

        Raises:
            PersistenceError: where the system refuses; ``bytes_written`` in its context says how
                many bytes of whole lines are written all the same.
        """
        with self._lock:
            if self._within_a_line:  # of a writer that was killed, or of a disk that was full
                lines = b"\n" + lines
            rest = memoryview(lines)
            try:
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            except OSError as exc:
                raise self._cut_off(lines, len(lines) - len(rest), exc) from exc
            self._within_a_line = False

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

    def _cut_off(self, lines: bytes, written: int, exc: OSError) -> PersistenceError:
        error = _failed(self.path, exc)
        whole = lines.rfind(b"\n", 0, written) + 1
        extra = 1 if self._within_a_line else 0  # the newline that ended what was there before
        if written:
            self._within_a_line = whole < written
        error.context = {**error.context_items, "bytes_written": max(whole - extra, 0)}
        return error

    def _ends_within_a_line(self) -> bool:
        """Whether a killed writer has left half a line."""
        end = os.lseek(self._file, 0, os.SEEK_END)
        if end == 0:
            return False
        os.lseek(self._file, end - 1, os.SEEK_SET)
        return os.read(self._file, 1) != b"\n"


def _failed(path: Path, exc: OSError) -> PersistenceError:
    return PersistenceError(
        f"The log {path} can't be written.",
        why=f"The system says: {exc.strerror or exc}.",
        fix="Check that its folder exists, has room, and that you may write there.",
        context={"path": str(path), "errno": exc.errno},
    )

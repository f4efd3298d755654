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
        try:
            flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | getattr(os, "O_BINARY", 0)
            self._file = os.open(self.path, flags, 0o666)
            if self._ends_within_a_line():
                os.write(self._file, b"\n")
        except OSError as exc:
            raise _failed(self.path, exc) from exc

    def write(self, lines: bytes) -> None:
        """Append whole lines.

        Raises:
            PersistenceError: where the system refuses; part of the last line may be written.
        """
        with self._lock:
            try:
                rest = memoryview(lines)
                while rest:
                    rest = rest[os.write(self._file, rest) :]
            except OSError as exc:
                raise _failed(self.path, exc) from exc

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        with self._lock:
            if self._file >= 0:
                os.close(self._file)
                self._file = -1

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

"""What comes to a log while it is read, also where it is rotated or cut off meanwhile."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from flexiflow.errors import StateFileNotFound
from flexiflow.tracing.blocks import read_blocks
from flexiflow.tracing.line_formats import BrokenLine, LineFormat
from flexiflow.tracing.reader import unreadable
from flexiflow.tracing.records import LogRecord


class Follower:
    """Remembers how far a log is read.

    Args:
        files: gives the log's files, the oldest first.
        lines: how its lines are read.
        from_start: whether what is there already counts as new.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no log.
    """

    def __init__(
        self, files: Callable[[], list[Path]], lines: LineFormat, *, from_start: bool = False
    ) -> None:
        self._files = files
        self._lines = lines
        self._read: dict[tuple[int, int], int] = {}  # bytes of each file, by what it is
        for path in files():
            key, size = _identity(path)
            self._read[key] = 0 if from_start else _whole_lines(path, size)

    def new(self) -> Iterator[LogRecord | BrokenLine]:
        """What came since the last time; a line that is not ended waits for the next time.

        Raises:
            PersistenceError: where a file can't be read.
        """
        try:
            paths = self._files()
        except StateFileNotFound:  # between renaming the old file and opening the new one
            return
        for path in paths:
            if path.suffix != ".gz":  # what is packed was read before
                yield from self._new_in(path)

    def _new_in(self, path: Path) -> Iterator[LogRecord | BrokenLine]:
        try:
            key, size = _identity(path)
            done = self._read.get(key, 0)
            if size < done:  # it was cut off, and begins anew
                done = 0
            self._read[key] = done
            if size == done:
                return
            for block in read_blocks(path, done):
                if not block.is_whole:
                    return
                for at, line in block.lines():
                    if line.strip():
                        yield self._lines.parse(line, str(path), block.offset + at)
                self._read[key] = block.offset + block.size
        except FileNotFoundError:
            return  # renamed a moment ago: next time
        except OSError as exc:
            raise unreadable(path, exc) from exc


def _identity(path: Path) -> tuple[tuple[int, int], int]:
    stat = path.stat()
    return (stat.st_dev, stat.st_ino), stat.st_size


def _whole_lines(path: Path, size: int) -> int:
    """How many bytes of a file are whole lines; a half one will be whole later."""
    with path.open("rb") as file:
        end = size
        while end:
            begin = max(end - 65_536, 0)
            file.seek(begin)
            newline = file.read(end - begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            end = begin
    return 0

"""What comes to a log while it is read, also where it is rotated or cut off meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from flexiflow.errors import StateFileNotFound
from flexiflow.tracing.blocks import edges, opened, read_blocks
from flexiflow.tracing.line_formats import BrokenLine, LineFormat
from flexiflow.tracing.reader import unreadable
from flexiflow.tracing.records import LogRecord


@dataclass(slots=True)
class _Read:
    """How far a file is read.

    Attributes:
        size: bytes, up to the end of its last whole line.
        edges: a hash of the first and the last of them.
    """

    size: int = 0
    edges: str = ""

    def is_of(self, path: Path, stat: os.stat_result) -> bool:
        """Whether a file begins with what was read: it, or a copy of it, that may have grown."""
        return self.size <= stat.st_size and edges(path, self.size) == self.edges

    def is_read(self, path: Path, size: int) -> None:
        """Note that a file is read so far."""
        self.size, self.edges = size, edges(path, size)


class Follower:
    """Remembers how far a log is read.

    A file is known again by what it is and by what was read of it: a rotated one is the same by
    another name, a copy of one that is cut off is not new, and what is cut off begins anew.

    Args:
        files: gives the log's files, the oldest first.
        lines: how its lines are read.
        from_start: whether what is there already counts as new.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there is no log.
        PersistenceError: where a file can't be read.
    """

    def __init__(
        self, files: Callable[[], list[Path]], lines: LineFormat, *, from_start: bool = False
    ) -> None:
        self._files = files
        self._lines = lines
        self._read: dict[tuple[int, int], _Read] = {}  # by what a file is
        for path in files():
            if path.suffix != ".gz":  # nothing comes to what is packed
                try:
                    stat = path.stat()
                    self._read[_key(stat)] = read = _Read()
                    read.is_read(path, 0 if from_start else _whole_lines(path, stat.st_size))
                except OSError as exc:
                    raise unreadable(path, exc) from exc

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
            stat = path.stat()
            read, original = self._so_far(path, stat)
            if read.size == stat.st_size:
                return
            for block in read_blocks(path, read.size):
                if not block.is_whole:
                    return
                for at, line in block.lines():
                    if line.strip():
                        yield self._lines.parse(line, str(path), block.offset + at)
                read.is_read(path, block.offset + block.size)
                if original is not None and original.size < read.size:
                    original.size, original.edges = read.size, read.edges
        except FileNotFoundError:
            return  # renamed a moment ago: next time
        except OSError as exc:
            raise unreadable(path, exc) from exc

    def _so_far(self, path: Path, stat: os.stat_result) -> tuple[_Read, _Read | None]:
        """How far a file is read, and which other it is a copy of, where it is new."""
        key = _key(stat)
        known = self._read.get(key)
        if known is not None and known.is_of(path, stat):
            return known, None
        others = [each for each in self._read.values() if each.size and each.is_of(path, stat)]
        original = max(others, key=lambda each: each.size, default=None)
        read = self._read[key] = _Read() if original is None else replace(original)
        if original is None:
            read.is_read(path, 0)
        return read, original


def _key(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _whole_lines(path: Path, size: int) -> int:
    """How many bytes of a file are whole lines; a half one will be whole later."""
    with opened(path) as file:
        end = size
        while end:
            begin = max(end - 65_536, 0)
            file.seek(begin)
            newline = file.read(end - begin).rfind(b"\n")
            if newline >= 0:
                return begin + newline + 1
            end = begin
    return 0

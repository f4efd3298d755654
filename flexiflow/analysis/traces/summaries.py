"""A log's traces, kept up to date while it grows: what is read once is not read again."""

from __future__ import annotations

import os
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from flexiflow.analysis.traces.counted import Counted
from flexiflow.analysis.traces.shares import counting, result, shares_of
from flexiflow.tracing.blocks import DAMAGED, Block, edges, read_blocks
from flexiflow.tracing.line_formats import LineFormat
from flexiflow.tracing.reader import unreadable

_Key = tuple[int, int]


@dataclass(slots=True)
class _Read:
    """How far a file is read.

    Attributes:
        size: bytes, up to the end of its last whole line.
        edges: a hash of the first and the last of them.
        changed_ns: when a packed file was last written.
    """

    size: int = 0
    edges: str = ""
    changed_ns: int = 0


class Summaries:
    """What a log's lines come to, by what of its files is read so far.

    A rotated file is known again by what it is, whatever it is called now.

    Args:
        lines: how its lines are read.
    """

    def __init__(self, lines: LineFormat) -> None:
        self._lines = lines
        self._forget()

    def _forget(self) -> None:
        self._counted = Counted()
        self._read: dict[_Key, _Read] = {}

    def update(self, paths: Sequence[Path]) -> Counted:
        """Read what is new in the files, or all where one of them is not what it was.

        Args:
            paths: the files, the oldest first.

        Returns:
            what all lines come to; last lines without a newline, which may still go on, are
            counted in a copy.

        Raises:
            PersistenceError: where a file can't be read.
        """
        found = {path: _stat(path) for path in paths}
        if not self._are_known(found):
            self._forget()
        open_lines = [each for path, stat in found.items() if (each := self._go_on(path, stat))]
        if not open_lines:
            return self._counted
        whole = deepcopy(self._counted)
        for block, path in open_lines:
            whole.add(block, path, self._lines)
        return whole

    def _are_known(self, found: dict[Path, os.stat_result]) -> bool:
        """Whether all that was read is still there and the same."""
        if self._read.keys() - {_key(stat) for stat in found.values()}:
            return False
        return all(
            _key(stat) not in self._read or _is_same(self._read[_key(stat)], path, stat)
            for path, stat in found.items()
        )

    def _go_on(self, path: Path, stat: os.stat_result) -> tuple[Block, Path] | None:
        """Read a file on; a last line without a newline is given back."""
        read = self._read.setdefault(_key(stat), _Read())
        packed = path.suffix == ".gz"
        if read.size and (packed or read.size >= stat.st_size):
            return None
        start = read.size
        try:
            if not packed:
                self._read_shared(path, read, stat.st_size)
            for block in read_blocks(path, read.size):
                if not (block.is_whole or packed):
                    return block, path
                self._add(block, path, read)
        except DAMAGED:
            self._counted.broken += 1
        except OSError as exc:
            raise unreadable(path, exc) from exc
        finally:
            if read.size > start:
                read.edges = "" if packed else _edges(path, read.size)
                read.changed_ns = stat.st_mtime_ns
        return None

    def _read_shared(self, path: Path, read: _Read, size: int) -> None:
        """Read what is worth several processes, as far as all of them come."""
        shares = shares_of(path, read.size, size, self._lines)
        if not shares:
            return
        mine, *others = shares
        with counting(others) as processes:
            for block in read_blocks(path, mine.start, mine.stop):
                self._add(block, path, read)
            for share, process in zip(others, processes, strict=False):
                counted = result(process) if read.size == share.start else None
                if counted is not None:
                    self._counted.extend(counted)
                    read.size = share.stop

    def _add(self, block: Block, path: Path, read: _Read) -> None:
        self._counted.add(block, path, self._lines)
        read.size = block.offset + block.size


def _key(stat: os.stat_result) -> _Key:
    return stat.st_dev, stat.st_ino


def _stat(path: Path) -> os.stat_result:
    try:
        return path.stat()
    except OSError as exc:
        raise unreadable(path, exc) from exc


def _is_same(read: _Read, path: Path, stat: os.stat_result) -> bool:
    if path.suffix == ".gz":
        return read.changed_ns == stat.st_mtime_ns
    return read.size <= stat.st_size and _edges(path, read.size) == read.edges


def _edges(path: Path, size: int) -> str:
    """What a file is known by, once something of it was read."""
    if not size:
        return ""
    try:
        return edges(path, size)
    except OSError as exc:
        raise unreadable(path, exc) from exc

"""A log's traces, kept up to date while it grows: what is read once is not read again."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path

from flexiflow.analysis.trace_table import TraceTable
from flexiflow.tracing.blocks import DAMAGED, Block, opened, read_blocks
from flexiflow.tracing.line_formats import LineFormat
from flexiflow.tracing.reader import unreadable

_EDGE = 4096  # bytes at both ends of what was read, by which a file is known again
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
    edges: bytes = b""
    changed_ns: int = 0


class Summaries:
    """The traces of a log, by what of its files is read so far.

    A rotated file is known again by what it is, whatever it is called now.

    Args:
        lines: how its lines are read.

    Attributes:
        table: the traces.
        broken: how many lines are no records.
        without_id: how many records have no correlation id.
    """

    def __init__(self, lines: LineFormat) -> None:
        self._lines = lines
        self._forget()

    def _forget(self) -> None:
        self.table = TraceTable()
        self.broken = self.without_id = 0
        self._read: dict[_Key, _Read] = {}

    def update(self, paths: Sequence[Path]) -> Summaries:
        """Read what is new in the files, or all where one of them is not what it was.

        Args:
            paths: the files, the oldest first.

        Returns:
            the summaries to ask: these, or a copy that also has last lines without a newline,
            which may still go on.

        Raises:
            PersistenceError: where a file can't be read.
        """
        found = {path: _stat(path) for path in paths}
        if not self._are_known(found):
            self._forget()
        open_lines = [each for path, stat in found.items() if (each := self._go_on(path, stat))]
        if not open_lines:
            return self
        whole = deepcopy(self)
        for block, path in open_lines:
            whole._add(block, path)
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
            for block in read_blocks(path, read.size):
                if not (block.is_whole or packed):
                    return block, path
                self._add(block, path)
                read.size = block.offset + block.size
        except DAMAGED:
            self.broken += 1
        except OSError as exc:
            raise unreadable(path, exc) from exc
        finally:
            if read.size > start:
                read.edges = b"" if packed else _edges(path, read.size)
                read.changed_ns = stat.st_mtime_ns
        return None

    def _add(self, block: Block, path: Path) -> None:
        records, broken = self._lines.briefs(block, str(path))
        self.broken += broken
        self.without_id += self.table.add(records)


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


def _edges(path: Path, size: int) -> bytes:
    """A hash of the first and the last bytes that were read."""
    if not size:
        return b""
    try:
        with opened(path) as file:
            digest = hashlib.blake2b(file.read(min(size, _EDGE)), digest_size=16)
            file.seek(max(size - _EDGE, 0))
            digest.update(file.read(min(size, _EDGE)))
    except OSError as exc:
        raise unreadable(path, exc) from exc
    return digest.digest()

"""Files read in blocks of whole lines: as fast as a search goes, and in bounded memory.

Not mapped into memory: a mapped file that somebody cuts off meanwhile would end the process.
"""

from __future__ import annotations

import codecs
import errno
import gzip
import hashlib
import stat
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

BLOCK = 1 << 19
"""Bytes that are read at once: what is made of them fits into the processor's cache."""

_BOM = len(codecs.BOM_UTF8)

DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)
"""What a packed file raises that is cut off or damaged."""

_EDGE = 4096
_LONGEST_LINE = 64 << 20  # what is longer is cut into pieces, none of which is a record


@dataclass(slots=True)
class Block:
    """Whole lines of a file. The buffer is used again for the next block.

    Attributes:
        offset: its first byte in the (unpacked) file.
        buffer: begins with it.
        size: its bytes; the last is a newline, but at the end of a file that ends without one.
    """

    offset: int
    buffer: bytearray
    size: int

    @property
    def is_whole(self) -> bool:
        """Whether its last line ends with a newline."""
        return self.buffer[self.size - 1] == 0x0A

    def line_at(self, at: int) -> tuple[int, int]:
        """Where the line around a byte begins and ends, without its newline."""
        end = self.buffer.find(b"\n", at, self.size)
        return self.buffer.rfind(b"\n", 0, at) + 1, self.size if end < 0 else end

    def has_one_a_line(self, number: int) -> bool:
        """Whether each line is one JSON object, of the so many objects that were decoded.

        Two in a line, and one that goes over two lines, are decoded as well. But where a line ends
        with a brace and the next one begins with one, no object goes on, for a comma would have to
        be between; and then as many objects as lines means one in each.
        """
        import numpy as np

        cells = np.frombuffer(self.buffer, dtype=np.uint8, count=self.size)
        breaks = np.flatnonzero(cells == ord("\n"))
        if self.is_whole:
            breaks = breaks[:-1]
        if len(breaks) != number - 1 or (number > 1 and breaks[0] < 2):
            return False
        ends = cells[breaks - 1]
        if (ends == ord("\r")).any():
            ends = np.where(ends == ord("\r"), cells[breaks - 2], ends)
        return bool((ends == ord("}")).all() and (cells[breaks + 1] == ord("{")).all())

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Each line with its newline, and where it begins in the block."""
        start = 0
        while start < self.size:
            end = self.buffer.find(b"\n", start, self.size) + 1 or self.size
            yield start, bytes(self.buffer[start:end])
            start = end


def read_blocks(path: Path, start: int = 0, stop: int | None = None) -> Iterator[Block]:
    """A file's blocks from a line's first byte on, to its end or up to another line's.

    Raises:
        OSError: where it can't be read.
        EOFError, zlib.error: where a packed file is damaged; what comes before is whole.
    """
    buffer = bytearray(BLOCK)
    kept, offset = 0, start
    damage: Exception | None = None
    with opened(path) as file:
        if start:
            file.seek(start)
        while damage is None:
            end, damage = _filled(file, buffer, kept)
            if end == kept:
                break
            if offset == 0 and kept == 0 and buffer.startswith(codecs.BOM_UTF8):
                buffer[:_BOM] = b" " * _BOM  # an editor put it there; no format minds blanks
            size = buffer.rfind(b"\n", kept, end) + 1
            if not size and end < _LONGEST_LINE:
                if end == len(buffer):
                    buffer.extend(bytes(end))
                kept = end
                continue
            size = size or end
            if stop is not None and offset + size >= stop:
                yield Block(offset, buffer, stop - offset)
                return
            yield Block(offset, buffer, size)
            kept = end - size
            buffer[:kept] = buffer[size:end]
            offset += size
    if damage is not None:
        raise damage
    if kept:
        yield Block(offset, buffer, kept)


def _filled(file: Any, buffer: bytearray, kept: int) -> tuple[int, Exception | None]:
    """Read behind what is kept, and return where that ends, and what damage was met."""
    if not isinstance(file, gzip.GzipFile):
        return kept + file.readinto(memoryview(buffer)[kept:]), None
    end = kept
    try:
        while end < len(buffer) and (piece := file.read1(len(buffer) - end)):
            buffer[end : end + len(piece)] = piece
            end += len(piece)
    except DAMAGED as exc:
        return end, exc
    return end, None


def line_start(path: Path, at: int) -> int | None:
    """The first byte of the first line that begins at a byte of a file or behind it, if one does.

    Raises:
        OSError: where it can't be read.
    """
    with path.open("rb", buffering=0) as file:
        begin = max(at - 1, 0)
        file.seek(begin)
        while at and (piece := file.read(1 << 16)):
            newline = piece.find(b"\n")
            if newline >= 0:
                return begin + newline + 1
            begin += len(piece)
    return None if at else 0


def edges(path: Path, size: int) -> str:
    """A hash of the first and the last of so many bytes of a file, by which it is known again.

    Raises:
        OSError: where it can't be read.
    """
    with opened(path) as file:
        digest = hashlib.blake2b(file.read(min(size, _EDGE)), digest_size=16)
        start = max(size - _EDGE, 0)
        file.seek(start)
        digest.update(file.read(size - start))
    return digest.hexdigest()


def opened(path: Path) -> IO[bytes]:
    """A log file, unpacked where it is packed."""
    mode = path.stat().st_mode
    if not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):  # a named pipe would wait for a writer
        raise OSError(errno.ESPIPE, "it is a pipe or a device, and a log is read more than once")
    if path.suffix == ".gz":
        return cast(IO[bytes], gzip.open(path))
    return cast(IO[bytes], path.open("rb", buffering=0))

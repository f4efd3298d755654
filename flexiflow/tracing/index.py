"""A small file beside a log that says in which parts of it an id stands. Never required.

It begins with one line of JSON (`Header`), then come two arrays in little-endian: the hashes of
the ids, 8 bytes each, in rising order, and for each of them a part of the log where a line with
that id begins, 4 bytes; part n are the bytes from n × 65,536 on. What is found so is read and
compared, so a hash that two ids share costs time, no truth. What the log got since is searched.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import struct
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import msgspec

from flexiflow.tracing.blocks import Block, edges, read_blocks
from flexiflow.tracing.line_formats import LineFormat

ENDING = ".ffindex"
"""How an index is called: the log's name, and this."""

PART = 1 << 16
"""Bytes of the log that an entry leads to."""

_FORMAT = 1
_HEADER_BYTES = 256
_MOST_NEW = 8 << 20  # bytes behind what is indexed that are searched before it is written anew


class Header(msgspec.Struct):
    """What an index says of itself.

    Attributes:
        format: 1.
        size: how many bytes of the log are indexed.
        edges: a hash of the first and the last of them, by which the log is known again.
        changed_ns: when the log was last written then, where it ended there.
        entries: how many there are.
        fields: a hash of how the lines were read.
    """

    format: int
    size: int
    edges: str
    changed_ns: int
    entries: int
    fields: str


@dataclass(frozen=True, slots=True)
class LogIndex:
    """An index that belongs to a log as it is now.

    Attributes:
        path: the index.
        header: what it says of itself.
    """

    path: Path
    header: Header

    def parts(self, correlation_id: str) -> list[int]:
        """The parts of the log in which lines with an id begin, and perhaps others."""
        wanted = _hash(correlation_id)
        with self.path.open("rb", buffering=0) as file:
            first = self._place(file, wanted)
            parts = []
            for at in range(first, self.header.entries):
                if _number(file, _HEADER_BYTES + 8 * at, "<Q") != wanted:
                    break
                where = _HEADER_BYTES + 8 * self.header.entries + 4 * at
                parts.append(_number(file, where, "<I"))
        return sorted(parts)

    def _place(self, file: IO[bytes], wanted: int) -> int:
        low, high = 0, self.header.entries
        while low < high:
            middle = (low + high) // 2
            if _number(file, _HEADER_BYTES + 8 * middle, "<Q") < wanted:
                low = middle + 1
            else:
                high = middle
        return low


def index_path(log: Path, folder: Path | None) -> Path:
    """Where a log's index is: beside it, or in a folder, where names are told apart."""
    if folder is None:
        return log.with_name(log.name + ENDING)
    told_apart = hashlib.blake2b(os.fsencode(log.absolute()), digest_size=6).hexdigest()
    return folder / f"{log.name}.{told_apart}{ENDING}"


def current_index(log: Path, path: Path, lines: LineFormat) -> LogIndex | None:
    """The log's index, written first where it is missing, stale or far behind.

    None where the log is packed, or there is none and none can be written.
    """
    if log.suffix == ".gz":
        return None
    with contextlib.suppress(OSError):
        stat = log.stat()
        found = _read(log, path, stat, lines)
        if found is not None and stat.st_size - found.header.size <= _MOST_NEW:
            return found
        return _write(log, path, stat, lines)
    return None


def indexed_blocks(log: Path, index: LogIndex, correlation_id: str) -> Iterator[Block]:
    """The blocks of a log in which lines with an id may be; of a block only whole lines."""
    with log.open("rb") as file:
        for part in index.parts(correlation_id):
            block = _part(file, part, index.header.size)
            if block is not None:
                yield block
    yield from read_blocks(log, index.header.size)


def _part(file: IO[bytes], part: int, size: int) -> Block | None:
    """The lines that begin in a part of what is indexed, the last one whole."""
    start = part * PART
    lead = 1 if start else 0  # a line begins behind a newline
    text = bytearray(_bytes_at(file, start - lead, min(PART, size - start) + lead))
    if lead:
        skipped = text.find(b"\n") + 1
        if not skipped:
            return None
        del text[:skipped]
        start += skipped - lead
    while text and not text.endswith(b"\n"):
        more = _bytes_at(file, start + len(text), min(PART, size - start - len(text)))
        if not more:
            break
        text += more[: more.find(b"\n") + 1 or len(more)]
    return Block(start, text, len(text)) if text else None


def _read(log: Path, path: Path, stat: os.stat_result, lines: LineFormat) -> LogIndex | None:
    """The index that is there, where it belongs to the log as it is."""
    try:
        with path.open("rb") as file:
            header = msgspec.json.decode(file.read(_HEADER_BYTES), type=Header)
            whole = os.fstat(file.fileno()).st_size == _HEADER_BYTES + 12 * header.entries
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None
    same = header.size == stat.st_size and header.changed_ns == stat.st_mtime_ns
    grown = header.size < stat.st_size
    known = header.format == _FORMAT and header.fields == _fields(lines)
    if not (whole and known and (same or grown) and edges(log, header.size) == header.edges):
        return None
    return LogIndex(path, header)


def _write(log: Path, path: Path, stat: os.stat_result, lines: LineFormat) -> LogIndex | None:
    """Write the index of a log, as far as its last whole line."""
    hashes, parts, size = _entries(log, stat.st_size, lines)
    changed_ns = stat.st_mtime_ns
    header = Header(_FORMAT, size, edges(log, size), changed_ns, len(hashes), _fields(lines))
    raw = msgspec.json.encode(header).ljust(_HEADER_BYTES - 1) + b"\n"
    try:
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=path.name)
    except OSError:  # a folder that must not be written to, or is not there
        return None
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw + hashes.tobytes() + parts.tobytes())
        os.replace(name, path)
    except OSError:
        with contextlib.suppress(OSError):
            os.unlink(name)
        return None
    return LogIndex(path, header)


def _entries(log: Path, most: int, lines: LineFormat) -> tuple[Any, Any, int]:
    """The two arrays, and how many bytes of the log they are about."""
    import numpy as np

    known: dict[str, int] = {}
    hashes, parts, size = array("Q"), array("Q"), 0
    for block in read_blocks(log):
        if not block.is_whole or block.offset + block.size > most:
            break
        for part, piece in _pieces(block):
            records = lines.briefs(piece, str(log))[0]
            for name in {each.correlation_id for each in records}:
                if name is not None:
                    if name not in known:
                        known[name] = _hash(name)
                    hashes.append(known[name])
                    parts.append(part)
        size = block.offset + block.size
    order = np.lexsort((parts, hashes))
    return (
        np.array(hashes, dtype="<u8")[order],
        np.array(parts, dtype="<u4")[order],
        size,
    )


def _pieces(block: Block) -> Iterator[tuple[int, Block]]:
    """A block cut where parts begin: each with the part in which all its lines begin."""
    start = 0
    while start < block.size:
        part = (block.offset + start) // PART
        edge = (part + 1) * PART - block.offset
        end = block.size if edge >= block.size else block.buffer.find(b"\n", edge - 1) + 1
        yield part, Block(block.offset + start, block.buffer[start:end], end - start)
        start = end


def _hash(correlation_id: str) -> int:
    raw = correlation_id.encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little")


def _number(file: IO[bytes], at: int, kind: str) -> int:
    raw = _bytes_at(file, at, struct.calcsize(kind))
    return int(struct.unpack(kind, raw)[0])


def _bytes_at(file: IO[bytes], at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)


def _fields(lines: LineFormat) -> str:
    raw = msgspec.json.encode(lines.fields, order="sorted")
    return hashlib.blake2b(raw, digest_size=8).hexdigest()

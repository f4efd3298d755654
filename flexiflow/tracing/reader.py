"""Reading trace logs: whole, or the lines of one correlation id."""

from __future__ import annotations

import glob
import gzip
import mmap
import os
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import msgspec

from flexiflow.arguments import checked_path
from flexiflow.errors import InvalidType, PersistenceError, StateFileNotFound, bounded_repr
from flexiflow.tracing.records import LogRecord, encode_valid
from flexiflow.tracing.rotation import in_order, rotated_files

PathLike = str | os.PathLike[str]

_decode = msgspec.json.Decoder(LogRecord).decode
_DAMAGED = (EOFError, zlib.error, gzip.BadGzipFile)


@dataclass(frozen=True, slots=True)
class BrokenLine:
    """A line that is not a record.

    Attributes:
        path: its file.
        offset: its first byte, counted from 0; in a ``.gz`` file in the unpacked text.
        text: its bounded beginning.
        why: what is wrong with it.
    """

    path: str
    offset: int
    text: str
    why: str


def log_files(source: PathLike | Iterable[PathLike]) -> list[Path]:
    """The files that a path, several, or a glob pattern mean.

    A path means the log with its rotated files, a pattern what matches it; the rotated files of a
    log come before it, the oldest first, and logs come in the order of their names.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there are none.
        InvalidType: (a TypeError) where `source` is none of these.
    """
    if isinstance(source, str | os.PathLike):
        sources: list[PathLike] = [source]
    elif isinstance(source, Iterable) and not isinstance(source, bytes):
        sources = list(source)
    else:
        raise InvalidType(
            f"A log is a path, several, or a glob, not {bounded_repr(source, 80)}.",
            why="The log is read from files.",
            fix='Write open_log("run.jsonl") or open_log("logs/*.jsonl*").',
            context={"source": source},
        )
    found: list[Path] = []
    for each in sources:
        found.extend(_expand(checked_path(each, "a log's path")))
    if not found:
        raise _not_found(", ".join(map(str, sources)) or "no path at all")
    return list(dict.fromkeys(found))


def read_records(paths: Iterable[Path]) -> Iterator[LogRecord | BrokenLine]:
    """Every line of the files, one after the other, as a record or as what is wrong with it."""
    for path in paths:
        offset = 0
        try:
            with _opened(path) as file:
                for line in file:
                    if line.strip():
                        yield parse_line(line, str(path), offset)
                    offset += len(line)
        except _DAMAGED as exc:
            yield _damaged(path, offset, exc)
        except OSError as exc:
            raise _unreadable(path, exc) from exc


def records_backwards(path: Path, most_bytes: int = 1 << 20) -> Iterator[LogRecord]:
    """The records at the end of a file, the last one first; none of a packed file.

    Args:
        path: the file.
        most_bytes: how far from its end at most; a line that begins before that is left out.
    """
    if path.suffix == ".gz":
        return
    try:
        with path.open("rb") as file:
            begin = max(file.seek(0, os.SEEK_END) - most_bytes, 0)
            file.seek(begin)
            lines = file.read(most_bytes).split(b"\n")
    except OSError as exc:
        raise _unreadable(path, exc) from exc
    for line in reversed(lines[1:] if begin else lines):
        record = parse_line(line, str(path), 0)
        if isinstance(record, LogRecord):
            yield record


def find_records(paths: Iterable[Path], correlation_id: str) -> Iterator[LogRecord | BrokenLine]:
    """The lines that belong to one correlation id, found without decoding the others."""
    for record in _records_with(paths, _needle(correlation_id)):
        if isinstance(record, BrokenLine) or record.correlation_id == correlation_id:
            yield record


def find_text(paths: Iterable[Path], text: str) -> Iterator[LogRecord | BrokenLine]:
    """The lines that contain `text` anywhere, as it stands in JSON."""
    yield from _records_with(paths, _needle(text)[1:-1])


def parse_line(line: bytes, path: str, offset: int) -> LogRecord | BrokenLine:
    """One line as a record, or as what is wrong with it."""
    try:
        return _decode(line)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as exc:
        text = line[:200].decode("utf-8", "replace").rstrip()
        return BrokenLine(path, offset, text, str(exc) or type(exc).__name__)


def _records_with(paths: Iterable[Path], needle: bytes) -> Iterator[LogRecord | BrokenLine]:
    for path in paths:
        for found in _lines_with(path, needle):
            yield found if isinstance(found, BrokenLine) else parse_line(*found)


def _needle(text: str) -> bytes:
    """A text as it stands in a line, in quotes, so that no longer id is found by its beginning."""
    return encode_valid(text)


def _lines_with(path: Path, needle: bytes) -> Iterator[tuple[bytes, str, int] | BrokenLine]:
    try:
        if path.suffix == ".gz":
            yield from _scan(path, needle)
            return
        with path.open("rb") as file:
            if os.fstat(file.fileno()).st_size == 0:
                return
            with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as text:
                yield from _search(text, needle, str(path))
    except OSError as exc:
        raise _unreadable(path, exc) from exc


def _search(text: mmap.mmap, needle: bytes, path: str) -> Iterator[tuple[bytes, str, int]]:
    at = text.find(needle)
    while 0 <= at < len(text):
        start = text.rfind(b"\n", 0, at) + 1
        end = text.find(b"\n", at)
        end = len(text) if end < 0 else end
        yield text[start:end], path, start
        at = text.find(needle, end + 1)  # not `end`, where an empty text is found for ever


def _scan(path: Path, needle: bytes) -> Iterator[tuple[bytes, str, int] | BrokenLine]:
    offset = 0
    try:
        with _opened(path) as file:
            for line in file:
                if needle in line:
                    yield line, str(path), offset
                offset += len(line)
    except _DAMAGED as exc:
        yield _damaged(path, offset, exc)


def _damaged(path: Path, offset: int, exc: Exception) -> BrokenLine:
    return BrokenLine(str(path), offset, "", f"the file is damaged from here on: {exc}")


def _opened(path: Path) -> IO[bytes]:
    return cast(IO[bytes], gzip.open(path)) if path.suffix == ".gz" else path.open("rb")


def _expand(pattern: str) -> list[Path]:
    whole = rotated_files(Path(pattern))
    if os.path.exists(pattern):
        return [*whole, Path(pattern)]
    if whole:  # a kill between renaming and the next line
        return whole
    matches = in_order(map(Path, glob.glob(pattern)))
    if not matches and not glob.has_magic(pattern):
        raise _not_found(pattern)
    return matches


def _not_found(what: str) -> StateFileNotFound:
    return StateFileNotFound(
        f"Log not found: {what}.",
        why="There is no such file, and no file matches it as a pattern.",
        fix='Record one with record(engine, "state.db", log="run.jsonl"), or correct the path.',
        context={"path": what, "folder": os.getcwd()},
    )


def _unreadable(path: Path, exc: OSError) -> PersistenceError:
    return PersistenceError(
        f"The log {path} can't be read.",
        why=f"The system says: {exc.strerror or exc}.",
        fix="Check that it is a file and that you may read it.",
        context={"path": str(path), "errno": exc.errno},
    )

"""Reading trace logs: whole, or the lines of one correlation id."""

from __future__ import annotations

import glob
import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from flexiflow.arguments import checked_path
from flexiflow.errors import InvalidType, PersistenceError, StateFileNotFound, bounded_repr
from flexiflow.file_kind import absence, near
from flexiflow.tracing.blocks import DAMAGED, Block, read_blocks
from flexiflow.tracing.index import ENDING, current_index, indexed_blocks
from flexiflow.tracing.line_formats import BrokenLine, LineFormat
from flexiflow.tracing.records import LogRecord, encode_valid
from flexiflow.tracing.rotation import in_order, rotated_files

PathLike = str | os.PathLike[str]

OURS = LineFormat()


def log_files(source: PathLike | Iterable[PathLike]) -> list[Path]:
    """The files that a path, several, or a glob pattern mean.

    A path means the log with its rotated files, a pattern what matches it; the rotated files of a
    log come before it, the oldest first, and logs come in the order of their names. What `absent`
    names is left out.

    Raises:
        StateFileNotFound: (a FileNotFoundError) where there are none.
        InvalidType: (a TypeError) where `source` is none of these.
    """
    sources = log_sources(source)
    matches = _matches(sources)
    found = [each for each in matches if os.path.exists(each)]
    if not found:
        raise _not_found([str(each) for each in sources], *map(absence, matches[:1]))
    return found


def absent(source: PathLike | Iterable[PathLike]) -> list[Path]:
    """What nobody named and a folder lists, and is not there all the same: a link to nothing.

    Raises:
        StateFileNotFound, InvalidType: as `log_files`.
    """
    return [each for each in _matches(log_sources(source)) if not os.path.exists(each)]


def log_sources(source: Any) -> list[Any]:
    """Paths and patterns in a list.

    Raises:
        InvalidType: (a TypeError) where `source` is none of these.
    """
    if isinstance(source, str | os.PathLike):
        return [source]
    if not isinstance(source, Iterable) or isinstance(source, bytes):
        raise InvalidType(
            f"A log is a path, several, or a glob, not {bounded_repr(source, 80)}.",
            why="The log is read from files.",
            fix='Write open_log("run.jsonl") or open_log("logs/*.jsonl*").',
            context={"source": source},
        )
    return list(source)


def read_records(
    paths: Iterable[Path], lines: LineFormat = OURS
) -> Iterator[LogRecord | BrokenLine]:
    """Every line of the files, one after the other, as a record or as what is wrong with it."""
    for path, block in _blocks(paths):
        if isinstance(block, BrokenLine):
            yield block
        else:
            yield from lines.records(block, str(path))


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
        raise unreadable(path, exc) from exc
    for line in reversed(lines[1:] if begin else lines):
        record = OURS.parse(line, str(path), 0)
        if isinstance(record, LogRecord):
            yield record


def find_records(
    paths: Iterable[Path],
    correlation_id: str,
    lines: LineFormat = OURS,
    indexes: Callable[[Path], Path] | None = None,
) -> Iterator[LogRecord | BrokenLine]:
    """The lines that belong to one correlation id, found without decoding the others.

    Among them are broken lines that name it, as far as they are looked at: an index leads past
    those that stand alone.

    Args:
        paths: the files.
        correlation_id: the id.
        lines: how their lines are read.
        indexes: where the index of a file is to be kept; None for none.
    """
    needles = _needles(correlation_id)

    def blocks_with(path: Path) -> Iterator[Block]:
        index = None if indexes is None else current_index(path, indexes(path), lines)
        return read_blocks(path) if index is None else indexed_blocks(path, index, correlation_id)

    for path, block in _blocks(paths, blocks_with):
        if isinstance(block, BrokenLine):
            yield block
            continue
        for at, line in _lines_with(block, needles):
            found = lines.parse(line, str(path), block.offset + at)
            if isinstance(found, LogRecord):
                if found.correlation_id == correlation_id:
                    yield found
            elif any(b'"%s"' % each in line for each in needles):
                yield found


def find_text(
    paths: Iterable[Path], text: str, lines: LineFormat = OURS
) -> Iterator[LogRecord | BrokenLine]:
    """The lines that contain `text` anywhere, as it stands in JSON."""
    for path, block in _blocks(paths):
        if isinstance(block, BrokenLine):
            yield block
            continue
        for at, line in _lines_with(block, _needles(text)):
            yield lines.parse(line, str(path), block.offset + at)


def _blocks(
    paths: Iterable[Path], read: Callable[[Path], Iterator[Block]] = read_blocks
) -> Iterator[tuple[Path, Block | BrokenLine]]:
    """The files in blocks of whole lines, and where a packed one is damaged."""
    for path in paths:
        end = 0
        try:
            for block in read(path):
                yield path, block
                end = block.offset + block.size
        except DAMAGED as exc:
            yield path, damaged(path, end, exc)
        except OSError as exc:
            raise unreadable(path, exc) from exc


def _needles(text: str) -> list[bytes]:
    """A text as it may stand in a line: as we write it, and as those do who keep to ASCII."""
    ours, ascii_only = encode_valid(text)[1:-1], json.dumps(text).encode()[1:-1]
    return [ours] if ours == ascii_only else [ours, ascii_only]


def _lines_with(block: Block, needles: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    """The lines with one of the needles in them, and where they begin in the block."""
    found: dict[int, int] = {}
    for needle in needles:
        at = block.buffer.find(needle, 0, block.size)
        while 0 <= at < block.size:
            start, end = block.line_at(at)
            found[start] = end
            at = block.buffer.find(needle, end + 1, block.size)
    for start in sorted(found):
        yield start, bytes(block.buffer[start : found[start]])


def damaged(path: Path, offset: int, exc: Exception) -> BrokenLine:
    """Where a packed file can't be read on."""
    return BrokenLine(str(path), offset, "", f"the file is damaged from here on: {exc}")


def _matches(sources: Iterable[Any]) -> list[Path]:
    """The files that are meant, each once, also where a link leads to nothing."""
    found = (_expand(checked_path(each, "a log's path")) for each in sources)
    return list(dict.fromkeys(chain.from_iterable(found)))


def _expand(pattern: str) -> list[Path]:
    whole = rotated_files(Path(pattern))
    if os.path.exists(pattern):
        return [*whole, Path(pattern)]
    if os.path.islink(pattern):
        raise _not_found([pattern], absence(pattern))
    if whole:  # a kill between renaming and the next line
        return whole
    matches = in_order(Path(each) for each in glob.glob(pattern) if not each.endswith(ENDING))
    if not matches and not glob.has_magic(pattern):
        raise _not_found([pattern])
    return matches


def _not_found(
    patterns: Sequence[str],
    why: str = "There is no such file, and no file matches it as a pattern.",
) -> StateFileNotFound:
    named = ", ".join(bounded_repr(each, 300) for each in patterns[:3]) or "no path at all"
    return StateFileNotFound(
        f"Log not found: {named}.",
        why=why,
        fix=next(filter(None, map(near, patterns)), None)
        or 'Record one with record(engine, "state.db", log="run.jsonl"), or correct the path.',
        context={"path": ", ".join(patterns), "folder": os.getcwd()},
    )


def unreadable(path: Path, exc: OSError) -> PersistenceError:
    """The error for a file that the system does not let us read."""
    return PersistenceError(
        f"The log {path} can't be read.",
        why=f"The system says: {exc.strerror or exc}.",
        fix="Check that it is a file and that you may read it.",
        context={"path": str(path), "errno": exc.errno},
    )

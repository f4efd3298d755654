"""Shares of a large log file, each counted by a process of its own.

Decoding and counting hold the interpreter, so threads would take turns. The processes are new
ones: a fork of a process with threads is not safe, and `multiprocessing` would run the caller's
script again.
"""

from __future__ import annotations

import contextlib
import json
import os
import pickle
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass
from itertools import pairwise
from pathlib import Path

from flexiflow.analysis.traces.counted import Counted
from flexiflow.tracing.blocks import line_start, read_blocks
from flexiflow.tracing.line_formats import LineFormat

SMALLEST = 96 << 20
"""Bytes of a share that is worth a process of its own."""

AHEAD = 128 << 20
"""Bytes that are counted here while a process starts and hands over what it has counted."""

_TAIL = 1 << 16  # bytes at the end, which may go on meanwhile, that belong to no share

_CODE = """import json, pickle, sys
sys.path[:], share = json.loads(sys.argv[1])
from flexiflow.analysis.traces.shares import Share
sys.stdout.buffer.write(pickle.dumps(Share(*share).counted()))"""


@dataclass(frozen=True, slots=True)
class Share:
    """Whole lines of a file.

    Attributes:
        path: the file.
        start, stop: its first byte, and the one behind its last.
        fields: how the lines are read; see `LineFormat`.
    """

    path: str
    start: int
    stop: int
    fields: Mapping[str, str] | None

    def counted(self) -> Counted | None:
        """What its lines come to, or None where the file has become shorter."""
        counted, lines, end = Counted(), LineFormat(self.fields), self.start
        for block in read_blocks(Path(self.path), self.start, self.stop):
            counted.add(block, Path(self.path), lines)
            end = block.offset + block.size
        return counted if end == self.stop else None


def shares_of(path: Path, start: int, size: int, lines: LineFormat) -> list[Share]:
    """A file from a line's first byte on, in one share for each processor; none of a small one.

    The first is the largest, for it is counted at once.

    Raises:
        OSError: where it can't be read.
    """
    whole = size - start - _TAIL
    wanted = min(_processes(), (whole - AHEAD) // SMALLEST)
    if wanted < 2:
        return []
    each = (whole - AHEAD) // wanted
    ends = [size - _TAIL - each * at for at in reversed(range(wanted))]
    edges = [line_start(path, at) for at in (start, *ends)]
    known = sorted({each for each in edges if each is not None})
    return [Share(str(path), *each, lines.fields) for each in pairwise(known)]


@contextlib.contextmanager
def counting(shares: Sequence[Share]) -> Iterator[list[subprocess.Popen[bytes]]]:
    """Processes that count a share each, until the end of the ``with`` block; see `result`."""
    started: list[subprocess.Popen[bytes]] = []
    with contextlib.ExitStack() as stack:
        for share in shares:
            try:
                process = stack.enter_context(_start(share))
            except OSError:  # no more processes are allowed: who asks reads the rest
                break
            stack.callback(process.kill)
            started.append(process)
        yield started


def result(process: subprocess.Popen[bytes]) -> Counted | None:
    """What a process has counted, when it is ready; None where it could not."""
    out = process.communicate()[0]
    if process.returncode or not out.startswith(pickle.PROTO):
        return None
    found: Counted | None = pickle.loads(out)  # noqa: S301  # from our own process
    return found


def _start(share: Share) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603  # our own words
        [sys.executable, "-c", _CODE, json.dumps([sys.path, astuple(share)])],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def _processes() -> int:
    """How many can count at once; 1 where no interpreter is known that could be started."""
    if getattr(sys, "frozen", False) or not Path(sys.executable or "").name.startswith("python"):
        return 1
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1

"""The writer thread: takes lines and rows from the event loop and puts them on disk in groups.

The loop never waits for a disk unless it asks to: with ``durability="always"`` a step waits for
its group, with ``"grouped"`` only for room in the queue.
"""

from __future__ import annotations

import asyncio
import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flexiflow.errors import PersistenceError
from flexiflow.persistence.history_file import Entry, HistoryFile
from flexiflow.tracing.writer import LogWriter

GROUP_S = 0.05
"""How long a group gathers before it is written: log lines are at most 100 ms late."""

MOST_QUEUED = 50_000
"""Items in the queue from which on senders wait."""

MOST_IN_GROUP = 5_000


@dataclass(slots=True)
class Item:
    """One thing to write.

    Attributes:
        line: a line for the log, or None.
        entry: rows for the history, or None.
        done: called in the writer thread once the entry is committed; gives lines for the log.
        waiter: resolved when all of it is written, or with the error.
    """

    line: bytes | None = None
    entry: Entry | None = None
    done: Callable[[Entry], bytes] | None = None
    waiter: asyncio.Future[None] | None = None


@dataclass(slots=True)
class Gap:
    """What a failing writer had to drop.

    Attributes:
        rows: entries of the history that were not written.
        lines: log lines that were not written.
        first_us, last_us: when, microseconds since 1970.
        why: the last error.
    """

    rows: int
    lines: int
    first_us: int
    last_us: int
    why: str


class Pipeline:
    """A queue with a thread that empties it.

    Args:
        history: where entries go, or None.
        log: where lines go, or None.
        on_recovery: makes the item that tells of a gap, once writing works again.
    """

    def __init__(
        self,
        history: HistoryFile | None,
        log: LogWriter | None,
        on_recovery: Callable[[Gap], Item],
    ) -> None:
        self._history = history
        self._log = log
        self._on_recovery = on_recovery
        self._items: deque[Item] = deque()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._closing = False
        self._lock = threading.Lock()
        self._space: list[asyncio.Future[None]] = []
        self._barriers: deque[threading.Event] = deque()
        self.gap: Gap | None = None
        self._thread = threading.Thread(target=self._run, name="flexiflow-writer", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue an item; returns at once."""
        self._items.append(item)
        if item.waiter is not None:
            self._urgent.set()
        if not self._wake.is_set():
            self._wake.set()

    def room(self) -> asyncio.Future[None] | None:
        """None while there is room in the queue, else a future that waits for it."""
        if len(self._items) < MOST_QUEUED:
            return None
        waiter = asyncio.get_running_loop().create_future()
        with self._lock:
            self._space.append(waiter)
        self._urgent.set()
        self._wake.set()
        return waiter

    def write_line(self, line: bytes) -> None:
        """Write a line now, before this returns; everything queued earlier is already written.

        Raises:
            PersistenceError: where the log can't be written.
        """
        if self._log is not None:
            self._log.write(line)

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until everything queued so far is on disk.

        Args:
            timeout: seconds.

        Raises:
            PersistenceError: where something was dropped since the last flush, or time ran out.
        """
        done = threading.Event()
        with self._lock:
            self._barriers.append(done)
        self._urgent.set()
        self._wake.set()
        if not done.wait(timeout) or self.gap is not None:
            raise self._flush_failed()

    def close(self) -> None:
        """Write what is queued, and end the thread."""
        self._closing = True
        self._urgent.set()
        self._wake.set()
        self._thread.join()

    # -- the writer thread ----------------------------------------------------------------

    def _run(self) -> None:
        while True:
            self._wake.wait()
            if not self._closing:
                self._urgent.wait(GROUP_S)
            self._wake.clear()
            self._urgent.clear()
            with self._lock:
                barriers, self._barriers = self._barriers, deque()
                space, self._space = self._space, []
            while self._items:
                self._write_group()
            for barrier in barriers:
                barrier.set()
            _resolve(space, None)
            if self._closing and not self._items:
                return

    def _write_group(self) -> None:
        items = [self._items.popleft() for _ in range(min(len(self._items), MOST_IN_GROUP))]
        gap, self.gap = self.gap, None
        if gap is not None:
            items.append(self._on_recovery(gap))
        lines = [item for item in items if item.line is not None]
        entries = [item for item in items if item.entry is not None]
        line_error = _attempt(lambda: self._write_lines([item.line for item in lines if item.line]))
        entry_error = _attempt(lambda: self._write_entries(entries))
        if line_error or entry_error:
            self._note_gap(
                gap,
                0 if entry_error is None else sum(item.waiter is None for item in entries),
                0 if line_error is None else sum(item.waiter is None for item in lines),
                entry_error or line_error,
            )
        error = line_error or entry_error
        _resolve([item.waiter for item in items if item.waiter is not None], error)

    def _write_lines(self, lines: list[bytes]) -> None:
        if self._log is not None and lines:
            self._log.write(b"".join(lines))

    def _write_entries(self, items: list[Item]) -> None:
        if self._history is None or not items:
            return
        entries = [item.entry for item in items if item.entry is not None]
        try:
            self._history.write(entries)
        except (ValueError, OverflowError, sqlite3.DataError):
            # One value that SQLite can't hold must not take the group with it.
            for entry in entries:
                _repair(entry)
            self._history.write(entries)
        self._write_lines([item.done(item.entry) for item in items if item.done and item.entry])

    def _note_gap(
        self, before: Gap | None, rows: int, lines: int, error: Exception | None
    ) -> None:
        """Count what is lost. What somebody waited for is not: they have been told."""
        if before is not None:
            rows, lines = rows + before.rows - 1, lines + before.lines - 1  # its own note failed
        if rows <= 0 and lines <= 0:
            return
        now = time.time_ns() // 1000
        first = now if before is None else before.first_us
        why = str(error).splitlines()[0] if str(error) else type(error).__name__
        self.gap = Gap(max(rows, 0), max(lines, 0), first, now, why)

    def _flush_failed(self) -> PersistenceError:
        gap = self.gap
        if gap is None:
            return PersistenceError(
                "The recording could not be flushed in time.",
                why="The disk is slow, or another program holds the database.",
                fix="Wait and flush again.",
                context={"queued": len(self._items)},
            )
        return PersistenceError(
            f"The recording lost {gap.rows} rows and {gap.lines} log lines.",
            why=gap.why,
            fix="Mend the cause; the gap is noted in the file as soon as it can be written.",
            context={"rows": gap.rows, "lines": gap.lines},
        )


def _attempt(write: Callable[[], None]) -> Exception | None:
    try:
        write()
    except Exception as exc:  # the boundary of the thread: it must live on, and it reports this
        return exc
    return None


def _resolve(waiters: list[asyncio.Future[None]], error: Exception | None) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[asyncio.Future[None]]] = {}
    for waiter in waiters:
        by_loop.setdefault(waiter.get_loop(), []).append(waiter)
    for loop, futures in by_loop.items():
        try:
            loop.call_soon_threadsafe(_finish, futures, error)
        except RuntimeError:
            pass  # that loop is closed; nobody waits there any more


def _finish(futures: list[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            continue
        if error is None:
            future.set_result(None)
        else:
            future.set_exception(_as_persistence_error(error))


def _as_persistence_error(error: Exception) -> PersistenceError:
    if isinstance(error, PersistenceError):
        return error
    wrapped = PersistenceError(
        "A step could not be recorded.",
        why=f"{type(error).__name__}: {error}.",
        fix="Report this with the message that caused it.",
        context={"error": type(error).__name__},
    )
    wrapped.__cause__ = error
    return wrapped


def _repair(entry: Entry) -> None:
    entry.step = None if entry.step is None else tuple(map(_storable, entry.step))
    entry.snapshot = None if entry.snapshot is None else tuple(map(_storable, entry.snapshot))


def _storable(value: Any) -> Any:
    """A value as SQLite can hold it: lone surrogates spelt out, numbers within 64 bits."""
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    if isinstance(value, int) and not -(2**63) <= value < 2**63:
        return max(-(2**63), min(value, 2**63 - 1))
    return value

"""The writer thread: takes lines and rows from the event loop and puts them on disk in groups.

The loop never waits for a disk unless it asks to: with ``durability="always"`` a step waits for
its group, with ``"grouped"`` only for room in the queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable

from flexiflow.errors import PersistenceError
from flexiflow.persistence.history_file import Entry, HistoryFile
from flexiflow.recording.items import (
    Gap,
    Item,
    Line,
    is_row_fault,
    line_of,
    repair,
    resolve,
    rows_of,
    why_of,
)
from flexiflow.tracing.writer import LogWriter

GROUP_S = 0.05
"""How long a group gathers before it is written. Lines are within 100 ms in the log, unless a loop
that never pauses leaves this thread no time."""

MOST_QUEUED = 50_000
"""Items in the queue from which on senders wait."""

MOST_QUEUED_BYTES = 64 * 2**20
"""Characters of JSON in it from which on they wait, however few the items are."""

MOST_IN_GROUP = 5_000

RETRY_S = 1.0
"""How soon what ``"always"`` could not write is tried again, where nothing else comes."""

_MOST_KEPT_BYTES = 64 * 2**20
"""Log lines that ``"always"`` keeps for a log that can't be written."""


class Pipeline:
    """A queue with a thread that empties it.

    Args:
        history: where entries go.
        log: where lines go, or None.
        on_recovery: makes the item that tells of a gap, once writing works again.
        keep: whether what can't be written, and what nobody has been told of, is tried again
            instead of being dropped; ``durability="always"``.
    """

    def __init__(
        self,
        history: HistoryFile,
        log: LogWriter | None,
        on_recovery: Callable[[Gap], Item],
        *,
        keep: bool = False,
    ) -> None:
        self._history = history
        self._log = log
        self._on_recovery = on_recovery
        self._keep = keep
        self._items: deque[Item | Line] = deque()
        self._wake = threading.Event()
        self._urgent = threading.Event()
        self._asleep = True
        self._closing = False
        self.closed = False
        self._lock = threading.Lock()
        self._space: list[asyncio.Future[None]] = []
        self._bytes = 0  # of rows that were queued since the queue was last empty
        self._kept_lines = b""
        self._kept_items: list[Item] = []
        self._untold: Gap | None = None
        self.gap: Gap | None = None
        self.log_error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name="flexiflow-writer", daemon=True)
        self._thread.start()

    def put(self, item: Item) -> None:
        """Queue an item; returns at once. What comes after the end is not recorded."""
        self._items.append(item)
        if self.closed:  # asked after the item was queued: one of the two sees it
            self._discard()
            return
        if item.waiter is not None:
            self._urgent.set()
        if self._asleep:
            self._wake.set()

    def put_line(self, line: Line) -> None:
        """Queue a line that the writer thread is to make; returns at once."""
        self._items.append(line)
        if self.closed:
            self._discard()
        elif self._asleep:
            self._wake.set()

    def room(self, size: int) -> asyncio.Future[None] | None:
        """None while there is room in the queue, else a future that waits.

        Args:
            size: of what was queued last, in characters.
        """
        self._bytes += size
        if len(self._items) < MOST_QUEUED and self._bytes < MOST_QUEUED_BYTES:
            return None
        waiter = asyncio.get_running_loop().create_future()
        with self._lock:
            self._space.append(waiter)
        self._urgent.set()
        self._wake.set()
        return waiter

    def write_line(self, line: bytes) -> None:
        """Write a line now, before this returns.

        Where that fails, the line is queued, and `log_error` says why until writing works again.
        """
        assert self._log is not None  # where no log is written, no line is made
        try:
            self._log.write(line)
            self.log_error = None
        except PersistenceError as exc:  # the next step that is to be committed says so
            self.log_error = exc
            self.put(Item(line=line))

    def flush(self, timeout: float = 60.0) -> None:
        """Wait until everything queued so far is on disk.

        Args:
            timeout: seconds.

        Raises:
            PersistenceError: where something was dropped since the last flush, where something
                could not be written yet, or where time ran out.
        """
        self.settle(timeout)
        with self._lock:
            lost, self._untold = self._untold, None
        if lost is not None:
            raise _dropped(lost)
        waiting = len(self._kept_items) + self._kept_lines.count(b"\n")
        if waiting:
            raise PersistenceError(
                f"The recording could not write {waiting} rows and lines yet.",
                why="The database or the log can't be written; nothing is lost so far.",
                fix="Mend the cause; they are tried again every second.",
                context={"waiting": waiting},
            )

    def settle(self, timeout: float = 60.0) -> None:
        """Wait until everything queued so far is written or given up.

        Raises:
            PersistenceError: where time ran out.
        """
        barrier = threading.Event()
        self.put(Item(barrier=barrier))
        self._urgent.set()
        end = time.monotonic() + timeout
        while not barrier.wait(0.2):
            if time.monotonic() > end or not self._thread.is_alive():
                raise PersistenceError(
                    "The recording could not be flushed in time.",
                    why="The disk is slow, or another program holds the database.",
                    fix="Wait and flush again.",
                    context={"queued": len(self._items)},
                )

    def close(self) -> PersistenceError | None:
        """Write what is queued, end the thread, and return what flush would have raised."""
        self._closing = True
        self._urgent.set()
        self._wake.set()
        self._thread.join()
        self.closed = True
        self._discard()
        return None if self._untold is None else _dropped(self._untold)

    def _discard(self) -> None:
        """Let go who waits for what came after the end."""
        with contextlib.suppress(IndexError):  # two threads may do this at once
            while True:
                item = self._items.popleft()
                if isinstance(item, tuple):
                    continue
                if item.barrier is not None:
                    item.barrier.set()
                if item.waiter is not None:
                    resolve([item.waiter], None)

    # -- the writer thread ----------------------------------------------------------------

    def _run(self) -> None:
        while True:
            # Said before it is looked whether there is work: who queues something either finds it
            # asleep and wakes it, or has queued it before the look.
            self._asleep = True
            if not self._items:
                self._wake.wait(RETRY_S if self._kept_items or self._kept_lines else None)
            self._asleep = False
            if not self._closing:
                self._urgent.wait(GROUP_S)
            self._wake.clear()
            self._urgent.clear()
            self._write_group()
            while self._items:
                self._write_group()
            if self._closing and not self._items:
                self._give_up()
                return

    def _write_group(self) -> None:
        take = self._items.popleft
        group = [take() for _ in range(min(len(self._items), MOST_IN_GROUP))]
        items = [item for item in group if type(item) is Item]
        self._make_entries(items)
        lines = self._kept_lines + b"".join(map(line_of, group))
        entries = self._kept_items + [item for item in items if item.entry is not None]
        self._kept_lines, self._kept_items = b"", []
        self._write_lines(lines)
        if self._write_entries(entries) and self.log_error is None:
            self._tell_of_gap()
        for item in items:
            if item.barrier is not None:
                item.barrier.set()
        self._make_room()

    def _make_entries(self, items: list[Item]) -> None:
        for item in items:
            if item.make is not None:
                try:
                    item.entry = item.make(*item.facts)
                except Exception as exc:  # the thread must live on
                    self._note_gap(1, 0, exc)
                    if item.waiter is not None:
                        resolve([item.waiter], exc)
                item.make, item.facts = None, ()

    def _make_room(self) -> None:
        if not self._items:
            self._bytes = 0
        if not self._space or len(self._items) >= MOST_QUEUED or self._bytes >= MOST_QUEUED_BYTES:
            return
        with self._lock:
            space, self._space = self._space, []
        resolve(space, None)

    def _write_lines(self, lines: bytes) -> None:
        if self._log is None or not lines:
            return
        try:
            self._log.write(lines)
            self.log_error = None
        except PersistenceError as exc:
            self.log_error = exc
            rest = lines[exc.context_items["bytes_written"] :]
            if self._keep and len(rest) <= _MOST_KEPT_BYTES:
                self._kept_lines = rest + self._kept_lines
            else:
                self._note_gap(0, rest.count(b"\n"), exc)

    def _write_entries(self, items: list[Item]) -> bool:
        """Write entries in one transaction, and say whether the database took them."""
        if not items:
            return True
        error = _attempt(self._history.write, items)
        if error is not None and is_row_fault(error):
            for item in items:
                repair(item)
            error = _attempt(self._history.write, items)
            if error is not None and is_row_fault(error) and len(items) > 1:
                # One row that SQLite can't hold must not take the group with it.
                for item in items:
                    self._write_entries([item])
                return True
        if error is not None:
            self._fail(items, error)
            return is_row_fault(error)
        self._write_lines(_told(items))
        resolve([item.waiter for item in items if item.waiter is not None], None)
        return True

    def _fail(self, items: list[Item], error: Exception) -> None:
        """Tell those who wait; keep or drop what nobody waits for."""
        untold = [item for item in items if item.waiter is None]
        if self._keep and not is_row_fault(error):
            self._kept_items.extend(untold)
            lost = [item for item in items if item.waiter is not None]
        else:
            self._note_gap(sum(rows_of(item) for item in untold), 0, error)
            lost = items
        for item in lost:
            if item.lost is not None and item.entry is not None:
                item.lost(item.entry)
        resolve([item.waiter for item in lost if item.waiter is not None], error)

    def _note_gap(self, rows: int, lines: int, error: Exception) -> None:
        if rows == 0 and lines == 0:
            return
        now = time.time_ns() // 1000
        new = Gap(rows, lines, now, now, why_of(error))
        self.gap = new.joined(self.gap)
        with self._lock:
            self._untold = new.joined(self._untold)

    def _tell_of_gap(self) -> None:
        """Write the row and the line that say what is missing, now that writing works."""
        if self.gap is None:
            return
        note = self._on_recovery(self.gap)
        if _attempt(self._history.write, [note]) is not None:
            return
        self.gap = None
        if self._log is not None and note.line is not None:
            with contextlib.suppress(PersistenceError):  # the row says it
                self._log.write(note.line)

    def _give_up(self) -> None:
        """The end: what could not be written until now is lost."""
        rows = sum(rows_of(item) for item in self._kept_items)
        why = self.log_error or PersistenceError("The database could not be written.")
        self._note_gap(rows, self._kept_lines.count(b"\n"), why)
        self._kept_lines, self._kept_items = b"", []
        self._tell_of_gap()


def _attempt(write: Callable[[list[Entry]], None], items: Iterable[Item]) -> Exception | None:
    try:
        write([item.entry for item in items if item.entry is not None])
    except Exception as exc:  # the boundary of the thread: it must live on, and it reports this
        return exc
    return None


def _told(items: Iterable[Item]) -> bytes:
    """What is said in the log of entries that are committed."""
    lines = []
    for item in items:
        if item.done is not None and item.entry is not None:
            try:
                lines.append(item.done(item.entry))
            except Exception:  # noqa: S112 - it is committed, whatever can't be said of it
                continue
    return b"".join(lines)


def _dropped(gap: Gap) -> PersistenceError:
    return PersistenceError(
        f"The recording lost {gap.rows} rows and {gap.lines} log lines.",
        why=gap.why,
        fix="Mend the cause; the gap is noted in the file as soon as it can be written.",
        context={"rows": gap.rows, "lines": gap.lines},
    )
